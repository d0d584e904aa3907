//! WAV files to clips: any usual rate, width and number of channels becomes 8 kHz mono in both laws.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};
use rubato::audioadapter::Adapter;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::{Clip, RATE, limits};

/// Why a file is no prompt. Always names the file.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Not there, or not readable.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Not a WAV file, or one that ends in the middle.
    #[error("{}: not a usable WAV file: {error}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        error: hound::Error,
    },
    /// A WAV file that is beyond a bound.
    #[error("{}: {what} is {value}, allowed is {allowed}", path.display())]
    OutOfBounds {
        /// The file.
        path: PathBuf,
        /// Which property.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What would do.
        allowed: String,
    },
    /// The resampler refused.
    #[error("{}: cannot be resampled to 8 kHz: {reason}", path.display())]
    Resample {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}

/// Loads, mixes down, resamples and encodes a WAV file. Takes milliseconds per second of sound: not for a worker thread.
pub fn load(path: &Path) -> Result<Clip, PromptError> {
    let unreadable = |error| PromptError::Unreadable { path: path.to_owned(), error };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    bound(path, "file size in bytes", size, 0..=limits::PROMPT_FILE)?;
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let malformed = |error| PromptError::Malformed { path: path.to_owned(), error };
    let mut reader = WavReader::new(file).map_err(malformed)?;
    let spec = reader.spec();
    bound(path, "number of channels", u64::from(spec.channels), 1..=u64::from(limits::PROMPT_CHANNELS))?;
    let rates = u64::from(*limits::PROMPT_RATES.start())..=u64::from(*limits::PROMPT_RATES.end());
    bound(path, "sampling rate in Hz", u64::from(spec.sample_rate), rates)?;
    let longest = limits::PROMPT_SECONDS as u64 * u64::from(spec.sample_rate);
    bound(path, "length in samples", u64::from(reader.duration()), 1..=longest)?;

    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>(),
        SampleFormat::Int => {
            let full_scale = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 / full_scale)).collect()
        }
    }
    .map_err(malformed)?;
    let channels = usize::from(spec.channels);
    let mono: Vec<f32> = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let narrow = resample(&mono, spec.sample_rate).map_err(|reason| PromptError::Resample { path: path.to_owned(), reason })?;
    let linear: Vec<i16> = narrow.iter().map(|sample| (sample * 32_767.0).round() as i16).collect();
    Ok(Clip::new(&linear))
}

fn resample(samples: &[f32], rate: u32) -> Result<Vec<f32>, String> {
    if rate == RATE {
        return Ok(samples.to_vec());
    }
    let mut resampler = Fft::<f32>::new(rate as usize, RATE as usize, 1024, 1, FixedSync::Input).map_err(|error| error.to_string())?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| error.to_string())?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|error| error.to_string())?;
    Ok((0..output.frames()).filter_map(|frame| output.read_sample(0, frame)).collect())
}

fn bound(path: &Path, what: &'static str, value: u64, allowed: std::ops::RangeInclusive<u64>) -> Result<(), PromptError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let allowed = format!("{} to {}", allowed.start(), allowed.end());
    Err(PromptError::OutOfBounds { path: path.to_owned(), what, value, allowed })
}

#[cfg(test)]
mod tests;
