//! Log before send, in order, many at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tandem_core::engine::EffectSink;
use tandem_core::event::{ConfigEvent, Event};
use tandem_core::log::LogTail;
use tandem_core::registration::BindingEnd;
use tandem_core::{Command, Effect, Envelope, Rejection, RequestId, TenantId};

use crate::rig::*;

/// Looks, at the moment of each release, whether the event is in the log.
#[derive(Default)]
struct Suspicious {
    tail: OnceLock<LogTail>,
    seen: AtomicU64,
    early: AtomicU64,
}

impl EffectSink for Suspicious {
    fn release(&self, _tenant: &TenantId, effects: Vec<Effect>) {
        let Some(tail) = self.tail.get() else { return };
        for effect in effects {
            let Effect::Registered { user, .. } = effect else { continue };
            let mut reader = tail.reader(0);
            let mut logged = false;
            while let Some(record) = reader.next().unwrap() {
                let event = Envelope::decode(record.body).unwrap().event;
                logged |= matches!(event, Event::Config(ConfigEvent::RegistrationAdded(body)) if body.user == user);
            }
            self.seen.fetch_add(1, Ordering::SeqCst);
            self.early.fetch_add(u64::from(!logged), Ordering::SeqCst);
        }
    }
}

#[test]
fn an_effect_leaves_only_after_its_event_is_in_the_log() {
    let home = tempfile::tempdir().unwrap();
    let sink = Arc::new(Suspicious::default());
    let rig = start_with(home.path(), shards(2), Arc::clone(&sink) as _);
    sink.tail.set(rig.engine.log()).unwrap();
    rig.fate.delay_ms.store(5, Ordering::SeqCst);
    for name in ["a", "b", "c"] {
        rig.create(name);
    }
    for number in 0..30 {
        let (name, user) = (["a", "b", "c"][number % 3], format!("10{number}"));
        rig.mailbox.post(&tenant(name), phone(&user)).unwrap();
        rig.mailbox.post(&tenant(name), register(&user, number as u64, Duration::from_secs(600))).unwrap();
    }
    until("30 registrations", || sink.seen.load(Ordering::SeqCst) == 30);
    assert_eq!(sink.early.load(Ordering::SeqCst), 0);
}

#[test]
fn commands_that_wait_for_a_slow_disk_share_its_syncs() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(2));
    let names = ["a", "b", "c", "d"];
    names.iter().for_each(|name| rig.create(name));
    rig.fate.delay_ms.store(20, Ordering::SeqCst);
    let before = rig.fate.appends.load(Ordering::SeqCst);
    let (tell, told) = mpsc::channel();
    for number in 0..400 {
        let tell = tell.clone();
        let name = tenant(names[number % 4]);
        while rig.mailbox.request(&name, phone(&format!("p{number}")), Box::new(telling(&tell))).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for _ in 0..400 {
        told.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    let appends = rig.fate.appends.load(Ordering::SeqCst) - before;
    assert!(appends <= 40, "400 events took {appends} appends");
}

fn telling<T: Send + 'static>(tell: &mpsc::Sender<T>) -> impl FnOnce(T) + Send + 'static {
    let tell = tell.clone();
    move |result| tell.send(result).unwrap()
}

#[test]
fn a_rejection_is_answered_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    assert_eq!(rig.ask("nobody", phone("101")).unwrap(), Err(Rejection::NoSuchTenant("nobody".to_owned())));
    rig.create("a");
    rig.must("a", phone("101"));
    assert!(matches!(rig.ask("a", phone("101")).unwrap(), Err(Rejection::AlreadyExists { .. })));
    drop(rig);
    assert_eq!(events(home.path()).len(), 2);
}

#[test]
fn a_peer_whose_call_or_registration_is_not_taken_is_told() {
    let home = tempfile::tempdir().unwrap();
    let sink = Arc::new(Remember::default());
    let rig = start_with(home.path(), shards(1), sink.clone());
    rig.create("a");
    rig.must("a", phone("101"));
    let leg = rig.engine.ids(40).leg();
    rig.must("a", offered(leg));
    // The same leg a second time, and a tenant that isn't there.
    assert!(rig.ask("a", offered(leg)).unwrap().is_err());
    assert!(rig.ask("nobody", offered(leg)).unwrap().is_err());
    assert!(rig.ask("nobody", register("101", 7, Duration::from_secs(60))).unwrap().is_err());
    let told = || sink.0.lock().unwrap().clone();
    let refused = |effect: &Effect| matches!(effect, Effect::Release { leg: told, cause } if *told == leg && cause.sip == 503);
    until("both INVITEs are refused", || told().iter().filter(|(_, effect)| refused(effect)).count() == 2);
    let unregistered = |effect: &Effect| matches!(effect, Effect::RegisterRefused { request: RequestId(7), status: 503 });
    until("the REGISTER is refused", || told().iter().any(|(_, effect)| unregistered(effect)));
}

#[test]
fn the_directory_knows_what_was_committed_when_the_answer_comes() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(2));
    let directory = rig.engine.directory();
    for name in ["a", "b"] {
        rig.create(name);
        assert!(directory.tenant(&tenant(name)).is_some());
        rig.must(name, phone("101"));
        assert!(directory.phone(&tenant(name), "101").is_some());
    }
    assert_eq!(directory.tenants_of_user("101").len(), 2);
    rig.must("a", Command::RemoveTenant);
    assert_eq!(directory.tenants_of_user("101"), [tenant("b")]);
    rig.engine.shutdown();
    let again = start(home.path(), shards(2));
    assert_eq!(again.engine.directory().tenants_of_user("101"), [tenant("b")], "the same after a start from snapshots");
}

#[test]
fn a_timer_that_an_effect_has_set_wakes_its_tenant() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    rig.create("a");
    rig.must("a", phone("101"));
    rig.must("a", register("101", 1, Duration::from_secs(60)));
    let expired = || {
        let is_expiry =
            |e: &Envelope| matches!(&e.event, Event::Config(ConfigEvent::RegistrationRemoved(b)) if b.end == BindingEnd::Expired);
        events(home.path()).iter().any(is_expiry)
    };
    rig.clock.advance(Duration::from_secs(30));
    rig.must("a", phone("102"));
    assert!(!expired());
    rig.clock.advance(Duration::from_secs(3600));
    until("the registration expires", expired);
}

#[test]
fn replay_equals_what_lived() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(3));
    let names = ["a", "b", "c", "d", "e"];
    names.iter().for_each(|name| rig.create(name));
    for round in 0..200u64 {
        let name = names[(round % 5) as usize];
        let user = format!("u{}", round % 17);
        let _ = rig.ask(name, phone(&user));
        let _ = rig.ask(name, register(&user, round, Duration::from_secs(round % 90)));
        rig.clock.advance(Duration::from_secs(round % 7));
    }
    let tail = rig.engine.log();
    rig.engine.shutdown();
    let lived: BTreeMap<_, _> = names
        .iter()
        .map(|name| (tenant(name), tandem_core::log::snapshot::Snapshots::of(home.path()).read(&tenant(name)).unwrap().state))
        .collect();
    assert_eq!(replay(home.path()), lived);
    assert!(tail.closed());
}
