use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use crate::sip::header::{Name, number};
use crate::sip::limits;

/// Why a stream can't be cut into messages any more; the connection has to be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message, or its head, longer than [`limits::MESSAGE_BYTES`].
    #[error("message of more than {} bytes on a stream", limits::MESSAGE_BYTES)]
    TooLong,
    /// Content-Length is no number, or there are two that differ.
    #[error("bad Content-Length `{0}` on a stream")]
    Length(String),
}

/// What stands next in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, for [`super::parse`].
    Message(Bytes),
    /// A keep-alive (two line ends): to be answered by one CRLF (RFC 5626 §4.4.1).
    Ping,
}

/// Cuts a stream into messages by Content-Length (RFC 3261 §18.3). A message without it has no body.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Bytes of the head looked at so far: each byte is looked at once, however small the pieces are.
    scanned: usize,
    /// Length of the message at the front, once its head is whole.
    length: Option<usize>,
    /// A single line end was taken: with another one it is a ping.
    half_ping: bool,
}

impl Framer {
    /// Takes received bytes. Call [`Framer::next`] until it has no more before taking others: that is what bounds the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, or `None` until more bytes come.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.length.is_none() {
            if self.scanned == 0 && self.take_line_ends() {
                return Ok(Some(Frame::Ping));
            }
            if matches!(self.buffer.as_ref(), [] | [b'\r']) {
                return Ok(None);
            }
            let Some(head) = self.find_head()? else { return Ok(None) };
            let length = head.saturating_add(content_length(&self.buffer[..head])?);
            if length > limits::MESSAGE_BYTES {
                return Err(FrameError::TooLong);
            }
            self.length = Some(length);
        }
        match self.length {
            Some(length) if self.buffer.len() >= length => {
                self.length = None;
                self.scanned = 0;
                Ok(Some(Frame::Message(self.buffer.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// The start of a message is here, but not its end.
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Takes line ends from the front; true if two in a row make a ping.
    fn take_line_ends(&mut self) -> bool {
        loop {
            let len = match self.buffer.as_ref() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [] | [b'\r'] => return false,
                _ => {
                    self.half_ping = false;
                    return false;
                }
            };
            self.buffer.advance(len);
            self.half_ping = !self.half_ping;
            if !self.half_ping {
                return true;
            }
        }
    }

    /// Length of the head with its empty line.
    fn find_head(&mut self) -> Result<Option<usize>, FrameError> {
        while let Some(found) = self.buffer.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let after = self.scanned + found + 1;
            match self.buffer.get(after..) {
                Some([b'\n', ..]) => return Ok(Some(after + 1)),
                Some([b'\r', b'\n', ..]) => return Ok(Some(after + 2)),
                // What follows decides; look at this line end again when it is here.
                Some([] | [b'\r']) | None => {
                    self.scanned = after - 1;
                    return self.check_length().map(|()| None);
                }
                _ => self.scanned = after,
            }
        }
        self.scanned = self.buffer.len();
        self.check_length().map(|()| None)
    }

    fn check_length(&self) -> Result<(), FrameError> {
        if self.buffer.len() > limits::MESSAGE_BYTES { Err(FrameError::TooLong) } else { Ok(()) }
    }
}

/// The value of Content-Length in a head, folded or not; 0 if there is none.
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut found: Option<usize> = None;
    let mut at = memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    while at < head.len() {
        let start = at;
        loop {
            at = head.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(head.len(), |end| at + end + 1);
            if !matches!(head.get(at), Some(b' ' | b'\t')) {
                break;
            }
        }
        let header = &head[start..at];
        let Some(colon) = memchr(b':', header) else { continue };
        if Name::parse(header[..colon].trim_ascii_end()) != Name::ContentLength {
            continue;
        }
        let value = header[colon + 1..].trim_ascii();
        let bad = || FrameError::Length(String::from_utf8_lossy(&value[..value.len().min(32)]).into_owned());
        let value: usize = std::str::from_utf8(value).ok().and_then(|text| number(text).ok()).ok_or_else(bad)?;
        if found.is_some_and(|other| other != value) {
            return Err(bad_pair(value));
        }
        found = Some(value);
    }
    Ok(found.unwrap_or(0))
}

fn bad_pair(value: usize) -> FrameError {
    FrameError::Length(value.to_string())
}
