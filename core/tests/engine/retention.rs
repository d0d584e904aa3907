//! The log stays small, but never loses what somebody still needs.

use tandem_core::engine::{Engine, EngineConfig, StartError};
use tandem_core::log::{LogError, LogTail, Retention, segment};

use crate::rig::*;

fn config(retention: Retention) -> EngineConfig {
    EngineConfig { snapshot_every: 100, retention, ..shards(2) }
}

/// Enough for some ten segments of 16 KiB.
fn fill(rig: &Rig, from: usize) {
    for number in from..from + 800 {
        rig.must(["a", "b"][number % 2], phone(&format!("phone-{number}-{}", "x".repeat(40))));
    }
}

#[test]
fn segments_go_once_snapshots_stand_for_them_and_everybody_has_read_them() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), config(Retention { max_bytes: Some(20 << 10), ..Retention::default() }));
    let tail = rig.engine.log();
    let forwarder = tail.consumer("forwarder", 0).unwrap();
    for name in ["a", "b", "idle"] {
        rig.create(name);
    }
    fill(&rig, 0);
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    assert_eq!(tail.first().unwrap(), 0, "the forwarder has not read anything");

    forwarder.advance(tail.end().unwrap());
    fill(&rig, 800);
    until("old segments go", || tail.first().unwrap() > 800);
    assert!(matches!(tail.reader(0).next(), Err(LogError::Removed { offset: 0, .. })));
    rig.engine.shutdown();

    let again = start(home.path(), shards(2));
    let directory = again.engine.directory();
    assert!(directory.tenant(&tenant("idle")).is_some());
    for number in [0, 1, 799, 800, 1599] {
        assert!(directory.phone(&tenant(["a", "b"][number % 2]), &format!("phone-{number}-{}", "x".repeat(40))).is_some());
    }
    drop(again);

    std::fs::remove_dir_all(home.path().join("snapshots")).unwrap();
    let (sink, clock) = (std::sync::Arc::new(Remember::default()), std::sync::Arc::new(tandem_core::engine::SystemClock));
    let error = Engine::start(shards(1), store(home.path()), sink, clock).map(drop).unwrap_err();
    assert!(matches!(error, StartError::SnapshotsMissing { .. }), "{error}");
}

#[test]
fn nothing_goes_without_snapshots() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), EngineConfig { snapshot_every: 0, ..config(Retention { max_bytes: Some(0), ..Retention::default() }) });
    rig.create("a");
    rig.create("b");
    fill(&rig, 0);
    rig.engine.shutdown();
    assert_eq!(LogTail::read_only(home.path()).first().unwrap(), 0);
}

#[test]
fn compressed_segments_read_the_same() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), config(Retention { compress: true, ..Retention::default() }));
    rig.create("a");
    rig.create("b");
    let tail = rig.engine.log();
    let mut slow = tail.reader(0);
    fill(&rig, 0);
    assert_eq!(slow.next().unwrap().unwrap().offset, 0);
    let packed = || segment::list(home.path()).unwrap().iter().filter(|segment| segment.packed).count();
    until("sealed segments are compressed", || packed() > 3);
    for expected in 1..tail.end().unwrap() {
        assert_eq!(slow.next().unwrap().unwrap().offset, expected, "a reader that was there before goes on");
    }
    drop(rig);
    assert_eq!(events(home.path()).len(), 802);
    for from in [0, 1, 100, 400, 801] {
        assert_eq!(LogTail::read_only(home.path()).reader(from).next().unwrap().unwrap().offset, from);
    }
    assert_eq!(tandem_core::log::verify(home.path()).unwrap().records, 802);
    let again = start(home.path(), shards(1));
    again.must("a", phone("more"));
}
