use std::time::Duration;

use tandem_core::{Cause, Party};
use tandem_media::sip::Name;
use tandem_media::sip::ua::UaEvent;

use crate::pair::{Pair, Side};

fn invite(branch: &str, headers: &str) -> String {
    format!(
        "INVITE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\nMax-Forwards: 70\nFrom: <sip:x@x>;tag=x1\nTo: <sip:bob@192.0.2.2>\nCall-ID: raw-1\nCSeq: 7 INVITE\nContact: <sip:x@192.0.2.1>\n{headers}Content-Length: 0\n\n"
    )
}

fn request(method: &str, headers: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{method}\nMax-Forwards: 70\nFrom: <sip:x@x>;tag=x1\nTo: <sip:bob@192.0.2.2>\nCall-ID: raw-{method}\nCSeq: 7 {method}\n{headers}Content-Length: 0\n\n"
    )
}

#[test]
fn the_same_invite_by_two_paths_is_a_482() {
    let mut pair = Pair::new();
    pair.inject(Side::B, &invite("z9hG4bK1", ""));
    pair.inject(Side::B, &invite("z9hG4bK2", ""));
    assert_eq!(pair.sent(Side::B), ["482 INVITE"]);
    pair.offered(Side::B);
}

#[test]
fn an_invite_without_hops_left_is_a_483() {
    let mut pair = Pair::new();
    pair.inject(Side::B, &invite("z9hG4bK1", "").replace("Max-Forwards: 70", "Max-Forwards: 0"));
    assert_eq!(pair.sent(Side::B), ["483 INVITE"]);
    assert!(pair.b.events.is_empty());
}

#[test]
fn an_unknown_extension_is_a_420_that_names_it() {
    let mut pair = Pair::new();
    pair.inject(Side::B, &invite("z9hG4bK1", "Require: timer, foo, bar\n"));
    assert_eq!(pair.last(Side::B, "420 INVITE").header(Name::Unsupported), Some("foo"));
    assert_eq!(pair.last(Side::B, "420 INVITE").headers(Name::Unsupported).count(), 2);
}

#[test]
fn a_body_that_is_no_session_description_is_a_415() {
    let mut pair = Pair::new();
    let text = invite("z9hG4bK1", "Content-Type: text/plain\n").replace("Content-Length: 0\n\n", "Content-Length: 2\n\nhi");
    pair.inject(Side::B, &text);
    assert_eq!(pair.last(Side::B, "415 INVITE").header(Name::Accept), Some("application/sdp"));
}

#[test]
fn methods_that_we_do_not_know_or_take_are_refused_with_what_we_allow() {
    let mut pair = Pair::new();
    for (method, status) in [("FROBNICATE", 501), ("PUBLISH", 405), ("BYE", 481), ("UPDATE", 481), ("SUBSCRIBE", 489)] {
        pair.inject(Side::B, &request(method, "Event: presence\n"));
        let answer = pair.last(Side::B, &format!("{status} {method}"));
        assert_eq!(matches!(status, 501 | 405), answer.has_token(Name::Allow, "INVITE"));
    }
    pair.settle();
    pair.assert_idle();
}

#[test]
fn options_tell_what_we_can() {
    let mut pair = Pair::new();
    pair.inject(Side::B, &request("OPTIONS", ""));
    let answer = pair.last(Side::B, "200 OPTIONS");
    assert!(answer.has_token(Name::Allow, "REFER") && answer.has_token(Name::Supported, "timer"));
    assert_eq!(answer.header(Name::Accept), Some("application/sdp"));
    assert!(answer.to().unwrap().tag().is_some());
}

#[test]
fn a_cancel_for_nothing_is_a_481() {
    let mut pair = Pair::new();
    pair.inject(Side::B, &request("CANCEL", ""));
    assert_eq!(pair.sent(Side::B), ["481 CANCEL"]);
}

#[test]
fn a_request_whose_number_went_back_is_a_500() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    let dialog = pair.b.ua.dialog_record(b).unwrap();
    let info = |cseq: u32| {
        format!(
            "INFO sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{cseq};rport\nMax-Forwards: 70\nFrom: <sip:alice@tandem.example>;tag={}\nTo: <sip:bob@192.0.2.2>;tag={}\nCall-ID: {}\nCSeq: {cseq} INFO\nContent-Type: application/dtmf-relay\nContent-Length: 10\n\nSignal=5\r\n",
            dialog.remote_tag.clone().unwrap(),
            dialog.local_tag,
            dialog.call_id
        )
    };
    let last = dialog.remote_cseq.unwrap();
    pair.inject(Side::B, &info(last + 2));
    pair.inject(Side::B, &info(last + 1));
    assert_eq!((pair.count(Side::B, "200 INFO"), pair.count(Side::B, "500 INFO")), (1, 1));
    let digits = pair.b.events.iter().filter(|event| matches!(event, UaEvent::Digit { digit: '5', leg, .. } if *leg == b));
    assert_eq!(digits.count(), 1);
    pair.b.ua.release(pair.now, b, Cause::normal(Party::Operator)).unwrap();
    pair.settle();
    pair.end(Side::A, a);
}

