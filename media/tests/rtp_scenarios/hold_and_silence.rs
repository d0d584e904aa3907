use std::time::Duration;

use tandem_core::{Audio, Direction, LegId, Tone};
use tandem_media::audio::Law;
use tandem_media::rtp::{MediaError, MediaRemote, Report, RtpConfig};

use crate::rig::{Rig, codec, config};

#[test]
fn a_leg_on_hold_gets_nothing_until_it_is_resumed() {
    let mut rig = Rig::new(config());
    let phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), Audio::Tone(Tone::Sine(500))).unwrap();
    assert_eq!(phone.take(3).len(), 3);
    let remote = |direction| MediaRemote { direction, ..MediaRemote::new(phone.address(), codec(Law::A)) };
    rig.plane.set_remote(LegId(1), remote(Direction::Inactive)).unwrap();
    rig.settle();
    phone.listen(Duration::from_millis(20));
    assert!(phone.listen(Duration::from_millis(300)).is_empty());
    rig.plane.set_remote(LegId(1), remote(Direction::SendOnly)).unwrap();
    let resumed = phone.take(3);
    assert!(resumed[0].marker && !resumed[1].marker);
}

#[test]
fn an_active_leg_that_hears_nothing_is_reported_once_and_a_held_one_is_not() {
    let mut rig = Rig::new(RtpConfig { silence: Duration::from_secs(1), ..config() });
    let _active = rig.leg(1, 1, Law::A);
    let _held = rig.leg_with(2, 2, Law::A, |mut remote| {
        remote.direction = Direction::SendOnly;
        remote
    });
    assert_eq!(rig.report(), Some(Report::Silent { leg: LegId(1), seconds: 1 }));
    assert!(rig.reports.recv_timeout(Duration::from_millis(1300)).is_err());
}

#[test]
fn a_far_end_of_the_other_family_is_refused() {
    let mut rig = Rig::new(config());
    let _phone = rig.leg(1, 1, Law::A);
    let remote = MediaRemote::new("[2001:db8::1]:4000".parse().unwrap(), codec(Law::A));
    assert!(matches!(rig.plane.set_remote(LegId(1), remote), Err(MediaError::AddressFamily { .. })));
}
