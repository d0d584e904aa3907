//! RTP packets of our own making: for callers that SIPp can't play, and for attackers.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::capture::{Packet, decode, parse_rtp};
use crate::tone::{Audio, FRAME, linear_to_mulaw};

/// Packets kept at most: 20 minutes.
const MOST_PACKETS: usize = 60_000;

/// A socket that hears what it is sent, and may speak a tone in G.711 mu-law.
#[derive(Debug)]
pub struct RtpPeer {
    socket: UdpSocket,
    /// Its address.
    pub local: SocketAddr,
    heard: Arc<Mutex<Vec<Packet>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl RtpPeer {
    /// Listens at this address.
    pub fn bind(local: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind(local)?;
        let local = socket.local_addr()?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let (heard, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let listener = std::thread::spawn({
            let (socket, heard, stop) = (socket.try_clone()?, heard.clone(), stop.clone());
            move || listen(&socket, local, &heard, &stop)
        });
        Ok(RtpPeer { socket, local, heard, stop, threads: vec![listener] })
    }

    /// Speaks a tone to `to` until dropped: one packet of 20 ms each 20 ms, under this source number.
    pub fn speak(&mut self, to: SocketAddr, frequency: f64, ssrc: u32) -> Result<()> {
        let (socket, stop) = (self.socket.try_clone()?, self.stop.clone());
        self.threads.push(std::thread::spawn(move || speak(&socket, to, frequency, ssrc, &stop)));
        Ok(())
    }

    /// Sends raw bytes.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> Result<()> {
        self.socket.send_to(bytes, to)?;
        Ok(())
    }

    /// The packets received since `since`.
    pub fn packets(&self, since: Instant) -> Vec<Packet> {
        self.heard.lock().unwrap().iter().filter(|p| p.at >= since).cloned().collect()
    }

    /// What it heard since `since`.
    pub fn heard(&self, since: Instant) -> Audio {
        decode(&self.packets(since))
    }
}

impl Drop for RtpPeer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One RTP packet (RFC 3550 §5.1).
pub fn packet(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The packets of one key press (RFC 4733 §2.5.1.1): 100 ms in steps of 20 ms, the end three times.
pub fn digit_packets(digit: char, payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) -> Vec<Vec<u8>> {
    let event = "0123456789*#ABCD".find(digit).unwrap_or(0) as u8;
    let steps = [(160, 0), (320, 0), (480, 0), (640, 0), (800, 0x80), (800, 0x80), (800, 0x80)];
    let mut packets = Vec::new();
    for (step, (duration, end)) in (0_u16..).zip(steps) {
        let [high, low] = u16::to_be_bytes(duration);
        packets.push(packet(payload_type, sequence.wrapping_add(step), timestamp, ssrc, &[event, end | 10, high, low]));
    }
    packets
}

fn speak(socket: &UdpSocket, to: SocketAddr, frequency: f64, ssrc: u32, stop: &AtomicBool) {
    let tone: Vec<u8> = Audio::sine(frequency, Duration::from_secs(1)).samples.iter().map(|s| linear_to_mulaw(*s)).collect();
    let begin = Instant::now();
    let mut count: u32 = 0;
    while !stop.load(Ordering::Relaxed) {
        // Whole periods in a second, so the tone goes on smoothly from its end to its beginning.
        let place = (count as usize * FRAME) % tone.len();
        let payload = tone.get(place..place + FRAME).unwrap_or_default();
        let bytes = packet(0, count as u16, count.wrapping_mul(FRAME as u32), ssrc, payload);
        let _ = socket.send_to(&bytes, to);
        count = count.wrapping_add(1);
        let due = begin + Duration::from_millis(20) * count;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn listen(socket: &UdpSocket, local: SocketAddr, heard: &Mutex<Vec<Packet>>, stop: &AtomicBool) {
    let mut buffer = [0_u8; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some(packet) = parse_rtp(&buffer[..length], from, local) else { continue };
        let mut heard = heard.lock().unwrap();
        if heard.len() < MOST_PACKETS {
            heard.push(packet);
        }
    }
}
