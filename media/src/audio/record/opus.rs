//! Ogg Opus under way (RFC 7845): a page every write, so a file that is cut off plays up to its last page.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};

use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, MSEncoder};

use super::CHANNELS;
use super::pages::{Page, next_page};
use crate::audio::{FRAME, RATE, limits};

/// Granule positions count at 48 kHz whatever the input was (RFC 7845 §4).
const GRANULES: u64 = 48_000 / RATE as u64;

/// Which stream is which channel: each has one of its own. As one stereo stream, where a codec saves on what the channels
/// have in common, either voice could be heard behind the other (measured: above -40 dBm0).
const MAPPING: [u8; CHANNELS] = [0, 1];

/// A growing Ogg Opus file.
pub struct OpusSink<W: Write> {
    writer: PacketWriter<'static, W>,
    encoder: MSEncoder,
    serial: u32,
    /// Samples per channel before the sound begins, at 48 kHz (RFC 7845 §4.2).
    pre_skip: u64,
    /// Interleaved samples that do not fill a frame yet.
    rest: Vec<i16>,
    /// Samples per channel taken in.
    taken: u64,
    /// Packets made.
    packets: u64,
    /// The last packet, kept back: only its successor tells whether it ends the stream.
    last: Option<Vec<u8>>,
}

impl<W: Write> OpusSink<W> {
    /// Begins a stream; `serial` tells it from others.
    pub fn new(out: W, serial: u32) -> io::Result<OpusSink<W>> {
        let mut encoder = MSEncoder::new(RATE, CHANNELS as u8, 0, &MAPPING, Application::Voip).map_err(io::Error::other)?;
        encoder.set_bitrate(Bitrate::Bits(limits::RECORD_OPUS_BITRATE)).map_err(io::Error::other)?;
        encoder.set_complexity(limits::RECORD_OPUS_COMPLEXITY).map_err(io::Error::other)?;
        let lookahead = encoder.get_lookahead().map_err(io::Error::other)?;
        let pre_skip = u64::try_from(lookahead).unwrap_or(0) * GRANULES;
        let mut writer = PacketWriter::new(out);
        writer.write_packet(head(pre_skip), serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.write_packet(tags(), serial, PacketWriteEndInfo::EndPage, 0)?;
        Ok(OpusSink { writer, encoder, serial, pre_skip, rest: Vec::new(), taken: 0, packets: 0, last: None })
    }

    /// Appends samples, left and right in turn, and ends the page.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        self.taken += (samples.len() / CHANNELS) as u64;
        self.rest.extend_from_slice(samples);
        let whole = self.rest.len() / (FRAME * CHANNELS) * (FRAME * CHANNELS);
        let frames: Vec<i16> = self.rest.drain(..whole).collect();
        let count = whole / (FRAME * CHANNELS);
        for (place, frame) in frames.chunks_exact(FRAME * CHANNELS).enumerate() {
            self.encode(frame, place + 1 == count)?;
        }
        Ok(())
    }

    fn encode(&mut self, frame: &[i16], page: bool) -> io::Result<()> {
        let packet = self.encoder.encode_vec(frame, limits::RECORD_OPUS_PACKET).map_err(io::Error::other)?;
        if let Some(last) = self.last.replace(packet) {
            let end = if page { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
            self.writer.write_packet(last, self.serial, end, self.packets * FRAME as u64 * GRANULES)?;
        }
        self.packets += 1;
        Ok(())
    }

    /// Ends it: what the encoder still holds back is fetched, and the last page says where the sound ends.
    pub fn finish(mut self) -> io::Result<()> {
        let end = self.pre_skip + self.taken * GRANULES;
        while self.packets * FRAME as u64 * GRANULES < end || self.packets == 0 {
            let mut frame = std::mem::take(&mut self.rest);
            frame.resize(FRAME * CHANNELS, 0);
            self.encode(&frame, false)?;
        }
        if let Some(last) = self.last.take() {
            self.writer.write_packet(last, self.serial, PacketWriteEndInfo::EndStream, end)?;
        }
        self.writer.inner_mut().flush()
    }
}

/// RFC 7845 §5.1: version 1, two channels, pre-skip, 8 kHz at the source, no gain, mapping family 1 with uncoupled streams.
fn head(pre_skip: u64) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(u16::try_from(pre_skip).unwrap_or(0).to_le_bytes());
    head.extend(RATE.to_le_bytes());
    head.extend([0, 0, 1, CHANNELS as u8, 0]);
    head.extend(MAPPING);
    head
}

/// RFC 7845 §5.2: who made it, and no comments.
fn tags() -> Vec<u8> {
    let vendor = b"tandem";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor);
    tags.extend(0u32.to_le_bytes());
    tags
}

/// Makes a file of ours whole that was cut off anywhere: what follows the last whole page goes, and that page becomes the
/// stream's last. Answers bytes and milliseconds, or `None` if not even the headers are there.
pub fn repair(file: &mut File) -> io::Result<Option<(u64, u64)>> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(&*file);
    let (mut pages, mut length, mut pre_skip, mut granule) = (0u32, 0u64, 0u64, 0u64);
    let mut last: Option<Page> = None;
    while let Some(page) = next_page(&mut reader)? {
        if pages == 0 {
            pre_skip = page.body().get(10..12).map_or(0, |field| u64::from(field[0]) | u64::from(field[1]) << 8);
        }
        pages += 1;
        length += page.bytes.len() as u64;
        granule = page.granule().unwrap_or(granule);
        last = Some(page);
    }
    let Some(mut page) = last.filter(|_| pages >= 2) else { return Ok(None) };
    page.end_stream();
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length - page.bytes.len() as u64))?;
    file.write_all(&page.bytes)?;
    Ok(Some((length, granule.saturating_sub(pre_skip) / 48)))
}
