use std::time::Duration;

use super::*;

fn event(event: u8, end: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [event, if end { 0x8A } else { 0x0A }, high, low]
}

fn keys(ended: impl IntoIterator<Item = Option<KeyPress>>) -> Vec<(char, u32)> {
    ended.into_iter().flatten().map(|key| (key.digit, key.duration_ms())).collect()
}

#[test]
fn a_press_is_reported_once_at_its_first_end_packet() {
    let (mut reader, now) = (DigitReader::default(), Instant::now());
    for duration in [160, 320, 480, 640] {
        assert!(keys(reader.packet(now, 1000, &event(5, false, duration))).is_empty());
    }
    assert_eq!(keys(reader.packet(now, 1000, &event(5, true, 800))), [('5', 100)]);
    assert!(keys(reader.packet(now, 1000, &event(5, true, 800))).is_empty());
    assert!(keys(reader.packet(now, 1000, &event(5, true, 800))).is_empty());
    assert!(keys(reader.packet(now, 1000, &event(5, false, 640))).is_empty(), "a late packet does not press again");
    assert_eq!(keys([reader.timeout(now + Duration::from_secs(1))]), []);
}

#[test]
fn the_same_key_twice_is_two_presses() {
    let (mut reader, now) = (DigitReader::default(), Instant::now());
    assert_eq!(keys(reader.packet(now, 1000, &event(1, true, 400))), [('1', 50)]);
    assert_eq!(keys(reader.packet(now, 3000, &event(1, true, 400))), [('1', 50)]);
}

#[test]
fn a_press_without_end_ends_with_the_next_one_or_with_time() {
    let (mut reader, now) = (DigitReader::default(), Instant::now());
    reader.packet(now, 1000, &event(11, false, 480));
    assert_eq!(keys(reader.packet(now, 5000, &event(10, true, 800))), [('#', 60), ('*', 100)]);
    reader.packet(now, 9000, &event(15, false, 160));
    assert_eq!(keys([reader.timeout(now + Duration::from_millis(199))]), []);
    assert_eq!(keys([reader.timeout(now + Duration::from_millis(200))]), [('D', 20)]);
}

#[test]
fn a_press_of_ten_seconds_comes_in_segments_and_is_one() {
    let (mut reader, now) = (DigitReader::default(), Instant::now());
    reader.packet(now, 1000, &event(3, false, 0xFFFF));
    reader.packet(now, 1000 + 0xFFFF, &event(3, false, 800));
    assert_eq!(keys(reader.packet(now, 1000 + 0xFFFF, &event(3, true, 14_465))), [('3', 10_000)]);
}

#[test]
fn nonsense_is_nothing() {
    let (mut reader, now) = (DigitReader::default(), Instant::now());
    assert!(keys(reader.packet(now, 1, &[])).is_empty());
    assert!(keys(reader.packet(now, 1, &[5, 0x80, 1])).is_empty());
    assert!(keys(reader.packet(now, 1, &event(16, true, 100))).is_empty(), "flash is no digit");
}

#[test]
fn a_restarted_stream_may_begin_at_lower_timestamps() {
    let (mut reader, now) = (DigitReader::default(), Instant::now());
    reader.packet(now, 1_000_000, &event(5, true, 800));
    assert!(reader.restart().is_none());
    assert_eq!(keys(reader.packet(now, 10, &event(6, true, 800))), [('6', 100)]);
}
