//! Logs of released versions are replayed for ever: `v1/` is one with every kind of event, in plain and compressed
//! segments.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;
use tandem_core::engine::Recovered;
use tandem_core::event::{CallEvent, ConfigEvent};
use tandem_core::log::{Batch, EventLog, FileLog, LogConfig, LogTail, Retention, retention, verify};
use tandem_core::{Envelope, tenant::Tenant};

use crate::world::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Kinds that version 1 had: calls, phones, trunks, numbers. What came later is in later golden logs.
fn every_kind() -> Vec<&'static str> {
    let had = ["leg.", "legs.", "transfer.", "tenant.", "phone.", "trunk.", "number.", "registration."];
    let had_calls = ["call.arrived", "call.originated", "call.routed", "call.ended"];
    let mut kinds: Vec<_> = CallEvent::schemas().iter().map(|(kind, ..)| *kind).collect();
    kinds.extend(ConfigEvent::schemas().iter().map(|(kind, ..)| *kind));
    kinds.retain(|kind| had_calls.contains(kind) || had.iter().any(|prefix| kind.starts_with(prefix)));
    kinds
}

/// The log's kinds with their numbers, and the tenants it amounts to.
fn read() -> (BTreeMap<String, u64>, BTreeMap<String, Tenant>) {
    let mut kinds = BTreeMap::new();
    let mut recovered = Recovered::default();
    let mut reader = LogTail::read_only(folder()).reader(0);
    while let Some(record) = reader.next().unwrap() {
        let envelope = recovered.take(record.offset, record.body).unwrap().expect("no event comes twice");
        *kinds.entry(envelope.event.kind().to_owned()).or_default() += 1;
    }
    (kinds, recovered.tenants.into_iter().map(|(id, tenant)| (id.to_string(), tenant)).collect())
}

/// Everything that was expected is there and the same; what newer versions know besides may be there too.
fn contains(actual: &Value, expected: &Value, place: &str) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (key, expected) in expected {
                contains(actual.get(key).unwrap_or(&Value::Null), expected, &format!("{place}.{key}"));
            }
        }
        (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
            for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                contains(actual, expected, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(actual, expected, "{place}"),
    }
}

#[test]
fn the_log_of_version_1_means_what_it_meant() {
    verify(&folder()).unwrap();
    let (kinds, tenants) = read();
    let expected: Value = serde_json::from_slice(&fs::read(folder().join("expected.json")).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&kinds).unwrap(), expected["kinds"]);
    contains(&serde_json::to_value(&tenants).unwrap(), &expected["tenants"], "tenants");
}

#[test]
fn the_golden_log_of_version_1_has_every_kind_it_had() {
    let (kinds, _) = read();
    let missing: Vec<_> = every_kind().into_iter().filter(|kind| !kinds.contains_key(*kind)).collect();
    assert!(missing.is_empty(), "{missing:?} are in no golden log: write the next one (see write_the_golden_log)");
}

/// A history with every kind of event, as short as a search of a few seeds finds; it ends amid calls.
fn history() -> Vec<Envelope> {
    let mut best: Option<Vec<Envelope>> = None;
    for seed in 1..=40 {
        let mut world = World::new(seed);
        let limit = best.as_ref().map_or(20_000, Vec::len);
        let mut missing = every_kind();
        let mut seen = 0;
        while !missing.is_empty() && world.history.len() < limit {
            world.step();
            missing.retain(|kind| world.history[seen..].iter().all(|envelope| envelope.event.kind() != *kind));
            seen = world.history.len();
        }
        if missing.is_empty() && seen < limit {
            best = Some(world.history);
        }
    }
    best.expect("some seed meets every kind")
}

/// Writes `v1/`. Once a version is released its golden log is never written again; a new kind of event goes into the
/// next one (`v2/`, read by a test like the ones above).
#[test]
#[ignore = "writes core/tests/golden/v1: cargo test -p tandem-core --test golden write_the_golden_log -- --ignored"]
fn write_the_golden_log() {
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let mut log = FileLog::open(LogConfig { segment_bytes: 32 << 10, ..LogConfig::new(&folder) }).unwrap();
    for events in history().chunks(7) {
        let mut batch = Batch::default();
        for envelope in events {
            batch.push(|bytes| envelope.encode(bytes));
        }
        log.append(&batch).unwrap();
    }
    drop(log);
    let packing = Retention { compress: true, ..Retention::default() };
    retention::apply(&folder, &packing, 0, None, SystemTime::now()).unwrap();
    fs::remove_file(folder.join("LOCK")).unwrap();
    let (kinds, tenants) = read();
    let expected = serde_json::json!({"kinds": kinds, "tenants": tenants});
    fs::write(folder.join("expected.json"), serde_json::to_string_pretty(&expected).unwrap() + "\n").unwrap();
}
