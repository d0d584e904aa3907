//! Codecs as SDP names them.

use smol_str::SmolStr;
use tandem_core::Codec;

/// Codecs that we carry, in the order we like them: name, static payload type (RFC 3551 §6) or a dynamic one of our
/// choice, RTP clock in Hz, format parameters. What the media plane can't decode is relayed.
pub const KNOWN_CODECS: &[(&str, u8, u32, Option<&str>)] = &[
    ("PCMA", 8, 8000, None),
    ("PCMU", 0, 8000, None),
    ("G722", 9, 8000, None),
    ("OPUS", 107, 48000, Some("useinbandfec=1")),
    ("G729", 18, 8000, Some("annexb=no")),
    ("GSM", 3, 8000, None),
    ("ILBC", 97, 8000, Some("mode=30")),
];

/// The name of RFC 4733 events.
pub(super) const EVENTS: &str = "TELEPHONE-EVENT";

/// A codec of [`KNOWN_CODECS`] by its name, in any case.
pub fn known_codec(name: &str) -> Option<Codec> {
    let (name, payload_type, clock_rate, fmtp) = KNOWN_CODECS.iter().find(|known| known.0.eq_ignore_ascii_case(name))?;
    Some(Codec {
        name: SmolStr::new_static(name),
        payload_type: *payload_type,
        clock_rate: *clock_rate,
        fmtp: fmtp.map(SmolStr::new_static),
    })
}

/// The same coding: payload types don't matter, format parameters only where frames differ in length (iLBC's mode).
pub fn same_codec(a: &Codec, b: &Codec) -> bool {
    let mode = |codec: &Codec| codec.fmtp.as_deref().and_then(|fmtp| fmtp_value(fmtp, "mode").map(str::to_owned));
    a.name.eq_ignore_ascii_case(&b.name) && a.clock_rate == b.clock_rate && (!a.name.eq_ignore_ascii_case("ILBC") || mode(a) == mode(b))
}

/// Same name and clock: the negotiation can settle the rest.
pub(super) fn compatible(a: &Codec, b: &Codec) -> bool {
    a.name.eq_ignore_ascii_case(&b.name) && a.clock_rate == b.clock_rate
}

/// A value of `a=1;b=2`.
pub(super) fn fmtp_value<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';')
        .filter_map(|part| part.trim().split_once('='))
        .find(|(other, _)| other.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// What a static payload type means without an rtpmap.
pub(super) fn static_codec(payload_type: u8) -> Option<Codec> {
    let (name, clock_rate) = match payload_type {
        0 => ("PCMU", 8000),
        3 => ("GSM", 8000),
        4 => ("G723", 8000),
        8 => ("PCMA", 8000),
        9 => ("G722", 8000),
        15 => ("G728", 8000),
        18 => ("G729", 8000),
        _ => return None,
    };
    Some(Codec { name: SmolStr::new_static(name), payload_type, clock_rate, fmtp: None })
}

/// `96 opus/48000/2` of an rtpmap.
pub(super) fn parse_rtpmap(value: &str) -> Option<Codec> {
    let (payload_type, rest) = value.trim().split_once(' ')?;
    let payload_type: u8 = payload_type.parse().ok().filter(|pt| *pt < 128)?;
    let mut parts = rest.trim().split('/');
    let name = parts.next().filter(|name| !name.is_empty() && name.len() <= 32)?.to_ascii_uppercase();
    let mut clock_rate: u32 = parts.next()?.trim().parse().ok().filter(|rate| *rate > 0)?;
    if name == "G722" {
        // The clock is 8000 by an old mistake (RFC 3551 §4.5.2); some say what it should have been.
        clock_rate = 8000;
    }
    Some(Codec { name: SmolStr::new(name), payload_type, clock_rate, fmtp: None })
}

/// The rtpmap of a codec.
pub(super) fn rtpmap(codec: &Codec) -> String {
    let name = match codec.name.as_str() {
        EVENTS => "telephone-event",
        "OPUS" => "opus",
        "ILBC" => "iLBC",
        name => name,
    };
    // Opus is always signalled with two channels (RFC 7587 §7).
    let channels = if codec.name == "OPUS" { "/2" } else { "" };
    format!("{} {name}/{}{channels}", codec.payload_type, codec.clock_rate)
}
