//! What the suites do to one packet, given its index. In place.

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use super::SrtpError;
use super::derive::{Label, Use, derive};
use super::key::{MasterKey, Suite};

/// Bytes of a GCM tag.
const GCM_TAG: usize = 16;

/// The session keys of one direction, for RTP or for RTCP.
pub(super) enum Cipher {
    /// Counter mode and a truncated HMAC (RFC 3711 §4.1.1, §4.2.1).
    Counter { aes: Box<Aes128>, mac: Hmac<Sha1>, salt: [u8; 14], tag: usize },
    /// RFC 7714.
    Gcm { key: Box<LessSafeKey>, salt: [u8; 12] },
}

/// Where a packet is in its stream, and what the tag has to cover besides the packet itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    /// RTP: ROC and sequence number, 48 bits; RTCP: 31 bits.
    pub(super) index: u64,
    /// RTP: the ROC, RTCP: the word with the index. Behind the packet for the HMAC; GCM covers RTCP's only (RFC 7714 §9.3).
    pub(super) trailer: [u8; 4],
}

impl Cipher {
    /// `None` if a key can't be used, which its construction rules out.
    pub(super) fn new(master: &MasterKey, of: Use) -> Option<Cipher> {
        Some(match master.suite() {
            suite @ (Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32) => Cipher::Counter {
                aes: Box::new(Aes128::new_from_slice(derive::<16>(master, of, Label::Encryption).as_slice()).ok()?),
                mac: <Hmac<Sha1> as Mac>::new_from_slice(derive::<20>(master, of, Label::Authentication).as_slice()).ok()?,
                salt: *derive(master, of, Label::Salt),
                // RTCP keeps the long tag (RFC 4568 §6.2.2).
                tag: if suite == Suite::AesCm128HmacSha1_32 && of == Use::Rtp { 4 } else { 10 },
            },
            Suite::AeadAes128Gcm => {
                Cipher::gcm(UnboundKey::new(&AES_128_GCM, derive::<16>(master, of, Label::Encryption).as_slice()).ok()?, master, of)
            }
            Suite::AeadAes256Gcm => {
                Cipher::gcm(UnboundKey::new(&AES_256_GCM, derive::<32>(master, of, Label::Encryption).as_slice()).ok()?, master, of)
            }
        })
    }

    fn gcm(key: UnboundKey, master: &MasterKey, of: Use) -> Cipher {
        Cipher::Gcm { key: Box::new(LessSafeKey::new(key)), salt: *derive(master, of, Label::Salt) }
    }

    pub(super) fn tag(&self) -> usize {
        match self {
            Cipher::Counter { tag, .. } => *tag,
            Cipher::Gcm { .. } => GCM_TAG,
        }
    }

    /// Whether an attempt to open leaves the packet as it was if it fails.
    pub(super) fn fails_clean(&self) -> bool {
        matches!(self, Cipher::Counter { .. })
    }

    /// Encrypts `body` behind `head`. Answers the tag, of which the first [`Cipher::tag`] bytes count.
    pub(super) fn seal(&self, place: Place, head: &[u8], body: &mut [u8], of: Use) -> Result<[u8; 16], SrtpError> {
        match self {
            Cipher::Counter { aes, mac, salt, tag } => {
                counter(aes, salt, place, body);
                Ok(shortened(authenticate(mac, head, body, place), *tag))
            }
            Cipher::Gcm { key, salt } => {
                let nonce = nonce(salt, place);
                let tag = match of {
                    Use::Rtp => key.seal_in_place_separate_tag(nonce, Aad::from(head), body),
                    Use::Rtcp => key.seal_in_place_separate_tag(nonce, Aad::from(covered(head, place)?), body),
                };
                tag.ok().and_then(|tag| tag.as_ref().try_into().ok()).ok_or(SrtpError::Exhausted)
            }
        }
    }

    /// Checks and decrypts. `body` has the tag at its end for GCM, `tag` carries it for the others.
    pub(super) fn open(&self, place: Place, head: &[u8], body: &mut [u8], tag: &[u8], of: Use) -> Result<(), SrtpError> {
        match self {
            Cipher::Counter { aes, mac, salt, .. } => {
                let mac = mac.clone().chain_update(head).chain_update(&*body).chain_update(place.trailer);
                mac.verify_truncated_left(tag).map_err(|_| SrtpError::Forged)?;
                counter(aes, salt, place, body);
                Ok(())
            }
            Cipher::Gcm { key, salt } => {
                let nonce = nonce(salt, place);
                match of {
                    Use::Rtp => key.open_in_place(nonce, Aad::from(head), body),
                    Use::Rtcp => key.open_in_place(nonce, Aad::from(covered(head, place)?), body),
                }
                .map(drop)
                .map_err(|_| SrtpError::Forged)
            }
        }
    }
}

/// RFC 3711 §4.1.1: `IV = (salt · 2^16) ⊕ (SSRC · 2^64) ⊕ (index · 2^16)`.
fn counter(aes: &Aes128, salt: &[u8; 14], place: Place, body: &mut [u8]) {
    let mut iv = [0u8; 16];
    iv[..14].copy_from_slice(salt);
    iv[4..8].iter_mut().zip(place.ssrc.to_be_bytes()).for_each(|(to, from)| *to ^= from);
    iv[8..14].iter_mut().zip(place.index.to_be_bytes().into_iter().skip(2)).for_each(|(to, from)| *to ^= from);
    let core = CtrCore::<&Aes128, Ctr128BE>::inner_iv_init(aes, &iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(body);
}

fn authenticate(mac: &Hmac<Sha1>, head: &[u8], body: &[u8], place: Place) -> [u8; 20] {
    mac.clone().chain_update(head).chain_update(body).chain_update(place.trailer).finalize().into_bytes().into()
}

fn shortened(full: [u8; 20], tag: usize) -> [u8; 16] {
    let mut out = [0; 16];
    out.iter_mut().zip(full).take(tag).for_each(|(to, from)| *to = from);
    out
}

/// RFC 7714 §8.1 and §9.1: two zero bytes, SSRC, 48 bits of index; all added to the salt.
fn nonce(salt: &[u8; 12], place: Place) -> Nonce {
    let mut iv = *salt;
    iv[2..6].iter_mut().zip(place.ssrc.to_be_bytes()).for_each(|(to, from)| *to ^= from);
    iv[6..12].iter_mut().zip(place.index.to_be_bytes().into_iter().skip(2)).for_each(|(to, from)| *to ^= from);
    Nonce::assume_unique_for_key(iv)
}

/// What GCM covers of an SRTCP packet besides its body: eight bytes of header and the word with the index (RFC 7714 §9.2).
fn covered(head: &[u8], place: Place) -> Result<[u8; 12], SrtpError> {
    let mut out = [0; 12];
    let (first, last) = out.split_at_mut(8);
    first.copy_from_slice(head.get(..8).ok_or(SrtpError::Malformed(head.len()))?);
    last.copy_from_slice(&place.trailer);
    Ok(out)
}
