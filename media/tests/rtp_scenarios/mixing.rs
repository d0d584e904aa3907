use std::time::{Duration, Instant};

use tandem_core::{Audio, LegId};
use tandem_media::audio::{Law, goertzel};

use crate::rig::{Packet, Phone, Rig, config, sine, sound};

const TONES: [f64; 3] = [500.0, 900.0, 1300.0];

/// Every phone sends its sine for a second and records what it hears.
fn talk(phones: &mut [(Phone, Law)]) -> Vec<Vec<Packet>> {
    let mut heard: Vec<Vec<Packet>> = phones.iter().map(|_| Vec::new()).collect();
    let start = Instant::now();
    for n in 0..60 {
        for (place, (phone, law)) in phones.iter_mut().enumerate() {
            phone.send(&sine(*law, TONES[place], n));
            phone.rtp.set_nonblocking(true).unwrap();
            heard[place].extend(std::iter::from_fn(|| phone.receive()));
        }
        std::thread::sleep((start + Duration::from_millis(20) * (n as u32 + 1)).saturating_duration_since(Instant::now()));
    }
    heard
}

#[test]
fn in_a_three_way_call_each_hears_the_two_others_and_not_itself() {
    let mut rig = Rig::new(config());
    let laws = [Law::A, Law::Mu, Law::A];
    let mut phones: Vec<(Phone, Law)> = laws.iter().zip(1..).map(|(law, leg)| (rig.leg(leg, 1, *law), *law)).collect();
    for leg in 1..=3 {
        rig.plane.hear(LegId(leg), Audio::Mix(vec![LegId(1), LegId(2), LegId(3)])).unwrap();
    }
    rig.settle();
    let heard = talk(&mut phones);
    for (place, packets) in heard.iter().enumerate() {
        assert!(packets.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
        assert!(packets.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 160));
        let samples = sound(laws[place], packets);
        let window = &samples[samples.len() / 2..samples.len() / 2 + 1600];
        for (other, hz) in TONES.iter().enumerate() {
            let level = goertzel::level_dbm0(window, *hz);
            assert_eq!(level > -14.0, other != place, "phone {place} hears {hz} Hz at {level} dBm0");
        }
    }
}

#[test]
fn a_leg_that_leaves_the_mix_is_heard_no_more() {
    let mut rig = Rig::new(config());
    let mut phones: Vec<(Phone, Law)> = (1..=3).map(|leg| (rig.leg(leg, 1, Law::A), Law::A)).collect();
    for leg in 1..=3 {
        let others = (1..=3).filter(|other| *other != leg).map(LegId).collect();
        rig.plane.hear(LegId(leg), Audio::Mix(others)).unwrap();
    }
    rig.close(3);
    rig.plane.hear(LegId(1), Audio::Leg(LegId(2))).unwrap();
    rig.plane.hear(LegId(2), Audio::Leg(LegId(1))).unwrap();
    rig.settle();
    phones.pop();
    let heard = talk(&mut phones);
    let samples = sound(Law::A, &heard[0][heard[0].len() - 30..]);
    assert!(goertzel::level_dbm0(&samples, TONES[1]) > -14.0);
    assert!(goertzel::level_dbm0(&samples, TONES[2]) < -40.0);
}
