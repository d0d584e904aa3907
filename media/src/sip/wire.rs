//! From untrusted bytes to an indexed message.
//!
//! [`parse`] walks over the head once and notes where each header stands; it allocates nothing for ordinary messages and
//! decides nothing that [`Message::validate`] can decide later, because a request that is only wrong wants an answer
//! (400) while bytes that are no message want none. [`Framer`] cuts streams into messages.

mod framer;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2, memrchr};
use smallvec::SmallVec;

pub use framer::{Frame, FrameError, Framer};

use super::header::{Method, Name, is_token_byte, number};
use super::limits;
use super::message::{Message, Refusal};

/// Why bytes are not a message. There is nobody to answer to: such bytes are dropped, a connection that sent them is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Nothing but line ends: a keep-alive.
    #[error("no message, only line ends")]
    Empty,
    /// Longer than [`limits::MESSAGE_BYTES`].
    #[error("message of {0} bytes")]
    TooLong(usize),
    /// The start line is too long, or neither a request nor a status line.
    #[error("bad start line `{0}`")]
    StartLine(String),
    /// Not a status code.
    #[error("bad status `{0}`")]
    Status(String),
    /// The empty line after the headers is missing.
    #[error("headers without an end")]
    NoEnd,
    /// More header lines than [`limits::HEADERS`].
    #[error("more than {} headers", limits::HEADERS)]
    TooManyHeaders,
    /// A header longer than [`limits::HEADER_BYTES`].
    #[error("header of {0} bytes")]
    HeaderTooLong(usize),
    /// A line that is no header.
    #[error("bad header line `{0}`")]
    HeaderLine(String),
    /// A carriage return or NUL that would change the meaning of the header where it is copied to.
    #[error("control character in header `{0}`")]
    Control(String),
    /// Not UTF-8 where it matters.
    #[error("header `{0}` is not UTF-8")]
    NotUtf8(String),
}

/// Where one header stands. Offsets fit 16 bits because messages do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Name,
    pub(crate) label: (u16, u16),
    pub(crate) value: (u16, u16),
}

/// Headers of ordinary messages fit without allocation.
pub(crate) type Index = SmallVec<[Entry; 24]>;

/// The start line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Request { method: Method, uri: (u16, u16), version_ok: bool },
    Response { status: u16, reason: (u16, u16) },
}

/// Reads one message: a datagram, or what the [`Framer`] cut out of a stream.
///
/// Line ends may be LF alone. Of a datagram, what exceeds Content-Length is ignored (RFC 3261 §18.3); if it is shorter,
/// [`Message::validate`] says so.
pub fn parse(bytes: Bytes) -> Result<Message, WireError> {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).ok_or(WireError::Empty)?;
    let bytes = if start == 0 { bytes } else { bytes.slice(start..) };
    if bytes.len() > limits::MESSAGE_BYTES {
        return Err(WireError::TooLong(bytes.len()));
    }
    let scan = scan_head(&bytes)?;
    let bytes = if scan.folds { flatten(&bytes, scan.head) } else { bytes };
    let bytes = match std::str::from_utf8(&bytes[..scan.head]) {
        Ok(_) => bytes,
        Err(_) => repair_utf8(&bytes, &scan)?,
    };
    let start = start_line(&bytes[..scan.start_line], scan.start_line)?;
    let (body, fault) = body_range(&bytes, &scan);
    Ok(Message::from_parts(bytes, start, scan.index, body, fault))
}

struct Scan {
    start_line: usize,
    head: usize,
    folds: bool,
    index: Index,
}

/// The end of the line that starts at `at`, without its line end, and the start of the next.
fn line(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let newline = at + memchr(b'\n', bytes.get(at..)?)?;
    let end = if newline > at && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
    Some((end, newline + 1))
}

fn scan_head(bytes: &[u8]) -> Result<Scan, WireError> {
    let (start_line, mut at) = line(bytes, 0).ok_or(WireError::NoEnd)?;
    if start_line > limits::START_LINE_BYTES {
        return Err(WireError::StartLine(excerpt(&bytes[..start_line])));
    }
    if let Some(bad) = control(&bytes[..start_line]) {
        return Err(WireError::StartLine(excerpt(&bytes[..=bad])));
    }
    let mut scan = Scan { start_line, head: 0, folds: false, index: Index::new() };
    loop {
        let (mut end, mut next) = line(bytes, at).ok_or(WireError::NoEnd)?;
        if end == at {
            scan.head = next;
            return Ok(scan);
        }
        while matches!(bytes.get(next), Some(b' ' | b'\t')) {
            scan.folds = true;
            (end, next) = line(bytes, next).ok_or(WireError::NoEnd)?;
            if next - at > limits::HEADER_BYTES {
                break;
            }
        }
        if end - at > limits::HEADER_BYTES {
            return Err(WireError::HeaderTooLong(end - at));
        }
        if scan.index.len() == limits::HEADERS {
            return Err(WireError::TooManyHeaders);
        }
        scan.index.push(entry(bytes, at, end)?);
        at = next;
    }
}

fn entry(bytes: &[u8], start: usize, end: usize) -> Result<Entry, WireError> {
    let text = &bytes[start..end];
    let bad = || WireError::HeaderLine(excerpt(text));
    let colon = memchr(b':', text).ok_or_else(bad)?;
    let label = text[..colon].trim_ascii_end();
    if label.is_empty() || !label.iter().all(|b| is_token_byte(*b)) {
        return Err(bad());
    }
    let value = &text[colon + 1..];
    check_controls(label, value)?;
    let lead = value.len() - value.trim_ascii_start().len();
    let from = start + colon + 1 + lead;
    let to = from + value.trim_ascii().len();
    let at = |offset: usize| u16::try_from(offset).map_err(|_| WireError::TooLong(bytes.len()));
    Ok(Entry { name: Name::parse(label), label: (at(start)?, at(start + label.len())?), value: (at(from)?, at(to)?) })
}

