use super::*;
use crate::rtp::relay;
use tandem_core::Codec;

const PEER: &str = "192.0.2.1:4000";

fn codec(name: &str, payload_type: u8, clock_rate: u32) -> Codec {
    Codec { name: name.into(), payload_type, clock_rate, fmtp: None }
}

fn leg(id: u64, change: impl FnOnce(&mut MediaRemote)) -> Leg {
    let seed = Seed { ssrc: 100 + id as u32, sequence: 1000, timestamp: 50_000, cname: *b"0123456789abcdef" };
    let mut leg = Leg::new(LegId(id), seed, Instant::now());
    let mut remote = MediaRemote { dtmf: Some(101), ..MediaRemote::new(PEER.parse().unwrap(), codec("PCMA", 8, 8000)) };
    change(&mut remote);
    leg.set_remote(Instant::now(), &remote);
    leg
}

fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence) * 160).to_be_bytes());
    bytes.extend(7u32.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What the listener's peer gets: payload type, sequence number, payload.
fn carry(source: &mut Leg, listener: &mut Leg, packet: &[u8]) -> Option<(u8, u16, Vec<u8>)> {
    let mut out = [0; limits::PACKET];
    let length = relay::step(source, listener, Instant::now(), PEER.parse().unwrap(), packet, &mut out)?;
    Some((out[1] & 0x7F, u16::from_be_bytes([out[2], out[3]]), out[HEADER..length].to_vec()))
}

#[test]
fn before_the_far_end_is_known_nothing_is_taken() {
    let seed = Seed { ssrc: 1, sequence: 1, timestamp: 1, cname: [b'x'; 16] };
    let mut leg = Leg::new(LegId(1), seed, Instant::now());
    assert_eq!(leg.receive(Instant::now(), PEER.parse().unwrap(), &packet(8, 1, &[0; 160])), Verdict::Rejected);
    assert_eq!(leg.stats().packets_rejected, 1);
    assert_eq!(leg.destination(), None);
}

#[test]
fn payload_types_are_the_listeners_own() {
    let mut source = leg(1, |remote| remote.dtmf = Some(96));
    let mut listener = leg(2, |remote| remote.remote_payload_type = 118);
    assert_eq!(carry(&mut source, &mut listener, &packet(8, 1, b"abc")), Some((118, 1000, b"abc".to_vec())));
    assert_eq!(carry(&mut source, &mut listener, &packet(96, 2, &[5, 0, 0, 160])), Some((101, 1001, vec![5, 0, 0, 160])));
    assert_eq!(carry(&mut source, &mut listener, &packet(13, 3, &[60])), Some((13, 1002, vec![60])), "comfort noise");
}

#[test]
fn csrc_extension_and_padding_are_not_passed_on() {
    let (mut source, mut listener) = (leg(1, |_| ()), leg(2, |_| ()));
    let mut bytes = packet(8, 1, &[]);
    bytes[0] = 0x80 | 0x20 | 0x10 | 2;
    bytes.extend([1, 2, 3, 4, 5, 6, 7, 8]);
    bytes.extend([0xBE, 0xDE, 0, 1, 9, 9, 9, 9]);
    bytes.extend(b"voice");
    bytes.extend([0, 0, 3]);
    assert_eq!(carry(&mut source, &mut listener, &bytes).unwrap().2, b"voice");
}

#[test]
fn codecs_that_cannot_be_converted_are_silent_and_counted() {
    let mut source = leg(1, |remote| (remote.codec, remote.remote_payload_type) = (codec("opus", 111, 48_000), 111));
    let mut listener = leg(2, |_| ());
    for n in 0..3 {
        assert_eq!(carry(&mut source, &mut listener, &packet(111, n, b"opus")), None);
    }
    assert_eq!(listener.mismatched(), 3);
    let mut same = leg(3, |remote| (remote.codec, remote.remote_payload_type) = (codec("OPUS", 96, 48_000), 96));
    assert_eq!(carry(&mut source, &mut same, &packet(111, 9, b"opus")), Some((96, 1000, b"opus".to_vec())), "names have no case");
}

#[test]
fn events_for_a_peer_without_them_leave_no_hole_in_the_numbers() {
    let (mut source, mut listener) = (leg(1, |_| ()), leg(2, |remote| remote.dtmf = None));
    assert_eq!(carry(&mut source, &mut listener, &packet(8, 1, b"a")).unwrap().1, 1000);
    for n in 2..6 {
        assert_eq!(carry(&mut source, &mut listener, &packet(101, n, &[5, 0, 0, 160])), None);
    }
    assert_eq!(carry(&mut source, &mut listener, &packet(8, 6, b"b")).unwrap().1, 1001);
}

#[test]
fn the_direction_is_kept() {
    for (direction, takes, gives) in [
        (Direction::SendRecv, true, true),
        (Direction::SendOnly, false, true),
        (Direction::RecvOnly, true, false),
        (Direction::Inactive, false, false),
    ] {
        let (mut half, mut full) = (leg(1, |remote| remote.direction = direction), leg(2, |_| ()));
        assert_eq!(carry(&mut half, &mut full, &packet(8, 1, b"a")).is_some(), takes, "{direction:?} takes");
        assert_eq!(carry(&mut full, &mut half, &packet(8, 1, b"a")).is_some(), gives, "{direction:?} gives");
        assert_eq!(half.speak(Instant::now(), &[0; FRAME], 0, &mut [0; limits::PACKET]).is_some(), gives);
    }
}

#[test]
fn a_hold_of_either_side_is_no_loss_to_the_other() {
    let (mut source, mut listener) = (leg(1, |_| ()), leg(2, |_| ()));
    let remote = |direction| MediaRemote { direction, ..MediaRemote::new(PEER.parse().unwrap(), codec("PCMA", 8, 8000)) };
    let mut sequence = 0;
    for held in [Direction::SendOnly, Direction::RecvOnly] {
        let next = carry(&mut source, &mut listener, &packet(8, sequence, b"a")).unwrap().1;
        source.set_remote(Instant::now(), &remote(if held == Direction::SendOnly { held } else { Direction::SendRecv }));
        listener.set_remote(Instant::now(), &remote(if held == Direction::RecvOnly { held } else { Direction::SendRecv }));
        for n in 1..500 {
            assert_eq!(carry(&mut source, &mut listener, &packet(8, sequence + n, b"a")), None);
        }
        source.set_remote(Instant::now(), &remote(Direction::SendRecv));
        listener.set_remote(Instant::now(), &remote(Direction::SendRecv));
        assert_eq!(carry(&mut source, &mut listener, &packet(8, sequence + 500, b"a")).unwrap().1, next + 1, "{held:?}");
        sequence += 501;
    }
}

#[test]
fn nothing_is_sent_to_nowhere() {
    assert_eq!(leg(1, |remote| remote.rtp = "0.0.0.0:4000".parse().unwrap()).destination(), None);
    assert_eq!(leg(1, |remote| remote.rtp = "192.0.2.1:0".parse().unwrap()).destination(), None);
}

#[test]
fn a_session_refresh_keeps_the_gate_latched_and_a_new_address_opens_it() {
    let mut leg = leg(1, |_| ());
    let now = Instant::now();
    let rewritten: SocketAddr = "192.0.2.1:61000".parse().unwrap();
    assert!(matches!(leg.receive(now, rewritten, &packet(8, 1, b"a")), Verdict::Heard { .. }));
    leg.set_remote(now, &MediaRemote::new(PEER.parse().unwrap(), codec("PCMA", 8, 8000)));
    assert_eq!(leg.destination(), Some(rewritten));
    leg.set_remote(now, &MediaRemote::new("198.51.100.7:5000".parse().unwrap(), codec("PCMA", 8, 8000)));
    assert_eq!(leg.destination(), Some("198.51.100.7:5000".parse().unwrap()));
    assert_eq!(leg.receive(now, rewritten, &packet(8, 2, b"a")), Verdict::Rejected);
}

#[test]
fn silence_is_reported_once_until_a_packet_comes() {
    let mut leg = leg(1, |_| ());
    let (now, limit) = (Instant::now(), Duration::from_secs(30));
    assert_eq!(leg.silent_for(now + Duration::from_secs(29), limit), None);
    assert_eq!(leg.silent_for(now + Duration::from_secs(31), limit), Some(31));
    assert_eq!(leg.silent_for(now + Duration::from_secs(99), limit), None);
    leg.receive(now + Duration::from_secs(100), PEER.parse().unwrap(), &packet(8, 1, b"a"));
    assert_eq!(leg.silent_for(now + Duration::from_secs(131), limit), Some(31));
}

#[test]
fn any_bytes_are_survived() {
    let (mut source, mut listener) = (leg(1, |_| ()), leg(2, |_| ()));
    let mut seed = 9u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u32
    };
    for _ in 0..50_000 {
        let mut bytes = packet([8, 101, 13, 72][random() as usize % 4], random() as u16, b"some voice in between");
        for _ in 0..random() % 6 {
            let place = random() as usize % bytes.len();
            bytes[place] = random() as u8;
        }
        bytes.truncate(random() as usize % (bytes.len() + 1));
        carry(&mut source, &mut listener, &bytes);
        source.receive_rtcp(Instant::now(), 1 << 40, PEER.parse().unwrap(), false, &bytes);
    }
    let stats = source.stats();
    assert!(stats.mos.is_none_or(|mos| (1.0..=4.5).contains(&mos)) && stats.jitter_ms.is_finite());
}
