//! Facts about legs that commands, events and effects share.
//!
//! The core decides on endpoints and audio. It carries [`DialogRecord`] and [`MediaRecord`] without looking inside:
//! they are in the log so that a leg can be taken up again after a crash.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::id::{LegId, TrunkName, UserName};

/// Who is at the far end of a leg.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A registered phone of the tenant.
    Phone(UserName),
    /// The telephone network, through a trunk of the tenant.
    Trunk(TrunkName),
}

/// A transport protocol for signalling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// A WebSocket (RFC 7118).
    Ws,
    /// A WebSocket over TLS (RFC 7118).
    Wss,
}

/// The path packets take between us and a peer. For streams the connection is found by both addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// Transport protocol.
    pub transport: Transport,
    /// Our address.
    #[schemars(with = "String")]
    pub local: SocketAddr,
    /// The peer's address, as seen by us.
    #[schemars(with = "String")]
    pub remote: SocketAddr,
}

/// What is needed to speak in a leg's dialog again (RFC 3261 §12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DialogRecord {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; absent before it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_tag: Option<String>,
    /// Our URI with display name (From or To).
    pub local_uri: String,
    /// The peer's URI with display name.
    pub remote_uri: String,
    /// The peer's Contact.
    pub remote_target: String,
    /// Route set in the order of use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route_set: Vec<String>,
    /// CSeq of our last request.
    pub local_cseq: u32,
    /// CSeq of the peer's last request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_cseq: Option<u32>,
    /// The path of the last packet.
    pub flow: Flow,
}

/// What a direction attribute says, from our side (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// We only send.
    SendOnly,
    /// We only receive.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// An audio codec as SDP names it (RFC 4566 §6 rtpmap).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Codec {
    /// Encoding name in upper case: `PCMU`, `PCMA`, `G722`, `G729`, `OPUS`.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Format parameters (fmtp), verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub fmtp: Option<SmolStr>,
}

/// A leg's negotiated media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaRecord {
    /// Our RTP address, as the peer was told.
    #[schemars(with = "String")]
    pub local: SocketAddr,
    /// The peer's RTP address from its SDP.
    #[schemars(with = "String")]
    pub remote: SocketAddr,
    /// The codec both sides speak.
    pub codec: Codec,
    /// Payload type of telephone-event (RFC 4733), if both sides speak it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtmf: Option<u8>,
    /// Direction from our side.
    pub direction: Direction,
    /// Session id of our SDP (`o=`).
    pub sdp_session: u64,
    /// Version of our last SDP (`o=`).
    pub sdp_version: u64,
}

/// What a leg's media was like, taken when it closed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MediaStats {
    /// RTP packets received from the peer.
    pub packets_received: u64,
    /// RTP packets sent to the peer.
    pub packets_sent: u64,
    /// Packets that should have come but did not (RFC 3550 A.3), never negative here.
    pub packets_lost: u64,
    /// Packets dropped because they came from another source than the latched one.
    pub packets_rejected: u64,
    /// Interarrival jitter in milliseconds (RFC 3550 A.8) at the end.
    pub jitter_ms: f32,
    /// Packets the peer reported lost (RTCP receiver report), if it reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_packets_lost: Option<u64>,
    /// Round-trip time in milliseconds from RTCP (RFC 3550 §6.4.1), if measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f32>,
    /// Mean opinion score 1.0 to 4.5 by the E-model (ITU-T G.107) from loss, delay and codec; absent without packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos: Option<f32>,
}

/// A tone that the switch makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Ringback: somebody's phone rings (425 Hz, 1 s on, 4 s off).
    Ringback,
    /// Busy (425 Hz, 0.5 s on, 0.5 s off).
    Busy,
    /// Congestion (425 Hz, 0.25 s on, 0.25 s off).
    Congestion,
    /// A held party hears that the call still stands (two short 425 Hz beeps every 4 s).
    Hold,
    /// Speak after it: one beep (1000 Hz, 0.4 s), then silence.
    Beep,
    /// A steady sine at this frequency in Hz, for tests and tone numbers.
    Sine(u16),
}

/// What a leg hears. Exactly one thing at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audio {
    /// Nothing.
    Silence,
    /// Another leg, packets relayed undecoded if the codecs are equal.
    Leg(LegId),
    /// The sum of these legs (three-way, conference).
    Mix(Vec<LegId>),
    /// A tone.
    Tone(Tone),
    /// A prompt from the tenant's prompt folder.
    Prompt {
        /// File name without extension.
        #[schemars(with = "String")]
        name: SmolStr,
        /// From the start again at its end.
        repeat: bool,
    },
    /// Prompts one after the other without a gap.
    Sequence {
        /// Names as for `Prompt`; `@en/…` and `@zh/…` are built in.
        #[schemars(with = "Vec<String>")]
        names: Vec<SmolStr>,
        /// From the first again after the last.
        repeat: bool,
    },
    /// Music, heard like a radio: all who hear it hear the same place, and going back to it does not start it anew.
    Music {
        /// Prompt name; `@music` is built in.
        #[schemars(with = "String")]
        name: SmolStr,
    },
    /// A recording of the tenant, both channels summed.
    Recording {
        /// Path below the tenant's recordings.
        #[schemars(with = "String")]
        path: SmolStr,
        /// From this position, in milliseconds.
        from_ms: u64,
    },
    /// Its own voice.
    Echo,
}
