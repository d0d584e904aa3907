use std::collections::VecDeque;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use mio::net::TcpStream;
use tandem_core::Flow;

use super::Input;
use crate::sip::limits;
use crate::sip::wire::{Frame, Framer};

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

/// One TCP connection, open or being made.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// Until the connection stands: what [`super::Transports::send`] was given; then the real addresses.
    pub(super) flow: Flow,
    pub(super) connected: bool,
    framer: Framer,
    queue: VecDeque<Bytes>,
    queued: usize,
    pub(super) opened: Instant,
    pub(super) active: Instant,
    /// Since when a message is not whole.
    partial: Option<Instant>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, flow: Flow, connected: bool, now: Instant) -> Connection {
        Connection {
            stream,
            flow,
            connected,
            framer: Framer::default(),
            queue: VecDeque::new(),
            queued: 0,
            opened: now,
            active: now,
            partial: None,
        }
    }

    /// Queues a message and writes what can be written. False if the peer reads too slowly.
    pub(super) fn write(&mut self, message: Bytes, now: Instant) -> io::Result<bool> {
        if self.queued.saturating_add(message.len()) > limits::WRITE_BUFFER_BYTES || self.queue.len() >= limits::WRITE_BUFFER_MESSAGES {
            return Ok(false);
        }
        self.queued += message.len();
        self.queue.push_back(message);
        if self.connected {
            self.flush(now)?;
        }
        Ok(true)
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
    pub(super) fn read(&mut self, scratch: &mut [u8], now: Instant, take: &mut impl FnMut(Input)) -> io::Result<Reading> {
        if !self.connected {
            return Ok(Reading::Drained);
        }
        let mut budget = limits::TCP_BUDGET_BYTES;
        while budget > 0 {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(Reading::Ended),
                Ok(len) => {
                    budget = budget.saturating_sub(len);
                    self.received(scratch.get(..len).unwrap_or_default(), now, take)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Reading::Drained),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Reading::More)
    }

    fn received(&mut self, bytes: &[u8], now: Instant, take: &mut impl FnMut(Input)) -> io::Result<()> {
        self.active = now;
        self.framer.push(bytes);
        loop {
            match self.framer.next() {
                Ok(Some(Frame::Message(message))) => {
                    self.partial = None;
                    take(Input::Message(self.flow, message));
                }
                Ok(Some(Frame::Ping)) => {
                    self.write(Bytes::from_static(b"\r\n"), now)?;
                }
                Ok(None) => break,
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        self.partial = if self.framer.is_partial() { self.partial.or(Some(now)) } else { None };
        Ok(())
    }

    /// Why it has to be closed by now, if it has.
    pub(super) fn overdue(&self, now: Instant) -> Option<io::ErrorKind> {
        let passed = |since: Instant, span| now.saturating_duration_since(since) >= span;
        match self.partial {
            _ if !self.connected => passed(self.opened, limits::CONNECT).then_some(io::ErrorKind::TimedOut),
            Some(since) if passed(since, limits::PARTIAL_MESSAGE) => Some(io::ErrorKind::TimedOut),
            _ => passed(self.active, limits::IDLE).then_some(io::ErrorKind::TimedOut),
        }
    }
}
