use std::path::Path;
use std::time::Duration;

use tandem_core::recording::RecordingFormat;
use tandem_core::{Audio, LegId, RecordingId, Tone};
use tandem_media::audio::record::RecordingFile;
use tandem_media::audio::{FRAME, Law, goertzel};
use tandem_media::rtp::{MediaError, Report, RtpConfig};

use crate::rig::{Packet, Rig, config, sound};

/// A prompt of so many samples of a tone.
fn write(path: &Path, hz: f64, samples: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..samples {
        writer.write_sample((8000.0 * (std::f64::consts::TAU * hz * f64::from(n) / 8000.0).sin()) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

fn in_step(heard: &[Packet]) -> bool {
    heard.windows(2).all(|pair| {
        pair[1].sequence == pair[0].sequence.wrapping_add(1) && pair[1].timestamp.wrapping_sub(pair[0].timestamp) == FRAME as u32
    })
}

fn level(samples: &[i16], hz: f64) -> f64 {
    goertzel::level_dbm0(samples, hz)
}

#[test]
fn a_sequence_has_no_gap_ends_once_and_lets_keys_through() {
    let folder = tempfile::tempdir().unwrap();
    // 250 ms and one sample: prompts end in the middle of a frame.
    write(&folder.path().join("acme/one.wav"), 500.0, 2001);
    write(&folder.path().join("acme/two.wav"), 1100.0, 2001);
    let mut rig = Rig::new(RtpConfig { prompts: Some(folder.path().to_owned()), ..config() });
    let mut phone = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.dtmf = Some(101);
        remote
    });
    let names = vec!["acme/one".into(), "acme/two".into(), "acme/@en/20".into()];
    rig.plane.hear(LegId(1), Audio::Sequence { names, repeat: false }).unwrap();
    let mut heard = phone.take(10);
    phone.press(4, 101, 5, 3);
    heard.extend(phone.take(200));
    assert!(in_step(&heard));
    let samples = sound(Law::A, &heard);
    assert!(samples.len() > 4002 + 3000, "the built-in prompt is there, too");
    // Louder than silence at every place up to the end of the second.
    assert!(samples[..4000].chunks(40).all(|piece| piece.iter().any(|sample| sample.abs() > 3000)));
    assert!(level(&samples[1600..2000], 500.0) > -11.0 && level(&samples[2002..2402], 1100.0) > -11.0);
    assert!(matches!(rig.report(), Some(Report::Digit { leg: LegId(1), digit: '4', .. })), "heard while it played");
    assert_eq!(rig.report(), Some(Report::PromptEnded { leg: LegId(1) }));
    assert!(rig.reports.recv_timeout(Duration::from_millis(100)).is_err(), "one end");
}

#[test]
fn a_sequence_with_a_prompt_that_is_not_there_fails_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("acme/one.wav"), 500.0, 2000);
    let mut rig = Rig::new(RtpConfig { prompts: Some(folder.path().to_owned()), ..config() });
    let phone = rig.leg(1, 1, Law::A);
    let names = vec!["acme/one".into(), "acme/none".into()];
    rig.plane.hear(LegId(1), Audio::Sequence { names, repeat: true }).unwrap();
    let Some(Report::PromptFailed { leg: LegId(1), error, .. }) = rig.report() else { panic!("no report") };
    assert!(error.contains("none.wav"), "{error}");
    assert!(phone.listen(Duration::from_millis(60)).is_empty());
}

#[test]
fn everybody_hears_the_same_place_of_the_music_also_after_an_announcement() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("acme/slow.wav"), 440.0, 400);
    let mut rig = Rig::new(RtpConfig { prompts: Some(folder.path().to_owned()), ..config() });
    let music = || Audio::Music { name: "acme/@music".into() };
    let (one, other) = (rig.leg(1, 1, Law::A), rig.leg(2, 2, Law::A));
    rig.plane.hear(LegId(1), music()).unwrap();
    assert_eq!(one.take(40).len(), 40);
    rig.plane.hear(LegId(1), Audio::Prompt { name: "acme/slow".into(), repeat: false }).unwrap();
    while rig.report() != Some(Report::PromptEnded { leg: LegId(1) }) {}
    rig.plane.hear(LegId(1), music()).unwrap();
    rig.plane.hear(LegId(2), music()).unwrap();
    rig.settle();
    drop((one.listen(Duration::from_millis(60)), other.listen(Duration::from_millis(1))));
    let (first, second) = (one.take(30), other.take(60));
    // The same frames at the same time: what one hears, the other heard in the same order, and nobody hears the beginning.
    let place = second.iter().position(|packet| packet.payload == first[10].payload).expect("the same place");
    assert!(first[10..20].iter().zip(&second[place..]).all(|(one, other)| one.payload == other.payload));
}

