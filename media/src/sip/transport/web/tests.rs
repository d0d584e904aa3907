use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use super::*;

const OPENING: &str = "GET /any HTTP/1.1\r\nHost: sip.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://desk.example.com\r\nSec-WebSocket-Protocol: chat, sip\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const OPTIONS: &[u8] = b"OPTIONS sip:a SIP/2.0\r\n\r\n";

fn receive(web: &mut Web, bytes: &[u8]) -> Result<Vec<Bytes>, WebError> {
    let mut messages = Vec::new();
    web.receive(bytes, &[], &mut |message| messages.push(message)).map(|_| messages)
}

fn open() -> Web {
    let mut web = Web::new();
    assert!(receive(&mut web, OPENING.as_bytes()).unwrap().is_empty());
    assert!(web.is_open());
    web.take_out();
    web
}

/// The client's end: what it writes is what we receive.
fn client() -> WebSocket<Pipe> {
    WebSocket::from_raw_socket(Pipe::default(), Role::Client, None)
}

fn sent(client: &mut WebSocket<Pipe>, message: Message) -> Vec<u8> {
    client.write(message).unwrap();
    client.flush().unwrap();
    std::mem::take(&mut client.get_mut().outgoing)
}

fn heard(client: &mut WebSocket<Pipe>, web: &mut Web) -> Message {
    client.get_mut().incoming.extend(web.take_out());
    client.read().unwrap()
}

