//! What encryption adds to a packet: protecting and opening 20 ms of G.711, by suite. The opening includes a copy of the packet, as
//! it is done in place.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_media::srtp::{MasterKey, Receiver, Sender, Suite};

const PACKET: usize = 172;

fn packet(number: u64) -> [u8; 200] {
    let mut packet = [0x55; 200];
    packet[0] = 0x80;
    packet[1] = 8;
    packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
    packet[8..12].copy_from_slice(&7u32.to_be_bytes());
    packet
}

fn srtp(c: &mut Criterion) {
    let mut group = c.benchmark_group("srtp");
    group.throughput(Throughput::Elements(1));
    for suite in Suite::ALL {
        let key = MasterKey::generate(suite, &mut StdRng::seed_from_u64(1));
        let (mut sender, mut number) = (Sender::new(&key).unwrap(), 0);
        group.bench_function(format!("protect/{}", suite.name()), |b| {
            b.iter(|| {
                number += 1;
                let mut packet = packet(number);
                black_box(sender.protect(&mut packet, PACKET).unwrap());
                packet
            });
        });
        let (mut sender, mut receiver, mut number) = (Sender::new(&key).unwrap(), Receiver::new(&key).unwrap(), 0);
        let mut next = || {
            number += 1;
            let mut packet = packet(number);
            let length = sender.protect(&mut packet, PACKET).unwrap();
            (packet, length)
        };
        group.bench_function(format!("open/{}", suite.name()), |b| {
            b.iter_batched(
                &mut next,
                |(mut packet, length)| receiver.unprotect(&mut packet[..length]).unwrap(),
                BatchSize::NumIterations(64),
            );
        });
    }
    group.finish();
}

criterion_group!(benches, srtp);
criterion_main!(benches);
