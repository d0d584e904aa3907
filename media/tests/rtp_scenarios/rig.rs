//! A media plane with phones around it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, unbounded};
use tandem_core::{Audio, CallId, Codec, LegId, MediaStats};
use tandem_media::audio::{FRAME, Law};
use tandem_media::rtp::{MediaPlane, MediaRemote, Report, RtpConfig};

pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) fn codec(law: Law) -> Codec {
    match law {
        Law::Mu => Codec { name: "PCMU".into(), payload_type: 0, clock_rate: 8000, fmtp: None },
        Law::A => Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None },
    }
}

/// A received packet, read by hand so that the code under test does not check itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) from: SocketAddr,
}

/// One end of a call: sockets and a stream.
pub(crate) struct Phone {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) target: SocketAddr,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl Phone {
    pub(crate) fn at(ip: &str) -> Phone {
        let ip: IpAddr = ip.parse().unwrap();
        let (rtp, rtcp) = (UdpSocket::bind((ip, 0)).unwrap(), UdpSocket::bind((ip, 0)).unwrap());
        for socket in [&rtp, &rtcp] {
            socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        }
        let port = u32::from(rtp.local_addr().unwrap().port());
        let target = SocketAddr::new(HOME, 9);
        Phone { rtp, rtcp, target, payload_type: 8, sequence: 65_530, timestamp: u32::MAX - 300, ssrc: port << 8 }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.rtp.local_addr().unwrap()
    }

    pub(crate) fn send(&mut self, payload: &[u8]) {
        let (payload_type, timestamp) = (self.payload_type, self.timestamp);
        self.send_raw(payload_type, false, timestamp, payload);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
    }

    pub(crate) fn send_raw(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let mut packet = vec![0x80, payload_type | (u8::from(marker) << 7)];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.rtp.send_to(&packet, self.target).unwrap();
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// One key press: `updates` packets and three ends.
    pub(crate) fn press(&mut self, event: u8, payload_type: u8, updates: u16, ends: u16) {
        let timestamp = self.timestamp;
        for n in 1..=updates + ends {
            let [high, low] = (n.min(updates) * 160).to_be_bytes();
            let end = if n > updates { 0x80 } else { 0 };
            self.send_raw(payload_type, n == 1, timestamp, &[event, end | 10, high, low]);
        }
        self.timestamp = self.timestamp.wrapping_add(u32::from(updates) * 160);
    }

    pub(crate) fn receive(&self) -> Option<Packet> {
        let mut buffer = [0; 2000];
        let (length, from) = self.rtp.recv_from(&mut buffer).ok()?;
        let bytes = &buffer[..length];
        assert_eq!(bytes[0], 0x80, "version 2, nothing optional");
        Some(Packet {
            payload_type: bytes[1] & 0x7F,
            marker: bytes[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
            ssrc: u32::from_be_bytes(bytes[8..12].try_into().unwrap()),
            payload: bytes[12..].to_vec(),
            from,
        })
    }

    /// Everything that comes within `span`.
    pub(crate) fn listen(&self, span: Duration) -> Vec<Packet> {
        let until = Instant::now() + span;
        let mut heard = Vec::new();
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.rtp.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
            heard.extend(self.receive());
        }
        self.rtp.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        heard
    }

    /// The next `count` packets, fewer if none comes for half a second.
    pub(crate) fn take(&self, count: usize) -> Vec<Packet> {
        std::iter::from_fn(|| self.receive()).take(count).collect()
    }
}

/// The plane and what it reports.
pub(crate) struct Rig {
    pub(crate) plane: MediaPlane,
    pub(crate) reports: Receiver<Report>,
}

pub(crate) fn config() -> RtpConfig {
    RtpConfig { workers: 1, ..RtpConfig::default() }
}

impl Rig {
    pub(crate) fn new(config: RtpConfig) -> Rig {
        let (sender, reports) = unbounded();
        let sink = move |report: Report| drop(sender.send(report));
        Rig { plane: MediaPlane::start(config, Arc::new(sink)).unwrap(), reports }
    }

    /// Opens a leg towards a new phone that speaks `law`.
    pub(crate) fn leg(&mut self, leg: u64, call: u64, law: Law) -> Phone {
        self.leg_with(leg, call, law, |remote| remote)
    }

    pub(crate) fn leg_with(&mut self, leg: u64, call: u64, law: Law, change: impl FnOnce(MediaRemote) -> MediaRemote) -> Phone {
        let mut phone = Phone::at("127.0.0.1");
        phone.payload_type = codec(law).payload_type;
        phone.target = self.plane.open(LegId(leg), CallId(call), HOME).unwrap();
        let remote = MediaRemote { rtcp: Some(phone.rtcp.local_addr().unwrap()), ..MediaRemote::new(phone.address(), codec(law)) };
        self.plane.set_remote(LegId(leg), change(remote)).unwrap();
        phone
    }

    /// Each hears the other.
    pub(crate) fn bridge(&mut self, one: u64, other: u64) {
        self.plane.hear(LegId(one), Audio::Leg(LegId(other))).unwrap();
        self.plane.hear(LegId(other), Audio::Leg(LegId(one))).unwrap();
        self.settle();
    }

    /// Waits until the workers have done what they were told: a leg opened and closed behind it has been reported.
    pub(crate) fn settle(&mut self) {
        std::thread::sleep(Duration::from_millis(30));
    }

    pub(crate) fn report(&self) -> Option<Report> {
        self.reports.recv_timeout(Duration::from_secs(2)).ok()
    }

    /// Closes a leg and answers its statistics; other reports on the way are dropped.
    pub(crate) fn close(&mut self, leg: u64) -> MediaStats {
        self.plane.close(LegId(leg)).unwrap();
        loop {
            if let Report::Closed { leg: closed, stats } = self.report().expect("the last report always comes")
                && closed == LegId(leg)
            {
                return stats;
            }
        }
    }
}

/// Payload number `n`: says so in its first bytes, the rest is unlike any other.
pub(crate) fn voice(n: u32) -> Vec<u8> {
    let noise = (4..FRAME as u32).map(|place| (n.wrapping_mul(31).wrapping_add(place * 7) % 251) as u8);
    n.to_be_bytes().into_iter().chain(noise).collect()
}

/// Which payloads of [`voice`] these are; each is checked to its last byte.
pub(crate) fn numbers(packets: &[Packet]) -> Vec<u32> {
    let number = |packet: &Packet| {
        let number = u32::from_be_bytes(packet.payload[..4].try_into().unwrap());
        assert_eq!(packet.payload, voice(number));
        number
    };
    packets.iter().map(number).collect()
}

/// Linear sound of G.711 packets.
pub(crate) fn sound(law: Law, packets: &[Packet]) -> Vec<i16> {
    packets.iter().flat_map(|packet| packet.payload.iter()).map(|code| law.decode(*code)).collect()
}

/// A frame of a sine at `hz`, number `n` of its stream.
pub(crate) fn sine(law: Law, hz: f64, n: usize) -> Vec<u8> {
    let angle = |place: usize| std::f64::consts::TAU * hz * (n * FRAME + place) as f64 / 8000.0;
    (0..FRAME).map(|place| law.encode((8000.0 * angle(place).sin()) as i16)).collect()
}
