//! Methods beside each other on the same days, as text and as CSV.

use std::fmt::Write;

use super::super::{Mode, SettingsError, limits};
use super::day::{Day, Summary};
use super::rivals::Brake;
use super::scenario::{Scenario, optimum, published};
use super::{Contender, Method};

/// Halvings of the fixed ratio's range when it is set in hindsight: to a twentieth of a line per agent.
const HALVINGS: u32 = 7;

/// One method on one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The scenario's name.
    pub scenario: String,
    /// The method.
    pub method: Contender,
    /// The ratio that was found, of [`Contender::Ratio`].
    pub ratio: Option<f64>,
    /// Utilisation that is asked for, in per cent; of the memoryless world its exact optimum.
    pub target: Option<f64>,
    /// What came out.
    pub summary: Summary,
}

/// Lives through the same days with one method.
///
/// # Errors
/// If a setting that follows from the scenario is out of its bounds.
pub fn measure(scenario: &Scenario, method: Contender, days: u32, seed: u64) -> Result<Row, SettingsError> {
    let run = |method: Method| {
        let days = (0..u64::from(days.max(1))).map(|day| method.day(scenario, seed.wrapping_add(day)));
        days.collect::<Result<Vec<Day>, SettingsError>>().map(|days| Summary::of(&days))
    };
    let (summary, ratio) = match method {
        Contender::Ours => (run(Method::Ours(Mode::Predictive))?, None),
        Contender::Progressive => (run(Method::Ours(Mode::Progressive))?, None),
        Contender::Average => (run(Method::Level(Brake::Average))?, None),
        Contender::Tapered => (run(Method::Level(Brake::Tapered))?, None),
        Contender::Ratio => in_hindsight(run)?,
    };
    let target = published(&scenario.name).map(|(target, _)| target).or_else(|| optimum(&scenario.name));
    Ok(Row { scenario: scenario.name.clone(), method, ratio, target, summary })
}

/// The highest ratio that stays within the cap on these very days: an advantage that no real dialer has.
fn in_hindsight(run: impl Fn(Method) -> Result<Summary, SettingsError>) -> Result<(Summary, Option<f64>), SettingsError> {
    let (mut low, mut high) = (1.0, 8.0);
    let mut best = (run(Method::ratio(low))?, Some(low));
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        let summary = run(Method::ratio(middle))?;
        if summary.abandonment.0 <= limits::LEGAL_SHARE {
            (low, best) = (middle, (summary, Some(middle)));
        } else {
            high = middle;
        }
    }
    Ok(best)
}

/// Heads of the columns, for [`text`].
pub fn head() -> String {
    format!(
        "{:<14} {:<12} {:>13} {:>6} {:>13} {:>6} {:>7} {:>14} {:>6} {:>11} {:>10}",
        "scenario",
        "method",
        "utilisation %",
        "target",
        "abandoned %",
        "worst",
        "idle s",
        "calls/agent h",
        "dials",
        "connect s",
        "inbound %"
    )
}

/// One row, aligned.
pub fn text(row: &Row) -> String {
    let of = &row.summary;
    let target = row.target.map_or_else(|| "-".into(), |target| format!("{target:.1}"));
    let inbound = if of.inbound == (0.0, 0.0) { "-".into() } else { format!("{:.0}/{:.0}", 100.0 * of.inbound.0, 100.0 * of.inbound.1) };
    format!(
        "{:<14} {:<12} {:>13} {:>6} {:>13} {:>6.2} {:>7.1} {:>14} {:>6.2} {:>11} {:>10}",
        row.scenario,
        name(row),
        with_interval(of.utilisation, 100.0, 2),
        target,
        with_interval(of.abandonment, 100.0, 2),
        100.0 * of.worst,
        of.idle_per_call,
        with_interval(of.calls_per_hour, 1.0, 2),
        of.dials_per_call,
        format!("{:.1}/{:.1}", of.connect.0, of.connect.1),
        inbound,
    )
}

/// All rows as CSV with a line of column names.
pub fn csv(rows: &[Row]) -> String {
    let mut out = String::from(
        "scenario,method,days,target,utilisation,utilisation_ci95,abandonment,abandonment_ci95,abandonment_with_false_positives,\
         worst_day,idle_per_call_s,calls_per_agent_hour,calls_per_agent_hour_ci95,dials_per_call,connect_p50_s,connect_p99_s,\
         inbound_in_20s,inbound_lost\n",
    );
    for row in rows {
        let of = &row.summary;
        let target = row.target.map(|target| format!("{:.4}", target / 100.0)).unwrap_or_default();
        let interval = |half: f64| if half.is_finite() { format!("{half:.5}") } else { String::new() };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{},{},{},{target},{:.5},{},{:.5},{},{:.5},{:.5},{:.3},{:.4},{},{:.4},{:.3},{:.3},{:.4},{:.4}",
            row.scenario,
            name(row),
            of.days,
            of.utilisation.0,
            interval(of.utilisation.1),
            of.abandonment.0,
            interval(of.abandonment.1),
            of.abandonment_total,
            of.worst,
            of.idle_per_call,
            of.calls_per_hour.0,
            interval(of.calls_per_hour.1),
            of.dials_per_call,
            of.connect.0,
            of.connect.1,
            of.inbound.0,
            of.inbound.1,
        );
    }
    out
}

fn name(row: &Row) -> String {
    let name = match row.method {
        Contender::Ours => "ours",
        Contender::Progressive => "progressive",
        Contender::Ratio => "ratio*",
        Contender::Average => "average",
        Contender::Tapered => "tapered",
    };
    row.ratio.map_or_else(|| name.into(), |ratio| format!("{name} {ratio:.2}"))
}

fn with_interval((value, half): (f64, f64), factor: f64, places: usize) -> String {
    let value = format!("{:.places$}", value * factor);
    if half.is_finite() { format!("{value} ±{:.places$}", half * factor) } else { value }
}
