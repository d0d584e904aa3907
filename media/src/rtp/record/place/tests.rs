use tandem_core::LegId;

use super::*;
use crate::audio::{FRAME, Law};
use crate::rtp::coding::Coding;

/// A frame of 20 ms that came at this millisecond.
fn voice(ms: u64, timestamp: u32, run: u32) -> Voice {
    Voice::new(LegId(1), run, ms * 1000, timestamp, Coding::G711(Law::A), &[0x55; FRAME])
}

fn place(placer: &mut Placer, ms: u64, timestamp: u32) -> Option<i64> {
    placer.place(&voice(ms, timestamp, 0), FRAME)
}

#[test]
fn jitter_and_disorder_do_not_move_a_voice() {
    let mut placer = Placer::default();
    let start = u32::MAX - 500;
    assert_eq!(place(&mut placer, 100, start), Some(640), "when it was spoken");
    for (n, ms) in [(1u32, 190), (3, 191), (2, 192), (4, 180), (5, 200)] {
        assert_eq!(place(&mut placer, ms, start.wrapping_add(n * 160)), Some(640 + i64::from(n) * 160));
    }
}

#[test]
fn a_packet_that_comes_twice_counts_once() {
    let mut placer = Placer::default();
    assert!(place(&mut placer, 100, 0).is_some());
    assert_eq!((place(&mut placer, 101, 0), place(&mut placer, 120, 160).is_some()), (None, true));
    assert_eq!(place(&mut placer, 121, 160), None);
}

#[test]
fn silence_that_is_not_sent_leaves_its_time() {
    let mut placer = Placer::default();
    place(&mut placer, 100, 0);
    assert_eq!(place(&mut placer, 5100, 40_000), Some(640 + 40_000));
}

#[test]
fn a_new_run_or_a_stream_from_elsewhere_begins_where_it_comes() {
    let mut placer = Placer::default();
    place(&mut placer, 100, 0);
    assert_eq!(placer.place(&voice(2100, 77_777, 1), FRAME), Some(16_640));
    assert_eq!(placer.place(&voice(3100, 5_000_000, 1), FRAME), Some(24_640), "its timestamps jumped");
    assert_eq!(placer.place(&voice(4100, 100, 1), FRAME), Some(32_640), "and back");
}

/// 1 % is a hundred times worse than telephones are; an hour's drift in 36 s.
#[test]
fn a_clock_that_runs_wrong_never_strays_beyond_the_slack_and_never_overlaps() {
    for (fast, micros) in [(true, 19_800), (false, 20_200)] {
        let mut placer = Placer::default();
        let (mut end, mut lost) = (i64::MIN, 0);
        for n in 0..5000u32 {
            let at = 1_000_000 + u64::from(n) * micros;
            let voice = Voice::new(LegId(1), 0, at, n * 160, Coding::G711(Law::A), &[0x55; FRAME]);
            let Some(position) = placer.place(&voice, FRAME) else {
                lost += 1;
                continue;
            };
            assert!(position >= end, "frame {n} lies over the one before");
            end = position + FRAME as i64;
            assert!((position - samples_at(at)).abs() <= limits::RECORD_SLACK as i64 + 2 * FRAME as i64);
        }
        // 5000 frames of 0.2 ms too much are 50 frames.
        assert!(if fast { (30..=50).contains(&lost) } else { lost == 0 }, "{lost} lost");
    }
}
