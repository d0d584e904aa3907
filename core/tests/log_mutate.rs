//! Whatever a disk makes of a log, it is repaired, refused with a position, or read: never a panic, never a false record.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fs;

use proptest::prelude::*;
use tandem_core::log::{Batch, EventLog, FileLog, LogConfig, LogError, LogTail, segment, verify};

#[derive(Debug, Clone)]
enum Harm {
    Flip(usize, u8),
    Cut(usize),
    Zero(usize, usize),
    Insert(usize, Vec<u8>),
    /// A piece of the file written over another: records in the wrong place.
    Copy(usize, usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = 0usize..3_000;
    prop_oneof![
        (place.clone(), 1u8..).prop_map(|(at, with)| Harm::Flip(at, with)),
        place.clone().prop_map(Harm::Cut),
        (place.clone(), 1usize..600).prop_map(|(at, len)| Harm::Zero(at, len)),
        (place.clone(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (place.clone(), place, 1usize..600).prop_map(|(from, to, len)| Harm::Copy(from, to, len)),
    ]
}

fn suffer(bytes: &mut Vec<u8>, harm: Harm) {
    let len = bytes.len();
    match harm {
        Harm::Flip(at, with) => bytes[at % len] ^= with,
        Harm::Cut(at) => bytes.truncate(at % len),
        Harm::Zero(at, count) => {
            let at = at % len;
            bytes[at..(at + count).min(len)].fill(0);
        }
        Harm::Insert(at, more) => {
            let at = at % len;
            bytes.splice(at..at, more);
        }
        Harm::Copy(from, to, count) => {
            let (from, to) = (from % len, to % len);
            let count = count.min(len - from).min(len - to);
            bytes.copy_within(from..from + count, to);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_harmed_segment_is_repaired_or_refused(sizes in prop::collection::vec(1usize..120, 1..20), group in 1usize..5, harms in prop::collection::vec(harm(), 1..4)) {
        let home = tempfile::tempdir().unwrap();
        let config = || LogConfig { segment_bytes: 4096, ..LogConfig::new(home.path()) };
        let records: Vec<String> = sizes.iter().enumerate().map(|(number, size)| format!("{number}:{}", "r".repeat(*size))).collect();
        let mut log = FileLog::open(config()).unwrap();
        for some in records.chunks(group) {
            let mut batch = Batch::default();
            some.iter().for_each(|record| batch.push(|bytes| bytes.extend_from_slice(record.as_bytes())));
            log.append(&batch).unwrap();
        }
        drop(log);
        let path = segment::plain_path(home.path(), 0);
        let mut bytes = fs::read(&path).unwrap();
        for harm in harms {
            if !bytes.is_empty() {
                suffer(&mut bytes, harm);
            }
        }
        fs::write(&path, &bytes).unwrap();

        let _ = verify(home.path());
        let kept = match FileLog::open(config()) {
            Ok(log) => log.next_offset() as usize,
            Err(LogError::Damaged { .. }) => return Ok(()),
            Err(other) => panic!("{other}"),
        };
        let mut reader = LogTail::read_only(home.path()).reader(0);
        let mut read = Vec::new();
        while let Some(record) = reader.next().unwrap() {
            read.push(String::from_utf8(record.body.to_vec()).unwrap());
        }
        prop_assert_eq!(read.len(), kept);
        // A copied record is a good record in the wrong place; that is for the sequence numbers inside to find. Nothing
        // that was never written is ever read.
        prop_assert!(read.iter().all(|record| records.contains(record)));
    }
}
