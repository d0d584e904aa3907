//! What lies between a socket's bytes and SIP messages: TLS or nothing, then a stream to cut or a WebSocket. Without I/O.

use std::collections::VecDeque;

use bytes::Bytes;
use smol_str::SmolStr;

use super::tls::Tls;
use super::web::{Web, WebError};
use crate::sip::wire::{Frame, FrameError, Framer};

/// Why a connection has to be closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayerError {
    /// What came can't be cut into messages.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// TLS: no agreement, a wrong certificate, a broken record.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// WebSocket.
    #[error(transparent)]
    Web(#[from] WebError),
}

/// How far reading got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Read {
    /// Messages and other signs of life that were whole.
    pub(super) whole: usize,
    /// The peer said goodbye.
    pub(super) closed: bool,
}

enum Framing {
    Stream(Framer),
    Web(Box<Web>),
}

/// The layers of one connection.
pub(super) struct Layers {
    tls: Option<Box<Tls>>,
    framing: Framing,
    /// Bytes for the socket.
    out: VecDeque<Bytes>,
}

impl Layers {
    /// A plain stream of SIP messages, or one inside of TLS.
    pub(super) fn stream(tls: Option<Tls>) -> Layers {
        Layers::new(tls, Framing::Stream(Framer::default()))
    }

    /// A WebSocket that is opened by its peer.
    pub(super) fn web(tls: Option<Tls>) -> Layers {
        Layers::new(tls, Framing::Web(Box::new(Web::new())))
    }

    fn new(tls: Option<Tls>, framing: Framing) -> Layers {
        let mut layers = Layers { tls: tls.map(Box::new), framing, out: VecDeque::new() };
        layers.pump();
        layers
    }

    /// Handshakes are over: messages can go both ways.
    pub(super) fn is_ready(&self) -> bool {
        let open = match &self.framing {
            Framing::Stream(_) => true,
            Framing::Web(web) => web.is_open(),
        };
        open && self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// It is a WebSocket, which can be asked whether it is still there.
    pub(super) fn is_web(&self) -> bool {
        matches!(self.framing, Framing::Web(_))
    }

    /// A message has begun and is not whole.
    pub(super) fn is_partial(&self, read: Read) -> bool {
        match &self.framing {
            Framing::Stream(framer) => framer.is_partial() || self.tls.as_ref().is_some_and(|tls| tls.is_partial()),
            // What it holds can't be seen from outside; bytes that complete nothing are the beginning of something.
            Framing::Web(_) => read.whole == 0,
        }
    }

    /// Takes bytes from the socket and hands out messages. After an error there may be last words to send.
    pub(super) fn receive(&mut self, bytes: &[u8], origins: &[SmolStr], take: &mut impl FnMut(Bytes)) -> Result<Read, LayerError> {
        let Layers { tls, framing, out } = self;
        let mut read = Read::default();
        let result = match tls {
            None => framing.receive(bytes, origins, out, &mut read, take),
            Some(tls) => {
                let mut answers = VecDeque::new();
                let result = tls.receive(bytes, |text| framing.receive(text, origins, &mut answers, &mut read, take));
                for answer in answers {
                    // Only a session that is over refuses, and then nobody hears it.
                    let _ = tls.send(&answer);
                }
                result.map(|closed| read.closed |= closed)
            }
        };
        self.pump();
        result.map(|()| read)
    }

    /// Sends a message; only once [`Layers::is_ready`].
    pub(super) fn send(&mut self, message: Bytes) -> Result<(), LayerError> {
        match &mut self.framing {
            Framing::Stream(_) => self.write(message),
            Framing::Web(web) => {
                web.send(message)?;
                Ok(())
            }
        }?;
        self.pump();
        Ok(())
    }

    /// Asks a WebSocket's peer for a sign of life.
    pub(super) fn ping(&mut self) -> Result<(), LayerError> {
        if let Framing::Web(web) = &mut self.framing {
            web.ping()?;
        }
        self.pump();
        Ok(())
    }

    /// Says goodbye in all layers.
    pub(super) fn close(&mut self) {
        if let Framing::Web(web) = &mut self.framing {
            web.close();
        }
        self.pump();
        if let Some(tls) = &mut self.tls {
            tls.close();
        }
        self.pump();
    }

    /// The next bytes for the socket.
    pub(super) fn take_out(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    fn write(&mut self, bytes: Bytes) -> Result<(), LayerError> {
        match &mut self.tls {
            None => self.out.push_back(bytes),
            Some(tls) => tls.send(&bytes).map_err(|error| rustls::Error::General(error.to_string()))?,
        }
        Ok(())
    }

    /// Brings down what the layers have to say.
    fn pump(&mut self) {
        if let Framing::Web(web) = &mut self.framing {
            let bytes = web.take_out();
            if !bytes.is_empty() {
                // As above: only a session that is over refuses.
                let _ = self.write(Bytes::from(bytes));
            }
        }
        if let Some(tls) = &mut self.tls {
            let mut bytes = Vec::new();
            tls.take_out(&mut bytes);
            if !bytes.is_empty() {
                self.out.push_back(Bytes::from(bytes));
            }
        }
    }
}

impl Framing {
    fn receive(
        &mut self,
        bytes: &[u8],
        origins: &[SmolStr],
        out: &mut VecDeque<Bytes>,
        read: &mut Read,
        take: &mut impl FnMut(Bytes),
    ) -> Result<(), LayerError> {
        match self {
            Framing::Stream(framer) => {
                framer.push(bytes);
                while let Some(frame) = framer.next()? {
                    read.whole += 1;
                    match frame {
                        Frame::Message(message) => take(message),
                        // RFC 5626 §4.4.1.
                        Frame::Ping => out.push_back(Bytes::from_static(b"\r\n")),
                    }
                }
                Ok(())
            }
            Framing::Web(web) => match web.receive(bytes, origins, take) {
                Ok(frames) => {
                    read.whole += frames;
                    Ok(())
                }
                Err(WebError::Closed) => {
                    read.closed = true;
                    Ok(())
                }
                Err(error) => Err(error.into()),
            },
        }
    }
}
