//! What was heard: frequency, level and gaps of mono audio.

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Telephone audio is sampled 8,000 times a second.
pub const RATE: u32 = 8000;
/// Length of one RTP packet in samples (20 ms).
pub const FRAME: usize = 160;
/// Below this root mean square, relative to full scale, it is silence (-40 dB).
const SILENCE: f64 = 0.01;
/// Root mean square of a sine with an amplitude of one half: the tone of phones and callers.
const VOICE: f64 = 0.3535;

/// Mono audio, 16 bits, at [`RATE`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audio {
    /// The samples.
    pub samples: Vec<i16>,
}

/// The strongest sine in a piece of audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sine {
    /// In Hz, within 5 Hz.
    pub frequency: f64,
    /// Root mean square of this sine, relative to full scale: 0.35 for an amplitude of one half.
    pub level: f64,
    /// Its share of the whole power, 0 to 1.
    pub purity: f64,
}

impl Audio {
    /// A sine with an amplitude of one half.
    pub fn sine(frequency: f64, length: Duration) -> Self {
        let count = (length.as_secs_f64() * f64::from(RATE)) as usize;
        let step = TAU * frequency / f64::from(RATE);
        let samples = (0..count).map(|n| (16383.0 * (step * n as f64).sin()) as i16).collect();
        Audio { samples }
    }

    /// Reads a WAV file; it must be mono, 16 bits, 8 kHz.
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = hound::WavReader::open(path).with_context(|| path.display().to_string())?;
        let spec = reader.spec();
        ensure!(spec.channels == 1 && spec.sample_rate == RATE && spec.bits_per_sample == 16, "{}: {spec:?}", path.display());
        // A phone that still records has not written the length yet: what can be read counts.
        Ok(Audio { samples: reader.samples::<i16>().map_while(Result::ok).collect() })
    }

    /// A level in dBm0 relative to full scale, as [`Audio::expect_tone_at`] takes it: a full-scale sine is +3.17 dBm0 (G.711 §4).
    pub fn dbm0(level: f64) -> f64 {
        10_f64.powf((level - 3.17) / 20.0) * std::f64::consts::FRAC_1_SQRT_2
    }

    /// Writes a WAV file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(path, spec)?;
        for sample in &self.samples {
            writer.write_sample(*sample)?;
        }
        Ok(writer.finalize()?)
    }

    /// Appends G.711 mu-law bytes.
    pub fn push_mulaw(&mut self, bytes: &[u8]) {
        self.samples.extend(bytes.iter().map(|byte| mulaw_to_linear(*byte)));
    }

    /// Its length.
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(RATE))
    }

    /// A part of it: from `from` for `length`, as far as there is something.
    pub fn part(&self, from: Duration, length: Duration) -> Audio {
        let start = ((from.as_secs_f64() * f64::from(RATE)) as usize).min(self.samples.len());
        let count = (length.as_secs_f64() * f64::from(RATE)) as usize;
        let end = start.saturating_add(count).min(self.samples.len());
        Audio { samples: self.samples[start..end].to_vec() }
    }

    /// The last part of it.
    pub fn last(&self, length: Duration) -> Audio {
        self.part(self.length().saturating_sub(length), length)
    }

    /// Root mean square, relative to full scale.
    pub fn level(&self) -> f64 {
        if self.samples.is_empty() {
            return 0.0;
        }
        let sum: f64 = self.samples.iter().map(|s| (f64::from(*s) / 32768.0).powi(2)).sum();
        (sum / self.samples.len() as f64).sqrt()
    }

    /// Root mean square of one frequency by Goertzel's filter under a Hann window.
    pub fn level_at(&self, frequency: f64) -> f64 {
        let count = self.samples.len();
        if count < FRAME {
            return 0.0;
        }
        let turn = TAU * frequency / f64::from(RATE);
        let twice = 2.0 * turn.cos();
        let (mut last, mut before) = (0.0_f64, 0.0_f64);
        for (n, sample) in self.samples.iter().enumerate() {
            let window = 0.5 - 0.5 * (TAU * n as f64 / count as f64).cos();
            let now = f64::from(*sample) / 32768.0 * window + twice * last - before;
            before = last;
            last = now;
        }
        let power = (last * last + before * before - twice * last * before).max(0.0);
        // A window of mean one half takes half the amplitude; a sine has half its power in each of two bins.
        2.0 * power.sqrt() / (count as f64 * 0.5) / std::f64::consts::SQRT_2
    }

    /// The strongest sine between 100 and 3,600 Hz, looked for in the middle second; `None` in silence.
    pub fn strongest(&self) -> Option<Sine> {
        let second = Duration::from_secs(1);
        let middle = self.part(self.length().saturating_sub(second) / 2, second);
        let whole = middle.level();
        if whole < SILENCE {
            return None;
        }
        let candidates = (20..720).map(|step| f64::from(step) * 5.0);
        let (frequency, level) = candidates.map(|hz| (hz, middle.level_at(hz))).max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        Some(Sine { frequency, level, purity: (level / whole).powi(2).min(1.0) })
    }

    /// Silences of at least `least` between the first and the last sound: where they begin and how long they are.
    pub fn gaps(&self, least: Duration) -> Vec<(Duration, Duration)> {
        let block = FRAME / 2;
        let loud: Vec<bool> = self.samples.chunks(block).map(|chunk| Audio { samples: chunk.to_vec() }.level() >= SILENCE).collect();
        let (Some(first), Some(last)) = (loud.iter().position(|l| *l), loud.iter().rposition(|l| *l)) else { return Vec::new() };
        let time = |blocks: usize| Duration::from_secs_f64((blocks * block) as f64 / f64::from(RATE));
        let mut gaps = Vec::new();
        let mut start = None;
        for (place, loud) in loud.iter().enumerate().take(last + 1).skip(first) {
            match (loud, start) {
                (false, None) => start = Some(place),
                (true, Some(from)) => {
                    if time(place - from) >= least {
                        gaps.push((time(from), time(place - from)));
                    }
                    start = None;
                }
                _ => {}
            }
        }
        gaps
    }

    /// Checks that it is the tone of a phone or caller, whose amplitude is one half.
    ///
    /// # Panics
    /// If it is something else; `who` names the listener.
    #[track_caller]
    pub fn expect_tone(&self, who: &str, frequency: f64) {
        self.expect_tone_at(who, frequency, VOICE);
    }

    /// Checks that it is this tone, at this level (root mean square, relative to full scale) within the 15 % that G.711 keeps.
    ///
    /// # Panics
    /// If it is something else; `who` names the listener.
    #[track_caller]
    pub fn expect_tone_at(&self, who: &str, frequency: f64, level: f64) {
        let Some(sine) = self.strongest() else { panic!("{who} heard silence instead of {frequency} Hz ({:?} of audio)", self.length()) };
        assert!((sine.frequency - frequency).abs() <= 10.0, "{who} heard {sine:?} instead of {frequency} Hz");
        assert!(sine.purity > 0.9, "{who} heard more than the tone of {frequency} Hz: {sine:?}");
        assert!((sine.level / level - 1.0).abs() <= 0.15, "{who} heard the tone of {frequency} Hz at a wrong level: {sine:?}");
    }
}

