//! The centre's rows: whole or in pieces, on either database, the same.

use tandem_core::{TenantId, Timestamp};

use super::centre::Centre;
use super::*;

fn a_day(seed: u64) -> Vec<(u64, Envelope)> {
    let mut centre = Centre::new("t", seed, Timestamp::from_micros(1_795_370_100_000_000));
    centre.run(700);
    centre.numbered()
}

async fn fold_in(history: &History, events: &[(u64, Envelope)], piece: usize) {
    for chunk in events.chunks(piece) {
        // A new folder each time is a restart: it knows only what is in the database.
        history.fold(&mut history.folder().await.unwrap(), chunk).await.unwrap();
    }
}

#[tokio::test]
async fn a_day_of_the_centre_folded_in_pieces_with_restarts_equals_the_day_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for seed in [1, 2] {
        let events = a_day(seed);
        let whole = store(&dir, &format!("whole{seed}")).await;
        fold_in(&whole, &events, usize::MAX).await;
        let dump = whole.dump().await.unwrap();
        for table in ["call", "leg", "queue_visit", "agent_part", "handover", "recording", "agent_operation", "counter"] {
            let rows = dump.iter().filter(|line| line.starts_with(&format!("{table} "))).count();
            assert!(rows > 5, "{table}: {rows} rows of {} events", events.len());
        }
        for piece in [3, 40] {
            let pieces = store(&dir, &format!("pieces{seed}-{piece}")).await;
            fold_in(&pieces, &events, piece).await;
            let other = pieces.dump().await.unwrap();
            for (one, other) in dump.iter().zip(&other) {
                assert_eq!(one, other, "seed {seed}, pieces of {piece}");
            }
            assert_eq!(dump.len(), other.len());
        }
    }
}

#[tokio::test]
async fn sums_are_not_counted_twice_when_an_acknowledgement_was_lost_and_a_second_writer_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let events = a_day(3);
    let history = store(&dir, "h").await;
    let (mut folder, mut lost) = (history.folder().await.unwrap(), history.folder().await.unwrap());
    let (first, rest) = events.split_at(300);
    for (offset, envelope) in first {
        folder.apply(*offset, envelope);
        lost.apply(*offset, envelope);
    }
    history.store(&mut lost, 300).await.unwrap();
    let dump = history.dump().await.unwrap();
    history.store(&mut folder, 300).await.unwrap();
    assert_eq!(history.dump().await.unwrap(), dump, "the same again is taken as done");
    history.fold(&mut folder, rest).await.unwrap();
    lost.apply(rest[0].0, &rest[0].1);
    let error = history.store(&mut lost, 301).await.unwrap_err().to_string();
    assert!(error.contains("another node"), "{error}");
}

#[tokio::test]
async fn a_store_of_the_first_version_keeps_its_calls_and_learns_the_new_tables() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("old");
    let old = db::Database::open(&format!("sqlite:{}", file.display())).await.unwrap();
    let sql = [
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE call (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, origin TEXT NOT NULL, endpoint TEXT NOT NULL, caller TEXT NOT NULL,
            caller_name TEXT, called TEXT NOT NULL, route TEXT, started INTEGER NOT NULL, answered INTEGER, ended INTEGER,
            cause_sip INTEGER, cause_q850 INTEGER, cause_by TEXT, cause_text TEXT, merged_into TEXT, offsets TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE leg (id TEXT PRIMARY KEY, call TEXT NOT NULL, tenant TEXT NOT NULL, role TEXT NOT NULL, endpoint TEXT NOT NULL,
            number TEXT NOT NULL, sip_call_id TEXT, started INTEGER NOT NULL, ringing INTEGER, answered INTEGER, ended INTEGER, codec TEXT,
            cause_sip INTEGER, cause_q850 INTEGER, cause_by TEXT, cause_text TEXT, packets_received INTEGER, packets_sent INTEGER,
            packets_lost INTEGER, packets_rejected INTEGER, jitter_ms REAL, round_trip_ms REAL, mos REAL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('position', 77)",
        "INSERT INTO call VALUES ('03G8Z5S1V0000', 't', 'phone', 'phone:1', '1', NULL, '2', NULL, 5, NULL, 6, 486, 17, 'remote', NULL, NULL, '[1,2]')",
        "PRAGMA user_version = 1",
    ];
    old.write(None, &sql.map(|sql| Statement::new(sql, []))).await.unwrap();
    old.close().await;
    let history = store(&dir, "old").await;
    assert_eq!(history.position().await.unwrap(), 77);
    let (call, legs, offsets) =
        history.call(&TenantId::new("t").unwrap(), "03G8Z5S1V0000".parse().unwrap()).await.unwrap().expect("is kept");
    assert_eq!((call.called.as_str(), legs.len(), offsets), ("2", 0, vec![1, 2]));
    assert!(history.story(&TenantId::new("t").unwrap(), "03G8Z5S1V0000".parse().unwrap()).await.unwrap().visits.is_empty());
}

#[tokio::test]
async fn the_story_of_a_call_says_who_did_what() {
    let dir = tempfile::tempdir().unwrap();
    let events = a_day(4);
    let history = store(&dir, "h").await;
    fold_in(&history, &events, 100).await;
    let tenant = TenantId::new("t").unwrap();
    let handed = events.iter().find_map(|(_, envelope)| match &envelope.event {
        tandem_core::Event::Call(id, tandem_core::CallEvent::HandoverEnded(it)) if it.failed.is_none() => Some(*id),
        _ => None,
    });
    let story = history.story(&tenant, handed.expect("a call was handed over")).await.unwrap();
    assert!(story.visits.len() >= 2, "two queues: {story:#?}");
    let first = &story.visits[0];
    assert_eq!((first.entry.as_str(), first.leaving.as_deref()), ("arrived", Some("answered")));
    assert!(story.parts.iter().any(|part| part.end_reason.as_deref() == Some("transferred") && Some(part.agent) == first.agent));
    assert!(story.visits.iter().any(|visit| visit.entry == "handed_over"));
    assert!(story.handovers.iter().any(|handover| handover.target_kind == "queue" && handover.failed.is_none()));
    assert!(story.recordings.iter().all(|recording| recording.duration_ms == Some(5000)));
}
