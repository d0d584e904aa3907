//! WebSockets that carry SIP (RFC 6455, RFC 7118), the server's end, without I/O.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use bytes::Bytes;
use smol_str::SmolStr;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes, WebSocket};

use crate::sip::limits;

/// Why a WebSocket ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebError {
    /// The opening request was refused with this status. Carries what was wrong.
    #[error("WebSocket refused with {0}: {1}")]
    Refused(u16, String),
    /// The peer broke the protocol or a limit.
    #[error("WebSocket: {0}")]
    Protocol(#[from] Box<tungstenite::Error>),
    /// The peer said goodbye.
    #[error("WebSocket closed by the peer")]
    Closed,
}

/// Memory instead of a socket.
#[derive(Debug, Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { self.incoming.read(room) }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stage {
    /// The opening request as far as it came.
    Opening(Vec<u8>),
    Open(Box<WebSocket<Pipe>>),
    /// Refused; what is left to send is the answer.
    Over,
}

/// One WebSocket.
pub(super) struct Web {
    stage: Stage,
    out: Vec<u8>,
}

impl Web {
    pub(super) fn new() -> Web {
        Web { stage: Stage::Opening(Vec::new()), out: Vec::new() }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Takes bytes and hands out messages. Answers how many frames were complete.
    pub(super) fn receive(&mut self, bytes: &[u8], origins: &[SmolStr], take: &mut impl FnMut(Bytes)) -> Result<usize, WebError> {
        let rest;
        let mut frames = 0;
        let bytes = match &mut self.stage {
            Stage::Opening(head) => {
                head.extend_from_slice(bytes);
                let Some(behind) = self.open(origins)? else { return Ok(0) };
                rest = behind;
                frames += 1;
                rest.as_slice()
            }
            Stage::Open(_) => bytes,
            Stage::Over => return Err(WebError::Closed),
        };
        let Stage::Open(socket) = &mut self.stage else { return Ok(frames) };
        socket.get_mut().incoming.extend(bytes);
        let result = read_all(socket, take);
        self.out.append(&mut socket.get_mut().outgoing);
        result.map(|more| frames + more)
    }

    /// Answers the opening request once it is whole: with what came behind it, if it was good.
    fn open(&mut self, origins: &[SmolStr]) -> Result<Option<Vec<u8>>, WebError> {
        let Stage::Opening(head) = &self.stage else { return Ok(None) };
        let answer = match upgrade(head, origins) {
            Ok(None) => return Ok(None),
            Ok(Some((length, accept))) => Ok((head.get(length..).unwrap_or_default().to_vec(), accept)),
            Err(refusal) => Err(refusal),
        };
        match answer {
            Ok((rest, accept)) => {
                self.out.extend_from_slice(
                    format!(
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
                    )
                    .as_bytes(),
                );
                let config = WebSocketConfig::default()
                    .read_buffer_size(limits::WEB_READ_AHEAD)
                    .write_buffer_size(0)
                    .max_message_size(Some(limits::MESSAGE_BYTES))
                    .max_frame_size(Some(limits::MESSAGE_BYTES));
                self.stage = Stage::Open(Box::new(WebSocket::from_raw_socket(Pipe::default(), Role::Server, Some(config))));
                Ok(Some(rest))
            }
            Err((status, why)) => {
                let reason = match status {
                    403 => "Forbidden",
                    426 => "Upgrade Required",
                    431 => "Request Header Fields Too Large",
                    _ => "Bad Request",
                };
                let hint = if status == 426 { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" };
                let head = format!("HTTP/1.1 {status} {reason}\r\n{hint}Connection: close\r\nContent-Length: 0\r\n\r\n");
                self.out.extend_from_slice(head.as_bytes());
                self.stage = Stage::Over;
                Err(WebError::Refused(status, why))
            }
        }
    }

    /// Sends one SIP message as one WebSocket message: text if it is text (RFC 7118 §5), so that browsers get a string.
    pub(super) fn send(&mut self, message: Bytes) -> Result<(), WebError> {
        let message = match Utf8Bytes::try_from(message.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(message),
        };
        self.write(message)
    }

    /// Asks whether the peer is still there.
    pub(super) fn ping(&mut self) -> Result<(), WebError> {
        self.write(Message::Ping(Bytes::new()))
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        if let Stage::Open(socket) = &mut self.stage {
            // It may be closing already.
            let _ = socket.close(None);
            let _ = socket.flush();
            self.out.append(&mut socket.get_mut().outgoing);
        }
    }

    /// Bytes for the network.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn write(&mut self, message: Message) -> Result<(), WebError> {
        let Stage::Open(socket) = &mut self.stage else { return Err(WebError::Closed) };
        let result = socket.write(message).and_then(|()| socket.flush());
        self.out.append(&mut socket.get_mut().outgoing);
        result.map_err(error)
    }
}

fn read_all(socket: &mut WebSocket<Pipe>, take: &mut impl FnMut(Bytes)) -> Result<usize, WebError> {
    let mut frames = 0;
    loop {
        let message = match socket.read() {
            Ok(Message::Text(text)) => Bytes::from(text),
            Ok(Message::Binary(bytes)) => bytes,
            Ok(_) => {
                frames += 1;
                continue;
            }
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(frames),
            Err(other) => return Err(error(other)),
        };
        frames += 1;
        if message.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            // A keep-alive as on streams (RFC 5626 §4.4.1), which SIP.js sends because pages can't ping.
            if message.len() >= 4 {
                socket.write(Message::Text(Utf8Bytes::from_static("\r\n"))).and_then(|()| socket.flush()).map_err(error)?;
            }
        } else {
            take(message);
        }
    }
}

