use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tandem_media::audio::Law;

use crate::rig::{Rig, config, voice};

#[test]
fn loss_and_jitter_of_a_known_stream_are_what_the_statistics_say() {
    let mut rig = Rig::new(config());
    let mut phone = rig.leg(1, 1, Law::A);
    rig.settle();
    let mut random = StdRng::seed_from_u64(42);
    let (mut lost, start) = (0, Instant::now());
    for n in 0..150u32 {
        // Up to 20 ms late, evenly spread: the mean difference of two neighbours is a third of the spread.
        let late = Duration::from_micros(random.random_range(0..20_000));
        std::thread::sleep((start + Duration::from_millis(20) * n + late).saturating_duration_since(Instant::now()));
        if n > 0 && n < 149 && random.random_bool(0.1) {
            lost += 1;
            phone.sequence = phone.sequence.wrapping_add(1);
            phone.timestamp = phone.timestamp.wrapping_add(160);
        } else {
            phone.send(&voice(n));
        }
    }
    rig.settle();
    let stats = rig.close(1);
    assert!(lost > 5);
    assert_eq!((stats.packets_received, stats.packets_lost), (150 - lost, lost));
    assert!((3.0..20.0).contains(&stats.jitter_ms), "{} ms", stats.jitter_ms);
    let mos = stats.mos.unwrap();
    assert!((2.5..4.0).contains(&mos), "about a tenth lost: {mos}");
}