#[test]
fn a_request_for_another_dialog_is_a_481() {
    let mut pair = Pair::new();
    let (_, b) = pair.talk();
    let dialog = pair.b.ua.dialog_record(b).unwrap();
    let bye = request("BYE", "").replace("To: <sip:bob@192.0.2.2>", &format!("To: <sip:bob@192.0.2.2>;tag={}", dialog.local_tag));
    pair.inject(Side::B, &bye);
    assert_eq!(pair.count(Side::B, "481 BYE"), 1, "the right tag with the wrong Call-ID ends no call");
    assert!(pair.ends(Side::B, b).is_empty());
}

#[test]
fn compact_forms_and_folded_headers_make_the_same_call() {
    let mut pair = Pair::new();
    let text = "INVITE sip:bob@192.0.2.2 SIP/2.0\nv: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKc;rport\nMax-Forwards: 70\nf: Alice\n <sip:x@x>;tag=x1\nt: <sip:bob@192.0.2.2>\ni: compact-1\nCSeq: 7 INVITE\nm: <sip:x@192.0.2.1>\nk: timer\nc: application/sdp\nl: 5\n\nv=0\r\n";
    pair.inject(Side::B, text);
    let offered = pair.offered(Side::B);
    assert_eq!(offered.sdp.as_deref(), Some(b"v=0\r\n".as_slice()));
    assert_eq!(offered.dialog.call_id, "compact-1");
    pair.b.ua.refuse(pair.now, offered.leg, 486, &[]).unwrap();
    pair.pump();
    let ack = format!(
        "ACK sip:bob@192.0.2.2 SIP/2.0\nv: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKc\nf: <sip:x@x>;tag=x1\nt: <sip:bob@192.0.2.2>;tag={}\ni: compact-1\nCSeq: 7 ACK\nl: 0\n\n",
        offered.dialog.local_tag
    );
    pair.inject(Side::B, &ack);
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.count(Side::B, "486 INVITE"), 1, "acknowledged");
    pair.assert_idle();
}

#[test]
fn a_branch_without_the_cookie_is_matched_as_rfc_2543_did() {
    let mut pair = Pair::new();
    let text = invite("1", "");
    pair.inject(Side::B, &text);
    pair.inject(Side::B, &text);
    let offered = pair.offered(Side::B);
    assert!(!pair.b.events.iter().any(|event| matches!(event, UaEvent::Offered(_))), "once");
    pair.b.ua.refuse(pair.now, offered.leg, 486, &[]).unwrap();
    let ack = text
        .replace("INVITE", "ACK")
        .replace("To: <sip:bob@192.0.2.2>", &format!("To: <sip:bob@192.0.2.2>;tag={}", offered.dialog.local_tag));
    pair.inject(Side::B, &ack);
    pair.run(Duration::from_secs(10));
    pair.assert_idle();
}

#[test]
fn an_answer_goes_back_to_where_the_request_came_from() {
    let mut pair = Pair::new();
    let text = request("OPTIONS", "").replace("192.0.2.1:5060;branch", "10.0.0.9:5090;rport;branch");
    pair.inject(Side::B, &text);
    let via = pair.last(Side::B, "200 OPTIONS").via().unwrap();
    assert_eq!((via.received().map(|ip| ip.to_string()).as_deref(), via.rport()), (Some("192.0.2.1"), Some(5060)));
}

#[test]
fn a_full_table_is_a_503_with_retry_after() {
    let config = tandem_media::sip::ua::UaConfig { legs: 1, ..Default::default() };
    let mut pair = Pair::with(tandem_core::Transport::Udp, 1, config);
    pair.inject(Side::B, &invite("z9hG4bK1", ""));
    pair.inject(Side::B, &invite("z9hG4bK2", "").replace("raw-1", "raw-2"));
    assert!(pair.last(Side::B, "503 INVITE").retry_after().is_some());
}
