//! One leg's media as a state machine without sockets: packet in, decision out; packet for the peer, bytes out.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use rtp_rs::RtpReader;
use tandem_core::{Direction, LegId, MediaStats};

use super::coding::{COMFORT_NOISE, Coding};
use super::dtmf::{DigitReader, KeyPress};
use super::latch::Latch;
use super::limits;
use super::quality;
use super::reception::{Arrival, Reception, clock_units};
use super::remote::MediaRemote;
use super::rtcp::Reports;
use super::stream::{HEADER, Origin, Place, Stream};
use crate::audio::{FRAME, Law};

/// A packet's worth of bytes.
pub type Buffer = [u8; limits::PACKET];

/// The random beginnings of a leg's stream (RFC 3550 §5.1), passed in so that tests can choose them.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    /// SSRC of everything we send.
    pub ssrc: u32,
    /// First sequence number.
    pub sequence: u16,
    /// First timestamp.
    pub timestamp: u32,
    /// CNAME: random text, never a host name (RFC 7022).
    pub cname: [u8; 16],
}

/// What kind of payload a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Speech in the negotiated codec.
    Speech,
    /// A telephone event (RFC 4733).
    Event,
    /// Comfort noise (RFC 3389).
    Noise,
}

/// A packet that others may hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Its payload's kind.
    pub kind: Kind,
    /// The codec of the leg it came from.
    pub coding: Coding,
    /// Leg and run it belongs to.
    pub origin: Origin,
    /// RTP sequence number as received.
    pub sequence: u16,
    /// RTP timestamp as received.
    pub timestamp: u32,
    /// Marker bit as received.
    pub marker: bool,
    /// Where the payload lies in the packet, padding left off.
    pub payload: Range<usize>,
}

/// What became of a received packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// From a stranger, or before anybody was named: dropped and counted.
    Rejected,
    /// From the right source but of no use.
    Ignored,
    /// Taken.
    Heard {
        /// Key presses that it ended.
        keys: [Option<KeyPress>; 2],
        /// What the listeners may get; `None` if the direction forbids it.
        sound: Option<Sound>,
    },
}

/// The negotiated far end, reduced to what each packet needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Far {
    pub(super) coding: Coding,
    pub(super) clock_rate: u32,
    receive_type: u8,
    send_type: u8,
    event_in: Option<u8>,
    event_out: Option<u8>,
    direction: Direction,
    pub(super) ptime_ms: u16,
    pub(super) mux: bool,
}

impl Far {
    fn new(remote: &MediaRemote) -> Far {
        Far {
            coding: Coding::of(&remote.codec),
            clock_rate: if remote.codec.clock_rate == 0 { 8000 } else { remote.codec.clock_rate },
            receive_type: remote.codec.payload_type,
            send_type: remote.remote_payload_type,
            event_in: remote.local_dtmf.or(remote.dtmf),
            event_out: remote.dtmf,
            direction: remote.direction,
            ptime_ms: remote.ptime_ms,
            mux: remote.rtcp_mux,
        }
    }

    fn kind(&self, payload_type: u8) -> Option<Kind> {
        if payload_type == self.receive_type {
            Some(Kind::Speech)
        } else if Some(payload_type) == self.event_in {
            Some(Kind::Event)
        } else if payload_type == COMFORT_NOISE && self.coding.law().is_some() {
            Some(Kind::Noise)
        } else {
            None
        }
    }

    fn receives(&self) -> bool {
        matches!(self.direction, Direction::SendRecv | Direction::RecvOnly)
    }

    fn sends(&self) -> bool {
        matches!(self.direction, Direction::SendRecv | Direction::SendOnly)
    }
}

/// A leg. Sockets, threads and who hears whom are elsewhere.
#[derive(Debug)]
pub struct Leg {
    id: LegId,
    born: Instant,
    pub(super) far: Option<Far>,
    pub(super) rtp: Option<Latch>,
    pub(super) rtcp: Option<Latch>,
    pub(super) reception: Reception,
    pub(super) stream: Stream,
    pub(super) reports: Reports,
    digits: DigitReader,
    pub(super) rejected: u64,
    mismatched: u64,
    /// Counts the times that its sound stopped and went on by negotiation.
    section: u32,
    heard_at: Instant,
    silence_reported: bool,
}

