//! Audio: every leg sends a packet each 20 ms and counts what arrives of its partner's.
//!
//! Each packet carries who sent it and when, so delay is measured with one clock and every packet is accounted for.
//! Legs share sockets: the server has sockets of its own for each leg, and its port tells for which leg a packet is
//! meant. A packet that reaches a leg other than its partner's is counted as misdirected.

use std::collections::HashMap;
use std::net::SocketAddrV4;

use crate::histogram::Histogram;
use crate::limits::LATE_US;
use crate::net::Io;
use crate::put;
use crate::text::decimal;

/// Milliseconds of audio in a packet.
const PACKET_MS: u64 = 20;
/// RTP header and 160 bytes of PCMU.
const PACKET: usize = 172;
const NOBODY: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Leg {
    open: bool,
    talking: bool,
    generation: u32,
    sock: usize,
    remote: SocketAddrV4,
    /// Whose voice this leg hears: known from the first packet.
    partner: u32,
    sequence: u32,
    last_heard: u32,
    phase: usize,
    /// Place in its phase's list.
    place: usize,
    sent: u64,
    received: u64,
}

/// What one window of measurement saw.
#[derive(Debug, Default)]
pub struct MediaStats {
    /// Packets sent.
    pub sent: u64,
    /// Of those, packets that arrived.
    pub received: u64,
    /// Arrived later than [`LATE_US`] after they were sent.
    pub late: u64,
    /// Arrived at a leg that is not the partner's.
    pub misdirected: u64,
    /// Arrived twice or after a later one.
    pub disordered: u64,
    /// Packets that none of us has sent.
    pub foreign: u64,
    /// From the moment a packet is queued for sending to its arrival in our kernel, in microseconds. The time of one
    /// sending batch is in it.
    pub delay: Histogram,
    /// How late we were in sending, in microseconds.
    pub own_lag: Histogram,
    /// Streams that sent.
    pub streams: u64,
    /// Highest loss of one stream, 0 to 1.
    pub worst_stream: f64,
}

impl MediaStats {
    /// Share of packets that did not arrive, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.sent.saturating_sub(self.received) as f64 / self.sent.max(1) as f64
    }
}

/// All legs' audio.
#[derive(Debug)]
pub struct Media {
    /// Marks packets of this run.
    run: u32,
    socks: Vec<(usize, SocketAddrV4)>,
    bodies: Vec<Vec<u8>>,
    next_sock: usize,
    legs: Vec<Leg>,
    free: Vec<u32>,
    phases: Vec<Vec<u32>>,
    /// Server's media address to the leg that hears from it; `None` when nothing stands between the legs.
    hears: Option<HashMap<SocketAddrV4, u32>>,
    next_ms: u64,
    window: u32,
    measuring: bool,
    stats: MediaStats,
    packet: [u8; PACKET],
}

impl Media {
    /// `socks`: the sockets for RTP (index in the loop, address). `direct`: the legs send to each other.
    pub fn new(run: u32, socks: Vec<(usize, SocketAddrV4)>, direct: bool) -> Self {
        let mut packet = [0xff; PACKET]; // PCMU silence
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[12..16].copy_from_slice(&run.to_be_bytes());
        Media {
            run,
            bodies: socks.iter().map(|(_, local)| session_description(*local)).collect(),
            socks,
            next_sock: 0,
            legs: Vec::new(),
            free: Vec::new(),
            phases: vec![Vec::new(); PACKET_MS as usize],
            hears: (!direct).then(HashMap::new),
            next_ms: 0,
            window: 0,
            measuring: false,
            stats: MediaStats::default(),
            packet,
        }
    }

    /// A leg's number.
    pub fn open(&mut self) -> u32 {
        let sock = self.next_sock;
        self.next_sock = (self.next_sock + 1) % self.socks.len();
        let leg = self.free.pop().unwrap_or_else(|| {
            let remote = self.socks[sock].1;
            self.legs.push(Leg {
                open: false,
                talking: false,
                generation: 0,
                sock,
                remote,
                partner: NOBODY,
                sequence: 0,
                last_heard: 0,
                phase: 0,
                place: 0,
                sent: 0,
                received: 0,
            });
            self.legs.len() as u32 - 1
        });
        let entry = &mut self.legs[leg as usize];
        *entry = Leg {
            open: true,
            generation: entry.generation.wrapping_add(1),
            sock,
            partner: NOBODY,
            sequence: 0,
            last_heard: 0,
            sent: 0,
            received: 0,
            ..*entry
        };
        leg
    }

    /// The SDP of a leg.
    pub fn description(&self, leg: u32) -> &[u8] {
        &self.bodies[self.legs[leg as usize].sock]
    }

