//! The agents' programs: the independent client of `tests/client`, told step by step what to do.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::process::installed;
use crate::{Missing, wait};

/// How long a step may take.
const STEP: Duration = Duration::from_secs(180);

/// The running client.
#[derive(Debug)]
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    report: PathBuf,
    _dir: tempfile::TempDir,
}

impl Client {
    /// Starts it against the gateway at `base`, in this thread's network.
    pub fn start(base: &str) -> Result<Self, Missing> {
        if !installed("python3") {
            return Err(Missing("no python3".to_owned()));
        }
        Self::spawn(base).map_err(|error| Missing(format!("{error:#}")))
    }

    fn spawn(base: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let report = dir.path().join("report");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("client");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "python3", "-B"]).arg(program).args(["drive", base]);
        let errors = File::create(&report)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn().context("python3")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("no output")?;
        let (sender, answers) = sync_channel(64);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Client { child, input, answers, report, _dir: dir })
    }

    /// Carries out a step; gives its result, or what went wrong.
    ///
    /// # Panics
    /// If the client itself fails.
    #[track_caller]
    pub fn attempt(&mut self, step: &Value) -> Result<Value, String> {
        let input = self.input.as_mut().expect("the client runs");
        writeln!(input, "{step}").expect("the client listens");
        let line = self.answers.recv_timeout(STEP).unwrap_or_else(|_| panic!("the client did not carry out {step}: {}", self.said()));
        let answer: Value = serde_json::from_str(&line).expect("an answer is JSON");
        if answer["ok"] == json!(true) {
            Ok(answer["result"].clone())
        } else {
            Err(answer["error"].as_str().unwrap_or_default().to_owned())
        }
    }

    /// Carries out a step that must succeed.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn step(&mut self, step: &Value) -> Value {
        match self.attempt(step) {
            Ok(result) => result,
            Err(error) => panic!("{step}\n  {error}"),
        }
    }

    /// An agent calls an operation that must answer "0".
    #[track_caller]
    pub fn act(&mut self, agent: u32, operation: &str, fields: Value) -> Value {
        let mut step = json!({ "agent": agent.to_string(), "do": operation });
        if let (Some(step), Value::Object(fields)) = (step.as_object_mut(), fields) {
            step.extend(fields);
        }
        self.step(&step)
    }

    /// The next events of an agent, exactly: names, `@SEQUENCES`, `{"event": …, "content": …}`.
    #[track_caller]
    pub fn expect(&mut self, agent: u32, events: Value) -> Value {
        self.step(&json!({ "agent": agent.to_string(), "expect": events }))
    }

    /// Events of an agent in this order, with others between them.
    #[track_caller]
    pub fn expect_among(&mut self, agent: u32, events: Value) -> Value {
        self.step(&json!({ "agent": agent.to_string(), "expect": events, "exact": false }))
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.report).unwrap_or_default()
    }

    /// Ends it and checks that no step failed and no answer broke a rule.
    ///
    /// # Panics
    /// If one did; with the report.
    #[track_caller]
    pub fn finish(mut self) {
        drop(self.input.take());
        let status = wait::until("the client ended", wait::secs(30), || self.child.try_wait().ok().flatten());
        assert!(status.success(), "{}", self.said());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the client said:\n{}", self.said());
        }
    }
}
