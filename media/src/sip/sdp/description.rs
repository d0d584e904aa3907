//! What a peer's session description says, in types.

use std::net::{IpAddr, SocketAddr};

use smol_str::SmolStr;
use tandem_core::{Codec, Direction};

use super::SdpError;
use super::codec::{EVENTS, KNOWN_CODECS, parse_rtpmap, static_codec};
use super::crypto::Crypto;
use crate::sip::limits;

/// What a stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamKind {
    /// `audio`
    Audio,
    /// Anything else, as written.
    Other(SmolStr),
}

/// One `m=` line with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// What it carries.
    pub kind: StreamKind,
    /// RTP port; 0 means the stream is off.
    pub port: u16,
    /// Transport as written: `RTP/AVP`.
    pub proto: String,
    /// Formats as written.
    pub formats: String,
    /// Address, from the stream or else from the session; absent if it is missing or no address.
    pub address: Option<IpAddr>,
    /// Codecs that have a name, in the peer's order; without telephone-event.
    pub codecs: Vec<Codec>,
    /// telephone-event formats (RFC 4733).
    pub events: Vec<Codec>,
    /// Direction as the peer wrote it, from its side.
    pub direction: Direction,
    /// `a=ptime` in milliseconds.
    pub ptime_ms: Option<u16>,
    /// `a=rtcp`: port and maybe address (RFC 3605).
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    /// `a=rtcp-mux` (RFC 5761).
    pub rtcp_mux: bool,
    /// `a=crypto` lines that we can use (RFC 4568), in the peer's order.
    pub crypto: Vec<Crypto>,
    /// There are `a=crypto` lines, of use or not: what comes is encrypted.
    pub encrypted: bool,
}

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// `o=` session id, as written.
    pub session_id: String,
    /// `o=` version.
    pub version: u64,
    /// The streams.
    pub streams: Vec<Stream>,
}

impl Description {
    /// Reads a session description.
    pub fn parse(text: &str) -> Result<Description, SdpError> {
        if text.len() > limits::SDP_BYTES {
            return Err(SdpError::Syntax(format!("{} bytes", text.len())));
        }
        let session = sdp_types::Session::parse(text.as_bytes()).map_err(|error| SdpError::Syntax(error.to_string()))?;
        if session.medias.len() > limits::SDP_MEDIA {
            return Err(SdpError::Syntax(format!("{} streams", session.medias.len())));
        }
        let streams = session.medias.iter().map(|media| Stream::read(media, &session)).collect();
        Ok(Description { session_id: session.origin.sess_id, version: session.origin.sess_version, streams })
    }

    /// Codecs of the first usable audio stream that we carry, in the peer's order.
    pub fn codecs(&self) -> Vec<Codec> {
        let known = |codec: &&Codec| KNOWN_CODECS.iter().any(|known| known.0 == codec.name && known.2 == codec.clock_rate);
        let stream = self.streams.iter().find(|stream| stream.is_usable());
        stream.map(|stream| stream.codecs.iter().filter(known).cloned().collect()).unwrap_or_default()
    }
}

impl Stream {
    fn read(media: &sdp_types::Media, session: &sdp_types::Session) -> Stream {
        let kind =
            if media.media.eq_ignore_ascii_case("audio") { StreamKind::Audio } else { StreamKind::Other(SmolStr::new(&media.media)) };
        let mut stream = Stream {
            kind,
            port: media.port,
            proto: media.proto.clone(),
            formats: media.fmt.clone(),
            address: media.connections.first().or(session.connection.as_ref()).and_then(|c| c.try_address().ok()).map(|c| c.ip),
            codecs: Vec::new(),
            events: Vec::new(),
            direction: direction_of(&media.attributes).or_else(|| direction_of(&session.attributes)).unwrap_or_default(),
            ptime_ms: None,
            rtcp: None,
            rtcp_mux: false,
            crypto: Vec::new(),
            encrypted: false,
        };
        if stream.kind == StreamKind::Audio {
            stream.read_attributes(&media.attributes);
        }
        stream
    }

