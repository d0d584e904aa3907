//! Voices added up by time: a window over the last second of a recording, per channel.

use super::{CHANNELS, Channel};
use crate::audio::limits::RECORD_WINDOW;

/// Samples wait here until nobody can add to them any more. Positions count samples from the recording's beginning.
#[derive(Debug)]
pub struct Timeline {
    ring: [Box<[i16; RECORD_WINDOW]>; CHANNELS],
    /// Position of the first sample that is not taken yet.
    taken: u64,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { ring: std::array::from_fn(|_| Box::new([0; RECORD_WINDOW])), taken: 0 }
    }
}

impl Timeline {
    /// Position of the first sample that is not taken yet.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// First position that lies beyond the window.
    pub fn end(&self) -> u64 {
        self.taken.saturating_add(RECORD_WINDOW as u64)
    }

    /// Adds samples, the first at `position`. What lies outside the window is left out; answers how many samples were.
    pub fn add(&mut self, channel: Channel, position: i64, samples: &[i16]) -> usize {
        let ring = match channel {
            Channel::Left => &mut self.ring[0],
            Channel::Right => &mut self.ring[1],
        };
        let mut outside = 0;
        for (place, sample) in samples.iter().enumerate() {
            let at = u64::try_from(position.saturating_add(place as i64))
                .ok()
                .filter(|at| (self.taken..self.taken + RECORD_WINDOW as u64).contains(at));
            match at.and_then(|at| ring.get_mut(at as usize % RECORD_WINDOW)) {
                Some(sum) => *sum = sum.saturating_add(*sample),
                None => outside += 1,
            }
        }
        outside
    }

    /// Moves everything before `until` to `out`, left and right in turn. Never more than a window at once: call it until
    /// [`Timeline::taken`] has come there.
    pub fn take(&mut self, until: u64, out: &mut Vec<i16>) {
        let end = until.min(self.end());
        let [left, right] = &mut self.ring;
        for at in self.taken..end {
            let slot = at as usize % RECORD_WINDOW;
            for ring in [&mut *left, &mut *right] {
                out.push(ring.get_mut(slot).map(std::mem::take).unwrap_or_default());
            }
            self.taken = at + 1;
        }
    }

    /// Forgets what is not taken.
    pub fn clear(&mut self) {
        self.ring.iter_mut().for_each(|ring| ring.fill(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(timeline: &mut Timeline, until: u64) -> Vec<i16> {
        let mut out = Vec::new();
        while timeline.taken() < until {
            timeline.take(until, &mut out);
        }
        out
    }

    #[test]
    fn voices_of_a_channel_add_up_and_channels_stay_apart() {
        let mut timeline = Timeline::default();
        timeline.add(Channel::Left, 0, &[1, 2]);
        timeline.add(Channel::Right, 1, &[30, 30]);
        timeline.add(Channel::Right, 1, &[5, i16::MAX]);
        assert_eq!(taken(&mut timeline, 4), [1, 0, 2, 35, 0, i16::MAX, 0, 0]);
        assert_eq!(taken(&mut timeline, 5), [0, 0]);
    }

    #[test]
    fn a_slot_is_silent_again_after_it_was_taken() {
        let mut timeline = Timeline::default();
        timeline.add(Channel::Left, 0, &[7; 10]);
        drop(taken(&mut timeline, 100));
        assert!(taken(&mut timeline, 100 + 2 * RECORD_WINDOW as u64).iter().all(|sample| *sample == 0));
    }

    #[test]
    fn what_is_too_late_or_too_early_is_left_out_and_counted() {
        let mut timeline = Timeline::default();
        drop(taken(&mut timeline, 100));
        assert_eq!(timeline.add(Channel::Left, 98, &[9; 4]), 2);
        assert_eq!(timeline.add(Channel::Left, -5, &[9; 4]), 4);
        assert_eq!(timeline.add(Channel::Left, timeline.end() as i64 - 1, &[9; 4]), 3);
        assert_eq!(timeline.add(Channel::Left, i64::MAX - 1, &[9; 2]), 2);
        assert_eq!(taken(&mut timeline, 103)[..6], [9, 0, 9, 0, 0, 0]);
    }
}
