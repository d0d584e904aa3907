//! Timers as data: one ordered set, exact cancel, no thread.

use std::collections::BTreeMap;

use tandem_core::Timestamp;

/// Names a timer that is set. Ordered by due time, then by the order of setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerToken {
    at: Timestamp,
    serial: u64,
}

/// What is due when. Setting, cancelling and taking cost O(log n); nothing stays behind after a cancel.
#[derive(Debug)]
pub struct TimerQueue<T> {
    due: BTreeMap<TimerToken, T>,
    serial: u64,
}

impl<T> Default for TimerQueue<T> {
    fn default() -> Self {
        TimerQueue { due: BTreeMap::new(), serial: 0 }
    }
}

impl<T> TimerQueue<T> {
    /// Sets a timer.
    pub fn set(&mut self, at: Timestamp, what: T) -> TimerToken {
        let token = TimerToken { at, serial: self.serial };
        self.serial = self.serial.wrapping_add(1);
        self.due.insert(token, what);
        token
    }

    /// Forgets a timer; nothing happens if it was taken already.
    pub fn cancel(&mut self, token: TimerToken) {
        self.due.remove(&token);
    }

    /// When the next timer is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|(token, _)| token.at)
    }

    /// Takes the next timer if it is due.
    pub fn take_due(&mut self, now: Timestamp) -> Option<T> {
        let first = self.due.first_entry()?;
        (first.key().at <= now).then(|| first.remove())
    }

    /// Timers set.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// None is set.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn timers_come_in_order_of_time_then_of_setting() {
        let mut queue = TimerQueue::default();
        queue.set(at(2), "b");
        queue.set(at(1), "a");
        queue.set(at(2), "c");
        assert_eq!(queue.next(), Some(at(1)));
        assert_eq!(queue.take_due(at(0)), None);
        assert_eq!([queue.take_due(at(5)), queue.take_due(at(5)), queue.take_due(at(5))], [Some("a"), Some("b"), Some("c")]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_cancelled_timer_leaves_nothing_behind() {
        let mut queue = TimerQueue::default();
        let token = queue.set(at(1), ());
        queue.cancel(token);
        queue.cancel(token);
        assert_eq!((queue.len(), queue.next()), (0, None));
    }
}
