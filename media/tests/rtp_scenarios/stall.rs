use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::unbounded;
use tandem_core::{Audio, LegId, Tone};
use tandem_media::audio::Law;
use tandem_media::rtp::{MediaPlane, Report};

use crate::rig::{Rig, config, numbers, voice};

/// A report that takes 50 ms holds the worker for as long: every other leg must come through it whole.
#[test]
fn a_worker_that_stalls_for_fifty_milliseconds_loses_nothing() {
    let (sender, reports) = unbounded();
    let sink = move |report: Report| {
        if matches!(report, Report::Digit { .. }) {
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(sender.send(report));
    };
    let mut rig = Rig { plane: MediaPlane::start(config(), Arc::new(sink)).unwrap(), reports };
    let mut presser = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.dtmf = Some(101);
        remote
    });
    let listener = rig.leg(2, 1, Law::A);
    let (mut alice, bob) = (rig.leg(3, 2, Law::A), rig.leg(4, 2, Law::A));
    rig.bridge(3, 4);
    rig.plane.hear(LegId(2), Audio::Tone(Tone::Sine(400))).unwrap();
    let (start, mut heard) = (Instant::now(), Vec::new());
    bob.rtp.set_nonblocking(true).unwrap();
    for n in 0..400u32 {
        if n % 100 == 50 {
            presser.press(1, 101, 2, 3);
        }
        alice.send(&voice(n));
        heard.extend(std::iter::from_fn(|| bob.receive()));
        std::thread::sleep((start + Duration::from_micros(2500) * (n + 1)).saturating_duration_since(Instant::now()));
    }
    bob.rtp.set_nonblocking(false).unwrap();
    heard.extend(bob.listen(Duration::from_millis(100)));
    assert_eq!(numbers(&heard), (0..400).collect::<Vec<_>>());
    let frames = listener.listen(Duration::from_millis(5));
    assert!(frames.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 160), "the tone has no gap");
    assert!(frames.len() >= 48, "{} frames in a second", frames.len());
    assert_eq!(rig.reports.try_iter().filter(|report| matches!(report, Report::Digit { .. })).count(), 4);
}