    fn read_attributes(&mut self, attributes: &[sdp_types::Attribute]) {
        let mut maps: Vec<Codec> = Vec::new();
        let mut parameters: Vec<(u8, &str)> = Vec::new();
        for attribute in attributes.iter().take(limits::SDP_ATTRIBUTES) {
            let value = attribute.value.as_deref().unwrap_or_default();
            match attribute.attribute.as_str() {
                "rtpmap" if maps.len() < limits::SDP_FORMATS => maps.extend(parse_rtpmap(value)),
                "fmtp" if parameters.len() < limits::SDP_FORMATS => {
                    let parts = value.split_once(' ').and_then(|(pt, rest)| Some((pt.parse().ok()?, rest.trim())));
                    parameters.extend(parts);
                }
                "ptime" => self.ptime_ms = value.trim().parse().ok().filter(|ms| (1..=200).contains(ms)),
                "rtcp" => self.rtcp = parse_rtcp(value),
                "rtcp-mux" => self.rtcp_mux = true,
                "crypto" => {
                    self.encrypted = true;
                    if self.crypto.len() < limits::SDP_CRYPTO {
                        self.crypto.extend(Crypto::parse(value));
                    }
                }
                _ => {}
            }
        }
        for format in self.formats.split_ascii_whitespace().take(limits::SDP_FORMATS) {
            let Some(payload_type) = format.parse::<u8>().ok().filter(|pt| *pt < 128) else { continue };
            let mapped = maps.iter().find(|codec| codec.payload_type == payload_type).cloned();
            let Some(mut codec) = mapped.or_else(|| static_codec(payload_type)) else { continue };
            codec.fmtp = parameters.iter().find(|(pt, _)| *pt == payload_type).map(|(_, text)| SmolStr::new(text));
            if codec.name == EVENTS { self.events.push(codec) } else { self.codecs.push(codec) }
        }
    }

    /// Audio over RTP that is on, encrypted or not.
    pub fn is_usable(&self) -> bool {
        let plain = ["RTP/AVP", "RTP/AVPF"].iter().any(|proto| self.proto.eq_ignore_ascii_case(proto));
        self.kind == StreamKind::Audio && self.port != 0 && (plain || self.is_secure())
    }

    /// Encrypted RTP by its name. With `a=crypto` plain RTP may be encrypted, too: so phones offer both at once.
    pub(super) fn is_secure(&self) -> bool {
        self.proto.eq_ignore_ascii_case("RTP/SAVP") || self.proto.eq_ignore_ascii_case("RTP/SAVPF")
    }

    /// Where RTP goes.
    pub(super) fn rtp(&self) -> Result<SocketAddr, SdpError> {
        match self.address {
            Some(ip) if !ip.is_multicast() => Ok(SocketAddr::new(ip, self.port)),
            _ => Err(SdpError::Address(self.address.map_or_else(|| "none".to_owned(), |ip| ip.to_string()))),
        }
    }

    /// Where RTCP goes, if it is said.
    pub(super) fn rtcp_addr(&self) -> Option<SocketAddr> {
        let (port, ip) = self.rtcp.filter(|(port, _)| *port != 0)?;
        Some(SocketAddr::new(ip.or(self.address)?, port))
    }
}

fn direction_of(attributes: &[sdp_types::Attribute]) -> Option<Direction> {
    attributes.iter().take(limits::SDP_ATTRIBUTES).find_map(|attribute| match attribute.attribute.as_str() {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    })
}

/// `53020` or `53020 IN IP4 126.16.64.4`.
fn parse_rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut parts = value.split_ascii_whitespace();
    let port = parts.next()?.parse().ok()?;
    Some((port, parts.nth(2).and_then(|ip| ip.parse().ok())))
}
