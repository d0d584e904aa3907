//! Encryption of one leg: what comes in is opened before anybody looks at it, what goes out is closed last.

use crate::srtp::{Receiver, Sender, SrtpError, SrtpKeys};

use super::leg::Buffer;

/// Both directions of a leg that is encrypted. A leg without one is in the clear.
#[derive(Debug)]
pub(crate) struct Guard {
    keys: SrtpKeys,
    /// Absent if the keys were of no use: then nothing goes either way, and nothing in the clear.
    pair: Option<(Sender, Receiver)>,
}

impl Guard {
    /// What a leg needs after a negotiation: the same as before if the keys are the same, for counters must go on. A new key goes
    /// on with the counters of the old one.
    pub(crate) fn follow(old: Option<Box<Guard>>, keys: Option<&SrtpKeys>) -> Option<Box<Guard>> {
        let keys = keys?;
        let (send, receive) = match old {
            Some(old) if old.keys == *keys => return Some(old),
            Some(old) => {
                let same = (old.keys.send == keys.send, old.keys.receive == keys.receive);
                let (sender, receiver) = old.pair.unzip();
                let send = match sender {
                    Some(sender) if same.0 => Some(sender),
                    Some(sender) => Sender::new(&keys.send).map(|new| new.continuing(&sender)),
                    None => Sender::new(&keys.send),
                };
                let receive = match receiver {
                    Some(receiver) if same.1 => Some(receiver),
                    Some(receiver) => Receiver::new(&keys.receive).map(|new| new.continuing(&receiver)),
                    None => Receiver::new(&keys.receive),
                };
                (send, receive)
            }
            None => (Sender::new(&keys.send), Receiver::new(&keys.receive)),
        };
        Some(Box::new(Guard { keys: keys.clone(), pair: send.zip(receive) }))
    }

    /// Opens a packet in place; answers its length.
    pub(crate) fn open(&mut self, packet: &mut [u8], is_control: bool) -> Result<usize, SrtpError> {
        let (_, receiver) = self.pair.as_mut().ok_or(SrtpError::Exhausted)?;
        if is_control { receiver.unprotect_rtcp(packet) } else { receiver.unprotect(packet) }
    }

    /// Closes the RTP packet in the first `length` bytes.
    pub(crate) fn close(&mut self, out: &mut Buffer, length: usize) -> Result<usize, SrtpError> {
        let (sender, _) = self.pair.as_mut().ok_or(SrtpError::Exhausted)?;
        sender.protect(out, length)
    }

    /// Closes the RTCP packet in the first `length` bytes.
    pub(crate) fn close_rtcp(&mut self, out: &mut Buffer, length: usize) -> Result<usize, SrtpError> {
        let (sender, _) = self.pair.as_mut().ok_or(SrtpError::Exhausted)?;
        sender.protect_rtcp(out, length)
    }
}
