use super::*;

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33;branch=z9hG4bK776,SIP/2.0/TCP x;branch=z9hG4bK2\r\n\
    v: SIP/2.0/TCP y;branch=z9hG4bK3\r\nMax-Forwards: 70\r\nt: Bob <sip:bob@biloxi.com>\r\nf: Alice <sip:alice@a>;tag=19\r\ni: a84b@pc33\r\n\
    CSeq: 314159 INVITE\r\nm: <sip:alice@pc33>, \"B, \\\"C\" <sip:b,c@pc33>;q=0.5\r\nX-Strange: a, b\r\nl: 4\r\n\r\nbody";

fn read(text: impl AsRef<[u8]>) -> Message {
    parse(Bytes::copy_from_slice(text.as_ref())).unwrap()
}

#[test]
fn the_index_finds_start_line_headers_and_body() {
    let message = read(INVITE);
    message.validate().unwrap();
    assert_eq!(message.method(), Some(&Method::Invite));
    assert_eq!(message.uri_text(), "sip:bob@biloxi.com");
    assert_eq!(message.call_id(), "a84b@pc33");
    let vias: Vec<_> = message.headers(Name::Via).collect();
    assert_eq!(vias, ["SIP/2.0/UDP pc33;branch=z9hG4bK776", "SIP/2.0/TCP x;branch=z9hG4bK2", "SIP/2.0/TCP y;branch=z9hG4bK3"]);
    assert_eq!(message.from().unwrap().tag(), Some("19"));
    assert_eq!(message.cseq().unwrap().number, 314_159);
    assert_eq!(message.headers(Name::Contact).count(), 2);
    assert_eq!(message.extension("x-STRANGE"), Some("a, b"));
    assert_eq!(message.max_forwards(), Some(70));
    assert_eq!(message.body(), b"body");
}

