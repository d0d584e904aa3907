use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tandem_core::{Cause, Party};

use crate::pair::{ANSWER, Pair, Side};

/// Messages of a whole call with a change, a transfer and a registration in it.
fn samples() -> Vec<(Side, Bytes)> {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.a.ua.reoffer(pair.now, a, Some(ANSWER.into())).unwrap();
    pair.run(Duration::from_millis(100));
    pair.b.ua.answer_reoffer(pair.now, b, ANSWER.into()).unwrap();
    pair.run(Duration::from_secs(1000));
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.run(Duration::from_secs(1));
    let mut samples: Vec<(Side, Bytes)> = pair.wire.iter().map(|packet| (packet.from.other(), packet.bytes.clone())).collect();
    for (method, headers) in [
        ("REGISTER", "Contact: <sip:x@192.0.2.1>;expires=60;q=0.5;+sip.instance=\"<urn:x>\", <sip:y@192.0.2.1>\r\nPath: <sip:p;lr>\r\n"),
        ("REFER", "Refer-To: <sip:x@y?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n"),
        ("PRACK", "RAck: 1 2 INVITE\r\n"),
        ("INFO", "Content-Type: application/dtmf\r\n"),
        ("SUBSCRIBE", "Event: dialog\r\n"),
        ("CANCEL", "Reason: Q.850;cause=16;text=\"x\"\r\n"),
    ] {
        let text = format!(
            "{method} sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKh\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@y>\r\nCall-ID: h\r\nCSeq: 1 {method}\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        samples.push((Side::B, Bytes::from(text)));
    }
    samples
}

fn mutate(random: &mut StdRng, sample: &[u8], tag: Option<&str>) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    if let Some(tag) = tag.filter(|_| random.random_bool(0.5)) {
        // Half of them reach a dialog that stands.
        bytes = String::from_utf8_lossy(&bytes).replace("To: <sip:b@y>", &format!("To: <sip:b@y>;tag={tag}")).into_bytes();
    }
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, b";,<>\"=\r\n\0 9:"[random.random_range(0..12)]),
            _ => {
                let end = (at + random.random_range(1..40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(b' ');
        }
    }
    bytes
}

#[test]
fn ten_thousand_broken_messages_disturb_no_call_and_leave_nothing() {
    let mut random = StdRng::seed_from_u64(11);
    let samples = samples();
    let mut pair = Pair::with(tandem_core::Transport::Udp, 77, Default::default());
    let (a, b) = pair.talk();
    let tag = pair.b.ua.dialog_record(b).unwrap().local_tag;
    pair.logging = false;
    for _ in 0..10_000 {
        let (to, sample) = &samples[random.random_range(0..samples.len())];
        let bytes = mutate(&mut random, sample, Some(&tag));
        let (now, flow) = (pair.now, pair.peer(*to).flow);
        pair.peer(*to).ua.receive(now, flow, Bytes::from(bytes));
        // What they answer goes nowhere.
        for peer in [&mut pair.a, &mut pair.b] {
            while peer.ua.poll_transmit().is_some() {}
            while peer.ua.poll_event().is_some() {}
        }
    }
    assert!(pair.a.ua.dialog_record(a).is_some() && pair.b.ua.dialog_record(b).is_some(), "the call stands");
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.run(Duration::from_secs(2));
    pair.end(Side::A, a);
    pair.end(Side::B, b);
    // INVITEs among them ring until they are given up.
    pair.run(Duration::from_secs(1000));
    pair.assert_idle();
}