#[test]
fn the_opening_is_answered_with_the_proof_of_rfc_6455_however_it_is_cut() {
    for size in [1, 7, 1000] {
        let mut web = Web::new();
        for piece in OPENING.as_bytes().chunks(size) {
            assert!(!web.is_open());
            receive(&mut web, piece).unwrap();
        }
        assert!(web.is_open());
        let answer = String::from_utf8(web.take_out()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n"));
    }
}

#[test]
fn a_message_right_behind_the_opening_is_not_lost() {
    let mut web = Web::new();
    let bytes = [OPENING.as_bytes(), &sent(&mut client(), Message::Binary(Bytes::from_static(OPTIONS)))].concat();
    assert_eq!(receive(&mut web, &bytes).unwrap(), [OPTIONS]);
}

#[test]
fn openings_that_are_not_ours_are_refused_with_a_reason() {
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n", "x".repeat(limits::UPGRADE_BYTES));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(limits::UPGRADE_HEADERS + 1));
    for (text, status) in [
        (OPENING.replace("chat, sip", "chat"), "400"),
        (OPENING.replace("Sec-WebSocket-Key: dG", "Sec-WebSocket-Key: "), "400"),
        (OPENING.replace("GET", "POST"), "400"),
        (OPENING.replace("HTTP/1.1", "HTTP/1.0"), "400"),
        (OPENING.replace("Version: 13", "Version: 8"), "426"),
        (OPENING.replace("Upgrade: websocket\r\n", ""), "426"),
        ("OPTIONS sip:a SIP/2.0\r\n\r\n".to_owned(), "400"),
        (long, "431"),
        (many, "431"),
    ] {
        let mut web = Web::new();
        assert!(matches!(receive(&mut web, text.as_bytes()), Err(WebError::Refused(..))), "{text}");
        let answer = String::from_utf8(web.take_out()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("Connection: close"), "{answer}");
        assert!(receive(&mut web, b"more").is_err());
    }
}

#[test]
fn only_pages_of_listed_origins_may_open_one() {
    let open = |origins: &[&str], text: &str| {
        let origins: Vec<SmolStr> = origins.iter().map(SmolStr::new).collect();
        Web::new().receive(text.as_bytes(), &origins, &mut |_| {}).map(drop)
    };
    open(&["https://other.example", "https://Desk.example.com"], OPENING).unwrap();
    assert!(matches!(open(&["https://other.example"], OPENING), Err(WebError::Refused(403, _))));
    assert!(matches!(open(&["http://desk.example.com"], OPENING), Err(WebError::Refused(403, _))), "another scheme is another origin");
    open(&["https://other.example"], &OPENING.replace("Origin", "X-Origin")).unwrap();
}

#[test]
fn messages_go_both_ways_as_text_where_they_are_text() {
    let (mut web, mut peer) = (open(), client());
    for message in [Message::text(std::str::from_utf8(OPTIONS).unwrap()), Message::Binary(Bytes::from_static(OPTIONS))] {
        let bytes = sent(&mut peer, message);
        let (first, rest) = bytes.split_at(9);
        assert!(receive(&mut web, first).unwrap().is_empty());
        assert_eq!(receive(&mut web, rest).unwrap(), [OPTIONS]);
    }
    web.send(Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n")).unwrap();
    assert_eq!(heard(&mut peer, &mut web), Message::text("SIP/2.0 200 OK\r\n\r\n"));
    web.send(Bytes::from_static(b"SIP/2.0 200 \xFF\r\n\r\n")).unwrap();
    assert!(matches!(heard(&mut peer, &mut web), Message::Binary(_)));
}

#[test]
fn pings_are_answered_and_keep_alives_of_both_kinds_too() {
    let (mut web, mut peer) = (open(), client());
    let ping = sent(&mut peer, Message::Ping(Bytes::from_static(b"?")));
    assert!(receive(&mut web, &ping).unwrap().is_empty());
    assert_eq!(heard(&mut peer, &mut web), Message::Pong(Bytes::from_static(b"?")));
    let double = sent(&mut peer, Message::text("\r\n\r\n"));
    assert!(receive(&mut web, &double).unwrap().is_empty());
    assert_eq!(heard(&mut peer, &mut web), Message::text("\r\n"));
    let single = sent(&mut peer, Message::text("\r\n"));
    assert!(receive(&mut web, &single).unwrap().is_empty());
    assert!(web.take_out().is_empty(), "that was an answer, not a question");
    web.ping().unwrap();
    assert!(matches!(heard(&mut peer, &mut web), Message::Ping(_)));
}

fn frame(header: FrameHeader, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Frame::from_payload(header, Bytes::copy_from_slice(payload)).format(&mut out).unwrap();
    out
}

fn masked(opcode: OpCode, is_final: bool) -> FrameHeader {
    FrameHeader { is_final, opcode, mask: Some([1, 2, 3, 4]), ..FrameHeader::default() }
}

#[test]
fn fragments_make_one_message() {
    let mut web = open();
    assert!(receive(&mut web, &frame(masked(OpCode::Data(Data::Text), false), &OPTIONS[..5])).unwrap().is_empty());
    assert_eq!(receive(&mut web, &frame(masked(OpCode::Data(Data::Continue), true), &OPTIONS[5..])).unwrap(), [OPTIONS]);
}

#[test]
fn what_breaks_the_protocol_or_a_limit_ends_the_connection() {
    let huge = vec![b'x'; limits::MESSAGE_BYTES + 1];
    let half = vec![b'x'; limits::MESSAGE_BYTES / 2 + 1];
    let text = OpCode::Data(Data::Text);
    let cases = [
        vec![frame(masked(text, true), &huge)],
        vec![frame(masked(text, false), &half), frame(masked(OpCode::Data(Data::Continue), true), &half)],
        vec![frame(FrameHeader { mask: None, ..masked(text, true) }, b"unmasked")],
        vec![frame(masked(text, true), b"\xFF\xFE")],
        vec![frame(masked(OpCode::Data(Data::Continue), true), b"of nothing")],
        vec![frame(FrameHeader { rsv1: true, ..masked(text, true) }, b"an extension")],
    ];
    for (at, case) in cases.into_iter().enumerate() {
        let mut web = open();
        let failed = case.iter().find_map(|bytes| receive(&mut web, bytes).err());
        assert!(matches!(failed, Some(WebError::Protocol(_))), "{at}: {failed:?}");
    }
}

#[test]
fn a_length_that_is_announced_takes_no_memory_before_it_comes() {
    let mut web = open();
    let mut head = vec![0x81, 0xFF];
    head.extend(u64::MAX.to_be_bytes());
    head.extend([1, 2, 3, 4]);
    assert!(receive(&mut web, &head).is_err());
}

#[test]
fn goodbye_is_said_and_heard() {
    let (mut web, mut peer) = (open(), client());
    web.close();
    assert!(matches!(heard(&mut peer, &mut web), Message::Close(_)));
    let mut web = open();
    let mut peer = client();
    peer.close(None).unwrap();
    peer.flush().unwrap();
    let bytes = std::mem::take(&mut peer.get_mut().outgoing);
    let _ = receive(&mut web, &bytes);
    assert!(matches!(receive(&mut web, &[]), Err(WebError::Closed)));
    assert!(web.send(Bytes::from_static(OPTIONS)).is_err());
}

#[test]
fn rubbish_never_panics() {
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..2000 {
        let mut web = if random.random() { open() } else { Web::new() };
        let mut bytes: Vec<u8> = (0..random.random_range(0..300)).map(|_| random.random()).collect();
        if random.random() {
            bytes = OPENING.bytes().map(|byte| if random.random_ratio(1, 100) { random.random() } else { byte }).collect();
        }
        for piece in bytes.chunks(random.random_range(1..50)) {
            if receive(&mut web, piece).is_err() {
                break;
            }
        }
    }
}
