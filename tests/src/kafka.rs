//! An Apache Kafka broker (one KRaft node), fetched by Maven and run by Java.
//!
//! Measured with Kafka 4.1.1 on Java 17, two cores: first fetch 6 s, formatting 0.8 s, ready 2 s after the start on an empty
//! directory; after `kill -9` 3 to 6 s, because the controller waits until the dead broker's session has ended
//! (`broker.session.timeout.ms`). A clean stop takes half a second. About 300 MB of memory.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::Missing;
use crate::process::{Process, installed};
use crate::wait;

/// From start to the first answer, at most.
const READY: Duration = Duration::from_secs(60);
/// Seconds that kcat may take for one job.
const KCAT_PATIENCE: &str = "60";

/// A broker; killed and its data removed when dropped.
#[derive(Debug)]
pub struct Kafka {
    classpath: String,
    dir: tempfile::TempDir,
    broker: SocketAddr,
    process: Option<Process>,
}

/// A record as an independent consumer read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
    /// Key.
    pub key: String,
    /// Headers, `name=value`, joined by commas.
    pub headers: String,
    /// Value.
    pub value: String,
}

impl Kafka {
    /// A broker that is set up, but not started: so that a test can begin without one.
    pub fn prepared() -> Result<Kafka, Missing> {
        for program in ["java", "kcat"] {
            if !installed(program) {
                return Err(Missing(format!("no Kafka: no program `{program}`")));
            }
        }
        let classpath = classpath().map_err(|error| Missing(format!("no Kafka: {error:#}")))?;
        Kafka::format(classpath).map_err(|error| Missing(format!("no Kafka: {error:#}")))
    }

    /// A broker that answers.
    pub fn started() -> Result<Kafka, Missing> {
        let mut kafka = Kafka::prepared()?;
        kafka.start().map_err(|error| Missing(format!("no Kafka: {error:#}")))?;
        Ok(kafka)
    }

    fn format(classpath: String) -> Result<Kafka> {
        let dir = tempfile::tempdir()?;
        let (broker, controller) = (free_port()?, free_port()?);
        let template = std::fs::read_to_string(setup("server.properties.template"))?;
        let data = dir.path().join("data");
        let properties = template
            .replace("@DATA@", &data.display().to_string())
            .replace("@BROKER@", &broker.port().to_string())
            .replace("@CONTROLLER@", &controller.port().to_string());
        std::fs::write(dir.path().join("server.properties"), properties)?;
        let kafka = Kafka { classpath, dir, broker, process: None };
        // A cluster id is 16 bytes in URL-safe base 64; which ones doesn't matter here.
        let format = kafka.java("kafka.tools.StorageTool", &["format", "-t", "dGFuZGVtLXRlc3RzLTAwMQ", "-c", "server.properties"]);
        let mut format = Process::spawn("kafka format", &format, &kafka.dir.path().join("format.log"))?;
        let status = format.wait_exit(READY).context("formatting the data directory took too long")?;
        ensure!(status.success(), "formatting the data directory failed: {}", format.log());
        Ok(kafka)
    }

    fn java(&self, class: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("java");
        let log4j = format!("-Dlog4j2.configurationFile={}", setup("log4j2.yaml").display());
        command.args(["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]);
        command.args([log4j.as_str(), "-cp", &self.classpath, class]).args(arguments).current_dir(self.dir.path());
        command
    }

    /// Where clients connect.
    pub fn bootstrap(&self) -> String {
        self.broker.to_string()
    }

    /// Starts it, anew or on the data that is there, and waits until it answers. Gives the time that took.
    pub fn start(&mut self) -> Result<Duration> {
        let begin = std::time::Instant::now();
        let command = self.java("kafka.Kafka", &["server.properties"]);
        let mut process = Process::spawn("kafka", &command, &self.dir.path().join("broker.log"))?;
        wait::poll(READY, || (answers(self.broker) || process.exited().is_some()).then_some(()));
        ensure!(process.exited().is_none() && answers(self.broker), "the broker did not come up: {}", process.log());
        self.process = Some(process);
        Ok(begin.elapsed())
    }

    /// Kills it (`kill -9`).
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// Stops it cleanly.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop(wait::secs(20));
        }
    }

