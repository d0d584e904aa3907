//! The crowd against a small registrar that answers calls and places some, over real sockets on loopback. It runs some
//! thirty times faster than life.

mod peer;

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use self::peer::Peer;
use super::Crowd;
use crate::demo::{CrowdConfig, CrowdStats, SimCarrier, SimPhone};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

fn phones(count: usize) -> Vec<SimPhone> {
    let phone = |n: usize| SimPhone {
        user: format!("{}", 1001 + n),
        password: format!("secret {n}"),
        display_name: format!("Nº {n} \"Zoë\""),
        agent: false,
    };
    (0..count).map(phone).collect()
}

/// A crowd that calls this peer. Its media ports are its own, and below those that the system gives to anybody.
fn config(peer: &Peer, ports: RangeInclusive<u16>) -> CrowdConfig {
    let mut config = CrowdConfig::new(peer.addr, "demo.localhost");
    config.phones = phones(6);
    config.carrier = Some(SimCarrier { listen: "127.0.0.1:0".parse().unwrap(), dials: vec!["600".into()] });
    config.numbers = vec!["600".into()];
    config.calls_at_once = 4;
    config.rtp_ports = ports;
    config.tempo = 30.0;
    config
}

/// Lets the peer work until the crowd is as wished; the last statistics tell why not.
fn until(peer: &mut Peer, crowd: &Crowd, wished: impl Fn(&Peer, &CrowdStats) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !wished(peer, &crowd.stats()) {
        assert!(Instant::now() < deadline, "{:?}, peer: {:?}", crowd.stats(), peer.seen);
        peer.turn(Duration::from_millis(10));
    }
}

#[test]
fn phones_register_calls_come_and_go_and_nothing_is_left() {
    let mut peer = Peer::open(&phones(6));
    let crowd = Crowd::start(config(&peer, 17_000..=17_199)).unwrap();
    until(&mut peer, &crowd, |peer, stats| stats.registered == 6 && peer.bound.len() == 6);
    until(&mut peer, &crowd, |peer, stats| {
        assert!(peer.seen.most_legs <= 4 + peer.placed(), "never more calls than allowed: {:?}", peer.seen);
        stats.answered >= 12 && stats.keys >= 1 && peer.seen.ended >= 12
    });
    assert!(peer.seen.wrong == 0, "every phone knows its password: {:?}", peer.seen);

    let stats = peer.while_turning(move || crowd.stop());
    assert_eq!((stats.calls_up, stats.legs, stats.registered), (0, 0, 0), "{stats:?}");
    assert!(stats.packets_heard > 0, "audio came in: {stats:?}");
    assert!(peer.bound.is_empty(), "every phone took its registration back: {:?}", peer.bound);
    assert_eq!(peer.legs(), 0, "every call was ended by its party");
    let ports = (17_000u16..17_200).filter(|port| std::net::UdpSocket::bind(("127.0.0.1", *port)).is_err());
    assert_eq!(ports.count(), 0, "all media sockets are closed");
}

#[test]
fn phones_take_calls_hold_them_and_hand_them_over() {
    let mut peer = Peer::open(&phones(6));
    let mut config = config(&peer, 17_200..=17_399);
    config.calls_at_once = 1;
    let crowd = Crowd::start(config).unwrap();
    peer.calls_phones = true;
    until(&mut peer, &crowd, |peer, stats| peer.seen.held >= 2 && peer.seen.resumed >= 1 && peer.seen.referred >= 1 && stats.offered >= 10);
    let stats = peer.while_turning(move || crowd.stop());
    assert!(stats.held >= 2 && stats.transferred >= 1, "{stats:?}");
    assert_eq!((stats.legs, peer.legs()), (0, 0), "{stats:?}");
}

#[test]
fn a_crowd_without_a_server_stops_soon_all_the_same() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut config = CrowdConfig::new(silent.local_addr().unwrap(), "demo.localhost");
    config.phones = phones(2);
    config.rtp_ports = 17_400..=17_499;
    let crowd = Crowd::start(config).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    let stats = crowd.stop();
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!((stats.registered, stats.calls_started, stats.legs), (0, 0, 0));
}
