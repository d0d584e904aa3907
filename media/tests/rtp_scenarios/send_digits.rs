use std::time::{Duration, Instant};

use tandem_core::{Audio, CallId, LegId, Tone};
use tandem_media::audio::{Law, goertzel};
use tandem_media::rtp::{MediaError, MediaRemote, Report};

use crate::rig::{HOME, Packet, Rig, codec, config, numbers, sound, voice};

/// Reported presses until there are so many.
fn presses(rig: &Rig, count: usize) -> Vec<(u64, char, u32)> {
    let mut presses = Vec::new();
    while presses.len() < count {
        match rig.report().expect("a press is reported") {
            Report::Digit { leg, digit, duration_ms } => presses.push((leg.0, digit, duration_ms)),
            other => panic!("{other:?}"),
        }
    }
    presses
}

/// Two legs of the switch that are each other's far end.
fn back_to_back() -> Rig {
    let mut rig = Rig::new(config());
    let [one, other] = [1, 2].map(|leg| rig.plane.open(LegId(leg), CallId(leg), HOME).unwrap());
    for (leg, far) in [(1, other), (2, one)] {
        let remote = MediaRemote { dtmf: Some(101), ..MediaRemote::new(far, codec(Law::A)) };
        rig.plane.set_remote(LegId(leg), remote).unwrap();
    }
    rig
}

#[test]
fn what_we_press_our_own_receiver_understands() {
    let mut rig = back_to_back();
    rig.plane.send_digits(LegId(1), "10").unwrap();
    rig.plane.send_digits(LegId(1), "2#*D5").unwrap();
    let pressed = presses(&rig, 7);
    assert_eq!(pressed, "102#*D5".chars().map(|digit| (2, digit, 100)).collect::<Vec<_>>());
    assert!(rig.reports.recv_timeout(Duration::from_millis(400)).is_err(), "each once");
}

#[test]
fn keys_between_frames_of_a_tone_keep_the_stream_in_step() {
    let mut rig = Rig::new(config());
    let phone = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.dtmf = Some(96);
        remote
    });
    rig.plane.hear(LegId(1), Audio::Tone(Tone::Sine(500))).unwrap();
    let mut heard = phone.take(5);
    rig.plane.send_digits(LegId(1), "7,8").unwrap();
    heard.extend(phone.take(90));
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    let (keys, frames): (Vec<&Packet>, Vec<&Packet>) = heard.iter().partition(|packet| packet.payload_type == 96);
    assert_eq!(keys.iter().map(|key| key.payload[0]).collect::<Vec<_>>(), [[7; 7], [8; 7]].concat());
    let marked: Vec<usize> = (0..keys.len()).filter(|place| keys[*place].marker).collect();
    assert_eq!(marked, [0, 7]);
    assert!(keys[..7].iter().all(|key| key.timestamp == keys[0].timestamp));
    // The tone goes on at the time that it is by then: 140 ms of key replace seven frames.
    let start = frames[0].timestamp;
    let places: Vec<u32> = frames.iter().map(|frame| frame.timestamp.wrapping_sub(start) / 160).collect();
    assert_eq!(places[..8], [0, 1, 2, 3, 4, 12, 13, 14], "{places:?}");
    assert_eq!(keys[0].timestamp.wrapping_sub(start) / 160, 5);
    // A second and 60 ms between the keys.
    assert_eq!(keys[7].timestamp.wrapping_sub(keys[0].timestamp) / 160, 60);
}

#[test]
fn a_key_between_relayed_packets_takes_their_place_and_no_number() {
    let mut rig = Rig::new(config());
    let mut alice = rig.leg(1, 1, Law::A);
    let bob = rig.leg_with(2, 1, Law::A, |mut remote| {
        remote.dtmf = Some(101);
        remote
    });
    rig.bridge(1, 2);
    let (start, mut heard) = (Instant::now(), Vec::new());
    bob.rtp.set_nonblocking(true).unwrap();
    for n in 0..40u32 {
        if n == 10 {
            rig.plane.send_digits(LegId(2), "5").unwrap();
        }
        alice.send(&voice(n));
        heard.extend(std::iter::from_fn(|| bob.receive()));
        std::thread::sleep((start + Duration::from_millis(20) * (n + 1)).saturating_duration_since(Instant::now()));
    }
    heard.extend(std::iter::from_fn(|| bob.receive()));
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    let (keys, relayed): (Vec<Packet>, Vec<Packet>) = heard.into_iter().partition(|packet| packet.payload_type == 101);
    assert_eq!(keys.len(), 7);
    let carried = numbers(&relayed);
    assert!((32..=34).contains(&carried.len()), "{carried:?}");
    // Timestamps say which packets they are, with the key or without it.
    assert!(relayed.iter().zip(&carried).all(|(packet, n)| packet.timestamp.wrapping_sub(relayed[0].timestamp) == n * 160));
    assert!(!relayed.iter().skip(1).any(|packet| packet.marker));
}

#[test]
fn without_telephone_event_the_tones_themselves_are_sent() {
    let mut rig = Rig::new(config());
    let phone = rig.leg(1, 1, Law::Mu);
    rig.plane.send_digits(LegId(1), "3").unwrap();
    let heard = phone.listen(Duration::from_millis(400));
    assert_eq!(heard.len(), 5);
    let samples = sound(Law::Mu, &heard);
    for hz in [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0] {
        assert_eq!(goertzel::level_dbm0(&samples, hz) > -12.0, hz == 697.0 || hz == 1477.0, "{hz} Hz");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let mut rig = back_to_back();
    assert_eq!(rig.plane.send_digits(LegId(1), "12x"), Err(MediaError::Digits("12x".to_owned())));
    assert!(matches!(rig.plane.send_digits(LegId(1), &"1".repeat(129)), Err(MediaError::Digits(_))));
    assert_eq!(rig.plane.send_digits(LegId(9), "1"), Err(MediaError::NoSuchLeg(LegId(9))));
}
