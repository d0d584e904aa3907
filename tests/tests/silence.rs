//! A far end that sends no audio is taken for gone after the configured time, but only once it has answered: until then it
//! owes nobody any.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use tandem_tests::netns::{CARRIER, PHONES};
use tandem_tests::or_skip;
use tandem_tests::peer::{SipPeer, sdp};
use tandem_tests::rtp::RtpPeer;
use tandem_tests::tandem::Setup;
use tandem_tests::wait::{pass, secs};
use tandem_tests::world::World;

fn impatient() -> Setup {
    Setup::default().with("RTP__SILENCE_S", "2")
}

#[test]
fn a_caller_that_falls_silent_is_released() {
    let world = or_skip!(World::with(impatient()));
    let carrier = world.carrier();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    let caller = SipPeer::bind("caller", carrier).unwrap();
    let mut voice = RtpPeer::bind(SocketAddr::new(CARRIER, 41_000)).unwrap();
    let mut dialog = caller.dialog(world.tandem.sip(), "600");
    caller.send(&mut dialog, "INVITE", "", &sdp(voice.local)).unwrap();
    let answer = caller.answer(&dialog, secs(5)).unwrap();
    caller.ack(&mut dialog, &answer).unwrap();
    voice.speak(answer.audio().unwrap(), 1000.0, 5).unwrap();
    assert!(caller.request("BYE", secs(4)).is_err(), "released while it spoke");
    drop(voice);
    let silent = Instant::now();
    let bye = caller.request("BYE", secs(10)).unwrap();
    assert!((secs(1)..secs(5)).contains(&silent.elapsed()), "released after {:?}", silent.elapsed());
    caller.respond(&bye, "200 OK", "", "").unwrap();
    let ended = &world.ended(1, secs(5))[0]["data"];
    assert_eq!((&ended["cause"]["by"], &ended["cause"]["q850"]), (&json!("system"), &json!(41)), "{ended}");
    assert!(ended["cause"]["text"].as_str().unwrap().contains("no audio"), "{ended}");
}

#[test]
fn a_callee_that_has_not_answered_may_be_silent() {
    let world = or_skip!(World::with(impatient()));
    let carrier = SipPeer::bind("carrier", world.carrier()).unwrap();
    let (ada, password) = world.plain_phone("1001", SocketAddr::new(PHONES, 5080));
    let offer = sdp(SocketAddr::new(PHONES, 40_000));
    let answer = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ada.ask(&mut ada.dialog(world.tandem.sip(), "+15550142"), "INVITE", "", &offer, &password));
        let invite = carrier.request("INVITE", secs(5)).unwrap();
        carrier.respond(&invite, "183 Session Progress", "", &sdp(SocketAddr::new(CARRIER, 41_000))).unwrap();
        // Twice the time in which an answered leg would be taken for gone.
        pass(secs(5));
        carrier.respond(&invite, "200 OK", "", &sdp(SocketAddr::new(CARRIER, 41_000))).unwrap();
        asking.join().unwrap()
    });
    assert_eq!(answer.unwrap().status(), 200);
}
