//! Encrypted media (SRTP, RFC 3711; AES-GCM, RFC 7714): one packet in, the same buffer out.
//!
//! [`Sender`] protects what a leg sends, [`Receiver`] opens what it hears; each has one key, works in place and allocates
//! nothing per packet. Keys come from session descriptions ([`crate::sip::sdp`], RFC 4568) or from DTLS, and are printed nowhere.
//!
//! The ciphers are those of `ring` and RustCrypto. The framing around them is here rather than from a crate, because those that
//! there are return each packet in new memory and keep state for every SSRC that a stranger names; `rtc-srtp` judges ours in
//! the tests.

mod cipher;
mod derive;
mod key;
pub mod limits;
mod receiver;
mod replay;
mod sender;
#[cfg(test)]
mod tests;

pub use key::{KeyError, MasterKey, SrtpKeys, Suite};
pub use receiver::Receiver;
pub use sender::Sender;

/// Why a packet was not protected or opened. Its contents are void then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Not an RTP or RTCP packet, or too short to carry a tag. Carries the length.
    #[error("{0} bytes are no protected packet")]
    Malformed(usize),
    /// Protection makes it longer than the buffer.
    #[error("no room to protect a packet of {0} bytes")]
    NoRoom(usize),
    /// Seen already, or too old to tell. Carries the index.
    #[error("packet {0} was seen or is too old")]
    Replayed(u64),
    /// Not made with this key, or changed on its way.
    #[error("the packet's tag is wrong")]
    Forged,
    /// The key has protected as much as it may (RFC 3711 §9.2).
    #[error("the key is used up")]
    Exhausted,
}

/// Bytes of an RTP packet's header with its CSRC list and extension (RFC 3550 §5.1); `None` if the packet is shorter.
fn rtp_header(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let fixed = 12 + 4 * usize::from(first & 0x0F);
    let length = if first & 0x10 == 0 {
        fixed
    } else {
        let words = packet.get(fixed + 2..fixed + 4)?;
        fixed + 4 + 4 * usize::from(u16::from_be_bytes(words.try_into().ok()?))
    };
    (packet.len() >= length.max(12)).then_some(length)
}

fn u16_at(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?))
}
