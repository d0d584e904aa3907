//! Ogg Opus (RFC 7845), read from the front to 8 kHz samples.

use std::io::{Read, Seek};

use ogg::{OggReadError, PacketReader};
use opus::MSDecoder;

use super::{RATE, limits};

/// Samples at 48 kHz, which Opus counts by, per sample of ours.
const GRANULES: u64 = 48_000 / RATE as u64;
/// Longest packet in samples per channel: 120 ms (RFC 6716 §2.1.4).
const LONGEST: usize = RATE as usize * 120 / 1000;
/// A decoder that starts in the middle needs so much before its sound is right, in samples at 48 kHz (RFC 7845 §4.6).
const PRE_ROLL: u64 = 3840;

/// Why a stream can't be read.
#[derive(Debug, thiserror::Error)]
pub enum OpusError {
    /// The container is broken.
    #[error("ogg: {0}")]
    Ogg(#[from] OggReadError),
    /// A packet is no Opus.
    #[error("opus: {0}")]
    Opus(#[from] opus::Error),
    /// The first packet is no header that we know.
    #[error("opus header: {0}")]
    Head(&'static str),
}

/// A stream under way.
pub struct Reader<R: Read + Seek> {
    packets: PacketReader<R>,
    decoder: MSDecoder,
    channels: usize,
    /// Samples at 48 kHz that have gone by, those before the sound begins included.
    position: u64,
    /// Position at which the sound begins.
    begin: u64,
    out: Vec<i16>,
}

impl<R: Read + Seek> Reader<R> {
    /// Reads both headers.
    pub fn new(from: R) -> Result<Reader<R>, OpusError> {
        let mut packets = PacketReader::new(from);
        let head = packets.read_packet()?.ok_or(OpusError::Head("it ends before it"))?.data;
        let head = Head::parse(&head)?;
        let decoder = MSDecoder::new(RATE, head.streams, head.coupled, &head.mapping)?;
        let _tags = packets.read_packet()?.ok_or(OpusError::Head("it ends after the first"))?;
        let channels = head.mapping.len();
        Ok(Reader { packets, decoder, channels, position: 0, begin: head.pre_skip, out: vec![0; LONGEST * channels] })
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Goes on from this place, in milliseconds from the beginning. Only forwards.
    pub fn seek_ms(&mut self, ms: u64) {
        self.begin = self.begin.saturating_add(ms.saturating_mul(48));
    }

    /// Appends the sound of the next packet to `samples`, channels in turn; false at the end.
    pub fn read(&mut self, samples: &mut Vec<i16>) -> Result<bool, OpusError> {
        while let Some(packet) = self.packets.read_packet()? {
            let length = opus::packet::get_nb_samples(&packet.data, 48_000)? as u64;
            let before = self.position;
            self.position += length;
            // Far before the place that is wanted, packets are counted and not decoded.
            if self.position.saturating_add(PRE_ROLL) < self.begin {
                continue;
            }
            let count = self.decoder.decode(&packet.data, &mut self.out, false)?;
            let skip = (self.begin.saturating_sub(before) / GRANULES) as usize;
            let mut end = count;
            if packet.last_in_stream() {
                // The last page may end before its last packet does (RFC 7845 §4.4).
                end = end.min((packet.absgp_page().saturating_sub(before) / GRANULES) as usize);
            }
            let heard = self.out.get(skip.min(end) * self.channels..end * self.channels).unwrap_or_default();
            samples.extend_from_slice(heard);
            return Ok(true);
        }
        Ok(false)
    }
}

/// RFC 7845 §5.1.
struct Head {
    pre_skip: u64,
    streams: u8,
    coupled: u8,
    mapping: Vec<u8>,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Head, OpusError> {
        let Some(&[version, channels, low, high, _, _, _, _, _, _, family]) =
            bytes.strip_prefix(b"OpusHead").and_then(|fields| fields.first_chunk::<11>())
        else {
            return Err(OpusError::Head("it is too short or not one"));
        };
        // A greater minor version is compatible, a greater major one is not.
        if version & 0xF0 != 0 {
            return Err(OpusError::Head("of a version beyond 1"));
        }
        if !(1..=limits::OPUS_CHANNELS).contains(&channels) {
            return Err(OpusError::Head("of no or too many channels"));
        }
        let pre_skip = u64::from(u16::from_le_bytes([low, high]));
        match family {
            0 if channels <= 2 => {
                let mapping = (0..channels).collect();
                Ok(Head { pre_skip, streams: 1, coupled: channels - 1, mapping })
            }
            1 => {
                let table = bytes.get(19..).and_then(|table| table.split_first_chunk::<2>());
                let Some((&[streams, coupled], mapping)) = table else { return Err(OpusError::Head("without its mapping")) };
                let mapping = mapping.get(..usize::from(channels)).ok_or(OpusError::Head("without its mapping"))?.to_vec();
                Ok(Head { pre_skip, streams, coupled, mapping })
            }
            _ => Err(OpusError::Head("of an unknown mapping family")),
        }
    }
}
