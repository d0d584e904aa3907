//! Readers: from any offset, while the log grows, from this process and from another.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tandem_core::log::{Batch, Durability, EventLog, FileLog, LogConfig, LogTail};

const PATIENCE: Duration = Duration::from_secs(20);

fn open(dir: &Path) -> FileLog {
    FileLog::open(LogConfig { segment_bytes: 16 << 10, durability: Durability::Os, ..LogConfig::new(dir) }).unwrap()
}

fn batch(records: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::default();
    for record in records {
        let body = format!("record {record} {}", "x".repeat((record % 700) as usize));
        batch.push(|bytes| bytes.extend_from_slice(body.as_bytes()));
    }
    batch
}

/// Reads up to `end`, waiting for what is not there yet.
fn follow(tail: &LogTail, from: u64, end: u64) {
    let mut reader = tail.reader(from);
    let deadline = Instant::now() + PATIENCE;
    let mut expected = from;
    while expected < end {
        while let Some(record) = reader.next().unwrap() {
            assert_eq!(record.offset, expected);
            assert!(record.body.starts_with(format!("record {expected} ").as_bytes()));
            expected += 1;
        }
        reader.wait(Duration::from_millis(100));
        assert!(Instant::now() < deadline, "stuck at {expected} of {end}");
    }
    assert_eq!(reader.position(), end);
}

#[test]
fn readers_in_and_out_of_the_process_see_every_record_once_while_it_is_written() {
    let home = tempfile::tempdir().unwrap();
    let mut log = open(home.path());
    let (inside, outside) = (log.tail(), LogTail::read_only(home.path()));
    thread::scope(|scope| {
        scope.spawn(|| follow(&inside, 0, 5_000));
        scope.spawn(|| follow(&inside, 1_234, 5_000));
        scope.spawn(|| follow(&outside, 0, 5_000));
        scope.spawn(|| follow(&outside, 4_321, 5_000));
        for first in (0..5_000).step_by(10) {
            log.append(&batch(first..first + 10)).unwrap();
            if first % 500 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
        }
    });
    assert_eq!(inside.end().unwrap(), 5_000);
    assert_eq!(outside.end().unwrap(), 5_000);
}

/// Small segments, many rolls, a reader that is always at the end: it never takes what is being written for damage.
#[test]
fn a_reader_in_another_process_at_the_very_end_sees_no_ghosts() {
    let home = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 4096, durability: Durability::Os, ..LogConfig::new(home.path()) };
    let mut log = FileLog::open(config).unwrap();
    let outside = LogTail::read_only(home.path());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = outside.reader(0);
            let deadline = Instant::now() + PATIENCE;
            while reader.position() < 6_000 {
                // Without a pause between two looks.
                while reader.next().unwrap().is_some() {}
                assert!(Instant::now() < deadline, "stuck at {}", reader.position());
            }
        });
        for first in (0..6_000).step_by(3) {
            log.append(&batch(first..first + 3)).unwrap();
        }
    });
}

#[test]
fn a_reader_starts_at_any_offset() {
    let home = tempfile::tempdir().unwrap();
    let mut log = open(home.path());
    for first in (0..600).step_by(3) {
        log.append(&batch(first..first + 3)).unwrap();
    }
    for from in 0..600 {
        for tail in [log.tail(), LogTail::read_only(home.path())] {
            let mut reader = tail.reader(from);
            assert_eq!(reader.next().unwrap().unwrap().offset, from);
        }
    }
    assert!(log.tail().reader(600).next().unwrap().is_none());
    assert!(log.tail().reader(9_999).next().unwrap().is_none());
}

#[test]
fn a_waiting_reader_wakes_at_a_commit_and_a_hook_is_called() {
    let home = tempfile::tempdir().unwrap();
    let mut log = open(home.path());
    let tail = log.tail();
    let seen = Arc::new(AtomicU64::new(0));
    let guard = {
        let seen = Arc::clone(&seen);
        tail.on_commit(move |end| seen.store(end, Ordering::SeqCst)).unwrap()
    };
    let waiter = thread::spawn(move || {
        let mut reader = tail.reader(0);
        reader.wait(PATIENCE) && reader.next().unwrap().is_some()
    });
    thread::sleep(Duration::from_millis(20));
    log.append(&batch(0..4)).unwrap();
    assert!(waiter.join().unwrap());
    assert_eq!(seen.load(Ordering::SeqCst), 4);
    drop(guard);
    log.append(&batch(4..5)).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 4, "a dropped guard takes the hook away");
}

#[test]
fn waiting_ends_with_the_time_and_with_the_log() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    let mut reader = log.tail().reader(0);
    assert!(!reader.wait(Duration::from_millis(5)));
    let waiter = thread::spawn(move || reader.wait(PATIENCE));
    let begun = Instant::now();
    drop(log);
    assert!(!waiter.join().unwrap());
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn an_interval_says_when_a_sync_is_due() {
    let home = tempfile::tempdir().unwrap();
    let config = LogConfig { durability: Durability::Interval(Duration::from_secs(3600)), ..LogConfig::new(home.path()) };
    let mut log = FileLog::open(config).unwrap();
    assert_eq!(log.sync_due(), None, "nothing to sync");
    log.append(&batch(0..3)).unwrap();
    assert!(log.sync_due().is_some_and(|due| due > Duration::from_secs(3000)));
    log.sync().unwrap();
    assert_eq!(log.sync_due(), None);
}