impl Leg {
    /// A leg whose far end is not known yet: it takes nothing and sends nothing.
    pub fn new(id: LegId, seed: Seed, now: Instant) -> Leg {
        Leg {
            id,
            born: now,
            far: None,
            rtp: None,
            rtcp: None,
            reception: Reception::default(),
            stream: Stream::new(seed.ssrc, seed.sequence, seed.timestamp, 8000),
            reports: Reports::new(seed.cname),
            digits: DigitReader::default(),
            rejected: 0,
            mismatched: 0,
            section: 0,
            heard_at: now,
            silence_reported: false,
        }
    }

    /// Its name.
    pub fn id(&self) -> LegId {
        self.id
    }

    /// Takes the result of an offer and answer. The gates stay latched if the addresses are the same as before.
    pub fn set_remote(&mut self, now: Instant, remote: &MediaRemote) {
        let far = Far::new(remote);
        self.stream.set_clock_rate(far.clock_rate);
        let rtp = Latch::new(remote.latch, remote.rtp, remote.signalled_from, limits::REBIND_SILENCE);
        let rtcp = Latch::new(remote.latch, remote.rtcp_address(), remote.signalled_from, limits::REBIND_SILENCE_RTCP);
        replace(&mut self.rtp, rtp);
        replace(&mut self.rtcp, rtcp);
        // Sound that a hold kept back is no loss: its listeners get a new section, not a hole.
        if self.far.is_some_and(|old| old.receives() != far.receives()) {
            self.section = self.section.wrapping_add(1);
        }
        self.far = Some(far);
        self.heard_at = now;
        self.silence_reported = false;
    }

