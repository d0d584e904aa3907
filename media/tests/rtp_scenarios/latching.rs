use std::time::Duration;

use tandem_core::{Audio, LegId};
use tandem_media::audio::Law;
use tandem_media::rtp::LatchMode;

use crate::rig::{Phone, Rig, config, numbers, voice};

/// Sends RTP and RTCP, well formed and in the right codec, to every port of both legs.
fn spray(attacker: &mut Phone, victims: &[&Phone]) {
    for victim in victims {
        attacker.target = victim.target;
        attacker.ssrc = victim.ssrc;
        attacker.send(&[0x55; 160]);
        let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
        let control = std::net::SocketAddr::new(victim.target.ip(), victim.target.port() + 1);
        attacker.rtcp.send_to(&report, control).unwrap();
        attacker.rtp.send_to(&report, victim.target).unwrap();
    }
}

fn attack(mode: LatchMode, attacker_ip: &str, before_the_call: bool) {
    let mut rig = Rig::new(config());
    let set = |mut remote: tandem_media::rtp::MediaRemote| {
        remote.latch = mode;
        remote
    };
    let (mut alice, mut bob) = (rig.leg_with(1, 1, Law::A, set), rig.leg_with(2, 1, Law::A, set));
    rig.bridge(1, 2);
    let mut mallory = Phone::at(attacker_ip);
    let mut sprayed = 0;
    if before_the_call {
        spray(&mut mallory, &[&alice, &bob]);
        sprayed += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let (mut to_alice, mut to_bob) = (Vec::new(), Vec::new());
    for n in 0..50 {
        alice.send(&voice(n));
        bob.send(&voice(n + 500));
        to_bob.extend(bob.receive());
        to_alice.extend(alice.receive());
        spray(&mut mallory, &[&alice, &bob]);
        sprayed += 1;
    }
    to_bob.extend(bob.listen(Duration::from_millis(30)));
    assert_eq!(numbers(&to_bob), (0..50).collect::<Vec<_>>(), "nothing was injected");
    assert_eq!(numbers(&to_alice), (500..550).collect::<Vec<_>>());
    assert!(mallory.listen(Duration::from_millis(50)).is_empty(), "nothing was overheard");
    for leg in [1, 2] {
        let stats = rig.close(leg);
        assert_eq!((stats.packets_received, stats.packets_rejected, stats.peer_packets_lost), (50, sprayed * 3, None));
    }
}

#[test]
fn a_third_party_can_neither_hear_nor_inject() {
    attack(LatchMode::Nat, "127.0.0.2", true);
    attack(LatchMode::Strict, "127.0.0.2", true);
}

#[test]
fn not_even_from_the_same_address_with_the_same_ssrc() {
    attack(LatchMode::Strict, "127.0.0.1", true);
}

#[test]
fn an_echo_never_answers_a_stranger() {
    let mut rig = Rig::new(config());
    let phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), Audio::Echo).unwrap();
    rig.settle();
    let mut mallory = Phone::at("127.0.0.2");
    (0..20).for_each(|_| spray(&mut mallory, &[&phone]));
    assert!(mallory.listen(Duration::from_millis(100)).is_empty());
    assert!(phone.listen(Duration::from_millis(50)).is_empty(), "and bothers nobody with it");
}

#[test]
fn a_phone_behind_nat_is_found_where_its_signalling_comes_from() {
    let mut rig = Rig::new(config());
    let mut phone = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.rtp = "10.11.12.13:4000".parse().unwrap();
        remote.signalled_from = Some("127.0.0.1".parse().unwrap());
        remote
    });
    rig.plane.hear(LegId(1), Audio::Echo).unwrap();
    rig.settle();
    phone.send(&voice(1));
    assert_eq!(phone.receive().unwrap().payload, voice(1));
}
