//! What a simulated day is like.

use super::super::Seconds;
use super::draw::Draw;

/// A day: list, staff and lines. Field names and defaults are those of reference/dialer.md section 8.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Length in seconds.
    pub shift: Seconds,
    /// Agents.
    pub agents: u32,
    /// Shares of dials: a person, a machine, busy, failure; the rest is no answer.
    pub live: f64,
    /// See `live`.
    pub machine: f64,
    /// See `live`.
    pub busy: f64,
    /// See `live`.
    pub fail: f64,
    /// Whether machine detection is on.
    pub amd: bool,
    /// Share of people taken for machines.
    pub amd_fp: f64,
    /// Share of machines taken for people.
    pub amd_fn: f64,
    /// Factors of the live share in equal parts of the day.
    pub profile: Vec<f64>,
    /// `(hour, factor)`: factor of the live share from that hour.
    pub drift: Vec<(f64, f64)>,
    /// Talk with a person: mean in seconds and coefficient of variation.
    pub talk_mean: Seconds,
    /// See `talk_mean`.
    pub talk_cv: f64,
    /// Wrap-up after it.
    pub wrap_mean: Seconds,
    /// See `wrap_mean`.
    pub wrap_cv: f64,
    /// Share of talks that are short ones, their mean and variation.
    pub short_frac: f64,
    /// See `short_frac`.
    pub short_mean: Seconds,
    /// See `short_frac`.
    pub short_cv: f64,
    /// Factor on the talk mean from an hour on, for lists that change.
    pub talk_drift: Vec<(f64, f64)>,
    /// Ring of people: mean and variation.
    pub ring_mean: Seconds,
    /// See `ring_mean`.
    pub ring_cv: f64,
    /// Seconds an unanswered call rings.
    pub ring_limit: Seconds,
    /// Standard deviation of the live share's wandering, and its memory in seconds.
    pub wander: f64,
    /// See `wander`.
    pub wander_memory: Seconds,
    /// Lines; 0: 12 per agent and 20.
    pub trunks: u32,
    /// Patience from answer or human verdict; 0: 2 s without detection, 1.2 s with it.
    pub patience: Seconds,
    /// Breaks per agent.
    pub breaks: u32,
    /// Share of agents that log in late, and when.
    pub late_frac: f64,
    /// See `late_frac`.
    pub late_hour: f64,
    /// Share of agents that go early, and when.
    pub early_frac: f64,
    /// See `early_frac`.
    pub early_hour: f64,
    /// Inbound calls per hour.
    pub inbound: f64,
    /// Factors of it in equal parts of the day.
    pub inbound_profile: Vec<f64>,
    /// `(from, to)` in seconds: every call placed then fails.
    pub outages: Vec<(f64, f64)>,
    /// The world whose optimum is known: every call ends after an exponential 10 s, handling is exponential of `talk_mean`, no
    /// patience, no breaks, all agents there from the start.
    pub memoryless: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            name: "default".into(),
            shift: 28_800.0,
            agents: 20,
            live: 0.3,
            machine: 0.25,
            busy: 0.05,
            fail: 0.05,
            amd: false,
            amd_fp: 0.01,
            amd_fn: 0.08,
            profile: vec![1.0],
            drift: Vec::new(),
            talk_mean: 120.0,
            talk_cv: 1.0,
            wrap_mean: 20.0,
            wrap_cv: 0.6,
            short_frac: 0.0,
            short_mean: 18.0,
            short_cv: 0.5,
            talk_drift: Vec::new(),
            ring_mean: 10.0,
            ring_cv: 0.6,
            ring_limit: 22.0,
            wander: 0.1,
            wander_memory: 600.0,
            trunks: 0,
            patience: 0.0,
            breaks: 2,
            late_frac: 0.0,
            late_hour: 0.0,
            early_frac: 0.0,
            early_hour: 8.0,
            inbound: 0.0,
            inbound_profile: vec![1.0],
            outages: Vec::new(),
            memoryless: false,
        }
    }
}

/// A line of a scenario file that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what} `{text}`")]
pub struct ScenarioError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
    /// With what.
    pub text: String,
}

impl Scenario {
    /// Lines in force.
    pub fn lines(&self) -> u32 {
        if self.trunks == 0 { self.agents.saturating_mul(12).saturating_add(20) } else { self.trunks }
    }

    /// Patience in force.
    pub fn waits(&self) -> Seconds {
        match (self.memoryless, self.patience > 0.0, self.amd) {
            (true, ..) => 0.0,
            (_, true, _) => self.patience,
            (_, _, true) => 1.2,
            _ => 2.0,
        }
    }

