//! Every 20 ms: frames that the switch makes, and in turn each leg's timers.

use std::time::{Duration, Instant};

use super::{Counts, Hears, Worker, send, send_report};
use crate::audio::{FRAME, Law};
use crate::rtp::keys::Step;
use crate::rtp::limits;
use crate::rtp::mix::Sum;
use crate::rtp::player::Played;
use crate::rtp::report::Report;

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
        if self.press(now, slot) {
            return true;
        }
        let Some(entry) = self.legs.get_mut(slot as usize) else { return true };
        match &mut entry.hears {
            Hears::Mix(_) => self.mix(now, slot, skipped),
            Hears::Play(_) => self.play(now, slot, skipped),
            _ => {}
        }
        let Some(entry) = self.legs.get_mut(slot as usize).filter(|entry| !entry.needs_tick()) else { return true };
        entry.ticking = false;
        self.ticking.retain(|ticking| *ticking != slot);
        false
    }

    /// Sends the tick's part of a key that is being pressed for the peer; true while the key sounds.
    fn press(&mut self, now: Instant, slot: u32) -> bool {
        let Some(entry) = self.legs.get_mut(slot as usize) else { return false };
        let Some(keys) = &mut entry.keys else { return false };
        let Some(step) = keys.tick() else {
            entry.keys = None;
            return false;
        };
        let Step::Key(part) = step else { return false };
        let length = entry.leg.press(now, part, &mut self.out);
        send(entry, &mut self.out, length, &mut self.counts);
        true
    }

    /// Plays the next frame, or ends what has come to its end.
    fn play(&mut self, now: Instant, slot: u32, skipped: u32) {
        let Some(entry) = self.legs.get_mut(slot as usize) else { return };
        let Hears::Play(player) = &mut entry.hears else { return };
        let law = entry.leg.law();
        let mut codes = [0u8; FRAME];
        // A codec that the switch cannot make hears nothing, but a prompt still ends in its time.
        let failed = match player.next(now, skipped, law.unwrap_or(Law::A), &mut codes) {
            Played::Frame => {
                let length = law.and_then(|_| entry.leg.speak(now, &codes, skipped, &mut self.out));
                send(entry, &mut self.out, length, &mut self.counts);
                return;
            }
            Played::Waiting => return,
            Played::Ended => None,
            Played::Failed(error) => Some(error),
        };
        let leg = entry.leg.id();
        if let Hears::Play(player) = std::mem::replace(&mut entry.hears, Hears::Silence)
            && let Some(name) = player.name()
        {
            self.parts.sink.report(match failed {
                Some(error) => Report::PromptFailed { leg, name, error },
                None => Report::PromptEnded { leg },
            });
        }
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
            send(entry, &mut self.out, length, &mut self.counts);
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
            let failed = length.is_some_and(|length| send_report(entry, &mut self.out, length).is_err());
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
