//! Phones that sign in by TLS and encrypt what is said, among themselves and with one that does not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::time::Instant;

use serde_json::json;
use tandem_tests::baresip::{Baresip, Setup};
use tandem_tests::or_skip;
use tandem_tests::tandem;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

/// Ada calls Bob, they talk, each hears the other's tone and nothing else. Gives Ada's Call-ID.
fn talk(world: &World, ada: &mut Baresip, bob: &Baresip, number: &str) -> String {
    ada.dial(number);
    let call = ada.established();
    bob.established();
    pass(secs(4));
    ada.hangup();
    bob.closed();
    for (phone, tone) in [(&*ada, bob.setup.tone), (bob, ada.setup.tone)] {
        let heard = phone.recording().unwrap().part(millis(500), secs(3));
        heard.expect_tone(&phone.setup.user, tone);
        assert_eq!(heard.gaps(millis(40)), [], "{} heard gaps", phone.setup.user);
    }
    world.ended(1, secs(5));
    for leg in world.tenant().events_of("leg.ended").unwrap() {
        let stats = &leg["data"]["stats"];
        assert!(stats["packets_received"].as_u64() > Some(150) && stats["packets_lost"] == 0 && stats["packets_rejected"] == 0, "{leg}");
    }
    call
}

/// What was agreed on about keys may be in the phones' traces and nowhere of ours.
fn expect_no_keys(world: &World, phones: &[&Baresip]) {
    let events: String = world.tenant().events().unwrap().iter().map(ToString::to_string).collect();
    let mut keys = 0;
    for trace in phones.iter().map(|phone| phone.trace()) {
        for key in trace.split("inline:").skip(1).map(|rest| &rest[..38]) {
            keys += 1;
            assert!(!events.contains(key) && !world.tandem.log().contains(key), "a key in our log or events");
        }
    }
    assert!(keys >= 2, "{keys} keys");
}

#[test]
#[ignore = "written and compiled, not yet run against baresip"]
fn by_tls_with_a_certificate_that_is_checked() {
    let mut world = or_skip!(World::with(tandem::Setup::default().secure()));
    let authority = world.tandem.certificate();
    let mut ada = world.phone("1001", 440.0, |phone| phone.over_tls().trusts(&authority));
    let bob = world.phone("1002", 1000.0, |phone| phone.over_tls());
    let registered = world.tenant().list("registrations").unwrap();
    assert!(registered.len() == 2 && registered.iter().all(|one| one.to_string().contains("tls")), "{registered:?}");
    let number = format!("{};transport=tls", world.uri("1002").replace("5060", "5061"));
    talk(&world, &mut ada, &bob, &number);
    assert!(world.tandem.metric("tandem_sip_connections").unwrap() >= 2.0);
}

#[test]
#[ignore = "written and compiled, not yet run against baresip"]
fn a_certificate_of_somebody_else_is_refused_by_the_phone() {
    let world = or_skip!(World::with(tandem::Setup::default().secure()));
    let password = world.tenant().add_phone("1001").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem()).unwrap();
    let phone = Setup::new("1001", 0, 440.0).registered(world.tandem.sip(), &password).over_tls().trusts(&file).start();
    assert!(phone.is_err(), "registered with whom it does not trust");
}

#[test]
#[ignore = "written and compiled, not yet run against baresip"]
fn required_encryption_talks_with_a_phone_in_the_clear() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone_with("1001", 440.0, &json!({"srtp": "required"}), |phone| phone.encrypts("srtp-mand"));
    let bob = world.phone("1002", 1000.0, |phone| phone);
    let number = world.uri("1002");
    talk(&world, &mut ada, &bob, &number);
    let trace = ada.trace();
    assert!(trace.contains("RTP/SAVP") && trace.contains("a=crypto:"), "{trace}");
    assert!(!bob.trace().contains("a=crypto:"));
    expect_no_keys(&world, &[&ada]);
}

#[test]
#[ignore = "written and compiled, not yet run against baresip"]
fn preferred_encryption_is_agreed_on_under_the_usual_name_of_the_protocol() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone_with("1001", 440.0, &json!({"srtp": "preferred"}), |phone| phone.encrypts("srtp"));
    let bob = world.phone_with("1002", 1000.0, &json!({"srtp": "preferred"}), |phone| phone.encrypts("srtp"));
    let number = world.uri("1002");
    talk(&world, &mut ada, &bob, &number);
    expect_no_keys(&world, &[&ada, &bob]);
}

#[test]
#[ignore = "written and compiled, not yet run against baresip"]
fn preferred_encryption_falls_back_and_required_does_not() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone_with("1001", 440.0, &json!({"srtp": "preferred"}), |phone| phone);
    let bob = world.phone_with("1002", 1000.0, &json!({"srtp": "required"}), |phone| phone);
    ada.dial(&world.uri("1002"));
    let reason = ada.closed();
    assert!(reason.starts_with("488") || reason.starts_with("480"), "{reason}");
    let mut bob = bob;
    bob.dial(&world.uri("1001"));
    let reason = bob.closed();
    assert!(reason.starts_with("488"), "{reason}");
    let carol = world.phone("1003", 700.0, |phone| phone);
    ada.dial(&world.uri("1003"));
    ada.established();
    carol.established();
    ada.hangup();
}

#[test]
#[ignore = "written and compiled, not yet run against baresip"]
fn hold_and_resume_keep_the_call_encrypted() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone_with("1001", 440.0, &json!({"srtp": "required"}), |phone| phone.encrypts("srtp-mand"));
    let bob = world.phone("1002", 1000.0, |phone| phone);
    ada.dial(&world.uri("1002"));
    let at_ada = ada.established();
    let at_bob = bob.established();
    pass(secs(1));
    ada.hold();
    pass(secs(1));
    ada.resume();
    pass(secs(1));
    let since = Instant::now();
    pass(secs(2));
    let heard = world.capture.heard(bob.audio_address(&at_bob).unwrap(), since);
    heard.last(secs(1)).expect_tone("1002", 440.0);
    let wire = world.capture.heard(ada.audio_address(&at_ada).unwrap(), since);
    assert!(wire.strongest().is_none_or(|sine| sine.purity < 0.5), "Bob's tone goes to Ada in the clear");
    ada.hangup();
    bob.closed();
    world.ended(1, secs(5));
    let rejected = |leg: &serde_json::Value| leg["data"]["stats"]["packets_rejected"].as_u64().unwrap();
    assert!(world.tenant().events_of("leg.ended").unwrap().iter().all(|leg| rejected(leg) == 0));
}
