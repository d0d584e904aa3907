use std::time::Duration;

use tandem_core::{Cause, Party, Transport};
use tandem_media::sip::ua::UaEvent;

use crate::pair::{ANSWER, Packet, Pair, Side};

/// Loses the first so many of a kind.
fn first(count: usize, what: &'static str) -> Box<dyn FnMut(&Packet) -> bool> {
    let mut left = count;
    Box::new(move |packet| {
        let lose = packet.what() == what && left > 0;
        left -= usize::from(lose);
        lose
    })
}

fn hang_up(pair: &mut Pair, leg: tandem_core::LegId) {
    pair.a.ua.release(pair.now, leg, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    pair.assert_idle();
}

#[test]
fn a_lost_ack_is_repeated() {
    let mut pair = Pair::new();
    pair.loses = first(2, "ACK");
    let (a, b) = pair.talk();
    pair.run(Duration::from_secs(5));
    assert_eq!((pair.count(Side::B, "200 INVITE"), pair.count(Side::A, "ACK")), (3, 3));
    assert_eq!(pair.b.events.iter().filter(|event| matches!(event, UaEvent::Confirmed { leg, .. } if *leg == b)).count(), 1);
    hang_up(&mut pair, a);
    assert_eq!(pair.end(Side::B, b).sip, 200);
}

#[test]
fn a_lost_200_is_retransmitted() {
    let mut pair = Pair::new();
    pair.loses = first(3, "200 INVITE");
    let (a, b) = pair.talk();
    assert!(!pair.a.events.iter().any(|event| matches!(event, UaEvent::Answered { .. })));
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.count(Side::B, "200 INVITE"), 4);
    assert_eq!(pair.a.events.iter().filter(|event| matches!(event, UaEvent::Answered { .. })).count(), 1);
    hang_up(&mut pair, a);
    pair.end(Side::B, b);
}

#[test]
fn an_answer_that_is_never_acknowledged_is_hung_up() {
    let mut pair = Pair::new();
    pair.loses = Box::new(|packet| packet.what() == "ACK");
    let (a, b) = pair.talk();
    pair.settle();
    assert_eq!(pair.count(Side::B, "BYE"), 1);
    assert_eq!(pair.end(Side::B, b).sip, 408);
    assert_eq!(pair.end(Side::A, a).by, Party::Remote);
    pair.assert_idle();
}

#[test]
fn a_release_right_after_the_answer_waits_for_the_ack() {
    let mut pair = Pair::new();
    pair.loses = first(1, "ACK");
    let a = pair.call();
    pair.run(Duration::from_millis(50));
    let b = pair.offered(Side::B).leg;
    pair.b.ua.answer(pair.now, b, ANSWER.into()).unwrap();
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    let sent = pair.sent(Side::B);
    assert_eq!(sent, ["200 INVITE", "200 INVITE", "BYE"]);
    assert_eq!(pair.end(Side::B, b), Cause::normal(Party::Operator));
    assert_eq!(pair.end(Side::A, a).by, Party::Remote);
    pair.assert_idle();
}

#[test]
fn a_bye_that_is_repeated_gets_the_same_answer() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.loses = first(2, "200 BYE");
    hang_up(&mut pair, a);
    assert_eq!((pair.count(Side::A, "BYE"), pair.count(Side::B, "200 BYE")), (3, 3));
    assert_eq!(pair.end(Side::A, a).sip, 200);
    pair.end(Side::B, b);
}

#[test]
fn a_bye_that_nobody_answers_ends_the_leg_anyway() {
    let mut pair = Pair::new();
    let (a, _) = pair.talk();
    pair.loses = Box::new(|_| true);
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    assert!(pair.a.ua.is_idle());
}

#[test]
fn both_hang_up_at_once() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    assert_eq!(pair.end(Side::B, b), Cause::normal(Party::Operator));
    pair.assert_idle();
}

#[test]
fn an_invite_that_is_repeated_is_offered_once() {
    let mut pair = Pair::new();
    pair.loses = first(4, "100 INVITE");
    let a = pair.call();
    pair.run(Duration::from_secs(4));
    assert_eq!(pair.count(Side::A, "INVITE"), 4);
    pair.offered(Side::B);
    assert!(!pair.b.events.iter().any(|event| matches!(event, UaEvent::Offered(_))), "once");
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    pair.assert_idle();
}

#[test]
fn a_stream_repeats_nothing_but_the_200() {
    let mut pair = Pair::over(Transport::Tcp);
    pair.loses = Box::new(|packet| packet.what() == "ACK");
    pair.latency = Duration::from_secs(3);
    let a = pair.call();
    pair.run(Duration::from_secs(4));
    let b = pair.offered(Side::B).leg;
    pair.b.ua.answer(pair.now, b, ANSWER.into()).unwrap();
    pair.run(Duration::from_secs(8));
    assert_eq!(pair.count(Side::A, "INVITE"), 1);
    assert!(pair.count(Side::B, "200 INVITE") > 1, "the ACK comes from the far end (§13.3.1.4)");
    pair.loses = Box::new(|_| false);
    hang_up(&mut pair, a);
    assert_eq!(pair.count(Side::A, "BYE"), 1);
}
