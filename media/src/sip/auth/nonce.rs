use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustc_hash::FxBuildHasher;
use subtle::ConstantTimeEq as _;
use tandem_core::Timestamp;

use super::hash::{Hex, hmac};
use crate::sip::limits;

/// Makes nonces that need no memory until they are used: time, serial number, and an HMAC over both and the realm. Clones
/// count on together, so that serial numbers rise with time whoever hands them out.
#[derive(Clone)]
pub(super) struct NonceMaker {
    key: [u8; 32],
    serial: Arc<AtomicU64>,
}

/// Makes nonces, and knows its own again.
pub(super) struct Nonces {
    maker: NonceMaker,
    lifetime: Duration,
    used: Used,
}

/// What a nonce turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NonceState {
    /// Ours, in time.
    Fresh { serial: u64 },
    /// Ours, too old.
    Expired,
    /// Not ours, or of another realm.
    Foreign,
}

impl NonceMaker {
    pub(super) fn make(&self, now: Timestamp, realm: &str) -> Hex {
        // Unique is all that it has to be; nothing else hangs on the order.
        let serial = self.serial.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.text(now.as_micros(), serial, realm)
    }

    fn text(&self, micros: i64, serial: u64, realm: &str) -> Hex {
        let mac = hmac(&self.key, &[b"nonce", &micros.to_be_bytes(), &serial.to_be_bytes(), realm.as_bytes()]);
        let mut bytes = [0u8; 32];
        let parts = micros.to_be_bytes().into_iter().chain(serial.to_be_bytes()).chain(mac);
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        Hex::new(&bytes)
    }
}

impl Nonces {
    pub(super) fn new(key: [u8; 32], lifetime: Duration) -> Nonces {
        Nonces { maker: NonceMaker { key, serial: Arc::default() }, lifetime, used: Used::default() }
    }

    pub(super) fn key(&self) -> &[u8; 32] {
        &self.maker.key
    }

    pub(super) fn maker(&self) -> &NonceMaker {
        &self.maker
    }

    pub(super) fn state(&self, now: Timestamp, realm: &str, nonce: &str) -> NonceState {
        let field = |range: std::ops::Range<usize>| nonce.get(range).and_then(|text| u64::from_str_radix(text, 16).ok());
        let (Some(micros), Some(serial)) = (field(0..16), field(16..32)) else { return NonceState::Foreign };
        let micros = micros.cast_signed();
        let expected = self.maker.text(micros, serial, realm);
        let expected = expected.as_str();
        if nonce.len() != expected.len() || !bool::from(nonce.as_bytes().ct_eq(expected.as_bytes())) {
            return NonceState::Foreign;
        }
        if now.since(Timestamp::from_micros(micros)) > self.lifetime { NonceState::Expired } else { NonceState::Fresh { serial } }
    }

    /// Notes the use of a nonce with this count; false if it was used with it before, or may have been.
    pub(super) fn use_once(&mut self, serial: u64, nc: u32) -> bool {
        self.used.note(serial, nc)
    }
}

/// Which counts of which nonces were used. Only right credentials get here, so strangers can't fill it.
#[derive(Default)]
struct Used {
    windows: HashMap<u64, Window, FxBuildHasher>,
    order: VecDeque<u64>,
    /// The highest serial number forgotten: what is not above it and not known may have been used.
    forgotten: u64,
}

/// The highest count and those right below it, as bits.
#[derive(Default)]
struct Window {
    highest: u32,
    seen: u64,
}

impl Used {
    fn note(&mut self, serial: u64, nc: u32) -> bool {
        if let Some(window) = self.windows.get_mut(&serial) {
            return window.note(nc);
        }
        if serial <= self.forgotten {
            return false;
        }
        if self.order.len() >= limits::NONCES
            && let Some(oldest) = self.order.pop_front()
        {
            self.windows.remove(&oldest);
            self.forgotten = self.forgotten.max(oldest);
        }
        self.order.push_back(serial);
        self.windows.entry(serial).or_default().note(nc)
    }
}

impl Window {
    fn note(&mut self, nc: u32) -> bool {
        if nc > self.highest {
            let step = nc - self.highest;
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let back = self.highest - nc;
        let bit = 1u64.checked_shl(back).unwrap_or(0);
        if nc == 0 || back >= limits::NONCE_WINDOW || self.seen & bit != 0 {
            return false;
        }
        self.seen |= bit;
        true
    }
}
