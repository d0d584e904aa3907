use super::*;

const A: Origin = Origin::Leg(LegId(1), 1);
const B: Origin = Origin::Leg(LegId(2), 1);

fn stream() -> Stream {
    Stream::new(7, 65_530, u32::MAX - 100, 8000)
}

#[test]
fn a_change_of_source_continues_the_numbers_and_advances_by_the_time_that_passed() {
    let (mut stream, start) = (stream(), Instant::now());
    let first = stream.relay(start, A, 100, 5000, false).unwrap();
    assert_eq!(first, Place { sequence: 65_530, timestamp: u32::MAX - 100, marker: true });
    let second = stream.relay(start + Duration::from_millis(20), A, 101, 5160, false).unwrap();
    assert_eq!(second.timestamp, first.timestamp.wrapping_add(160));
    let tone = stream.make(start + Duration::from_millis(60), 160, 0);
    assert_eq!(tone, Place { sequence: 65_532, timestamp: second.timestamp.wrapping_add(320), marker: true });
    let tone = stream.make(start + Duration::from_millis(80), 160, 0);
    assert!(!tone.marker);
    let other = stream.relay(start + Duration::from_millis(100), B, 40_000, 1, false).unwrap();
    assert_eq!(other, Place { sequence: 65_534, timestamp: tone.timestamp.wrapping_add(160), marker: true });
}

#[test]
fn loss_and_reordering_of_the_source_stay_visible() {
    let (mut stream, now) = (stream(), Instant::now());
    let numbers: Vec<u16> =
        [10, 11, 14, 13, 15].into_iter().map(|n| stream.relay(now, A, n, u32::from(n) * 160, false).unwrap().sequence).collect();
    assert_eq!(numbers, [65_530, 65_531, 65_534, 65_533, 65_535]);
}

#[test]
fn a_packet_from_before_the_change_is_not_sent() {
    let (mut stream, now) = (stream(), Instant::now());
    stream.make(now, 160, 0);
    assert!(stream.relay(now, A, 10, 1600, false).is_some());
    assert!(stream.relay(now, A, 9, 1440, false).is_none());
}

#[test]
fn packets_left_out_leave_no_hole() {
    let (mut stream, now) = (stream(), Instant::now());
    stream.relay(now, A, 10, 1600, false);
    stream.leave_out(A, 11);
    stream.leave_out(A, 12);
    assert_eq!(stream.relay(now, A, 13, 2080, false).unwrap().sequence, 65_531);
}

#[test]
fn a_long_relay_never_mistakes_a_packet_for_a_late_one() {
    let (mut stream, now) = (stream(), Instant::now());
    for n in 0..200_000u32 {
        assert!(stream.relay(now, A, n as u16, n * 160, false).is_some(), "packet {n}");
    }
}

#[test]
fn skipped_frames_move_the_timestamp_but_not_the_sequence() {
    let (mut stream, now) = (stream(), Instant::now());
    let first = stream.make(now, 160, 0);
    let second = stream.make(now + Duration::from_millis(60), 160, 2);
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 480);
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
}
