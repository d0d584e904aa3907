use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use mio::net::UdpSocket;
use tandem_core::{Flow, Transport};

use super::{Input, SendError};
use crate::sip::limits;

/// One UDP socket.
pub(super) struct Datagrams {
    socket: UdpSocket,
    local: SocketAddr,
    receive_buffer: usize,
}

impl Datagrams {
    pub(super) fn bind(addr: SocketAddr) -> io::Result<Datagrams> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::DGRAM, None)?;
        if addr.is_ipv6() {
            // Both families may listen on one port, and IPv4 peers have IPv4 addresses.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(limits::UDP_RECEIVE_BUFFER)?;
        let receive_buffer = socket.recv_buffer_size()?;
        if receive_buffer < limits::UDP_RECEIVE_BUFFER {
            tracing::info!(%addr, receive_buffer, "receive buffer is smaller than asked for; raise net.core.rmem_max for registration storms");
        }
        socket.bind(&addr.into())?;
        let socket = UdpSocket::from_std(socket.into());
        let local = socket.local_addr()?;
        Ok(Datagrams { socket, local, receive_buffer })
    }

    pub(super) fn socket(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Hands out datagrams until there are none (true) or its share is used up (false).
    pub(super) fn receive(&mut self, scratch: &mut [u8], take: &mut impl FnMut(Input)) -> bool {
        for _ in 0..limits::UDP_BUDGET {
            match self.socket.recv_from(scratch) {
                Ok((len, remote)) => {
                    let flow = Flow { transport: Transport::Udp, local: self.local, remote };
                    take(Input::Message(flow, Bytes::copy_from_slice(scratch.get(..len).unwrap_or_default())));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // ICMP said something about an earlier datagram. Who it was for is not known here; timers will tell.
                Err(error) => take(Input::Failed(Flow { transport: Transport::Udp, local: self.local, remote: self.local }, error)),
            }
        }
        false
    }

    pub(super) fn send(&self, remote: SocketAddr, message: &[u8]) -> Result<(), SendError> {
        match self.socket.send_to(message, remote) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(SendError::Full),
            Err(error) => Err(SendError::Io(remote, error)),
        }
    }
}
