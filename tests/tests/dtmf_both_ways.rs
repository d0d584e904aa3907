//! Keys pressed on one phone arrive at the other, each once and in order, and are events.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use tandem_tests::baresip::Setup;
use tandem_tests::or_skip;
use tandem_tests::wait::{millis, pass, secs, until_true};
use tandem_tests::world::World;

fn keys(change: fn(Setup) -> Setup) {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, change);
    let mut bob = world.phone("1002", 1000.0, change);
    ada.dial(&world.uri("1002"));
    ada.established();
    bob.established();
    pass(millis(500));
    for key in "0123456789*#".chars() {
        ada.press(key);
        pass(millis(350));
    }
    for key in "42#".chars() {
        bob.press(key);
        pass(millis(350));
    }
    until_true("bob had every key", secs(5), || bob.digits() == "0123456789*#");
    until_true("ada had every key", secs(5), || ada.digits() == "42#");
    let events = world.tenant().events_of("leg.digit").unwrap();
    let digits: String = events.iter().filter_map(|event| event["data"]["digit"].as_str()).collect();
    assert_eq!(digits, "0123456789*#42#");
    let legs: std::collections::BTreeSet<_> = events.iter().filter_map(|event| event["data"]["leg"].as_str()).collect();
    assert_eq!(legs.len(), 2, "{events:?}");
    assert!(events.iter().all(|event| event["data"]["duration_ms"].as_u64() > Some(20)), "{events:?}");
}

#[test]
fn over_udp() {
    keys(|phone| phone);
}

#[test]
fn over_tcp() {
    keys(Setup::over_tcp);
}
