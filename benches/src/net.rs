//! Sockets in batches, and one loop over them.

pub mod mmsg;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::{BATCH, RECEIVE_BUFFER};
use mmsg::{Outgoing, Receiver};

/// Refuses whatever is not loopback: this program makes floods.
pub fn loopback_only(address: Ipv4Addr) -> anyhow::Result<()> {
    if !address.is_loopback() {
        bail!("`{address}` is not a loopback address: the generator keeps to 127.0.0.0/8");
    }
    Ok(())
}

/// A socket with its queue of packets to send.
#[derive(Debug)]
pub struct Sock {
    io: UdpSocket,
    local: SocketAddrV4,
    bytes: Vec<u8>,
    queue: Vec<Outgoing>,
}

impl Sock {
    /// Binds; port 0 takes a free one.
    pub fn bind(address: SocketAddrV4) -> anyhow::Result<Self> {
        loopback_only(*address.ip())?;
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // The kernel caps it at net.core.rmem_max without a word; drops are counted and reported, so that shows.
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(&address.into()).with_context(|| format!("can't bind {address}"))?;
        let io = UdpSocket::from_std(socket.into());
        let local = match io.local_addr()? {
            std::net::SocketAddr::V4(local) => local,
            other => bail!("bound {other} instead of {address}"),
        };
        Ok(Sock { io, local, bytes: Vec::new(), queue: Vec::new() })
    }

    /// Packets of this socket carry the time at which the kernel got them (see [`Io::arrived_us`]).
    pub fn note_arrivals(&self) -> io::Result<()> {
        mmsg::note_arrivals(self.io.as_fd())
    }

    /// Binds an RTP port and the RTCP port above it (RFC 3550 §11).
    pub fn bind_pair(ip: Ipv4Addr) -> anyhow::Result<(Self, Self)> {
        for _ in 0..200 {
            let rtp = Self::bind(SocketAddrV4::new(ip, 0))?;
            if rtp.local.port() % 2 == 0
                && let Ok(rtcp) = Self::bind(SocketAddrV4::new(ip, rtp.local.port() + 1))
            {
                return Ok((rtp, rtcp));
            }
        }
        bail!("found no even port with a free one above it at {ip}")
    }

    /// The bound address.
    pub fn local(&self) -> SocketAddrV4 {
        self.local
    }

    /// Queues a packet that `write` appends.
    pub fn push(&mut self, to: SocketAddrV4, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.queue.push(Outgoing { start: start as u32, length: (self.bytes.len() - start) as u32, to });
    }

    fn flush(&mut self) -> u64 {
        if self.queue.is_empty() {
            return 0;
        }
        let sent = mmsg::send(self.io.as_fd(), &self.bytes, &self.queue);
        let refused = self.queue.len() - sent;
        self.bytes.clear();
        self.queue.clear();
        refused as u64
    }
}

/// What a loop's users may touch while a packet is handled.
#[derive(Debug)]
pub struct Io {
    /// All sockets.
    pub socks: Vec<Sock>,
    /// Microseconds since the loop began; read once per batch.
    pub now_us: u64,
    /// When the packet that is being handled arrived: by the kernel's note if its socket has them, else `now_us`.
    pub arrived_us: u64,
    /// Packets that the kernel would not take.
    pub refused: u64,
    epoch: Instant,
    /// Nanoseconds from 1970 to `epoch`.
    epoch_ns: u64,
}

impl Io {
    /// Milliseconds since the loop began.
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }

    /// A note of the kernel on our clock. The wall clock may have been set meanwhile: what can't be is not believed.
    fn arrival(&self, noted_ns: Option<u64>) -> u64 {
        let noted_us = noted_ns.and_then(|noted| noted.checked_sub(self.epoch_ns)).map(|since| since / 1000);
        noted_us.filter(|noted| *noted <= self.now_us && self.now_us - noted < 10_000_000).unwrap_or(self.now_us)
    }

    /// Reads the clock.
    pub fn look_at_the_clock(&mut self) -> u64 {
        self.now_us = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.now_us
    }
}

/// Takes packets.
pub trait Handler {
    /// A packet came in at socket `sock`.
    fn packet(&mut self, io: &mut Io, sock: usize, bytes: &[u8], from: SocketAddrV4);
}