    /// The server's address for a leg, from its SDP.
    pub fn connect(&mut self, leg: u32, remote: SocketAddrV4) {
        let entry = &mut self.legs[leg as usize];
        if let Some(hears) = &mut self.hears {
            if hears.get(&entry.remote) == Some(&leg) {
                hears.remove(&entry.remote);
            }
            hears.insert(remote, leg);
        }
        entry.remote = remote;
    }

    /// Begins to send. The phase is the leg's own, so that packets spread evenly over the 20 ms.
    pub fn talk(&mut self, leg: u32) {
        let entry = &mut self.legs[leg as usize];
        if !entry.open || entry.talking {
            return;
        }
        // Both legs of a call are opened one after the other: a stride that shares no factor with 20 spreads them.
        entry.phase = (leg as usize * 7) % PACKET_MS as usize;
        entry.place = self.phases[entry.phase].len();
        entry.talking = true;
        self.phases[entry.phase].push(leg);
    }

    /// Ends a leg.
    pub fn close(&mut self, leg: u32) {
        let entry = &mut self.legs[leg as usize];
        if !entry.open {
            return;
        }
        entry.open = false;
        if std::mem::take(&mut entry.talking) {
            let (phase, place) = (entry.phase, entry.place);
            self.phases[phase].swap_remove(place);
            if let Some(moved) = self.phases[phase].get(place) {
                self.legs[*moved as usize].place = place;
            }
        }
        let remote = self.legs[leg as usize].remote;
        if let Some(hears) = &mut self.hears
            && hears.get(&remote) == Some(&leg)
        {
            hears.remove(&remote);
        }
        self.free.push(leg);
    }

    /// Sends what is due.
    pub fn tick(&mut self, io: &mut Io) {
        let now_ms = io.now_ms();
        while self.next_ms <= now_ms {
            let phase = (self.next_ms % PACKET_MS) as usize;
            io.look_at_the_clock();
            if self.measuring && !self.phases[phase].is_empty() {
                self.stats.own_lag.add(io.now_us.saturating_sub(self.next_ms * 1000));
            }
            self.packet[24..28].copy_from_slice(&if self.measuring { self.window } else { 0 }.to_be_bytes());
            for leg in &self.phases[phase] {
                let entry = &mut self.legs[*leg as usize];
                entry.sequence += 1;
                self.packet[2..4].copy_from_slice(&(entry.sequence as u16).to_be_bytes());
                self.packet[4..8].copy_from_slice(&(entry.sequence.wrapping_mul(160)).to_be_bytes());
                self.packet[8..12].copy_from_slice(&(leg ^ self.run).to_be_bytes()); // SSRC
                self.packet[16..20].copy_from_slice(&leg.to_be_bytes());
                self.packet[20..24].copy_from_slice(&entry.generation.to_be_bytes());
                self.packet[28..36].copy_from_slice(&io.now_us.to_be_bytes());
                self.packet[36..40].copy_from_slice(&entry.sequence.to_be_bytes());
                if self.measuring {
                    entry.sent += 1;
                    self.stats.sent += 1;
                }
                let packet = &self.packet;
                io.socks[self.socks[entry.sock].0].push(entry.remote, |out| out.extend_from_slice(packet));
            }
            self.next_ms += 1;
        }
    }

    /// A packet came in at one of our sockets for RTP.
    pub fn packet(&mut self, arrived_us: u64, bytes: &[u8], from: SocketAddrV4) {
        let word = |place: usize| bytes.get(place..place + 4).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        if bytes.len() != PACKET || word(12) != self.run {
            self.stats.foreign += 1;
            return;
        }
        let (talker, generation, window, sequence) = (word(16), word(20), word(24), word(36));
        let Some(entry) = self.legs.get_mut(talker as usize).filter(|entry| entry.generation == generation) else { return };
        let counted = window != 0 && window == self.window;
        if counted {
            entry.received += 1;
            self.stats.received += 1;
            let sent_us = u64::from(word(28)) << 32 | u64::from(word(32));
            let delay = arrived_us.saturating_sub(sent_us);
            self.stats.late += u64::from(delay > LATE_US);
            self.stats.delay.add(delay);
        }
        let Some(hears) = &self.hears else { return };
        let Some(hearer) = hears.get(&from) else {
            self.stats.misdirected += u64::from(counted);
            return;
        };
        let entry = &mut self.legs[*hearer as usize];
        if entry.partner == NOBODY {
            entry.partner = talker;
        }
        self.stats.misdirected += u64::from(entry.partner != talker);
        self.stats.disordered += u64::from(sequence <= entry.last_heard);
        entry.last_heard = entry.last_heard.max(sequence);
    }

