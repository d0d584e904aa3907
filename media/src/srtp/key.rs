//! Keys, and what they are for.

use std::fmt;

use zeroize::Zeroize;

/// What packets are protected with: the crypto suites of RFC 4568 §6.2 and RFC 7714 §14.2 that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES in counter mode, HMAC-SHA1 of 80 bits: what every phone has.
    AesCm128HmacSha1_80,
    /// The same with 32 bits of the tag in RTP (RTCP keeps 80).
    AesCm128HmacSha1_32,
    /// AES-GCM: half the cost of the others.
    AeadAes128Gcm,
    /// AES-GCM with the longer key.
    AeadAes256Gcm,
}

impl Suite {
    /// All, in the order we like them: GCM costs half (measured: `benches/README.md`), a short tag is the last resort.
    pub const ALL: [Suite; 4] = [Suite::AeadAes256Gcm, Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];

    /// As session descriptions name it.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// By its name; suites are named in upper case (RFC 4568 §9.1), some phones differ.
    pub fn by_name(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    pub fn key_len(self) -> usize {
        if self == Suite::AeadAes256Gcm { 32 } else { 16 }
    }

    /// Bytes of the master salt.
    pub fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Encryption and authentication are one.
    pub(super) fn is_aead(self) -> bool {
        matches!(self, Suite::AeadAes128Gcm | Suite::AeadAes256Gcm)
    }
}

/// Why bytes are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{suite:?} takes a key of {expected} bytes, not {len}")]
pub struct KeyError {
    /// The suite.
    pub suite: Suite,
    /// Bytes of key and salt that it takes.
    pub expected: usize,
    /// Bytes that were given.
    pub len: usize,
}

/// A master key with its salt (RFC 3711 §3.2.1). Never printed; overwritten when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    /// Key, then salt; the rest is zero.
    bytes: [u8; MasterKey::LONGEST],
}

impl MasterKey {
    /// Bytes of key and salt at most.
    pub const LONGEST: usize = 46;

    /// Key and salt one behind the other, as SDP carries them.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Result<MasterKey, KeyError> {
        let expected = suite.key_len() + suite.salt_len();
        let mut bytes = [0; MasterKey::LONGEST];
        match bytes.get_mut(..key_and_salt.len()) {
            Some(room) if key_and_salt.len() == expected => room.copy_from_slice(key_and_salt),
            _ => return Err(KeyError { suite, expected, len: key_and_salt.len() }),
        }
        Ok(MasterKey { suite, bytes })
    }

    /// A new one. `random` has to be of the cryptographic kind.
    pub fn generate(suite: Suite, random: &mut impl rand::CryptoRng) -> MasterKey {
        let mut bytes = [0; MasterKey::LONGEST];
        let (used, _) = bytes.split_at_mut(suite.key_len() + suite.salt_len());
        random.fill_bytes(used);
        MasterKey { suite, bytes }
    }

    /// What it is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt one behind the other.
    pub fn key_and_salt(&self) -> &[u8] {
        self.bytes.split_at(self.suite.key_len() + self.suite.salt_len()).0
    }

    pub(super) fn key(&self) -> &[u8] {
        self.bytes.split_at(self.suite.key_len()).0
    }

    pub(super) fn salt(&self) -> &[u8] {
        self.key_and_salt().split_at(self.suite.key_len()).1
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

/// The two keys of a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrtpKeys {
    /// Protects what we send.
    pub send: MasterKey,
    /// Opens what the peer sends.
    pub receive: MasterKey,
}
