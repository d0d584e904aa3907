//! The 20 ms tick: no drift, and no burst after a stall.

use std::time::{Duration, Instant};

use super::limits::{TICK, TICK_CATCH_UP, TICK_SKIP};

/// Says when a tick is due.
#[derive(Debug)]
pub struct Beat {
    next: Instant,
    last: Option<Instant>,
}

impl Beat {
    /// A beat whose first tick is due one period after `now`.
    pub fn new(now: Instant) -> Beat {
        Beat { next: now + TICK, last: None }
    }

    /// Takes a tick if one is due; answers how many were skipped before it. After a stall the owed ticks come at twice
    /// the pace until time is caught up; after a stall of more than [`TICK_SKIP`] they are not owed any more.
    pub fn due(&mut self, now: Instant) -> Option<u32> {
        if now < self.when() {
            return None;
        }
        let behind = now.saturating_duration_since(self.next);
        let skipped = if behind >= TICK_SKIP { (behind.as_micros() / TICK.as_micros()) as u32 } else { 0 };
        self.next += TICK * (skipped + 1);
        self.last = Some(now);
        Some(skipped)
    }

    /// Time until the next tick.
    pub fn wait(&self, now: Instant) -> Duration {
        self.when().saturating_duration_since(now)
    }

    fn when(&self) -> Instant {
        self.last.map_or(self.next, |last| self.next.max(last + TICK_CATCH_UP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn late_ticks_do_not_move_the_ones_after() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        for n in 1..=500u32 {
            assert_eq!(beat.due(start + TICK * n + MS), Some(0), "tick {n}");
            assert_eq!(beat.due(start + TICK * n + MS), None);
        }
    }

    #[test]
    fn fifty_milliseconds_of_stall_lose_no_tick_and_make_no_burst() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        let mut ticks = Vec::new();
        for ms in (0..=400).filter(|ms| !(101..151).contains(ms)) {
            if let Some(skipped) = beat.due(start + MS * ms) {
                assert_eq!(skipped, 0);
                ticks.push(ms);
            }
        }
        assert_eq!(ticks.len(), 20);
        assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] >= 10), "{ticks:?}");
    }

    #[test]
    fn a_long_stall_is_skipped_and_says_so() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        assert_eq!(beat.due(start + MS * 1025), Some(50));
        assert_eq!(beat.due(start + MS * 1035), None);
        assert_eq!(beat.due(start + MS * 1040), Some(0));
    }
}
