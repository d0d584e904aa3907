//! One run of the generator, as a process of its own on a processor of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::node::{CALLED_TRUNK, CALLING_TRUNK, DOMAIN, FIRST_PHONE, Node, PASSWORD, PHONES};
use super::{Durability, Place, Question};

/// What is to be run.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) question: Question,
    pub(super) phones: u32,
    pub(super) seconds: f64,
    pub(super) level: Option<f64>,
}

/// What came out.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) question: Question,
    pub(super) durability: Durability,
    /// The highest good level, or the one asked for if it was good.
    pub(super) good: Option<f64>,
    /// The step at that level, or the last one if none was good.
    pub(super) step: Value,
    /// What was wrong with the lowest level that was not good.
    pub(super) limit: Option<(f64, String)>,
}

impl Load {
    /// Runs it against a program that has just been set up.
    pub(super) fn run(&self, place: &Place, node: &Node, durability: Durability) -> anyhow::Result<Outcome> {
        let json = place.dir.join(format!("{}-{durability}.json", self.question));
        let mut args = self.arguments();
        let mut add = |name: &str, value: String| args.extend([name.to_owned(), value]);
        add("--server", node.sip().to_string());
        add("--pid", node.pid().to_string());
        add("--domain", DOMAIN.to_owned());
        add("--first", FIRST_PHONE.to_string());
        add("--password", PASSWORD.to_owned());
        add("--seconds", self.seconds.to_string());
        let report = generate(place, &args, &json)?;
        Ok(self.outcome(durability, &report))
    }

    fn arguments(&self) -> Vec<String> {
        let phones = self.phones.to_string();
        let (kind, start, text) = match self.question {
            Question::Register => ("register", 4_000.0, format!("--auth cached --phones {phones} --source {PHONES}")),
            Question::RegisterFresh => ("register", 2_000.0, format!("--auth fresh --phones {phones} --source {PHONES}")),
            Question::CallsOut => (
                "calls",
                300.0,
                format!("--from phones --to trunk --phones 1000 --source {PHONES} --answer {CALLED_TRUNK} --called 9{{n}}"),
            ),
            Question::CallsIn => {
                ("calls", 300.0, format!("--from trunk --to phones --phones 1000 --source {CALLING_TRUNK} --answer {PHONES}:0"))
            }
            Question::Anchored | Question::Headroom => (
                "anchored",
                150.0,
                format!("--from trunk --to phones --phones 4000 --source {CALLING_TRUNK} --answer {PHONES}:0 --ramp 150"),
            ),
        };
        let mut args: Vec<String> = std::iter::once(kind).chain(text.split(' ')).map(str::to_owned).collect();
        let level = match (self.level, kind) {
            (Some(level), "anchored") => format!("--calls-up {level}"),
            (Some(level), _) => format!("--rate {level}"),
            // 4,500 calls are 18,000 descriptors of the server; the usual limit is 20,000.
            (None, "anchored") => format!("--find-max --start {start} --factor 1.6 --refine 2 --max 4500"),
            (None, _) => format!("--find-max --start {start} --factor 1.5 --refine 2"),
        };
        args.extend(level.split(' ').map(str::to_owned));
        args
    }

    fn outcome(&self, durability: Durability, report: &Value) -> Outcome {
        let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
        let good = report["last_good_level"].as_f64();
        let is_good = |step: &&Value| step["faults"].as_array().is_some_and(Vec::is_empty);
        let bad = steps.iter().filter(|step| !is_good(step)).min_by(|a, b| level_of(a).total_cmp(&level_of(b)));
        let step = steps.iter().find(|step| good.is_some() && step["level"].as_f64() == good).or(steps.last());
        let why = |step: &Value| {
            let faults = step["faults"].as_array().into_iter().flatten().filter_map(Value::as_str);
            faults.collect::<Vec<_>>().join("; ")
        };
        Outcome {
            question: self.question,
            durability,
            good,
            step: step.cloned().unwrap_or_default(),
            limit: bad.map(|step| (level_of(step), why(step))),
        }
    }
}

fn level_of(step: &Value) -> f64 {
    step["level"].as_f64().unwrap_or(0.0)
}

/// The generator against itself, as fast as it goes (audio: at a number of calls that it can do).
pub(super) fn headroom(place: &Place, what: &str) -> anyhow::Result<Value> {
    let mut args = vec!["direct", what, "--seconds", "3"];
    if what == "anchored" {
        args.extend(["--calls-up", "1500"]);
    }
    let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    let report = generate(place, &args, &place.dir.join(format!("direct-{what}.json")))?;
    Ok(report["steps"][0].clone())
}

fn generate(place: &Place, args: &[String], json: &Path) -> anyhow::Result<Value> {
    let status = Command::new("taskset")
        .args(["-c", &place.generator_cores])
        .arg(&place.load)
        .args(args)
        .arg("--json")
        .arg(json)
        .stdin(Stdio::null())
        .status()
        .context("taskset (package util-linux)")?;
    ensure!(status.success(), "tandem-load {}: {status}", args.join(" "));
    let text = std::fs::read_to_string(json).with_context(|| json.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_limit_is_the_lowest_level_that_failed() {
        let load = Load { question: Question::Register, phones: 2, seconds: 1.0, level: None };
        let report = json!({ "last_good_level": 150.0, "steps": [
            { "level": 100.0, "faults": [] },
            { "level": 200.0, "faults": ["far too slow"] },
            { "level": 150.0, "faults": [], "server_us_each": 7.0 },
            { "level": 175.0, "faults": ["slow", "lossy"] },
        ] });
        let outcome = load.outcome(Durability::Os, &report);
        assert_eq!((outcome.good, outcome.step["server_us_each"].as_f64()), (Some(150.0), Some(7.0)));
        assert_eq!(outcome.limit, Some((175.0, "slow; lossy".to_owned())));
    }
}
