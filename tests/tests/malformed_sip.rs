//! Broken SIP by the ten thousand, over UDP and TCP, while two phones talk: the program stays up, answers in time, does not
//! grow, and the call does not notice.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tandem_tests::mutate::{Random, broken_message};
use tandem_tests::netns::{CARRIER, STRANGER};
use tandem_tests::or_skip;
use tandem_tests::peer::SipPeer;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

/// Messages over each transport.
const MESSAGES: usize = 10_000;
/// Connections at once over TCP.
const ATTACKERS: u16 = 4;
/// Growth of resident memory that is allowed: transactions are kept for 32 s, nothing for ever.
const GROWTH: u64 = 200 << 20;

#[test]
fn broken_messages_harm_nobody() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let bob = world.phone("1002", 1000.0, |phone| phone);
    ada.dial(&world.uri("1002"));
    let adas_call = ada.established();
    let bobs_call = bob.established();
    let (adas_ear, bobs_ear) = (ada.audio_address(&adas_call).unwrap(), bob.audio_address(&bobs_call).unwrap());
    pass(secs(1));
    let before = world.tandem.process().resident().unwrap();

    let talking = Instant::now();
    let slowest = over_udp(world.tandem.sip()).max(over_tcp(world.tandem.sip()));
    let after = world.tandem.process().resident().unwrap();
    assert!(slowest < millis(500), "an OPTIONS between the broken messages took {slowest:?}");
    assert!(after < before + GROWTH, "resident memory grew from {before} to {after}");

    for (who, ear, tone) in [("ada", adas_ear, 1000.0), ("bob", bobs_ear, 440.0)] {
        let heard = world.capture.heard(ear, talking);
        heard.expect_tone(who, tone);
        let gaps = heard.gaps(millis(60));
        assert!(gaps.is_empty(), "{who} heard gaps: {gaps:?}");
    }
    assert!(!ada.has_event("CALL_CLOSED") && !bob.has_event("CALL_CLOSED"), "the call was cut");
    assert!(world.tandem.is_ready() && !world.tandem.log().contains("panicked"), "{}", world.tandem.log());
    ada.hangup();
    bob.closed();
    world.tenant().check_order();
}

/// Gives the longest time that a good OPTIONS among the bad messages took.
fn over_udp(server: SocketAddr) -> Duration {
    let attacker = SipPeer::bind("m", SocketAddr::new(STRANGER, 5070)).unwrap();
    let good = SipPeer::bind("good", SocketAddr::new(CARRIER, 5090)).unwrap();
    let mut random = Random::new(1);
    let mut slowest = Duration::ZERO;
    for count in 0..MESSAGES {
        let message = broken_message(&mut random, &server.to_string(), &STRANGER.to_string());
        attacker.send_raw(server, &message).unwrap();
        if count % 500 == 0 {
            slowest = slowest.max(ping(&good, server));
        }
        // Some 2,000 a second: as much as the sockets' buffers take without loss, so that all are read.
        if count % 20 == 0 {
            pass(millis(10));
        }
    }
    slowest
}

fn ping(good: &SipPeer, server: SocketAddr) -> Duration {
    let begin = Instant::now();
    let mut dialog = good.dialog(server, "");
    good.send(&mut dialog, "OPTIONS", "", "").unwrap();
    good.answer(&dialog, secs(5)).unwrap();
    begin.elapsed()
}

/// Several attackers at once: each waits a moment after a message to see whether the server has had enough of it.
fn over_tcp(server: SocketAddr) -> Duration {
    std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..ATTACKERS).map(|number| scope.spawn(move || attack_over_tcp(server, number))).collect();
        attackers.into_iter().map(|attacker| attacker.join().unwrap()).max().unwrap_or_default()
    })
}

fn attack_over_tcp(server: SocketAddr, number: u16) -> Duration {
    let good = SipPeer::bind("good", SocketAddr::new(CARRIER, 5091 + number)).unwrap();
    let mut random = Random::new(2 + u64::from(number));
    let mut slowest = Duration::ZERO;
    let mut connection: Option<TcpStream> = None;
    for count in 0..MESSAGES / usize::from(ATTACKERS) {
        let message = broken_message(&mut random, &server.to_string(), &STRANGER.to_string());
        // A connection lives until the server has had enough of it, or for 25 messages.
        if count % 25 == 0 {
            connection = None;
        }
        let mut stream = connection.take().unwrap_or_else(|| connect(server));
        let written = stream.write_all(&message).is_ok();
        let open = written && !matches!(stream.read(&mut [0; 65_536]), Ok(0));
        connection = open.then_some(stream);
        if count % 200 == 0 {
            slowest = slowest.max(ping(&good, server));
        }
    }
    slowest
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&server, secs(5)).expect("the server accepts connections");
    stream.set_read_timeout(Some(millis(1))).unwrap();
    stream.set_write_timeout(Some(secs(2))).unwrap();
    stream
}
