//! Sound that is there without any file: numbers and sentences (`@en/…`, `@zh/…`), and music to wait by (`@music`).
//!
//! The voices are made by `prompts/make.sh`; the music is computed here. A tenant replaces any of them with a file of the
//! same name in its folder.

use std::io::Cursor;

use rust_embed::RustEmbed;

use super::tone::PEAK;
use super::{Clip, RATE, ogg_opus};

#[derive(RustEmbed)]
#[folder = "prompts/built-in"]
struct Voices;

/// Name of the music.
pub const MUSIC: &str = "@music";

/// Whether there is such a sound.
pub fn exists(name: &str) -> bool {
    name == MUSIC || file_of(name).is_some_and(|file| Voices::get(&file).is_some())
}

/// A sound by its name, `@en/20` say. Decoded at each call: whoever needs it often keeps it.
pub fn clip(name: &str) -> Option<Result<Clip, String>> {
    if name == MUSIC {
        return Some(Ok(music()));
    }
    let file = Voices::get(&file_of(name)?)?;
    Some(decode(&file.data).map(|samples| Clip::new(&samples)))
}

fn file_of(name: &str) -> Option<String> {
    Some(format!("{}.opus", name.strip_prefix('@')?))
}

fn decode(bytes: &[u8]) -> Result<Vec<i16>, String> {
    let mut reader = ogg_opus::Reader::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    while reader.read(&mut samples).map_err(|error| error.to_string())? {}
    Ok(samples)
}

/// Length of a note in samples: 300 ms.
const NOTE: usize = RATE as usize * 3 / 10;
/// Notes until the next chord.
const NOTES: usize = 8;
/// C, a minor, F, G: semitones above A3, bass first.
const CHORDS: [[i32; 4]; 4] = [[-9, 3, 7, 10], [-12, 0, 3, 7], [-16, -4, 0, 8], [-14, -2, 2, 10]];
/// Which note of the chord comes when.
const PATTERN: [usize; NOTES] = [0, 1, 2, 3, 2, 1, 2, 3];

/// Broken chords, softly plucked, for ten seconds that join their own beginning: notes that are still sounding at the end go on
/// at the start.
fn music() -> Clip {
    let length = CHORDS.len() * NOTES * NOTE;
    let mut sum = vec![0f64; length];
    for (place, step) in (0..CHORDS.len() * NOTES).enumerate() {
        let chord = CHORDS[step / NOTES];
        let semitones = chord[PATTERN[step % NOTES]];
        let hz = 220.0 * 2f64.powf(f64::from(semitones) / 12.0);
        for n in 0..4 * NOTE {
            let t = n as f64 / f64::from(RATE);
            let rise = (t / 0.005).min(1.0);
            let wave = (std::f64::consts::TAU * hz * t).sin() + 0.3 * (2.0 * std::f64::consts::TAU * hz * t).sin();
            sum[(place * NOTE + n) % length] += rise * (-3.5 * t).exp() * wave;
        }
    }
    let samples: Vec<i16> = sum.iter().map(|value| (value * PEAK * 0.3).round() as i16).collect();
    Clip::new(&samples)
}

#[cfg(test)]
mod tests {
    use tandem_core::spoken::{Language, vocabulary};

    use super::*;
    use crate::audio::Law;

    #[test]
    fn every_word_that_the_core_can_say_is_there_and_sounds() {
        for language in [Language::En, Language::Zh] {
            // Voicemail says one thing more than the numbers need.
            for word in vocabulary(language).into_iter().chain(["leave_a_message"]) {
                let name = format!("{}/{word}", language.folder());
                let clip = clip(&name).unwrap_or_else(|| panic!("{name} is missing")).unwrap();
                let loudest =
                    (0..clip.frames()).flat_map(|n| clip.frame(Law::A, n).unwrap()).map(|code| Law::A.decode(*code).unsigned_abs()).max();
                assert!((8..500).contains(&clip.frames()) && loudest > Some(8000), "{name}: {} frames up to {loudest:?}", clip.frames());
            }
        }
    }

    #[test]
    fn all_voices_together_stay_small() {
        let bytes: usize = Voices::iter().map(|file| Voices::get(&file).unwrap().data.len()).sum();
        assert!(bytes < 1_000_000, "{bytes}");
    }

    #[test]
    fn the_music_goes_round_without_a_click() {
        let clip = clip(MUSIC).unwrap().unwrap();
        assert_eq!(clip.frames(), 480);
        let sound: Vec<i32> = (0..480).flat_map(|n| clip.frame(Law::Mu, n).unwrap()).map(|code| i32::from(Law::Mu.decode(*code))).collect();
        let steepest = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
        assert!((sound[0] - sound[sound.len() - 1]).abs() <= steepest);
        assert!(sound.iter().all(|sample| sample.abs() < 16_000) && sound.iter().any(|sample| sample.abs() > 2000));
    }

    #[test]
    fn nothing_else_is_there() {
        for name in ["@en/none", "@../make", "@", "en/1", ""] {
            assert!(!exists(name) && clip(name).is_none(), "{name}");
        }
    }
}
