//! Request lines as they come: several clients encode nothing (cc-gateway.md §5.3, 15), `?number=*#` for example, where an HTTP
//! library takes the `#` for a fragment and drops it, or `?filePath=a b`, which none parses at all.
//!
//! [`Forgiving`] sits under the HTTP parser and percent-encodes in the request target what must not stand there. It follows the
//! messages of a connection (head, then as many bytes as Content-Length says) and touches nothing else. From a message on that it
//! can't follow (chunked, upgraded, a head that is too large) it only passes bytes through.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits;

/// Where in the stream of messages we are.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Gathering the request line.
    Line,
    /// In the header lines.
    Headers,
    /// So many bytes of a body are to come.
    Body(u64),
    /// Pass everything through.
    Through,
}

/// Rewrites request lines. Sans I/O: bytes in, bytes out.
#[derive(Debug)]
struct Rewriter {
    place: Place,
    /// The line under way.
    line: Vec<u8>,
    length: u64,
    through: bool,
}

impl Default for Rewriter {
    fn default() -> Self {
        Rewriter { place: Place::Line, line: Vec::new(), length: 0, through: false }
    }
}

impl Rewriter {
    fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while let Some(&byte) = input.first() {
            match self.place {
                Place::Through => {
                    out.extend_from_slice(input);
                    return;
                }
                Place::Body(left) => {
                    let take = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let (now, rest) = input.split_at(take);
                    out.extend_from_slice(now);
                    input = rest;
                    let left = left - take as u64;
                    self.place = if left == 0 { Place::Line } else { Place::Body(left) };
                }
                Place::Line | Place::Headers => {
                    self.line.push(byte);
                    input = input.get(1..).unwrap_or_default();
                    if byte == b'\n' {
                        self.line_done(out);
                    } else if self.line.len() > limits::TARGET_BYTES {
                        self.place = Place::Through;
                        out.append(&mut self.line);
                    }
                }
            }
        }
    }

    fn line_done(&mut self, out: &mut Vec<u8>) {
        let text = self.line.trim_ascii();
        if self.place == Place::Line {
            // Empty lines before a request line are skipped by parsers (RFC 9112 §2.2).
            if text.is_empty() {
                out.append(&mut self.line);
                return;
            }
            encode(text, out);
            out.extend_from_slice(b"\r\n");
            self.line.clear();
            self.place = Place::Headers;
            return;
        }
        if text.is_empty() {
            self.place = match (self.through, self.length) {
                (true, _) => Place::Through,
                (false, 0) => Place::Line,
                (false, length) => Place::Body(length),
            };
            (self.length, self.through) = (0, false);
        } else if let Some(colon) = text.iter().position(|byte| *byte == b':') {
            let (name, value) = text.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"content-length") {
                match std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                    Some(length) => self.length = length,
                    None => self.through = true,
                }
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") || name.eq_ignore_ascii_case(b"upgrade") {
                self.through = true;
            }
        }
        out.append(&mut self.line);
    }
}

/// `METHOD target HTTP/1.1` with the target encoded. A line of another form is left to the parser.
fn encode(line: &[u8], out: &mut Vec<u8>) {
    let first = line.iter().position(|byte| *byte == b' ');
    let last = line.iter().rposition(|byte| *byte == b' ');
    let (Some(first), Some(last)) = (first, last) else {
        out.extend_from_slice(line);
        return;
    };
    let (Some(method), Some(target), Some(version)) = (line.get(..=first), line.get(first + 1..last), line.get(last..)) else {
        out.extend_from_slice(line);
        return;
    };
    out.extend_from_slice(method);
    for byte in target {
        match byte {
            // What RFC 3986 lets stand in a path or a query, `%` included, and what parsers take besides: `\ [ ] | ^`.
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'z' | b'|' | b'~' => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out.extend_from_slice(version);
}

/// A stream whose request lines are made parseable.
#[derive(Debug)]
pub(super) struct Forgiving<S> {
    stream: S,
    rewriter: Rewriter,
    ready: Vec<u8>,
    given: usize,
}

impl<S> Forgiving<S> {
    /// Around a stream.
    pub(super) fn new(stream: S) -> Self {
        Forgiving { stream, rewriter: Rewriter::default(), ready: Vec::new(), given: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Forgiving<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut bytes = [0u8; 4096];
        while this.given >= this.ready.len() {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.ready.clear();
            this.given = 0;
            this.rewriter.feed(buffer.filled(), &mut this.ready);
        }
        let rest = this.ready.get(this.given..).unwrap_or_default();
        let count = rest.len().min(out.remaining());
        out.put_slice(rest.get(..count).unwrap_or_default());
        this.given += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Forgiving<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(input: &[u8], step: usize) -> Vec<u8> {
        let (mut rewriter, mut out) = (Rewriter::default(), Vec::new());
        input.chunks(step).for_each(|chunk| rewriter.feed(chunk, &mut out));
        out
    }

    #[test]
    fn targets_are_encoded_and_bodies_are_not_touched() {
        let input =
            "POST /a/seconddialex?number=*#1 2 HTTP/1.1\r\nContent-Length: 10\r\n\r\nGET / #?#\r\nGET /\u{e9}\"%41\\ HTTP/1.1\r\n\r\n";
        // The body is exactly 10 bytes; the CR LF after it is skipped by parsers.
        let expected =
            "POST /a/seconddialex?number=*%231%202 HTTP/1.1\r\nContent-Length: 10\r\n\r\nGET / #?#\r\nGET /%C3%A9%22%41\\ HTTP/1.1\r\n\r\n";
        for step in [1, 3, 4096] {
            assert_eq!(String::from_utf8(rewritten(input.as_bytes(), step)).unwrap(), expected, "in steps of {step}");
        }
    }

    #[test]
    fn what_can_not_be_followed_passes_through() {
        let upgraded = b"GET /x HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81 # # \n";
        assert_eq!(rewritten(upgraded, 5), upgraded);
        let chunked = b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\n # \r\n0\r\n\r\n";
        assert_eq!(rewritten(chunked, 7), chunked);
        let endless = vec![b'a'; limits::TARGET_BYTES * 3];
        assert_eq!(rewritten(&endless, 1000), endless);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut seed = 1u64;
        let noise: Vec<u8> = (0..20_000)
            .map(|_| {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                b" \r\n:#GETHTTP/1.\xff0content-length"[(seed >> 33) as usize % 31]
            })
            .collect();
        rewritten(&noise, 13);
    }
}
