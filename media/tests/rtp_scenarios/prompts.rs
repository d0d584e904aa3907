use std::path::Path;

use tandem_core::{Audio, LegId};
use tandem_media::audio::{Law, goertzel};
use tandem_media::rtp::{MediaError, Report, RtpConfig};

use crate::rig::{Rig, config, sound};

fn write(path: &Path, seconds: f64) {
    let spec = hound::WavSpec { channels: 2, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..(16_000.0 * seconds) as u32 {
        let value = (8000.0 * (std::f64::consts::TAU * 600.0 * f64::from(n) / 16_000.0).sin()) as i16;
        writer.write_sample(value).unwrap();
        writer.write_sample(value).unwrap();
    }
    writer.finalize().unwrap();
}

fn prompt(name: &str, repeat: bool) -> Audio {
    Audio::Prompt { name: name.into(), repeat }
}

#[test]
fn a_prompt_is_heard_to_its_end_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("acme")).unwrap();
    write(&folder.path().join("acme/welcome.wav"), 0.5);
    let mut rig = Rig::new(RtpConfig { prompts: Some(folder.path().to_owned()), ..config() });
    let phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), prompt("acme/welcome", false)).unwrap();
    let heard = phone.take(100);
    assert_eq!(heard.len(), 25, "20 ms each");
    assert!(goertzel::level_dbm0(&sound(Law::A, &heard)[400..3600], 600.0) > -11.0);
    assert_eq!(rig.report(), Some(Report::PromptEnded { leg: LegId(1) }));
    rig.plane.hear(LegId(1), prompt("acme/welcome", true)).unwrap();
    assert_eq!(phone.take(60).len(), 60, "from the start again");
}

#[test]
fn a_prompt_that_is_not_there_is_reported_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(RtpConfig { prompts: Some(folder.path().to_owned()), ..config() });
    let _phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), prompt("later", false)).unwrap();
    let Some(Report::PromptFailed { leg: LegId(1), name, error }) = rig.report() else { panic!("no report") };
    assert!(name == "later" && error.contains("later.wav"), "{error}");
    write(&folder.path().join("later.wav"), 0.1);
    rig.plane.hear(LegId(1), prompt("later", false)).unwrap();
    assert_eq!(rig.report(), Some(Report::PromptEnded { leg: LegId(1) }), "tried again");
    assert!(matches!(rig.plane.hear(LegId(1), prompt("../later", false)), Err(MediaError::Prompt { .. })));
}
