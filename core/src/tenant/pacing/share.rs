//! Which share of placed calls comes to need an agent.
//!
//! Answer rates drift, and one forgetting horizon is either slow or noisy; so several run side by side and are mixed by how
//! well each foretold the last outcomes (reference/dialer.md 6.3).

/// Calls that each track remembers.
const HORIZONS: [f64; 5] = [60.0, 200.0, 600.0, 2_500.0, 10_000.0];

/// Outcomes over which the tracks are compared.
const JUDGED_OVER: f64 = 400.0;

/// What is believed before the first outcome: three in ten, held as weakly as four calls.
const PRIOR: (f64, f64) = (1.2, 2.8);

/// Share estimates over several memories.
#[derive(Debug, Clone)]
pub(super) struct Share {
    tracks: [Track; HORIZONS.len()],
    mean: f64,
    variance: f64,
}

#[derive(Debug, Clone, Copy)]
struct Track {
    keep: f64,
    yes: f64,
    no: f64,
    merit: f64,
}

impl Track {
    fn mean(&self) -> f64 {
        (self.yes + PRIOR.0) / (self.yes + self.no + PRIOR.0 + PRIOR.1)
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        mean * (1.0 - mean) / (self.yes + self.no + PRIOR.0 + PRIOR.1 + 1.0)
    }
}

impl Share {
    pub(super) fn new() -> Self {
        let tracks = HORIZONS.map(|horizon| Track { keep: 1.0 - 1.0 / horizon, yes: 0.0, no: 0.0, merit: 0.0 });
        let mut share = Share { tracks, mean: 0.0, variance: 0.0 };
        share.mix();
        share
    }

    /// One complete call: 1 needed an agent, 0 did not, between them for one that was given up.
    pub(super) fn feed(&mut self, outcome: f64) {
        for track in &mut self.tracks {
            let mean = track.mean().clamp(1e-4, 1.0 - 1e-4);
            track.merit = track.merit * (1.0 - 1.0 / JUDGED_OVER) + outcome * mean.ln() + (1.0 - outcome) * (1.0 - mean).ln();
            track.yes = track.yes * track.keep + outcome;
            track.no = track.no * track.keep + 1.0 - outcome;
        }
        self.mix();
    }

    fn mix(&mut self) {
        let best = self.tracks.iter().map(|track| track.merit).fold(f64::NEG_INFINITY, f64::max);
        let weights = self.tracks.map(|track| (track.merit - best).exp());
        let total: f64 = weights.iter().sum();
        self.mean = self.tracks.iter().zip(weights).map(|(track, weight)| weight * track.mean()).sum::<f64>() / total;
        let spread = |track: &Track| track.variance() + (track.mean() - self.mean).powi(2);
        self.variance = self.tracks.iter().zip(weights).map(|(track, weight)| weight * spread(track)).sum::<f64>() / total;
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean.clamp(0.002, 0.98)
    }

    pub(super) fn sd(&self) -> f64 {
        self.variance.sqrt()
    }
}
