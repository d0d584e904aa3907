//! Sockets of the signalling thread: one poll for datagrams, listeners and connections.
//!
//! [`Transports::poll`] hands out whole messages; [`Transports::send`] never blocks. Every queue has a bound
//! ([`super::limits`]), and a peer that sends nonsense, nothing, or reads too slowly loses its connection and nothing else.
//!
//! * `connection`: one socket with its queues; `layers`: what lies between its bytes and messages, without I/O
//! * `tls`: certificates that are followed, whom we believe; `web`: WebSockets (RFC 7118), the server's end
//! * [`resolve`]: where a name leads

mod connection;
mod datagram;
mod layers;
mod meters;
pub mod resolve;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod web;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};
use smol_str::SmolStr;
use tandem_core::{Flow, Transport};

pub use self::tls::{CertificateError, Certificates, Trust, TrustError};

use self::connection::Reading;
use self::datagram::Datagrams;
use self::layers::Layers;
use self::table::Connections;
use self::tls::{Anchors, Tls};
use super::limits;

/// An address to listen on. An unspecified IP takes packets of all interfaces, but says nothing of which: give real ones where
/// the answer must name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Tls and Wss need a certificate.
    pub transport: Transport,
    /// Address; port 0 takes a free one.
    pub addr: SocketAddr,
}

/// What connections need besides addresses.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Our certificate, for listeners of TLS and WSS.
    pub certificates: Option<Arc<Certificates>>,
    /// Whom we believe when we connect by TLS.
    pub trust: Trust,
    /// Origins whose pages may open WebSockets, `https://desk.example.com`; none lets all. What is no browser sends none and may.
    pub origins: Vec<SmolStr>,
}

/// Why a socket can't be opened. Carries which.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The operating system refused.
    #[error("cannot listen on {transport:?} {addr}: {error}")]
    Io {
        /// Transport.
        transport: Transport,
        /// Address.
        addr: SocketAddr,
        /// What it said.
        error: io::Error,
    },
    /// TLS and WSS need a certificate.
    #[error("{transport:?} {addr} needs a certificate")]
    NoCertificate {
        /// Transport.
        transport: Transport,
        /// Address.
        addr: SocketAddr,
    },
    /// The certificate can't be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// Nobody to believe.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// More than [`limits::LISTENERS`].
    #[error("more than {} listeners", limits::LISTENERS)]
    TooMany,
    /// No poll.
    #[error("cannot poll: {0}")]
    Poll(#[from] io::Error),
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No socket with that local address or family.
    #[error("no {0:?} socket for {1}")]
    NoSocket(Transport, SocketAddr),
    /// No connection by TLS without a name that the peer has to prove: phones connect to us.
    #[error("{0} has no name to prove by a certificate")]
    Nameless(SocketAddr),
    /// The socket's buffer is full: the datagram is lost, as on the way.
    #[error("send buffer full")]
    Full,
    /// The peer reads too slowly; its connection was closed.
    #[error("{0} reads too slowly")]
    Slow(SocketAddr),
    /// The operating system refused.
    #[error("cannot send to {0}: {1}")]
    Io(SocketAddr, io::Error),
}

/// What came in.
#[derive(Debug)]
pub enum Input {
    /// A message, or what a datagram holds instead.
    Message(Flow, Bytes),
    /// A connection ended.
    Closed(Flow),
    /// A connection could not be made (then it is the flow given to [`Transports::send`]), or broke; or a datagram was
    /// refused on its way, which changes nothing.
    Failed(Flow, io::Error),
    /// Somebody called [`Waker::wake`].
    Wake,
}

/// Wakes the signalling thread from another one.
#[derive(Debug, Clone)]
pub struct Waker(Arc<mio::Waker>);

impl Waker {
    /// Makes the current or the next [`Transports::poll`] return.
    pub fn wake(&self) {
        if let Err(error) = self.0.wake() {
            tracing::error!(%error, "cannot wake the signalling thread");
        }
    }
}

const WAKE: Token = Token(usize::MAX - 1);
/// Tokens below are datagram sockets and listeners, those from here on connections.
const FIRST_CONNECTION: usize = 2 * limits::LISTENERS;
/// How often deadlines of connections are looked at.
const SWEEP: Duration = Duration::from_secs(1);

struct Listener {
    socket: mio::net::TcpListener,
    local: SocketAddr,
    transport: Transport,
}

/// All signalling sockets.
pub struct Transports {
    poll: Poll,
    events: Events,
    waker: Arc<mio::Waker>,
    datagrams: Vec<Datagrams>,
    listeners: Vec<Listener>,
    connections: Connections,
    /// Sockets that had more to read than their share.
    unfinished: Vec<Token>,
    scratch: Box<[u8]>,
    swept: Instant,
    certificates: Option<Arc<Certificates>>,
    server: Option<Arc<rustls::ServerConfig>>,
    origins: Vec<SmolStr>,
    /// When the certificate's files were last looked at.
    looked: Instant,
}

