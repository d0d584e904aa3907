//! A leg's two sockets, with the options that media needs.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// What the sockets are to be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) dscp: u8,
    /// Receive buffer of the RTP socket in bytes; RTCP keeps the system's.
    pub(super) receive_buffer: usize,
}

/// Binds RTP at `port` and RTCP behind it.
pub(super) fn bind_pair(ip: IpAddr, port: u16, options: Options) -> io::Result<(UdpSocket, UdpSocket)> {
    let rtp = bind(SocketAddr::new(ip, port), options.dscp)?;
    rtp.set_recv_buffer_size(options.receive_buffer)?;
    let rtcp = bind(SocketAddr::new(ip, port.saturating_add(1)), options.dscp)?;
    Ok((rtp.into(), rtcp.into()))
}

/// The receive buffer in bytes that the kernel really gives (it doubles what is asked and caps it at `net.core.rmem_max`).
pub(super) fn granted_buffer(options: Options) -> io::Result<usize> {
    let probe = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    probe.set_recv_buffer_size(options.receive_buffer)?;
    probe.recv_buffer_size()
}

fn bind(address: SocketAddr, dscp: u8) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The code point is the upper six bits of the byte (RFC 2474). A system that forbids it still carries calls.
    let class = u32::from(dscp) << 2;
    let marked = match address {
        SocketAddr::V4(_) => socket.set_tos_v4(class),
        SocketAddr::V6(_) => socket.set_only_v6(true).and_then(|()| socket.set_tclass_v6(class)),
    };
    if let Err(error) = marked {
        tracing::debug!(%address, %error, "packets could not be marked");
    }
    socket.bind(&address.into())?;
    Ok(socket)
}
