use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use slab::Slab;
use smallvec::SmallVec;
use tandem_core::{Flow, Transport};

use super::connection::Connection;
use super::layers::Layers;
use super::meters;
use super::tls::{Anchors, PeerNames, Tls};
use super::{FIRST_CONNECTION, Input, SendError};
use crate::sip::limits;

/// All connections, found by the peer's address.
#[derive(Default)]
pub(super) struct Connections {
    slots: Slab<Connection>,
    /// Peers choose their addresses, so this map's hasher is seeded.
    by_remote: HashMap<SocketAddr, SmallVec<[usize; 2]>>,
    /// Closed outside of a poll; told with the next one.
    closed: Vec<Flow>,
    /// Whom we believe when we connect by TLS; read when it is first needed.
    pub(super) anchors: Option<Anchors>,
    /// Names that peers have to prove, by their address.
    pub(super) names: HashMap<SocketAddr, PeerNames>,
}

impl Connections {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut Connection> {
        self.slots.get_mut(key)
    }

    fn insert(&mut self, poll: &Poll, mut connection: Connection, now: Instant) -> io::Result<usize> {
        if self.slots.len() >= limits::CONNECTIONS {
            self.make_room(now);
        }
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        // Both directions at once: edge-triggered, so what is not awaited costs nothing.
        poll.registry().register(&mut connection.stream, Token(FIRST_CONNECTION + key), Interest::READABLE | Interest::WRITABLE)?;
        self.by_remote.entry(connection.flow.remote).or_default().push(key);
        meters::opened(connection.flow.transport);
        entry.insert(connection);
        Ok(key)
    }

    pub(super) fn accepted(
        &mut self,
        poll: &Poll,
        stream: TcpStream,
        (transport, remote): (Transport, SocketAddr),
        layers: Layers,
        now: Instant,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let flow = Flow { transport, local: stream.local_addr()?, remote };
        self.insert(poll, Connection::new(stream, flow, true, layers, now), now).map(|_| ())
    }

    /// What lies on a connection that we make. Nobody listens for WebSockets at the other end (RFC 7118 §4), and by TLS we go
    /// only to those who have a name to prove.
    fn layers_to(&self, flow: &Flow) -> Result<Layers, SendError> {
        match flow.transport {
            Transport::Tls => {
                let names = self.names.get(&flow.remote).zip(self.anchors.as_ref());
                let (names, anchors) = names.ok_or(SendError::Nameless(flow.remote))?;
                let session = anchors.client(names).and_then(|(config, name)| Tls::client(config, name));
                Ok(Layers::stream(Some(session.map_err(|error| SendError::Io(flow.remote, io::Error::other(error)))?)))
            }
            Transport::Tcp => Ok(Layers::stream(None)),
            _ => Err(SendError::NoSocket(flow.transport, flow.local)),
        }
    }

    fn connect(&mut self, poll: &Poll, flow: &Flow, layers: Layers, now: Instant) -> io::Result<usize> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(flow.remote), socket2::Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if !flow.local.ip().is_unspecified() && flow.local.is_ipv4() == flow.remote.is_ipv4() {
            socket.bind(&SocketAddr::new(flow.local.ip(), 0).into())?;
        }
        match socket.connect(&flow.remote.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from_std(socket.into());
        self.insert(poll, Connection::new(stream, *flow, false, layers, now), now)
    }

    /// The connection of a flow: with both addresses, else any to that peer.
    fn find(&self, flow: &Flow) -> Option<usize> {
        let keys = self.by_remote.get(&flow.remote)?;
        let alike =
            || keys.iter().filter_map(|key| Some((*key, self.slots.get(*key)?))).filter(|(_, one)| one.flow.transport == flow.transport);
        let exact = alike().find(|(_, one)| one.flow.local == flow.local);
        exact.or_else(|| alike().next_back()).map(|(key, _)| key)
    }

    pub(super) fn send(&mut self, poll: &Poll, flow: &Flow, message: Bytes, now: Instant) -> Result<(), SendError> {
        let io_error = |error| SendError::Io(flow.remote, error);
        let key = match self.find(flow) {
            Some(key) => key,
            None => {
                let layers = self.layers_to(flow)?;
                self.connect(poll, flow, layers, now).map_err(io_error)?
            }
        };
        let Some(connection) = self.slots.get_mut(key) else { return Err(SendError::NoSocket(flow.transport, flow.local)) };
        match connection.write(message, now) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.drop_silently(key);
                Err(SendError::Slow(flow.remote))
            }
            Err(error) => {
                self.drop_silently(key);
                Err(io_error(error))
            }
        }
    }

    fn remove(&mut self, key: usize) -> Option<Connection> {
        let mut connection = self.slots.try_remove(key)?;
        meters::closed(connection.flow.transport, connection.is_ready());
        connection.farewell(Instant::now());
        if let Some(keys) = self.by_remote.get_mut(&connection.flow.remote) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_remote.remove(&connection.flow.remote);
            }
        }
        Some(connection)
    }

    /// Closes one; told with the next poll.
    fn drop_silently(&mut self, key: usize) {
        if let Some(connection) = self.remove(key) {
            self.closed.push(connection.flow);
        }
    }

    /// Closes one and tells at once.
    pub(super) fn close(&mut self, key: usize, error: Option<io::Error>, take: &mut impl FnMut(Input)) {
        let Some(connection) = self.remove(key) else { return };
        match error {
            Some(error) => {
                tracing::debug!(%error, remote = %connection.flow.remote, "connection broke");
                take(Input::Failed(connection.flow, error));
            }
            None => take(Input::Closed(connection.flow)),
        }
    }

    /// Closes the longest idle. A share at once, so that a flood of connections does not search the table for each.
    pub(super) fn make_room(&mut self, now: Instant) {
        let mut idle: Vec<(Instant, usize)> = self.slots.iter().map(|(key, connection)| (connection.active, key)).collect();
        let share = (idle.len() / 64).max(1).min(idle.len());
        if share == 0 {
            return;
        }
        idle.select_nth_unstable(share - 1);
        let spans = idle.first().map(|(active, _)| now.saturating_duration_since(*active));
        tracing::warn!(closed = share, idle = ?spans, "too many connections, the longest idle are closed");
        for (_, key) in idle.into_iter().take(share) {
            self.drop_silently(key);
        }
    }

    /// Connections were closed outside of a poll.
    pub(super) fn has_news(&self) -> bool {
        !self.closed.is_empty()
    }

    /// Tells of connections that were closed outside of a poll.
    pub(super) fn tell(&mut self, take: &mut impl FnMut(Input)) {
        for flow in self.closed.drain(..) {
            take(Input::Closed(flow));
        }
    }

    /// Closes what is overdue.
    pub(super) fn sweep(&mut self, now: Instant, take: &mut impl FnMut(Input)) {
        let look = |(key, connection): (usize, &mut Connection)| {
            let error = connection.overdue(now).map(io::Error::from).or_else(|| connection.tend(now).err())?;
            Some((key, error))
        };
        let overdue: Vec<(usize, io::Error)> = self.slots.iter_mut().filter_map(look).collect();
        for (key, error) in overdue {
            self.close(key, Some(error), take);
        }
    }
}
