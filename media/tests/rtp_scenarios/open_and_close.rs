use std::time::Duration;

use tandem_core::{Audio, CallId, LegId};
use tandem_media::audio::Law;
use tandem_media::rtp::{MediaError, OpenError, Report, RtpConfig};

use crate::rig::{HOME, Rig, config};

#[test]
fn an_open_leg_has_an_even_port_and_closing_reports_once() {
    let mut rig = Rig::new(config());
    let address = rig.plane.open(LegId(1), CallId(1), HOME).unwrap();
    assert_eq!(address.port() % 2, 0);
    assert!(matches!(rig.plane.open(LegId(1), CallId(1), HOME), Err(OpenError::AlreadyOpen(LegId(1)))));
    let stats = rig.close(1);
    assert_eq!((stats.packets_received, stats.mos), (0, None));
    assert_eq!(rig.plane.close(LegId(1)), Err(MediaError::NoSuchLeg(LegId(1))));
    assert_eq!(rig.plane.hear(LegId(1), Audio::Silence), Err(MediaError::NoSuchLeg(LegId(1))));
    assert!(rig.reports.recv_timeout(Duration::from_millis(100)).is_err(), "no second report");
}

#[test]
fn ports_run_out_rest_and_come_back() {
    let rest = Duration::from_millis(300);
    let mut rig = Rig::new(RtpConfig { ports: 19_000..=19_003, port_rest: rest, ..config() });
    rig.plane.open(LegId(1), CallId(1), HOME).unwrap();
    rig.plane.open(LegId(2), CallId(1), HOME).unwrap();
    assert!(matches!(rig.plane.open(LegId(3), CallId(1), HOME), Err(OpenError::NoPorts(2))));
    rig.close(1);
    assert!(matches!(rig.plane.open(LegId(3), CallId(1), HOME), Err(OpenError::NoPorts(2))), "it rests");
    std::thread::sleep(rest + Duration::from_millis(20));
    rig.plane.open(LegId(3), CallId(1), HOME).unwrap();
}

#[test]
fn two_thousand_legs_come_and_go_and_leave_nothing() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut rig = Rig::new(RtpConfig { workers: 2, port_rest: Duration::ZERO, ..config() });
    let mut most = 0;
    for round in 0..20u64 {
        for n in 0..100 {
            let leg = round * 100 + n;
            drop(rig.leg(leg, leg / 2, Law::A));
            rig.plane.hear(LegId(leg), Audio::Leg(LegId(leg ^ 1))).unwrap();
        }
        most = most.max(descriptors());
        (0..100).for_each(|n| rig.plane.close(LegId(round * 100 + n)).unwrap());
        let closed = (0..100).filter(|_| matches!(rig.report(), Some(Report::Closed { .. }))).count();
        assert_eq!(closed, 100, "round {round}");
    }
    assert_eq!(rig.plane.legs(), 0);
    // Other tests of this program run beside; a leak would be 4,000 sockets.
    assert!(most < 1500, "{most} descriptors open at once");
}

#[test]
fn dropping_the_plane_closes_every_leg() {
    let mut rig = Rig::new(config());
    (0..10).for_each(|leg| drop(rig.leg(leg, leg, Law::A)));
    let Rig { plane, reports } = rig;
    drop(plane);
    assert_eq!(reports.try_iter().filter(|report| matches!(report, Report::Closed { .. })).count(), 10);
}
