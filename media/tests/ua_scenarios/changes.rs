use std::time::Duration;

use bytes::Bytes;
use tandem_core::{Cause, LegId, Party};
use tandem_media::sip::Name;
use tandem_media::sip::ua::{SessionConfig, UaConfig, UaEvent};

use crate::pair::{ANSWER, OFFER, Pair, Side};

const SHORT: Duration = Duration::from_millis(100);
const HOLD: &[u8] = b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n";

fn reoffered(pair: &mut Pair, side: Side) -> Vec<(LegId, Option<Bytes>)> {
    let found = |event: &UaEvent| match event {
        UaEvent::Reoffered { leg, sdp } => Some((*leg, sdp.clone())),
        _ => None,
    };
    pair.peer(side).events.iter().filter_map(found).collect()
}

fn results(pair: &mut Pair, side: Side) -> Vec<Result<Option<Bytes>, u16>> {
    let found = |event: &UaEvent| match event {
        UaEvent::ReofferAnswered { result, .. } => Some(result.clone()),
        _ => None,
    };
    pair.peer(side).events.iter().filter_map(found).collect()
}

fn end(pair: &mut Pair, a: LegId, b: LegId) {
    pair.loses = Box::new(|_| false);
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.settle();
    pair.end(Side::A, a);
    pair.end(Side::B, b);
    pair.assert_idle();
}

#[test]
fn a_late_offer_is_made_with_the_answer_and_answered_with_the_ack() {
    let mut pair = Pair::new();
    let a = pair.call_with(|params| params.sdp = None);
    pair.run(SHORT);
    let offered = pair.offered(Side::B);
    assert_eq!(offered.sdp, None);
    pair.b.ua.answer(pair.now, offered.leg, OFFER.into()).unwrap();
    pair.run(Duration::from_secs(1));
    assert!(
        pair.a.events.iter().any(|event| matches!(event, UaEvent::Answered { needs_answer: true, sdp: Some(sdp), .. } if sdp == OFFER))
    );
    assert_eq!(pair.count(Side::A, "ACK"), 0, "it waits for our answer");
    assert_eq!(pair.count(Side::A, "BYE"), 0, "the repeated 200 is no fork");
    pair.a.ua.acknowledge(pair.now, a, ANSWER.into()).unwrap();
    pair.run(SHORT);
    assert!(pair.b.events.iter().any(|event| matches!(event, UaEvent::Confirmed { sdp: Some(sdp), .. } if sdp == ANSWER)));
    end(&mut pair, a, offered.leg);
}

#[test]
fn hold_by_reinvite() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.reoffer(pair.now, a, Some(HOLD.into())).unwrap();
    pair.run(SHORT);
    assert_eq!(reoffered(&mut pair, Side::B), [(b, Some(HOLD.into()))]);
    pair.b.ua.answer_reoffer(pair.now, b, ANSWER.into()).unwrap();
    pair.run(SHORT);
    assert_eq!(results(&mut pair, Side::A), [Ok(Some(ANSWER.into()))]);
    assert_eq!(pair.count(Side::A, "ACK"), 2);
    end(&mut pair, a, b);
}

#[test]
fn a_refused_reinvite_leaves_the_call_standing() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.b.ua.reoffer(pair.now, b, Some(HOLD.into())).unwrap();
    pair.run(SHORT);
    pair.a.ua.refuse_reoffer(pair.now, a, 488).unwrap();
    pair.run(SHORT);
    assert_eq!(results(&mut pair, Side::B), [Err(488)]);
    assert!(pair.ends(Side::A, a).is_empty() && pair.ends(Side::B, b).is_empty());
    end(&mut pair, a, b);
}

#[test]
fn a_reinvite_without_offer_gets_ours_and_brings_the_answer_with_the_ack() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.reoffer(pair.now, a, None).unwrap();
    pair.run(SHORT);
    assert_eq!(reoffered(&mut pair, Side::B), [(b, None)]);
    pair.b.ua.answer_reoffer(pair.now, b, OFFER.into()).unwrap();
    pair.run(SHORT);
    assert_eq!(results(&mut pair, Side::A), [Ok(Some(OFFER.into()))]);
    pair.a.ua.acknowledge(pair.now, a, ANSWER.into()).unwrap();
    pair.run(SHORT);
    assert_eq!(results(&mut pair, Side::B), [Ok(Some(ANSWER.into()))]);
    end(&mut pair, a, b);
}

