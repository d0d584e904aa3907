//! One packet from one leg to another, without sockets: what the worker does 100 times a second per call, for benches.

use std::net::SocketAddr;
use std::time::Instant;

use super::leg::{Buffer, Leg, Verdict};

/// `source` receives `packet` from `from`; what `listener`'s peer is to get is written to `out`. Answers its length.
pub fn step(source: &mut Leg, listener: &mut Leg, now: Instant, from: SocketAddr, packet: &[u8], out: &mut Buffer) -> Option<usize> {
    match source.receive(now, from, packet) {
        Verdict::Heard { sound: Some(sound), .. } => listener.forward(now, &sound, packet, out),
        _ => None,
    }
}
