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
    /// The first call that was not looked at by [`Follower::quick_run`].
    unseen: u64,
    run: u32,
}

/// Seconds after placing by which a call has failed if it fails: post-dial delay is near 2 s, hardly ever above 6.
pub(super) const QUICK: Seconds = 6.0;

impl Followed {
    /// Whether it failed before anything could ring.
    pub(super) fn quick(&self) -> bool {
        matches!(self.fate, Fate::Ended(age) if age < QUICK)
    }
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

    /// How many calls in a row, of those old enough to tell, failed quickly.
    pub(super) fn quick_run(&mut self, now: Seconds) -> u32 {
        self.unseen = self.unseen.max(self.first);
        while let Some(call) = usize::try_from(self.unseen - self.first).ok().and_then(|place| self.calls.get(place)) {
            if call.placed > now - QUICK {
                break;
            }
            self.run = if call.quick() { self.run.saturating_add(1) } else { 0 };
            self.unseen += 1;
        }
        self.run
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
