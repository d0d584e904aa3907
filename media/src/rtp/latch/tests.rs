use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn gate(mode: LatchMode, signalled: &str, from: Option<&str>) -> Latch {
    Latch::new(mode, at(signalled), from.map(|ip| ip.parse().unwrap()), limits::REBIND_SILENCE)
}

#[test]
fn strict_takes_the_signalled_port_and_no_other() {
    let now = Instant::now();
    let mut latch = gate(LatchMode::Strict, "192.0.2.1:4000", Some("192.0.2.1"));
    assert!(!latch.admit(now, at("192.0.2.1:4002"), 1, true));
    assert!(latch.admit(now, at("192.0.2.1:4000"), 1, true));
    assert!(!latch.admit(now + Duration::from_secs(60), at("192.0.2.1:4002"), 1, true));
}

#[test]
fn a_rewritten_port_is_latched_and_holds() {
    let now = Instant::now();
    let mut latch = gate(LatchMode::Nat, "192.0.2.1:4000", None);
    assert_eq!(latch.destination(), at("192.0.2.1:4000"));
    assert!(latch.admit(now, at("192.0.2.1:61000"), 1, true));
    assert_eq!(latch.destination(), at("192.0.2.1:61000"));
    assert!(!latch.admit(now, at("192.0.2.1:61001"), 2, true));
    assert!(!latch.admit(now, at("198.51.100.9:4000"), 1, true));
}

#[test]
fn a_private_address_gives_way_to_where_the_signalling_comes_from() {
    let now = Instant::now();
    let mut latch = gate(LatchMode::Nat, "192.168.1.5:4000", Some("203.0.113.9"));
    assert!(!latch.admit(now, at("203.0.113.10:4000"), 1, true));
    assert!(latch.admit(now, at("203.0.113.9:31000"), 1, true));
}

#[test]
fn a_public_address_does_not() {
    let mut latch = gate(LatchMode::Nat, "192.0.2.1:4000", Some("203.0.113.9"));
    assert!(!latch.admit(Instant::now(), at("203.0.113.9:31000"), 1, true));
}

#[test]
fn only_a_negotiated_packet_latches() {
    let mut latch = gate(LatchMode::Nat, "192.0.2.1:4000", None);
    assert!(!latch.admit(Instant::now(), at("192.0.2.1:4000"), 1, false));
    assert_eq!(latch.source(), None);
}

#[test]
fn the_signalled_address_takes_over_only_in_the_window() {
    let now = Instant::now();
    let mut early = gate(LatchMode::Nat, "192.0.2.1:4000", None);
    assert!(early.admit(now, at("192.0.2.1:5000"), 1, true));
    assert!(early.admit(now + limits::LATCH_WINDOW, at("192.0.2.1:4000"), 9, true));
    assert!(!early.admit(now + limits::LATCH_WINDOW, at("192.0.2.1:5000"), 1, true), "and is not pushed out again");

    let mut late = gate(LatchMode::Nat, "192.0.2.1:4000", None);
    assert!(late.admit(now, at("192.0.2.1:5000"), 1, true));
    assert!(!late.admit(now + limits::LATCH_WINDOW + Duration::from_millis(1), at("192.0.2.1:4000"), 9, true));
}

#[test]
fn a_forgotten_nat_binding_is_followed_for_the_same_ssrc_after_silence() {
    let now = Instant::now();
    let mut latch = gate(LatchMode::Nat, "192.0.2.1:4000", None);
    assert!(latch.admit(now, at("192.0.2.1:4000"), 7, true));
    let soon = now + limits::REBIND_SILENCE - Duration::from_millis(1);
    let later = now + limits::REBIND_SILENCE;
    assert!(!latch.admit(soon, at("192.0.2.1:5000"), 7, true), "the old port may still be speaking");
    assert!(!latch.admit(later, at("192.0.2.1:5000"), 8, true), "another stream");
    assert!(!latch.admit(later, at("192.0.2.2:5000"), 7, true), "another machine");
    assert!(latch.admit(later, at("192.0.2.1:5000"), 7, true));
    assert_eq!(latch.destination(), at("192.0.2.1:5000"));
}
