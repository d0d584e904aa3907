//! `kill -9` in the middle of calls: no event that anybody was told of is lost, the history has each call once, and calls
//! that were up are closed with the restart as their cause.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tandem_tests::http;
use tandem_tests::or_skip;
use tandem_tests::wait::{millis, pass, secs, until, until_true};
use tandem_tests::world::{TENANT, World};

/// What subscribers were told, one list per stream.
type Told = Arc<Mutex<Vec<Vec<Value>>>>;

/// How often it is killed.
const KILLS: usize = 3;

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let mut world = or_skip!(World::open());
    world.carrier();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    let mut load = world.sipp("carrier_calls").service("600").calls(10_000).at_once(100).rate(60).lasting(secs(1)).start().unwrap();
    until_true("calls have come and gone", secs(20), || load.successful() > 40);
    // What a subscriber is told has been committed: it must survive.
    let told = Told::default();
    for _ in 0..KILLS {
        follow(&world, &told);
        pass(millis(1500));
        world.tandem.kill9();
        let took = world.tandem.start().unwrap();
        assert!(took < secs(15), "back after {took:?}");
        pass(millis(500));
    }
    load.process().kill9();
    let streams = told.lock().unwrap().clone();
    for stream in &streams {
        let numbers: Vec<u64> = stream.iter().filter_map(|event| event["seq"].as_u64()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a subscriber missed something: {numbers:?}");
    }
    let told: Vec<Value> = streams.into_iter().flatten().collect();
    assert!(told.len() > 200 * KILLS, "the subscriber was told only {} events", told.len());

    world.tenant().check_order();
    let events = world.tenant().events().unwrap();
    let kept: BTreeSet<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    let lost: Vec<_> = told.iter().filter(|event| !kept.contains(&event["seq"].as_u64().unwrap())).collect();
    assert!(lost.is_empty(), "told but lost: {lost:?}");
    for event in &told {
        let seq = event["seq"].as_u64().unwrap() as usize;
        assert_eq!(&events[seq - 1], event, "an event changed");
    }

    let restarted = |event: &&Value| event["data"]["cause"]["text"].as_str().is_some_and(|text| text.contains("restart"));
    let ends: Vec<&Value> = events.iter().filter(|event| event["kind"] == "call.ended").collect();
    let cut = ends.iter().filter(|event| restarted(event)).count();
    assert!(cut >= 20 * KILLS, "only {cut} calls were closed by {KILLS} restarts");
    check_history(&world, &events);
}

/// Every call that began has one row, every call that ended has one with its end.
fn check_history(world: &World, events: &[Value]) {
    let calls = |kind: &str| -> BTreeSet<String> {
        events.iter().filter(|event| event["kind"] == kind).filter_map(|event| Some(event["call"].as_str()?.to_owned())).collect()
    };
    let ended = calls("call.ended");
    let rows = || -> Vec<String> {
        let mut rows = Vec::new();
        let mut path = format!("/tenants/{TENANT}/history?limit=1000");
        loop {
            let page = world.tandem.get(&path).unwrap();
            let items = page["calls"].as_array().unwrap();
            rows.extend(items.iter().filter_map(|row| Some(row["call"].as_str()?.to_owned())));
            let Some(next) = page["next"].as_str() else { return rows };
            path = format!("/tenants/{TENANT}/history?limit=1000&cursor={next}");
        }
    };
    let rows = until("the history has caught up", secs(20), || {
        let rows = rows();
        ended.iter().all(|call| rows.contains(call)).then_some(rows)
    });
    let distinct: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(distinct.len(), rows.len(), "a call is in the history twice");
    assert!(distinct.is_subset(&calls("call.arrived")), "the history has calls that never were");
}

/// Follows the event stream until the program is killed.
fn follow(world: &World, told: &Told) {
    let (server, token, told) = (world.tandem.http(), world.tandem.token().unwrap(), told.clone());
    let stream = http::stream(server, &format!("/api/v1/tenants/{TENANT}/events"), Some(&token), secs(20)).unwrap();
    let place = {
        let mut streams = told.lock().unwrap();
        streams.push(Vec::new());
        streams.len() - 1
    };
    std::thread::spawn(move || {
        for event in stream.filter_map(|line| serde_json::from_str::<Value>(&line).ok()) {
            told.lock().unwrap()[place].push(event);
        }
    });
}
