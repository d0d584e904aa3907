use std::collections::VecDeque;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use mio::net::TcpStream;
use smol_str::SmolStr;
use tandem_core::Flow;

use super::Input;
use super::layers::{LayerError, Layers};
use crate::sip::limits;

/// How far reading got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing left.
    Drained,
    /// The share is used up.
    More,
    /// The peer closed.
    Ended,
}

/// One connection, open or being made.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// Until the connection stands: what [`super::Transports::send`] was given; then the real addresses.
    pub(super) flow: Flow,
    pub(super) connected: bool,
    layers: Layers,
    /// Messages that wait for the handshakes.
    early: VecDeque<Bytes>,
    /// Bytes for the socket.
    queue: VecDeque<Bytes>,
    /// Bytes in both.
    queued: usize,
    pub(super) opened: Instant,
    pub(super) active: Instant,
    /// Since when a message is not whole.
    partial: Option<Instant>,
    /// The peer's last sign of life, and our last question for one.
    heard: Instant,
    asked: Instant,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, flow: Flow, connected: bool, layers: Layers, now: Instant) -> Connection {
        let mut connection = Connection {
            stream,
            flow,
            connected,
            layers,
            early: VecDeque::new(),
            queue: VecDeque::new(),
            queued: 0,
            opened: now,
            active: now,
            partial: None,
            heard: now,
            asked: now,
        };
        connection.gather();
        connection
    }

    /// Queues a message and writes what can be written. False if the peer reads too slowly.
    pub(super) fn write(&mut self, message: Bytes, now: Instant) -> io::Result<bool> {
        let waiting = self.queue.len() + self.early.len();
        if self.queued.saturating_add(message.len()) > limits::WRITE_BUFFER_BYTES || waiting >= limits::WRITE_BUFFER_MESSAGES {
            return Ok(false);
        }
        if self.layers.is_ready() {
            self.layers.send(message).map_err(broken)?;
            self.gather();
        } else {
            self.queued += message.len();
            self.early.push_back(message);
        }
        if self.connected {
            self.flush(now)?;
        }
        Ok(true)
    }

    /// Takes what the layers have for the socket.
    fn gather(&mut self) {
        while let Some(bytes) = self.layers.take_out() {
            self.queued += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    /// Sends what waited for the handshakes.
    fn send_early(&mut self) -> Result<(), LayerError> {
        while self.layers.is_ready() {
            let Some(message) = self.early.pop_front() else { break };
            self.queued = self.queued.saturating_sub(message.len());
            self.layers.send(message)?;
        }
        Ok(())
    }

    /// Says goodbye as far as that is possible without waiting.
    pub(super) fn farewell(&mut self, now: Instant) {
        self.layers.close();
        self.gather();
        if self.connected {
            // Whoever is gone hears nothing.
            let _ = self.flush(now);
        }
    }

    /// The handshakes are over.
    pub(super) fn is_ready(&self) -> bool {
        self.connected && self.layers.is_ready()
    }

    /// Writes what can be written; notices that the connection now stands.
    pub(super) fn flush(&mut self, now: Instant) -> io::Result<()> {
        if !self.connected && !self.try_finish()? {
            return Ok(());
        }
        while !self.queue.is_empty() {
            let slices: Vec<IoSlice<'_>> = self.queue.iter().take(16).map(|bytes| IoSlice::new(bytes)).collect();
            match self.stream.write_vectored(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.wrote(written, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wrote(&mut self, mut written: usize, now: Instant) {
        self.active = now;
        self.queued = self.queued.saturating_sub(written);
        while let Some(front) = self.queue.front_mut() {
            if front.len() > written {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.queue.pop_front();
        }
    }

    /// True once the connection stands.
    fn try_finish(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.connected = true;
                // The remote address stays as it was asked for: connections are found by it.
                self.flow.local = self.stream.local_addr()?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads and hands out messages until nothing is left or its share is used up.
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        origins: &[SmolStr],
        now: Instant,
        take: &mut impl FnMut(Input),
    ) -> io::Result<Reading> {
        if !self.connected {
            return Ok(Reading::Drained);
        }
        let mut budget = limits::TCP_BUDGET_BYTES;
        while budget > 0 {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(Reading::Ended),
                Ok(len) => {
                    budget = budget.saturating_sub(len);
                    if self.received(scratch.get(..len).unwrap_or_default(), origins, now, take)? {
                        return Ok(Reading::Ended);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Reading::Drained),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Reading::More)
    }

    /// True if the peer has said goodbye.
    fn received(&mut self, bytes: &[u8], origins: &[SmolStr], now: Instant, take: &mut impl FnMut(Input)) -> io::Result<bool> {
        (self.active, self.heard) = (now, now);
        let flow = self.flow;
        let result = self.layers.receive(bytes, origins, &mut |message| take(Input::Message(flow, message)));
        let result = result.and_then(|read| self.send_early().map(|()| read));
        self.gather();
        // An answer to a ping, a handshake's next part, or the last words before the end.
        let flushed = self.flush(now);
        let read = result.map_err(broken)?;
        flushed?;
        if self.queued > limits::WRITE_BUFFER_BYTES {
            return Err(io::Error::other("reads too slowly"));
        }
        self.partial = match self.layers.is_partial(read) {
            true if read.whole == 0 => self.partial.or(Some(now)),
            true => Some(now),
            false => None,
        };
        Ok(read.closed)
    }

    /// Asks a peer that was silent whether it is still there.
    pub(super) fn tend(&mut self, now: Instant) -> io::Result<()> {
        let silent = now.saturating_duration_since(self.heard.max(self.asked));
        if !self.layers.is_web() || !self.is_ready() || silent < limits::WEB_PING {
            return Ok(());
        }
        self.asked = now;
        self.layers.ping().map_err(broken)?;
        self.gather();
        self.flush(now)
    }

    /// Why it has to be closed by now, if it has.
    pub(super) fn overdue(&self, now: Instant) -> Option<io::ErrorKind> {
        let passed = |since: Instant, span| now.saturating_duration_since(since) >= span;
        match self.partial {
            _ if !self.connected => passed(self.opened, limits::CONNECT).then_some(io::ErrorKind::TimedOut),
            _ if !self.layers.is_ready() => passed(self.opened, limits::HANDSHAKE).then_some(io::ErrorKind::TimedOut),
            _ if self.layers.is_web() && passed(self.heard, limits::WEB_SILENCE) => Some(io::ErrorKind::TimedOut),
            Some(since) if passed(since, limits::PARTIAL_MESSAGE) => Some(io::ErrorKind::TimedOut),
            _ => passed(self.active, limits::IDLE).then_some(io::ErrorKind::TimedOut),
        }
    }
}

fn broken(error: LayerError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