#[test]
fn folds_lone_line_feeds_and_blanks_before_colons_are_tolerated() {
    let text = "\r\n\nSIP/2.0 200 All\tright \nVia : SIP/2.0/UDP a\n ;branch=z9hG4bK1\nSubject:\n\r\tfirst\n  second\nCSeq:\n 1\n\tACK\n\n";
    let message = read(text.replace("\n\r\t", "\r\n\t"));
    assert_eq!(message.status(), Some(200));
    assert_eq!(message.reason_phrase(), "All\tright ");
    assert_eq!(message.via().unwrap().branch(), Some("z9hG4bK1"));
    assert_eq!(message.header(Name::Subject).unwrap().split_whitespace().collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(message.cseq().unwrap().method, Method::Ack);
}

#[test]
fn a_datagram_may_be_longer_than_its_content_length_but_not_shorter() {
    let padded = read([INVITE, "\0\0junk"].concat());
    assert_eq!(padded.body(), b"body");
    padded.validate().unwrap();
    let short = read(&INVITE[..INVITE.len() - 1]);
    assert_eq!(short.validate().unwrap_err().status, Some(400));
    let response = read("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(response.validate().unwrap_err().status, None);
}

#[test]
fn what_is_no_message_is_an_error() {
    let cases: [(&[u8], WireError); 10] = [
        (b"\r\n\r\n", WireError::Empty),
        (b"", WireError::Empty),
        (b"INVITE sip:a SIP/2.0\r\nA: b\r\n", WireError::NoEnd),
        (b"HELLO\r\n\r\n", WireError::StartLine("HELLO".into())),
        (b"GET / HTTP/1.1\r\n\r\n", WireError::StartLine("GET / HTTP/1.1".into())),
        (b"SIP/2.0 4294967301 x\r\n\r\n", WireError::Status("4294967301 x".into())),
        (b"ACK sip:a SIP/2.0\r\nNo colon\r\n\r\n", WireError::HeaderLine("No colon".into())),
        (b"ACK sip:a SIP/2.0\r\nA b: c\r\n\r\n", WireError::HeaderLine("A b: c".into())),
        (b"ACK sip:a SIP/2.0\r\nA: b\rX: c\r\n\r\n", WireError::Control("A".into())),
        (b"ACK sip:a SIP/2.0\r\nVia: \xff\r\n\r\n", WireError::NotUtf8("Via".into())),
    ];
    for (bytes, error) in cases {
        assert_eq!(parse(Bytes::from_static(bytes)).unwrap_err(), error);
    }
}

#[test]
fn limits_hold() {
    let head = "OPTIONS sip:a SIP/2.0\r\n";
    let many = format!("{head}{}\r\n", "A: b\r\n".repeat(limits::HEADERS + 1));
    assert_eq!(parse(many.into()).unwrap_err(), WireError::TooManyHeaders);
    let long = format!("{head}A: {}\r\n\r\n", "b".repeat(limits::HEADER_BYTES));
    assert!(matches!(parse(long.into()).unwrap_err(), WireError::HeaderTooLong(_)));
    let folds = format!("{head}A: {}\r\n\r\n", "b\r\n ".repeat(limits::HEADER_BYTES));
    assert!(matches!(parse(folds.into()).unwrap_err(), WireError::HeaderTooLong(_)));
    let huge = format!("{head}\r\n{}", "b".repeat(limits::MESSAGE_BYTES));
    assert!(matches!(parse(huge.into()).unwrap_err(), WireError::TooLong(_)));
    let hops = INVITE
        .replace("v: ", &"v: SIP/2.0/UDP z;branch=z9hG4bKz\r\n".repeat(limits::VIAS))
        .replace("z9hG4bKz\r\nSIP", "z9hG4bKz\r\nv: SIP");
    assert_eq!(read(hops).validate().unwrap_err().status, Some(483));
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_only_where_people_read() {
    let text = [b"OPTIONS sip:a SIP/2.0\r\nFrom: \"M\xfcller\" <sip:m@a>;tag=1\r\nSubject: \xe4\xff!\r\n\r\n".as_slice()].concat();
    let message = read(text);
    assert_eq!(message.from().unwrap().display.unwrap(), "M?ller");
    assert_eq!(message.header(Name::Subject), Some("??!"));
    let tag = b"OPTIONS sip:a SIP/2.0\r\nFrom: <sip:m@a>;tag=\xff\r\n\r\n";
    assert_eq!(parse(Bytes::from_static(tag)).unwrap_err(), WireError::NotUtf8("From".into()));
}

#[test]
fn validation_names_the_status_to_answer() {
    let cases = [
        ("CSeq: 314159 INVITE", "CSeq: 314159 BYE", Some(400)),
        ("CSeq: 314159 INVITE", "CSeq: 2147483648 INVITE", Some(400)),
        ("i: a84b@pc33\r\n", "", Some(400)),
        ("i: a84b@pc33\r\n", "i: a84b@pc33\r\nCall-ID: b\r\n", Some(400)),
        ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", Some(505)),
        ("Max-Forwards: 70", "Max-Forwards: 300", Some(400)),
        ("bob@biloxi.com SIP", "bob@biloxi.com?Route=x SIP", Some(400)),
        ("bob@biloxi.com SIP", " bob@biloxi.com SIP", Some(400)),
        ("m: <sip:alice@pc33>", "m: *", Some(400)),
        ("l: 4", "l: 4\r\nContent-Length: 3", Some(400)),
        ("l: 4", "l: -4", Some(400)),
    ];
    for (from, to, status) in cases {
        assert_eq!(read(INVITE.replace(from, to)).validate().unwrap_err().status, status, "{to}");
    }
    let ack = INVITE.replace("INVITE", "ACK");
    read(&ack).validate().unwrap();
    assert_eq!(read(ack.replace("i: a84b@pc33\r\n", "")).validate().unwrap_err().status, None, "ACK is never answered");
}

fn frames(framer: &mut Framer) -> Vec<Frame> {
    std::iter::from_fn(|| framer.next().unwrap()).collect()
}

#[test]
fn a_stream_split_at_every_byte_gives_the_same_messages() {
    let folded = "OPTIONS sip:a SIP/2.0\nContent-Length :\n 3\n\nabc";
    let stream = [INVITE, "\r\n\r\n", INVITE, "\r\n", folded, "ACK sip:b SIP/2.0\r\n\r\n"].concat();
    let expected = [
        Frame::Message(Bytes::from_static(INVITE.as_bytes())),
        Frame::Ping,
        Frame::Message(Bytes::from_static(INVITE.as_bytes())),
        Frame::Message(Bytes::from_static(folded.as_bytes())),
        Frame::Message(Bytes::from_static(b"ACK sip:b SIP/2.0\r\n\r\n")),
    ];
    for cut in 0..=stream.len() {
        let mut framer = Framer::default();
        framer.push(&stream.as_bytes()[..cut]);
        let mut found = frames(&mut framer);
        framer.push(&stream.as_bytes()[cut..]);
        found.extend(frames(&mut framer));
        assert_eq!(found, expected, "cut at {cut}");
        assert!(!framer.is_partial());
    }
    let mut framer = Framer::default();
    let mut bytewise = Vec::new();
    for byte in stream.bytes() {
        framer.push(&[byte]);
        bytewise.extend(frames(&mut framer));
    }
    assert_eq!(bytewise, expected);
}

#[test]
fn a_stream_without_sense_or_end_is_an_error() {
    let fail = |text: &str| {
        let mut framer = Framer::default();
        framer.push(text.as_bytes());
        framer.next().unwrap_err()
    };
    assert_eq!(fail("A b SIP/2.0\r\nContent-Length: 70000\r\n\r\n"), FrameError::TooLong);
    assert_eq!(
        fail("A b SIP/2.0\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        FrameError::Length("99999999999999999999999".into())
    );
    assert_eq!(fail("A b SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n"), FrameError::Length("2".into()));
    assert_eq!(fail(&"x".repeat(limits::MESSAGE_BYTES + 1)), FrameError::TooLong);
}
