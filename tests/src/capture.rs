//! Listening on the test's network: every RTP packet that arrives anywhere in the namespace.
//!
//! baresip's own recording stops at the first re-INVITE (its `sndfile` filter loses the receiving half when the stream is
//! updated), so what a phone hears after a hold or a transfer is taken from the packets delivered to its port.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use crate::tone::{Audio, FRAME};

/// Packets that are kept at most: 20 minutes of a call between two phones through a switch.
const MOST_PACKETS: usize = 240_000;

/// An RTP packet that was delivered.
#[derive(Debug, Clone)]
pub struct Packet {
    /// When it was seen.
    pub at: Instant,
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload.
    pub payload: Vec<u8>,
}

/// Collects packets until dropped.
#[derive(Debug)]
pub struct Capture {
    packets: Arc<Mutex<Vec<Packet>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts listening in this thread's network.
    pub fn start() -> Result<Self> {
        // IPv4 only: with this protocol the kernel hands over what arrives, not also what is sent.
        let protocol = Protocol::from(i32::from((libc::ETH_P_IP as u16).to_be()));
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol)).context("packet socket")?;
        let _ = socket.set_recv_buffer_size(8 << 20);
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let packets = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (packets, stop) = (packets.clone(), stop.clone());
            move || listen(&socket, &packets, &stop)
        });
        Ok(Capture { packets, stop, thread: Some(thread) })
    }

    /// Every packet delivered to `to` since `since`.
    pub fn to(&self, to: SocketAddr, since: Instant) -> Vec<Packet> {
        let packets = self.packets.lock().unwrap();
        packets.iter().filter(|p| p.to == to && p.at >= since).cloned().collect()
    }

    /// Every packet between these times.
    pub fn between(&self, from: Instant, until: Instant) -> Vec<Packet> {
        let packets = self.packets.lock().unwrap();
        packets.iter().filter(|p| p.at >= from && p.at < until).cloned().collect()
    }

    /// What was delivered to `to` since `since`, decoded from G.711 mu-law. A lost packet is silence.
    pub fn heard(&self, to: SocketAddr, since: Instant) -> Audio {
        decode(&self.to(to, since))
    }

    /// The digits (RFC 4733) delivered to `to` since `since`, each once, by telephone-events of `payload_type`.
    pub fn digits(&self, to: SocketAddr, payload_type: u8, since: Instant) -> String {
        let mut seen = BTreeSet::new();
        let mut digits = String::new();
        for packet in self.to(to, since).iter().filter(|p| p.payload_type == payload_type) {
            let event = packet.payload.first().copied().unwrap_or(255);
            if seen.insert((packet.ssrc, packet.timestamp)) {
                digits.push("0123456789*#ABCD".chars().nth(usize::from(event)).unwrap_or('?'));
            }
        }
        digits
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Puts packets of mu-law back into a row by their timestamps; a change of source starts a new row.
pub fn decode(packets: &[Packet]) -> Audio {
    let mut audio = Audio::default();
    let mut last: Option<(u32, u32)> = None;
    for packet in packets.iter().filter(|p| p.payload_type == 0) {
        if let Some((ssrc, expected)) = last
            && ssrc == packet.ssrc
        {
            let missing = packet.timestamp.wrapping_sub(expected);
            // A leap of more than a second is a new beginning, a step back a duplicate.
            if missing > 0 && missing <= 8000 {
                audio.samples.resize(audio.samples.len() + missing as usize, 0);
            } else if missing >= 1 << 31 {
                continue;
            }
        }
        audio.push_mulaw(&packet.payload);
        let length = u32::try_from(packet.payload.len()).unwrap_or(FRAME as u32);
        last = Some((packet.ssrc, packet.timestamp.wrapping_add(length)));
    }
    audio
}

fn listen(mut socket: &Socket, packets: &Mutex<Vec<Packet>>, stop: &AtomicBool) {
    let mut buffer = [0_u8; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok(length) = socket.read(&mut buffer) else { continue };
        let Some(packet) = rtp_of(&buffer[..length.min(buffer.len())]) else { continue };
        let mut packets = packets.lock().unwrap();
        if packets.len() < MOST_PACKETS {
            packets.push(packet);
        }
    }
}

/// An RTP packet in an IPv4 packet, if that is what it is.
fn rtp_of(ip: &[u8]) -> Option<Packet> {
    let header = usize::from(ip.first()? & 0x0f) * 4;
    if ip.first()? >> 4 != 4 || *ip.get(9)? != 17 || u16_at(ip, 6)? & 0x1fff != 0 {
        return None;
    }
    let address = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(u32_at(ip, at)?)));
    let udp = ip.get(header..usize::from(u16_at(ip, 2)?))?;
    let rtp = udp.get(8..)?;
    parse_rtp(rtp, SocketAddr::new(address(12)?, u16_at(udp, 0)?), SocketAddr::new(address(16)?, u16_at(udp, 2)?))
}

/// Reads an RTP packet; `None` for RTCP (RFC 5761 §4), SIP and everything else.
pub(crate) fn parse_rtp(rtp: &[u8], from: SocketAddr, to: SocketAddr) -> Option<Packet> {
    let first = *rtp.first()?;
    let second = *rtp.get(1)?;
    if first >> 6 != 2 || (192..=223).contains(&second) {
        return None;
    }
    let payload = rtp.get(12 + usize::from(first & 0x0f) * 4..)?;
    Some(Packet {
        at: Instant::now(),
        from,
        to,
        payload_type: second & 0x7f,
        sequence: u16_at(rtp, 2)?,
        timestamp: u32_at(rtp, 4)?,
        ssrc: u32_at(rtp, 8)?,
        payload: payload.to_vec(),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
