//! WAV as others write it: RIFF chunks, linear and G.711 samples.

use super::Law;

/// Why a file is no WAV that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RiffError {
    /// No RIFF header.
    #[error("it does not begin with RIFF and WAVE")]
    NotRiff,
    /// A chunk that has to be there is not.
    #[error("it has no `{0}` chunk")]
    Missing(&'static str),
    /// A chunk is longer than what is left.
    #[error("its `{chunk}` chunk says {says} bytes, {left} are there")]
    Cut {
        /// Its name.
        chunk: String,
        /// What it says.
        says: u64,
        /// What is there.
        left: u64,
    },
    /// Samples of a kind that we do not read.
    #[error("its encoding is {found}")]
    Encoding {
        /// Which.
        found: String,
    },
}

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// Linear, of so many bytes; one byte is unsigned, more are signed.
    Linear(usize),
    G711(Law),
}

/// A WAV file in memory.
#[derive(Debug)]
pub struct Riff<'a> {
    /// Channels.
    pub channels: u16,
    /// Sampling rate in Hz.
    pub rate: u32,
    encoding: Encoding,
    data: &'a [u8],
}

impl<'a> Riff<'a> {
    /// Reads the chunks; the samples stay where they are.
    pub fn parse(bytes: &'a [u8]) -> Result<Riff<'a>, RiffError> {
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(RiffError::NotRiff);
        }
        let mut format = None;
        let mut rest = bytes.get(12..).unwrap_or_default();
        while let Some((head, body)) = rest.split_first_chunk::<8>() {
            let [a, b, c, d, size @ ..] = *head;
            let (name, says) = ([a, b, c, d], u32::from_le_bytes(size) as usize);
            // A writer that did not know the length when it began says so with all ones.
            let open = &name == b"data" && says == u32::MAX as usize;
            let taken = if open { body.len() } else { says };
            let chunk = body.get(..taken).ok_or_else(|| RiffError::Cut {
                chunk: String::from_utf8_lossy(&name).into_owned(),
                says: says as u64,
                left: body.len() as u64,
            })?;
            match (&name, format) {
                (b"fmt ", _) => format = Some(Format::parse(chunk)?),
                (b"data", Some(Format { channels, rate, encoding })) => return Ok(Riff { channels, rate, encoding, data: chunk }),
                (b"data", None) => return Err(RiffError::Missing("fmt ")),
                _ => {}
            }
            // Chunks begin at even places.
            rest = body.get(taken + taken % 2..).unwrap_or_default();
        }
        Err(RiffError::Missing(if format.is_some() { "data" } else { "fmt " }))
    }

    /// Samples per channel.
    pub fn frames(&self) -> u64 {
        (self.data.len() / (self.width() * usize::from(self.channels)).max(1)) as u64
    }

    /// All samples, channels in turn, full scale at 1.
    pub fn samples(&self) -> impl Iterator<Item = f32> {
        let encoding = self.encoding;
        self.data.chunks_exact(self.width()).map(move |bytes| encoding.read(bytes))
    }

    fn width(&self) -> usize {
        match self.encoding {
            Encoding::Linear(width) => width,
            Encoding::G711(_) => 1,
        }
    }
}

impl Encoding {
    fn read(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Encoding::G711(law), [code]) => f32::from(law.decode(*code)) / 32_768.0,
            (Encoding::Linear(1), [byte]) => (f32::from(*byte) - 128.0) / 128.0,
            (Encoding::Linear(2), [low, high]) => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
            (Encoding::Linear(3), [low, middle, high]) => i32::from_le_bytes([0, *low, *middle, *high]) as f32 / 2_147_483_648.0,
            _ => 0.0,
        }
    }
}

#[derive(Clone, Copy)]
struct Format {
    channels: u16,
    rate: u32,
    encoding: Encoding,
}

impl Format {
    fn parse(chunk: &[u8]) -> Result<Format, RiffError> {
        let word = |at: usize| chunk.get(at..at + 2).map_or(0, |field| u16::from(field[0]) | u16::from(field[1]) << 8);
        if chunk.len() < 16 {
            return Err(RiffError::Missing("fmt "));
        }
        let rate = u32::from(word(4)) | u32::from(word(6)) << 16;
        let bits = word(14);
        // The tag of WAVE_FORMAT_EXTENSIBLE is in its sub-format.
        let tag = if word(0) == 0xFFFE { word(24) } else { word(0) };
        let encoding = match (tag, bits) {
            (1, 8) => Encoding::Linear(1),
            (1, 16) => Encoding::Linear(2),
            (1, 24) => Encoding::Linear(3),
            (6, 8) => Encoding::G711(Law::A),
            (7, 8) => Encoding::G711(Law::Mu),
            (1, bits) => return Err(RiffError::Encoding { found: format!("linear {bits} bit") }),
            (3, bits) => return Err(RiffError::Encoding { found: format!("floating point {bits} bit") }),
            (2 | 17, _) => return Err(RiffError::Encoding { found: "ADPCM".to_owned() }),
            (0x55, _) => return Err(RiffError::Encoding { found: "MP3 in WAV".to_owned() }),
            (tag, bits) => return Err(RiffError::Encoding { found: format!("format {tag} with {bits} bit") }),
        };
        Ok(Format { channels: word(2), rate, encoding })
    }
}
