//! What is to be done when: one ordered list, as there are never more than some hundred entries.

use std::collections::BTreeMap;

use tandem_core::{LegId, Timestamp};

use crate::demo::habits::Act;

/// Acts of legs by time. Those of one moment come in the order they were put in.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<(Timestamp, u64), (LegId, Act)>,
    counter: u64,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Timestamp, leg: LegId, act: Act) {
        self.counter += 1;
        self.entries.insert((at, self.counter), (leg, act));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(LegId, Act)> {
        let entry = self.entries.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// A leg is over, or has other plans.
    pub(super) fn forget(&mut self, leg: LegId) {
        self.entries.retain(|_, (of, _)| *of != leg);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn acts_come_in_order_of_time_and_a_forgotten_leg_does_nothing() {
        let start = Timestamp::from_micros(0);
        let (mut agenda, one, two) = (Agenda::default(), LegId(1), LegId(2));
        agenda.put(start + Duration::from_secs(2), one, Act::HangUp);
        agenda.put(start + Duration::from_secs(1), one, Act::Speak);
        agenda.put(start + Duration::from_secs(1), two, Act::Listen);
        assert_eq!(agenda.take_due(start), None);
        agenda.forget(two);
        let end = start + Duration::from_secs(9);
        assert_eq!(agenda.take_due(end), Some((one, Act::Speak)));
        assert_eq!(agenda.take_due(end), Some((one, Act::HangUp)));
        assert_eq!(agenda.len(), 0);
    }
}