/// A carriage return inside of a line, or NUL outside of a quoted pair.
fn control(text: &[u8]) -> Option<usize> {
    memchr2(b'\r', 0, text)
}

fn check_controls(label: &[u8], value: &[u8]) -> Result<(), WireError> {
    let mut at = 0;
    while let Some(found) = value.get(at..).and_then(control) {
        let place = at + found;
        let folded = value[place] == b'\r' && value.get(place + 1) == Some(&b'\n');
        // A quoted pair may hold NUL (RFC 3261 §25.1 quoted-pair, RFC 4475 §3.1.1.2).
        let quoted = value[place] == 0 && place > 0 && value[place - 1] == b'\\';
        if !folded && !quoted {
            return Err(WireError::Control(excerpt(label)));
        }
        at = place + 1;
    }
    Ok(())
}

/// Folds become blanks of the same length, so that the index stays right.
fn flatten(bytes: &[u8], head: usize) -> Bytes {
    let mut flat = BytesMut::from(bytes);
    let mut at = 0;
    while let Some(found) = flat.get(at..head).and_then(|rest| memchr(b'\n', rest)) {
        let newline = at + found;
        at = newline + 1;
        if at < head && matches!(flat[at], b' ' | b'\t') {
            flat[newline] = b' ';
            if newline > 0 && flat[newline - 1] == b'\r' {
                flat[newline - 1] = b' ';
            }
        }
    }
    flat.freeze()
}

/// Replaces bytes that are not UTF-8 by `?` where only people read them.
fn repair_utf8(bytes: &[u8], scan: &Scan) -> Result<Bytes, WireError> {
    let mut fixed = BytesMut::from(bytes);
    let request = !bytes.starts_with(b"SIP/");
    if request && std::str::from_utf8(&bytes[..scan.start_line]).is_err() {
        return Err(WireError::NotUtf8("Request-Line".to_owned()));
    }
    mend(&mut fixed[..scan.start_line]);
    for entry in &scan.index {
        let (start, end) = (usize::from(entry.value.0), usize::from(entry.value.1));
        let value = &mut fixed[start..end];
        if entry.name.is_display() {
            mend(value);
        } else if entry.name.is_address()
            && let Some(angle) = memchr(b'<', value)
        {
            mend(&mut value[..angle]);
        }
        if std::str::from_utf8(value).is_err() {
            return Err(WireError::NotUtf8(excerpt(&bytes[usize::from(entry.label.0)..usize::from(entry.label.1)])));
        }
    }
    Ok(fixed.freeze())
}

fn mend(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(Err(error)) = bytes.get(at..).map(std::str::from_utf8) {
        at += error.valid_up_to();
        let len = error.error_len().unwrap_or(bytes.len() - at);
        bytes[at..at + len].fill(b'?');
        at += len;
    }
}

fn start_line(text: &[u8], end: usize) -> Result<Start, WireError> {
    let bad = || WireError::StartLine(excerpt(text));
    let at = |offset: usize| u16::try_from(offset).map_err(|_| bad());
    if let Some(rest) = text.strip_prefix(b"SIP/2.0 ") {
        let digits = rest.get(..3).filter(|_| matches!(rest.get(3), None | Some(b' ')));
        let status = digits.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| number::<u16>(digits).ok());
        let status = status.filter(|status| (100..700).contains(status)).ok_or_else(|| WireError::Status(excerpt(rest)))?;
        return Ok(Start::Response { status, reason: (at(12.min(end))?, at(end)?) });
    }
    let space = memchr(b' ', text).ok_or_else(bad)?;
    let last = memrchr(b' ', text).filter(|last| *last > space).ok_or_else(bad)?;
    let method = std::str::from_utf8(&text[..space]).ok().and_then(Method::parse).ok_or_else(bad)?;
    let version = &text[last + 1..];
    if text.starts_with(b"SIP/") {
        return Err(bad());
    }
    if version.is_empty() {
        // Blanks at the end: a request all the same, but one to refuse. The URI then holds blanks, which it may not.
        return Ok(Start::Request { method, uri: (at(space + 1)?, at(end)?), version_ok: true });
    }
    if !version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/")) {
        return Err(bad());
    }
    Ok(Start::Request { method, uri: (at(space + 1)?, at(last)?), version_ok: version.eq_ignore_ascii_case(b"SIP/2.0") })
}

/// The body, and what is wrong with its length.
fn body_range(bytes: &[u8], scan: &Scan) -> ((usize, usize), Option<Refusal>) {
    let all = (scan.head, bytes.len());
    let mut length = None;
    for entry in scan.index.iter().filter(|entry| entry.name == Name::ContentLength) {
        let text = std::str::from_utf8(&bytes[usize::from(entry.value.0)..usize::from(entry.value.1)]).unwrap_or_default();
        let Ok(value) = number::<usize>(text) else {
            return (all, Some(Refusal::bad_request(format!("bad Content-Length {}", &text[..text.len().min(32)]))));
        };
        if length.is_some_and(|other| other != value) {
            return (all, Some(Refusal::bad_request("more than one Content-Length")));
        }
        length = Some(value);
    }
    match length {
        Some(length) => match scan.head.checked_add(length) {
            Some(end) if end <= bytes.len() => ((scan.head, end), None),
            _ => (all, Some(Refusal::bad_request(format!("Content-Length {length} but {} bytes", bytes.len() - scan.head)))),
        },
        None => (all, None),
    }
}

/// The beginning of some bytes for an error text.
fn excerpt(bytes: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]);
    text.escape_debug().collect()
}
