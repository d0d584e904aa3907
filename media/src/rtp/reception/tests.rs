use super::*;

fn feed(reception: &mut Reception, sequences: impl IntoIterator<Item = u16>) {
    for sequence in sequences {
        reception.packet(None, 1, sequence, 0);
    }
}

#[test]
fn loss_is_counted_across_the_wrap() {
    let mut reception = Reception::default();
    feed(&mut reception, (65_500..=65_535).chain(0..100).filter(|n| n % 10 != 3));
    let sent = 36 + 100;
    let dropped = (65_500..=65_535u32).chain(0..100).filter(|n| n % 10 == 3).count() as u64;
    assert_eq!(reception.received(), sent - dropped);
    assert_eq!(reception.lost(), dropped);
}

#[test]
fn late_packets_are_not_lost_and_doubled_ones_never_make_loss_negative() {
    let mut reception = Reception::default();
    feed(&mut reception, [10, 11, 13, 12, 14, 14, 14, 15]);
    assert_eq!(reception.lost(), 0);
    assert_eq!(reception.received(), 8);
}

#[test]
fn a_single_wild_jump_is_dropped_and_a_confirmed_one_restarts() {
    let mut reception = Reception::default();
    feed(&mut reception, 100..110);
    assert_eq!(reception.packet(None, 1, 40_000, 0), Arrival::Doubtful);
    assert_eq!(reception.packet(None, 1, 110, 0), Arrival::Flow);
    assert_eq!(reception.packet(None, 1, 50_000, 0), Arrival::Doubtful);
    assert_eq!(reception.packet(None, 1, 50_001, 0), Arrival::Start);
    assert_eq!(reception.lost(), 0);
    assert_eq!(reception.received(), 12);
}

#[test]
fn a_new_ssrc_keeps_the_totals() {
    let mut reception = Reception::default();
    feed(&mut reception, [1, 2, 4]);
    assert_eq!(reception.packet(None, 2, 900, 0), Arrival::Start);
    assert_eq!((reception.received(), reception.lost()), (4, 1));
}

#[test]
fn jitter_is_zero_for_an_even_stream_and_close_to_the_mean_deviation_otherwise() {
    let mut even = Reception::default();
    let mut rough = Reception::default();
    for n in 0..500u32 {
        let sent = n * 160;
        even.packet(Some(sent + 77), 1, n as u16, sent);
        // 5 ms to and fro: every difference of transit times is 40 units.
        rough.packet(Some(sent + if n % 2 == 0 { 0 } else { 40 }), 1, n as u16, sent);
    }
    assert_eq!(even.jitter(), 0);
    assert!((39..=41).contains(&rough.jitter()), "{}", rough.jitter());
}

#[test]
fn a_report_speaks_of_its_interval_and_of_the_whole() {
    let mut reception = Reception::default();
    feed(&mut reception, 0..100);
    assert_eq!(reception.report(), Some((1, 0, 0, 99)));
    feed(&mut reception, (100..200).filter(|n| n % 2 == 0));
    let (_, fraction, lost, _) = reception.report().unwrap();
    assert_eq!(fraction, 126, "49 of 99, in 256ths");
    assert_eq!(lost, 49, "the last odd one is not known to be lost yet");
}
