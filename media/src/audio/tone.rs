//! The tones a switch makes: one whole cadence each, as a clip that is played round and round.

use tandem_core::Tone;

use super::{Clip, RATE};

/// Peak of a sine at -10 dBm0 in 16 bit: full scale is +3.17 dBm0 (G.711 §4), so 32767 · 10^(-13.17/20).
pub const PEAK: f64 = 7193.0;
/// Highest frequency that 8 kHz sampling and a telephone's pass band carry, in Hz.
pub const MAX_HZ: u16 = 3400;
/// Rise and fall at each beep's ends in samples (5 ms): a hard edge clicks.
const RAMP: usize = 40;
/// China, Germany and most of Europe: dial, busy and ringing signals at 425 Hz (ITU-T E.180).
const SIGNAL_HZ: f64 = 425.0;

/// One period of the tone, in milliseconds of sound and of silence in turn.
fn cadence(tone: Tone) -> (f64, &'static [u32]) {
    match tone {
        Tone::Ringback => (SIGNAL_HZ, &[1000, 4000]),
        Tone::Busy => (SIGNAL_HZ, &[500, 500]),
        Tone::Congestion => (SIGNAL_HZ, &[250, 250]),
        Tone::Hold => (SIGNAL_HZ, &[100, 100, 100, 3700]),
        Tone::Beep => (1000.0, &[400, 100]),
        Tone::Sine(hz) => (f64::from(hz.clamp(1, MAX_HZ)), &[1000]),
    }
}

/// Makes one period of a tone. A [`Tone::Sine`] is one second long, so that any whole frequency closes without a seam.
pub fn clip(tone: Tone) -> Clip {
    let (hz, spans) = cadence(tone);
    let mut samples = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        let length = *span as usize * RATE as usize / 1000;
        if place % 2 == 1 {
            samples.resize(samples.len() + length, 0);
            continue;
        }
        let edges = spans.len() > 1;
        samples.extend((0..length).map(|n| {
            let edge = if edges { (n.min(length - 1 - n) as f64 / RAMP as f64).min(1.0) } else { 1.0 };
            let angle = std::f64::consts::TAU * hz * n as f64 / f64::from(RATE);
            (PEAK * edge * angle.sin()).round() as i16
        }));
    }
    Clip::new(&samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{FRAME, Law, goertzel};

    fn samples(clip: &Clip) -> Vec<i16> {
        (0..clip.frames()).flat_map(|n| clip.frame(Law::Mu, n).unwrap().to_vec()).map(|code| Law::Mu.decode(code)).collect()
    }

    #[test]
    fn busy_is_half_a_second_of_425_hz_then_half_of_silence() {
        let sound = samples(&clip(Tone::Busy));
        assert_eq!(sound.len(), 8000);
        assert!((goertzel::level_dbm0(&sound[800..3200], 425.0) + 10.0).abs() < 0.5);
        assert!(goertzel::power(&sound[4400..7600], 425.0) < 1.0);
    }

    #[test]
    fn a_sine_joins_its_own_beginning_without_a_click() {
        let sound = samples(&clip(Tone::Sine(1004)));
        let twice: Vec<i16> = sound[8000 - FRAME..].iter().chain(&sound[..FRAME]).copied().collect();
        assert!((goertzel::level_dbm0(&twice, 1004.0) + 10.0).abs() < 0.5);
        assert!(goertzel::level_dbm0(&twice, 2500.0) < -45.0, "a seam would spread energy over the band");
    }
}
