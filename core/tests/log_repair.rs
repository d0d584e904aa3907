//! What the log does after a crash and after damage.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use tandem_core::log::segment::{self, FRAME_BYTES, HEADER_BYTES};
use tandem_core::log::{Batch, EventLog, FileLog, LogConfig, LogError, LogTail, verify};

fn config(dir: &Path) -> LogConfig {
    LogConfig { segment_bytes: 4096, ..LogConfig::new(dir) }
}

fn batch(records: &[&str]) -> Batch {
    let mut batch = Batch::default();
    for record in records {
        batch.push(|bytes| bytes.extend_from_slice(record.as_bytes()));
    }
    batch
}

fn read(dir: &Path) -> Result<Vec<String>, LogError> {
    let mut reader = LogTail::read_only(dir).reader(0);
    let mut all = Vec::new();
    while let Some(record) = reader.next()? {
        assert_eq!(record.offset, all.len() as u64);
        all.push(String::from_utf8(record.body.to_vec()).unwrap());
    }
    Ok(all)
}

fn last_segment(dir: &Path) -> PathBuf {
    segment::list(dir).unwrap().pop().unwrap().path
}

/// A log with three synced appends of one record each, and its only segment's bytes without the zeros behind.
fn three(dir: &Path) -> Vec<u8> {
    let mut log = FileLog::open(config(dir)).unwrap();
    for record in ["first", "second", "third"] {
        log.append(&batch(&[record])).unwrap();
    }
    drop(log);
    let mut bytes = fs::read(last_segment(dir)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes.truncate(end);
    bytes
}

#[test]
fn a_record_torn_at_any_byte_is_cut_and_the_rest_stays() {
    let home = tempfile::tempdir().unwrap();
    let whole = three(home.path());
    let last = whole.len() - FRAME_BYTES - "third".len();
    for zeros in [0, 700] {
        for cut in last..whole.len() {
            let dir = home.path().join(format!("{zeros}-{cut}"));
            fs::create_dir(&dir).unwrap();
            let mut torn = whole[..cut].to_vec();
            torn.resize(cut + zeros, 0);
            fs::write(segment::plain_path(&dir, 0), torn).unwrap();
            let mut log = FileLog::open(config(&dir)).unwrap();
            assert_eq!(log.recovered().next, 2, "cut at {cut}");
            let used = whole[..cut].iter().rposition(|byte| *byte != 0).unwrap() + 1;
            assert_eq!(log.recovered().cut_bytes, used.saturating_sub(last) as u64, "cut at {cut}");
            log.append(&batch(&["fourth"])).unwrap();
            drop(log);
            assert_eq!(read(&dir).unwrap(), ["first", "second", "fourth"], "cut at {cut}");
            assert_eq!(verify(&dir).unwrap().records, 3);
        }
    }
}

#[test]
fn whole_records_behind_the_hole_of_one_write_are_a_torn_tail_too() {
    let home = tempfile::tempdir().unwrap();
    let mut log = FileLog::open(config(home.path())).unwrap();
    log.append(&batch(&["kept"])).unwrap();
    log.append(&batch(&["one", "two", "three"])).unwrap();
    drop(log);
    let path = last_segment(home.path());
    let mut bytes = fs::read(&path).unwrap();
    // The sector with "one" did not reach the disk, the one behind it did.
    let hole = HEADER_BYTES + FRAME_BYTES + "kept".len();
    bytes[hole..hole + FRAME_BYTES + "one".len()].fill(0);
    fs::write(&path, bytes).unwrap();
    let log = FileLog::open(config(home.path())).unwrap();
    assert_eq!(log.recovered().next, 1);
    assert!(log.recovered().cut_bytes > 0);
    drop(log);
    assert_eq!(read(home.path()).unwrap(), ["kept"]);
}

#[test]
fn a_flipped_byte_before_later_commits_is_refused_with_its_position() {
    let home = tempfile::tempdir().unwrap();
    let whole = three(home.path());
    let second = HEADER_BYTES + FRAME_BYTES + "first".len();
    let third = second + FRAME_BYTES + "second".len();
    for flipped in HEADER_BYTES..third {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 0x40;
        fs::write(segment::plain_path(home.path(), 0), &bytes).unwrap();
        let record = if flipped < second { HEADER_BYTES } else { second };
        let opened = FileLog::open(config(home.path())).map(|log| log.next_offset());
        for error in
            [opened.map(|_| ()).unwrap_err(), verify(home.path()).map(|_| ()).unwrap_err(), read(home.path()).map(|_| ()).unwrap_err()]
        {
            let LogError::Damaged { path, position, .. } = &error else { panic!("byte {flipped}: {error}") };
            assert_eq!((path, *position), (&segment::plain_path(home.path(), 0), record as u64), "byte {flipped}: {error}");
        }
        assert_eq!(fs::read(segment::plain_path(home.path(), 0)).unwrap(), bytes, "refusing changes nothing");
    }
}

#[test]
fn a_damaged_header_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let whole = three(home.path());
    for flipped in 0..HEADER_BYTES {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 1;
        fs::write(segment::plain_path(home.path(), 0), &bytes).unwrap();
        assert!(matches!(FileLog::open(config(home.path())), Err(LogError::Damaged { position: 0, .. })), "byte {flipped}");
    }
}

