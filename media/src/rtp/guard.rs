//! Encryption of one leg: what comes in is opened before anybody looks at it, what goes out is closed last.

use crate::srtp::{Receiver, Sender, SrtpError, SrtpKeys};

use super::leg::Buffer;

/// Both directions of a leg that is or was encrypted. A leg without one is in the clear.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The leg is encrypted now. If it is not, the counters are kept: should it be again, and its keys are the same for the whole
    /// leg, no number may be used twice.
    active: bool,
    keys: SrtpKeys,
    /// Absent if the keys were of no use: then nothing goes either way, and nothing in the clear.
    pair: Option<(Sender, Receiver)>,
}

impl Guard {
    /// What a leg needs after a negotiation: the same as before if the keys are the same, for counters must go on. A new key goes
    /// on with the counters of the old one.
    pub(crate) fn follow(old: Option<Box<Guard>>, keys: Option<&SrtpKeys>) -> Option<Box<Guard>> {
        let Some(keys) = keys else {
            return old.map(|mut old| {
                old.active = false;
                old
            });
        };
        let Some(mut old) = old else {
            let pair = Sender::new(&keys.send).zip(Receiver::new(&keys.receive));
            return Some(Box::new(Guard { active: true, keys: keys.clone(), pair }));
        };
        old.active = true;
        if old.keys != *keys {
            old.pair = old.pair.take().and_then(|pair| renewed(pair, &old.keys, keys));
            old.keys = keys.clone();
        }
        Some(old)
    }

    /// The leg is encrypted now.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// Opens a packet in place; answers its length.
    pub(crate) fn open(&mut self, packet: &mut [u8], is_control: bool) -> Result<usize, SrtpError> {
        let (_, receiver) = self.pair.as_mut().ok_or(SrtpError::Exhausted)?;
        if is_control { receiver.unprotect_rtcp(packet) } else { receiver.unprotect(packet) }
    }

    /// Closes the RTP packet in the first `length` bytes.
    pub(crate) fn close(&mut self, out: &mut Buffer, length: usize) -> Result<usize, SrtpError> {
        let (sender, _) = self.pair.as_mut().ok_or(SrtpError::Exhausted)?;
        sender.protect(out, length)
    }

    /// Closes the RTCP packet in the first `length` bytes.
    pub(crate) fn close_rtcp(&mut self, out: &mut Buffer, length: usize) -> Result<usize, SrtpError> {
        let (sender, _) = self.pair.as_mut().ok_or(SrtpError::Exhausted)?;
        sender.protect_rtcp(out, length)
    }
}

/// Both directions under new keys; a direction whose key stays is left as it is.
fn renewed((sender, receiver): (Sender, Receiver), old: &SrtpKeys, new: &SrtpKeys) -> Option<(Sender, Receiver)> {
    let sender = if old.send == new.send { sender } else { Sender::new(&new.send)?.continuing(&sender) };
    let receiver = if old.receive == new.receive { receiver } else { Receiver::new(&new.receive)?.continuing(&receiver) };
    Some((sender, receiver))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::rtp::limits;
    use crate::srtp::{MasterKey, Suite};

    fn keys(suite: Suite) -> SrtpKeys {
        let key = |seed| MasterKey::generate(suite, &mut StdRng::seed_from_u64(seed));
        SrtpKeys { send: key(1), receive: key(2) }
    }

    fn closed(guard: &mut Guard, sequence: u16) -> Vec<u8> {
        let mut out = [0; limits::PACKET];
        out[0] = 0x80;
        out[2..4].copy_from_slice(&sequence.to_be_bytes());
        let length = guard.close(&mut out, 172).unwrap();
        out[12..length].to_vec()
    }

    fn report(guard: &mut Guard) -> Vec<u8> {
        let mut out = [0; limits::PACKET];
        out[..2].copy_from_slice(&[0x80, 200]);
        let length = guard.close_rtcp(&mut out, 28).unwrap();
        out[8..length].to_vec()
    }

    /// Equal contents under one key and number would be equal on the wire.
    #[test]
    fn no_number_is_used_twice_under_a_key_that_comes_back() {
        for suite in Suite::ALL {
            let (first, other) =
                (keys(suite), keys(if suite == Suite::AeadAes128Gcm { Suite::AeadAes256Gcm } else { Suite::AeadAes128Gcm }));
            let mut guard = Guard::follow(None, Some(&first));
            let mut seen = HashSet::new();
            for between in [Some(&first), None, Some(&other), None] {
                let leg = guard.as_mut().unwrap();
                for sequence in [65_534u16, 65_535, 0, 1] {
                    // The stream goes on around the number space; here it jumps, which is the same to the counter.
                    assert!(seen.insert(closed(leg, sequence)), "{suite:?}");
                }
                assert!(seen.insert(report(leg)) && seen.insert(report(leg)));
                for step in [20_000, 40_000, 60_000] {
                    closed(leg, step);
                }
                guard = Guard::follow(Guard::follow(guard, between), Some(&first));
                assert!(guard.as_ref().unwrap().is_active());
            }
        }
    }

    #[test]
    fn in_the_clear_is_in_the_clear() {
        assert!(Guard::follow(None, None).is_none());
        let guard = Guard::follow(None, Some(&keys(Suite::AesCm128HmacSha1_80)));
        assert!(!Guard::follow(guard, None).unwrap().is_active());
    }
}