#[test]
fn offers_that_meet_back_off_and_both_get_through() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.reoffer(pair.now, a, Some(HOLD.into())).unwrap();
    pair.b.ua.reoffer(pair.now, b, Some(OFFER.into())).unwrap();
    pair.run(SHORT);
    assert_eq!((pair.count(Side::A, "491 INVITE"), pair.count(Side::B, "491 INVITE")), (1, 1));
    let met = pair.now;
    for _ in 0..100 {
        pair.run(SHORT);
        for (side, leg) in [(Side::A, a), (Side::B, b)] {
            if !reoffered(&mut pair, side).is_empty() {
                pair.peer(side).events.retain(|event| !matches!(event, UaEvent::Reoffered { .. }));
                let now = pair.now;
                pair.peer(side).ua.answer_reoffer(now, leg, ANSWER.into()).unwrap();
            }
        }
    }
    assert_eq!(results(&mut pair, Side::A), [Ok(Some(ANSWER.into()))]);
    assert_eq!(results(&mut pair, Side::B), [Ok(Some(ANSWER.into()))]);
    let again = |side| pair.wire.iter().find(|p| p.from == side && p.what() == "INVITE" && p.at >= met).unwrap().at.since(met);
    assert!(again(Side::A) >= Duration::from_millis(1900), "the owner of the Call-ID waits 2.1 s at least");
    assert!(again(Side::B) <= Duration::from_millis(2000), "the other 2 s at most");
    end(&mut pair, a, b);
}

#[test]
fn a_second_reinvite_while_one_is_open_is_told_to_come_later() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.reoffer(pair.now, a, Some(HOLD.into())).unwrap();
    pair.run(SHORT);
    let open = pair.last(Side::A, "INVITE");
    let cseq = open.cseq().unwrap().number;
    let text = String::from_utf8(open.bytes().to_vec()).unwrap();
    let text = text.replace(&format!("{cseq} INVITE"), &format!("{} INVITE", cseq + 1)).replace("branch=z9hG4bK", "branch=z9hG4bKx");
    pair.inject(Side::B, &text);
    assert!(pair.last(Side::B, "500 INVITE").retry_after().is_some());
    pair.b.ua.answer_reoffer(pair.now, b, ANSWER.into()).unwrap();
    pair.run(SHORT);
    assert_eq!(results(&mut pair, Side::A), [Ok(Some(ANSWER.into()))]);
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    pair.end(Side::A, a);
    pair.assert_idle();
}

#[test]
fn a_hang_up_while_a_reinvite_is_open_answers_it() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.reoffer(pair.now, a, Some(HOLD.into())).unwrap();
    pair.run(SHORT);
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    assert_eq!(pair.count(Side::B, "487 INVITE"), 1);
    assert_eq!(pair.end(Side::A, a).by, Party::Remote);
    pair.end(Side::B, b);
    pair.assert_idle();
}

fn timed(interval: u64) -> Pair {
    let session = SessionConfig { interval: Duration::from_secs(interval), least: Duration::from_secs(90) };
    Pair::with(tandem_core::Transport::Udp, 1, UaConfig { session, ..Default::default() })
}

#[test]
fn a_session_is_refreshed_by_update_at_half_its_interval() {
    let mut pair = timed(600);
    let (a, b) = pair.talk();
    assert!(pair.last(Side::B, "200 INVITE").session_expires().is_some());
    pair.run(Duration::from_secs(3000));
    // The caller refreshes, as nobody said otherwise.
    assert_eq!((pair.count(Side::A, "UPDATE"), pair.count(Side::B, "UPDATE")), (9, 0));
    assert!(pair.ends(Side::A, a).is_empty() && pair.ends(Side::B, b).is_empty());
    end(&mut pair, a, b);
}

#[test]
fn a_session_that_nobody_refreshes_is_given_up() {
    let mut pair = timed(600);
    let (_, b) = pair.talk();
    pair.loses = Box::new(|_| true);
    pair.run(Duration::from_secs(567));
    assert!(pair.ends(Side::B, b).is_empty());
    pair.run(Duration::from_secs(40));
    assert_eq!(pair.end(Side::B, b).sip, 408);
    pair.settle();
    pair.assert_idle();
}

#[test]
fn a_session_interval_that_is_too_small_is_raised() {
    let (small, large) = (Duration::from_secs(100), Duration::from_secs(300));
    let config = |interval, least| UaConfig { session: SessionConfig { interval, least }, ..Default::default() };
    let mut pair = Pair::with(tandem_core::Transport::Udp, 1, config(small, Duration::from_secs(90)));
    let strict = Pair::with(tandem_core::Transport::Udp, 9, config(large, large));
    pair.b.ua = strict.b.ua;
    let (a, b) = pair.talk();
    assert_eq!(pair.last(Side::B, "422 INVITE").min_se(), Some(300));
    assert_eq!(pair.last(Side::A, "INVITE").header(Name::SessionExpires), Some("300"));
    end(&mut pair, a, b);
}
