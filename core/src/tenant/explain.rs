//! Why a call still waits. Why an agent was chosen is in its `call.offered`, see [`crate::queue::Choice`].
//!
//! A pure read: nothing is decided here, so that what is explained is what the decision saw.

use serde::Serialize;

use super::Tenant;
use super::assign::millis;
use super::contact::{Session, Waiting};
use crate::agent::{Mode, WorkNumber};
use crate::id::CallId;
use crate::queue::{Overflow, QueueId};
use crate::time::Timestamp;

/// Why a call still waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyWaiting {
    /// Which call.
    pub call: CallId,
    /// Where.
    pub queue: QueueId,
    /// Its place, 1 for the next.
    pub position: u32,
    /// How many wait there.
    pub waiting: u32,
    /// How long it has waited, in milliseconds, other queues included.
    pub waited_ms: u64,
    /// Its priority.
    pub priority: u8,
    /// How long it will wait as far as is known, in milliseconds.
    pub estimated_ms: Option<u64>,
    /// Its caller's last agent, while it waits for that one alone.
    pub sticky: Option<WorkNumber>,
    /// Agents it rings at or that are asked now.
    pub offered: Vec<WorkNumber>,
    /// Where it goes when it has waited too long, and when that is.
    pub overflow: Option<(Timestamp, Overflow)>,
    /// Every agent that may serve the queue and why it does not take the call, by number.
    pub agents: Vec<WhyNot>,
}

/// Why an agent does not take a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// Who.
    pub agent: WorkNumber,
    /// Why.
    pub obstacle: Obstacle,
}

/// What stands between an agent and a waiting call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// It is being asked to take it.
    Asked,
    /// Not signed in.
    SignedOut,
    /// Signed in without this queue.
    NotServing,
    /// In these calls.
    InCalls(Vec<CallId>),
    /// Busy, in wrap-up or resting.
    Mode(Mode),
    /// Free, but the call waits for its caller's last agent.
    WaitsForAnother(WorkNumber),
    /// Free, and others go first: it is taken as soon as the command that freed it is through.
    None,
}

impl Tenant {
    /// Why a call still waits; `None` if it waits in no queue.
    pub fn explain_waiting(&self, now: Timestamp, call: CallId) -> Option<WhyWaiting> {
        let waiting = self.call(call)?.waiting.as_ref()?;
        let entry = self.queue(waiting.queue)?;
        let position = entry.position(&waiting.key(&entry.queue, call));
        let late = waiting.entered + std::time::Duration::from_secs(u64::from(entry.queue.max_wait_s));
        let estimated = entry.estimated_wait(position);
        Some(WhyWaiting {
            call,
            queue: waiting.queue,
            position,
            waiting: u32::try_from(entry.waiting.len()).unwrap_or(u32::MAX),
            waited_ms: millis(now, waiting.since),
            priority: waiting.priority,
            estimated_ms: estimated.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            sticky: waiting.sticky,
            offered: waiting.offers.clone(),
            overflow: (entry.queue.when_late != Overflow::Stay).then(|| (late, entry.queue.when_late.clone())),
            agents: self.why_not(waiting),
        })
    }

    fn why_not(&self, waiting: &Waiting) -> Vec<WhyNot> {
        let may = self.agents().filter(|entry| entry.agent.skills.iter().any(|skill| skill.queue == waiting.queue));
        may.map(|entry| {
            let agent = entry.agent.number;
            WhyNot { agent, obstacle: entry.session.as_ref().map_or(Obstacle::SignedOut, |session| obstacle(agent, session, waiting)) }
        })
        .collect()
    }
}

fn obstacle(agent: WorkNumber, session: &Session, waiting: &Waiting) -> Obstacle {
    if waiting.offers.contains(&agent) {
        return Obstacle::Asked;
    }
    if !session.queues.contains(&waiting.queue) {
        return Obstacle::NotServing;
    }
    if !session.is_free() {
        return Obstacle::InCalls(session.calls.clone());
    }
    if session.mode != Mode::Ready {
        return Obstacle::Mode(session.mode);
    }
    match waiting.sticky {
        Some(other) if other != agent => Obstacle::WaitsForAnother(other),
        _ => Obstacle::None,
    }
}
