//! Ada talks to Bob, asks Cyd on a second line, and joins the two (REFER with Replaces).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::time::Instant;

use tandem_tests::baresip::Setup;
use tandem_tests::or_skip;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

fn transfer(change: fn(Setup) -> Setup) {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, change);
    let bob = world.phone("1002", 1000.0, change);
    let cyd = world.phone("1003", 2000.0, change);
    ada.dial(&world.uri("1002"));
    ada.established();
    let bobs_call = bob.established();
    ada.hold();
    world.tenant().wait_event("leg.held", secs(5));
    ada.dial(&world.uri("1003"));
    let asking = ada.established();
    let cyds_call = cyd.established();
    pass(secs(1));

    let second = ada.dialog(&asking).unwrap();
    ada.line(1);
    ada.transfer_to_call(&world.uri("1003"), &second);
    world.tenant().wait_event("transfer.completed", secs(10));
    // Both of her calls end.
    ada.closed();
    ada.closed();
    pass(millis(300));
    let talking = Instant::now();
    pass(secs(2));
    world.capture.heard(bob.audio_address(&bobs_call).unwrap(), talking).expect_tone("bob", 2000.0);
    world.capture.heard(cyd.audio_address(&cyds_call).unwrap(), talking).expect_tone("cyd", 1000.0);
    assert!(!bob.has_event("CALL_CLOSED") && !cyd.has_event("CALL_CLOSED"), "a party was cut off");
    world.tenant().check_order();
}

#[test]
fn over_udp() {
    transfer(|phone| phone);
}

#[test]
fn over_tcp() {
    transfer(Setup::over_tcp);
}
