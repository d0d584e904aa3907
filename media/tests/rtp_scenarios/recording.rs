use std::path::Path;
use std::time::{Duration, Instant};

use tandem_core::recording::RecordingFormat;
use tandem_core::{Audio, LegId, RecordingId};
use tandem_media::audio::{Law, goertzel};
use tandem_media::rtp::{MediaError, RecordingPlan, Report, RtpConfig};

use crate::rig::{Phone, Rig, config, sine};

const ID: RecordingId = RecordingId(42);

fn recording_rig(folder: &Path) -> Rig {
    Rig::new(RtpConfig { recordings: Some(folder.to_owned()), ..config() })
}

fn plan(left: &[u64], right: &[u64]) -> RecordingPlan {
    let legs = |legs: &[u64]| legs.iter().copied().map(LegId).collect();
    RecordingPlan { path: "acme/call".into(), format: RecordingFormat::Wav, left: legs(left), right: legs(right) }
}

/// Every phone sends its tone for so many frames, in real time.
fn talk(phones: &mut [(&mut Phone, Law, f64)], frames: usize) {
    let start = Instant::now();
    for n in 0..frames {
        for (phone, law, hz) in phones.iter_mut() {
            phone.send(&sine(*law, *hz, n));
        }
        std::thread::sleep((start + Duration::from_millis(20) * (n as u32 + 1)).saturating_duration_since(Instant::now()));
    }
}

fn ended(rig: &Rig) -> (u64, u64) {
    loop {
        match rig.report().expect("a recording's end is reported") {
            Report::RecordingEnded { recording: ID, path, duration_ms, bytes } => {
                assert_eq!(path, "acme/call.wav");
                return (duration_ms, bytes);
            }
            Report::RecordingFailed { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
}

fn channels(folder: &Path) -> [Vec<i16>; 2] {
    let samples: Vec<i16> = hound::WavReader::open(folder.join("acme/call.wav")).unwrap().into_samples().map(Result::unwrap).collect();
    std::array::from_fn(|channel| samples.iter().skip(channel).step_by(2).copied().collect())
}

#[test]
fn the_caller_is_on_the_left_and_both_agents_on_the_right() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = recording_rig(folder.path());
    let (mut caller, mut agent, mut helper) = (rig.leg(1, 1, Law::A), rig.leg(2, 1, Law::Mu), rig.leg(3, 1, Law::A));
    rig.bridge(1, 2);
    rig.plane.start_recording(ID, plan(&[1], &[2, 3])).unwrap();
    assert!(matches!(rig.report(), Some(Report::RecordingStarted { recording: ID, .. })));
    talk(&mut [(&mut caller, Law::A, 500.0), (&mut agent, Law::Mu, 900.0), (&mut helper, Law::A, 1300.0)], 75);
    rig.plane.stop_recording(ID).unwrap();
    let (duration, bytes) = ended(&rig);
    assert!((1450..1700).contains(&duration), "{duration} ms");
    assert_eq!((bytes - 44) / 32, duration);
    for (place, channel) in channels(folder.path()).iter().enumerate() {
        let part = &channel[4000..8000];
        for (hz, owner) in [(500.0, 0), (900.0, 1), (1300.0, 1)] {
            let level = goertzel::level_dbm0(part, hz);
            assert_eq!(level > -12.0, place == owner, "channel {place} at {hz} Hz: {level} dBm0");
            assert!(place == owner || level < -50.0, "channel {place} at {hz} Hz: {level} dBm0");
        }
        // One stream without seams: what is not its tone is the law's noise.
        assert!(goertzel::level_dbm0(part, 2700.0) < -45.0);
    }
}

#[test]
fn what_is_said_in_a_pause_is_not_there_and_takes_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = recording_rig(folder.path());
    let mut caller = rig.leg(1, 1, Law::A);
    rig.plane.start_recording(ID, plan(&[1], &[])).unwrap();
    talk(&mut [(&mut caller, Law::A, 500.0)], 40);
    rig.plane.pause_recording(ID).unwrap();
    talk(&mut [(&mut caller, Law::A, 1300.0)], 40);
    rig.plane.resume_recording(ID).unwrap();
    talk(&mut [(&mut caller, Law::A, 900.0)], 40);
    rig.plane.stop_recording(ID).unwrap();
    let (duration, _) = ended(&rig);
    assert!((1550..1750).contains(&duration), "{duration} ms");
    let [left, right] = channels(folder.path());
    assert!(goertzel::level_dbm0(&left, 1300.0) < -40.0, "the secret");
    assert!(goertzel::level_dbm0(&left[800..5600], 500.0) > -11.0 && goertzel::level_dbm0(&left[7200..11_200], 900.0) > -11.0);
    assert!(right.iter().all(|sample| *sample == 0));
}

#[test]
fn a_leg_that_comes_later_is_on_its_channel_and_one_that_went_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = recording_rig(folder.path());
    let (mut caller, mut first) = (rig.leg(1, 1, Law::A), rig.leg(2, 1, Law::A));
    rig.plane.start_recording(ID, plan(&[1], &[2])).unwrap();
    talk(&mut [(&mut caller, Law::A, 500.0), (&mut first, Law::A, 900.0)], 40);
    rig.plane.record_sources(ID, vec![LegId(1)], vec![LegId(3)]).unwrap();
    let mut second = rig.leg(3, 1, Law::A);
    rig.settle();
    talk(&mut [(&mut caller, Law::A, 500.0), (&mut first, Law::A, 900.0), (&mut second, Law::A, 1300.0)], 40);
    rig.plane.stop_recording(ID).unwrap();
    ended(&rig);
    let [left, right] = channels(folder.path());
    let level = |channel: &[i16], from: usize, hz| goertzel::level_dbm0(&channel[from..from + 3200], hz);
    assert!(level(&left, 800, 500.0) > -12.0 && level(&left, 8000, 500.0) > -12.0);
    assert!(level(&right, 1600, 900.0) > -12.0 && level(&right, 8400, 900.0) < -50.0);
    assert!(level(&right, 1600, 1300.0) < -50.0 && level(&right, 8400, 1300.0) > -12.0);
}

