//! What is printed: tables that can go into a document as they are.

use serde_json::Value;

use super::Question;
use super::run::Outcome;

/// A number of the step, or `-`.
fn number(step: &Value, key: &str, decimals: usize) -> String {
    step[key].as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

fn line(cells: &[String]) {
    use std::io::Write;
    // A reader that went away is no reason to fail.
    let _ = writeln!(std::io::stdout(), "| {} |", cells.join(" | "));
}

fn heading(names: &[&str]) {
    line(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    line(&names.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
}

/// The generator's own ceiling: operations per second of its one core.
pub(super) fn headroom(rows: &[(&str, Value)]) {
    heading(&["generator alone", "CPU us each", "one core could do", "measured/s"]);
    for (what, step) in rows {
        let rate = ["registrations_per_second", "answered_per_second", "packets_per_second"].into_iter().find(|key| step[*key].is_number());
        let each = step["generator_us_each"].as_f64();
        line(&[
            (*what).to_owned(),
            number(step, "generator_us_each", 1),
            each.map_or_else(|| "-".to_owned(), |each| format!("{:.0}/s", 1e6 / each)),
            rate.map_or_else(|| "-".to_owned(), |rate| number(step, rate, 0)),
        ]);
    }
}

/// The program's figures.
pub(super) fn outcomes(all: &[Outcome]) {
    heading(&[
        "load",
        "durability",
        "last good",
        "server %",
        "server CPU us each",
        "p50 ms",
        "p99 ms",
        "generator %",
        "KiB/call",
        "first bad",
    ]);
    for outcome in all {
        let times = match outcome.question {
            Question::Anchored => ("delay_p50_ms", "delay_p99_ms"),
            Question::CallsIn | Question::CallsOut => ("setup_p50_ms", "setup_p99_ms"),
            _ => ("p50_ms", "p99_ms"),
        };
        let step = &outcome.step;
        line(&[
            outcome.question.to_string(),
            outcome.durability.to_string(),
            outcome.good.map_or_else(|| "none".to_owned(), |good| format!("{good:.0}")),
            number(step, "server_cpu_percent", 0),
            number(step, "server_us_each", 1),
            number(step, times.0, 2),
            number(step, times.1, 2),
            number(step, "generator_cpu_percent", 0),
            number(step, "server_rss_kib_per_call", 1),
            outcome.limit.as_ref().map_or_else(|| "-".to_owned(), |(level, why)| format!("{level:.0}: {why}")),
        ]);
    }
}
