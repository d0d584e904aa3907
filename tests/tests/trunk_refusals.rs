//! What the telephone network says no with, and what the caller and the history are told: busy, refused, no answer, silence.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;

use serde_json::{Value, json};
use tandem_tests::netns::CARRIER;
use tandem_tests::or_skip;
use tandem_tests::peer::SipPeer;
use tandem_tests::tandem::Setup;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

const NUMBER: &str = "+15550142";

#[test]
fn busy_and_refusals_reach_the_caller_with_their_cause() {
    let mut world = or_skip!(World::open());
    world.carrier();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let refusals = [("486 Busy Here", 17), ("603 Decline", 21), ("404 Not Found", 1), ("403 Forbidden", 21)];
    for (count, (status, cause)) in (1..).zip(refusals) {
        let sipp = world.sipp("carrier_refuses").key("status", status).key("cause", &cause.to_string()).start().unwrap();
        pass(millis(300));
        ada.dial(&world.uri(NUMBER));
        let told = ada.closed();
        assert_eq!(told.split(' ').next(), status.split(' ').next(), "carrier said {status}, phone was told {told}");
        sipp.finish().unwrap().expect(1);
        let ended = world.ended(count, secs(5));
        let last: &Value = &ended.last().unwrap()["data"];
        assert_eq!((&last["cause"]["q850"], &last["answered"]), (&json!(cause), &json!(false)), "{status}: {last}");
    }
}

#[test]
fn nobody_answers_until_the_time_is_up() {
    let mut world = or_skip!(World::open());
    let tenant = json!({ "name": "acme", "domains": [world.tandem.sip().ip().to_string()], "ring_timeout_s": 3 });
    world.tandem.api("PUT", "/tenants/acme", Some(&tenant)).unwrap().ok().unwrap();
    world.carrier();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let sipp = world.sipp("carrier_rings").start().unwrap();
    pass(millis(300));
    ada.dial(&world.uri(NUMBER));
    ada.event("CALL_RINGING", secs(5));
    let told = ada.closed();
    assert!(told.starts_with("480") || told.starts_with("408"), "{told}");
    sipp.finish().unwrap().expect(1);
    let ended = world.ended(1, secs(5));
    assert_eq!(ended[0]["data"]["answered"], false, "{ended:?}");
}

#[test]
fn a_silent_carrier_is_given_up_after_timer_b() {
    // RFC 3261 §17.1.1.2: 64 * T1, here 3.2 s.
    let mut world = or_skip!(World::with(Setup::default().with("SIP__T1_MS", "50")));
    world.carrier();
    let silent = SipPeer::bind("carrier", SocketAddr::new(CARRIER, 5070)).unwrap();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let begin = std::time::Instant::now();
    ada.dial(&world.uri(NUMBER));
    let told = ada.closed();
    assert!(["408", "503", "504"].iter().any(|status| told.starts_with(status)), "{told}");
    assert!((secs(3)..secs(6)).contains(&begin.elapsed()), "after {:?}", begin.elapsed());
    let mut invites = 0;
    while silent.request("INVITE", millis(100)).is_ok() {
        invites += 1;
    }
    // At 0, 50, 150, 350, 750, 1550 and 3150 ms.
    assert_eq!(invites, 7, "INVITE and its repetitions");
    world.ended(1, secs(5));
}
