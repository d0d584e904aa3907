//! How many calls to place now, and why.
//!
//! A [`Pacer`] is a pure state machine: [`Pacer::see`] takes what happened, [`Pacer::decide`] what is true now, and answers
//! with a [`Decision`] that carries its reasons. No clock, no sockets, no randomness: the same inputs give the same decisions on the same machine. It
//! learns whatever it uses (share of answers, ring ages, talk and wrap-up times, breaks, inbound) from the campaign itself.
//!
//! Predictive mode follows reference/dialer.md section 6: place the largest number of calls such that the *marginal* one, if a
//! person answers it, finds no agent with a probability of at most `theta`; `theta` is steered by a bank account of
//! permitted abandonments.
//!
//! | file | subject |
//! |---|---|
//! | `state` | what a decision sees, events, decision and reasons |
//! | `predictive` | the decision of predictive mode |
//! | `shortage` | the chance that an answer finds no agent |
//! | `ring` | when calls are answered, from complete cohorts |
//! | `share` | which share of calls needs an agent, over several memories |
//! | `handling` | how long talk and wrap-up last |
//! | `follow` | calls in the order in which they were placed, until their outcome counts |
//! | `ledger` | answers and abandonments, the legal window, the bank |
//! | `sim` | a day on virtual time, to judge all this |

mod follow;
mod handling;
mod ledger;
pub mod limits;
mod predictive;
mod ring;
mod share;
mod shortage;
pub mod sim;
mod state;

#[cfg(test)]
mod tests;

pub use self::ledger::{Ledger, Tally};
pub use self::state::{Busy, Decision, InFlight, Mode, Pace, Reasons, Rule, Seconds, Seen, Settings, SettingsError, Snapshot};

use self::predictive::Predictor;

/// Paces one campaign.
#[derive(Debug, Clone)]
pub struct Pacer {
    settings: Settings,
    ledger: Ledger,
    predictor: Predictor,
}

impl Pacer {
    /// A pacer that knows nothing yet.
    ///
    /// # Errors
    /// Names the setting that is out of its bounds.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Pacer { ledger: Ledger::new(&settings), predictor: Predictor::new(&settings), settings })
    }

    /// Goes on with the account of before, after a restart or on the next day of the legal window.
    pub fn restore(&mut self, ledger: Ledger) {
        self.ledger = ledger;
    }

    /// The account of answers and abandonments, to be kept over restarts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What it was set to.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes in what happened at `now`, seconds on the campaign's clock.
    pub fn see(&mut self, now: Seconds, seen: Seen) {
        self.predictor.see(now, seen, &mut self.ledger);
    }

    /// Says what to do now.
    pub fn decide(&mut self, now: &Snapshot<'_>) -> Decision {
        self.ledger.staffed(now.ready as usize + now.talking.len() + now.wrapping.len());
        let mut reasons = Reasons::begin(now, &self.ledger);
        let asked = match self.settings.mode {
            Mode::Preview => (0, Rule::Preview),
            Mode::Progressive => (one_to_one(now), Rule::OneToOne),
            Mode::Ratio(ratio) => (by_ratio(now, ratio), Rule::Ratio),
            Mode::Predictive => match self.guard(now) {
                Some(rule) => (one_to_one(now), rule),
                None => self.predictor.decide(now, &self.settings, &self.ledger, &mut reasons),
            },
        };
        let (mut place, mut rule) = asked;
        if self.ledger.over_cap(self.settings.cap) && place > one_to_one(now) {
            (place, rule) = (one_to_one(now), Rule::OverCap);
        }
        for (limit, named) in [(limits::PLACED_AT_ONCE, Rule::AtOnce), (now.free_lines, Rule::Lines)] {
            if place > limit {
                (place, rule) = (limit, named);
            }
        }
        let cancel = match self.settings.mode {
            Mode::Predictive if place == 0 && self.settings.release => self.predictor.release(now, &mut reasons),
            _ => Vec::new(),
        };
        reasons.rule = rule;
        Decision { place, cancel, reasons }
    }

    /// What makes prediction unsafe: then one line per ready agent.
    fn guard(&self, now: &Snapshot<'_>) -> Option<Rule> {
        if now.stale_for > limits::STALE {
            return Some(Rule::Stale);
        }
        let staff = now.ready as usize + now.talking.len() + now.wrapping.len();
        (staff < limits::AGENTS_TO_PREDICT as usize).then_some(Rule::FewAgents)
    }
}

/// One line per ready agent: nobody who answers waits.
fn one_to_one(now: &Snapshot<'_>) -> u32 {
    let wanted = now.ready.saturating_sub(now.waiting).saturating_sub(now.inbound_waiting);
    wanted.saturating_sub(now.in_flight())
}

/// A fixed number of lines per agent that is ready or talking, less the lines that are up.
fn by_ratio(now: &Snapshot<'_>, ratio: f64) -> u32 {
    let talking = u32::try_from(now.talking.len()).unwrap_or(u32::MAX);
    let lines = ratio * f64::from(now.ready.saturating_add(talking));
    // Saturates: a float as an integer cannot overflow in Rust.
    (lines as u32).saturating_sub(talking).saturating_sub(now.in_flight()).saturating_sub(now.waiting)
}
