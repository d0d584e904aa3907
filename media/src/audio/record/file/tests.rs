use std::io::Cursor;

use super::*;
use crate::audio::goertzel;

const ID: RecordingId = RecordingId(77);

/// A second of a tone per channel, or of silence for 0 Hz, in interleaved samples.
fn sound(left: f64, right: f64, from: usize) -> Vec<i16> {
    let sample = |hz: f64, n: usize| (8000.0 * (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin()) as i16;
    (from..from + 8000).flat_map(|n| [sample(left, n), sample(right, n)]).collect()
}

fn channels_of_wav(path: &Path) -> [Vec<i16>; 2] {
    let samples: Vec<i16> = hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect();
    std::array::from_fn(|channel| samples.iter().skip(channel).step_by(2).copied().collect())
}

/// Reads with a reader that is not ours to the last packet.
fn channels_of_ogg(path: &Path) -> [Vec<i16>; 2] {
    let mut reader = ogg::PacketReader::new(Cursor::new(std::fs::read(path).unwrap()));
    let mut decoder = ::opus::MSDecoder::new(8000, 2, 0, &[0, 1]).unwrap();
    let head = reader.read_packet_expected().unwrap().data;
    let skip = usize::from(u16::from_le_bytes([head[10], head[11]])) / 6;
    reader.read_packet_expected().unwrap();
    let (mut samples, mut end) = (Vec::new(), 0);
    while let Some(packet) = reader.read_packet().unwrap() {
        let mut out = [0i16; 2 * 960];
        let count = decoder.decode(&packet.data, &mut out, false).unwrap();
        samples.extend_from_slice(&out[..2 * count]);
        if packet.last_in_stream() {
            end = packet.absgp_page() as usize / 6;
        }
    }
    assert!(end > 0, "the stream says where it ends");
    samples.truncate(2 * end);
    std::array::from_fn(|channel| samples.iter().skip(2 * skip + channel).step_by(2).copied().collect())
}

fn check(channels: &[Vec<i16>; 2]) {
    for (place, (own, other)) in [(700.0, 1900.0), (1900.0, 700.0)].into_iter().enumerate() {
        let part = &channels[place][4000..12_000];
        let (own, other) = (goertzel::level_dbm0(part, own), goertzel::level_dbm0(part, other));
        assert!(own > -11.0 && other < -40.0, "channel {place}: own {own}, the other's {other} dBm0");
    }
}

#[test]
fn a_finished_file_has_its_name_its_length_and_both_channels() {
    let folder = tempfile::tempdir().unwrap();
    for format in [RecordingFormat::Wav, RecordingFormat::Opus] {
        let mut file = RecordingFile::create(folder.path(), "acme/2026-11/call-1", format, ID).unwrap();
        for second in 0..3 {
            let sound = sound(700.0, 1900.0, second * 8000);
            // Pieces that fill no frame.
            sound.chunks(2 * 333).for_each(|piece| file.write(piece).unwrap());
        }
        let whole = folder.path().join(format!("acme/2026-11/call-1.{}", format.extension()));
        assert!(!whole.exists(), "half a file is not taken for a recording");
        let finished = file.finish().unwrap();
        assert_eq!((finished.duration_ms, finished.bytes), (3000, std::fs::metadata(&whole).unwrap().len()));
        let channels = match format {
            RecordingFormat::Wav => channels_of_wav(&whole),
            RecordingFormat::Opus => channels_of_ogg(&whole),
        };
        assert_eq!(channels[0].len(), 24_000, "{format:?}");
        check(&channels);
        assert_eq!(
            std::fs::read_dir(whole.parent().unwrap())
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "part")
                .count(),
            0
        );
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_plays_up_to_its_last_write() {
    let mut seed = 20_261_122u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for format in [RecordingFormat::Wav, RecordingFormat::Opus] {
        for round in 0..40 {
            let folder = tempfile::tempdir().unwrap();
            let mut file = RecordingFile::create(folder.path(), "acme/x", format, ID).unwrap();
            for second in 0..4 {
                sound(700.0, 1900.0, second * 8000).chunks(8000).for_each(|piece| file.write(piece).unwrap());
            }
            let part = file.part.clone();
            drop(file);
            let length = std::fs::metadata(&part).unwrap().len();
            let cut = if round == 0 { length } else { random(length + 1) };
            OpenOptions::new().write(true).open(&part).unwrap().set_len(cut).unwrap();

            let mut found = Vec::new();
            recover(folder.path(), |recovered| found.push(recovered)).unwrap();
            let [Recovered { recording: ID, path, result }] = found.as_slice() else { panic!("{found:?}") };
            let whole = folder.path().join(path);
            assert!(!part.exists());
            let Ok(finished) = result else {
                assert!(format == RecordingFormat::Opus && cut < 200 && !whole.exists(), "{format:?} at {cut}: {result:?}");
                continue;
            };
            assert_eq!(std::fs::metadata(&whole).unwrap().len(), finished.bytes);
            // Half a second is a write, so less than that is lost of what is there.
            let least = (4000 * cut / length).saturating_sub(600);
            assert!((least..=4000).contains(&finished.duration_ms), "{format:?} at {cut} of {length}: {} ms", finished.duration_ms);
            if finished.duration_ms < 2000 {
                continue;
            }
            match format {
                RecordingFormat::Wav => check(&channels_of_wav(&whole)),
                RecordingFormat::Opus => check(&channels_of_ogg(&whole)),
            }
        }
    }
}

#[test]
fn a_path_stays_below_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["", "../x", "/etc/x", "a/../b", "a//b", ".x", "a/.x", "a b", "a\0", "ä", "1/2/3/4/5/6/7/8/9"] {
        let refused = RecordingFile::create(folder.path(), bad, RecordingFormat::Wav, ID);
        assert!(matches!(refused, Err(FileError::Path { .. })), "{bad}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_recording_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.wav"), "precious").unwrap();
    assert!(matches!(RecordingFile::create(folder.path(), "x", RecordingFormat::Wav, ID), Err(FileError::Exists(_))));
    // Not even when the name is taken meanwhile.
    let file = RecordingFile::create(folder.path(), "y", RecordingFormat::Wav, ID).unwrap();
    std::fs::write(folder.path().join("y.wav"), "precious").unwrap();
    assert!(matches!(file.finish(), Err(FileError::Exists(_))));
    assert_eq!(std::fs::read(folder.path().join("y.wav")).unwrap(), b"precious");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme"), "a file in the way").unwrap();
    let Err(error) = RecordingFile::create(folder.path(), "acme/x", RecordingFormat::Wav, ID) else { panic!("no error") };
    assert!(error.to_string().contains("acme/x.wav"), "{error}");
}
