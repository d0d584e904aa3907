//! Session keys from a master key (RFC 3711 §4.3; RFC 7714 §11 for GCM). The key derivation rate is zero: once per key.

use aes::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use super::key::MasterKey;

/// What a session key is for (RFC 3711 §4.3.1, §4.3.2).
#[derive(Debug, Clone, Copy)]
pub(super) enum Label {
    Encryption = 0,
    Authentication = 1,
    Salt = 2,
}

/// RTP's labels are 0 to 2, RTCP's 3 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Rtp = 0,
    Rtcp = 3,
}

/// `N` bytes of a session key: the key stream of AES in counter mode, the label added to the salt.
pub(super) fn derive<const N: usize>(master: &MasterKey, of: Use, label: Label) -> Zeroizing<[u8; N]> {
    let mut iv = [0u8; 16];
    iv.iter_mut().zip(master.salt()).for_each(|(to, from)| *to = *from);
    iv[7] ^= of as u8 + label as u8;
    let mut out = Zeroizing::new([0u8; N]);
    // The lengths fit by construction of the key.
    match master.key().len() {
        32 => ctr::Ctr128BE::<aes::Aes256>::new_from_slices(master.key(), &iv).map(|mut aes| aes.apply_keystream(out.as_mut_slice())),
        _ => ctr::Ctr128BE::<aes::Aes128>::new_from_slices(master.key(), &iv).map(|mut aes| aes.apply_keystream(out.as_mut_slice())),
    }
    .unwrap_or_default();
    out
}
