use std::time::Duration;

use tandem_core::{Cause, Party};
use tandem_media::sip::Name;
use tandem_media::sip::ua::UaEvent;

use crate::pair::{ANSWER, Pair, Side};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn busy_ends_both_legs_and_is_acknowledged() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(SHORT);
    let b = pair.offered(Side::B).leg;
    pair.b.ua.refuse(pair.now, b, 486, &[(Name::RetryAfter, "30")]).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a), Cause::sip(486, Party::Remote));
    assert_eq!(pair.end(Side::B, b).sip, 486);
    assert!(pair.a.events.iter().any(|event| matches!(event, UaEvent::Ended { retry_after: Some(30), .. })));
    assert_eq!((pair.count(Side::B, "486 INVITE"), pair.count(Side::A, "ACK")), (1, 1));
    pair.assert_idle();
}

#[test]
fn the_networks_cause_crosses_a_refusal() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(SHORT);
    let b = pair.offered(Side::B).leg;
    let cause = Cause { sip: 503, q850: 34, by: Party::Peer, text: Some("no circuit".into()) };
    pair.b.ua.release(pair.now, b, cause).unwrap();
    pair.settle();
    let end = pair.end(Side::A, a);
    assert_eq!((end.sip, end.q850, end.text.as_deref()), (503, 34, Some("no circuit")));
    pair.assert_idle();
}

#[test]
fn a_cancel_waits_for_the_first_provisional() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.run(Duration::from_millis(150));
    assert_eq!(pair.count(Side::A, "CANCEL"), 0, "nothing has been heard yet");
    pair.settle();
    // The 100 after 200 ms lets it go.
    assert_eq!(pair.sent(Side::A), ["INVITE", "CANCEL", "ACK"]);
    assert_eq!(pair.sent(Side::B), ["100 INVITE", "200 CANCEL", "487 INVITE"]);
    let b = pair.offered(Side::B).leg;
    assert_eq!(pair.end(Side::B, b).sip, 487);
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    pair.assert_idle();
}

#[test]
fn a_cancel_while_it_rings() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(SHORT);
    let b = pair.offered(Side::B).leg;
    pair.b.ua.ring(pair.now, b).unwrap();
    pair.run(SHORT);
    pair.a.ua.release(pair.now, a, Cause::sip(480, Party::System)).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a).sip, 480);
    let end = pair.end(Side::B, b);
    assert_eq!((end.sip, end.q850, end.by), (487, 18, Party::Remote), "CANCEL carried our Reason");
    assert!(pair.b.ua.answer(pair.now, b, ANSWER.into()).is_err(), "too late");
    pair.assert_idle();
}

#[test]
fn a_cancel_that_meets_the_200_hangs_up_what_was_answered() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(SHORT);
    let b = pair.offered(Side::B).leg;
    pair.b.ua.ring(pair.now, b).unwrap();
    pair.run(SHORT);
    pair.b.ua.answer(pair.now, b, ANSWER.into()).unwrap();
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    assert_eq!(pair.sent(Side::A), ["INVITE", "CANCEL", "ACK", "BYE"]);
    assert_eq!(pair.count(Side::B, "200 CANCEL"), 1);
    assert!(!pair.a.events.iter().any(|event| matches!(event, UaEvent::Answered { .. })), "it was given up before");
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    assert_eq!(pair.end(Side::B, b).by, Party::Remote);
    pair.assert_idle();
}

#[test]
fn nobody_there_is_a_408_after_timer_b() {
    let mut pair = Pair::new();
    pair.loses = Box::new(|_| true);
    let start = pair.now;
    let a = pair.call();
    pair.run(Duration::from_millis(31_999));
    assert!(pair.ends(Side::A, a).is_empty());
    pair.run(Duration::from_millis(1));
    assert_eq!(pair.end(Side::A, a), Cause::sip(408, Party::System));
    assert_eq!(pair.now.since(start), Duration::from_secs(32));
    assert_eq!(pair.count(Side::A, "INVITE"), 7);
    pair.assert_idle();
}

#[test]
fn a_refusal_that_is_never_acknowledged_is_given_up_at_timer_h() {
    let mut pair = Pair::new();
    pair.loses = Box::new(|packet| packet.what() == "ACK");
    let a = pair.call();
    pair.run(SHORT);
    let b = pair.offered(Side::B).leg;
    pair.b.ua.refuse(pair.now, b, 404, &[]).unwrap();
    pair.settle();
    // 0, .5, 1.5, 3.5, 7.5, then every 4 s up to 32 s.
    assert_eq!(pair.count(Side::B, "404 INVITE"), 11);
    assert_eq!(pair.count(Side::A, "ACK"), 11, "each is acknowledged");
    assert_eq!(pair.end(Side::A, a).sip, 404);
    pair.assert_idle();
}

#[test]
fn a_cancelled_invite_that_is_never_answered_ends_all_the_same() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(Duration::from_millis(300));
    pair.loses = Box::new(|packet| packet.from == Side::B);
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    pair.assert_idle();
}

#[test]
fn a_connection_that_breaks_ends_the_attempt_with_503() {
    let mut pair = Pair::over(tandem_core::Transport::Tcp);
    let a = pair.call();
    let flow = pair.a.flow;
    pair.a.ua.flow_failed(pair.now, flow);
    pair.pump();
    assert_eq!(pair.end(Side::A, a), Cause::sip(503, Party::System));
    assert!(pair.a.events.iter().any(|event| matches!(event, UaEvent::FlowClosed { .. })));
}
