use std::time::Duration;

use tandem_core::{Audio, CallId, LegId};
use tandem_media::audio::Law;
use tandem_media::rtp::{Report, RtpConfig};

use crate::rig::{Rig, config, numbers, voice};

/// Two calls with two legs each; of many pairs, half live on different workers.
#[test]
fn legs_of_merged_calls_meet_on_one_worker_without_losing_a_packet() {
    let mut rig = Rig::new(RtpConfig { workers: 4, ..config() });
    for round in 0..8u64 {
        let leg = |n: u64| round * 10 + n;
        let (mut alice, bob) = (rig.leg(leg(1), round * 2, Law::A), rig.leg(leg(2), round * 2, Law::A));
        let (carol, mut dave) = (rig.leg(leg(3), round * 2 + 1, Law::A), rig.leg(leg(4), round * 2 + 1, Law::A));
        rig.bridge(leg(1), leg(2));
        rig.bridge(leg(3), leg(4));
        alice.send(&voice(0));
        dave.send(&voice(0));
        assert!(bob.receive().is_some() && carol.receive().is_some());

        // The attended transfer: Bob and Carol were one person, who now brings Alice and Dave together.
        for n in 1..=200 {
            alice.send(&voice(n));
            dave.send(&voice(n + 1000));
            if n == 100 {
                rig.plane.hear(LegId(leg(1)), Audio::Leg(LegId(leg(4)))).unwrap();
                rig.plane.hear(LegId(leg(4)), Audio::Leg(LegId(leg(1)))).unwrap();
                rig.plane.close(LegId(leg(2))).unwrap();
                rig.plane.close(LegId(leg(3))).unwrap();
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        let at_dave = numbers(&dave.listen(Duration::from_millis(60)));
        assert!(at_dave.len() >= 60 && at_dave.ends_with(&[199, 200]), "round {round}: {at_dave:?}");
        for n in [1, 4] {
            let stats = rig.close(leg(n));
            assert_eq!((stats.packets_received, stats.packets_lost), (201, 0), "round {round}, leg {n}");
        }
    }
}

#[test]
fn what_is_said_about_a_moving_leg_reaches_it_in_order() {
    let mut rig = Rig::new(RtpConfig { workers: 4, ..config() });
    let legs: Vec<_> = (0..8).map(|leg| rig.leg(leg, leg, Law::A)).collect();
    for round in 0..200u64 {
        let (one, other) = (round % 8, (round * 3 + 1) % 8);
        rig.plane.hear(LegId(one), Audio::Leg(LegId(other))).unwrap();
        rig.plane.hear(LegId(one), Audio::Silence).unwrap();
    }
    rig.plane.hear(LegId(7), Audio::Echo).unwrap();
    rig.settle();
    let mut last = legs.into_iter().last().unwrap();
    last.send(&voice(5));
    assert_eq!(last.receive().unwrap().payload, voice(5));
    (0..8).for_each(|leg| assert_eq!(rig.close(leg).packets_rejected, 0));
    rig.plane.open(LegId(99), CallId(1), crate::rig::HOME).unwrap();
}

#[test]
fn legs_on_their_way_are_reported_when_the_plane_ends() {
    for round in 0..20u64 {
        let mut rig = Rig::new(RtpConfig { workers: 4, ..config() });
        (0..12).for_each(|leg| drop(rig.leg(leg, leg, Law::A)));
        (0..12).for_each(|leg| rig.plane.hear(LegId(leg), Audio::Leg(LegId((leg * 5 + round) % 12))).unwrap());
        let Rig { plane, reports } = rig;
        drop(plane);
        let closed = reports.try_iter().filter(|report| matches!(report, Report::Closed { .. })).count();
        assert_eq!(closed, 12, "round {round}");
    }
}
