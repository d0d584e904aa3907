//! SIPp against SIPp, and against our own peer.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;
use std::time::Instant;

use tandem_tests::netns::{CARRIER, Net, PHONES};
use tandem_tests::or_skip;
use tandem_tests::peer::{SipPeer, sdp};
use tandem_tests::rtp::RtpPeer;
use tandem_tests::sipp::{self, Sipp};
use tandem_tests::wait::{millis, pass, secs};

#[test]
fn calls_between_two_sipps_all_succeed() {
    or_skip!(sipp::available());
    let _net = or_skip!(Net::enter());
    let carrier = SocketAddr::new(CARRIER, 5070);
    let answers = Sipp::new("uas", carrier).calls(50).start().unwrap();
    let outcome = Sipp::new("uac", SocketAddr::new(PHONES, 5080)).to(carrier).calls(50).rate(50).run().unwrap();
    outcome.expect(50);
    answers.finish().unwrap().expect(50);
}

#[test]
fn the_scenarios_fit_each_other() {
    or_skip!(sipp::available());
    let _net = or_skip!(Net::enter());
    let carrier = SocketAddr::new(CARRIER, 5070);
    let caller = SocketAddr::new(PHONES, 5080);
    let pairs = [
        ("carrier_calls", "carrier_answers"),
        ("carrier_calls_and_listens", "carrier_answers_and_hangs_up"),
        ("carrier_late_offer", "carrier_answers"),
        ("carrier_cancels", "carrier_rings"),
    ];
    for (calls, answers) in pairs {
        for tcp in [false, true] {
            let (mut uac, mut uas) = (Sipp::new(calls, caller).to(carrier).lasting(millis(100)), Sipp::new(answers, carrier));
            if tcp {
                (uac, uas) = (uac.over_tcp(), uas.over_tcp());
            }
            let uas = uas.lasting(millis(100)).start().unwrap();
            pass(millis(300));
            uac.run().unwrap().expect(1);
            uas.finish().unwrap().expect(1);
        }
    }
}

#[test]
fn a_call_that_is_refused_is_counted_as_failed() {
    or_skip!(sipp::available());
    let _net = or_skip!(Net::enter());
    let carrier = SipPeer::bind("carrier", SocketAddr::new(CARRIER, 5070)).unwrap();
    let caller = Sipp::new("uac", SocketAddr::new(PHONES, 5080)).to(carrier.local).start().unwrap();
    let invite = carrier.request("INVITE", secs(5)).unwrap();
    carrier.respond(&invite, "486 Busy Here", "", "").unwrap();
    let outcome = caller.finish().unwrap();
    assert_eq!((outcome.successful, outcome.failed, outcome.code), (0, 1, Some(1)), "{outcome:?}");
}

#[test]
fn our_own_peers_make_a_call_with_audio() {
    let _net = or_skip!(Net::enter());
    let caller = SipPeer::bind("ada", SocketAddr::new(PHONES, 5080)).unwrap();
    let called = SipPeer::bind("bob", SocketAddr::new(CARRIER, 5070)).unwrap();
    let mut voice = RtpPeer::bind(SocketAddr::new(PHONES, 40_000)).unwrap();
    let ear = RtpPeer::bind(SocketAddr::new(CARRIER, 41_000)).unwrap();

    let mut dialog = caller.dialog(called.local, "bob");
    caller.send(&mut dialog, "INVITE", "", &sdp(voice.local)).unwrap();
    let invite = called.request("INVITE", secs(5)).unwrap();
    assert_eq!(invite.audio(), Some(voice.local));
    called.respond(&invite, "200 OK", "", &sdp(ear.local)).unwrap();
    let answer = caller.answer(&dialog, secs(5)).unwrap();
    caller.ack(&mut dialog, &answer).unwrap();
    called.request("ACK", secs(5)).unwrap();

    let begin = Instant::now();
    voice.speak(answer.audio().unwrap(), 440.0, 7).unwrap();
    pass(secs(2));
    ear.heard(begin).expect_tone("bob", 440.0);
}
