//! What arrives from a peer, counted: extended sequence numbers and loss (RFC 3550 A.1, A.3), jitter (A.8).

use std::time::Instant;

use super::limits;

/// How a packet stands to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It goes on, or is late or doubled: carry it.
    Flow,
    /// A new SSRC or a restart: what follows has nothing to do with what was.
    Start,
    /// A jump too wide to believe until a second packet confirms it: drop it.
    Doubtful,
}

/// The peer's current stream.
#[derive(Debug, Clone, Copy)]
struct Run {
    ssrc: u32,
    base: u16,
    max: u16,
    cycles: u32,
    bad: Option<u16>,
    received: u64,
    transit: Option<u32>,
    expected_prior: u64,
    received_prior: u64,
}

/// Statistics of one leg's reception over all streams the peer sent.
#[derive(Debug, Default)]
pub struct Reception {
    run: Option<Run>,
    epoch: u32,
    received_before: u64,
    lost_before: u64,
    /// 16 times the jitter in timestamp units: integer arithmetic of A.8 keeps the rounding right.
    jitter_x16: u32,
}

impl Reception {
    /// Counts a packet. `clock`: its arrival in timestamp units from any origin; `None` if its timestamp says nothing
    /// about when it was sent (an event's stays the same).
    pub fn packet(&mut self, clock: Option<u32>, ssrc: u32, sequence: u16, timestamp: u32) -> Arrival {
        let Some(run) = self.run.as_mut().filter(|run| run.ssrc == ssrc) else {
            self.start(ssrc, sequence);
            return Arrival::Start;
        };
        let ahead = sequence.wrapping_sub(run.max);
        if ahead < limits::MAX_DROPOUT {
            if sequence < run.max {
                run.cycles = run.cycles.wrapping_add(1);
            }
            run.max = sequence;
        } else if ahead <= u16::MAX - limits::MAX_MISORDER {
            if run.bad != Some(sequence) {
                run.bad = Some(sequence.wrapping_add(1));
                return Arrival::Doubtful;
            }
            self.start(ssrc, sequence);
            return Arrival::Start;
        }
        run.bad = None;
        run.received += 1;
        if let Some(clock) = clock {
            let transit = clock.wrapping_sub(timestamp);
            if let Some(before) = run.transit.replace(transit) {
                // A peer whose timestamps jump must not blow the mean up for the rest of the call: a minute at 8 kHz.
                let change = (transit.wrapping_sub(before) as i32).unsigned_abs().min(480_000);
                let mean = self.jitter_x16.saturating_add(8) >> 4;
                self.jitter_x16 = self.jitter_x16.saturating_add(change).saturating_sub(mean);
            }
        }
        Arrival::Flow
    }

    fn start(&mut self, ssrc: u32, sequence: u16) {
        self.lost_before = self.lost();
        self.received_before = self.received();
        self.epoch = self.epoch.wrapping_add(1);
        self.run = Some(Run {
            ssrc,
            base: sequence,
            max: sequence,
            cycles: 0,
            bad: None,
            received: 1,
            transit: None,
            expected_prior: 0,
            received_prior: 0,
        });
    }

    /// Number of the current stream, counted from 1; it changes whenever sequence and timestamps begin anew.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// SSRC of the current stream.
    pub fn ssrc(&self) -> Option<u32> {
        self.run.map(|run| run.ssrc)
    }

    /// Packets received over all streams.
    pub fn received(&self) -> u64 {
        self.received_before + self.run.map_or(0, |run| run.received)
    }

    /// Packets that should have come and did not, over all streams; doubled packets can hide lost ones (A.3).
    pub fn lost(&self) -> u64 {
        self.lost_before + self.run.map_or(0, |run| run.expected().saturating_sub(run.received))
    }

    /// Jitter in timestamp units.
    pub fn jitter(&self) -> u32 {
        self.jitter_x16 >> 4
    }

    /// The numbers of a report block (RFC 3550 §6.4.1): SSRC, fraction lost, lost, highest sequence. Begins a new interval.
    pub fn report(&mut self) -> Option<(u32, u8, u32, u32)> {
        let run = self.run.as_mut()?;
        let expected = run.expected();
        let (expected_now, received_now) = (expected - run.expected_prior, run.received.saturating_sub(run.received_prior));
        (run.expected_prior, run.received_prior) = (expected, run.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (lost_now << 8).checked_div(expected_now).unwrap_or(0).min(255) as u8;
        let lost = expected.saturating_sub(run.received).min(0x7F_FFFF) as u32;
        Some((run.ssrc, fraction, lost, run.highest()))
    }
}

impl Run {
    fn highest(&self) -> u32 {
        (self.cycles << 16) | u32::from(self.max)
    }

    fn expected(&self) -> u64 {
        let highest = (u64::from(self.cycles) << 16) | u64::from(self.max);
        (highest + 1).saturating_sub(u64::from(self.base))
    }
}

/// Time since `origin` in units of a clock of `rate` Hz, wrapping as RTP timestamps do.
pub fn clock_units(origin: Instant, now: Instant, rate: u32) -> u32 {
    let micros = now.saturating_duration_since(origin).as_micros() as u64;
    (micros.wrapping_mul(u64::from(rate)) / 1_000_000) as u32
}

#[cfg(test)]
mod tests;
