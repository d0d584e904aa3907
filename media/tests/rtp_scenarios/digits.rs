use std::time::Duration;

use tandem_core::{Audio, LegId};
use tandem_media::audio::Law;
use tandem_media::rtp::Report;

use crate::rig::{Rig, config, voice};

fn digits(rig: &Rig) -> Vec<(u64, char, u32)> {
    std::thread::sleep(Duration::from_millis(400));
    let digit = |report| match report {
        Report::Digit { leg, digit, duration_ms } => Some((leg.0, digit, duration_ms)),
        _ => None,
    };
    rig.reports.try_iter().filter_map(digit).collect()
}

#[test]
fn a_key_is_reported_once_and_relayed_with_the_peers_payload_type() {
    let mut rig = Rig::new(config());
    let mut alice = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.dtmf = Some(96);
        remote
    });
    let bob = rig.leg_with(2, 1, Law::A, |mut remote| {
        remote.dtmf = Some(101);
        remote
    });
    rig.bridge(1, 2);
    alice.send(&voice(0));
    alice.press(11, 96, 5, 3);
    alice.send(&voice(1));
    let heard = bob.take(10);
    let events: Vec<_> = heard.iter().filter(|packet| packet.payload_type == 101).collect();
    assert_eq!((heard.len(), events.len()), (10, 8));
    assert!(events[0].marker && events.iter().all(|event| event.timestamp == events[0].timestamp && event.payload[0] == 11));
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(digits(&rig), [(1, '#', 100)]);
}

#[test]
fn a_key_whose_ends_were_all_lost_is_still_reported_once() {
    let mut rig = Rig::new(config());
    let mut alice = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.dtmf = Some(101);
        remote
    });
    rig.plane.hear(LegId(1), Audio::Echo).unwrap();
    rig.settle();
    alice.press(1, 101, 4, 0);
    assert_eq!(digits(&rig), [(1, '1', 80)]);
    alice.press(2, 101, 4, 0);
    alice.press(2, 101, 4, 2);
    assert_eq!(digits(&rig), [(1, '2', 80), (1, '2', 80)]);
    assert!(alice.listen(Duration::from_millis(50)).is_empty(), "an echo is of voice only");
}

#[test]
fn a_peer_without_events_gets_none_and_misses_nothing() {
    let mut rig = Rig::new(config());
    let mut alice = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.dtmf = Some(101);
        remote
    });
    let bob = rig.leg(2, 1, Law::Mu);
    rig.bridge(1, 2);
    alice.send(&voice(0));
    alice.press(7, 101, 5, 3);
    alice.send(&voice(1));
    let heard = bob.listen(Duration::from_millis(100));
    assert_eq!(heard.iter().map(|packet| packet.payload_type).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(heard[1].sequence, heard[0].sequence.wrapping_add(1));
    assert_eq!(digits(&rig), [(1, '7', 100)]);
}
