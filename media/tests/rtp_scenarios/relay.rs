use tandem_core::{Audio, CallId, LegId};
use tandem_media::audio::Law;
use tandem_media::rtp::MediaRemote;

use crate::rig::{Phone, Rig, codec, config, voice};

#[test]
fn two_phones_hear_each_other_bit_by_bit() {
    let mut rig = Rig::new(config());
    let (mut alice, mut bob) = (rig.leg(1, 1, Law::A), rig.leg(2, 1, Law::A));
    rig.bridge(1, 2);
    for n in 0..100 {
        alice.send(&voice(n));
        bob.send(&voice(n + 1000));
        let (at_bob, at_alice) = (bob.receive().unwrap(), alice.receive().unwrap());
        assert_eq!((at_bob.payload, at_bob.payload_type, at_bob.from), (voice(n), 8, bob.target));
        assert_eq!((at_alice.payload, at_alice.from), (voice(n + 1000), alice.target));
        assert_ne!(at_bob.ssrc, alice.ssrc, "our stream, not the phone's");
    }
    let stats = rig.close(1);
    assert_eq!((stats.packets_received, stats.packets_sent, stats.packets_lost, stats.packets_rejected), (100, 100, 0, 0));
    assert!(stats.mos.unwrap() > 4.0);
}

#[test]
fn mu_law_and_a_law_are_converted() {
    let mut rig = Rig::new(config());
    let (mut alice, bob) = (rig.leg(1, 1, Law::Mu), rig.leg(2, 1, Law::A));
    rig.bridge(1, 2);
    let mut expected = vec![0; 160];
    Law::Mu.convert_into(Law::A, &voice(3), &mut expected);
    alice.send(&voice(3));
    let heard = bob.receive().unwrap();
    assert_eq!((heard.payload_type, heard.payload), (8, expected));
}

#[test]
fn six_speaks_to_four() {
    let mut rig = Rig::new(config());
    let mut alice = Phone::at("::1");
    alice.target = rig.plane.open(LegId(1), CallId(1), "::1".parse().unwrap()).unwrap();
    rig.plane.set_remote(LegId(1), MediaRemote::new(alice.address(), codec(Law::A))).unwrap();
    let mut bob = rig.leg(2, 1, Law::A);
    rig.bridge(1, 2);
    alice.send(&voice(1));
    bob.send(&voice(2));
    assert_eq!((bob.receive().unwrap().payload, alice.receive().unwrap().payload), (voice(1), voice(2)));
}

#[test]
fn saying_the_same_again_does_not_break_the_stream() {
    let mut rig = Rig::new(config());
    let (mut alice, bob) = (rig.leg(1, 1, Law::A), rig.leg(2, 1, Law::A));
    rig.bridge(1, 2);
    alice.send(&voice(1));
    rig.plane.hear(LegId(2), Audio::Leg(LegId(1))).unwrap();
    rig.settle();
    alice.send(&voice(2));
    let heard = bob.take(2);
    assert!(heard[0].marker && !heard[1].marker);
    assert_eq!(heard[1].timestamp.wrapping_sub(heard[0].timestamp), 160);
}