    /// Decides about a packet that came to the RTP port.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> Verdict {
        let (Some(far), Some(gate)) = (&self.far, &mut self.rtp) else {
            self.rejected += 1;
            return Verdict::Rejected;
        };
        let Ok(reader) = RtpReader::new(packet) else {
            let known = gate.source() == Some(from);
            self.rejected += u64::from(!known);
            return if known { Verdict::Ignored } else { Verdict::Rejected };
        };
        let kind = far.kind(reader.payload_type());
        if !gate.admit(now, from, reader.ssrc(), kind.is_some()) {
            self.rejected += 1;
            return Verdict::Rejected;
        }
        let (sequence, timestamp) = (u16::from(reader.sequence_number()), reader.timestamp());
        let clock = (kind == Some(Kind::Speech)).then(|| clock_units(self.born, now, far.clock_rate));
        let arrival = self.reception.packet(clock, reader.ssrc(), sequence, timestamp);
        let mut keys = [None; 2];
        match arrival {
            Arrival::Doubtful => return Verdict::Ignored,
            Arrival::Start => keys[0] = self.digits.restart(),
            Arrival::Flow => {}
        }
        let Some(kind) = kind else { return Verdict::Ignored };
        self.heard_at = now;
        self.silence_reported = false;
        if kind == Kind::Event {
            let ended = self.digits.packet(now, timestamp, reader.payload());
            keys = [keys[0].or(ended[0]), ended[1]];
        }
        let start = reader.payload_offset();
        let sound = far.receives().then(|| Sound {
            kind,
            coding: far.coding,
            origin: Origin::Leg(self.id, self.reception.epoch().wrapping_add(self.section)),
            sequence,
            timestamp,
            marker: reader.mark(),
            payload: start..start + reader.payload().len(),
        });
        Verdict::Heard { keys, sound }
    }

    /// Makes of another leg's packet the one that this leg's peer gets: its payload types, our stream. Answers the
    /// length written to `out`; `None` if nothing is to be sent.
    pub fn forward(&mut self, now: Instant, sound: &Sound, packet: &[u8], out: &mut Buffer) -> Option<usize> {
        let Some(far) = self.far.as_ref().filter(|far| far.sends()) else {
            self.stream.interrupt();
            return None;
        };
        let payload = packet.get(sound.payload.clone())?;
        let (header, room) = out.split_first_chunk_mut::<HEADER>()?;
        let room = room.get_mut(..payload.len())?;
        let payload_type = match (sound.kind, sound.coding, far.coding) {
            (Kind::Speech, from, to) if from == to => {
                room.copy_from_slice(payload);
                Some(far.send_type)
            }
            (Kind::Speech, Coding::G711(from), Coding::G711(to)) => {
                from.convert_into(to, payload, room);
                Some(far.send_type)
            }
            (Kind::Speech, ..) => {
                self.mismatched += 1;
                None
            }
            (Kind::Noise, Coding::G711(_), Coding::G711(_)) => {
                room.copy_from_slice(payload);
                Some(COMFORT_NOISE)
            }
            (Kind::Noise, ..) => None,
            (Kind::Event, ..) => {
                room.copy_from_slice(payload);
                far.event_out
            }
        };
        let Some(payload_type) = payload_type else {
            self.stream.leave_out(sound.origin, sound.sequence);
            return None;
        };
        let place = self.stream.relay(now, sound.origin, sound.sequence, sound.timestamp, sound.marker)?;
        self.stream.stamp(header, place, payload_type, payload.len());
        Some(HEADER + payload.len())
    }

    /// Makes the packet for one 20 ms frame of G.711 in this leg's law, `skipped` frames after the one before.
    pub fn speak(&mut self, now: Instant, codes: &[u8], skipped: u32, out: &mut Buffer) -> Option<usize> {
        let far = self.far.as_ref().filter(|far| far.sends())?;
        let (header, room) = out.split_first_chunk_mut::<HEADER>()?;
        room.get_mut(..codes.len())?.copy_from_slice(codes);
        let place: Place = self.stream.make(now, FRAME as u32, skipped);
        self.stream.stamp(header, place, far.send_type, codes.len());
        Some(HEADER + codes.len())
    }

    /// What it hears has changed: the next packet begins a new section of the stream.
    pub fn interrupt(&mut self) {
        self.stream.interrupt();
    }

    /// The law to speak to it in. `None`: unknown yet, or a codec the switch cannot make.
    pub fn law(&self) -> Option<Law> {
        self.far.and_then(|far| far.coding.law())
    }

    /// Where RTP for the peer goes; `None` while nothing may be sent.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.rtp.as_ref().map(Latch::destination).filter(|to| to.port() != 0 && !to.ip().is_unspecified())
    }

    /// A key press whose end was lost, if its time is over.
    pub fn digit_timeout(&mut self, now: Instant) -> Option<KeyPress> {
        self.digits.timeout(now)
    }

    /// Seconds without a packet, once per silence, when an active leg has heard nothing for `after`.
    pub fn silent_for(&mut self, now: Instant, after: Duration) -> Option<u32> {
        let active = self.far.is_some_and(|far| far.direction == Direction::SendRecv);
        let span = now.saturating_duration_since(self.heard_at);
        if !active || self.silence_reported || span < after {
            return None;
        }
        self.silence_reported = true;
        Some(u32::try_from(span.as_secs()).unwrap_or(u32::MAX))
    }

    /// Packets that could not be sent because their codec is not this leg's and cannot be converted.
    pub fn mismatched(&self) -> u64 {
        self.mismatched
    }

    /// How it was so far.
    pub fn stats(&self) -> MediaStats {
        let rate = self.far.map_or(8000, |far| far.clock_rate);
        let jitter_ms = self.reception.jitter() as f32 * 1000.0 / rate as f32;
        let (received, lost) = (self.reception.received(), self.reception.lost());
        let mos = self.far.filter(|_| received > 0).map(|far| {
            quality::mos(
                far.coding,
                quality::Path { received, lost, jitter_ms, ptime_ms: far.ptime_ms, round_trip_ms: self.reports.round_trip_ms() },
            )
        });
        MediaStats {
            packets_received: received,
            packets_sent: self.stream.sent().0,
            packets_lost: lost,
            packets_rejected: self.rejected,
            jitter_ms,
            peer_packets_lost: self.reports.peer_lost(),
            round_trip_ms: self.reports.round_trip_ms(),
            mos,
        }
    }
}

fn replace(gate: &mut Option<Latch>, new: Latch) {
    if !gate.as_ref().is_some_and(|old| old.stands_for(&new)) {
        *gate = Some(new);
    }
}

#[cfg(test)]
mod tests;
