//! Ending, in every way, and starting again.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tandem_core::engine::{Engine, EngineConfig, StartError};
use tandem_core::event::{CallEvent, ConfigEvent, Event};
use tandem_core::log::snapshot::Snapshots;
use tandem_core::{Command, Destination, Ids, Number};

use crate::rig::*;

#[test]
fn calls_of_before_are_closed_before_the_first_command_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    rig.create("a");
    rig.must("a", phone("101"));
    let echo = tandem_core::AccessNumber { number: Number::new("600").unwrap(), destination: Destination::Echo };
    rig.must("a", Command::AddNumber(echo));
    rig.must("a", offered(rig.engine.ids(40).leg()));
    drop(rig);
    assert!(!events(home.path()).iter().any(|e| matches!(e.event, Event::Call(_, CallEvent::Ended(_)))));
    let _again = start(home.path(), shards(1));
    let all = events(home.path());
    let ends: Vec<_> = all.iter().filter(|e| matches!(e.event, Event::Call(_, CallEvent::Ended(_)))).collect();
    assert_eq!(ends.len(), 1, "the call is over before start returns");
}

#[test]
fn everything_acknowledged_survives_a_kill_at_any_moment() {
    let home = tempfile::tempdir().unwrap();
    let live = home.path().join("live");
    let rig = start(&live, EngineConfig { snapshot_every: 40, ..shards(2) });
    ["a", "b", "c"].iter().for_each(|name| rig.create(name));
    let acknowledged: Vec<AtomicBool> = (0..600).map(|_| AtomicBool::new(false)).collect();
    std::thread::scope(|scope| {
        for (worker, name) in ["a", "b", "c"].into_iter().enumerate() {
            let (rig, acknowledged) = (&rig, &acknowledged);
            scope.spawn(move || {
                for number in (worker..600).step_by(3) {
                    rig.must(name, phone(&format!("p{number}")));
                    acknowledged[number].store(true, Ordering::SeqCst);
                }
            });
        }
        for moment in 0..6 {
            std::thread::sleep(Duration::from_millis(40));
            let sure: Vec<usize> = (0..600).filter(|number| acknowledged[*number].load(Ordering::SeqCst)).collect();
            let dead = home.path().join(format!("dead-{moment}"));
            // What the disk holds at this moment, a segment that is just being written included.
            copy_dir(&live, &dead);
            let again = start(&dead, shards(2));
            let directory = again.engine.directory();
            for number in sure {
                let name = ["a", "b", "c"][number % 3];
                assert!(directory.phone(&tenant(name), &format!("p{number}")).is_some(), "p{number} was acknowledged");
            }
        }
    });
}

#[test]
fn a_start_from_snapshots_equals_a_start_from_the_log() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), EngineConfig { snapshot_every: 50, ..shards(2) });
    for name in ["a", "b", "c"] {
        rig.create(name);
    }
    for number in 0..300 {
        rig.must(["a", "b"][number % 2], phone(&format!("p{number}")));
    }
    until("a checkpoint", || Snapshots::of(home.path()).checkpoint().is_some_and(|checkpoint| checkpoint.offset > 50));
    rig.must("a", phone("late"));
    drop(rig);
    let whole = replay(home.path());
    let checkpoint = Snapshots::of(home.path()).checkpoint().unwrap();
    assert!(checkpoint.offset <= 304 && checkpoint.tenants.len() == 3);

    let again = start(home.path(), shards(3));
    again.must("c", phone("more"));
    again.engine.shutdown();
    let snapshots = Snapshots::of(home.path());
    for (id, mut tenant) in whole {
        let state: tandem_core::tenant::Tenant = snapshots.read(&id).unwrap().state;
        let known = tenant.seq();
        events(home.path()).iter().filter(|e| e.tenant == id && e.seq > known).for_each(|e| tenant.apply(e));
        assert_eq!(tenant, state);
    }
}

#[test]
fn snapshots_that_are_damaged_or_gone_are_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(2));
    for name in ["a", "b"] {
        rig.create(name);
        rig.must(name, phone("101"));
    }
    rig.engine.shutdown();
    let folder = home.path().join("snapshots");
    for file in ["a.zst", "_checkpoint.zst"] {
        let path = folder.join(file);
        let good = fs::read(&path).unwrap();
        for bad in [Vec::new(), good[..good.len() / 2].to_vec(), b"{}".to_vec()] {
            fs::write(&path, bad).unwrap();
            let again = start(home.path(), shards(2));
            assert_eq!(again.engine.directory().tenants_of_user("101").len(), 2);
        }
        fs::write(&path, good).unwrap();
    }
    fs::remove_dir_all(&folder).unwrap();
    let again = start(home.path(), shards(2));
    assert_eq!(again.engine.directory().tenants_of_user("101").len(), 2);
}

#[test]
fn a_log_that_lost_records_a_checkpoint_stands_for_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    rig.create("a");
    for number in 0..5 {
        rig.must("a", phone(&format!("p{number}")));
    }
    rig.engine.shutdown();
    for segment in tandem_core::log::segment::list(home.path()).unwrap() {
        fs::remove_file(segment.path).unwrap();
    }
    let sink = std::sync::Arc::new(Remember::default());
    let clock = std::sync::Arc::new(tandem_core::engine::SystemClock);
    let error = Engine::start(shards(1), store(home.path()), sink, clock).map(drop).unwrap_err();
    assert!(matches!(error, StartError::LogShort { end: 0, checkpoint: 6 }), "{error}");
}

#[test]
fn ids_never_repeat_even_if_the_clock_is_set_back() {
    let home = tempfile::tempdir().unwrap();
    let mut bases = Vec::new();
    for _ in 0..4 {
        // The clock of every rig stands at the same moment.
        let rig = start(home.path(), shards(1));
        bases.push(Ids::base_of(rig.engine.ids(0).call().0));
        let _ = rig.ask("a", Command::CreateTenant(named("a")));
        rig.engine.shutdown();
    }
    assert!(bases.windows(2).all(|pair| pair[0] < pair[1]), "{bases:?}");
}

#[test]
fn an_event_of_a_newer_version_is_named_with_its_place() {
    use tandem_core::log::{Batch, EventLog};
    let home = tempfile::tempdir().unwrap();
    let mut log = store(home.path());
    let mut batch = Batch::default();
    batch.push(|b| {
        b.extend_from_slice(br#"{"tenant":"t","seq":1,"time":"2026-11-22T17:42:00Z","kind":"tea.served","version":1,"data":{}}"#)
    });
    log.append(&batch).unwrap();
    let error =
        Engine::start(shards(1), log, std::sync::Arc::new(Remember::default()), std::sync::Arc::new(tandem_core::engine::SystemClock));
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.contains("offset 0") && error.contains("tea.served"), "{error}");
}

#[test]
fn a_gap_in_a_tenants_events_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    rig.create("a");
    rig.must("a", phone("101"));
    drop(rig);
    let all = events(home.path());
    assert!(matches!(all[1].event, Event::Config(ConfigEvent::PhoneAdded(_))));
    let other = tempfile::tempdir().unwrap();
    let mut log = store(other.path());
    let mut batch = tandem_core::log::Batch::default();
    batch.push(|bytes| all[1].encode(bytes));
    tandem_core::log::EventLog::append(&mut log, &batch).unwrap();
    let error =
        Engine::start(shards(1), log, std::sync::Arc::new(Remember::default()), std::sync::Arc::new(tandem_core::engine::SystemClock));
    assert!(matches!(error.map(drop), Err(StartError::Gap { expected: 1, found: 2, offset: 0, .. })));
}
