//! The little of SIP that a load generator has to read: a start line, some headers, a port.
//!
//! Written for messages that a working server sends: no folding, no repair. What it can't read counts as an answer
//! that never came, and that is the server's failure to explain.

use std::net::{Ipv4Addr, SocketAddrV4};

use memchr::{memchr, memmem};

use crate::text::read_hex8;

/// Headers that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Via, `v`.
    Via,
    /// From, `f`.
    From,
    /// To, `t`.
    To,
    /// Call-ID, `i`.
    CallId,
    /// CSeq.
    CSeq,
    /// Contact, `m`.
    Contact,
    /// Record-Route.
    RecordRoute,
    /// Authorization or Proxy-Authorization.
    Credentials,
    /// WWW-Authenticate or Proxy-Authenticate.
    Challenge,
    /// Any other.
    Other,
}

fn name_of(name: &[u8]) -> Name {
    let is = |text: &str| name.eq_ignore_ascii_case(text.as_bytes());
    match name.len() {
        1 => match name[0].to_ascii_lowercase() {
            b'v' => Name::Via,
            b'f' => Name::From,
            b't' => Name::To,
            b'i' => Name::CallId,
            b'm' => Name::Contact,
            _ => Name::Other,
        },
        2 if is("To") => Name::To,
        3 if is("Via") => Name::Via,
        4 if is("From") => Name::From,
        4 if is("CSeq") => Name::CSeq,
        7 if is("Call-ID") => Name::CallId,
        7 if is("Contact") => Name::Contact,
        12 if is("Record-Route") => Name::RecordRoute,
        13 | 19 if is("Authorization") || is("Proxy-Authorization") => Name::Credentials,
        16 | 18 if is("WWW-Authenticate") || is("Proxy-Authenticate") => Name::Challenge,
        _ => Name::Other,
    }
}

/// A header line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Which header.
    pub name: Name,
    /// Its value without blanks around it.
    pub value: &'a [u8],
    /// The whole line with its CRLF, to be copied.
    pub whole: &'a [u8],
}

/// The headers of a message, in order.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let end = memchr(b'\n', self.rest)?;
        let (whole, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        let colon = memchr(b':', whole)?; // the empty line has none: the end
        let name = name_of(whole[..colon].trim_ascii_end());
        Some(Line { name, value: whole[colon + 1..].trim_ascii(), whole })
    }
}

/// Headers of a message, without its start line.
pub fn lines(message: &[u8]) -> Lines<'_> {
    let start = memchr(b'\n', message).map_or(message.len(), |end| end + 1);
    Lines { rest: &message[start..] }
}

/// Status of a response; `None` for requests and noise.
pub fn status(message: &[u8]) -> Option<u16> {
    let digits = message.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    digits.iter().try_fold(0u16, |value, digit| Some(value * 10 + char::from(*digit).to_digit(10)? as u16))
}

/// Method of a request.
pub fn method(message: &[u8]) -> &[u8] {
    &message[..memchr(b' ', message).unwrap_or(0)]
}

/// What follows the empty line.
pub fn body(message: &[u8]) -> &[u8] {
    memmem::find(message, b"\r\n\r\n").map_or(&[], |end| &message[end + 4..])
}

/// What the generator writes into its own branches and tags: a place, a generation, a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Index of a phone, call or dialog.
    pub slot: u32,
    /// Tells apart who used the slot one after the other.
    pub generation: u32,
}

/// Begins every branch of ours. The magic cookie is RFC 3261 §8.1.1.7.
pub const BRANCH: &[u8] = b"z9hG4bK-tl";

/// The mark behind the first `prefix`, and the byte behind it.
pub fn mark_behind(text: &[u8], prefix: &[u8]) -> Option<(Mark, u8)> {
    let start = memmem::find(text, prefix)? + prefix.len();
    let slot = read_hex8(text.get(start..)?)?;
    let generation = read_hex8(text.get(start + 8..)?)?;
    Some((Mark { slot, generation }, text.get(start + 16).copied().unwrap_or(0)))
}

/// The URI in a name-addr or addr-spec.
pub fn uri(value: &[u8]) -> &[u8] {
    match memchr(b'<', value) {
        Some(start) => {
            let rest = &value[start + 1..];
            &rest[..memchr(b'>', rest).unwrap_or(rest.len())]
        }
        None => value[..memchr(b';', value).unwrap_or(value.len())].trim_ascii(),
    }
}

/// Where an SDP wants its audio: the connection line (the media's own before the session's) and the first audio port.
pub fn audio_address(sdp: &[u8]) -> Option<SocketAddrV4> {
    let media = memmem::find(sdp, b"m=audio ")?;
    let port: u16 = number(&sdp[media + 8..])?;
    let line = memmem::find(&sdp[media..], b"c=IN IP4 ").map(|place| media + place).or_else(|| memmem::find(sdp, b"c=IN IP4 "))? + 9;
    let rest = &sdp[line..];
    let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(rest.len());
    let ip: Ipv4Addr = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    (port > 0).then_some(SocketAddrV4::new(ip, port))
}

/// The decimal number at the front.
pub fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &[u8] =
        b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bK-tl0000000a00000001i;rport=5\r\nRecord-Route: <sip:a;lr>\r\n\
        To : \"B: b\" <sip:b@x>;tag=1\r\nCALL-ID:7\r\nm:<sip:b@127.0.0.1:9;ob>;q=1\r\nWarning: 1\r\n\r\n\
        v=0\r\nc=IN IP4 127.0.0.9\r\nm=audio 4002 RTP/AVP 0\r\n";

    #[test]
    fn a_response_is_read_with_long_and_compact_names() {
        assert_eq!(status(RESPONSE), Some(200));
        let of = |name| lines(RESPONSE).find(|line| line.name == name).map(|line| line.value);
        assert_eq!(of(Name::CallId), Some(&b"7"[..]));
        assert_eq!(of(Name::To), Some(&b"\"B: b\" <sip:b@x>;tag=1"[..]));
        assert_eq!(of(Name::Contact).map(uri), Some(&b"sip:b@127.0.0.1:9;ob"[..]));
        assert_eq!(of(Name::Credentials), None);
        assert_eq!(lines(RESPONSE).count(), 6);
        assert_eq!(mark_behind(RESPONSE, BRANCH), Some((Mark { slot: 10, generation: 1 }, b'i')));
        assert_eq!(audio_address(body(RESPONSE)), Some("127.0.0.9:4002".parse().unwrap()));
    }

    #[test]
    fn noise_is_not_read_as_something() {
        for noise in [&b""[..], b"SIP/2.0", b"SIP/2.0 x00 OK\r\n", b"INVITE sip:a SIP/2.0\r\n", b"\r\n\r\n"] {
            assert_eq!(status(noise), None);
            assert_eq!(audio_address(body(noise)), None);
            assert_eq!(mark_behind(noise, BRANCH), None);
            assert_eq!(lines(noise).count(), 0);
        }
        assert_eq!(audio_address(b"c=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n"), None);
    }

    #[test]
    fn the_media_level_connection_wins() {
        let sdp = b"c=IN IP4 127.0.0.1\r\nm=audio 10 RTP/AVP 0\r\nc=IN IP4 127.0.0.2\r\n";
        assert_eq!(audio_address(sdp), Some("127.0.0.2:10".parse().unwrap()));
    }
}
