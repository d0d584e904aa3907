use std::sync::atomic::AtomicBool;

use tandem_core::event::TenantSettings;
use tandem_core::log::snapshot::Checkpoint;
use tandem_core::{Command, Phone, UserName};

use super::*;
use crate::door::{LogReader, ReadError};
use crate::http::testing::{InPlace, MemoryLog};

fn id(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn add_phone(node: &InPlace, tenant: &TenantId, user: &str) {
    let phone = Phone { user: UserName::new(user).unwrap(), display_name: None, max_contacts: 2, srtp: Default::default() };
    node.handle(tenant, Command::AddPhone(phone)).unwrap();
}

/// Two tenants whose events take turns, one of them removed at the end.
fn story() -> (MemoryLog, InPlace) {
    let log = MemoryLog::default();
    let node = InPlace::new(log.clone());
    for tenant in ["a", "b", "gone"] {
        node.handle(&id(tenant), Command::CreateTenant(TenantSettings::named(tenant))).unwrap();
    }
    for n in 0..200 {
        for tenant in ["a", "b", "gone"] {
            add_phone(&node, &id(tenant), &format!("{n}"));
        }
    }
    node.handle(&id("gone"), Command::RemoveTenant).unwrap();
    (log, node)
}

/// What the tenants are after these events, made without the mirror.
fn lived(events: &[(u64, Envelope)], tenant: &str) -> Tenant {
    let mut lived = Tenant::new(id(tenant));
    events.iter().filter(|(_, envelope)| envelope.tenant == id(tenant)).for_each(|(_, envelope)| lived.apply(envelope));
    lived
}

#[test]
fn a_replica_equals_the_tenant_that_lived_whatever_the_chunks() {
    let (log, _) = story();
    let events = log.envelopes();
    for size in [1, 7, 1000] {
        let mirror = Mirror::default();
        for chunk in events.chunks(size) {
            mirror.fold(chunk, chunk.last().unwrap().0 + 1).unwrap();
        }
        for tenant in ["a", "b"] {
            assert_eq!(mirror.read(&id(tenant), Tenant::clone), Some(lived(&events, tenant)), "chunks of {size}");
        }
        assert_eq!(mirror.tenants(), [id("a"), id("b")]);
        assert_eq!(mirror.read(&id("gone"), |_| ()), None, "a removed tenant is not there");
        assert_eq!(mirror.position(), events.len() as u64);
        assert_eq!(mirror.seq(&id("a")), 201);
    }
}

#[test]
fn a_missing_event_is_an_error_and_not_a_wrong_replica() {
    let (log, _) = story();
    let mut events = log.envelopes();
    events.remove(10);
    let lost = Mirror::default().fold(&events, 900).unwrap_err();
    assert!(matches!(lost, MirrorError::Gap { found, expected, .. } if found == expected + 1), "{lost}");
}

/// A log whose beginning has been removed: snapshots stand for it.
struct Cut {
    log: MemoryLog,
    first: u64,
    snapshots: Option<Snapshots>,
}

impl LogSource for Cut {
    fn start(&self) -> u64 {
        self.first
    }
    fn end(&self) -> u64 {
        self.log.end()
    }
    fn reader(&self, offset: u64) -> Result<Box<dyn LogReader>, ReadError> {
        assert!(offset >= self.first, "nothing before the log's start is read");
        self.log.reader(offset)
    }
    fn snapshots(&self) -> Option<Snapshots> {
        self.snapshots.clone()
    }
}

#[test]
fn it_begins_with_the_engines_snapshots_where_the_log_no_longer_does() {
    let (log, _) = story();
    let events = log.envelopes();
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::of(dir.path());
    let at = 300;
    let mut seqs = std::collections::BTreeMap::new();
    for (tenant, newer) in [("a", 0), ("b", 100), ("gone", 0)] {
        // A snapshot may be newer than the checkpoint says: events that are in it come again.
        let state = lived(&events[..at + newer], tenant);
        seqs.insert(id(tenant), lived(&events[..at], tenant).seq());
        snapshots.write(&id(tenant), at as u64, &state).unwrap();
    }
    snapshots.write_checkpoint(&Checkpoint::new(at as u64, seqs, 1)).unwrap();
    let cut = Cut { log: log.clone(), first: 250, snapshots: Some(snapshots) };
    let mirror = Mirror::default();
    assert_eq!(mirror.load(&cut), Ok(at as u64));
    mirror.fold(&events[at..], events.len() as u64).unwrap();
    for tenant in ["a", "b"] {
        assert_eq!(mirror.read(&id(tenant), Tenant::clone), Some(lived(&events, tenant)));
    }
    std::fs::remove_file(dir.path().join("snapshots/b.zst")).unwrap();
    let mirror = Mirror::default();
    assert_eq!(mirror.load(&cut), Err(MirrorError::SnapshotsMissing { first: 250 }));
    assert!(mirror.tenants().is_empty(), "all snapshots or none");
    assert_eq!(mirror.load(&Cut { log, first: 0, snapshots: None }), Ok(0));
}

#[tokio::test]
async fn one_who_wrote_can_wait_until_it_reads_its_own_write_and_nobody_waits_for_ever() {
    let (log, node) = story();
    let mirror = Arc::new(Mirror::default());
    let stop = Arc::new(AtomicBool::new(false));
    let follower = std::thread::spawn({
        let (log, mirror, stop) = (log.clone(), mirror.clone(), stop.clone());
        move || super::super::tail::follow_mirror(&log, &mirror, &stop)
    });
    let new = id("new");
    let waiting = tokio::spawn({
        let mirror = mirror.clone();
        async move { mirror.wait_for(&id("new"), 2).await }
    });
    node.handle(&new, Command::CreateTenant(TenantSettings::named("new"))).unwrap();
    add_phone(&node, &new, "1001");
    assert!(waiting.await.unwrap(), "even before the tenant's first event");
    assert_eq!(mirror.read(&new, |tenant| tenant.phones().len()), Some(1));
    assert!(mirror.reached(log.end(), limits::VIEW_WAIT).await);
    assert!(!mirror.wait_within(&new, 3, Duration::from_millis(20)).await, "an event that never comes");
    assert!(!mirror.wait_within(&id("never"), 1, Duration::from_millis(20)).await, "a tenant that never comes");
    stop.store(true, Ordering::Release);
    assert_eq!(follower.join().unwrap(), Ok(()));
}
