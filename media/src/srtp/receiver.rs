use super::cipher::{Cipher, Place};
use super::derive::Use;
use super::key::MasterKey;
use super::replay::Window;
use super::{SrtpError, limits, rtp_header, u16_at, u32_at};

/// Bytes of the largest packet that may be tried twice.
const RETRY: usize = crate::rtp::limits::PACKET;

/// Opens the packets of a peer.
pub struct Receiver {
    rtp: Cipher,
    rtcp: Cipher,
    streams: Streams,
    reports: Streams,
}

impl Receiver {
    /// With this key. `None` if the key can't be used, which its construction rules out.
    pub fn new(key: &MasterKey) -> Option<Receiver> {
        Some(Receiver {
            rtp: Cipher::new(key, Use::Rtp)?,
            rtcp: Cipher::new(key, Use::Rtcp)?,
            streams: Streams::default(),
            reports: Streams::default(),
        })
    }

    /// Goes on where the peer's streams were under its last key. RFC 3711 §3.3.1 keeps the rollover counter then, most phones
    /// begin anew; what the first packet proves is taken.
    pub fn continuing(mut self, before: &Receiver) -> Receiver {
        self.streams.doubtful = before.streams.rocs();
        self
    }

    /// Opens an RTP packet in place. Answers its length without the tag.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let malformed = SrtpError::Malformed(packet.len());
        let head = rtp_header(packet).ok_or(malformed)?;
        let (sequence, ssrc) = u16_at(packet, 2).zip(u32_at(packet, 8)).ok_or(malformed)?;
        let end = packet.len().checked_sub(self.rtp.tag()).filter(|end| *end >= head).ok_or(malformed)?;
        if let Some(window) = self.streams.of(ssrc) {
            let index = window.index_of(sequence).ok_or(SrtpError::Replayed(u64::from(sequence)))?;
            window.check(index)?;
            self.open_rtp(packet, head, end, ssrc, index)?;
            self.streams.note(ssrc, index);
            return Ok(end);
        }
        let first = self.open_first(packet, head, end, ssrc, sequence)?;
        self.streams.begin(ssrc, first);
        Ok(end)
    }

    /// The first packet of a stream says where it begins: its rollover counter is 0, or what it was before a new key.
    fn open_first(&mut self, packet: &mut [u8], head: usize, end: usize, ssrc: u32, sequence: u16) -> Result<u64, SrtpError> {
        let roc = self.streams.doubtful.iter().flatten().find(|(known, roc)| *known == ssrc && *roc > 0).map(|(_, roc)| *roc);
        let Some(roc) = roc else {
            let index = u64::from(sequence);
            return self.open_rtp(packet, head, end, ssrc, index).map(|()| index);
        };
        // A failed attempt of GCM leaves nothing of the packet.
        let mut copy = [0u8; RETRY];
        let mut kept = if self.rtp.fails_clean() { None } else { copy.get_mut(..packet.len()) };
        if let Some(kept) = &mut kept {
            kept.copy_from_slice(packet);
        }
        let index = (u64::from(roc) << 16) | u64::from(sequence);
        if self.open_rtp(packet, head, end, ssrc, index).is_ok() {
            return Ok(index);
        }
        if let Some(kept) = kept {
            packet.copy_from_slice(kept);
        }
        let index = u64::from(sequence);
        self.open_rtp(packet, head, end, ssrc, index).map(|()| index)
    }

    fn open_rtp(&self, packet: &mut [u8], head: usize, end: usize, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        if index >= limits::RTP_INDICES {
            return Err(SrtpError::Exhausted);
        }
        let place = Place { ssrc, index, trailer: ((index >> 16) as u32).to_be_bytes() };
        let malformed = SrtpError::Malformed(packet.len());
        let (head, rest) = packet.split_at_mut_checked(head).ok_or(malformed)?;
        let body = end.checked_sub(head.len()).ok_or(malformed)?;
        match self.rtp {
            Cipher::Gcm { .. } => self.rtp.open(place, head, rest, &[], Use::Rtp),
            Cipher::Counter { .. } => {
                let (body, tag) = rest.split_at_mut_checked(body).ok_or(malformed)?;
                self.rtp.open(place, head, body, tag, Use::Rtp)
            }
        }
    }

    /// Opens an RTCP packet in place. Answers its length without index and tag.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let malformed = SrtpError::Malformed(packet.len());
        let tag = self.rtcp.tag();
        let end = packet.len().checked_sub(tag + 4).filter(|end| *end >= 8).ok_or(malformed)?;
        let is_gcm = matches!(self.rtcp, Cipher::Gcm { .. });
        let word_at = if is_gcm { end + tag } else { end };
        let (ssrc, word) = u32_at(packet, 4).zip(u32_at(packet, word_at)).ok_or(malformed)?;
        // Unencrypted SRTCP would have to be agreed on (RFC 4568 §6.3.2), and never is.
        if word >> 31 == 0 {
            return Err(malformed);
        }
        let index = u64::from(word & 0x7FFF_FFFF);
        let known = self.reports.of(ssrc);
        if let Some(window) = known {
            window.check(index)?;
        }
        let place = Place { ssrc, index, trailer: word.to_be_bytes() };
        let (head, rest) = packet.split_at_mut_checked(8).ok_or(malformed)?;
        let body = rest.get_mut(..if is_gcm { end - 8 + tag } else { end - 8 + 4 + tag }).ok_or(malformed)?;
        if is_gcm {
            self.rtcp.open(place, head, body, &[], Use::Rtcp)?;
        } else {
            let (body, trailer) = body.split_at_mut_checked(end - 8).ok_or(malformed)?;
            self.rtcp.open(place, head, body, trailer.get(4..).ok_or(malformed)?, Use::Rtcp)?;
        }
        match known {
            Some(_) => self.reports.note(ssrc, index),
            None => self.reports.begin(ssrc, index),
        }
        Ok(end)
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// The peer's SSRCs, the last heard first. Only what has proved the key is in here.
#[derive(Debug, Default)]
struct Streams {
    known: [Option<(u32, Window)>; limits::SSRCS],
    /// SSRCs and rollover counters under the key before this one.
    doubtful: [Option<(u32, u32)>; limits::SSRCS],
}

impl Streams {
    fn of(&self, ssrc: u32) -> Option<Window> {
        self.known.iter().flatten().find(|(known, _)| *known == ssrc).map(|(_, window)| *window)
    }

    fn note(&mut self, ssrc: u32, index: u64) {
        let Some(place) = self.known.iter().position(|one| one.is_some_and(|(known, _)| known == ssrc)) else { return };
        if let Some((_, window)) = self.known.get_mut(place).and_then(Option::as_mut) {
            window.note(index);
        }
        if let Some(before) = self.known.get_mut(..=place) {
            before.rotate_right(1);
        }
    }

    fn begin(&mut self, ssrc: u32, index: u64) {
        self.known.rotate_right(1);
        self.known[0] = Some((ssrc, Window::starting(index)));
    }

    fn rocs(&self) -> [Option<(u32, u32)>; limits::SSRCS] {
        if self.known.iter().all(Option::is_none) {
            return self.doubtful;
        }
        self.known.map(|one| one.map(|(ssrc, window)| (ssrc, window.roc())))
    }
}
