//! Processes that the tests start, and only those, are stopped by the tests.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// Bytes of a log that are read at most: the end of it.
const LOG_TAIL: u64 = 16 << 20;

/// A child process with its output in a file. Killed when dropped, and by the kernel when the thread that started it
/// ends (`setpriv --pdeathsig`), so that a test that is killed leaves nothing behind.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with no input and with its output appended to `log`.
    pub fn spawn(name: &str, command: &Command, log: &Path) -> Result<Self> {
        let out = File::options().create(true).append(true).open(log).with_context(|| format!("log of {name}"))?;
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(key, value),
                None => wrapped.env_remove(key),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            wrapped.current_dir(dir);
        }
        let child = wrapped
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Process { name: name.to_owned(), child, log: log.to_owned(), ended: None })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal; nothing happens if it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.exited().is_none()
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits for its end.
    pub fn wait_exit(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait::poll(limit, || self.exited())
    }

    /// Kills it without giving it a chance to do anything more.
    pub fn kill9(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.wait_exit(wait::secs(10));
    }

    /// Asks it to end, and kills it when it doesn't within `grace`. True if it ended by itself.
    pub fn stop(&mut self, grace: Duration) -> bool {
        self.signal(Signal::TERM);
        let ended = self.wait_exit(grace).is_some();
        if !ended {
            self.kill9();
        }
        ended
    }

    /// What it has written (the last 16 MiB).
    pub fn log(&self) -> String {
        read_tail(&self.log)
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let from = lines.len().saturating_sub(40);
            eprintln!("--- last lines of {}:\n{}", self.name, lines[from..].join("\n"));
        }
    }
}

fn read_tail(path: &Path) -> String {
    let Ok(mut file) = File::open(path) else { return String::new() };
    let length = file.metadata().map_or(0, |meta| meta.len());
    let mut bytes = Vec::new();
    let _ = file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)));
    let _ = file.take(LOG_TAIL).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a program can be found in the path.
pub fn installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join(program).is_file())
}
