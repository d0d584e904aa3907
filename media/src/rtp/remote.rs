//! What the negotiation said about a leg's far end.

use std::net::{IpAddr, SocketAddr};

use tandem_core::{Codec, Direction};

use crate::srtp::SrtpKeys;

/// Whose packets are taken; see [`super::latch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LatchMode {
    /// Only from the address and port in the SDP.
    Strict,
    /// The first valid packet from the SDP's address, or, if that is private, from where the signalling comes.
    #[default]
    Nat,
}

/// The far end of a leg as offer and answer settled it. Make it with [`MediaRemote::new`] and set what differs:
///
/// ```
/// # use tandem_media::rtp::MediaRemote;
/// # use tandem_core::Codec;
/// let codec = Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None };
/// let remote = MediaRemote { dtmf: Some(101), rtcp_mux: true, ..MediaRemote::new("192.0.2.7:4000".parse().unwrap(), codec) };
/// assert_eq!(remote.remote_payload_type, 8);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRemote {
    /// RTP address from the peer's SDP. An unspecified address or port 0 means: send nothing (RFC 3264 §8.4).
    pub rtp: SocketAddr,
    /// RTCP address from `a=rtcp` (RFC 3605); default: the next port.
    pub rtcp: Option<SocketAddr>,
    /// RTP and RTCP share a port (RFC 5761), negotiated by both.
    pub rtcp_mux: bool,
    /// The codec; its payload type is what the peer sends to us.
    pub codec: Codec,
    /// Payload type we send to the peer: from its SDP.
    pub remote_payload_type: u8,
    /// Payload type of telephone-event we send (RFC 4733), if the peer speaks it.
    pub dtmf: Option<u8>,
    /// Payload type of telephone-event the peer sends, if it differs from `dtmf`.
    pub local_dtmf: Option<u8>,
    /// Direction from our side.
    pub direction: Direction,
    /// Packet length in milliseconds that the peer wishes; part of the delay estimate. What the switch itself makes is always 20 ms.
    pub ptime_ms: u16,
    /// Where the peer's signalling comes from, for phones behind NAT.
    pub signalled_from: Option<IpAddr>,
    /// Whose packets are taken.
    pub latch: LatchMode,
    /// What RTP and RTCP are encrypted with; nothing else is taken or sent then.
    pub srtp: Option<SrtpKeys>,
}

impl MediaRemote {
    /// A far end that sends and receives `codec` at `rtp`, everything else at its default.
    pub fn new(rtp: SocketAddr, codec: Codec) -> MediaRemote {
        MediaRemote {
            rtp,
            rtcp: None,
            rtcp_mux: false,
            remote_payload_type: codec.payload_type,
            codec,
            dtmf: None,
            local_dtmf: None,
            direction: Direction::SendRecv,
            ptime_ms: 20,
            signalled_from: None,
            latch: LatchMode::default(),
            srtp: None,
        }
    }

    /// Where RTCP goes if the peer does not move.
    pub(super) fn rtcp_address(&self) -> SocketAddr {
        match self.rtcp {
            _ if self.rtcp_mux => self.rtp,
            Some(address) => address,
            None => SocketAddr::new(self.rtp.ip(), self.rtp.port().saturating_add(1)),
        }
    }
}
