//! `recvmmsg` and `sendmmsg` over IPv4: the one place with unsafe code.
//!
//! Reason: one call of the kernel for up to 64 packets. Phones and media of the generator share sockets, so batches do
//! fill; what that saves is in `benches/README.md`.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use crate::limits::{BATCH, DATAGRAM};

/// Room for the kernel's remarks on a packet: one `SCM_TIMESTAMPNS` needs 32 bytes.
#[repr(C, align(8))]
#[derive(Debug, Clone, Copy)]
struct Remarks([u8; 64]);

/// Asks the kernel to note when each packet arrives at this socket.
pub fn note_arrivals(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an int that lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            ptr::from_ref(&on).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Room for one batch of received packets. The arrays never move or grow after [`Receiver::new`], because the headers
/// point into them.
#[derive(Debug)]
pub struct Receiver {
    bytes: Box<[u8]>,
    addresses: Box<[libc::sockaddr_in]>,
    remarks: Box<[Remarks]>,
    // Read by the kernel only, through the headers.
    _vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    /// Packets of the last batch.
    filled: usize,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// Room for [`BATCH`] packets of [`DATAGRAM`] bytes.
    pub fn new() -> Self {
        let mut bytes = vec![0u8; BATCH * DATAGRAM].into_boxed_slice();
        // SAFETY: all-zero bytes are a valid value of these plain C structures.
        let mut addresses: Box<[libc::sockaddr_in]> = (0..BATCH).map(|_| unsafe { mem::zeroed() }).collect();
        let mut vectors: Box<[libc::iovec]> =
            bytes.chunks_exact_mut(DATAGRAM).map(|room| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: DATAGRAM }).collect();
        let mut remarks = vec![Remarks([0; 64]); BATCH].into_boxed_slice();
        let headers = addresses
            .iter_mut()
            .zip(vectors.iter_mut())
            .zip(remarks.iter_mut())
            .map(|((address, vector), remark)| {
                // SAFETY: as above.
                let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
                header.msg_hdr.msg_name = ptr::from_mut(address).cast();
                header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = ptr::from_mut(remark).cast();
                header.msg_hdr.msg_controllen = mem::size_of::<Remarks>();
                header
            })
            .collect();
        Receiver { bytes, addresses, remarks, _vectors: vectors, headers, filled: 0 }
    }

    /// Receives what is there, at most [`BATCH`] packets, without waiting. Zero means nothing is there.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        for header in &mut self.headers[..self.filled] {
            header.msg_hdr.msg_controllen = mem::size_of::<Remarks>(); // the kernel has written what it used
        }
        self.filled = 0;
        // SAFETY: the headers point into boxes that live as long as self, and `receive` has them exclusively.
        let count = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), BATCH as libc::c_uint, libc::MSG_DONTWAIT, ptr::null_mut())
        };
        if count >= 0 {
            self.filled = count as usize;
            return Ok(self.filled);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            // An ICMP answer to an earlier packet; says nothing about this socket.
            error if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::Interrupted) => Ok(0),
            error => Err(error),
        }
    }

    /// Packet `index` of the last batch and where it came from.
    pub fn packet(&self, index: usize) -> (&[u8], SocketAddrV4) {
        let length = (self.headers[index].msg_len as usize).min(DATAGRAM);
        let start = index * DATAGRAM;
        let address = &self.addresses[index];
        let from = SocketAddrV4::new(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)), u16::from_be(address.sin_port));
        (&self.bytes[start..start + length], from)
    }
}

impl Receiver {
    /// When packet `index` of the last batch arrived, in nanoseconds since 1970, if its socket notes arrivals.
    pub fn arrival(&self, index: usize) -> Option<u64> {
        const HEAD: usize = mem::size_of::<libc::cmsghdr>();
        if self.headers[index].msg_hdr.msg_controllen < HEAD + mem::size_of::<libc::timespec>() {
            return None;
        }
        // One remark at most is asked for, so it is the first. Its layout (cmsg(3)): length, level, type, data.
        let bytes = &self.remarks[index].0;
        // SAFETY: both reads lie within the 64 bytes, need no alignment, and any bytes are valid values of these types.
        let (head, time): (libc::cmsghdr, libc::timespec) =
            unsafe { (ptr::read_unaligned(bytes.as_ptr().cast()), ptr::read_unaligned(bytes.as_ptr().add(HEAD).cast())) };
        let fits = head.cmsg_level == libc::SOL_SOCKET && head.cmsg_type == libc::SCM_TIMESTAMPNS;
        fits.then(|| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
}

/// One packet to send: where its bytes lie in the queue, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub length: u32,
    /// Destination.
    pub to: SocketAddrV4,
}

/// Sends `packets`, whose bytes lie in `bytes`, in batches. Returns how many the kernel took; it drops the rest, like
/// a network would.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], packets: &[Outgoing]) -> usize {
    packets.chunks(BATCH).map(|batch| send_batch(socket, bytes, batch)).sum()
}

fn send_batch(socket: BorrowedFd<'_>, bytes: &[u8], batch: &[Outgoing]) -> usize {
    // SAFETY: all-zero bytes are a valid value of these plain C structures.
    let (mut addresses, mut vectors, mut headers): ([libc::sockaddr_in; BATCH], [libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
        unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
    for (index, packet) in batch.iter().enumerate() {
        let data = &bytes[packet.start as usize..(packet.start + packet.length) as usize];
        addresses[index].sin_family = libc::AF_INET as libc::sa_family_t;
        addresses[index].sin_port = packet.to.port().to_be();
        addresses[index].sin_addr.s_addr = u32::from(*packet.to.ip()).to_be();
        // The kernel only reads through this pointer.
        vectors[index] = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
        let header = &mut headers[index].msg_hdr;
        header.msg_name = ptr::from_mut(&mut addresses[index]).cast();
        header.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_iov = &mut vectors[index];
        header.msg_iovlen = 1;
    }
    let mut sent = 0;
    while sent < batch.len() {
        // SAFETY: the headers from `sent` on are filled, and what they point to lives until the end of this function.
        let count = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), headers[sent..].as_mut_ptr(), (batch.len() - sent) as libc::c_uint, libc::MSG_DONTWAIT)
        };
        if count > 0 {
            sent += count as usize;
        } else if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            break;
        }
    }
    sent
}
