//! Session descriptions (RFC 8866) and the offer/answer model (RFC 3264) for audio legs.
//!
//! [`Description`] is what a peer wrote, in types; [`Session`] is our side of one leg: it makes offers and answers and
//! counts their versions; [`Security`] is whether its media is encrypted and with which keys (RFC 4568); [`Negotiated`] is what both agreed on, ready for the media plane.

mod answer;
mod codec;
mod crypto;
mod description;
mod session;
#[cfg(test)]
mod tests;
mod write;

use std::net::SocketAddr;

use tandem_core::{Codec, Direction, MediaRecord};

use crate::srtp::SrtpKeys;

pub use codec::{KNOWN_CODECS, known_codec, same_codec};
pub use crypto::{Crypto, Security};
pub use description::{Description, Stream, StreamKind};
pub use session::{Choice, Session};

/// Why a session description is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not a session description, or over a limit.
    #[error("bad session description: {0}")]
    Syntax(String),
    /// No stream and codec that both sides have, or that is required: 488 for an offer.
    #[error("no common codec: offered {offered}")]
    NothingFits {
        /// What the peer has.
        offered: String,
    },
    /// Encryption is required and not offered, offered and not allowed, or not as agreed: 488 for an offer.
    #[error("media encryption: {0}")]
    Encryption(&'static str),
    /// Its connection address is not an IP address.
    #[error("bad connection address `{0}`")]
    Address(String),
    /// The answer has another number of streams than the offer (RFC 3264 §6).
    #[error("answer with {answer} streams to an offer with {offer}")]
    Streams {
        /// Streams of the offer.
        offer: usize,
        /// Streams of the answer.
        answer: usize,
    },
    /// An offer while one is open, or an answer without one (RFC 3264 §4).
    #[error("{0}")]
    Order(&'static str),
}

impl SdpError {
    /// The status to refuse an offer with.
    pub fn status(&self) -> u16 {
        match self {
            SdpError::NothingFits { .. } | SdpError::Encryption(_) | SdpError::Address(_) => 488,
            SdpError::Order(_) => 491,
            SdpError::Syntax(_) | SdpError::Streams { .. } => 400,
        }
    }
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The peer's RTP address. Unspecified (`0.0.0.0`) while the peer holds in the old way (RFC 3264 §8.4).
    pub remote_rtp: SocketAddr,
    /// The peer's RTCP address, if it said one (RFC 3605); else the port above RTP.
    pub remote_rtcp: Option<SocketAddr>,
    /// RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// The codec; its payload type is what the peer sends to us.
    pub codec: Codec,
    /// Payload type of the codec that we send to the peer.
    pub remote_payload_type: u8,
    /// Payload type of telephone-event that the peer sends to us.
    pub dtmf_local: Option<u8>,
    /// Payload type of telephone-event that we send to the peer.
    pub dtmf_remote: Option<u8>,
    /// Direction from our side.
    pub direction: Direction,
    /// Milliseconds of audio per packet that the peer wishes.
    pub ptime_ms: u16,
    /// The peer holds us: it does not want to hear us.
    pub held: bool,
    /// What media is encrypted with.
    pub srtp: Option<SrtpKeys>,
}

impl Negotiated {
    /// The leg's media for the log.
    pub fn record(&self, session: &Session) -> MediaRecord {
        MediaRecord {
            local: session.local(),
            remote: self.remote_rtp,
            codec: self.codec.clone(),
            dtmf: self.dtmf_remote,
            direction: self.direction,
            sdp_session: session.id(),
            sdp_version: session.version(),
        }
    }
}

/// `(sends, receives)` from the side whose direction it is.
pub(crate) fn flags(direction: Direction) -> (bool, bool) {
    match direction {
        Direction::SendRecv => (true, true),
        Direction::SendOnly => (true, false),
        Direction::RecvOnly => (false, true),
        Direction::Inactive => (false, false),
    }
}

/// The direction that sends and receives so.
pub(crate) fn direction(sends: bool, receives: bool) -> Direction {
    match (sends, receives) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// The direction as the other side sees it.
pub fn mirrored(of: Direction) -> Direction {
    let (sends, receives) = flags(of);
    direction(receives, sends)
}
