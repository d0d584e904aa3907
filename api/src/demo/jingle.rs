//! The prompt of the demo: a few bell tones, made here so that nobody's recording is needed.

use std::io;
use std::path::Path;

/// Samples per second: what a telephone carries.
const RATE: u32 = 8_000;
/// The tune: note in Hz and the place of its beginning in milliseconds. A rising chord twice, the second time higher.
const TUNE: [(f64, u32); 9] = [
    (523.25, 0),
    (659.26, 220),
    (783.99, 440),
    (1046.5, 660),
    (587.33, 1500),
    (698.46, 1720),
    (880.0, 1940),
    (1174.66, 2160),
    (783.99, 2900),
];
/// Length in milliseconds, the last note's decay included.
const LENGTH_MS: u32 = 4_400;
/// Overtones of a bell: multiple of the note, share of loudness, seconds until it has decayed to a third.
const BELL: [(f64, f64, f64); 3] = [(1.0, 0.7, 0.45), (2.0, 0.2, 0.25), (3.0, 0.1, 0.12)];
/// Peak of one note in 16 bit, so that four that sound together stay within the range.
const PEAK: f64 = 7_000.0;

/// The jingle, 16 bit at 8 kHz.
pub fn samples() -> Vec<i16> {
    let mut sound = vec![0f64; (LENGTH_MS * RATE / 1000) as usize];
    for (hz, start_ms) in TUNE {
        let start = (start_ms * RATE / 1000) as usize;
        for (n, sample) in sound.iter_mut().skip(start).enumerate() {
            let t = n as f64 / f64::from(RATE);
            // 4 ms of rise: a hard edge clicks.
            let rise = (t / 0.004).min(1.0);
            *sample += BELL
                .iter()
                .map(|(times, share, fall)| PEAK * rise * share * (-t / fall).exp() * (std::f64::consts::TAU * hz * times * t).sin())
                .sum::<f64>();
        }
    }
    sound.iter().map(|sample| sample.clamp(-32_000.0, 32_000.0).round() as i16).collect()
}

/// Writes the jingle as a WAV file unless there is a file of that name; true if it did.
pub fn write_unless_there(path: &Path) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    // Complete before it has its name: the server may look at any time.
    let unfinished = path.with_extension("wav.new");
    let write = || -> Result<(), hound::Error> {
        let mut file = hound::WavWriter::create(&unfinished, spec)?;
        samples().into_iter().try_for_each(|sample| file.write_sample(sample))?;
        file.finalize()
    };
    write().map_err(io::Error::other)?;
    std::fs::rename(&unfinished, path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jingle_sounds_and_does_not_clip() {
        let sound = samples();
        assert_eq!(sound.len(), 35_200);
        let peak = sound.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((8_000..32_000).contains(&peak), "{peak}");
        assert!(sound[35_000..].iter().all(|sample| sample.abs() < 700), "it has faded at its end");
    }

    #[test]
    fn a_prompt_of_ones_own_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prompts/welcome.wav");
        assert!(write_unless_there(&path).unwrap());
        assert!(tandem_media::audio::prompt::load(&path).is_ok());
        std::fs::write(&path, "mine").unwrap();
        assert!(!write_unless_there(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}
