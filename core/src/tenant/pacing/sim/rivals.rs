//! What ours is compared with: the adaptive level of the best-known open dialer, as a model.

use super::super::{Decision, Reasons, Rule, Seconds, Seen, Snapshot};
use super::world::Policy;

/// How the day's drops limit the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brake {
    /// Over the limit: level 1.
    Hard,
    /// Over the limit: half the level every 15 s.
    Average,
    /// Over the limit: times the share of the shift that is left.
    Tapered,
}

/// A level of lines per agent, stepped every 15 s by agents ready against calls waiting, as reference/dialer.md section 3
/// describes it. It is a model, not validated against that dialer, and must not be quoted as its performance.
#[derive(Debug, Clone)]
pub struct Level {
    brake: Brake,
    cap: f64,
    shift: Seconds,
    level: f64,
    highest: f64,
    placed_at: Seconds,
    stepped_at: Seconds,
    counted_at: Seconds,
    ready: (f64, f64),
    answers: u64,
    drops: u64,
    over: bool,
}

/// Seconds between placing, stepping the level, and counting drops.
const PLACE: Seconds = 2.5;
const STEP: Seconds = 15.0;
const COUNT: Seconds = 60.0;
/// Calls before the limit counts.
const ENOUGH: u64 = 50;

impl Level {
    /// Level between 1 and 3, as installed.
    pub fn new(brake: Brake, cap: f64, shift: Seconds) -> Self {
        Level {
            brake,
            cap,
            shift,
            level: 1.0,
            highest: 3.0,
            placed_at: f64::NEG_INFINITY,
            stepped_at: 0.0,
            counted_at: 0.0,
            ready: (0.0, 0.0),
            answers: 0,
            drops: 0,
            over: false,
        }
    }

    fn step(&mut self, now: &Snapshot<'_>) {
        let agents = (now.ready as usize + now.talking.len() + now.wrapping.len()) as f64;
        let spare = self.ready.0 / self.ready.1.max(1.0);
        self.level *= 1.0 + spare / agents.max(1.0);
        if self.over {
            self.level = match self.brake {
                Brake::Hard => 1.0,
                Brake::Average => self.level / 2.0,
                Brake::Tapered => self.level * (1.0 - now.now / self.shift).max(0.0),
            };
        }
        self.level = self.level.clamp(1.0, self.highest);
        self.ready = (0.0, 0.0);
    }
}

impl Policy for Level {
    fn see(&mut self, _now: Seconds, seen: Seen) {
        match seen {
            Seen::Needs { .. } => self.answers += 1,
            Seen::Dropped { .. } => self.drops += 1,
            _ => {}
        }
    }

    fn decide(&mut self, now: &Snapshot<'_>) -> Decision {
        self.ready.0 += f64::from(now.ready) - f64::from(now.waiting);
        self.ready.1 += 1.0;
        if now.now - self.counted_at >= COUNT {
            self.counted_at = now.now;
            self.over = self.answers >= ENOUGH && self.drops as f64 > self.cap * self.answers as f64;
        }
        if now.now - self.stepped_at >= STEP {
            self.stepped_at = now.now;
            self.step(now);
        }
        let mut place = 0;
        if now.now - self.placed_at >= PLACE {
            self.placed_at = now.now;
            let agents = f64::from(now.ready) + now.talking.len() as f64;
            let up = (now.ringing.len() + now.detecting.len() + now.talking.len()) as u32 + now.waiting;
            place = ((self.level * agents).round() as u32).saturating_sub(up).min(now.free_lines);
        }
        Decision { place, cancel: Vec::new(), reasons: Reasons { rule: Rule::Ratio, ..Reasons::default() } }
    }
}
