//! How much of one frequency is in a piece of sound (Goertzel's algorithm): tone detection for tests and in-band DTMF.

use super::RATE;

/// Mean square of the component at `hz`, in 16 bit units squared: a sine of peak `p` gives `p² / 2`.
pub fn power(samples: &[i16], hz: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / f64::from(RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        let now = f64::from(*sample) + coefficient * last - before;
        before = last;
        last = now;
    }
    let energy = last * last + before * before - coefficient * last * before;
    let count = samples.len() as f64;
    (2.0 * energy / (count * count)).max(0.0)
}

/// Level of the component at `hz` in dBm0 (a full-scale sine is +3.17 dBm0); -120 for nothing at all.
pub fn level_dbm0(samples: &[i16], hz: f64) -> f64 {
    let full_scale = 32767.0 * 32767.0 / 2.0;
    (10.0 * (power(samples, hz).max(1e-6) / full_scale).log10() + 3.17).max(-120.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, peak: f64, length: usize) -> Vec<i16> {
        (0..length).map(|n| (peak * (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin()) as i16).collect()
    }

    #[test]
    fn a_sine_is_seen_at_its_frequency_and_not_elsewhere() {
        let sound = sine(770.0, 10_000.0, 1600);
        assert!((power(&sound, 770.0) / 5e7 - 1.0).abs() < 0.01);
        assert!(power(&sound, 1336.0) < 5e4);
    }

    #[test]
    fn nothing_has_no_power() {
        assert!(power(&[], 425.0) < f64::EPSILON);
        assert!(level_dbm0(&[0; 160], 425.0) <= -100.0);
    }
}