/// The loop.
#[derive(Debug)]
pub struct Net {
    /// Sockets and clock.
    pub io: Io,
    poll: Poll,
    events: Events,
    ready: Vec<bool>,
    receiver: Receiver,
}

impl Net {
    /// A loop over these sockets.
    pub fn new(mut socks: Vec<Sock>) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        for (index, sock) in socks.iter_mut().enumerate() {
            poll.registry().register(&mut sock.io, Token(index), Interest::READABLE)?;
        }
        let ready = vec![true; socks.len()];
        let epoch_ns = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        let io = Io { socks, now_us: 0, arrived_us: 0, refused: 0, epoch: Instant::now(), epoch_ns };
        Ok(Net { io, poll, events: Events::with_capacity(1024), ready, receiver: Receiver::new() })
    }

    /// One turn: waits at most `wait` for packets, hands over at most one batch of each socket, sends what was queued.
    pub fn turn(&mut self, wait: Duration, handler: &mut impl Handler) -> io::Result<()> {
        let wait = if self.has_more() { Duration::ZERO } else { wait };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            self.ready[event.token().0] = true;
        }
        self.io.look_at_the_clock();
        for index in 0..self.ready.len() {
            if !self.ready[index] {
                continue;
            }
            let count = self.receiver.receive(self.io.socks[index].io.as_fd())?;
            // Fewer than asked for: the socket ran dry, and the next packet makes a new edge.
            self.ready[index] = count == BATCH;
            if count > 0 {
                self.io.look_at_the_clock();
            }
            for place in 0..count {
                let (bytes, from) = self.receiver.packet(place);
                self.io.arrived_us = self.io.arrival(self.receiver.arrival(place));
                handler.packet(&mut self.io, index, bytes, from);
            }
        }
        self.flush();
        Ok(())
    }

    /// Some socket had more packets than one batch: there is no time to sleep.
    pub fn has_more(&self) -> bool {
        self.ready.contains(&true)
    }

    /// Sends what was queued.
    pub fn flush(&mut self) {
        for sock in &mut self.io.socks {
            self.io.refused += sock.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo(Vec<(usize, Vec<u8>)>);
    impl Handler for Echo {
        fn packet(&mut self, _: &mut Io, sock: usize, bytes: &[u8], _: SocketAddrV4) {
            self.0.push((sock, bytes.to_vec()));
        }
    }

    #[test]
    fn more_than_one_batch_arrives_in_order_and_whole() {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let mut net = Net::new(vec![Sock::bind(any).unwrap(), Sock::bind(any).unwrap()]).unwrap();
        let to = net.io.socks[1].local();
        for number in 0..200u32 {
            net.io.socks[0].push(to, |out| out.extend_from_slice(&number.to_be_bytes()));
        }
        net.flush();
        let mut echo = Echo(Vec::new());
        for _ in 0..50 {
            net.turn(Duration::from_millis(10), &mut echo).unwrap();
        }
        let expected: Vec<_> = (0..200u32).map(|number| (1, number.to_be_bytes().to_vec())).collect();
        assert_eq!(echo.0, expected);
    }

    struct Arrivals(Vec<(u64, u64)>);
    impl Handler for Arrivals {
        fn packet(&mut self, io: &mut Io, _: usize, _: &[u8], _: SocketAddrV4) {
            self.0.push((io.arrived_us, io.now_us));
        }
    }

    #[test]
    fn the_kernel_notes_when_a_packet_came_not_when_it_was_read() {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let mut net = Net::new(vec![Sock::bind(any).unwrap(), Sock::bind(any).unwrap()]).unwrap();
        net.io.socks[1].note_arrivals().unwrap();
        let mut wait_at = |sock: usize| {
            let (to, mut arrivals) = (net.io.socks[sock].local(), Arrivals(Vec::new()));
            net.io.socks[0].push(to, |out| out.push(0));
            net.flush();
            std::thread::sleep(Duration::from_millis(30));
            net.turn(Duration::from_millis(10), &mut arrivals).unwrap();
            arrivals.0.first().map(|(arrived, read)| read - arrived).unwrap()
        };
        // The kernel turns notes on in the background: the first packets may come without.
        assert!((0..50).any(|_| wait_at(1) >= 25_000));
        assert_eq!(wait_at(0), 0, "this socket was not asked to");
    }

    #[test]
    fn an_address_outside_loopback_is_refused() {
        let error = Sock::bind(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 0)).unwrap_err();
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
    }
}
