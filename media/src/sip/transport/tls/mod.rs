//! TLS (RFC 5246, RFC 8446) without I/O: bytes from the network in, text out, and the other way round.

mod certificate;
mod trust;

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use certificate::{CertificateError, Certificates};
pub(super) use trust::{Anchors, PeerNames};
pub use trust::{Trust, TrustError};

/// The one cryptography that is compiled in.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// One end of a TLS connection.
pub(super) struct Tls {
    session: rustls::Connection,
    record: Record,
}

impl Tls {
    pub(super) fn server(config: Arc<rustls::ServerConfig>) -> Result<Tls, rustls::Error> {
        Ok(Tls { session: rustls::ServerConnection::new(config)?.into(), record: Record::default() })
    }

    pub(super) fn client(config: Arc<rustls::ClientConfig>, name: rustls::pki_types::ServerName<'static>) -> Result<Tls, rustls::Error> {
        Ok(Tls { session: rustls::ClientConnection::new(config, name)?.into(), record: Record::default() })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// A record has begun and is not whole.
    pub(super) fn is_partial(&self) -> bool {
        self.record != Record::default()
    }

    /// Takes bytes from the network and hands out the text in them. True if the peer has said goodbye.
    pub(super) fn receive<E: From<rustls::Error>>(
        &mut self,
        mut bytes: &[u8],
        mut text: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.record.follow(bytes);
        let mut room = [0u8; 8 * 1024];
        while !bytes.is_empty() {
            // Reading from memory can't fail but for a full buffer, and everything is taken out of it in each turn.
            let taken = self.session.read_tls(&mut bytes).map_err(|error| rustls::Error::General(error.to_string()))?;
            let state = self.session.process_new_packets()?;
            loop {
                match self.session.reader().read(&mut room) {
                    Ok(0) | Err(_) => break,
                    Ok(len) => text(room.get(..len).unwrap_or_default())?,
                }
            }
            if state.peer_has_closed() {
                return Ok(true);
            }
            if taken == 0 {
                break;
            }
        }
        Ok(false)
    }

    /// Encrypts text; [`Tls::take_out`] has the bytes.
    pub(super) fn send(&mut self, text: &[u8]) -> io::Result<()> {
        // The connection bounds what it hands over, and the bytes are taken out at once.
        self.session.set_buffer_limit(None);
        self.session.writer().write_all(text)
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        self.session.send_close_notify();
    }

    /// Bytes for the network.
    pub(super) fn take_out(&mut self, out: &mut Vec<u8>) {
        while self.session.wants_write() {
            // Memory takes everything.
            if self.session.write_tls(out).is_err() {
                return;
            }
        }
    }
}

/// How far the record at hand is here (RFC 8446 §5.1): a peer that begins records and never ends them is to be noticed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record {
    head: [u8; 5],
    have: usize,
    left: usize,
}

impl Record {
    fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.head.get_mut(self.have) {
                *place = *first;
                self.have += 1;
            }
            bytes = rest;
            if self.have == self.head.len() {
                let left = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
                *self = Record { left, ..Record::default() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_record_is_found_however_it_is_cut() {
        let stream = [&[22, 3, 3, 0, 4, 1, 2, 3, 4][..], &[23, 3, 3, 0, 0], &[23, 3, 3, 1, 0], &[9; 256]].concat();
        for size in 1..stream.len() {
            let mut record = Record::default();
            stream.chunks(size).for_each(|piece| record.follow(piece));
            assert_eq!(record, Record::default(), "pieces of {size}");
            record.follow(&stream[..3]);
            assert_ne!(record, Record::default());
        }
    }
}
