use tandem_core::{Codec, LegId};

use super::*;
use crate::rtp::leg::Seed;
use crate::rtp::{LatchMode, MediaRemote};

const PEER: &str = "192.0.2.1:4000";
const PEER_RTCP: &str = "192.0.2.1:4001";

fn leg(ssrc: u32, now: Instant, mux: bool) -> Leg {
    let mut leg = Leg::new(LegId(1), Seed { ssrc, sequence: 1, timestamp: 1, cname: *b"0123456789abcdef" }, now);
    let codec = Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None };
    leg.set_remote(now, &MediaRemote { rtcp_mux: mux, latch: LatchMode::Nat, ..MediaRemote::new(PEER.parse().unwrap(), codec) });
    leg
}

fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut bytes = vec![0x80, 8];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence) * 160).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([0; 160]);
    bytes
}

#[test]
fn two_ends_measure_loss_and_the_round_trip() {
    let start = Instant::now();
    let clock = NtpClock::new(start);
    let at = |ms: u64| (start + Duration::from_millis(ms), clock.at(start + Duration::from_millis(ms)));
    let (mut near, mut far) = (leg(1, start, false), leg(2, start, false));
    let (peer, control): (SocketAddr, SocketAddr) = (PEER.parse().unwrap(), PEER_RTCP.parse().unwrap());
    let mut buffer = [0; limits::PACKET];
    near.speak(start, &[0; 160], 0, &mut buffer);
    for sequence in (0..100).filter(|n| n % 10 != 5) {
        far.receive(start, peer, &rtp(1, sequence));
    }

    let (now, ntp) = at(1000);
    let length = near.report(now, ntp, false, &mut buffer).unwrap();
    assert!(is_rtcp(&buffer[..length]) && buffer[1] == 200, "a sender report, for it has sent");
    assert!(buffer[..length].windows(16).any(|window| window == b"0123456789abcdef"));
    let (now, ntp) = at(1040);
    assert!(far.receive_rtcp(now, ntp, control, false, &buffer[..length]));

    let (now, ntp) = at(3040);
    let length = far.report(now, ntp, false, &mut buffer).unwrap();
    assert_eq!(buffer[1], 201, "a receiver report, for it has not");
    let (now, ntp) = at(3100);
    assert!(near.receive_rtcp(now, ntp, control, false, &buffer[..length]));
    let stats = near.stats();
    assert_eq!(stats.peer_packets_lost, Some(10));
    assert!((stats.round_trip_ms.unwrap() - 100.0).abs() < 1.0, "{:?}", stats.round_trip_ms);
}

#[test]
fn a_report_from_elsewhere_or_to_the_wrong_port_is_rejected() {
    let start = Instant::now();
    let mut buffer = [0; limits::PACKET];
    let length = leg(2, start, false).report(start, 1 << 40, false, &mut buffer).unwrap();
    let report = &buffer[..length];
    for (mux, muxed, from, taken) in [
        (false, false, PEER_RTCP, true),
        (false, false, "198.51.100.1:4001", false),
        (false, true, PEER, false),
        (true, true, PEER, true),
        (true, true, PEER_RTCP, false),
        (true, false, PEER_RTCP, false),
    ] {
        let mut leg = leg(1, start, mux);
        assert_eq!(leg.receive_rtcp(start, 1 << 40, from.parse().unwrap(), muxed, report), taken, "{mux} {muxed} {from}");
        assert_eq!(leg.stats().packets_rejected, u64::from(!taken));
    }
}

#[test]
fn a_goodbye_is_said_only_if_there_was_something() {
    let start = Instant::now();
    let mut buffer = [0; limits::PACKET];
    let mut leg = leg(1, start, false);
    assert_eq!(leg.report(start, 1 << 40, true, &mut buffer), None);
    leg.speak(start, &[0; 160], 0, &mut buffer);
    let length = leg.report(start, 1 << 40, true, &mut buffer).unwrap();
    let last = Compound::parse(&buffer[..length]).unwrap().last().unwrap().unwrap();
    assert!(matches!(last, Packet::Bye(_)));
}

#[test]
fn ntp_counts_from_1900_in_fixed_point() {
    let start = Instant::now();
    let clock = NtpClock { base: start, micros: 0 };
    assert_eq!(clock.at(start), NTP_EPOCH << 32);
    assert_eq!(clock.at(start + Duration::from_millis(500)), (NTP_EPOCH << 32) | 0x8000_0000);
}

#[test]
fn what_the_peer_sends_and_nobody_understands_is_no_attack() {
    let start = Instant::now();
    let mut buffer = [0; limits::PACKET];
    let length = leg(2, start, false).report(start, 1 << 40, false, &mut buffer).unwrap();
    let mut leg = leg(1, start, false);
    let feedback = [0x81, 206, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1];
    assert!(!leg.receive_rtcp(start, 1 << 40, PEER_RTCP.parse().unwrap(), false, &feedback), "it opens no gate");
    assert!(leg.receive_rtcp(start, 1 << 40, PEER_RTCP.parse().unwrap(), false, &buffer[..length]));
    assert!(leg.receive_rtcp(start, 1 << 40, PEER_RTCP.parse().unwrap(), false, &feedback));
    assert_eq!(leg.stats().packets_rejected, 1);
}