    /// Bounds beyond which a day would not fit into memory or time.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if !(1..=2_000).contains(&self.agents) {
            return Err(("agents not between 1 and 2000 in", self.agents.to_string()));
        }
        if !(60.0..=604_800.0).contains(&self.shift) {
            return Err(("shift not between a minute and a week in", self.shift.to_string()));
        }
        if self.live + self.machine + self.busy + self.fail > 1.0 + 1e-9 {
            return Err(("shares add up to more than 1 in", self.name.clone()));
        }
        if self.profile.is_empty() || self.inbound_profile.is_empty() {
            return Err(("empty profile in", self.name.clone()));
        }
        let positive = [self.talk_mean, self.wrap_mean, self.short_mean, self.ring_mean, self.wander_memory];
        if positive.iter().any(|value| !(0.01..=36_000.0).contains(value)) || !(15.0..=120.0).contains(&self.ring_limit) {
            return Err(("a duration out of bounds in", self.name.clone()));
        }
        if self.trunks > 100_000 || self.inbound > 100_000.0 || self.breaks > 100 {
            return Err(("trunks, inbound or breaks out of bounds in", self.name.clone()));
        }
        Ok(())
    }
}

/// Reads a scenario file: a name and `key=value` settings per line, `#` begins a comment.
///
/// # Errors
/// Names the first line that makes no sense.
pub fn read(text: &str) -> Result<Vec<Scenario>, ScenarioError> {
    let mut scenarios = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let error = |(what, text): (&'static str, String)| ScenarioError { line: number + 1, what, text };
        scenarios.push(read_line(line).map_err(error)?);
    }
    Ok(scenarios)
}

fn read_line(line: &str) -> Result<Scenario, (&'static str, String)> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let mut scenario = Scenario { name: name.into(), ..Scenario::default() };
    for word in words {
        let (key, value) = word.split_once('=').ok_or(("no `=` in", word.to_owned()))?;
        set(&mut scenario, key, value).map_err(|what| (what, word.to_owned()))?;
    }
    scenario.check()?;
    Ok(scenario)
}

fn set(scenario: &mut Scenario, key: &str, value: &str) -> Result<(), &'static str> {
    let number = || value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0).ok_or("not a number in");
    let whole = || value.parse::<u32>().map_err(|_| "not a whole number in");
    let list = || value.split(',').map(|part| part.parse().map_err(|_| "not a list of numbers in")).collect::<Result<Vec<f64>, _>>();
    let steps = || {
        let step = |part: &str| {
            let (at, factor) = part.split_once(':').ok_or("not a list of `hour:factor` in")?;
            Ok((at.parse().map_err(|_| "not a number in")?, factor.parse().map_err(|_| "not a number in")?))
        };
        value.split(',').map(step).collect::<Result<Vec<(f64, f64)>, &'static str>>()
    };
    match key {
        "shift" => scenario.shift = number()?,
        "agents" => scenario.agents = whole()?,
        "live" => scenario.live = number()?,
        "machine" => scenario.machine = number()?,
        "busy" => scenario.busy = number()?,
        "fail" => scenario.fail = number()?,
        "amd" => scenario.amd = whole()? != 0,
        "amd_fp" => scenario.amd_fp = number()?,
        "amd_fn" => scenario.amd_fn = number()?,
        "profile" => scenario.profile = list()?,
        "drift" => scenario.drift = steps()?,
        "talk_mean" => scenario.talk_mean = number()?,
        "talk_cv" => scenario.talk_cv = number()?,
        "wrap_mean" => scenario.wrap_mean = number()?,
        "wrap_cv" => scenario.wrap_cv = number()?,
        "short_frac" => scenario.short_frac = number()?,
        "short_mean" => scenario.short_mean = number()?,
        "short_cv" => scenario.short_cv = number()?,
        "talk_drift" => scenario.talk_drift = steps()?,
        "ring_mean" => scenario.ring_mean = number()?,
        "ring_cv" => scenario.ring_cv = number()?,
        "ring_limit" => scenario.ring_limit = number()?,
        "wander" => scenario.wander = number()?,
        "wander_memory" => scenario.wander_memory = number()?,
        "trunks" => scenario.trunks = whole()?,
        "patience" => scenario.patience = number()?,
        "breaks" => scenario.breaks = whole()?,
        "late_frac" => scenario.late_frac = number()?,
        "late_hour" => scenario.late_hour = number()?,
        "early_frac" => scenario.early_frac = number()?,
        "early_hour" => scenario.early_hour = number()?,
        "inbound" => scenario.inbound = number()?,
        "inbound_profile" => scenario.inbound_profile = list()?,
        "outages" => scenario.outages = steps()?,
        "memoryless" => scenario.memoryless = whole()? != 0,
        _ => return Err("no such setting:"),
    }
    Ok(())
}

/// The public scenarios of reference/dialer.md section 8.
pub fn public() -> Vec<Scenario> {
    read(include_str!("public.txt")).unwrap_or_default()
}

/// Published figures of a public scenario: utilisation in per cent that is asked for, and of progressive dialing.
pub fn published(name: &str) -> Option<(f64, f64)> {
    include_str!("targets.txt").lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let found = words.next() == Some(name);
        let (target, progressive) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        found.then_some((target, progressive))
    })
}

