//! Ada talks to Bob and hands him over to Cyd, without asking first.
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
    let mut cyd = world.phone("1003", 2000.0, change);
    ada.dial(&world.uri("1002"));
    ada.established();
    let bobs_call = bob.established();
    pass(secs(1));

    ada.transfer(&world.uri("1003"));
    let cyds_call = cyd.established();
    ada.closed();
    world.tenant().wait_event("transfer.completed", secs(5));
    pass(millis(300));
    let talking = Instant::now();
    pass(secs(2));
    world.capture.heard(bob.audio_address(&bobs_call).unwrap(), talking).expect_tone("bob", 2000.0);
    world.capture.heard(cyd.audio_address(&cyds_call).unwrap(), talking).expect_tone("cyd", 1000.0);
    assert!(!bob.has_event("CALL_CLOSED"), "bob's call was cut");

    cyd.hangup();
    bob.closed();
    world.ended(1, secs(5));
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

#[test]
fn to_nobody_leaves_the_parties_talking() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let bob = world.phone("1002", 1000.0, |phone| phone);
    ada.dial(&world.uri("1002"));
    let adas_call = ada.established();
    bob.established();
    ada.transfer(&world.uri("1999"));
    world.tenant().wait_event("transfer.failed", secs(10));
    pass(millis(500));
    let talking = Instant::now();
    pass(secs(2));
    world.capture.heard(ada.audio_address(&adas_call).unwrap(), talking).expect_tone("ada", 1000.0);
}
