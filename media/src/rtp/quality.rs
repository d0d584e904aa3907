//! How a call sounded: the E-model (ITU-T G.107) with what a switch can measure, as a mean opinion score.
//!
//! `R = 93.2 - Id - Ie,eff`, everything else at its default (G.107 table 3: R0 - Is = 93.2 for narrow-band telephony).
//!
//! * `Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3)` with the mouth-to-ear delay `d` in milliseconds: half the round trip,
//!   one packet, and twice the jitter for the buffer at the far end (the usual simplification of G.107 §3.5).
//! * `Ie,eff = Ie + (95 - Ie) · Ppl / (Ppl / BurstR + Bpl)` with `Ppl` in percent and random loss (`BurstR` = 1; §3.6).
//! * `MOS = 1 + 0.035 R + R (R - 60) (100 - R) · 7·10⁻⁶`, between 1 and 4.5 (Annex B).
//!
//! `Ie` and `Bpl` are from G.113 appendix I: G.711 with loss concealment 0 / 25.1, G.729A 11 / 19.0. Codecs it does not
//! list for narrow band (G.722, Opus) are taken as G.711, which is right without loss and kind with it.

use super::coding::Coding;

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// Packets received.
    pub received: u64,
    /// Packets lost.
    pub lost: u64,
    /// Jitter in milliseconds.
    pub jitter_ms: f32,
    /// Packet length in milliseconds.
    pub ptime_ms: u16,
    /// Round trip in milliseconds, if known.
    pub round_trip_ms: Option<f32>,
}

/// Mean opinion score from 1.0 to 4.5.
pub fn mos(coding: Coding, path: Path) -> f32 {
    let (ie, bpl) = impairment(coding);
    let expected = path.received.saturating_add(path.lost);
    let loss = if expected == 0 { 0.0 } else { 100.0 * path.lost as f32 / expected as f32 };
    let delay = path.round_trip_ms.unwrap_or(0.0) / 2.0 + f32::from(path.ptime_ms) + 2.0 * path.jitter_ms;
    let late = (delay - 177.3).max(0.0);
    let r = 93.2 - (0.024 * delay + 0.11 * late) - (ie + (95.0 - ie) * loss / (loss + bpl));
    score(r)
}

fn score(r: f32) -> f32 {
    if r <= 0.0 || r.is_nan() {
        return 1.0;
    }
    let r = r.min(100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

fn impairment(coding: Coding) -> (f32, f32) {
    match coding {
        Coding::Opaque(name, _) if name.starts_with(b"G729") => (11.0, 19.0),
        _ => (0.0, 25.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Law;

    const G711: Coding = Coding::G711(Law::A);

    fn path(received: u64, lost: u64) -> Path {
        Path { received, lost, jitter_ms: 0.0, ptime_ms: 20, round_trip_ms: None }
    }

    #[test]
    fn a_perfect_g711_call_scores_4_4() {
        assert!((mos(G711, path(1000, 0)) - 4.4).abs() < 0.03);
    }

    #[test]
    fn five_percent_loss_costs_what_g107_says() {
        // Ie,eff = 95 · 5 / 30.1 = 15.78; R = 93.2 - 0.48 - 15.78 = 76.94; MOS = 3.90.
        assert!((mos(G711, path(950, 50)) - 3.90).abs() < 0.01);
    }

    #[test]
    fn delay_beyond_177_ms_is_punished_harder() {
        let at = |rtt: f32| mos(G711, Path { round_trip_ms: Some(rtt), ..path(1000, 0) });
        assert!(at(200.0) - at(300.0) < 0.1);
        assert!(at(600.0) - at(700.0) > 0.2);
    }

    #[test]
    fn nothing_gives_a_number_out_of_range() {
        for (received, lost, jitter_ms, rtt) in
            [(0, 0, 0.0, None), (0, 9, 1e9, Some(1e9)), (1, u64::MAX, 0.0, Some(f32::INFINITY)), (1, 0, f32::NAN, None)]
        {
            let score = mos(G711, Path { received, lost, jitter_ms, ptime_ms: 20, round_trip_ms: rtt });
            assert!((1.0..=4.5).contains(&score), "{score}");
        }
    }
}
