use serde_json::Value;
use tandem_core::{Cause, Command, Endpoint, LegId, Number, Party, TenantId, UserName};

use super::*;
use crate::http::testing::{InPlace, MemoryLog};
use crate::view::Live;

/// A few hundred events of calls that end in different ways, the last one still up.
fn story() -> MemoryLog {
    let log = MemoryLog::default();
    let node = InPlace::new(log.clone());
    let tenant = TenantId::new("t").unwrap();
    let handle = |command| node.handle(&tenant, command).unwrap();
    handle(Command::CreateTenant(tandem_core::event::TenantSettings::named("T")));
    for user in ["1001", "1002"] {
        let user = UserName::new(user).unwrap();
        handle(Command::AddPhone(tandem_core::Phone { user, display_name: None, max_contacts: 5, srtp: Default::default() }));
    }
    let number = tandem_core::AccessNumber { number: Number::new("600").unwrap(), destination: tandem_core::Destination::Echo };
    handle(Command::AddNumber(number));
    let addr = "127.0.0.1:5060".parse().unwrap();
    for n in 0..60u64 {
        let leg = LegId(n + 1);
        let dialog = tandem_core::DialogRecord {
            call_id: format!("{n}@phone"),
            local_tag: "l".into(),
            remote_tag: Some("r".into()),
            local_uri: "sip:600@t".into(),
            remote_uri: "sip:1001@t".into(),
            remote_target: "sip:1001@127.0.0.1".into(),
            route_set: Vec::new(),
            local_cseq: 1,
            remote_cseq: Some(1),
            flow: tandem_core::Flow { transport: tandem_core::Transport::Udp, local: addr, remote: addr },
        };
        let called = if n % 3 == 0 { "600" } else { "1002" };
        let from = Endpoint::Phone(UserName::new("1001").unwrap());
        handle(Command::LegOffered { leg, from, caller: "1001".into(), caller_name: None, called: called.into(), dialog, replaces: None });
        if n < 59 {
            let stats = Some(tandem_core::MediaStats { packets_received: n, jitter_ms: 0.25, mos: Some(4.1), ..Default::default() });
            let _ = node.handle(&tenant, Command::LegEnded { leg, cause: Cause::normal(Party::Remote), stats });
        }
    }
    log
}

async fn store(dir: &tempfile::TempDir, name: &str) -> History {
    History::open(&format!("sqlite:{}", dir.path().join(name).display())).await.unwrap()
}

#[tokio::test]
async fn folding_in_pieces_with_restarts_equals_folding_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let events = story().envelopes();
    assert!(events.len() > 150, "{}", events.len());
    let whole = store(&dir, "whole").await;
    whole.fold(&mut whole.folder().await.unwrap(), &events).await.unwrap();
    let dump = whole.dump().await.unwrap();
    assert!(dump.iter().filter(|line| line.starts_with("call ")).count() == 60);

    for piece in [1, 7, 50] {
        let pieces = store(&dir, &format!("pieces{piece}")).await;
        for chunk in events.chunks(piece) {
            // A new folder each time is a restart: it knows only what is in the database.
            pieces.fold(&mut pieces.folder().await.unwrap(), chunk).await.unwrap();
        }
        assert_eq!(pieces.dump().await.unwrap(), dump, "pieces of {piece}");
    }
}

#[tokio::test]
async fn events_seen_twice_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let events = story().envelopes();
    let history = store(&dir, "h").await;
    history.fold(&mut history.folder().await.unwrap(), &events).await.unwrap();
    let dump = history.dump().await.unwrap();
    history.fold(&mut history.folder().await.unwrap(), &events[20..]).await.unwrap();
    assert_eq!(history.dump().await.unwrap(), dump);
    assert_eq!(history.position().await.unwrap(), events.len() as u64);
}

#[tokio::test]
async fn rows_say_what_the_events_say() {
    let dir = tempfile::tempdir().unwrap();
    let events = story().envelopes();
    let history = store(&dir, "h").await;
    let mut folder = history.folder().await.unwrap();
    history.fold(&mut folder, &events).await.unwrap();
    let kind = |kind: &str| events.iter().filter(|(_, envelope)| envelope.event.kind() == kind).count() as i64;
    let (calls, legs) = history.counts().await.unwrap();
    assert_eq!(calls, kind("call.arrived"));
    assert_eq!(legs, kind("call.arrived") + kind("leg.dialled"));
    assert_eq!(folder.open_calls() as i64, kind("call.arrived") - kind("call.ended"));

    let tenant = TenantId::new("t").unwrap();
    for (offset, envelope) in &events {
        let Some(call) = envelope.event.call() else { continue };
        let (_, _, offsets) = history.call(&tenant, call).await.unwrap().expect("a row per call");
        assert!(offsets.contains(offset), "the timeline of {call} has event {offset}");
    }
    let stats: Vec<Value> =
        history.dump().await.unwrap().iter().filter_map(|line| serde_json::from_str(line.strip_prefix("leg ")?).ok()).collect();
    assert!(stats.iter().any(|row| row.to_string().contains("4.1")), "media statistics are kept");
}

#[tokio::test]
async fn clear_and_fold_again_gives_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let events = story().envelopes();
    let history = store(&dir, "h").await;
    history.fold(&mut history.folder().await.unwrap(), &events).await.unwrap();
    let dump = history.dump().await.unwrap();
    history.clear().await.unwrap();
    assert!(history.dump().await.unwrap().is_empty());
    history.fold(&mut history.folder().await.unwrap(), &events).await.unwrap();
    assert_eq!(history.dump().await.unwrap(), dump);
}

#[test]
fn the_live_view_survives_its_snapshot_and_goes_on_from_it() {
    let events = story().envelopes();
    let mut whole = Live::default();
    events.iter().for_each(|(_, envelope)| whole.apply(envelope));
    assert_eq!(whole.tenants.values().next().unwrap().calls.len(), 1, "one call is still up");
    let mut half = Live::default();
    events[..90].iter().for_each(|(_, envelope)| half.apply(envelope));
    let mut half: Live = serde_json::from_str(&serde_json::to_string(&half).unwrap()).unwrap();
    events[90..].iter().for_each(|(_, envelope)| half.apply(envelope));
    assert_eq!(half, whole);
}
