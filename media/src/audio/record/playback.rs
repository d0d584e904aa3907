//! A recording as a listener hears it: both channels added up, from any place.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::wav::HEADER;
use crate::audio::ogg_opus::Reader;
use crate::audio::{FRAME, RATE};

/// A file under way.
pub struct Playback {
    source: Source,
    /// Samples of one channel that are added up and not played yet.
    ready: Vec<i16>,
    ended: bool,
}

enum Source {
    Wav { file: BufReader<File>, channels: usize, left: u64 },
    Opus(Box<Reader<BufReader<File>>>),
}

impl Playback {
    /// Opens a finished recording (`.wav` or `.opus`) at a place in milliseconds. The error names the file.
    pub fn open(path: &Path, from_ms: u64) -> Result<Playback, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut file = BufReader::new(File::open(path).map_err(|error| failed(&error))?);
        let source = match path.extension().and_then(|extension| extension.to_str()) {
            Some("wav") => {
                open_wav(&mut file, from_ms).map_err(|error| failed(&error)).map(|(channels, left)| Source::Wav { file, channels, left })?
            }
            Some("opus") => {
                let mut reader = Reader::new(file).map_err(|error| failed(&error))?;
                reader.seek_ms(from_ms);
                Source::Opus(Box::new(reader))
            }
            _ => return Err(failed(&"a recording ends in .wav or .opus")),
        };
        Ok(Playback { source, ready: Vec::new(), ended: false })
    }

    /// The next 20 ms, the last filled up with silence; `None` at the end.
    pub fn frame(&mut self) -> Result<Option<[i16; FRAME]>, String> {
        while self.ready.len() < FRAME && !self.ended {
            self.ended = !self.read()?;
        }
        if self.ready.is_empty() {
            return Ok(None);
        }
        let mut frame = [0; FRAME];
        let count = self.ready.len().min(FRAME);
        frame.iter_mut().zip(self.ready.drain(..count)).for_each(|(to, from)| *to = from);
        Ok(Some(frame))
    }

    fn read(&mut self) -> Result<bool, String> {
        let (samples, channels) = match &mut self.source {
            Source::Wav { file, channels, left } => {
                let mut bytes = vec![0; (2 * FRAME * *channels).min(usize::try_from(*left).unwrap_or(usize::MAX))];
                file.read_exact(&mut bytes).map_err(|error| error.to_string())?;
                *left -= bytes.len() as u64;
                let samples: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
                (samples, *channels)
            }
            Source::Opus(reader) => {
                let mut samples = Vec::new();
                if !reader.read(&mut samples).map_err(|error| error.to_string())? {
                    return Ok(false);
                }
                self.ready.extend(samples.chunks_exact(reader.channels()).map(sum));
                return Ok(true);
            }
        };
        self.ready.extend(samples.chunks_exact(channels).map(sum));
        Ok(!samples.is_empty())
    }
}

fn sum(frame: &[i16]) -> i16 {
    frame.iter().fold(0, |sum: i16, sample| sum.saturating_add(*sample))
}

/// Reads a header of ours and goes to the place; answers channels and the bytes of sound from there on.
fn open_wav(file: &mut BufReader<File>, from_ms: u64) -> Result<(usize, u64), String> {
    let mut header = [0u8; HEADER as usize];
    file.read_exact(&mut header).map_err(|error| error.to_string())?;
    let word = |at: usize| header.get(at..at + 2).map_or(0, |field| u16::from_le_bytes([field[0], field[1]]));
    let (channels, rate, bits) = (word(22), u32::from(word(24)) | u32::from(word(26)) << 16, word(34));
    if !header.starts_with(b"RIFF") || !(1..=2).contains(&channels) || rate != RATE || bits != 16 {
        return Err("not a WAV file as recordings are".to_owned());
    }
    let block = 2 * u64::from(channels);
    let length = file.get_ref().metadata().map_err(|error| error.to_string())?.len();
    let data = length.saturating_sub(HEADER).min(u64::from(word(40)) | u64::from(word(42)) << 16) / block * block;
    let skipped = from_ms.saturating_mul(u64::from(RATE) / 1000).saturating_mul(block).min(data);
    file.seek(SeekFrom::Start(HEADER + skipped)).map_err(|error| error.to_string())?;
    Ok((usize::from(channels), data - skipped))
}
