//! Calls in the order in which they were placed, until they are old enough for their outcome to count.
//!
//! Outcomes are learned from in the order of placing, not of ending: failures end first, people next, no-answers last, so that an
//! end-ordered short memory swings with each burst of dialing (reference/dialer.md 6.2).

use std::collections::{HashMap, VecDeque};

use super::Seconds;
use super::limits::CALLS_FOLLOWED;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// Nothing yet.
    Open,
    /// Needed an agent at this age.
    Needs(Seconds),
    /// Judged a machine at this age.
    Machine(Seconds),
    /// Ended unanswered at this age.
    Ended(Seconds),
    /// Given up at this age.
    Cancelled(Seconds),
}

/// A call that is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    id: u64,
    pub(super) placed: Seconds,
    pub(super) answered: Option<Seconds>,
    pub(super) fate: Fate,
    /// For how much of a person it was taken when it came to need an agent.
    pub(super) person: f64,
}

/// The calls of the last cohort.
#[derive(Debug, Clone, Default)]
pub(super) struct Follower {
    calls: VecDeque<Followed>,
    first: u64,
    index: HashMap<u64, u64>,
}

impl Follower {
    /// A call was placed; `placed` is in order, or nearly.
    pub(super) fn placed(&mut self, id: u64, placed: Seconds) {
        if self.index.contains_key(&id) || self.calls.len() >= CALLS_FOLLOWED {
            return;
        }
        self.index.insert(id, self.first + self.calls.len() as u64);
        self.calls.push_back(Followed { id, placed, answered: None, fate: Fate::Open, person: 0.0 });
    }

    /// The call, which may never have been seen ringing: then it was placed its age ago.
    pub(super) fn at_age(&mut self, id: u64, now: Seconds, age: Seconds) -> Option<&mut Followed> {
        if !self.index.contains_key(&id) {
            self.placed(id, now - age);
        }
        self.get(id)
    }

    pub(super) fn get(&mut self, id: u64) -> Option<&mut Followed> {
        let place = *self.index.get(&id)?;
        self.calls.get_mut(usize::try_from(place.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn peek(&self, id: u64) -> Option<&Followed> {
        let place = *self.index.get(&id)?;
        self.calls.get(usize::try_from(place.checked_sub(self.first)?).ok()?)
    }

    /// The oldest call if it was placed before this moment.
    pub(super) fn complete(&mut self, before: Seconds) -> Option<Followed> {
        if self.calls.front()?.placed > before {
            return None;
        }
        let call = self.calls.pop_front()?;
        self.first += 1;
        self.index.remove(&call.id);
        Some(call)
    }
}