    /// Freezes it: connections stand, nothing is answered.
    pub fn freeze(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal(Signal::STOP);
        }
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal(Signal::CONT);
        }
    }

    /// Makes it slow until dropped: frozen for `pause` out of every `period`.
    pub fn slowed(&self, pause: Duration, period: Duration) -> Slowed {
        Slowed::begin(self.process.as_ref().map(Process::pid), pause, period)
    }

    /// Everything in a topic from the beginning, read by kcat: a client that shares no code with ours.
    pub fn read(&self, topic: &str) -> Result<Vec<Record>> {
        // Unit and record separators: neither is in keys, headers or JSON.
        let format = "%p\u{1f}%o\u{1f}%k\u{1f}%h\u{1f}%s\u{1e}";
        let out = Command::new("timeout")
            .args([KCAT_PATIENCE, "kcat", "-q", "-b", &self.bootstrap(), "-C", "-t", topic, "-e", "-o", "beginning", "-f", format])
            .output()?;
        ensure!(out.status.success(), "kcat: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8_lossy(&out.stdout);
        text.split('\u{1e}').filter(|record| !record.is_empty()).map(parse_record).collect()
    }

    /// Writes one record per line of `lines` into a topic.
    pub fn write(&self, topic: &str, lines: &str) -> Result<()> {
        use std::process::Stdio;
        let mut child = Command::new("timeout")
            .args([KCAT_PATIENCE, "kcat", "-q", "-b", &self.bootstrap(), "-P", "-t", topic, "-K:", "-X", "acks=all"])
            .stdin(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no input")?.write_all(lines.as_bytes())?;
        ensure!(child.wait()?.success(), "kcat could not write");
        Ok(())
    }
}

/// A broker that stumbles.
#[derive(Debug)]
pub struct Slowed {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Slowed {
    fn begin(pid: Option<u32>, pause: Duration, period: Duration) -> Self {
        use rustix::process::{Pid, kill_process};
        use std::sync::atomic::Ordering;
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::spawn(move || {
            let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) else { return };
            while !seen.load(Ordering::Relaxed) {
                let _ = kill_process(pid, Signal::STOP);
                std::thread::sleep(pause);
                let _ = kill_process(pid, Signal::CONT);
                std::thread::sleep(period.saturating_sub(pause));
            }
        });
        Slowed { stop, thread: Some(thread) }
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn parse_record(text: &str) -> Result<Record> {
    let mut parts = text.splitn(5, '\u{1f}');
    let mut next = || parts.next().with_context(|| format!("a record of kcat's: {text:?}"));
    Ok(Record {
        partition: next()?.parse()?,
        offset: next()?.parse()?,
        key: next()?.to_owned(),
        headers: next()?.to_owned(),
        value: next()?.to_owned(),
    })
}

/// The files of `tests/setup/kafka`.
fn setup(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("setup/kafka").join(name)
}

/// The broker's class path: made by `tests/setup/kafka/fetch.sh`, once.
fn classpath() -> Result<String> {
    let out = Command::new("sh").arg(setup("fetch.sh")).output()?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr).trim());
    Ok(String::from_utf8(out.stdout)?.trim().to_owned())
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Whether the broker answers an ApiVersions request (key 18, version 0), which it does once it serves.
fn answers(broker: SocketAddr) -> bool {
    let ask = || -> std::io::Result<[u8; 10]> {
        let mut stream = TcpStream::connect_timeout(&broker, wait::secs(1))?;
        stream.set_read_timeout(Some(wait::secs(2)))?;
        stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff])?;
        let mut head = [0; 10];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| head[4..8] == [0, 0, 0, 7] && head[8..10] == [0, 0])
}
