//! SIPp as a carrier, a caller or a load.
//!
//! Always bounded: `-m` calls, `-l` at once, `-timeout` seconds. Scenarios are in `tests/scenarios`. SIPp 3.6.1 exits with 0
//! when every call went as the scenario says, 1 when one did not, 97 or 99 when it ran out of time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Missing;
use crate::process::{Process, installed};
use crate::wait;

/// The number that calls from the telephone network show unless the key `caller` says otherwise.
pub const CALLER: &str = "+15550100";

/// The scenario's file in SIPp's working folder.
const SCENARIO: &str = "scenario.xml";

/// Whether SIPp is there.
pub fn available() -> Result<(), Missing> {
    if installed("sipp") { Ok(()) } else { Err(Missing("no SIPp (Debian package sip-tester)".to_owned())) }
}

/// How SIPp is to run.
#[derive(Debug, Clone)]
pub struct Sipp {
    scenario: String,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    calls: u32,
    at_once: u32,
    rate: u32,
    timeout: Duration,
    tcp: bool,
    keys: BTreeMap<String, String>,
    more: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status; `None` if it was killed.
    pub code: Option<i32>,
    /// Calls that went as the scenario says.
    pub successful: u64,
    /// Calls that did not.
    pub failed: u64,
    /// Requests and answers that SIPp repeated.
    pub retransmissions: u64,
    /// Mean time from INVITE to 200, in scenarios that measure it; else zero.
    pub setup: Duration,
    /// What it complained about.
    pub errors: String,
}

impl Outcome {
    /// Checks that exactly `calls` calls went as the scenario says, and no other.
    ///
    /// # Panics
    /// Otherwise, with SIPp's complaints.
    #[track_caller]
    pub fn expect(&self, calls: u64) {
        assert!(self.successful == calls && self.failed == 0, "SIPp, expected {calls} good calls: {self:#?}");
    }
}

impl Sipp {
    /// The scenario `name` of `tests/scenarios` (or SIPp's own `uac`, `uas`) at this address: one call, 30 s.
    pub fn new(scenario: &str, local: SocketAddr) -> Self {
        Sipp {
            scenario: scenario.to_owned(),
            local,
            remote: None,
            calls: 1,
            at_once: 100,
            rate: 10,
            timeout: Duration::from_secs(30),
            tcp: false,
            keys: [("caller", CALLER), ("audio_port", "41000")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            more: Vec::new(),
        }
    }

    /// Whom it calls, or may send to.
    #[must_use]
    pub fn to(mut self, remote: SocketAddr) -> Self {
        self.remote = Some(remote);
        self
    }

    /// So many calls in all.
    #[must_use]
    pub fn calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    /// At most so many at once.
    #[must_use]
    pub fn at_once(mut self, calls: u32) -> Self {
        self.at_once = calls;
        self
    }

    /// So many new calls a second.
    #[must_use]
    pub fn rate(mut self, calls_per_second: u32) -> Self {
        self.rate = calls_per_second;
        self
    }

    /// Ends after this time, whatever happens.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Over TCP, one connection for all calls.
    #[must_use]
    pub fn over_tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// The user that is called (`[service]` in scenarios).
    #[must_use]
    pub fn service(self, user: &str) -> Self {
        self.args(&["-s", user])
    }

    /// A value for `[name]` in the scenario.
    #[must_use]
    pub fn key(mut self, name: &str, value: &str) -> Self {
        self.keys.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Milliseconds that calls last (`<pause/>` without a length).
    #[must_use]
    pub fn lasting(self, time: Duration) -> Self {
        let milliseconds = time.as_millis().to_string();
        self.args(&["-d", &milliseconds])
    }

    /// Further arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|a| (*a).to_owned()));
        self
    }

    /// Starts it.
    pub fn start(&self) -> Result<Running> {
        let dir = tempfile::tempdir()?;
        self.write_scenario(dir.path())?;
        let command = self.command(dir.path());
        let process = Process::spawn(&format!("sipp {}", self.scenario), &command, &dir.path().join("screen"))?;
        Ok(Running { process, dir, limit: self.timeout + wait::secs(15) })
    }

    /// Runs it to its end.
    pub fn run(&self) -> Result<Outcome> {
        self.start()?.finish()
    }

    /// The scenario with its keys filled in. SIPp's own `-key` comes too late for a status line, which it reads when it loads
    /// the scenario.
    fn write_scenario(&self, dir: &Path) -> Result<()> {
        if matches!(self.scenario.as_str(), "uac" | "uas") {
            return Ok(());
        }
        let path = scenario_file(&self.scenario);
        let mut text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for (name, value) in &self.keys {
            text = text.replace(&format!("[{name}]"), value);
        }
        Ok(std::fs::write(dir.join(SCENARIO), text)?)
    }

    fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new("sipp");
        command.current_dir(dir);
        match self.scenario.as_str() {
            own @ ("uac" | "uas") => command.args(["-sn", own]),
            _ => command.arg("-sf").arg(SCENARIO),
        };
        if let Some(remote) = self.remote {
            command.arg(remote.to_string());
        }
        let ip = match self.local.ip() {
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        command.args(["-i", &ip, "-mi", &ip, "-p", &self.local.port().to_string()]);
        command.args(["-m", &self.calls.to_string(), "-l", &self.at_once.to_string(), "-r", &self.rate.to_string()]);
        command.args(["-timeout", &self.timeout.as_secs().to_string(), "-timeout_error"]);
        command.args(["-t", if self.tcp { "t1" } else { "u1" }]);
        command.args(["-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_err", "-error_file", "errors"]);
        command.args(&self.more);
        command
    }
}

/// SIPp at work.
#[derive(Debug)]
pub struct Running {
    process: Process,
    dir: tempfile::TempDir,
    limit: Duration,
}

impl Running {
    /// Waits for its end.
    pub fn finish(mut self) -> Result<Outcome> {
        let status = self.process.wait_exit(self.limit).context("SIPp outlived its time")?;
        let read = |name: &str| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        let table = read("stat.csv");
        let column = |name: &str| last_value(&table, name).unwrap_or(0);
        let mut errors = read("errors");
        if table.is_empty() {
            errors.push_str(&self.process.log());
        }
        Ok(Outcome {
            code: status.code(),
            successful: column("SuccessfulCall(C)"),
            failed: column("FailedCall(C)"),
            retransmissions: column("Retransmissions(C)"),
            setup: last_text(&table, "ResponseTime1(C)").map(clock).unwrap_or_default(),
            errors: errors.chars().take(4000).collect(),
        })
    }

    /// Successful calls up to now.
    pub fn successful(&self) -> u64 {
        let table = std::fs::read_to_string(self.dir.path().join("stat.csv")).unwrap_or_default();
        last_value(&table, "SuccessfulCall(C)").unwrap_or(0)
    }

    /// Its process, to kill or freeze it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn scenario_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.xml"))
}

fn last_value(table: &str, column: &str) -> Option<u64> {
    last_text(table, column)?.parse().ok()
}

fn last_text<'a>(table: &'a str, column: &str) -> Option<&'a str> {
    let mut lines = table.lines();
    let place = lines.next()?.split(';').position(|name| name == column)?;
    Some(lines.rfind(|line| !line.is_empty())?.split(';').nth(place)?.trim())
}

/// A length of time as SIPp writes it: `00:00:01:234567` (hours, minutes, seconds, microseconds).
fn clock(text: &str) -> Duration {
    let mut parts = text.split(':').map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    Duration::from_secs((next() * 60 + next()) * 60 + next()) + Duration::from_micros(next())
}
