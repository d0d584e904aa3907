//! Who may call: a trunk by its address, a phone by its password, nobody as somebody else, and no more than there is room for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;

use serde_json::json;
use tandem_tests::netns::{CARRIER, PHONES};
use tandem_tests::or_skip;
use tandem_tests::peer::{SipPeer, sdp};
use tandem_tests::wait::secs;
use tandem_tests::world::{CARRIER_PORT, World};

/// The status that an INVITE to the echo gets.
fn status(world: &World, user: &str, from: SocketAddr) -> u16 {
    let peer = SipPeer::bind(user, from).unwrap();
    let mut dialog = peer.dialog(world.tandem.sip(), "600");
    peer.send(&mut dialog, "INVITE", "", &sdp(SocketAddr::new(from.ip(), 41_000))).unwrap();
    peer.answer(&dialog, secs(5)).unwrap().status()
}

#[test]
fn who_claims_to_be_a_phone_must_prove_it_even_beside_a_trunk() {
    let world = or_skip!(World::open());
    world.carrier();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    world.tenant().add_phone("1001").unwrap();
    let trunk = SocketAddr::new(CARRIER, CARRIER_PORT);
    let beside = SocketAddr::new(CARRIER, CARRIER_PORT + 7);
    assert_eq!(status(&world, "+15550100", trunk), 200, "the trunk itself");
    assert_eq!(status(&world, "+15550100", beside), 200, "the trunk's host, another port");
    assert_eq!(status(&world, "1001", beside), 401, "a phone's name, from the trunk's host");
    assert_eq!(status(&world, "%31001", beside), 401, "a phone's name in disguise");
    assert_eq!(status(&world, "1001", SocketAddr::new(PHONES, 5080)), 401, "a phone's name, from anywhere");
}

#[test]
fn one_phones_password_opens_no_other_phone() {
    let world = or_skip!(World::open());
    let (eve, password) = world.plain_phone("1002", SocketAddr::new(PHONES, 5080));
    world.tenant().add_phone("1001").unwrap();
    let mut dialog = eve.dialog(world.tandem.sip(), "1001");
    dialog.target = format!("sip:{}", world.tandem.sip());
    let answer = eve.ask(&mut dialog, "REGISTER", "Expires: 300\r\n", "", &password).unwrap();
    assert_eq!(answer.status(), 403, "{}", answer.text);
    assert_eq!(world.tenant().list("registrations").unwrap().len(), 1);
}

#[test]
fn beyond_the_tenants_most_calls_a_caller_is_told_to_come_back() {
    let world = or_skip!(World::open());
    let tenant = json!({ "name": "acme", "domains": [world.tandem.sip().ip().to_string()], "max_calls": 1 });
    world.tandem.api("PUT", "/tenants/acme", Some(&tenant)).unwrap().ok().unwrap();
    world.carrier();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    let beside = |port: u16| SocketAddr::new(CARRIER, CARRIER_PORT + port);
    assert_eq!(status(&world, "+15550100", beside(0)), 200);
    assert_eq!(status(&world, "+15550101", beside(1)), 503);
    let refused = &world.ended(1, secs(5))[0]["data"];
    assert_eq!((&refused["cause"]["sip"], &refused["answered"]), (&json!(503), &json!(false)), "{refused}");
}
