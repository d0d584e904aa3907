//! Hold and resume: while one phone holds, neither hears the other; afterwards both do again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::time::Instant;

use tandem_tests::baresip::Setup;
use tandem_tests::or_skip;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

fn hold(change: fn(Setup) -> Setup) {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, change);
    let bob = world.phone("1002", 1000.0, change);
    ada.dial(&world.uri("1002"));
    let adas_call = ada.established();
    let bobs_call = bob.established();
    let (adas_ear, bobs_ear) = (ada.audio_address(&adas_call).unwrap(), bob.audio_address(&bobs_call).unwrap());
    let talking = Instant::now();
    pass(secs(2));
    world.capture.heard(bobs_ear, talking).expect_tone("bob", 440.0);

    ada.hold();
    world.tenant().wait_event("leg.held", secs(5));
    pass(millis(200));
    let held = Instant::now();
    pass(secs(2));
    // What a held party hears instead is ours to choose; it is not the other phone.
    let heard = world.capture.heard(bobs_ear, held);
    assert!(heard.level_at(440.0) < 0.01, "bob hears ada during the hold: {:?}", heard.strongest());
    let heard = world.capture.heard(adas_ear, held);
    assert!(heard.level_at(1000.0) < 0.01, "ada hears bob during the hold: {:?}", heard.strongest());

    ada.resume();
    world.tenant().wait_event("leg.resumed", secs(5));
    pass(millis(300));
    let resumed = Instant::now();
    pass(secs(2));
    world.capture.heard(bob.audio_address(&bobs_call).unwrap(), resumed).expect_tone("bob", 440.0);
    world.capture.heard(ada.audio_address(&adas_call).unwrap(), resumed).expect_tone("ada", 1000.0);
    ada.hangup();
    bob.closed();
    world.ended(1, secs(5));
}

#[test]
fn over_udp() {
    hold(|phone| phone);
}

#[test]
fn over_tcp() {
    hold(Setup::over_tcp);
}
