use std::time::Duration;

use tandem_core::LegId;
use tandem_media::sip::Name;
use tandem_media::sip::ua::UaEvent;

use crate::pair::{ANSWER, Pair, Side};

const SDP_OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

/// An INVITE that requires reliable provisional responses.
fn invited(pair: &mut Pair) -> LegId {
    let text = format!(
        "INVITE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKi;rport\nMax-Forwards: 70\nFrom: <sip:x@x>;tag=x1\nTo: <sip:bob@192.0.2.2>\nCall-ID: rel\nCSeq: 7 INVITE\nContact: <sip:x@192.0.2.1>\nRequire: 100rel\nContent-Type: application/sdp\nContent-Length: {}\n\n",
        SDP_OFFER.len()
    );
    pair.inject(Side::B, &format!("{text}{SDP_OFFER}"));
    pair.offered(Side::B).leg
}

fn prack(pair: &mut Pair, leg: LegId, rseq: u32, cseq: u32) {
    let dialog = pair.b.ua.dialog_record(leg).unwrap();
    let text = format!(
        "PRACK sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKp{cseq};rport\nMax-Forwards: 70\nFrom: <sip:x@x>;tag=x1\nTo: <sip:bob@192.0.2.2>;tag={}\nCall-ID: rel\nCSeq: {cseq} PRACK\nRAck: {rseq} 7 INVITE\nContent-Length: 0\n\n",
        dialog.local_tag
    );
    pair.inject(Side::B, &text);
}

fn rseq(pair: &Pair, what: &str) -> u32 {
    pair.last(Side::B, what).header(Name::RSeq).unwrap().parse().unwrap()
}

#[test]
fn a_caller_that_requires_it_gets_provisionals_until_it_acknowledges_them() {
    let mut pair = Pair::new();
    let leg = invited(&mut pair);
    pair.b.ua.ring(pair.now, leg).unwrap();
    pair.run(Duration::from_secs(4));
    assert_eq!(pair.count(Side::B, "180 INVITE"), 4, "at 0, .5, 1.5, 3.5 s");
    assert!(pair.last(Side::B, "180 INVITE").has_token(Name::Require, "100rel"));
    let number = rseq(&pair, "180 INVITE");
    prack(&mut pair, leg, number + 1, 8);
    assert_eq!(pair.count(Side::B, "481 PRACK"), 1);
    prack(&mut pair, leg, number, 9);
    assert_eq!(pair.count(Side::B, "200 PRACK"), 1);
    pair.run(Duration::from_secs(20));
    assert_eq!(pair.count(Side::B, "180 INVITE"), 4);
}

#[test]
fn what_comes_after_an_unacknowledged_provisional_waits_for_its_prack() {
    let mut pair = Pair::new();
    let leg = invited(&mut pair);
    pair.b.ua.ring(pair.now, leg).unwrap();
    pair.b.ua.progress(pair.now, leg, 183, Some(ANSWER.into())).unwrap();
    pair.pump();
    assert_eq!(pair.sent(Side::B), ["180 INVITE"]);
    let number = rseq(&pair, "180 INVITE");
    prack(&mut pair, leg, number, 8);
    assert_eq!(rseq(&pair, "183 INVITE"), number + 1);
    pair.b.ua.answer(pair.now, leg, ANSWER.into()).unwrap();
    pair.pump();
    assert_eq!(pair.count(Side::B, "200 INVITE"), 0, "our session description is not acknowledged yet");
    prack(&mut pair, leg, number + 1, 9);
    assert_eq!(pair.sent(Side::B)[1..], ["200 PRACK", "183 INVITE", "200 PRACK", "200 INVITE"]);
    assert!(pair.last(Side::B, "200 INVITE").body().is_empty(), "the answer was given before");
}

#[test]
fn a_caller_that_never_acknowledges_is_refused() {
    let mut pair = Pair::new();
    let leg = invited(&mut pair);
    pair.b.ua.ring(pair.now, leg).unwrap();
    pair.run(Duration::from_secs(33));
    assert_eq!(pair.end(Side::B, leg).sip, 504);
    assert!(pair.count(Side::B, "504 INVITE") >= 1);
    pair.settle();
    pair.assert_idle();
    assert!(!pair.a.events.iter().any(|event| matches!(event, UaEvent::Offered(_))));
}
