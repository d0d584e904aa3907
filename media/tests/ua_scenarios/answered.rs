use tandem_core::{Cause, Party};
use tandem_media::sip::ua::UaEvent;

use crate::pair::{ANSWER, OFFER, Pair, Side};

#[test]
fn an_answered_call_hung_up_by_the_caller() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    assert_eq!(pair.sent(Side::A), ["INVITE", "ACK"]);
    assert_eq!(pair.sent(Side::B), ["180 INVITE", "200 INVITE"]);
    assert!(pair.a.events.iter().any(|event| matches!(event, UaEvent::Progressed { leg, status: 180, sdp: None } if *leg == a)));
    assert!(
        pair.a
            .events
            .iter()
            .any(|event| matches!(event, UaEvent::Answered { leg, sdp: Some(sdp), needs_answer: false, .. } if *leg == a && sdp == ANSWER))
    );
    assert!(pair.b.events.iter().any(|event| matches!(event, UaEvent::Confirmed { leg, sdp: None } if *leg == b)));

    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    assert_eq!(pair.end(Side::B, b), Cause::normal(Party::Remote));
    assert_eq!(pair.count(Side::A, "BYE"), 1);
    pair.assert_idle();
}

#[test]
fn an_answered_call_hung_up_by_the_called() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a).by, Party::Remote);
    assert_eq!(pair.end(Side::B, b).by, Party::Operator);
    pair.assert_idle();
}

#[test]
fn the_offer_tells_who_calls_whom_and_both_ends_know_the_same_dialog() {
    let mut pair = Pair::new();
    let a = pair.call();
    pair.run(std::time::Duration::from_millis(50));
    let offered = pair.offered(Side::B);
    assert_eq!(offered.sdp.as_deref(), Some(OFFER));
    assert_eq!(offered.request.from().unwrap().display.as_deref(), Some("Alice A."));
    assert_eq!(offered.request.uri_text(), "sip:bob@192.0.2.2");
    assert_eq!(offered.max_forwards, 69);
    pair.b.ua.answer(pair.now, offered.leg, ANSWER.into()).unwrap();
    pair.run(std::time::Duration::from_millis(50));
    let (here, there) = (pair.a.ua.dialog_record(a).unwrap(), pair.b.ua.dialog_record(offered.leg).unwrap());
    assert_eq!(here.call_id, there.call_id);
    assert_eq!(Some(&here.local_tag), there.remote_tag.as_ref());
    assert_eq!(here.remote_tag.as_ref(), Some(&there.local_tag));
    assert_eq!(here.local_uri, there.remote_uri);
    assert_eq!(here.remote_target, "sip:bob@192.0.2.2:5060");
    assert_eq!(there.remote_target, "sip:alice@192.0.2.1:5060");
}
