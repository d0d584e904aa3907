//! Ada talks to Bob and hands him over to Cyd, without asking first.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;
use std::time::Instant;

use tandem_tests::baresip::Setup;
use tandem_tests::netns::PHONES;
use tandem_tests::or_skip;
use tandem_tests::peer::sdp;
use tandem_tests::rtp::RtpPeer;
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

/// The transferor is a peer of ours, because baresip hangs up when a transfer fails.
#[test]
fn a_transfer_that_fails_leaves_the_parties_talking() {
    let mut world = or_skip!(World::open());
    let bob = world.phone("1002", 1000.0, |phone| phone);
    let (cyd, _) = world.plain_phone("1003", SocketAddr::new(PHONES, 5090));
    let (ada, password) = world.plain_phone("1001", SocketAddr::new(PHONES, 5080));
    let mut voice = RtpPeer::bind(SocketAddr::new(PHONES, 40_000)).unwrap();
    let mut dialog = ada.dialog(world.tandem.sip(), "1002");
    let answer = ada.ask(&mut dialog, "INVITE", "", &sdp(voice.local), &password).unwrap();
    ada.ack(&mut dialog, &answer).unwrap();
    voice.speak(answer.audio().unwrap(), 440.0, 7).unwrap();
    let bobs_call = bob.established();
    let they_talk = |when: &str| {
        pass(millis(500));
        let talking = Instant::now();
        pass(secs(2));
        voice.heard(talking).expect_tone(&format!("ada {when}"), 1000.0);
        world.capture.heard(bob.audio_address(&bobs_call).unwrap(), talking).expect_tone(&format!("bob {when}"), 440.0);
    };

    let refer_to = |user: &str| format!("Refer-To: <{}>\r\n", world.uri(user));
    ada.send(&mut dialog, "REFER", &refer_to("1999"), "").unwrap();
    assert_eq!(ada.answer(&dialog, secs(5)).unwrap().status(), 404);
    they_talk("after nobody was found");

    ada.send(&mut dialog, "REFER", &refer_to("1003"), "").unwrap();
    assert_eq!(ada.answer(&dialog, secs(5)).unwrap().status(), 202);
    let invite = cyd.request("INVITE", secs(5)).unwrap();
    cyd.respond(&invite, "486 Busy Here", "", "").unwrap();
    for wanted in ["SIP/2.0 100", "SIP/2.0 486"] {
        let notify = ada.request("NOTIFY", secs(5)).unwrap();
        assert!(notify.body().starts_with(wanted), "{}", notify.text);
        ada.respond(&notify, "200 OK", "", "").unwrap();
    }
    world.tenant().wait_event("transfer.failed", secs(5));
    they_talk("after a busy phone");
}
