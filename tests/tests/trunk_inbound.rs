//! Calls from the telephone network: to a phone, without an offer, given up, to nobody, from a stranger, lost packets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use tandem_tests::netns::{CARRIER, STRANGER};
use tandem_tests::or_skip;
use tandem_tests::peer::{SipPeer, sdp};
use tandem_tests::rtp::RtpPeer;
use tandem_tests::sipp::{CALLER, Sipp};
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

const NUMBER: &str = "+15550199";
/// Where SIPp's scenarios say that the carrier's audio is.
const AUDIO: u16 = 41_000;

#[test]
fn a_caller_reaches_a_phone_and_both_hear_each_other() {
    for scenario in ["carrier_calls", "carrier_late_offer"] {
        let mut world = or_skip!(World::open());
        let carrier = world.carrier();
        let ada = world.phone("1001", 440.0, |phone| phone);
        world.tenant().add_number(NUMBER, &json!({ "phone": "1001" })).unwrap();
        let mut caller = RtpPeer::bind(SocketAddr::new(CARRIER, AUDIO)).unwrap();
        let sipp = world.sipp(scenario).service(NUMBER).lasting(secs(5)).start().unwrap();
        let call = ada.established();
        let target = wait_target(&world);
        assert_eq!(target.ip(), world.tandem.sip().ip());
        caller.speak(target, 1000.0, 5).unwrap();
        pass(millis(500));
        let talking = Instant::now();
        pass(secs(2));
        caller.heard(talking).expect_tone("the caller", 440.0);
        world.capture.heard(ada.audio_address(&call).unwrap(), talking).expect_tone("ada", 1000.0);
        ada.closed();
        sipp.finish().unwrap().expect(1);
        let arrived = &world.tenant().events_of("call.arrived").unwrap()[0]["data"];
        assert_eq!((arrived["caller"].as_str(), arrived["called"].as_str()), (Some(CALLER), Some(NUMBER)), "{arrived}");
        assert_eq!(arrived["from"]["trunk"], "carrier", "{arrived} from {carrier}");
    }
}

/// Our audio address for the carrier's leg, from the event log.
fn wait_target(world: &World) -> SocketAddr {
    let carriers = |event: &serde_json::Value| event["data"]["media"]["remote"] == format!("{CARRIER}:{AUDIO}");
    tandem_tests::wait::until("the carrier's media was negotiated", secs(5), || {
        let event = world.tenant().events_of("leg.media").ok()?.into_iter().find(carriers)?;
        event["data"]["media"]["local"].as_str()?.parse().ok()
    })
}

#[test]
fn a_caller_who_gives_up_stops_the_ringing() {
    let mut world = or_skip!(World::open());
    world.carrier();
    let ada = world.phone("1001", 440.0, |phone| phone.rings());
    world.tenant().add_number(NUMBER, &json!({ "phone": "1001" })).unwrap();
    let sipp = world.sipp("carrier_cancels").service(NUMBER).start().unwrap();
    ada.event("CALL_INCOMING", secs(5));
    ada.closed();
    sipp.finish().unwrap().expect(1);
    let ended = world.ended(1, secs(5));
    assert_eq!((&ended[0]["data"]["cause"]["sip"], &ended[0]["data"]["answered"]), (&json!(487), &json!(false)), "{ended:?}");
}

#[test]
fn a_number_that_leads_nowhere_and_a_stranger_are_refused() {
    let world = or_skip!(World::open());
    world.carrier();
    for (ip, wanted) in [(CARRIER, &[404][..]), (STRANGER, &[401, 403, 404, 407][..])] {
        let caller = SipPeer::bind("caller", SocketAddr::new(ip, 5070)).unwrap();
        let mut dialog = caller.dialog(world.tandem.sip(), "+15559999");
        caller.send(&mut dialog, "INVITE", "", &sdp(SocketAddr::new(ip, AUDIO))).unwrap();
        let answer = caller.answer(&dialog, secs(5)).unwrap();
        assert!(wanted.contains(&answer.status()), "{ip}: {}", answer.text);
    }
}

#[test]
fn every_call_succeeds_although_packets_are_lost() {
    let world = or_skip!(World::open());
    world.carrier();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    let sipp = world.sipp("carrier_calls").service("600").calls(60).rate(10).lasting(secs(2)).timeout(secs(60));
    let outcome = sipp.args(&["-lost", "10"]).run().unwrap();
    outcome.expect(60);
    assert!(outcome.retransmissions > 10, "nothing was lost: {outcome:?}");
    world.ended(60, secs(40));
    // A repeated INVITE is the same call.
    assert_eq!(world.tenant().events_of("call.arrived").unwrap().len(), 60);
    assert_eq!(world.tenant().list("calls").unwrap().len(), 0);
}

#[test]
fn calls_come_over_tcp_and_over_ipv6() {
    let world = or_skip!(World::with(tandem_tests::tandem::Setup { also: Some(tandem_tests::netns::SERVER_V6), ..Default::default() }));
    world.carrier();
    let v6 = SocketAddr::new(tandem_tests::netns::CARRIER_V6, 5070);
    world.tenant().add_trunk("six", v6, &json!({ "priority": 9 })).unwrap();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    world.sipp("carrier_calls").over_tcp().service("600").calls(5).lasting(millis(500)).run().unwrap().expect(5);
    let server = SocketAddr::new(tandem_tests::netns::SERVER_V6, world.tandem.sip().port());
    Sipp::new("carrier_calls", v6).to(server).service("600").calls(5).lasting(millis(500)).run().unwrap().expect(5);
}
