//! What a phone asks of its peer in a call.

use std::time::Duration;

use tandem_core::{Cause, Party};
use tandem_media::sip::Name;
use tandem_media::sip::ua::{ActionError, UaEvent};

use crate::pair::{Pair, Side};

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_call_is_handed_over_without_being_told_how_that_goes() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.refer(pair.now, a, "sip:102@tandem.example").unwrap();
    pair.run(SHORT);
    let asked = |event: &UaEvent| match event {
        UaEvent::TransferAsked { leg, refer, target, attended: false, .. } => Some((*leg, *refer, target.clone())),
        _ => None,
    };
    let (leg, token, target) = pair.b.events.iter().find_map(asked).unwrap();
    assert_eq!((leg, target.as_str()), (b, "sip:102@tandem.example"));
    pair.b.ua.notify_transfer(pair.now, b, Some(token), 200).unwrap();
    pair.run(SHORT);
    assert_eq!(pair.last(Side::B, "202 REFER").header(Name::ReferSub), Some("false"));
    assert_eq!(pair.count(Side::B, "NOTIFY"), 0);
    pair.b.ua.release(pair.now, b, Cause::normal(Party::System)).unwrap();
    pair.settle();
    pair.assert_idle();
}

#[test]
fn a_refused_handing_over_leaves_the_call_as_it_is() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.refer(pair.now, a, "sip:nobody@tandem.example").unwrap();
    pair.run(SHORT);
    pair.b.ua.notify_transfer(pair.now, b, None, 404).unwrap();
    pair.run(SHORT);
    assert!(pair.ends(Side::A, a).is_empty() && pair.ends(Side::B, b).is_empty());
    pair.a.ua.release(pair.now, a, Cause::normal(Party::System)).unwrap();
    pair.settle();
    pair.assert_idle();
}

#[test]
fn keys_are_pressed_by_info() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    for key in ['7', '#'] {
        pair.a.ua.press(pair.now, a, key, 200).unwrap();
        pair.run(SHORT);
    }
    let key = |event: &UaEvent| match event {
        UaEvent::Digit { leg, digit, duration_ms: 200 } if *leg == b => Some(*digit),
        _ => None,
    };
    let keys: Vec<char> = pair.b.events.iter().filter_map(key).collect();
    assert_eq!(keys, ['7', '#']);
    assert!(matches!(pair.a.ua.press(pair.now, a, 'x', 200), Err(ActionError::Text(_))));
    pair.a.ua.release(pair.now, a, Cause::normal(Party::System)).unwrap();
    pair.settle();
    assert!(matches!(pair.a.ua.press(pair.now, a, '1', 200), Err(ActionError::NoSuchLeg(_))));
    pair.assert_idle();
}

#[test]
fn nothing_is_asked_before_the_call_stands_and_nothing_breaks_a_message() {
    let mut pair = Pair::new();
    let a = pair.call();
    assert!(matches!(pair.a.ua.refer(pair.now, a, "sip:102@tandem.example"), Err(ActionError::WrongState { .. })));
    assert!(matches!(pair.a.ua.refer(pair.now, a, "sip:1@x\r\nX: y"), Err(ActionError::Text(_))));
    pair.a.ua.release(pair.now, a, Cause::normal(Party::System)).unwrap();
    pair.settle();
    pair.assert_idle();
}
