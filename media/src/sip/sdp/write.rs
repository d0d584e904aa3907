//! How our descriptions look.

use std::net::SocketAddr;

use sdp_types::{Attribute, Connection, Media, Origin};
use tandem_core::{Codec, Direction};

use super::codec::rtpmap;
use super::crypto::Crypto;

/// One `m=` line of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Audio {
        proto: String,
        codecs: Vec<Codec>,
        events: Vec<Codec>,
        direction: Direction,
        rtcp_mux: bool,
        /// Our keys.
        crypto: Vec<Crypto>,
    },
    /// Refused, or off: as the peer wrote it, with port 0.
    Off { media: String, proto: String, formats: String },
}

/// The text of a description.
pub(super) fn render(id: u64, version: u64, local: SocketAddr, lines: &[Line]) -> String {
    let mut session = sdp_types::Session::new(Origin::with_ip_addr(id, version, local.ip()), "-");
    session.connection = Some(Connection::from_ip_addr(local.ip()));
    session.medias = lines.iter().map(|line| media(line, local.port())).collect();
    let mut out = Vec::with_capacity(512);
    // Writing into memory does not fail.
    let _ = session.write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn media(line: &Line, port: u16) -> Media {
    let (name, port, proto, formats) = match line {
        Line::Audio { proto, codecs, events, .. } => {
            let formats: Vec<String> = codecs.iter().chain(events).map(|codec| codec.payload_type.to_string()).collect();
            ("audio", port, proto, formats.join(" "))
        }
        Line::Off { media, proto, formats } => (media.as_str(), 0, proto, formats.clone()),
    };
    let mut out = Media::new(sdp_types::MediaType::Audio, port, sdp_types::TransportProto::RtpAvp, formats);
    out.media = name.to_owned();
    out.proto.clone_from(proto);
    if let Line::Audio { codecs, events, direction, rtcp_mux, crypto, .. } = line {
        out.attributes = attributes(codecs, events, *direction, *rtcp_mux);
        let keys = crypto.iter().map(|crypto| Attribute { attribute: "crypto".to_owned(), value: Some(crypto.render()) });
        out.attributes.extend(keys);
    }
    out
}

fn attributes(codecs: &[Codec], events: &[Codec], direction: Direction, rtcp_mux: bool) -> Vec<Attribute> {
    let with = |name: &str, value: String| Attribute { attribute: name.to_owned(), value: Some(value) };
    let flag = |name: &str| Attribute { attribute: name.to_owned(), value: None };
    let mut out = Vec::new();
    for codec in codecs.iter().chain(events) {
        out.push(with("rtpmap", rtpmap(codec)));
        if let Some(fmtp) = &codec.fmtp {
            out.push(with("fmtp", format!("{} {fmtp}", codec.payload_type)));
        }
    }
    out.push(with("ptime", "20".to_owned()));
    if rtcp_mux {
        out.push(flag("rtcp-mux"));
    }
    out.push(flag(match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }));
    out
}
