//! Outgoing messages: made of checked parts, put into bytes once.
//!
//! `rsip` 0.4 is not the serialiser here, because it was found to write reason phrases as Rust names (`486 BusyHere`), IPv6
//! hosts without brackets, `tel:` URIs as `tel://`, to drop a URI's headers, and to have no extension methods. Both
//! directions of conversion are offered instead, for users of its vocabulary.
//!
//! A value with a line end in it would be a header of its own: line ends become blanks in [`Headers`], whoever the value
//! came from, so header injection is impossible by construction.

mod reason;
mod rsip_types;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use smol_str::SmolStr;

pub use reason::reason_phrase;
pub use rsip_types::rsip_uri;

use super::header::{Method, Name, Via, is_token_byte, trim};
use super::message::Message;
use super::uri::Uri;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: Name,
    /// The name of an extension header; unused if `name` says it.
    label: SmolStr,
    value: String,
}

/// Header lines of an outgoing message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    lines: Vec<Line>,
}

/// A writer that lets no line end through.
struct OneLine<'a>(&'a mut String);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().any(|b| matches!(b, b'\r' | b'\n')) {
            self.0.extend(text.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }));
        } else {
            self.0.push_str(text);
        }
        Ok(())
    }
}

fn one_line(value: impl fmt::Display) -> String {
    let mut text = String::new();
    let _ = write!(OneLine(&mut text), "{value}");
    text
}

impl Headers {
    /// Adds a line at the end.
    pub fn push(&mut self, name: Name, value: impl fmt::Display) {
        if name != Name::Other {
            self.lines.push(Line { name, label: SmolStr::default(), value: one_line(value) });
        }
    }

    /// Adds a line before all others of its name: a Via in front of the Vias.
    pub fn push_front(&mut self, name: Name, value: impl fmt::Display) {
        let at = self.lines.iter().position(|line| line.name == name).unwrap_or(self.lines.len());
        if name != Name::Other {
            self.lines.insert(at, Line { name, label: SmolStr::default(), value: one_line(value) });
        }
    }

    /// Adds a line of a header that [`Name`] doesn't know. Characters that a name can't have are left out.
    pub fn push_extension(&mut self, label: &str, value: impl fmt::Display) {
        match Name::parse(label.as_bytes()) {
            Name::Other => {
                let label: SmolStr = label.chars().filter(|c| u8::try_from(*c).is_ok_and(is_token_byte)).collect();
                if !label.is_empty() {
                    self.lines.push(Line { name: Name::Other, label, value: one_line(value) });
                }
            }
            known => self.push(known, value),
        }
    }

    /// Replaces all lines of a name by one.
    pub fn set(&mut self, name: Name, value: impl fmt::Display) {
        self.remove(name);
        self.push(name, value);
    }

    /// Takes all lines of a name away.
    pub fn remove(&mut self, name: Name) {
        self.lines.retain(|line| line.name != name);
    }

    /// The first line of a name.
    pub fn get(&self, name: Name) -> Option<&str> {
        self.all(name).next()
    }

    /// All lines of a name.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |line| line.name == name).map(|line| line.value.as_str())
    }

    /// All lines as name and value, in the order they will be written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(|line| rank(line.name));
        lines.into_iter().map(|line| (line.label(), line.value.as_str()))
    }

    /// Copies all values of a name from a received message, one per line.
    pub fn copy(&mut self, name: Name, message: &Message) {
        for value in message.headers(name) {
            self.push(name, value);
        }
    }

    fn write(&self, out: &mut BytesMut, body: &Bytes) {
        for (label, value) in self.iter() {
            out.put_slice(label.as_bytes());
            out.put_slice(b": ");
            out.put_slice(value.as_bytes());
            out.put_slice(b"\r\n");
        }
        let mut length = String::new();
        let _ = write!(length, "Content-Length: {}\r\n\r\n", body.len());
        out.put_slice(length.as_bytes());
        out.put_slice(body);
    }

    fn size(&self) -> usize {
        self.lines.iter().map(|line| line.label().len() + line.value.len() + 4).sum()
    }
}

impl Line {
    fn label(&self) -> &str {
        if self.name == Name::Other { &self.label } else { self.name.as_str() }
    }
}

