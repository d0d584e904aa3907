//! How long talk and wrap-up last: survival curves that learn from ends and from what is still going on.

use super::Seconds;
use super::limits::CELLS;
use super::state::Busy;

/// Log-spaced bins: the first to half a second, each 14 % longer than the one before, to about 1.7 hours.
const BINS: usize = 72;
const FIRST: Seconds = 0.5;
const GROWTH: f64 = 1.14;

/// Seconds of talk that part calls into classes of wrap-up: a machine takes 3 s of it, a sale a minute.
const CLASSES: [Seconds; 2] = [12.0, 40.0];
/// Classes of wrap-up.
pub(super) const WRAPS: usize = CLASSES.len() + 1;

/// Steps in which talk is followed into wrap-up.
const STEPS: f64 = 28.0;

/// Ends that a curve remembers.
const MEMORY: f64 = 1_500.0;

/// Ends' worth of belief in the fitted lognormal beside the histogram: it fills bins that were never reached.
const BELIEF: f64 = 10.0;

/// One kind of duration.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    ends: [f64; BINS],
    exposure: [f64; BINS],
    weight: f64,
    count: f64,
    logs: f64,
    squares: f64,
    /// Cumulative hazard at the end of each bin.
    hazard: [f64; BINS],
}

fn edge(bin: usize) -> Seconds {
    if bin == 0 { 0.0 } else { FIRST * GROWTH.powi(bin as i32 - 1) }
}

fn width(bin: usize) -> Seconds {
    edge(bin + 1) - edge(bin)
}

/// The bin of a duration.
pub(super) fn bin_of(seconds: Seconds) -> usize {
    if seconds < FIRST {
        return 0;
    }
    // ln and a product: a table would not be faster than the cache miss it costs.
    ((seconds / FIRST).ln() / GROWTH.ln()).max(0.0) as usize + 1
}

impl Curve {
    /// A curve that believes in a lognormal of this mean and coefficient of variation, as weakly as five ends.
    pub(super) fn new(mean: Seconds, cv: f64) -> Self {
        let variance = (1.0 + cv * cv).ln();
        let log = mean.ln() - variance / 2.0;
        let count = 5.0;
        let squares = count * (variance + log * log);
        let mut curve =
            Curve { ends: [0.0; BINS], exposure: [0.0; BINS], weight: 1.0, count, logs: count * log, squares, hazard: [0.0; BINS] };
        curve.refresh(std::iter::empty());
        curve
    }

    /// One that ended.
    pub(super) fn ended(&mut self, seconds: Seconds) {
        let seconds = seconds.clamp(0.05, 7_200.0);
        self.weight *= 1.0 + 1.0 / MEMORY;
        if self.weight > 1e6 {
            let shrink = 1.0 / self.weight;
            for value in self.ends.iter_mut().chain(&mut self.exposure) {
                *value *= shrink;
            }
            (self.count, self.logs, self.squares) = (self.count * shrink, self.logs * shrink, self.squares * shrink);
            self.weight = 1.0;
        }
        let last = bin_of(seconds).min(BINS - 1);
        expose(&mut self.exposure, seconds, self.weight);
        self.ends[last] += self.weight;
        let log = seconds.ln();
        self.count += self.weight;
        self.logs += self.weight * log;
        self.squares += self.weight * log * log;
    }

    /// Works the curve out, counting those that go on with what they have lasted so far: else, early in a shift, only
    /// short ones would be known.
    pub(super) fn refresh(&mut self, going_on: impl Iterator<Item = Seconds>) {
        let mut exposure = self.exposure;
        for seconds in going_on {
            expose(&mut exposure, seconds, self.weight);
        }
        let log = self.logs / self.count;
        let sd = (self.squares / self.count - log * log).max(0.01).sqrt();
        let survives = |time: Seconds| if time <= 0.0 { 1.0 } else { upper_tail((time.ln() - log) / sd) };
        let mut sum = 0.0;
        let mut from = 1.0;
        for (bin, lasted) in exposure.iter().enumerate() {
            let to = survives(edge(bin + 1));
            let belief = BELIEF * self.weight;
            let ends = self.ends[bin] + belief * (from - to);
            let lasted = lasted + belief * width(bin) * (from + to) / 2.0;
            // Where neither data nor fit say anything, the end comes as in the bin before.
            sum += if lasted > 1e-9 * self.weight { width(bin) * ends / lasted } else { 0.1 };
            self.hazard[bin] = sum;
            from = to;
        }
    }

    /// Cumulative hazard at a time.
    fn hazard_at(&self, time: Seconds) -> f64 {
        if time <= 0.0 {
            return 0.0;
        }
        let bin = bin_of(time).min(BINS - 1);
        let below = if bin == 0 { 0.0 } else { self.hazard[bin - 1] };
        below + (self.hazard[bin] - below) * ((time - edge(bin)) / width(bin)).min(1.0)
    }

    /// Chance of lasting `ahead` more after `elapsed`.
    pub(super) fn lasts(&self, elapsed: Seconds, ahead: Seconds) -> f64 {
        (self.hazard_at(elapsed) - self.hazard_at(elapsed + ahead)).exp()
    }
}