/// One sample from G.711 mu-law (ITU-T G.711, table 2).
pub fn mulaw_to_linear(byte: u8) -> i16 {
    let bits = !byte;
    let magnitude = ((i32::from(bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7);
    let value = magnitude - 0x84;
    (if bits & 0x80 != 0 { -value } else { value }) as i16
}

/// One sample to G.711 mu-law.
pub fn linear_to_mulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = (i32::from(sample).abs().min(32635)) + 0x84;
    let exponent = (31 - magnitude.leading_zeros() as i32 - 7).clamp(0, 7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | ((exponent as u8) << 4) | mantissa as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_found_with_its_level() {
        for hz in [440.0, 1000.0, 2000.0] {
            Audio::sine(hz, Duration::from_secs(2)).expect_tone("the test", hz);
        }
        assert_eq!(Audio { samples: vec![3; 16000] }.strongest(), None);
    }

    #[test]
    fn a_mix_is_not_taken_for_a_tone() {
        let mut mix = Audio::sine(440.0, Duration::from_secs(1));
        for (sample, other) in mix.samples.iter_mut().zip(Audio::sine(1000.0, Duration::from_secs(1)).samples) {
            *sample = *sample / 2 + other / 2;
        }
        assert!(mix.strongest().unwrap().purity < 0.6);
    }

    #[test]
    fn a_gap_is_found_with_its_length() {
        let mut audio = Audio::sine(440.0, Duration::from_secs(1));
        audio.samples.extend([0; 800]);
        audio.samples.extend(Audio::sine(440.0, Duration::from_secs(1)).samples);
        let gaps = audio.gaps(Duration::from_millis(40));
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0], (Duration::from_secs(1), Duration::from_millis(100)));
    }

    #[test]
    fn mulaw_is_the_inverse_of_itself() {
        for byte in 0..=255_u8 {
            let sample = mulaw_to_linear(byte);
            assert_eq!(mulaw_to_linear(linear_to_mulaw(sample)), sample, "{byte:#x}");
        }
    }
}