/// The world whose exact optimum is known, for a day of 24 h.
pub fn memoryless(agents: u32, live: f64) -> Scenario {
    Scenario {
        name: format!("exact-{agents:03}-{:.0}", live * 100.0),
        shift: 86_400.0,
        agents,
        live,
        machine: 0.0,
        busy: 0.0,
        fail: 0.0,
        talk_mean: 140.0,
        wander: 0.0,
        breaks: 0,
        memoryless: true,
        ring_limit: 120.0,
        trunks: 20_000,
        ..Scenario::default()
    }
}

/// The exact optimum of that world at 3 % abandonment, utilisation in per cent (reference/dialer.md section 7).
pub const OPTIMA: [(u32, f64, f64); 12] = [
    (5, 0.15, 79.7),
    (5, 0.30, 84.9),
    (5, 0.60, 90.3),
    (10, 0.15, 84.7),
    (10, 0.30, 87.3),
    (10, 0.60, 90.9),
    (20, 0.15, 89.4),
    (20, 0.30, 90.4),
    (20, 0.60, 92.3),
    (50, 0.15, 93.8),
    (50, 0.30, 94.2),
    (50, 0.60, 94.8),
];

/// The exact optimum of one of the [`memoryless`] worlds, by its name.
pub fn optimum(name: &str) -> Option<f64> {
    OPTIMA.iter().find(|(agents, live, _)| memoryless(*agents, *live).name == name).map(|(.., optimum)| *optimum)
}

/// A scenario that nobody chose: teams of 5 to 500, answer rates of 10 to 60 %, talks of several shapes, drifts, outages,
/// staff that comes and goes. The same seed gives the same scenario.
pub fn random(seed: u64) -> Scenario {
    let mut draw = Draw::new(seed ^ 0x7061_6369_6e67);
    let draw = &mut draw;
    let agents = (5.0 * (draw.unit().powi(2) * (100.0_f64).ln()).exp()).round() as u32;
    let live = draw.between(0.1, 0.6);
    let rest = 1.0 - live;
    let talk_mean = draw.lognormal(130.0, 0.7).clamp(25.0, 600.0);
    let mut scenario = Scenario {
        name: format!("random-{seed:03}"),
        agents,
        live,
        machine: rest * draw.between(0.1, 0.6),
        busy: rest * draw.between(0.02, 0.1),
        fail: rest * draw.between(0.02, 0.15),
        amd: draw.chance(0.4),
        amd_fp: draw.between(0.0, 0.03),
        amd_fn: draw.between(0.03, 0.2),
        profile: (0..8).map(|_| draw.between(0.8, 1.2)).collect(),
        talk_mean,
        talk_cv: draw.between(0.3, 1.6),
        wrap_mean: draw.lognormal(20.0, 0.6).clamp(4.0, 90.0),
        wrap_cv: draw.between(0.3, 1.0),
        ring_mean: draw.between(7.0, 13.0),
        ring_cv: draw.between(0.4, 0.8),
        ring_limit: draw.between(18.0, 40.0).round(),
        wander: draw.between(0.0, 0.2),
        breaks: (draw.unit() * 5.0) as u32,
        ..Scenario::default()
    };
    surprises(&mut scenario, draw);
    scenario
}

/// What happens to a random scenario beside the plain day: each with some chance.
fn surprises(scenario: &mut Scenario, draw: &mut Draw) {
    if draw.chance(0.35) {
        let factor = if draw.chance(0.5) { draw.between(0.3, 0.7) } else { draw.between(1.4, 3.0).min(0.85 / scenario.live).max(1.0) };
        scenario.drift = vec![(draw.between(1.0, 7.0), factor)];
    }
    if draw.chance(0.25) {
        (scenario.short_frac, scenario.short_mean) = (draw.between(0.2, 0.7), draw.between(8.0, 30.0));
    }
    if draw.chance(0.25) {
        scenario.talk_drift = vec![(draw.between(1.0, 7.0), draw.between(0.5, 2.0))];
    }
    if draw.chance(0.25) {
        (scenario.late_frac, scenario.late_hour) = (draw.between(0.1, 0.6), draw.between(1.0, 4.0));
        (scenario.early_frac, scenario.early_hour) = (draw.between(0.1, 0.6), draw.between(4.0, 7.5));
    }
    if draw.chance(0.25) {
        scenario.inbound = f64::from(scenario.agents) * draw.between(1.0, 5.0);
        scenario.inbound_profile = (0..8).map(|_| draw.between(0.5, 1.5)).collect();
    }
    if draw.chance(0.2) {
        scenario.trunks = (f64::from(scenario.agents) * draw.between(1.8, 4.0)) as u32 + 2;
    }
    if draw.chance(0.2) {
        let from = draw.between(3_600.0, 25_000.0);
        scenario.outages = vec![(from, from + 60.0)];
    }
}
