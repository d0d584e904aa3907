use super::cipher::{Cipher, Place};
use super::derive::Use;
use super::key::MasterKey;
use super::replay::Window;
use super::{SrtpError, limits, rtp_header, u16_at, u32_at};

/// Protects the packets of one stream of ours.
pub struct Sender {
    rtp: Cipher,
    rtcp: Cipher,
    /// The SSRC and what of it was sent: an index that went twice with other contents would give the key stream away.
    sent: Option<(u32, Window)>,
    reports: u32,
}

impl Sender {
    /// With this key. `None` if the key can't be used, which its construction rules out.
    pub fn new(key: &MasterKey) -> Option<Sender> {
        Some(Sender { rtp: Cipher::new(key, Use::Rtp)?, rtcp: Cipher::new(key, Use::Rtcp)?, sent: None, reports: 0 })
    }

    /// Goes on where the stream was under its last key: the rollover counter is not begun anew (RFC 3711 §3.3.1). Nor are the
    /// numbers of reports, so that a key that comes back is not used twice for the same number.
    pub fn continuing(mut self, before: &Sender) -> Sender {
        self.sent = before.sent;
        self.reports = before.reports;
        self
    }

    /// Protects the RTP packet in the first `length` bytes of the buffer. Answers its new length.
    pub fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let malformed = SrtpError::Malformed(length);
        let packet = buffer.get(..length).ok_or(malformed)?;
        let head = rtp_header(packet).ok_or(malformed)?;
        let (sequence, ssrc) = u16_at(packet, 2).zip(u32_at(packet, 8)).ok_or(malformed)?;
        let end = length + self.rtp.tag();
        if end > buffer.len() {
            return Err(SrtpError::NoRoom(length));
        }
        let index = match &self.sent {
            Some((known, window)) if *known == ssrc => {
                let index = window.index_of(sequence).ok_or(SrtpError::Replayed(u64::from(sequence)))?;
                window.check(index)?;
                index
            }
            // Another SSRC under the same key would need counters of its own; we have one stream per leg.
            Some(_) => return Err(malformed),
            None => u64::from(sequence),
        };
        if index >= limits::RTP_INDICES {
            return Err(SrtpError::Exhausted);
        }
        let place = Place { ssrc, index, trailer: ((index >> 16) as u32).to_be_bytes() };
        seal(&self.rtp, place, buffer, head, length, end, Use::Rtp)?;
        self.sent.get_or_insert((ssrc, Window::starting(index))).1.note(index);
        Ok(end)
    }

    /// Protects the RTCP packet in the first `length` bytes of the buffer. Answers its new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let malformed = SrtpError::Malformed(length);
        let ssrc = buffer.get(..length).and_then(|packet| u32_at(packet, 4)).ok_or(malformed)?;
        let end = length + self.rtcp.tag() + 4;
        if end > buffer.len() {
            return Err(SrtpError::NoRoom(length));
        }
        if self.reports >= limits::RTCP_INDICES {
            return Err(SrtpError::Exhausted);
        }
        // The top bit says that it is encrypted (RFC 3711 §3.4).
        let word = (self.reports | 1 << 31).to_be_bytes();
        let place = Place { ssrc, index: u64::from(self.reports), trailer: word };
        // GCM has its tag before that word, the others behind it (RFC 7714 §9.2).
        let (tag_at, word_at) = match &self.rtcp {
            Cipher::Gcm { .. } => (length, length + self.rtcp.tag()),
            Cipher::Counter { .. } => (length + 4, length),
        };
        buffer.get_mut(word_at..word_at + 4).ok_or(malformed)?.copy_from_slice(&word);
        seal(&self.rtcp, place, buffer, 8, length, tag_at + self.rtcp.tag(), Use::Rtcp)?;
        self.reports += 1;
        Ok(end)
    }
}

/// Encrypts what lies between `head` and `length`; the tag ends at `end`.
fn seal(cipher: &Cipher, place: Place, buffer: &mut [u8], head: usize, length: usize, end: usize, of: Use) -> Result<(), SrtpError> {
    let malformed = SrtpError::Malformed(length);
    let (packet, rest) = buffer.split_at_mut_checked(length).ok_or(malformed)?;
    let (head, body) = packet.split_at_mut_checked(head).ok_or(malformed)?;
    let tag = cipher.seal(place, head, body, of)?;
    let end = end.checked_sub(length).ok_or(malformed)?;
    let room = end.checked_sub(cipher.tag()).and_then(|start| rest.get_mut(start..end)).ok_or(malformed)?;
    room.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
    Ok(())
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("sent", &self.sent).finish_non_exhaustive()
    }
}
