//! What a decision sees, what happened, and what a decision says.

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use super::limits;

/// Seconds, as a real number: pacing is statistics, not book-keeping; books are kept in [`crate::Timestamp`].
pub type Seconds = f64;

/// How a campaign dials.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As many as keep abandonment inside the budget.
    Predictive,
    /// One line per ready agent.
    Progressive,
    /// So many lines per agent that is ready or talking.
    Ratio(f64),
    /// The agent asks for each call; nothing is placed of its own accord.
    Preview,
}

/// What a campaign sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// How it dials.
    pub mode: Mode,
    /// Share of live answers that may be abandoned over the window; the law's ceiling or less.
    pub cap: f64,
    /// Share that predictive mode aims at, of the cap: what keeps the chance of ending above it small.
    pub aim: f64,
    /// Share of live answers that machine detection hangs up on, as measured by sampling: comes off the cap.
    pub false_positives: f64,
    /// Whether calls go through machine detection before they need an agent.
    pub detection: bool,
    /// Seconds that a person who answered can be kept waiting.
    pub patience: Seconds,
    /// Seconds an unanswered call rings.
    pub ring_timeout: Seconds,
    /// Whether predictive mode may give up calls that have rung the legal minimum.
    pub release: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mode: Mode::Predictive,
            cap: limits::LEGAL_SHARE,
            aim: 0.95,
            false_positives: 0.0,
            detection: false,
            patience: limits::LEGAL_CONNECT,
            ring_timeout: limits::RING_TIMEOUT,
            release: true,
        }
    }
}

/// A setting out of its bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// Not a share.
    #[error("{name} is {value}, not between 0 and 1")]
    Share {
        /// Which.
        name: &'static str,
        /// What it was.
        value: f64,
    },
    /// Detection hangs up on more people than may be abandoned at all.
    #[error("machine detection loses {false_positives} of the people, no less than the cap of {cap}: no budget is left")]
    NoBudget {
        /// Measured share.
        false_positives: f64,
        /// The cap.
        cap: f64,
    },
    /// Ring timeout.
    #[error("ring timeout of {0} s is not between 15 and 120 s")]
    RingTimeout(Seconds),
    /// Patience.
    #[error("patience of {0} s is not between 0 and 30 s")]
    Patience(Seconds),
    /// Lines per agent.
    #[error("ratio of {0} lines per agent is not between 1 and 20")]
    Ratio(f64),
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (name, value) in [("cap", self.cap), ("aim", self.aim), ("false_positives", self.false_positives)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(SettingsError::Share { name, value });
            }
        }
        if self.mode == Mode::Predictive && self.false_positives > 0.0 && self.false_positives >= self.cap {
            return Err(SettingsError::NoBudget { false_positives: self.false_positives, cap: self.cap });
        }
        if !limits::RING_TIMEOUTS.contains(&self.ring_timeout) {
            return Err(SettingsError::RingTimeout(self.ring_timeout));
        }
        if !(0.0..=30.0).contains(&self.patience) {
            return Err(SettingsError::Patience(self.patience));
        }
        match self.mode {
            Mode::Ratio(ratio) if !limits::RATIOS.contains(&ratio) => Err(SettingsError::Ratio(ratio)),
            _ => Ok(()),
        }
    }

    /// Share of live answers that predictive mode aims to abandon.
    pub(super) fn target(&self) -> f64 {
        (self.cap - self.false_positives).max(0.0) * self.aim
    }
}

/// An agent with a caller, or in wrap-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Busy {
    /// Which agent.
    pub agent: u64,
    /// Seconds since talk or wrap-up began.
    pub elapsed: Seconds,
}

/// A call that nobody needs yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InFlight {
    /// Which call.
    pub call: u64,
    /// Seconds: ringing, since it was placed; in detection, since it was answered.
    pub age: Seconds,
}

/// What is true at a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot<'a> {
    /// Seconds on the campaign's clock.
    pub now: Seconds,
    /// Seconds since the state of the agents was last known for sure.
    pub stale_for: Seconds,
    /// Agents that can take a call. Agents whose break or log-out is pending don't count.
    pub ready: u32,
    /// Calls that were answered and wait for an agent.
    pub waiting: u32,
    /// Inbound calls that wait for the same agents.
    pub inbound_waiting: u32,
    /// Lines free for new calls.
    pub free_lines: u32,
    /// Agents on a break.
    pub on_break: u32,
    /// Agents that talk.
    pub talking: &'a [Busy],
    /// Agents in wrap-up.
    pub wrapping: &'a [Busy],
    /// Calls placed and not answered.
    pub ringing: &'a [InFlight],
    /// Calls answered and in machine detection.
    pub detecting: &'a [InFlight],
    /// Ringing calls that have rung the legal minimum, the only ones that may be given up.
    pub cancellable: &'a [u64],
}