#[test]
fn a_recording_that_cannot_be_written_fails_and_the_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme"), "a file in the way").unwrap();
    let mut rig = recording_rig(folder.path());
    let (mut alice, bob) = (rig.leg(1, 1, Law::A), rig.leg(2, 1, Law::A));
    rig.bridge(1, 2);
    rig.plane.start_recording(ID, plan(&[1], &[2])).unwrap();
    let Some(Report::RecordingFailed { recording: ID, reason, .. }) = rig.report() else { panic!("no report") };
    assert!(reason.contains("acme"), "{reason}");
    alice.send(&sine(Law::A, 500.0, 0));
    assert!(bob.receive().is_some());
    rig.plane.stop_recording(ID).unwrap();
    assert_eq!(rig.plane.stop_recording(ID), Err(MediaError::NoSuchRecording(ID)));
    let mut plain = Rig::new(config());
    assert_eq!(plain.plane.start_recording(ID, plan(&[1], &[2])), Err(MediaError::NoRecorder));
}

#[test]
fn what_a_crash_cut_off_is_reported_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("acme")).unwrap();
    let mut torn = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\0\0\0\0".to_vec();
    torn.extend([1; 32_003]);
    std::fs::write(folder.path().join(format!("acme/call.wav.{ID}.part")), torn).unwrap();
    let rig = recording_rig(folder.path());
    assert_eq!(ended(&rig), (1000, 32_044));
    assert_eq!(channels(folder.path())[0].len(), 8000);
}

#[test]
fn a_plane_that_ends_ends_its_recordings_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = recording_rig(folder.path());
    let mut caller = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), Audio::Echo).unwrap();
    rig.plane.start_recording(ID, plan(&[1], &[])).unwrap();
    talk(&mut [(&mut caller, Law::A, 500.0)], 25);
    let Rig { plane, reports } = rig;
    drop(plane);
    let ended = reports.try_iter().any(|report| matches!(report, Report::RecordingEnded { duration_ms: 480.., .. }));
    assert!(ended && goertzel::level_dbm0(&channels(folder.path())[0][800..3200], 500.0) > -11.0);
}
