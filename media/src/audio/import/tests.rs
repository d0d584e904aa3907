use std::io::Cursor;

use super::*;
use crate::audio::record::opus::OpusSink;
use crate::audio::{Law, goertzel};

/// Two seconds of 440 Hz at a quarter of full scale, in the samples of a WAV data chunk.
fn data(rate: u32, channels: u16, write: impl Fn(f64) -> Vec<u8>) -> Vec<u8> {
    let value = |n: u32| 0.25 * (std::f64::consts::TAU * 440.0 * f64::from(n) / f64::from(rate)).sin();
    (0..2 * rate).flat_map(|n| write(value(n)).repeat(usize::from(channels))).collect()
}

fn wav_file(tag: u16, rate: u32, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut format = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(block)).to_le_bytes());
    format.extend(block.to_le_bytes());
    format.extend(bits.to_le_bytes());
    let mut out = b"RIFF\0\0\0\0WAVE".to_vec();
    // A chunk of an odd length before, as editors leave them.
    for (name, body) in [(b"LIST", &b"abc"[..]), (b"fmt ", &format), (b"data", data)] {
        out.extend(name);
        out.extend((body.len() as u32).to_le_bytes());
        out.extend(body);
        out.extend(std::iter::repeat_n(0, body.len() % 2));
    }
    out
}

fn linear(bits: u16) -> impl Fn(f64) -> Vec<u8> {
    move |value| match bits {
        8 => vec![(value * 128.0 + 128.0) as u8],
        16 => ((value * 32_768.0) as i16).to_le_bytes().to_vec(),
        _ => ((value * 8_388_608.0) as i32).to_le_bytes()[..3].to_vec(),
    }
}

fn companded(law: Law) -> impl Fn(f64) -> Vec<u8> {
    move |value| vec![law.encode((value * 32_768.0) as i16)]
}

/// What the library would load: read by another reader.
fn check(imported: &[u8], what: &str) {
    let reader = hound::WavReader::new(Cursor::new(imported)).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 8000, 16), "{what}");
    let samples: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
    assert!((15_800..=16_200).contains(&samples.len()), "{what}: {} samples", samples.len());
    // A quarter of full scale: +3.17 - 12.04 dBm0.
    let level = goertzel::level_dbm0(&samples[2000..14_000], 440.0);
    assert!((level + 8.87).abs() < 0.5, "{what}: {level} dBm0");
}

#[test]
fn every_allowed_format_becomes_the_same_prompt() {
    for rate in limits::IMPORT_RATES {
        for (channels, bits) in [(1, 8), (2, 8), (1, 16), (2, 16), (1, 24), (2, 24)] {
            let file = wav_file(1, rate, channels, bits, &data(rate, channels, linear(bits)));
            check(&import(&file).unwrap(), &format!("{rate} Hz, {channels} channels, {bits} bit"));
        }
    }
    for (tag, law) in [(6, Law::A), (7, Law::Mu)] {
        check(&import(&wav_file(tag, 8000, 1, 8, &data(8000, 1, companded(law)))).unwrap(), &format!("{law:?}"));
    }
    let mut opus = Vec::new();
    let mut sink = OpusSink::new(&mut opus, 1).unwrap();
    let samples: Vec<i16> = data(8000, 2, linear(16)).chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    sink.write(&samples).unwrap();
    sink.finish().unwrap();
    check(&import(&opus).unwrap(), "Ogg Opus");
}

#[test]
fn samples_that_fit_already_stay_bit_by_bit() {
    let data: Vec<u8> = (0..8000i32).flat_map(|n| ((n * 8 - 32_000) as i16).to_le_bytes()).collect();
    assert_eq!(import(&wav_file(1, 8000, 1, 16, &data)).unwrap()[44..], data);
}

#[test]
fn what_is_not_allowed_is_said_with_what_would_be() {
    let wrong = |file: &[u8]| import(file).unwrap_err().to_string();
    let second = vec![0; 16_000];
    assert_eq!(
        wrong(&wav_file(1, 12_000, 1, 16, &second)),
        "sampling rate in Hz: found 12000, allowed 8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000"
    );
    assert_eq!(wrong(&wav_file(1, 8000, 6, 16, &second)), "channels: found 6, allowed up to 2");
    assert_eq!(wrong(&wav_file(1, 8000, 0, 16, &second)), "channels: found 0, allowed up to 2");
    assert_eq!(
        wrong(&wav_file(3, 8000, 1, 32, &second)),
        "encoding: found floating point 32 bit, allowed linear 8, 16 or 24 bit, A-law, mu-law"
    );
    assert_eq!(wrong(&wav_file(1, 8000, 1, 16, &vec![0; 16_000 * 601])), "seconds: found 601, allowed up to 600");
    assert_eq!(wrong(&wav_file(1, 8000, 1, 16, &[])), "the file holds no sound");
    assert_eq!(wrong(b"ID3\x04"), "the file is MP3; WAV and Ogg Opus are allowed");
    assert_eq!(wrong(b""), "the file is empty; WAV and Ogg Opus are allowed");
    let mut vorbis = b"OggS\0\x02".to_vec();
    vorbis.resize(28, 0);
    vorbis.extend(b"\x01vorbis");
    assert!(wrong(&vorbis).contains("Ogg Vorbis"));
    let mut cut = wav_file(1, 8000, 1, 16, &second);
    cut.truncate(1000);
    assert_eq!(wrong(&cut), "the file can't be read: its `data` chunk says 16000 bytes, 944 are there");
    let huge = [b"RIFF\0\0\0\0WAVE".to_vec(), vec![0; limits::IMPORT_BYTES]].concat();
    assert!(matches!(import(&huge), Err(ImportError::TooLarge { .. })));
}

#[test]
fn any_bytes_are_survived() {
    let mut opus = Vec::new();
    let mut sink = OpusSink::new(&mut opus, 1).unwrap();
    sink.write(&[500; 16_000]).unwrap();
    sink.finish().unwrap();
    let files = [wav_file(1, 16_000, 2, 24, &[7; 6000]), wav_file(7, 8000, 1, 8, &[7; 300]), opus];
    let mut seed = 3u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
    for round in 0..3000 {
        let mut file = files[round % files.len()].clone();
        for _ in 0..1 + random(6) {
            let place = random(file.len().min(if round % 2 == 0 { 100 } else { usize::MAX }));
            file[place] = random(256) as u8;
        }
        file.truncate(if random(4) == 0 { random(file.len()) } else { file.len() });
        let _ = import(&file);
    }
}
