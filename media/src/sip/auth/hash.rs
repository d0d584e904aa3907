use std::fmt;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5 (RFC 2617): what most phones have.
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
}

impl Algorithm {
    /// As in `algorithm=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// Reads `algorithm=`; `None` for those we don't have (`-sess` among them).
    pub fn parse(text: &str) -> Option<Algorithm> {
        [Algorithm::Md5, Algorithm::Sha256].into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text))
    }

    /// The hash of parts joined by colons, in hexadecimal.
    pub(super) fn hash(self, parts: &[&str]) -> Hex {
        match self {
            Algorithm::Md5 => Hex::new(&joined::<Md5>(parts)),
            Algorithm::Sha256 => Hex::new(&joined::<Sha256>(parts)),
        }
    }
}

fn joined<D: md5::Digest>(parts: &[&str]) -> Vec<u8> {
    let mut hasher = D::new();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            hasher.update(b":");
        }
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_vec()
}

/// Up to 32 bytes in lower case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex {
    text: [u8; 64],
    len: usize,
}

impl Hex {
    pub(super) fn new(bytes: &[u8]) -> Hex {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = Hex { text: [0; 64], len: 0 };
        for (pair, byte) in hex.text.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            hex.len += 2;
        }
        hex
    }

    pub(super) fn as_str(&self) -> &str {
        self.text.get(..self.len).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    /// Compares with what a peer sent, in a time that depends on its length only.
    pub(super) fn matches(&self, theirs: &str) -> bool {
        let theirs = theirs.to_ascii_lowercase();
        theirs.len() == self.len && bool::from(theirs.as_bytes().ct_eq(self.as_str().as_bytes()))
    }
}

/// `H(user:realm:password)`: as good as the password within its realm, so it is kept as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    hex: Hex,
}

impl Ha1 {
    /// From the stored text: 32 hexadecimal digits for MD5, 64 for SHA-256.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Option<Ha1> {
        let digits = match algorithm {
            Algorithm::Md5 => 32,
            Algorithm::Sha256 => 64,
        };
        if text.len() != digits || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut hex = Hex { text: [0; 64], len: digits };
        hex.text.get_mut(..digits)?.copy_from_slice(text.to_ascii_lowercase().as_bytes());
        Some(Ha1 { algorithm, hex })
    }

    /// The text to store. It is a secret.
    pub fn to_hex(&self) -> String {
        self.hex.as_str().to_owned()
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// From the raw hash: 16 bytes for MD5, 32 for SHA-256.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Ha1 {
        Ha1 { algorithm, hex: Hex::new(bytes) }
    }

    /// The response to a challenge (RFC 7616 §3.4.1): with qop `auth` if there is one, else as RFC 2069 had it.
    pub(super) fn response(&self, nonce: &str, qop: Option<Qop<'_>>, method: &str, uri: &str) -> Hex {
        let ha2 = self.algorithm.hash(&[method, uri]);
        match qop {
            Some(Qop { nc, cnonce }) => self.algorithm.hash(&[self.hex.as_str(), nonce, nc, cnonce, "auth", ha2.as_str()]),
            None => self.algorithm.hash(&[self.hex.as_str(), nonce, ha2.as_str()]),
        }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({})", self.algorithm.as_str())
    }
}

/// What qop `auth` adds: nc as sent, eight hexadecimal digits, and the client's nonce.
#[derive(Clone, Copy)]
pub(super) struct Qop<'a> {
    pub(super) nc: &'a str,
    pub(super) cnonce: &'a str,
}

/// The secret for a user in a realm, made from its password.
pub fn ha1(user: &str, realm: &str, password: &str, algorithm: Algorithm) -> Ha1 {
    Ha1 { algorithm, hex: algorithm.hash(&[user, realm, password]) }
}

/// HMAC-SHA-256 (RFC 2104) with a key of 32 bytes.
pub(super) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let mut inner = Sha256::new();
    inner.update(pad(0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(pad(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}
