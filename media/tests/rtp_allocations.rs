//! The relay path must not allocate. A program of its own, because it replaces the allocator.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
// The allocator's interface is unsafe; this one only counts and passes on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_core::{Audio, CallId, Codec, LegId};
use tandem_media::rtp::{MediaPlane, MediaRemote, Report, RtpConfig};
use tandem_media::srtp::{MasterKey, SrtpKeys, Suite};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Ten thousand packets one way while a third leg hears a tone and two more mix: from the sockets of the peers to the
/// sockets of the peers, nothing in the whole program allocates (RTCP, every five seconds, is put off).
#[test]
fn ten_thousand_packets_are_relayed_without_one_allocation() {
    let config = RtpConfig { workers: 1, rtcp_interval: Duration::from_secs(3600), ..RtpConfig::default() };
    let mut plane = MediaPlane::start(config, Arc::new(|_: Report| ())).unwrap();
    let mut phones = Vec::new();
    for leg in 1..=5 {
        let socket = UdpSocket::bind((HOME, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let port = plane.open(LegId(leg), CallId(1), HOME).unwrap();
        let codec = Codec {
            name: if leg == 2 { "PCMU" } else { "PCMA" }.into(),
            payload_type: if leg == 2 { 0 } else { 8 },
            clock_rate: 8000,
            fmtp: None,
        };
        // The second leg is encrypted, and so is one that mixes.
        let srtp = (leg == 2 || leg == 4).then(|| {
            let key = |seed| MasterKey::generate(Suite::AesCm128HmacSha1_80, &mut StdRng::seed_from_u64(seed));
            SrtpKeys { send: key(1), receive: key(2) }
        });
        let remote = MediaRemote { srtp, ..MediaRemote::new(socket.local_addr().unwrap(), codec) };
        plane.set_remote(LegId(leg), remote).unwrap();
        phones.push((socket, port));
    }
    plane.hear(LegId(2), Audio::Leg(LegId(1))).unwrap();
    plane.hear(LegId(3), Audio::Tone(tandem_core::Tone::Busy)).unwrap();
    plane.hear(LegId(4), Audio::Mix(vec![LegId(1), LegId(5)])).unwrap();
    plane.hear(LegId(5), Audio::Mix(vec![LegId(1), LegId(4)])).unwrap();
    // A key pressed and a prompt of many pieces, too, cost nothing per packet.
    plane.send_digits(LegId(4), "1,2").unwrap();

    let mut packet = [0u8; 172];
    packet[0] = 0x80;
    packet[1] = 8;
    let mut buffer = [0u8; 1500];
    let mut relay = |from: u32, count: u32| {
        for n in from..from + count {
            packet[2..4].copy_from_slice(&(n as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(n * 160).to_be_bytes());
            phones[0].0.send_to(&packet, phones[0].1).unwrap();
            let (length, _) = phones[1].0.recv_from(&mut buffer).unwrap();
            assert_eq!(length, 172 + 10, "with its tag");
        }
    };
    std::thread::sleep(Duration::from_millis(100));
    relay(0, 500);
    let (before, start) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
    relay(500, 10_000);
    let (after, span) = (ALLOCATIONS.load(Ordering::Relaxed), start.elapsed());
    assert_eq!(after - before, 0, "in {span:?}");
    assert!(span > tandem_media::rtp::limits::TICK, "the tick ran as well");
}
