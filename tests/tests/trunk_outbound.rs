//! Calls to the telephone network: answered, hung up by either side, cancelled, registered at the carrier.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use tandem_tests::netns::CARRIER;
use tandem_tests::or_skip;
use tandem_tests::rtp::RtpPeer;
use tandem_tests::wait::{millis, pass, secs, until_true};
use tandem_tests::world::World;

const NUMBER: &str = "+15550142";

#[test]
fn a_phone_calls_out_and_both_hear_each_other() {
    let mut world = or_skip!(World::open());
    world.carrier();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let mut callee = RtpPeer::bind(SocketAddr::new(CARRIER, 41_000)).unwrap();
    let sipp = world.sipp("carrier_answers").start().unwrap();
    pass(millis(300));
    ada.dial(&world.uri(NUMBER));
    let call = ada.established();
    // The caller's leg is answered right after: the carrier's is the one that was dialled.
    let dialled = world.tenant().wait_event("leg.dialled", secs(1));
    let answers = world.tenant().events_of("leg.answered").unwrap();
    let answered = answers.iter().find(|event| event["data"]["leg"] == dialled["data"]["leg"]).unwrap();
    let target = answered["data"]["media"]["local"].as_str().unwrap().parse().unwrap();
    callee.speak(target, 1000.0, 5).unwrap();
    pass(millis(500));
    let talking = Instant::now();
    pass(secs(2));
    callee.heard(talking).expect_tone("the callee", 440.0);
    world.capture.heard(ada.audio_address(&call).unwrap(), talking).expect_tone("ada", 1000.0);
    ada.hangup();
    sipp.finish().unwrap().expect(1);
    assert_eq!((&dialled["data"]["to"]["trunk"], &dialled["data"]["called"]), (&json!("carrier"), &json!(NUMBER)), "{dialled}");
    world.ended(1, secs(5));
}

#[test]
fn the_callee_hangs_up() {
    let mut world = or_skip!(World::open());
    world.carrier();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let sipp = world.sipp("carrier_answers_and_hangs_up").lasting(secs(1)).start().unwrap();
    pass(millis(300));
    ada.dial(&world.uri(NUMBER));
    ada.established();
    ada.closed();
    sipp.finish().unwrap().expect(1);
    let ended = world.ended(1, secs(5));
    assert_eq!(ended[0]["data"]["cause"]["q850"], 16, "{ended:?}");
}

#[test]
fn a_caller_who_gives_up_cancels_at_the_carrier() {
    let mut world = or_skip!(World::open());
    world.carrier();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let sipp = world.sipp("carrier_rings").start().unwrap();
    pass(millis(300));
    ada.dial(&world.uri(NUMBER));
    ada.event("CALL_RINGING", secs(5));
    pass(millis(500));
    ada.hangup();
    sipp.finish().unwrap().expect(1);
    let ended = world.ended(1, secs(5));
    assert_eq!(ended[0]["data"]["cause"]["sip"], 487, "{ended:?}");
}

#[test]
fn a_trunk_registers_with_its_password() {
    let world = or_skip!(World::open());
    let carrier = SocketAddr::new(CARRIER, 5070);
    let registrar = world.sipp("registrar").key("username", "line7").key("password", "s3cret").start().unwrap();
    pass(millis(300));
    let auth = json!({ "register": { "user": "line7", "expires_s": 300 }, "password": "s3cret" });
    world.tenant().add_trunk("carrier", carrier, &auth).unwrap();
    registrar.finish().unwrap().expect(1);
    until_true("the trunk is up", secs(5), || {
        world.tenant().events_of("trunk.state").unwrap().last().is_some_and(|event| event["data"]["state"] == "up")
    });
}
