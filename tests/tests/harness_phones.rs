//! The peers themselves, without Tandem: if these fail, nothing else says anything.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::time::{Duration, Instant};

use tandem_tests::baresip::Setup;
use tandem_tests::capture::Capture;
use tandem_tests::netns::Net;
use tandem_tests::or_skip;
use tandem_tests::wait::{millis, pass, secs, until_true};

#[test]
fn two_phones_call_each_other_and_hear_the_others_tone() {
    or_skip!(Setup::available());
    let _net = or_skip!(Net::enter());
    let mut ada = Setup::new("ada", 0, 440.0).start().unwrap();
    let bob = Setup::new("bob", 1, 1000.0).start().unwrap();
    ada.dial(&bob.uri());
    ada.established();
    bob.established();
    pass(secs(3));
    ada.hangup();
    bob.closed();
    let middle = |audio: tandem_tests::tone::Audio| audio.part(millis(500), secs(2));
    let heard = middle(ada.recording().unwrap());
    heard.expect_tone("ada", 1000.0);
    assert_eq!(heard.gaps(millis(40)), [], "the tone has gaps");
    middle(bob.recording().unwrap()).expect_tone("bob", 440.0);
}

#[test]
fn hold_digits_and_a_blind_transfer_are_seen_on_the_wire() {
    or_skip!(Setup::available());
    let _net = or_skip!(Net::enter());
    let capture = Capture::start().unwrap();
    let mut ada = Setup::new("ada", 0, 440.0).over_tcp().start().unwrap();
    let bob = Setup::new("bob", 1, 1000.0).start().unwrap();
    let cyd = Setup::new("cyd", 2, 2000.0).start().unwrap();
    ada.dial(&format!("{};transport=tcp", bob.uri()));
    let call = ada.established();
    bob.established();

    ada.press('5');
    ada.press('*');
    until_true("bob saw both keys", secs(5), || bob.digits() == "5*");

    let bobs_ear = bob.audio_address(&call).unwrap();
    ada.hold();
    pass(millis(800));
    ada.resume();
    pass(millis(300));
    let resumed = Instant::now();
    pass(Duration::from_millis(1500));
    capture.heard(bobs_ear, resumed).expect_tone("bob", 440.0);
    assert_eq!(capture.digits(bobs_ear, 101, resumed), "");

    ada.transfer(&cyd.uri());
    assert_eq!(ada.closed(), "Call transfered");
    let second = bob.established();
    cyd.established();
    let transferred = Instant::now();
    pass(millis(1500));
    capture.heard(cyd.audio_address(&second).unwrap(), transferred).expect_tone("cyd", 1000.0);
}
