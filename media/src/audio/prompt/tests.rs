use hound::{WavSpec, WavWriter};

use super::*;
use crate::audio::{Law, goertzel};

/// Two seconds of 440 Hz at a quarter of full scale.
fn write(path: &Path, rate: u32, channels: u16, bits: u16, format: SampleFormat) {
    let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..2 * rate {
        let value = 0.25 * (std::f64::consts::TAU * 440.0 * f64::from(n) / f64::from(rate)).sin();
        for _ in 0..channels {
            match format {
                SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                SampleFormat::Int => writer.write_sample((value * f64::from(1u32 << (bits - 1))) as i32).unwrap(),
            }
        }
    }
    writer.finalize().unwrap();
}

fn sound(clip: &Clip) -> Vec<i16> {
    (0..clip.frames()).flat_map(|n| clip.frame(Law::A, n).unwrap()).map(|code| Law::A.decode(*code)).collect()
}

#[test]
fn every_usual_format_becomes_the_same_sound() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        (8_000, 1, 8, SampleFormat::Int),
        (8_000, 1, 16, SampleFormat::Int),
        (11_025, 1, 16, SampleFormat::Int),
        (16_000, 2, 16, SampleFormat::Int),
        (44_100, 2, 24, SampleFormat::Int),
        (48_000, 1, 32, SampleFormat::Float),
    ];
    for (rate, channels, bits, format) in formats {
        let path = folder.path().join(format!("{rate}-{channels}-{bits}.wav"));
        write(&path, rate, channels, bits, format);
        let clip = load(&path).unwrap();
        assert!((100..=101).contains(&clip.frames()), "{rate} Hz: {} frames", clip.frames());
        let middle = sound(&clip)[2000..14_000].to_vec();
        // A quarter of full scale: +3.17 - 12.04 dBm0.
        let level = goertzel::level_dbm0(&middle, 440.0);
        assert!((level + 8.87).abs() < 0.5, "{rate} Hz {channels} ch {bits} bit: {level} dBm0");
    }
}

#[test]
fn an_image_above_the_band_is_filtered_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("high.wav");
    let spec = WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    for n in 0..48_000 {
        writer.write_sample((8000.0 * (std::f64::consts::TAU * 7000.0 * f64::from(n) / 48_000.0).sin()) as i16).unwrap();
    }
    writer.finalize().unwrap();
    let heard = sound(&load(&path).unwrap());
    assert!(goertzel::level_dbm0(&heard[800..7200], 1000.0) < -50.0, "7 kHz would fold down to 1 kHz");
}

#[test]
fn a_bad_file_is_refused_with_its_name_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = load(&folder.path().join("none.wav")).unwrap_err().to_string();
    assert!(missing.contains("none.wav"), "{missing}");

    let text = folder.path().join("text.wav");
    std::fs::write(&text, "this is no sound").unwrap();
    assert!(load(&text).unwrap_err().to_string().contains("not a usable WAV file"));

    let cut = folder.path().join("cut.wav");
    write(&cut, 8000, 1, 16, SampleFormat::Int);
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(load(&cut), Err(PromptError::Malformed { .. })));

    let slow = folder.path().join("slow.wav");
    write(&slow, 2000, 1, 16, SampleFormat::Int);
    assert_eq!(load(&slow).unwrap_err().to_string(), format!("{}: sampling rate in Hz is 2000, allowed is 4000 to 192000", slow.display()));

    let empty = folder.path().join("empty.wav");
    let spec = WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    WavWriter::create(&empty, spec).unwrap().finalize().unwrap();
    assert!(load(&empty).is_err());
}
