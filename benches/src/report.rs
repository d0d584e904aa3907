//! What is said at the end: a table for people, JSON for programs, from the same cells.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::histogram::Histogram;
use crate::procfs::Reading;

/// One cell: heading in the table, key in the JSON, how it is shown, what it is.
#[derive(Debug, Clone)]
struct Cell {
    heading: &'static str,
    key: &'static str,
    shown: String,
    value: Value,
    detail: bool,
}

/// One row: what a step measured.
#[derive(Debug, Clone, Default)]
pub struct Row {
    cells: Vec<Cell>,
    detail: bool,
}

impl Row {
    /// What is added from now on is too much for the table: it is printed below a single step, and in the JSON.
    pub fn details(&mut self) -> &mut Self {
        self.detail = true;
        self
    }

    /// Adds a whole number.
    pub fn count(&mut self, heading: &'static str, key: &'static str, value: u64) -> &mut Self {
        self.push(heading, key, value.to_string(), json!(value))
    }

    /// Adds a number with `decimals` places; unknown shows as `-`.
    pub fn real(&mut self, heading: &'static str, key: &'static str, value: Option<f64>, decimals: usize) -> &mut Self {
        let value = value.filter(|value| value.is_finite());
        self.push(heading, key, value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}")), json!(value))
    }

    /// Adds three quantiles of times, in milliseconds.
    pub fn quantiles(&mut self, names: [(&'static str, &'static str); 3], times: &Histogram) -> &mut Self {
        for ((heading, key), share) in names.into_iter().zip([0.5, 0.95, 0.99]) {
            let value = (times.count() > 0).then(|| times.quantile(share) as f64 / 1000.0);
            self.real(heading, key, value, 2);
        }
        self
    }

    /// Adds CPU of server and generator: in percent of one core, and in microseconds for each of `rate` per second.
    pub fn cpu(&mut self, reading: &Reading, rate: f64) -> &mut Self {
        self.real("server %", "server_cpu_percent", reading.server_cores.map(|cores| cores * 100.0), 1)
            .real("own %", "generator_cpu_percent", reading.own_cores.map(|cores| cores * 100.0), 1)
            .real("srv us", "server_us_each", reading.server_cores.map(|cores| cores * 1e6 / rate), 2)
            .real("own us", "generator_us_each", reading.own_cores.map(|cores| cores * 1e6 / rate), 2)
    }

    /// Adds packets that found no room in a socket's buffer.
    pub fn drops(&mut self, reading: &Reading) -> &mut Self {
        self.real("own drops", "generator_socket_drops", reading.own_drops.map(|drops| drops as f64), 0).real(
            "oth drops",
            "other_socket_drops",
            reading.other_drops.map(|drops| drops as f64),
            0,
        )
    }

    /// Adds a text.
    pub fn text(&mut self, heading: &'static str, key: &'static str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        self.push(heading, key, value.clone(), Value::String(value))
    }

    fn push(&mut self, heading: &'static str, key: &'static str, shown: String, value: Value) -> &mut Self {
        self.cells.push(Cell { heading, key, shown, value, detail: self.detail });
        self
    }

    fn json(&self) -> Value {
        Value::Object(self.cells.iter().map(|cell| (cell.key.to_owned(), cell.value.clone())).collect::<Map<_, _>>())
    }
}

/// One step of a measurement.
#[derive(Debug, Clone)]
pub struct Step {
    /// What was asked for: a rate or a number of calls; `None` as fast as possible.
    pub level: Option<f64>,
    /// What breaks the criterion; empty means the step is good.
    pub faults: Vec<String>,
    /// What was measured.
    pub row: Row,
}

/// Prints rows as they come, and everything as JSON at the end.
#[derive(Debug)]
pub struct Report<W: Write> {
    out: W,
    what: &'static str,
    rows: Vec<Value>,
    headed: bool,
}

impl<W: Write> Report<W> {
    /// A report about `what` to `out`.
    pub fn new(what: &'static str, out: W) -> Self {
        Report { out, what, rows: Vec::new(), headed: false }
    }

    /// Prints a step.
    pub fn step(&mut self, step: &Step) -> io::Result<()> {
        let width = |cell: &Cell| cell.heading.len().max(8);
        let columns = || step.row.cells.iter().filter(|cell| !cell.detail);
        if !self.headed {
            for cell in columns() {
                write!(self.out, "{:>width$}  ", cell.heading, width = width(cell))?;
            }
            writeln!(self.out, "verdict")?;
            self.headed = true;
        }
        for cell in columns() {
            write!(self.out, "{:>width$}  ", cell.shown, width = width(cell))?;
        }
        let verdict = if step.faults.is_empty() { "good".to_owned() } else { step.faults.join("; ") };
        writeln!(self.out, "{verdict}")?;
        self.out.flush()?;
        let mut json = step.row.json();
        json["level"] = json!(step.level);
        json["faults"] = json!(step.faults);
        self.rows.push(json);
        Ok(())
    }

    /// Prints what has no column.
    pub fn details(&mut self, step: &Step) -> io::Result<()> {
        for cell in step.row.cells.iter().filter(|cell| cell.detail) {
            writeln!(self.out, "  {:<36} {}", cell.key.replace('_', " "), cell.shown)?;
        }
        Ok(())
    }

    /// Prints a line of text.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// All of it, with the last good level of a search.
    pub fn json(&self, last_good: Option<f64>) -> Value {
        json!({ "measurement": self.what, "last_good_level": last_good, "steps": self.rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_json_say_the_same() {
        let mut row = Row::default();
        row.count("done", "completed", 12).details().count("x", "extra", 1);
        row.detail = false;
        row.count("more", "more", 3).real("server %", "server_cpu_percent", None, 1).real("rate", "rate", Some(1.25), 1);
        let mut report = Report::new("register", Vec::new());
        report.step(&Step { level: Some(10.0), faults: vec!["slow".into()], row }).unwrap();
        let text = String::from_utf8(report.out.clone()).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [vec!["done", "more", "server", "%", "rate", "verdict"], vec!["12", "3", "-", "1.2", "slow"]]);
        let json = report.json(None);
        assert_eq!((&json["steps"][0]["completed"], &json["steps"][0]["extra"]), (&json!(12), &json!(1)));
        assert_eq!(json["steps"][0]["server_cpu_percent"], Value::Null);
        assert_eq!(json["steps"][0]["faults"][0], "slow");
    }
}