#[test]
fn a_tenant_without_music_of_that_name_has_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(RtpConfig { prompts: Some(folder.path().to_owned()), ..config() });
    let phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), Audio::Music { name: "acme/none".into() }).unwrap();
    let samples = sound(Law::A, &phone.take(50));
    assert!(samples.len() == 8000 && samples.iter().any(|sample| sample.abs() > 1000));
    assert!(rig.reports.try_recv().is_err(), "nothing to report");
}

#[test]
fn a_recording_is_heard_from_its_place_to_its_end_with_both_voices() {
    let folder = tempfile::tempdir().unwrap();
    for format in [RecordingFormat::Wav, RecordingFormat::Opus] {
        let mut file = RecordingFile::create(folder.path(), "acme/call", format, RecordingId(5)).unwrap();
        let value = |hz: f64, n: u32| (6000.0 * (std::f64::consts::TAU * hz * f64::from(n) / 8000.0).sin()) as i16;
        // A second of 500 and 900 Hz, then one of 700 and 1300.
        let samples: Vec<i16> = (0..16_000u32)
            .flat_map(|n| if n < 8000 { [value(500.0, n), value(900.0, n)] } else { [value(700.0, n), value(1300.0, n)] })
            .collect();
        file.write(&samples).unwrap();
        file.finish().unwrap();
        let mut rig = Rig::new(RtpConfig { recordings: Some(folder.path().to_owned()), ..config() });
        let phone = rig.leg(1, 1, Law::A);
        let path = format!("acme/call.{}", format.extension());
        rig.plane.hear(LegId(1), Audio::Recording { path: path.clone().into(), from_ms: 500 }).unwrap();
        let heard = phone.take(200);
        assert_eq!(heard.len(), 75, "{format:?}");
        assert!(in_step(&heard));
        let samples = sound(Law::A, &heard);
        let (first, second) = (&samples[400..3600], &samples[4800..11_200]);
        for (hz, early) in [(500.0, true), (900.0, true), (700.0, false), (1300.0, false)] {
            assert_eq!(level(first, hz) > -16.0, early, "{format:?} {hz} Hz: {}", level(first, hz));
            assert_eq!(level(second, hz) > -16.0, !early, "{format:?} {hz} Hz: {}", level(second, hz));
        }
        assert_eq!(rig.report(), Some(Report::PromptEnded { leg: LegId(1) }));
        rig.plane.hear(LegId(1), Audio::Recording { path: path.into(), from_ms: 99_000 }).unwrap();
        assert_eq!(rig.report(), Some(Report::PromptEnded { leg: LegId(1) }), "beyond its end there is nothing");
    }
}

#[test]
fn a_recording_that_cannot_be_read_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.wav"), "no sound").unwrap();
    let mut rig = Rig::new(RtpConfig { recordings: Some(folder.path().to_owned()), ..config() });
    let _phone = rig.leg(1, 1, Law::A);
    for name in ["none.wav", "text.wav", "text.mp3"] {
        rig.plane.hear(LegId(1), Audio::Recording { path: name.into(), from_ms: 0 }).unwrap();
        let Some(Report::PromptFailed { leg: LegId(1), error, .. }) = rig.report() else { panic!("no report") };
        assert!(error.contains(name), "{error}");
    }
    let outside = rig.plane.hear(LegId(1), Audio::Recording { path: "../x.wav".into(), from_ms: 0 });
    assert!(matches!(outside, Err(MediaError::Prompt { .. })));
}

#[test]
fn a_beep_sounds_once() {
    let mut rig = Rig::new(config());
    let phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), Audio::Tone(Tone::Beep)).unwrap();
    let heard = phone.take(100);
    let samples = sound(Law::A, &heard);
    assert_eq!(heard.len(), 25, "400 ms and a breath");
    assert!(level(&samples[160..3040], 1000.0) > -11.0 && samples[3300..].iter().all(|sample| sample.abs() < 20));
    assert!(rig.reports.try_recv().is_err(), "a tone has no end to report");
}