#[test]
fn damage_in_a_sealed_segment_is_found_by_readers_and_by_verify() {
    let home = tempfile::tempdir().unwrap();
    let mut log = FileLog::open(config(home.path())).unwrap();
    let long = "x".repeat(900);
    for _ in 0..20 {
        log.append(&batch(&[&long])).unwrap();
    }
    drop(log);
    let segments = segment::list(home.path()).unwrap();
    assert!(segments.len() > 3);
    let mut bytes = fs::read(&segments[1].path).unwrap();
    bytes[HEADER_BYTES + 500] ^= 1;
    fs::write(&segments[1].path, bytes).unwrap();
    let position = HEADER_BYTES as u64;
    assert!(matches!(verify(home.path()), Err(LogError::Damaged { path, position: p, .. }) if path == segments[1].path && p == position));
    assert!(matches!(read(home.path()), Err(LogError::Damaged { path, position: p, .. }) if path == segments[1].path && p == position));
    assert!(FileLog::open(config(home.path())).is_ok(), "sealed segments are read when they are needed");
}

#[test]
fn a_missing_segment_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let mut log = FileLog::open(config(home.path())).unwrap();
    for _ in 0..20 {
        log.append(&batch(&[&"x".repeat(900)])).unwrap();
    }
    let tail = log.tail();
    let segments = segment::list(home.path()).unwrap();
    fs::remove_file(&segments[1].path).unwrap();
    let mut reader = tail.reader(0);
    let error = loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the gap was passed over"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    assert!(read(home.path()).is_err() && verify(home.path()).is_err());
}

#[test]
fn a_second_process_is_refused_and_let_in_after_the_first() {
    let home = tempfile::tempdir().unwrap();
    let log = FileLog::open(config(home.path())).unwrap();
    assert!(matches!(FileLog::open(config(home.path())), Err(LogError::Locked { .. })));
    drop(log);
    assert!(FileLog::open(config(home.path())).is_ok());
}

#[test]
fn a_segment_half_made_is_swept_away() {
    let home = tempfile::tempdir().unwrap();
    three(home.path());
    let half = home.path().join("00000000000000000003.tmp");
    fs::write(&half, b"TANDEM").unwrap();
    assert_eq!(FileLog::open(config(home.path())).unwrap().next_offset(), 3);
    assert!(!half.exists());
}

#[test]
fn records_that_no_reader_would_believe_are_refused_before_they_are_written() {
    let home = tempfile::tempdir().unwrap();
    let mut log = FileLog::open(config(home.path())).unwrap();
    let long = "x".repeat((1 << 20) + 1);
    assert!(matches!(log.append(&batch(&["good", &long])), Err(LogError::RecordSize { .. })));
    assert!(matches!(log.append(&batch(&[""])), Err(LogError::RecordSize { .. })));
    log.append(&batch(&["next", &long[1..]])).unwrap();
    drop(log);
    assert_eq!(read(home.path()).unwrap().len(), 2);
}
