use std::time::Duration;

use tandem_core::{Cause, LegId, Party};
use tandem_media::sip::Name;
use tandem_media::sip::ua::{ReferToken, UaEvent};

use crate::pair::{ANSWER, Pair, Side};

const SHORT: Duration = Duration::from_millis(100);

/// A REFER in B's dialog, as a phone at A would send it.
fn refer(pair: &mut Pair, b: LegId, headers: &str) {
    let dialog = pair.b.ua.dialog_record(b).unwrap();
    let cseq = dialog.remote_cseq.unwrap() + 1;
    let text = format!(
        "REFER sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKr{cseq};rport\nMax-Forwards: 70\nFrom: <sip:alice@tandem.example>;tag={}\nTo: <sip:bob@192.0.2.2>;tag={}\nCall-ID: {}\nCSeq: {cseq} REFER\nContact: <sip:alice@192.0.2.1:5060>\n{headers}Content-Length: 0\n\n",
        dialog.remote_tag.unwrap(),
        dialog.local_tag,
        dialog.call_id
    );
    pair.inject(Side::B, &text);
}

fn asked(pair: &Pair) -> (ReferToken, String, bool, Option<LegId>) {
    let found = |event: &UaEvent| match event {
        UaEvent::TransferAsked { refer, target, attended, replaces, .. } => Some((*refer, target.clone(), *attended, *replaces)),
        _ => None,
    };
    pair.b.events.iter().rev().find_map(found).expect("a transfer")
}

fn end(pair: &mut Pair, b: LegId) {
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    pair.assert_idle();
}

#[test]
fn a_blind_transfer_is_accepted_and_told_how_it_goes() {
    let mut pair = Pair::new();
    let (_, b) = pair.talk();
    refer(&mut pair, b, "Refer-To: <sip:102@tandem.example>\n");
    let (token, target, attended, replaces) = asked(&pair);
    assert_eq!((target.as_str(), attended, replaces), ("sip:102@tandem.example", false, None));
    pair.b.ua.notify_transfer(pair.now, b, Some(token), 100).unwrap();
    pair.run(SHORT);
    pair.b.ua.notify_transfer(pair.now, b, None, 200).unwrap();
    pair.run(SHORT);
    assert_eq!(pair.sent(Side::B)[2..], ["202 REFER", "NOTIFY", "NOTIFY"]);
    let notifies: Vec<_> = pair.wire.iter().filter(|p| p.what() == "NOTIFY").map(|p| p.message.clone()).collect();
    assert_eq!(notifies[0].body(), b"SIP/2.0 100 Trying\r\n");
    assert_eq!(notifies[1].body(), b"SIP/2.0 200 OK\r\n");
    assert_eq!(notifies[0].header(Name::Event), Some("refer"));
    assert!(!notifies[0].subscription_state().unwrap().unwrap().is_terminated());
    assert!(notifies[1].subscription_state().unwrap().unwrap().is_terminated());
    assert!(pair.b.ua.notify_transfer(pair.now, b, Some(token), 200).is_err(), "told once");
    end(&mut pair, b);
}

#[test]
fn a_transfer_can_be_refused() {
    let mut pair = Pair::new();
    let (_, b) = pair.talk();
    refer(&mut pair, b, "Refer-To: <sip:102@tandem.example>\n");
    pair.b.ua.notify_transfer(pair.now, b, None, 603).unwrap();
    pair.run(SHORT);
    assert_eq!((pair.count(Side::B, "603 REFER"), pair.count(Side::B, "NOTIFY")), (1, 0));
    end(&mut pair, b);
}

#[test]
fn a_peer_that_wants_no_notice_gets_none() {
    let mut pair = Pair::new();
    let (_, b) = pair.talk();
    refer(&mut pair, b, "Refer-To: <sip:102@tandem.example>\nRefer-Sub: false\n");
    pair.b.ua.notify_transfer(pair.now, b, None, 100).unwrap();
    pair.b.ua.notify_transfer(pair.now, b, None, 200).unwrap();
    pair.run(SHORT);
    assert_eq!(pair.last(Side::B, "202 REFER").header(Name::ReferSub), Some("false"));
    assert_eq!(pair.count(Side::B, "NOTIFY"), 0);
    end(&mut pair, b);
}

#[test]
fn an_attended_transfer_names_the_other_leg() {
    let mut pair = Pair::new();
    let (_, first) = pair.talk();
    let (_, second) = pair.talk();
    let other = pair.b.ua.dialog_record(second).unwrap();
    let replaces = format!("{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", other.call_id, other.local_tag, other.remote_tag.unwrap());
    refer(&mut pair, first, &format!("Refer-To: <sip:102@tandem.example?Replaces={replaces}>\n"));
    let (_, target, attended, leg) = asked(&pair);
    assert_eq!((target.as_str(), attended, leg), ("sip:102@tandem.example", true, Some(second)));
    pair.b.ua.release(pair.now, second, Cause::normal(Party::Peer)).unwrap();
    end(&mut pair, first);
    assert_eq!(pair.count(Side::B, "487 REFER"), 1, "a REFER that nobody answered is not left open");
}

#[test]
fn an_invite_that_replaces_a_call_names_its_leg_and_one_for_nothing_is_a_481() {
    let mut pair = Pair::new();
    let (_, b) = pair.talk();
    let dialog = pair.b.ua.dialog_record(b).unwrap();
    let tags = format!("{};to-tag={};from-tag={}", dialog.call_id, dialog.local_tag, dialog.remote_tag.unwrap());
    let a2 = pair.call_with(|params| params.headers.push(("Replaces".into(), tags.clone())));
    pair.run(SHORT);
    let offered = pair.offered(Side::B);
    assert_eq!(offered.replaces, Some(b));
    pair.b.ua.answer(pair.now, offered.leg, ANSWER.into()).unwrap();
    let a3 = pair.call_with(|params| params.headers.push(("Replaces".into(), tags.replace("to-tag=", "to-tag=0"))));
    let a4 = pair.call_with(|params| params.headers.push(("Replaces".into(), format!("{tags};early-only"))));
    pair.run(SHORT);
    assert_eq!(pair.end(Side::A, a3).sip, 481);
    assert_eq!(pair.end(Side::A, a4).sip, 486, "only an early dialog was wanted");
    assert!(pair.ends(Side::A, a2).is_empty());
}
