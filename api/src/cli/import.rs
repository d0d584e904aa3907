//! CSV imports.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tandem_core::Number;

use super::Failure;
use super::admin::{TenantArgs, destination, say};
use super::client::{CallError, Client};
use crate::admin::import::{ImportBody, ImportReport, ImportRow, Outcome};
use crate::config::Config;

/// Rows per request: a request stays far below a second and the bar moves.
const ROWS: usize = 500;
/// Most rows of a file: what a tenant may plausibly have, and a bound for memory.
const MOST_ROWS: usize = 1_000_000;

/// A row with the line it stands on.
struct Line<T> {
    line: u64,
    row: T,
}

/// Rows that can be used, and what is wrong with the others.
struct Parsed<T> {
    rows: Vec<Line<T>>,
    bad: Vec<(u64, String)>,
}

fn input(file: &Path) -> anyhow::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    Ok(Box::new(std::fs::File::open(file).with_context(|| file.display().to_string())?))
}

/// Reads a CSV file with a line of column names: `needed` must be there, `optional` may, others are refused.
fn read<T>(
    input: impl Read,
    needed: &[&str],
    optional: &[&str],
    mut make: impl FnMut(&dyn Fn(&str) -> Option<String>) -> Result<T, String>,
) -> anyhow::Result<Parsed<T>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(input);
    let titles = reader.headers().context("the line of column names")?.clone();
    let mut columns = HashMap::new();
    for (place, title) in titles.iter().enumerate() {
        // Spreadsheets begin a file with a byte order mark.
        let title = title.trim_start_matches('\u{feff}').to_ascii_lowercase();
        if !needed.contains(&title.as_str()) && !optional.contains(&title.as_str()) {
            return Err(anyhow!("line 1: unknown column `{title}`; known: {}", [needed, optional].concat().join(", ")));
        }
        columns.insert(title, place);
    }
    if let Some(missing) = needed.iter().find(|name| !columns.contains_key(**name)) {
        return Err(anyhow!("line 1: there is no column `{missing}`; the first line names the columns"));
    }
    let mut parsed = Parsed { rows: Vec::new(), bad: Vec::new() };
    for record in reader.records() {
        if parsed.rows.len() + parsed.bad.len() >= MOST_ROWS {
            return Err(anyhow!("more than {MOST_ROWS} rows: split the file"));
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                parsed.bad.push((line, error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() > titles.len() {
            parsed
                .bad
                .push((line, format!("{} columns where {} are named (a comma inside a value needs quotes)", record.len(), titles.len())));
            continue;
        }
        let field = |name: &str| columns.get(name).and_then(|place| record.get(*place)).filter(|text| !text.is_empty()).map(str::to_owned);
        match make(&field) {
            Ok(row) => parsed.rows.push(Line { line, row }),
            Err(why) => parsed.bad.push((line, why)),
        }
    }
    Ok(parsed)
}

fn bar(rows: usize) -> ProgressBar {
    let bar = ProgressBar::new(rows as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}

fn report(bad: &mut [(u64, String)]) -> Result<(), Failure> {
    bad.sort_by_key(|(line, _)| *line);
    let mut err = std::io::stderr().lock();
    for (line, why) in bad.iter() {
        writeln!(err, "line {line}: {why}")?;
    }
    if bad.is_empty() { Ok(()) } else { Err(Failure::Rows(bad.len())) }
}

/// `tandem phone import`.
pub(super) async fn phones(file: &Path, out: Option<&Path>, of: &TenantArgs, config: &Config) -> Result<(), Failure> {
    let mut parsed = read(input(file)?, &["user"], &["display_name", "password"], |field| {
        let user = field("user").ok_or("there is no user")?;
        tandem_core::UserName::new(&user).map_err(|error| error.to_string())?;
        Ok(ImportRow { user, display_name: field("display_name"), password: field("password") })
    })?;
    let client = Client::new(&of.server, config)?;
    // Before anything is changed: where passwords go has to work.
    let mut passwords = Passwords::open(out)?;
    let bar = bar(parsed.rows.len());
    let (mut created, mut changed, mut unchanged) = (0, 0, 0);
    let path = of.path("phones:import");
    for chunk in parsed.rows.chunks(ROWS) {
        let body = ImportBody { phones: chunk.iter().map(|line| line.row.clone()).collect() };
        let done: ImportReport = client.post(&path, &body).await?;
        for (line, result) in chunk.iter().zip(&done.results) {
            match result.outcome {
                Outcome::Created => created += 1,
                Outcome::Changed => changed += 1,
                Outcome::Unchanged => unchanged += 1,
                Outcome::Refused => parsed.bad.push((line.line, result.error.clone().unwrap_or_default())),
            }
            if let Some(password) = &result.password {
                passwords.write(&result.user, &done.realm, password)?;
            }
        }
        passwords.flush()?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    let refused = parsed.bad.len();
    let mut err = std::io::stderr().lock();
    writeln!(err, "{created} created, {changed} changed, {unchanged} unchanged, {refused} refused.")?;
    if let (Some(out), true) = (out, passwords.written > 0) {
        writeln!(err, "{} generated passwords are in {}.", passwords.written, out.display())?;
    }
    drop(err);
    report(&mut parsed.bad)
}

/// Where generated passwords go, as CSV.
struct Passwords {
    out: Box<dyn Write>,
    written: usize,
}

impl Passwords {
    fn open(file: Option<&Path>) -> anyhow::Result<Passwords> {
        let out: Box<dyn Write> = match file {
            None => Box::new(std::io::stdout()),
            Some(file) => {
                let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
                Box::new(std::io::BufWriter::new(opened.with_context(|| format!("--out {}", file.display()))?))
            }
        };
        Ok(Passwords { out, written: 0 })
    }

    fn write(&mut self, user: &str, realm: &str, password: &str) -> std::io::Result<()> {
        if self.written == 0 {
            writeln!(self.out, "user,realm,password")?;
        }
        self.written += 1;
        writeln!(self.out, "{user},\"{}\",{password}", realm.replace('"', "\"\""))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// `tandem number import`: one request per row, new or changed.
pub(super) async fn numbers(file: &Path, of: &TenantArgs, config: &Config) -> Result<(), Failure> {
    let mut parsed = read(input(file)?, &["number", "destination"], &[], |field| {
        let number = Number::new(field("number").ok_or("there is no number")?).map_err(|error| error.to_string())?;
        Ok((number, destination(&field("destination").ok_or("there is no destination")?)?))
    })?;
    let client = Client::new(&of.server, config)?;
    let bar = bar(parsed.rows.len());
    let (mut created, mut unchanged) = (0, 0);
    for Line { line, row: (number, destination) } in &parsed.rows {
        let body = json!({"number": number, "destination": destination});
        match client.post::<Value>(&of.path("numbers"), &body).await {
            Ok(_) => created += 1,
            Err(CallError::Refused(problem)) if problem.status == 409 => unchanged += 1,
            Err(CallError::Refused(problem)) => parsed.bad.push((*line, problem.detail)),
            Err(error) => return Err(error.into()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    say(format!("{created} created, {unchanged} were there, {} refused.", parsed.bad.len()))?;
    report(&mut parsed.bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(text: &str) -> anyhow::Result<Parsed<(String, Option<String>)>> {
        read(text.as_bytes(), &["user"], &["display_name"], |field| {
            let user = field("user").ok_or("there is no user")?;
            tandem_core::UserName::new(&user).map_err(|error| error.to_string())?;
            Ok((user, field("display_name")))
        })
    }

    #[test]
    fn bad_rows_are_named_by_their_line() {
        let parsed = users("\u{feff}User,display_name\n1001,\"Berg, Bo\"\nno good,x\n,x\n1002,a,b\n1003,\n").unwrap();
        let rows: Vec<_> = parsed.rows.iter().map(|line| (line.line, line.row.0.as_str(), line.row.1.as_deref())).collect();
        assert_eq!(rows, [(2, "1001", Some("Berg, Bo")), (6, "1003", None)]);
        let lines: Vec<_> = parsed.bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert!(parsed.bad[0].1.contains("no good"));
    }

    #[test]
    fn an_unknown_or_missing_column_is_refused() {
        assert!(users("user,colour\n").err().unwrap().to_string().contains("colour"));
        assert!(users("display_name\nAnn\n").err().unwrap().to_string().contains("`user`"));
    }
}
