//! Access numbers of the switch itself: the echo gives back the caller's own tone, the tone number a steady sine.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::time::Instant;

use serde_json::json;
use tandem_tests::or_skip;
use tandem_tests::tone::Audio;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

#[test]
fn a_phone_hears_the_echo_and_the_tone() {
    let mut world = or_skip!(World::open());
    world.tenant().add_number("600", &json!("echo")).unwrap();
    world.tenant().add_number("601", &json!({ "tone": { "sine": 1000 } })).unwrap();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    // The echo is as loud as the phone speaks, the switch's own tones are at -10 dBm0.
    for (number, tone, level) in [("600", 440.0, 0.3535), ("601", 1000.0, Audio::dbm0(-10.0))] {
        ada.dial(&world.uri(number));
        let call = ada.established();
        pass(millis(300));
        let begin = Instant::now();
        pass(millis(2500));
        let heard = world.capture.heard(ada.audio_address(&call).unwrap(), begin);
        heard.expect_tone_at(number, tone, level);
        assert_eq!(heard.gaps(millis(40)), [], "gaps in what {number} says");
        ada.hangup();
        ada.closed();
    }
    world.ended(2, secs(5));
}
