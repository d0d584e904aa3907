//! More than the disk can take, and a disk that fails.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tandem_core::engine::{Condition, EngineConfig, Full};
use tandem_core::event::{ConfigEvent, Event};
use tandem_core::{Command, TenantId};

use crate::rig::*;

fn small() -> EngineConfig {
    EngineConfig { shards: 1, mailbox_batches: 4, batch_commands: 4, ..EngineConfig::default() }
}

fn rename(number: u64) -> Command {
    Command::ChangeTenant(named(&format!("name {number}")))
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let changes = events(dir).into_iter().filter_map(|envelope| match envelope.event {
        Event::Config(ConfigEvent::TenantChanged(body)) => Some(body.settings.name.to_string()),
        _ => None,
    });
    changes.collect()
}

#[test]
fn a_slow_disk_fills_the_mailbox_at_once_refuses_and_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), small());
    rig.create("a");
    rig.fate.delay_ms.store(20, Ordering::SeqCst);
    let (mut taken, mut refused) = (Vec::new(), 0);
    for number in 0..5_000 {
        match rig.mailbox.post(&tenant("a"), rename(number)) {
            Ok(()) => taken.push(format!("name {number}")),
            Err(full) => {
                assert_eq!(full, Full::Mailbox(0));
                refused += 1;
            }
        }
    }
    assert!(refused > 4_000, "{refused}");
    until("what was taken is in the log", || names(home.path()).len() == taken.len());
    assert_eq!(names(home.path()), taken, "in order");
    assert_eq!(rig.engine.health().condition, Condition::Good);
    rig.fate.delay_ms.store(0, Ordering::SeqCst);
    rig.must("a", rename(9_999));
}

#[test]
fn a_poster_gets_refused_commands_back_in_order() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), small());
    for name in ["a", "b"] {
        rig.create(name);
    }
    rig.fate.delay_ms.store(5, Ordering::SeqCst);
    let mut poster = rig.mailbox.poster();
    let mut refused: Vec<(TenantId, Command)> = Vec::new();
    let mut times = 0;
    let mut next = 0;
    while next < 600 || !refused.is_empty() {
        times += usize::from(!refused.is_empty());
        for (tenant, command) in refused.drain(..) {
            poster.push(tenant, command);
        }
        for _ in 0..40.min(600 - next) {
            poster.push(tenant(["a", "b"][(next % 2) as usize]), rename(next));
            next += 1;
        }
        poster.flush(&mut refused);
        if !refused.is_empty() {
            std::thread::sleep(Duration::from_millis(3));
        }
    }
    assert!(times > 3, "it was never full");
    until("all are in the log", || names(home.path()).len() == 600);
    for (first, name) in [(0, "a"), (1, "b")] {
        let mine = events(home.path()).into_iter().filter(|envelope| envelope.tenant == tenant(name));
        let names: Vec<String> = mine
            .filter_map(|envelope| match envelope.event {
                Event::Config(ConfigEvent::TenantChanged(body)) => Some(body.settings.name.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(names, (first..600).step_by(2).map(|number| format!("name {number}")).collect::<Vec<_>>());
    }
}

#[test]
fn a_failed_disk_stops_everything_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(2));
    rig.create("a");
    rig.fate.fails_at.store(rig.fate.appends.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    assert_eq!(rig.ask("a", phone("101")), None, "nobody knows what became of it");
    until("it refuses", || rig.mailbox.post(&tenant("a"), phone("102")) == Err(Full::Stopped));
    let health = rig.engine.health();
    assert_eq!(health.condition, Condition::Failed);
    assert!(health.remarks.iter().any(|remark| remark.contains("the disk is gone")), "{health:?}");
    assert!(rig.engine.directory().phone(&tenant("a"), "101").is_none(), "what is not in the log did not happen");
    rig.engine.shutdown();
    let again = start(home.path(), shards(2));
    again.must("a", phone("101"));
}
