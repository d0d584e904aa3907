//! A third party that knows a call's ports can neither be heard in it nor hear it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;
use std::time::Instant;

use tandem_tests::netns::STRANGER;
use tandem_tests::or_skip;
use tandem_tests::rtp::RtpPeer;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

/// The attacker's voice: seen anywhere but at the server, the attack succeeded.
const SSRC: u32 = 0x6666_6666;

#[test]
fn a_stranger_is_neither_heard_nor_told() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let bob = world.phone("1002", 1000.0, |phone| phone);
    ada.dial(&world.uri("1002"));
    let call = ada.established();
    let bobs_call = bob.established();
    pass(millis(500));

    let begin = Instant::now();
    let mut attackers = Vec::new();
    for (port, target) in [(46_000, ada.audio_target(&call).unwrap()), (46_010, bob.audio_target(&bobs_call).unwrap())] {
        let mut attacker = RtpPeer::bind(SocketAddr::new(STRANGER, port)).unwrap();
        attacker.speak(target, 2500.0, SSRC).unwrap();
        attackers.push(attacker);
    }
    pass(secs(3));

    world.capture.heard(bob.audio_address(&bobs_call).unwrap(), begin).expect_tone("bob", 440.0);
    world.capture.heard(ada.audio_address(&call).unwrap(), begin).expect_tone("ada", 1000.0);
    for attacker in &attackers {
        assert!(attacker.packets(begin).is_empty(), "the stranger was sent the call's audio");
    }
    let passed = world.capture.between(begin, Instant::now());
    let leaked: Vec<_> = passed.iter().filter(|p| p.ssrc == SSRC && p.to.ip() != world.tandem.sip().ip()).collect();
    assert!(leaked.is_empty(), "{} packets of the stranger were passed on", leaked.len());
    ada.hangup();
    bob.closed();
    world.ended(1, secs(5));
    let rejected: u64 =
        world.tenant().events_of("leg.ended").unwrap().iter().filter_map(|leg| leg["data"]["stats"]["packets_rejected"].as_u64()).sum();
    assert!(rejected > 200, "only {rejected} packets were counted as rejected");
}
