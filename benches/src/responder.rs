//! What answers without thinking: replies that are copies of the request, and a registrar that believes everything
//! (for `direct`, to see what the generator can do when nothing else is in the way).

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::net::{Handler, Io, Net, Sock};
use crate::put;
use crate::scan::{Name, lines};

/// Appends the headers that every response repeats (RFC 3261 §8.2.6.2); `tag` is added to a To without one.
pub fn repeat_headers(out: &mut Vec<u8>, request: &[u8], tag: &[u8]) {
    for line in lines(request) {
        match line.name {
            Name::Via | Name::From | Name::CallId | Name::CSeq | Name::RecordRoute => out.extend_from_slice(line.whole),
            Name::To if !tag.is_empty() && memchr::memmem::find(line.value, b"tag=").is_none() => {
                put!(out, "To: ", line.value, ";tag=", tag, "\r\n");
            }
            Name::To => out.extend_from_slice(line.whole),
            _ => {}
        }
    }
}

/// Appends a response without body.
pub fn plain(out: &mut Vec<u8>, request: &[u8], status_line: &str, tag: &[u8]) {
    put!(out, "SIP/2.0 ", status_line, "\r\n");
    repeat_headers(out, request, tag);
    put!(out, "Content-Length: 0\r\n\r\n");
}

/// Challenges every REGISTER without credentials and takes every other.
struct Registrar;

impl Handler for Registrar {
    fn packet(&mut self, io: &mut Io, sock: usize, bytes: &[u8], from: SocketAddrV4) {
        if !bytes.starts_with(b"REGISTER ") {
            return;
        }
        let authorized = lines(bytes).any(|line| line.name == Name::Credentials);
        io.socks[sock].push(from, |out| {
            put!(out, if authorized { "SIP/2.0 200 OK\r\n" } else { "SIP/2.0 401 Unauthorized\r\n" });
            repeat_headers(out, bytes, b"r");
            if authorized {
                lines(bytes).filter(|line| line.name == Name::Contact).for_each(|line| out.extend_from_slice(line.whole));
            } else {
                put!(out, "WWW-Authenticate: Digest realm=\"direct\", nonce=\"6f1d7a2c9be04c3f8d21\", qop=\"auth\", algorithm=MD5\r\n");
            }
            put!(out, "Content-Length: 0\r\n\r\n");
        });
    }
}

/// A registrar on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct RegistrarThread {
    /// Where it listens.
    pub address: SocketAddrV4,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RegistrarThread {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start() -> anyhow::Result<Self> {
        let sock = Sock::bind(SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0))?;
        let address = sock.local();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        // `Net` is made on the thread because its buffers stay there.
        let thread = std::thread::Builder::new().name("registrar".into()).spawn(move || {
            let Ok(mut net) = Net::new(vec![sock]) else { return };
            while !asked.load(Ordering::Relaxed) && net.turn(Duration::from_millis(20), &mut Registrar).is_ok() {}
        })?;
        Ok(RegistrarThread { address, stop, thread: Some(thread) })
    }
}

impl Drop for RegistrarThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