/// What a proxy needs stands first (RFC 3261 §7.3.1), what describes the body last.
fn rank(name: Name) -> u8 {
    match name {
        Name::Via => 0,
        Name::MaxForwards => 1,
        Name::Route => 2,
        Name::RecordRoute => 3,
        Name::From => 4,
        Name::To => 5,
        Name::CallId => 6,
        Name::CSeq => 7,
        Name::Contact => 8,
        Name::Authorization | Name::ProxyAuthorization | Name::WwwAuthenticate | Name::ProxyAuthenticate => 9,
        Name::ContentType | Name::ContentDisposition | Name::ContentEncoding | Name::ContentLanguage | Name::MimeVersion => 11,
        _ => 10,
    }
}

macro_rules! with_headers {
    ($type:ident) => {
        impl $type {
            /// Adds a header line.
            #[must_use]
            pub fn with(mut self, name: Name, value: impl fmt::Display) -> Self {
                self.headers.push(name, value);
                self
            }

            /// Adds a line of a header that [`Name`] doesn't know.
            #[must_use]
            pub fn with_extension(mut self, label: &str, value: impl fmt::Display) -> Self {
                self.headers.push_extension(label, value);
                self
            }

            /// Sets the body and its type.
            #[must_use]
            pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
                self.headers.set(Name::ContentType, content_type);
                self.body = body.into();
                self
            }

            fn encode_after(&self, start: &str) -> Bytes {
                let mut out = BytesMut::with_capacity(start.len() + self.headers.size() + self.body.len() + 32);
                out.put_slice(start.as_bytes());
                self.headers.write(&mut out, &self.body);
                out.freeze()
            }
        }
    };
}

/// A request to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Request-URI; headers in it are not sent.
    pub uri: Uri,
    /// Headers; Content-Length is added by [`Request::encode`].
    pub headers: Headers,
    /// Body.
    pub body: Bytes,
}

impl Request {
    /// A request without any header.
    pub fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: Headers::default(), body: Bytes::new() }
    }

    /// The bytes to send.
    pub fn encode(&self) -> Bytes {
        self.encode_after(&format!("{} {} SIP/2.0\r\n", self.method, self.uri.without_headers()))
    }
}

/// A response to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status, 100 to 699.
    pub status: u16,
    /// Reason phrase; [`reason_phrase`] if `None`.
    pub reason: Option<SmolStr>,
    /// Headers; Content-Length is added by [`Response::encode`].
    pub headers: Headers,
    /// Body.
    pub body: Bytes,
}

impl Response {
    /// A response without any header.
    pub fn new(status: u16) -> Response {
        Response { status, reason: None, headers: Headers::default(), body: Bytes::new() }
    }

    /// The response to a request: Via (with `received` and `rport` of `source`), From, To (with `tag`, if it had none),
    /// Call-ID and CSeq are copied, for 100 Timestamp too (RFC 3261 §8.2.6).
    pub fn to(request: &Message, source: SocketAddr, status: u16, tag: Option<&str>) -> Response {
        let mut response = Response::new(status);
        for (place, value) in request.headers(Name::Via).enumerate() {
            match Via::parse(value) {
                Ok(mut via) if place == 0 => {
                    via.note_source(source);
                    response.headers.push(Name::Via, via);
                }
                _ => response.headers.push(Name::Via, value),
            }
        }
        for name in [Name::From, Name::CallId, Name::CSeq] {
            if let Some(value) = request.header(name) {
                response.headers.push(name, value);
            }
        }
        if let Some(value) = request.header(Name::To) {
            match tag {
                Some(tag) if status > 100 && !has_tag(request, value) => response.headers.push(Name::To, with_tag(value, tag)),
                _ => response.headers.push(Name::To, value),
            }
        }
        if status == 100 {
            response.headers.copy(Name::Timestamp, request);
        }
        response
    }

    /// With another reason phrase.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Response {
        self.reason = Some(SmolStr::new(one_line(reason)));
        self
    }

    /// The bytes to send.
    pub fn encode(&self) -> Bytes {
        let reason = self.reason.as_deref().unwrap_or_else(|| reason_phrase(self.status));
        self.encode_after(&format!("SIP/2.0 {:03} {}\r\n", self.status, one_line(reason)))
    }
}

fn has_tag(request: &Message, value: &str) -> bool {
    match request.to() {
        Ok(to) => to.params.has("tag"),
        Err(_) => value.contains(";tag="),
    }
}

/// The value keeps its text, because the peer compares it (RFC 3261 §8.2.6.2).
fn with_tag(value: &str, tag: &str) -> String {
    // Without brackets a parameter would be taken for one of the URI by careless peers; they wrote it, they can read it.
    format!("{};tag={tag}", trim(value).trim_end_matches(';'))
}

with_headers!(Request);
with_headers!(Response);