impl Transports {
    /// Opens all sockets, or none. Without a certificate, so neither TLS nor WSS.
    pub fn bind(listen: &[Listen]) -> Result<Transports, BindError> {
        Transports::bind_with(listen, Security::default())
    }

    /// Opens all sockets, or none.
    pub fn bind_with(listen: &[Listen], security: Security) -> Result<Transports, BindError> {
        if listen.len() > limits::LISTENERS {
            return Err(BindError::TooMany);
        }
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKE)?);
        let server = security.certificates.as_ref().map(Certificates::server_config).transpose();
        let server = server.map_err(|error| BindError::Tls(error.to_string()))?;
        meters::describe();
        let mut transports = Transports {
            poll,
            events: Events::with_capacity(1024),
            waker,
            datagrams: Vec::new(),
            listeners: Vec::new(),
            connections: Connections::default(),
            unfinished: Vec::new(),
            scratch: vec![0; limits::MESSAGE_BYTES + 1].into_boxed_slice(),
            swept: Instant::now(),
            certificates: security.certificates,
            server,
            origins: security.origins,
            looked: Instant::now(),
        };
        for one in listen {
            let needs_certificate = matches!(one.transport, Transport::Tls | Transport::Wss);
            if needs_certificate && transports.server.is_none() {
                return Err(BindError::NoCertificate { transport: one.transport, addr: one.addr });
            }
            let result = match one.transport {
                Transport::Udp => transports.bind_udp(one.addr),
                stream => transports.bind_stream(stream, one.addr),
            };
            result.map_err(|error| BindError::Io { transport: one.transport, addr: one.addr, error })?;
        }
        // Trunks are called by TLS only from a listener of that kind, so without one nobody has to be believed.
        if listen.iter().any(|one| one.transport == Transport::Tls) {
            transports.connections.anchors = Some(Anchors::read(&security.trust)?);
        }
        Ok(transports)
    }

    /// Says which names peers have to prove (RFC 5922) when we connect to them by TLS: the hosts of trunks by their addresses. An
    /// address that stands for several has to prove all of them, as one connection serves them all.
    pub fn name_peers(&mut self, peers: impl IntoIterator<Item = (SocketAddr, SmolStr)>) {
        self.connections.names.clear();
        for (address, name) in peers {
            let names = self.connections.names.entry(address).or_default();
            if !names.contains(&name) && names.len() < limits::PEER_NAMES {
                names.push(name);
            }
        }
    }

    fn bind_udp(&mut self, addr: SocketAddr) -> io::Result<()> {
        let mut datagrams = Datagrams::bind(addr)?;
        let token = Token(self.datagrams.len());
        self.poll.registry().register(datagrams.socket(), token, Interest::READABLE)?;
        self.datagrams.push(datagrams);
        Ok(())
    }

    fn bind_stream(&mut self, transport: Transport, addr: SocketAddr) -> io::Result<()> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None)?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(1024)?;
        let mut socket = mio::net::TcpListener::from_std(socket.into());
        let token = Token(limits::LISTENERS + self.listeners.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        let local = socket.local_addr()?;
        self.listeners.push(Listener { socket, local, transport });
        Ok(())
    }

    /// Where we listen, with the ports that were taken.
    pub fn listening(&self) -> Vec<Listen> {
        let udp = self.datagrams.iter().map(|one| Listen { transport: Transport::Udp, addr: one.local() });
        let streams = self.listeners.iter().map(|one| Listen { transport: one.transport, addr: one.local });
        udp.chain(streams).collect()
    }

    /// The smallest receive buffer of the datagram sockets in bytes, as the kernel granted it (it counts its own overhead,
    /// so it says twice what was asked).
    pub fn receive_buffer(&self) -> Option<usize> {
        self.datagrams.iter().map(Datagrams::receive_buffer).min()
    }

    /// Connections open or being made.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// For other threads.
    pub fn waker(&self) -> Waker {
        Waker(self.waker.clone())
    }

    /// Waits for input, at most for `timeout`, and hands it out. One call hands out a bounded amount; what is left comes with
    /// the next. May return without any input.
    pub fn poll(&mut self, timeout: Option<Duration>, mut take: impl FnMut(Input)) -> io::Result<()> {
        let timeout = match timeout {
            _ if !self.unfinished.is_empty() || self.connections.has_news() => Some(Duration::ZERO),
            Some(timeout) if self.connections.len() == 0 => Some(timeout),
            None if self.connections.len() == 0 => None,
            timeout => Some(timeout.unwrap_or(SWEEP).min(SWEEP)),
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        let now = Instant::now();
        // What was left from last time first, each socket once.
        self.unfinished.sort_unstable();
        self.unfinished.dedup();
        let mut work: Vec<(Token, bool)> = self.unfinished.drain(..).map(|token| (token, false)).collect();
        work.extend(self.events.iter().map(|event| (event.token(), event.is_writable() || event.is_error())));
        for (token, writable) in work {
            self.serve(token, writable, now, &mut take);
        }
        if now.duration_since(self.swept) >= SWEEP {
            self.sweep(now, &mut take);
        }
        self.connections.tell(&mut take);
        Ok(())
    }

    fn serve(&mut self, token: Token, writable: bool, now: Instant, take: &mut impl FnMut(Input)) {
        let finished = match token {
            WAKE => {
                take(Input::Wake);
                true
            }
            Token(at) if at < limits::LISTENERS => self.datagrams.get_mut(at).is_none_or(|one| one.receive(&mut self.scratch, take)),
            Token(at) if at < FIRST_CONNECTION => self.accept(at - limits::LISTENERS, now),
            Token(at) => self.serve_connection(at - FIRST_CONNECTION, writable, now, take),
        };
        if !finished {
            self.unfinished.push(token);
        }
    }

    /// True when nobody waits any more.
    fn accept(&mut self, at: usize, now: Instant) -> bool {
        let Some(listener) = self.listeners.get(at) else { return true };
        for _ in 0..limits::ACCEPT_BUDGET {
            match listener.socket.accept() {
                Ok((stream, remote)) => {
                    let layers = match accepting(listener.transport, self.server.as_ref()) {
                        Ok(layers) => layers,
                        Err(error) => {
                            tracing::error!(%error, "TLS can't be spoken");
                            continue;
                        }
                    };
                    let peer = (listener.transport, remote);
                    if let Err(error) = self.connections.accepted(&self.poll, stream, peer, layers, now) {
                        tracing::debug!(%error, %remote, "connection lost while accepting");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of file descriptors, most likely: the longest idle give way, and the sweep tries again.
                    tracing::warn!(%error, "cannot accept connections");
                    self.connections.make_room(now);
                    return true;
                }
            }
        }
        false
    }

    /// True when everything was read.
    fn serve_connection(&mut self, key: usize, writable: bool, now: Instant, take: &mut impl FnMut(Input)) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return true };
        let result = if writable { connection.flush(now) } else { Ok(()) };
        let result = result.and_then(|()| connection.read(&mut self.scratch, &self.origins, now, take));
        match result {
            Ok(Reading::Drained) => true,
            Ok(Reading::More) => false,
            Ok(Reading::Ended) => {
                self.connections.close(key, None, take);
                true
            }
            Err(error) => {
                self.connections.close(key, Some(error), take);
                true
            }
        }
    }

    fn sweep(&mut self, now: Instant, take: &mut impl FnMut(Input)) {
        self.swept = now;
        self.connections.sweep(now, take);
        if let Some(certificates) = self.certificates.as_ref().filter(|_| now.duration_since(self.looked) >= limits::CERTIFICATE_LOOK) {
            certificates.follow();
            self.looked = now;
        }
        // Edge-triggered listeners that met an error get no further event for those who wait.
        for at in 0..self.listeners.len() {
            if !self.accept(at, now) {
                self.unfinished.push(Token(limits::LISTENERS + at));
            }
        }
    }

    /// Sends one message. Streams: over the connection of this flow, else over any to that remote address, else over a new
    /// one, which is opened without waiting: a failure comes as [`Input::Failed`] with this flow.
    pub fn send(&mut self, flow: &Flow, message: Bytes) -> Result<(), SendError> {
        match flow.transport {
            Transport::Udp => {
                let exact = self.datagrams.iter().find(|one| one.local() == flow.local);
                let family = || self.datagrams.iter().find(|one| one.local().is_ipv6() == flow.remote.is_ipv6());
                let socket = exact.or_else(family).ok_or(SendError::NoSocket(flow.transport, flow.local))?;
                socket.send(flow.remote, &message)
            }
            _ => self.connections.send(&self.poll, flow, message, Instant::now()),
        }
    }
}

/// What lies on a connection that came in.
fn accepting(transport: Transport, server: Option<&Arc<rustls::ServerConfig>>) -> Result<Layers, rustls::Error> {
    let tls = match (transport, server) {
        (Transport::Tls | Transport::Wss, Some(server)) => Some(Tls::server(server.clone())?),
        (Transport::Tls | Transport::Wss, None) => return Err(rustls::Error::NoCertificatesPresented),
        _ => None,
    };
    Ok(match transport {
        Transport::Ws | Transport::Wss => Layers::web(tls),
        _ => Layers::stream(tls),
    })
}