fn error(error: tungstenite::Error) -> WebError {
    match error {
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => WebError::Closed,
        other => WebError::Protocol(Box::new(other)),
    }
}

/// Reads an opening request (RFC 6455 §4.2.1): its length and our proof of having read it, nothing while it is not whole, or
/// status and reason to refuse it with.
fn upgrade(head: &[u8], origins: &[SmolStr]) -> Result<Option<(usize, String)>, (u16, String)> {
    let mut room = [httparse::EMPTY_HEADER; limits::UPGRADE_HEADERS];
    let mut request = httparse::Request::new(&mut room);
    let length = match request.parse(head) {
        Ok(httparse::Status::Complete(length)) if length <= limits::UPGRADE_BYTES => length,
        Ok(httparse::Status::Partial) if head.len() <= limits::UPGRADE_BYTES => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err((431, format!("an opening request of {} bytes", head.len()))),
        Err(error) => return Err((400, error.to_string())),
    };
    let values = |name: &'static str| {
        let of_name = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        of_name.filter_map(|header| std::str::from_utf8(header.value).ok())
    };
    let lists = |name, wanted: &str| values(name).flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(wanted));
    if request.method != Some("GET") || request.version != Some(1) {
        return Err((400, format!("{} where GET was to be", request.method.unwrap_or("?"))));
    }
    if !lists("Upgrade", "websocket") || !lists("Connection", "upgrade") || !lists("Sec-WebSocket-Version", "13") {
        return Err((426, "not a WebSocket of version 13".to_owned()));
    }
    let Some(key) = values("Sec-WebSocket-Key").next().map(str::trim).filter(|key| key.len() == 24) else {
        return Err((400, "no Sec-WebSocket-Key".to_owned()));
    };
    // RFC 7118 §4: without it both would talk past each other.
    if !lists("Sec-WebSocket-Protocol", "sip") {
        return Err((400, "the subprotocol `sip` is not offered".to_owned()));
    }
    // Only browsers send an Origin, and only they are bound by it: it keeps other people's pages from using their visitors.
    let foreign = values("Origin").find(|origin| !origins.is_empty() && !origins.iter().any(|one| one.eq_ignore_ascii_case(origin.trim())));
    if let Some(origin) = foreign {
        return Err((403, format!("origin `{}`", origin.chars().take(100).collect::<String>())));
    }
    Ok(Some((length, derive_accept_key(key.as_bytes()))))
}

#[cfg(test)]
mod tests;
