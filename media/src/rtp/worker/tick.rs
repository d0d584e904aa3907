//! Every 20 ms: frames that the switch makes, and in turn each leg's timers.

use std::time::{Duration, Instant};

use super::{Counts, Entry, Hears, Worker, send, send_report};
use crate::audio::FRAME;
use crate::rtp::limits;
use crate::rtp::mix::Sum;
use crate::rtp::report::Report;

/// What a player has for this tick.
enum Played {
    Sent(Option<usize>),
    Waiting,
    Ended,
    Failed(String),
}

impl Worker {
    pub(super) fn tick(&mut self, now: Instant, skipped: u32) {
        self.tick += 1;
        let mut place = 0;
        while let Some(slot) = self.ticking.get(place).copied() {
            self.current = Some(slot);
            let kept = self.frame(now, slot, skipped);
            self.current = None;
            place += usize::from(kept);
        }
        self.housekeeping(now);
        self.show_counts();
    }

    /// Makes one leg's frame. Answers whether it stays in the list.
    fn frame(&mut self, now: Instant, slot: u32, skipped: u32) -> bool {
        let Some(entry) = self.legs.get_mut(slot as usize) else { return true };
        if let Hears::Mix(_) = entry.hears {
            self.mix(now, slot, skipped);
            return true;
        }
        let failed = match play(entry, now, skipped, &mut self.out) {
            Played::Sent(length) => {
                send(&entry.leg, &entry.rtp, &self.out, length, &mut self.counts);
                return true;
            }
            Played::Waiting => return true,
            Played::Ended => None,
            Played::Failed(error) => Some(error),
        };
        let leg = entry.leg.id();
        let old = std::mem::replace(&mut entry.hears, Hears::Silence);
        entry.ticking = false;
        self.ticking.retain(|ticking| *ticking != slot);
        if let Hears::Play(player) = old {
            self.parts.sink.report(match (failed, player.prompt) {
                (Some(error), Some(name)) => Report::PromptFailed { leg, name, error },
                _ => Report::PromptEnded { leg },
            });
        }
        false
    }

    /// Sends the sum of a mix's sources, the listener itself left out.
    fn mix(&mut self, now: Instant, slot: u32, skipped: u32) {
        let Some((law, count)) = self.legs.get(slot as usize).and_then(|entry| Some((entry.leg.law()?, entry.hears.sources().len())))
        else {
            return;
        };
        let mut sum = Sum::default();
        for place in 0..count {
            let source = self.legs.get(slot as usize).and_then(|entry| entry.hears.sources().get(place));
            let Some(source) = source.and_then(|source| self.slots.get(source)).copied().filter(|source| *source != slot) else { continue };
            let queue = self.legs.get_mut(source as usize).and_then(|source| source.queue.as_mut());
            if let Some(frame) = queue.and_then(|queue| queue.frame(self.tick)) {
                sum.add(frame);
            }
        }
        let mut codes = [0u8; FRAME];
        sum.encode(law, &mut codes);
        if let Some(entry) = self.legs.get_mut(slot as usize) {
            let length = entry.leg.speak(now, &codes, skipped, &mut self.out);
            send(&entry.leg, &entry.rtp, &self.out, length, &mut self.counts);
        }
    }

    /// Looks at a share of the legs, so that each is looked at every [`limits::HOUSEKEEPING_TICKS`].
    fn housekeeping(&mut self, now: Instant) {
        self.housekeeping = (self.housekeeping + 1) % limits::HOUSEKEEPING_TICKS;
        for slot in (self.housekeeping..self.legs.capacity()).step_by(limits::HOUSEKEEPING_TICKS) {
            if self.legs.contains(slot) {
                self.current = u32::try_from(slot).ok();
                self.timers(now, slot);
                self.current = None;
            }
        }
    }

    fn timers(&mut self, now: Instant, slot: usize) {
        let next = now + self.report_interval();
        let Some(entry) = self.legs.get_mut(slot) else { return };
        let leg = entry.leg.id();
        if let Some(key) = entry.leg.digit_timeout(now) {
            self.parts.sink.report(Report::Digit { leg, digit: key.digit, duration_ms: key.duration_ms() });
        }
        if let Some(seconds) = entry.leg.silent_for(now, self.parts.silence) {
            self.parts.sink.report(Report::Silent { leg, seconds });
        }
        if entry.report_due.is_some_and(|due| now >= due) {
            entry.report_due = Some(next);
            let length = entry.leg.report(now, self.ntp.at(now), false, &mut self.out);
            let failed = length.is_some_and(|length| send_report(entry, &self.out, length).is_err());
            self.counts.send_failed += u64::from(failed);
        }
    }

    /// Half to one and a half of the mean, so that reports do not fall into step (RFC 3550 §6.2).
    pub(super) fn report_interval(&mut self) -> Duration {
        let mean = self.parts.rtcp_interval;
        mean / 2 + mean.mul_f64((self.random() >> 11) as f64 / (1u64 << 53) as f64)
    }

    pub(super) fn show_counts(&mut self) {
        let legs = self.legs.len();
        let shown = self.counts.legs_shown;
        let counts = std::mem::replace(&mut self.counts, Counts { legs_shown: legs, ..Counts::default() });
        self.meters.show(&counts, shown, legs);
    }
}

fn play(entry: &mut Entry, now: Instant, skipped: u32, out: &mut crate::rtp::leg::Buffer) -> Played {
    let Hears::Play(player) = &mut entry.hears else { return Played::Waiting };
    let clip = match player.clip.get() {
        None => return Played::Waiting,
        Some(Err(error)) => return Played::Failed(error.clone()),
        Some(Ok(clip)) => clip,
    };
    // A codec that the switch cannot make hears nothing, but a prompt still ends in its time.
    let law = entry.leg.law();
    let mut frame = clip.frame(law.unwrap_or(crate::audio::Law::A), player.next);
    if frame.is_none() && player.repeat {
        player.next = 0;
        frame = clip.frame(law.unwrap_or(crate::audio::Law::A), 0);
    }
    let Some(frame) = frame else { return Played::Ended };
    player.next += 1;
    Played::Sent(law.and_then(|_| entry.leg.speak(now, frame, skipped, out)))
}
