//! Answers and abandonments over the legal window, and the bank that steers the permitted chance of a shortage.

use serde::{Deserialize, Serialize};

use super::state::Settings;

/// The bank's start, in abandonments: overdrawn, so that the first hour is on the safe side.
const START: f64 = -1.5;
/// Permitted chance of a shortage at the start.
const THETA: f64 = 0.06;
/// How fast the level follows the bank, and how hard the bank itself pulls (reference/dialer.md 6.6).
const SLOW: f64 = 0.0005;
const FAST: f64 = 0.15;
/// How hard it pulls when it is overdrawn: a campaign of long talks has 300 answers a day, too few for the level to follow.
const FAST_OVERDRAWN: f64 = 0.30;
/// Bounds of theta: beyond, feedback would wind up.
const LOGITS: (f64, f64) = (-7.0, 2.5);

/// Agents up to which the gains are as above. A larger team earns and spends abandonments faster than its calls end, so
/// that the same gains would make theta swing: with 500 agents it did, between 0.001 and 0.9.
const GAINS_FOR: f64 = 40.0;

/// Abandonments above the cap's share at which dialing falls back to 1:1, at least and per agent: a new window has no share
/// worth the name yet.
const OVERDRAFT: (f64, f64) = (3.0, 0.1);

/// What was counted. People are estimated where nobody can know: a dropped call may have been a machine
/// (reference/dialer.md 2, `A_est`).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tally {
    /// Calls that needed an agent.
    pub answers: u64,
    /// Of them, dropped.
    pub drops: u64,
    /// People among the answers.
    pub live: f64,
    /// People among the drops.
    pub abandoned: f64,
}

/// The account of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    tally: Tally,
    bank: f64,
    level: f64,
    target: f64,
    /// Agents at work.
    staff: f64,
}

impl Ledger {
    pub(super) fn new(settings: &Settings) -> Self {
        let level = logit(THETA) - FAST_OVERDRAWN * START;
        Ledger { tally: Tally::default(), bank: START, level, target: settings.target(), staff: 0.0 }
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Begins a new legal window; what was learned about the level stays.
    pub fn new_window(&mut self) {
        self.tally = Tally::default();
        self.bank = START;
    }

    /// Abandoned share of live answers in the window.
    pub fn share(&self) -> f64 {
        if self.tally.live > 0.0 { self.tally.abandoned / self.tally.live } else { 0.0 }
    }

    /// How many agents are at work now.
    pub(super) fn staffed(&mut self, agents: usize) {
        self.staff = agents as f64;
    }

    /// How much faster than in a small team abandonments come and go.
    fn pace(&self) -> f64 {
        (self.staff / GAINS_FOR).max(1.0)
    }

    pub(super) fn answered(&mut self, person: f64) {
        self.tally.answers += 1;
        self.tally.live += person;
        self.bank += person * self.target;
        self.level = (self.level + SLOW * self.bank / self.pace().powi(2)).clamp(LOGITS.0, LOGITS.1);
    }

    pub(super) fn dropped(&mut self, person: f64) {
        self.tally.drops += 1;
        self.tally.abandoned += person;
        self.bank -= person;
    }

    /// What was taken for a person by this much turned out as that much.
    pub(super) fn corrected(&mut self, taken: f64, is: f64) {
        self.tally.live += is - taken;
        self.bank += (is - taken) * self.target;
    }

    pub(super) fn bank(&self) -> f64 {
        self.bank
    }

    /// Permitted chance that a person who answers finds nobody.
    pub(super) fn theta(&self) -> f64 {
        let pull = if self.bank < 0.0 { FAST_OVERDRAWN } else { FAST };
        let logit = (self.level + pull * self.bank / self.pace()).clamp(LOGITS.0, LOGITS.1);
        1.0 / (1.0 + (-logit).exp())
    }

    pub(super) fn over_cap(&self, cap: f64) -> bool {
        self.tally.abandoned > cap * self.tally.live + f64::max(OVERDRAFT.0, OVERDRAFT.1 * self.staff)
    }
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}
