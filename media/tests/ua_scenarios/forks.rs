use std::time::Duration;

use tandem_core::{Cause, Party};
use tandem_media::sip::ua::UaEvent;

use crate::pair::{ANSWER, Pair, Side};

/// A response of another branch of the fork, from a device that only this test knows.
fn from_another_branch(pair: &Pair, what: &str) -> String {
    let sample = pair.last(Side::B, what);
    let tag = sample.to().unwrap().tag().unwrap().to_owned();
    String::from_utf8(sample.bytes().to_vec()).unwrap().replace(&tag, "branch2").replace("bob@192.0.2.2", "bob@192.0.2.77")
}

#[test]
fn a_forked_extra_answer_is_acknowledged_and_hung_up() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    let extra = from_another_branch(&pair, "200 INVITE");
    pair.inject(Side::A, &extra);
    pair.inject(Side::A, &extra);
    let to_branch = |packet: &&crate::pair::Packet| {
        packet.from == Side::A && packet.message.is_request() && packet.message.to().unwrap().tag() == Some("branch2")
    };
    let sent: Vec<String> = pair.wire.iter().filter(to_branch).map(|packet| packet.what()).collect();
    assert_eq!(sent, ["ACK", "BYE", "ACK"], "each 200 gets an ACK, the branch one BYE");
    assert!(pair.wire.iter().filter(to_branch).all(|packet| packet.message.uri_text() == "sip:bob@192.0.2.77:5060"));
    assert_eq!(pair.a.events.iter().filter(|event| matches!(event, UaEvent::Answered { .. })).count(), 1);
    assert!(pair.ends(Side::A, a).is_empty(), "the first answer stands");
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    pair.end(Side::B, b);
    pair.assert_idle();
}

#[test]
fn an_answer_from_a_branch_that_never_rang_wins_if_it_is_the_first() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(Duration::from_millis(50));
    let b = pair.offered(Side::B).leg;
    pair.b.ua.ring(pair.now, b).unwrap();
    pair.run(Duration::from_millis(50));
    pair.b.ua.answer(pair.now, b, ANSWER.into()).unwrap();
    pair.loses = Box::new(|packet| packet.what() == "200 INVITE");
    pair.pump();
    let other = from_another_branch(&pair, "200 INVITE");
    pair.inject(Side::A, &other);
    assert!(pair.a.events.iter().any(|event| matches!(event, UaEvent::Answered { leg, .. } if *leg == a)));
    pair.loses = Box::new(|_| false);
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.end(Side::B, b).by, Party::Remote, "the branch that was slower is hung up");
    assert!(pair.ends(Side::A, a).is_empty());
}

#[test]
fn an_extra_answer_after_the_call_is_over_is_hung_up_too() {
    let mut pair = Pair::new();
    let (a, _) = pair.talk();
    let extra = from_another_branch(&pair, "200 INVITE");
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.run(Duration::from_secs(2));
    pair.end(Side::A, a);
    pair.inject(Side::A, &extra);
    assert_eq!(pair.count(Side::A, "BYE"), 2);
    pair.settle();
    pair.assert_idle();
}
