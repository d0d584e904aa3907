//! Two phones register with digest and talk; each hears the other's tone and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use tandem_tests::baresip::Setup;
use tandem_tests::or_skip;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

fn talk(change: fn(Setup) -> Setup) {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, change);
    let bob = world.phone("1002", 1000.0, change);
    let registered = world.tenant().list("registrations").unwrap();
    assert_eq!(registered.len(), 2, "{registered:?}");

    ada.dial(&world.uri("1002"));
    ada.established();
    bob.established();
    pass(secs(4));
    ada.hangup();
    bob.closed();

    for (phone, tone) in [(&ada, 1000.0), (&bob, 440.0)] {
        let heard = phone.recording().unwrap().part(millis(500), secs(3));
        heard.expect_tone(&phone.setup.user, tone);
        assert_eq!(heard.gaps(millis(40)), [], "{} heard gaps", phone.setup.user);
    }
    let ended = world.ended(1, secs(5));
    assert_eq!(ended[0]["data"]["cause"]["sip"], 200, "{ended:?}");
    assert_eq!(ended[0]["data"]["answered"], true, "{ended:?}");
    for leg in world.tenant().events_of("leg.ended").unwrap() {
        let stats = &leg["data"]["stats"];
        assert!(stats["packets_received"].as_u64() > Some(150) && stats["packets_lost"] == 0, "{leg}");
        assert!(stats["mos"].as_f64() > Some(4.0), "{leg}");
    }
    world.tenant().check_order();
}

#[test]
fn over_udp() {
    talk(|phone| phone);
}

#[test]
fn over_tcp() {
    talk(Setup::over_tcp);
}

#[test]
fn a_wrong_password_is_refused() {
    let world = or_skip!(World::open());
    world.tenant().add_phone("1001").unwrap();
    let phone = Setup::new("1001", 0, 440.0).registered(world.tandem.sip(), "wrong").start();
    assert!(phone.is_err(), "registered with a wrong password");
    assert!(world.tenant().list("registrations").unwrap().is_empty());
}

#[test]
fn a_phone_that_is_not_there_is_not_found() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    ada.dial(&world.uri("1999"));
    let reason = ada.closed();
    assert!(reason.starts_with("404"), "{reason}");
}
