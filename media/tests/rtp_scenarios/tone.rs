use std::time::Duration;

use tandem_core::{Audio, LegId, Tone};
use tandem_media::audio::{Law, goertzel};

use crate::rig::{Rig, config, sound, voice};

#[test]
fn a_phone_hears_the_tone_at_its_level() {
    let mut rig = Rig::new(config());
    for (leg, law) in [(1, Law::A), (2, Law::Mu)] {
        let phone = rig.leg(leg, 1, law);
        rig.plane.hear(LegId(leg), Audio::Tone(Tone::Sine(1004))).unwrap();
        let heard = sound(law, &phone.take(50));
        assert_eq!(heard.len(), 8000);
        assert!((goertzel::level_dbm0(&heard, 1004.0) + 10.0).abs() < 0.5);
    }
}

#[test]
fn tone_then_voice_then_tone_is_one_stream() {
    let mut rig = Rig::new(config());
    let (mut alice, bob) = (rig.leg(1, 1, Law::A), rig.leg(2, 1, Law::A));
    rig.plane.hear(LegId(2), Audio::Tone(Tone::Ringback)).unwrap();
    let mut heard = bob.take(5);
    rig.plane.hear(LegId(2), Audio::Leg(LegId(1))).unwrap();
    rig.settle();
    heard.extend(bob.listen(Duration::from_millis(20)));
    let tone_before = heard.len();
    for n in 0..5 {
        alice.send(&voice(n));
        heard.extend(bob.receive());
        std::thread::sleep(Duration::from_millis(20));
    }
    rig.plane.hear(LegId(2), Audio::Tone(Tone::Busy)).unwrap();
    heard.extend(bob.take(5));

    assert!(heard.iter().all(|packet| packet.ssrc == heard[0].ssrc));
    for (place, pair) in heard.windows(2).enumerate() {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "at {place}");
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((160..1600).contains(&step), "at {place}: {step}");
    }
    let marked: Vec<usize> = (0..heard.len()).filter(|place| heard[*place].marker).collect();
    assert_eq!(marked, [0, tone_before, tone_before + 5]);
}
