//! Where in time a voice belongs: timestamps say how its packets follow each other, arrival says when the first one was.

use super::tap::Voice;
use crate::audio::{RATE, limits};

/// Timestamps remembered, so that a packet that comes twice is added once.
const RECENT: usize = 8;

/// What the recorder knows of a leg's stream.
#[derive(Debug, Default)]
pub(super) struct Placer {
    anchor: Option<Anchor>,
    recent: [Option<u32>; RECENT],
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    run: u32,
    timestamp: u32,
    position: i64,
}

/// A moment of the recorder's time, in samples.
pub(super) fn samples_at(micros: u64) -> i64 {
    (micros.saturating_mul(u64::from(RATE)) / 1_000_000) as i64
}

impl Placer {
    /// Position of a voice's first sample, in samples of the recorder's time; `None`: it was here already, or it has to go.
    ///
    /// A source whose clock runs slow is placed anew once it lies [`limits::RECORD_SLACK`] behind (a gap); one that runs
    /// fast loses a packet as often as it gets so far ahead, for to go back would lay its voice over itself.
    pub(super) fn place(&mut self, voice: &Voice, length: usize) -> Option<i64> {
        let spoken = samples_at(voice.at).saturating_sub(length as i64);
        let Some(anchor) = self.anchor.filter(|anchor| anchor.run == voice.run) else {
            self.begin(voice, spoken);
            return Some(spoken);
        };
        if self.recent.contains(&Some(voice.timestamp)) {
            return None;
        }
        let position = anchor.position + i64::from(voice.timestamp.wrapping_sub(anchor.timestamp) as i32);
        let ahead = position - spoken;
        let slack = limits::RECORD_SLACK as i64;
        if ahead < -slack || ahead > 4 * slack {
            self.begin(voice, spoken);
            return Some(spoken);
        }
        if ahead > slack {
            self.anchor = Some(Anchor { position: anchor.position - length as i64, ..anchor });
            return None;
        }
        self.remember(voice.timestamp);
        if position > anchor.position {
            self.anchor = Some(Anchor { run: voice.run, timestamp: voice.timestamp, position });
        }
        Some(position)
    }

    fn begin(&mut self, voice: &Voice, position: i64) {
        self.anchor = Some(Anchor { run: voice.run, timestamp: voice.timestamp, position });
        self.recent = [None; RECENT];
        self.remember(voice.timestamp);
    }

    fn remember(&mut self, timestamp: u32) {
        if let Some(slot) = self.recent.get_mut(self.next % RECENT) {
            *slot = Some(timestamp);
        }
        self.next = (self.next + 1) % RECENT;
    }
}

#[cfg(test)]
mod tests;
