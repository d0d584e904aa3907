//! What does relaying one RTP packet cost, without sockets?
//!
//! [`relay::step`]: source check, reception statistics, and the packet rewritten for the listener's stream. The kernel's
//! part is ten times that and is measured by `tandem-load anchored`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tandem_core::{Codec, LegId};
use tandem_media::rtp::leg::{Buffer, Leg, Seed};
use tandem_media::rtp::{MediaRemote, limits, relay};

fn leg(number: u64, remote: SocketAddr) -> Leg {
    let seed = Seed { ssrc: number as u32 * 7919, sequence: 1, timestamp: 1, cname: *b"0123456789abcdef" };
    let mut leg = Leg::new(LegId(number), seed, Instant::now());
    leg.set_remote(Instant::now(), &MediaRemote::new(remote, Codec { name: "PCMU".into(), payload_type: 0, clock_rate: 8000, fmtp: None }));
    leg
}

fn relayed(criterion: &mut Criterion) {
    let (a, b): (SocketAddr, SocketAddr) = ("127.0.0.1:4000".parse().unwrap(), "127.0.0.1:5000".parse().unwrap());
    let (mut source, mut listener) = (leg(1, a), leg(2, b));
    let mut packet = [0xff_u8; 172];
    packet[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    let mut out: Buffer = [0; limits::PACKET];
    let (mut count, mut now) = (0u32, Instant::now());
    let mut step = || {
        count = count.wrapping_add(1);
        now += Duration::from_millis(20);
        packet[2..4].copy_from_slice(&(count as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&count.wrapping_mul(160).to_be_bytes());
        relay::step(&mut source, &mut listener, now, a, &packet, &mut out)
    };
    // A packet that is dropped would be measured as fast.
    assert!((0..10).filter_map(|_| step()).eq([172; 10]), "packets are relayed");
    let mut group = criterion.benchmark_group("relay");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one packet of 20 ms PCMU", |bencher| bencher.iter(&mut step));
    group.finish();
}

criterion_group!(benches, relayed);
criterion_main!(benches);
