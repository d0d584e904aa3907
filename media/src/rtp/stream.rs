//! What a peer receives from us: one continuous RTP stream for the life of the leg, whatever it hears.

use std::time::{Duration, Instant};

use tandem_core::LegId;

use super::limits;

/// Bytes of the RTP header we write: no CSRC, no extension (their ids are negotiated per leg and not ours to pass on).
pub const HEADER: usize = 12;

/// Where a packet of the stream comes from. A change of it begins a new section of the same stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A leg's stream, and which of its runs (see [`super::reception::Reception::epoch`]).
    Leg(LegId, u32),
    /// The switch itself.
    Switch,
}

/// The fields that make a packet part of our stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit: the first packet after a change of source.
    pub marker: bool,
}

/// The stream that we send on a leg.
#[derive(Debug)]
pub struct Stream {
    ssrc: u32,
    clock_rate: u32,
    origin: Option<Origin>,
    next_sequence: u16,
    timestamp: u32,
    sent_at: Option<Instant>,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// First sequence number of the source that belongs to this section: what came before it is too late.
    floor: u16,
    packets: u64,
    octets: u64,
}

impl Stream {
    /// A stream with its random beginnings (RFC 3550 §5.1) and its clock in Hz.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32, clock_rate: u32) -> Stream {
        Stream {
            ssrc,
            clock_rate,
            origin: None,
            next_sequence: sequence,
            timestamp,
            sent_at: None,
            sequence_offset: 0,
            timestamp_offset: 0,
            floor: 0,
            packets: 0,
            octets: 0,
        }
    }

    /// The codec's clock in Hz may change with a new offer.
    pub fn set_clock_rate(&mut self, rate: u32) {
        if rate != self.clock_rate && rate != 0 {
            self.clock_rate = rate;
            self.origin = None;
        }
    }

    /// Places a relayed packet. `None`: it belongs before the section that is running.
    pub fn relay(&mut self, now: Instant, origin: Origin, sequence: u16, timestamp: u32, marker: bool) -> Option<Place> {
        let change = self.origin != Some(origin);
        if change {
            let begin = self.next_timestamp(now);
            self.origin = Some(origin);
            self.floor = sequence;
            self.sequence_offset = self.next_sequence.wrapping_sub(sequence);
            self.timestamp_offset = begin.wrapping_sub(timestamp);
        } else if (sequence.wrapping_sub(self.floor) as i16) < 0 {
            return None;
        }
        let place = Place {
            sequence: sequence.wrapping_add(self.sequence_offset),
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
            marker: marker || change,
        };
        let ahead = place.sequence.wrapping_sub(self.next_sequence);
        if (ahead as i16) >= 0 {
            self.next_sequence = place.sequence.wrapping_add(1);
            self.timestamp = place.timestamp;
            self.sent_at = Some(now);
            // The floor follows, or it would come to lie "ahead" after half the number space.
            if (sequence.wrapping_sub(self.floor)) > 2 * limits::MAX_DROPOUT {
                self.floor = sequence.wrapping_sub(limits::MAX_DROPOUT);
            }
        }
        Some(place)
    }

    /// A packet of the running source that is deliberately not sent: the numbers close up, or the peer would count a loss.
    pub fn leave_out(&mut self, origin: Origin, sequence: u16) {
        let due = sequence.wrapping_add(self.sequence_offset) == self.next_sequence;
        if self.origin == Some(origin) && due {
            self.sequence_offset = self.sequence_offset.wrapping_sub(1);
            self.floor = sequence.wrapping_add(1);
        }
    }

    /// Places a frame of `samples` that the switch made, after leaving out `skipped` frames.
    pub fn make(&mut self, now: Instant, samples: u32, skipped: u32) -> Place {
        let gap = self.sent_at.is_none_or(|at| now.saturating_duration_since(at) > limits::TICK_SKIP);
        let change = self.origin != Some(Origin::Switch) || gap;
        if change {
            self.timestamp = self.next_timestamp(now);
            self.origin = Some(Origin::Switch);
        } else {
            self.timestamp = self.timestamp.wrapping_add(samples.wrapping_mul(skipped.saturating_add(1)));
        }
        let place = Place { sequence: self.next_sequence, timestamp: self.timestamp, marker: change };
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.sent_at = Some(now);
        place
    }

    /// Forgets the source: the next packet begins a section, even if it comes from the same place as the last.
    pub fn interrupt(&mut self) {
        self.origin = None;
    }

    /// Writes the header for a placed packet; the caller has put the payload behind it. Counts the packet.
    pub fn stamp(&mut self, out: &mut [u8; HEADER], place: Place, payload_type: u8, payload: usize) {
        out[0] = 0x80;
        out[1] = (payload_type & 0x7F) | (u8::from(place.marker) << 7);
        out[2..4].copy_from_slice(&place.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&place.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        self.packets += 1;
        self.octets += payload as u64;
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload octets sent.
    pub fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// When the last packet went.
    pub fn sent_at(&self) -> Option<Instant> {
        self.sent_at
    }

    /// Our timestamp at `now`, for a sender report.
    pub fn timestamp_at(&self, now: Instant) -> u32 {
        self.timestamp.wrapping_add(self.elapsed(now))
    }

    /// The timestamp for a new section: time goes on, by one frame at least.
    fn next_timestamp(&self, now: Instant) -> u32 {
        let frame = self.units(limits::TICK);
        if self.sent_at.is_none() { self.timestamp } else { self.timestamp.wrapping_add(self.elapsed(now).max(frame)) }
    }

    fn elapsed(&self, now: Instant) -> u32 {
        self.sent_at.map_or(0, |at| self.units(now.saturating_duration_since(at)))
    }

    fn units(&self, span: Duration) -> u32 {
        (span.as_micros() as u64).wrapping_mul(u64::from(self.clock_rate)).wrapping_div(1_000_000) as u32
    }
}

#[cfg(test)]
mod tests;
