//! WAV under way: after every write the header tells the truth, so a file that is cut off plays up to its last write.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::CHANNELS;
use crate::audio::RATE;

/// Bytes of the header: RIFF, `fmt ` of 16 bytes, `data`, nothing else.
pub const HEADER: u64 = 44;
/// Bytes of one sample of all channels.
pub const BLOCK: u64 = 2 * CHANNELS as u64;

/// The header for so many bytes of sound. WAV cannot say more than 4 GiB; a recording ends long before.
pub fn header(data: u64, channels: u16, rate: u32) -> [u8; HEADER as usize] {
    let data = u32::try_from(data).unwrap_or(u32::MAX - 36);
    let block = 2 * channels;
    let mut out = [0; HEADER as usize];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &data.saturating_add(36).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        &1u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &data.to_le_bytes(),
    ];
    out.iter_mut().zip(fields.concat()).for_each(|(to, from)| *to = from);
    out
}

/// A growing WAV file.
#[derive(Debug)]
pub struct WavSink<W> {
    out: W,
    data: u64,
    bytes: Vec<u8>,
}

impl<W: Write + Seek> WavSink<W> {
    /// Begins a file.
    pub fn new(mut out: W) -> io::Result<WavSink<W>> {
        out.write_all(&header(0, CHANNELS as u16, RATE))?;
        Ok(WavSink { out, data: 0, bytes: Vec::new() })
    }

    /// Appends samples, left and right in turn: first the sound, then the header that counts it.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.out.write_all(&self.bytes)?;
        self.data += self.bytes.len() as u64;
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header(self.data, CHANNELS as u16, RATE))?;
        self.out.seek(SeekFrom::End(0)).map(drop)
    }

    /// Ends it; answers the file's length in bytes.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(HEADER + self.data)
    }
}

/// Makes a file of ours whole that was cut off anywhere. Answers what it holds: bytes of the file and milliseconds.
pub fn repair(file: &mut std::fs::File) -> io::Result<(u64, u64)> {
    let length = file.metadata()?.len();
    let data = length.saturating_sub(HEADER) / BLOCK * BLOCK;
    let mut kept = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEADER).read_to_end(&mut kept)?;
    let wanted = header(data, CHANNELS as u16, RATE);
    file.set_len(HEADER + data)?;
    if kept != wanted {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&wanted)?;
    }
    Ok((HEADER + data, data / BLOCK * 1000 / u64::from(RATE)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_file_is_readable_after_every_write() {
        let mut bytes = Cursor::new(Vec::new());
        for writes in 0..4 {
            bytes = Cursor::new(Vec::new());
            let mut sink = WavSink::new(&mut bytes).unwrap();
            for n in 0..writes {
                sink.write(&[n; 320]).unwrap();
            }
            drop(sink);
            let reader = hound::WavReader::new(Cursor::new(bytes.get_ref())).unwrap();
            assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8000));
            assert_eq!(reader.duration(), 160 * u32::try_from(writes).unwrap());
        }
        assert_eq!(bytes.get_ref().len() as u64, HEADER + 3 * 640);
    }

    #[test]
    fn a_full_disk_is_an_error_not_a_lie() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl Seek for Full {
            fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
                Ok(0)
            }
        }
        let mut sink = WavSink::new(Full(1000)).unwrap();
        sink.write(&[0; 320]).unwrap();
        assert_eq!(sink.write(&[0; 320]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
