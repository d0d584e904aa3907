//! What people upload, as the prompts we play: checked once, converted once.
//!
//! WAV (linear 8, 16 and 24 bit, or G.711) and Ogg Opus become 8 kHz mono 16-bit WAV. The level stays as it is: whoever
//! made the sound knows how loud it is to be.

use super::record::wav;
use super::riff::{Riff, RiffError};
use super::{RATE, limits, ogg_opus, prompt};

/// Why an upload is no prompt: what was found, and what would do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// Too many bytes.
    #[error("the file has {found} bytes; at most {allowed} are allowed")]
    TooLarge {
        /// Its bytes.
        found: usize,
        /// How many may be.
        allowed: usize,
    },
    /// Another kind of file.
    #[error("the file is {found}; WAV and Ogg Opus are allowed")]
    UnknownKind {
        /// What it seems to be.
        found: &'static str,
    },
    /// The right kind, but broken.
    #[error("the file can't be read: {0}")]
    Malformed(String),
    /// A property beyond what is allowed.
    #[error("{what}: found {found}, allowed {allowed}")]
    NotAllowed {
        /// Which property.
        what: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        allowed: String,
    },
    /// No sound in it.
    #[error("the file holds no sound")]
    Empty,
}

impl From<RiffError> for ImportError {
    fn from(error: RiffError) -> ImportError {
        match error {
            RiffError::Encoding { found } => not_allowed("encoding", &found, "linear 8, 16 or 24 bit, A-law, mu-law"),
            other => ImportError::Malformed(other.to_string()),
        }
    }
}

/// Checks an uploaded file and makes of it a prompt as the library loads it: 8 kHz mono 16-bit WAV. Takes some milliseconds
/// per second of sound, so it belongs on a thread that may be busy.
pub fn import(bytes: &[u8]) -> Result<Vec<u8>, ImportError> {
    if bytes.len() > limits::IMPORT_BYTES {
        return Err(ImportError::TooLarge { found: bytes.len(), allowed: limits::IMPORT_BYTES });
    }
    let samples = match kind(bytes) {
        Kind::Wav => of_wav(bytes)?,
        Kind::OggOpus => of_opus(bytes)?,
        Kind::Other(found) => return Err(ImportError::UnknownKind { found }),
    };
    if samples.is_empty() {
        return Err(ImportError::Empty);
    }
    let data = samples.len() as u64 * 2;
    let mut out = wav::header(data, 1, RATE).to_vec();
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Ok(out)
}

enum Kind {
    Wav,
    OggOpus,
    Other(&'static str),
}

/// By the first bytes: what a name or a browser says of a file is not always so.
fn kind(bytes: &[u8]) -> Kind {
    let at = |place: usize, what: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(what));
    if at(0, b"RIFF") && at(8, b"WAVE") {
        return Kind::Wav;
    }
    if at(0, b"OggS") {
        // The first packet follows a page header with one segment.
        return match () {
            () if at(28, b"OpusHead") => Kind::OggOpus,
            () if at(28, b"\x01vorbis") => Kind::Other("Ogg Vorbis"),
            () if at(28, b"\x7fFLAC") => Kind::Other("Ogg FLAC"),
            () => Kind::Other("Ogg of an unknown kind"),
        };
    }
    Kind::Other(match () {
        () if bytes.is_empty() => "empty",
        () if at(0, b"ID3") || (at(0, b"\xff") && bytes.get(1).is_some_and(|byte| byte & 0xE0 == 0xE0)) => "MP3",
        () if at(0, b"fLaC") => "FLAC",
        () if at(4, b"ftyp") => "MP4",
        () if at(0, b"FORM") => "AIFF",
        () if at(0, b".snd") => "AU",
        () if at(0, b"#!AMR") => "AMR",
        () => "of an unknown kind",
    })
}

fn of_wav(bytes: &[u8]) -> Result<Vec<i16>, ImportError> {
    let riff = Riff::parse(bytes)?;
    check("channels", u64::from(riff.channels), 1, limits::IMPORT_CHANNELS)?;
    if !limits::IMPORT_RATES.contains(&riff.rate) {
        let allowed: Vec<String> = limits::IMPORT_RATES.iter().map(ToString::to_string).collect();
        return Err(not_allowed("sampling rate in Hz", &riff.rate.to_string(), &allowed.join(", ")));
    }
    let frames = riff.frames();
    check("seconds", frames.div_ceil(u64::from(riff.rate)), 0, limits::PROMPT_SECONDS as u64)?;
    let channels = usize::from(riff.channels);
    let samples: Vec<f32> = riff.samples().collect();
    let mono: Vec<f32> = samples.chunks_exact(channels.max(1)).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    if mono.is_empty() {
        return Err(ImportError::Empty);
    }
    let narrow = prompt::resample(&mono, riff.rate).map_err(ImportError::Malformed)?;
    Ok(narrow.iter().map(|sample| (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).collect())
}

fn of_opus(bytes: &[u8]) -> Result<Vec<i16>, ImportError> {
    let mut reader = ogg_opus::Reader::new(std::io::Cursor::new(bytes)).map_err(|error| ImportError::Malformed(error.to_string()))?;
    check("channels", reader.channels() as u64, 1, limits::IMPORT_CHANNELS)?;
    let channels = reader.channels();
    let (mut mono, mut piece) = (Vec::new(), Vec::new());
    while reader.read(&mut piece).map_err(|error| ImportError::Malformed(error.to_string()))? {
        let sum = |frame: &[i16]| frame.iter().map(|sample| i32::from(*sample)).sum::<i32>() / frame.len().max(1) as i32;
        mono.extend(piece.chunks_exact(channels).map(|frame| sum(frame) as i16));
        piece.clear();
        check("seconds", (mono.len() as u64).div_ceil(u64::from(RATE)), 0, limits::PROMPT_SECONDS as u64)?;
    }
    Ok(mono)
}

fn check(what: &'static str, found: u64, least: u64, most: u64) -> Result<(), ImportError> {
    let fits = (least..=most).contains(&found);
    fits.then_some(()).ok_or_else(|| not_allowed(what, &found.to_string(), &format!("up to {most}")))
}

fn not_allowed(what: &'static str, found: &str, allowed: &str) -> ImportError {
    ImportError::NotAllowed { what, found: found.to_owned(), allowed: allowed.to_owned() }
}

#[cfg(test)]
mod tests;
