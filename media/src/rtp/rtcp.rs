//! RTCP (RFC 3550 §6): what we tell the peer about its stream and what it tells us about ours.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtcp_types::prelude::*;
use rtcp_types::{Bye, Compound, Packet, ReceiverReport, ReportBlock, Sdes, SdesChunk, SdesItem, SenderReport};

use super::leg::{Buffer, Leg};
use super::limits;

/// Wall clock as NTP (RFC 3550 §4), read once and carried on by the monotonic clock, so that it never jumps.
#[derive(Debug, Clone, Copy)]
pub struct NtpClock {
    base: Instant,
    micros: u64,
}

/// Seconds from 1900 to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

impl NtpClock {
    /// Reads the wall clock at `base`.
    pub fn new(base: Instant) -> NtpClock {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        NtpClock { base, micros: since.as_micros() as u64 }
    }

    /// 32.32 fixed point NTP time.
    pub fn at(&self, now: Instant) -> u64 {
        let micros = self.micros.saturating_add(now.saturating_duration_since(self.base).as_micros() as u64);
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        ((seconds + NTP_EPOCH) << 32) | ((rest << 32) / 1_000_000)
    }
}

/// The middle 32 bits: 1/65536 s (RFC 3550 §6.4.1).
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// What the RTCP of a leg has said so far.
#[derive(Debug)]
pub struct Reports {
    cname: [u8; 16],
    last_sender_report: Option<(u32, Instant)>,
    peer_lost: Option<u64>,
    round_trip_ms: Option<f32>,
    sent_at_last_report: u64,
}

impl Reports {
    pub(super) fn new(cname: [u8; 16]) -> Reports {
        Reports { cname, last_sender_report: None, peer_lost: None, round_trip_ms: None, sent_at_last_report: 0 }
    }

    pub(super) fn peer_lost(&self) -> Option<u64> {
        self.peer_lost
    }

    pub(super) fn round_trip_ms(&self) -> Option<f32> {
        self.round_trip_ms
    }

    fn block(&mut self, ntp: u64, block: &ReportBlock<'_>) {
        // 24 bits, signed: doubled packets make it negative.
        let lost = ((block.cumulative_lost() << 8) as i32) >> 8;
        self.peer_lost = Some(u64::try_from(lost).unwrap_or(0));
        let sent = block.last_sender_report_timestamp();
        if sent == 0 {
            return;
        }
        let trip = middle(ntp).wrapping_sub(sent).wrapping_sub(block.delay_since_last_sender_report_timestamp());
        let trip = Duration::from_secs_f64(f64::from(trip) / 65_536.0);
        if trip <= limits::ROUND_TRIP {
            self.round_trip_ms = Some(trip.as_secs_f32() * 1000.0);
        }
    }
}

/// Whether a packet on a shared port is RTCP (RFC 5761 §4: packet types 192 to 223).
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [_, 192..=223, ..])
}

impl Leg {
    /// Whether RTP and RTCP share a port.
    pub fn muxed(&self) -> bool {
        self.far.is_some_and(|far| far.mux)
    }

    /// Takes an RTCP packet; `muxed`: it came to the RTP port. Answers `false` for a stranger's, which is counted.
    pub fn receive_rtcp(&mut self, now: Instant, ntp: u64, from: SocketAddr, muxed: bool, packet: &[u8]) -> bool {
        if self.admit_rtcp(now, from, muxed, packet) {
            self.read_rtcp(now, ntp, packet);
            return true;
        }
        // What the peer itself sends and we do not understand is no attack.
        let gate = if muxed { &self.rtp } else { &self.rtcp };
        let known = muxed == self.muxed() && gate.as_ref().is_some_and(|gate| gate.source() == Some(from));
        self.rejected += u64::from(!known);
        known
    }

    fn admit_rtcp(&mut self, now: Instant, from: SocketAddr, muxed: bool, packet: &[u8]) -> bool {
        let Some(ssrc) = Compound::parse(packet).ok().and_then(|mut parts| parts.find_map(|part| sender(&part.ok()?))) else {
            return false;
        };
        match (muxed, self.muxed()) {
            (true, true) => self.rtp.as_ref().is_some_and(|gate| gate.destination() == from),
            (false, false) => self.rtcp.as_mut().is_some_and(|gate| gate.admit(now, from, ssrc, true)),
            _ => false,
        }
    }

    fn read_rtcp(&mut self, now: Instant, ntp: u64, packet: &[u8]) {
        let Ok(parts) = Compound::parse(packet) else { return };
        let ours = self.stream.ssrc();
        for part in parts.flatten() {
            match part {
                Packet::Sr(report) => {
                    self.reports.last_sender_report = Some((middle(report.ntp_timestamp()), now));
                    report.report_blocks().filter(|block| block.ssrc() == ours).for_each(|block| self.reports.block(ntp, &block));
                }
                Packet::Rr(report) => {
                    report.report_blocks().filter(|block| block.ssrc() == ours).for_each(|block| self.reports.block(ntp, &block));
                }
                _ => {}
            }
        }
    }

    /// Where RTCP for the peer goes.
    pub fn rtcp_destination(&self) -> Option<SocketAddr> {
        if self.muxed() {
            return self.destination();
        }
        self.rtcp.as_ref().map(|gate| gate.destination()).filter(|to| to.port() != 0 && !to.ip().is_unspecified())
    }

    /// Writes a compound packet: sender or receiver report, SDES with CNAME, and BYE if it is the last one.
    pub fn report(&mut self, now: Instant, ntp: u64, goodbye: bool, out: &mut Buffer) -> Option<usize> {
        self.far?;
        let (packets, octets) = self.stream.sent();
        let heard = self.reception.report();
        if goodbye && packets == 0 && heard.is_none() {
            return None;
        }
        let ssrc = self.stream.ssrc();
        let block = heard.map(|(source, fraction, lost, highest)| {
            let (last, delay) = self
                .reports
                .last_sender_report
                .map_or((0, 0), |(stamp, at)| (stamp, (now.saturating_duration_since(at).as_secs_f64() * 65_536.0) as u32));
            ReportBlock::builder(source)
                .fraction_lost(fraction)
                .cumulative_lost(lost)
                .extended_sequence_number(highest)
                .interarrival_jitter(self.reception.jitter())
                .last_sender_report_timestamp(last)
                .delay_since_last_sender_report_timestamp(delay)
        });
        let cname = std::str::from_utf8(&self.reports.cname).unwrap_or("tandem");
        let sdes = Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(SdesItem::builder(SdesItem::CNAME, cname)));
        // §6.4: a sender report only from who has sent since the report before.
        let mut compound = if packets > self.reports.sent_at_last_report {
            let mut report = SenderReport::builder(ssrc)
                .ntp_timestamp(ntp)
                .rtp_timestamp(self.stream.timestamp_at(now))
                .packet_count(packets as u32)
                .octet_count(octets as u32);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            Compound::builder().add_packet(report)
        } else {
            let mut report = ReceiverReport::builder(ssrc);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            Compound::builder().add_packet(report)
        };
        compound = compound.add_packet(sdes);
        if goodbye {
            compound = compound.add_packet(Bye::builder().add_source(ssrc));
        }
        let length = compound.write_into(out).ok()?;
        self.reports.sent_at_last_report = packets;
        Some(length)
    }
}

fn sender(packet: &Packet<'_>) -> Option<u32> {
    match packet {
        Packet::Sr(report) => Some(report.ssrc()),
        Packet::Rr(report) => Some(report.ssrc()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