fn expose(exposure: &mut [f64; BINS], seconds: Seconds, weight: f64) {
    let last = bin_of(seconds).min(BINS - 1);
    for (bin, slot) in exposure.iter_mut().enumerate().take(last) {
        *slot += weight * width(bin);
    }
    if let Some(slot) = exposure.get_mut(last) {
        *slot += weight * (seconds - edge(last)).clamp(0.0, width(last));
    }
}

/// Upper tail of the normal distribution: Abramowitz and Stegun 7.1.26, to 1.5e-7.
pub(super) fn upper_tail(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = poly * (-x * x).exp() / 2.0;
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// Talk and wrap-up together: until when agents stay busy.
#[derive(Debug, Clone)]
pub(super) struct Handling {
    talk: Curve,
    wraps: [Curve; WRAPS],
    /// Agents who came back after wrap-up, and all.
    back: (f64, f64),
    /// Per bin of elapsed talk: chance of being busy still at each cell's middle and patience.
    pub(super) talking: [[f64; CELLS]; BINS],
    /// The same per class and bin of elapsed wrap-up.
    pub(super) wrapping: [[[f64; CELLS]; BINS]; WRAPS],
    ahead: [Seconds; CELLS],
    /// Seconds of a step of talk.
    step: Seconds,
}

impl Handling {
    /// `ahead`: the moments at which it matters who is free.
    pub(super) fn new(ahead: [Seconds; CELLS]) -> Self {
        let mut handling = Handling {
            talk: Curve::new(110.0, 1.0),
            wraps: [Curve::new(6.0, 0.8), Curve::new(15.0, 0.8), Curve::new(18.0, 0.7)],
            back: (99.0, 100.0),
            talking: [[0.0; CELLS]; BINS],
            wrapping: [[[0.0; CELLS]; BINS]; WRAPS],
            ahead,
            step: ahead[CELLS - 1] / STEPS,
        };
        handling.refresh(&[], &[]);
        handling
    }

    pub(super) fn class(talked: Seconds) -> usize {
        CLASSES.iter().filter(|limit| talked >= **limit).count()
    }

    pub(super) fn talk_ended(&mut self, seconds: Seconds) {
        self.talk.ended(seconds);
    }

    pub(super) fn wrap_ended(&mut self, talked: Option<Seconds>, seconds: Seconds, back: bool) {
        let class = talked.map_or(WRAPS - 1, Self::class);
        if let Some(curve) = self.wraps.get_mut(class) {
            curve.ended(seconds);
        }
        let keep = 1.0 - 1.0 / 400.0;
        self.back = (self.back.0 * keep + f64::from(u8::from(back)), self.back.1 * keep + 1.0);
    }

    /// Chance that an agent comes back after wrap-up.
    fn returns(&self) -> f64 {
        self.back.0 / self.back.1
    }

    /// Works the tables out.
    pub(super) fn refresh(&mut self, talking: &[Busy], wrapping: &[(usize, Seconds)]) {
        self.talk.refresh(talking.iter().map(|busy| busy.elapsed));
        for (class, curve) in self.wraps.iter_mut().enumerate() {
            curve.refresh(wrapping.iter().filter(|(of, _)| *of == class).map(|(_, elapsed)| *elapsed));
        }
        let returns = self.returns();
        let wraps = self.wraps_after_steps();
        for bin in 0..BINS {
            let elapsed = edge(bin) + width(bin) / 2.0;
            self.talking[bin] = self.talk_then_wrap(elapsed, &wraps).map(|busy| 1.0 - returns * (1.0 - busy));
            for class in 0..WRAPS {
                let lasts = |ahead| 1.0 - returns * (1.0 - self.wraps[class].lasts(elapsed, ahead));
                self.wrapping[class][bin] = self.ahead.map(lasts);
            }
        }
    }

    /// Per step ahead, class and moment: share of the step that lies before the moment, times the chance that a wrap-up
    /// begun in that share goes on at the moment.
    fn wraps_after_steps(&self) -> Vec<[[f64; CELLS]; WRAPS]> {
        let steps = (self.ahead[CELLS - 1] / self.step).ceil() as usize;
        let after = |step: usize, class: usize, ahead: Seconds| {
            let from = step as f64 * self.step;
            let part = (ahead - from).clamp(0.0, self.step);
            let lag = (ahead - from - part / 2.0).max(0.0);
            if part > 0.0 { part / self.step * self.wraps[class].lasts(0.0, lag) } else { 0.0 }
        };
        (0..steps).map(|step| std::array::from_fn(|class| self.ahead.map(|ahead| after(step, class, ahead)))).collect()
    }

    /// Chance of talk or wrap-up going on at each moment ahead, for a talk that has lasted `elapsed`.
    fn talk_then_wrap(&self, elapsed: Seconds, wraps: &[[[f64; CELLS]; WRAPS]]) -> [f64; CELLS] {
        let mut busy = self.ahead.map(|ahead| self.talk.lasts(elapsed, ahead));
        let mut lasted = 1.0;
        for (step, wrap) in wraps.iter().enumerate() {
            let from = step as f64 * self.step;
            let still = self.talk.lasts(elapsed, from + self.step);
            for (slot, wrap) in busy.iter_mut().zip(&wrap[Self::class(elapsed + from)]) {
                *slot += (lasted - still) * wrap;
            }
            lasted = still;
        }
        busy
    }
}