    /// Begins to count.
    pub fn begin_window(&mut self) {
        self.window += 1;
        self.measuring = true;
        self.stats = MediaStats::default();
        for leg in &mut self.legs {
            leg.sent = 0;
            leg.received = 0;
        }
    }

    /// Packets sent from now on are not counted; those under way still are, until [`Media::take`].
    pub fn end_window(&mut self) {
        self.measuring = false;
    }

    /// What the window saw.
    pub fn take(&mut self) -> MediaStats {
        let mut stats = std::mem::take(&mut self.stats);
        for leg in self.legs.iter().filter(|leg| leg.sent > 0) {
            stats.streams += 1;
            stats.worst_stream = stats.worst_stream.max(leg.sent.saturating_sub(leg.received) as f64 / leg.sent as f64);
        }
        stats
    }

    /// Streams that are sending.
    pub fn talking(&self) -> usize {
        self.phases.iter().map(Vec::len).sum()
    }
}

fn session_description(local: SocketAddrV4) -> Vec<u8> {
    let ip = local.ip().to_string();
    let mut out = Vec::new();
    put!(out, "v=0\r\no=- 1 1 IN IP4 ", ip, "\r\ns=-\r\nc=IN IP4 ", ip, "\r\nt=0 0\r\nm=audio ");
    decimal(&mut out, u64::from(local.port()));
    put!(
        out,
        " RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Handler, Net, Sock};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    /// Hands every packet on, but says it came from elsewhere.
    struct Pretend<'a>(&'a mut Media, HashMap<SocketAddrV4, SocketAddrV4>, u64);
    impl Handler for Pretend<'_> {
        fn packet(&mut self, io: &mut Io, _: usize, bytes: &[u8], from: SocketAddrV4) {
            self.2 += 1;
            if !self.2.is_multiple_of(10) {
                self.0.packet(io.now_us, bytes, self.1.get(&from).copied().unwrap_or(from));
            }
        }
    }

    #[test]
    fn every_tenth_packet_lost_is_ten_percent_and_a_stranger_is_noticed() {
        let socks: Vec<Sock> = (0..2).map(|_| Sock::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let places: Vec<_> = socks.iter().map(Sock::local).enumerate().collect();
        let mut net = Net::new(socks).unwrap();
        let mut media = Media::new(7, places.clone(), false);
        let (a, b) = (media.open(), media.open());
        // Each sends to the other's socket; the sockets' addresses stand in for the server's ports.
        media.connect(a, places[1].1);
        media.connect(b, places[0].1);
        media.talk(a);
        media.talk(b);
        media.begin_window();
        let mut lost_every_tenth = 0;
        let until = net.io.look_at_the_clock() + 2_000_000;
        while net.io.now_us < until {
            media.tick(&mut net.io);
            net.flush();
            let mut pretend = Pretend(&mut media, HashMap::new(), lost_every_tenth);
            net.turn(Duration::from_millis(1), &mut pretend).unwrap();
            lost_every_tenth = pretend.2;
        }
        media.end_window();
        let stats = media.take();
        assert_eq!(stats.streams, 2);
        assert!((150..=210).contains(&stats.sent), "{}", stats.sent);
        assert!((stats.loss() - 0.1).abs() < 0.03, "{}", stats.loss());
        assert_eq!((stats.misdirected, stats.foreign), (0, 0));

        // A packet of `a` that comes out at `a`'s own port of the server.
        media.begin_window();
        media.tick(&mut net.io);
        let mut copy = media.packet;
        copy[16..20].copy_from_slice(&a.to_be_bytes());
        media.packet(0, &copy, places[1].1);
        media.packet(0, b"hello", places[1].1);
        let stats = media.take();
        assert_eq!((stats.misdirected, stats.foreign), (1, 1));
    }

    #[test]
    fn a_closed_leg_is_silent_and_its_place_is_used_again() {
        let mut net = Net::new(vec![Sock::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap()]).unwrap();
        let local = net.io.socks[0].local();
        let mut media = Media::new(7, vec![(0, local)], true);
        let legs: Vec<u32> = (0..100).map(|_| media.open()).collect();
        legs.iter().for_each(|leg| media.talk(*leg));
        assert_eq!(media.talking(), 100);
        legs.iter().step_by(3).for_each(|leg| media.close(*leg));
        media.close(0);
        assert_eq!(media.talking(), 66);
        media.begin_window();
        net.io.look_at_the_clock();
        net.io.now_us = 19_000;
        media.tick(&mut net.io);
        assert_eq!(media.take().sent, 66);
        assert_eq!(media.open() % 3, 0);
    }
}