impl Snapshot<'_> {
    /// Calls ringing or in detection.
    pub(super) fn in_flight(&self) -> u32 {
        u32::try_from(self.ringing.len().saturating_add(self.detecting.len())).unwrap_or(u32::MAX)
    }
}

/// What happened since the last decision. Ages are seconds since the call was placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen {
    /// A call was placed.
    Placed {
        /// Which.
        call: u64,
    },
    /// Somebody or something picked up.
    Answered {
        /// Which.
        call: u64,
        /// Age.
        age: Seconds,
    },
    /// It needs an agent now: picked up without detection, or judged a person.
    Needs {
        /// Which.
        call: u64,
        /// Age.
        age: Seconds,
    },
    /// Judged a machine.
    Machine {
        /// Which.
        call: u64,
        /// Age.
        age: Seconds,
    },
    /// It ended unanswered: no answer, busy or failed.
    Ended {
        /// Which.
        call: u64,
        /// Age.
        age: Seconds,
    },
    /// We gave it up.
    Cancelled {
        /// Which.
        call: u64,
        /// Age.
        age: Seconds,
    },
    /// It got an agent.
    Connected {
        /// Which.
        call: u64,
        /// To whom.
        agent: u64,
        /// Seconds it waited.
        wait: Seconds,
    },
    /// Nobody was there in time: abandoned, if it was a person.
    Dropped {
        /// Which.
        call: u64,
    },
    /// An agent's talk ended.
    TalkEnded {
        /// Who.
        agent: u64,
        /// Seconds of talk.
        seconds: Seconds,
    },
    /// An agent's wrap-up ended.
    WrapEnded {
        /// Who.
        agent: u64,
        /// Seconds of wrap-up.
        seconds: Seconds,
        /// The agent's word on whom it was.
        person: bool,
        /// Whether the agent came back, rather than going on a break or home.
        back: bool,
    },
    /// An inbound call came.
    InboundArrived,
    /// An inbound call gave up.
    InboundLost,
    /// An agent became available.
    AgentUp {
        /// Who.
        agent: u64,
    },
    /// An agent went on a break or home.
    AgentDown {
        /// Who.
        agent: u64,
    },
}

/// What to do now.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Calls to place.
    pub place: u32,
    /// Calls to give up.
    pub cancel: Vec<u64>,
    /// Why.
    pub reasons: Reasons,
}

/// Which rule settled the number of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// One more call would exceed the permitted chance of a shortage.
    #[default]
    Shortage,
    /// Progressive mode: one line per ready agent.
    OneToOne,
    /// Ratio mode.
    Ratio,
    /// Preview mode.
    Preview,
    /// Too few agents for prediction: one line per ready agent.
    FewAgents,
    /// The state of the agents is stale: one line per ready agent.
    Stale,
    /// Calls fail in a row, more than a list does: one line per ready agent, as probes.
    TrunkFails,
    /// Abandonment is at the cap: one line per ready agent.
    OverCap,
    /// No more lines are free.
    Lines,
    /// The most that one decision places.
    AtOnce,
}

/// A call count's reasons, in numbers: [`Pace`] of a decision, the budget, and what bound.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reasons {
    /// What settled it.
    pub rule: Rule,
    /// Ready agents.
    pub ready: u32,
    /// Agents talking or in wrap-up.
    pub busy: u32,
    /// Calls ringing or in detection.
    pub in_flight: u32,
    /// Calls that wait for an agent, inbound ones included.
    pub waiting: u32,
    /// Abandoned share of live answers so far in the window.
    pub abandoned_share: f64,
    /// What predictive mode reckoned; zeros in other modes.
    pub pace: Pace,
}

/// What predictive mode reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pace {
    /// Share of placed calls that need an agent.
    pub share: f64,
    /// Its standard deviation.
    pub share_sd: f64,
    /// Answers expected within half the horizon from calls that are under way.
    pub answers: f64,
    /// Agents expected to be free then.
    pub free: f64,
    /// Chance that the last call placed finds nobody if a person answers.
    pub shortage: f64,
    /// The same for the call that was not placed any more.
    pub shortage_next: f64,
    /// Permitted chance.
    pub theta: f64,
    /// Abandonments saved up (or, negative, overdrawn).
    pub bank: f64,
}

impl Reasons {
    pub(super) fn begin(now: &Snapshot<'_>, ledger: &Ledger) -> Self {
        Reasons {
            rule: Rule::default(),
            ready: now.ready,
            busy: u32::try_from(now.talking.len() + now.wrapping.len()).unwrap_or(u32::MAX),
            in_flight: now.in_flight(),
            waiting: now.waiting.saturating_add(now.inbound_waiting),
            abandoned_share: ledger.share(),
            pace: Pace::default(),
        }
    }
}
