use std::time::Duration;

use tandem_core::{Audio, LegId, Tone};
use tandem_media::audio::Law;
use tandem_media::rtp::RtpConfig;

use crate::rig::{Rig, config};

fn quick() -> RtpConfig {
    RtpConfig { rtcp_interval: Duration::from_millis(200), ..config() }
}

/// A receiver report of `ssrc` about our stream, answering our sender report at once.
fn answer(report: &[u8], ssrc: u32, lost: u32) -> Vec<u8> {
    let mut bytes = vec![0x81, 201, 0, 7];
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend(&report[4..8]);
    bytes.extend(lost.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(&report[10..14]);
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn reports_go_out_come_in_and_end_with_a_goodbye() {
    let mut rig = Rig::new(quick());
    let phone = rig.leg(1, 1, Law::A);
    rig.plane.hear(LegId(1), Audio::Tone(Tone::Sine(400))).unwrap();
    let mut buffer = [0; 1500];
    let (length, from) = phone.rtcp.recv_from(&mut buffer).unwrap();
    assert_eq!((buffer[1], from.port()), (200, phone.target.port() + 1));
    phone.rtcp.send_to(&answer(&buffer[..length], 77, 3), from).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let stats = rig.close(1);
    assert_eq!(stats.peer_packets_lost, Some(3));
    assert!((0.0..100.0).contains(&stats.round_trip_ms.unwrap()));
    let mut last = Vec::new();
    while let Ok((length, _)) = phone.rtcp.recv_from(&mut buffer) {
        last = buffer[..length].to_vec();
    }
    assert_eq!(last[last.len() - 7], 203, "BYE with our SSRC");
}

#[test]
fn with_mux_everything_is_on_one_port() {
    let mut rig = Rig::new(quick());
    let phone = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.rtcp_mux = true;
        remote
    });
    rig.plane.hear(LegId(1), Audio::Tone(Tone::Sine(400))).unwrap();
    let mut buffer = [0; 1500];
    let report = loop {
        let (length, from) = phone.rtp.recv_from(&mut buffer).unwrap();
        assert_eq!(from, phone.target);
        if buffer[1] == 200 {
            break buffer[..length].to_vec();
        }
    };
    phone.rtp.send_to(&answer(&report, 77, 5), phone.target).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let stats = rig.close(1);
    assert_eq!((stats.peer_packets_lost, stats.packets_rejected), (Some(5), 0));
}
