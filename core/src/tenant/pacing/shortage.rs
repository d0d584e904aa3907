//! The chance that an answer finds no agent.
//!
//! In each cell of the horizon the number of answers until then and of agents busy still is a sum of independent yes/no variables;
//! whoever is answered when the sum has reached the number of agents finds nobody. Small teams: the exact distribution, at two
//! points of the uncertain share. Large ones: the normal distribution with its skewness and the variance of the share.

use super::handling::upper_tail;
use super::limits::CELLS;

/// Agents up to which the distribution is worked out exactly; above, the normal one is right to a few per cent of itself
/// and does not grow with the team.
const EXACT_AGENTS: usize = 24;
/// Additions that the exact way may cost before the normal one takes over (agents times variables).
const EXACT_WORK: usize = 4_000;

/// Points and weights of the share: Gauss and Hermite's for two points, in standard deviations.
const POINTS: [(f64, f64); 2] = [(-1.0, 0.5), (1.0, 0.5)];

/// Lanes of a distribution: those below the number of agents matter.
const LANES: usize = EXACT_AGENTS;

type Pmf = [f32; LANES];

/// Ringing calls of about one age.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) count: u32,
    /// Chance, before the share comes in, of being needed by each cell.
    pub(super) needed_by: [f64; CELLS],
    pub(super) need_rings: f64,
    pub(super) other_rings: f64,
}

impl Group {
    /// Chance of being needed by each cell if `share` of the calls placed come to need an agent.
    pub(super) fn at_share(&self, share: f64) -> [f64; CELLS] {
        let left = share * self.need_rings + (1.0 - share) * self.other_rings;
        self.needed_by.map(|needed| (share * needed / left).clamp(0.0, 1.0))
    }
}

/// What the chance depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Question {
    /// Agents that answers and busy agents may use up before there is a shortage.
    pub(super) agents: usize,
    /// Busy agents: how many, and chance of being busy still at each cell.
    pub(super) busy: Vec<(u32, [f64; CELLS])>,
    /// Calls in detection, the same way.
    pub(super) detecting: Vec<[f64; CELLS]>,
    /// Ringing calls.
    pub(super) ringing: Vec<Group>,
    /// Inbound calls expected by each cell.
    pub(super) inbound: [f64; CELLS],
    /// Mean and standard deviation of the share.
    pub(super) share: (f64, f64),
}

/// The chance, and how it grows with each new call.
#[derive(Debug, Clone)]
pub(super) enum Chance {
    Exact(Box<Exact>),
    Normal(Box<Normal>),
}

/// Exact distributions per cell at each point of the share.
#[derive(Debug, Clone)]
pub(super) struct Exact {
    agents: usize,
    pmfs: [[Pmf; CELLS]; POINTS.len()],
    new: [[f64; CELLS]; POINTS.len()],
}

/// Cumulants per cell.
#[derive(Debug, Clone)]
pub(super) struct Normal {
    agents: f64,
    mean: [f64; CELLS],
    variance: [f64; CELLS],
    third: [f64; CELLS],
    /// How the mean moves with the share.
    slope: [f64; CELLS],
    share_sd: f64,
    new: [f64; CELLS],
    new_slope: [f64; CELLS],
}

impl Chance {
    /// Works it out for the calls under way; `new` is a call placed now.
    pub(super) fn of(question: &Question, new: &Group) -> Chance {
        let calls: usize = question.ringing.iter().map(|group| group.count as usize).sum();
        let busy: usize = question.busy.iter().map(|(count, _)| *count as usize).sum();
        if question.agents <= EXACT_AGENTS && (calls + busy) * question.agents <= EXACT_WORK {
            Chance::Exact(Box::new(Exact::of(question, new)))
        } else {
            Chance::Normal(Box::new(Normal::of(question, new)))
        }
    }

    /// Per cell: chance that an answer there finds nobody, with `more` calls placed now.
    fn short(&self, more: u32) -> [f64; CELLS] {
        match self {
            Chance::Exact(exact) => exact.short(),
            Chance::Normal(normal) => normal.short(more),
        }
    }

    /// Chance for calls under way.
    pub(super) fn now(&self) -> [f64; CELLS] {
        self.short(0)
    }

    /// The largest number of new calls, up to `most`, such that the last of them is short with a chance of at most `theta`;
    /// with its chance, and that of one more.
    pub(super) fn largest(&mut self, weights: &[f64; CELLS], theta: f64, most: u32) -> (u32, f64, f64) {
        let weigh = |short: [f64; CELLS]| short.iter().zip(weights).map(|(short, weight)| short * weight).sum::<f64>();
        let mut last = 0.0;
        match self {
            Chance::Exact(exact) => {
                for placed in 0..most {
                    let next = weigh(exact.short());
                    if next > theta {
                        return (placed, last, next);
                    }
                    last = next;
                    exact.add();
                }
                (most, last, weigh(exact.short()))
            }
            Chance::Normal(normal) => {
                let (mut low, mut high) = (0, most);
                // The chance grows with the number: the first number at which one more is too many.
                while low < high {
                    let middle = low + (high - low) / 2;
                    if weigh(normal.short(middle)) > theta { high = middle } else { low = middle + 1 }
                }
                let last = if low > 0 { weigh(normal.short(low - 1)) } else { 0.0 };
                (low, last, weigh(normal.short(low)))
            }
        }
    }
}

impl Exact {
    fn of(question: &Question, new: &Group) -> Exact {
        let (mean, sd) = question.share;
        let shares = POINTS.map(|(z, _)| (mean + z * sd).clamp(0.002, 0.98));
        let mut base = [[0.0; LANES]; CELLS];
        for (cell, pmf) in base.iter_mut().enumerate() {
            pmf[0] = 1.0;
            for (count, chances) in &question.busy {
                repeat(pmf, chances[cell], *count, question.agents);
            }
            for chances in &question.detecting {
                add(pmf, chances[cell], question.agents);
            }
            if question.inbound[cell] > 0.0 {
                add_poisson(pmf, question.inbound[cell]);
            }
        }
        let mut pmfs = [base; POINTS.len()];
        for (point, share) in pmfs.iter_mut().zip(shares) {
            for group in &question.ringing {
                let chances = group.at_share(share);
                for (pmf, chance) in point.iter_mut().zip(chances) {
                    repeat(pmf, chance, group.count, question.agents);
                }
            }
        }
        Exact { agents: question.agents, pmfs, new: shares.map(|share| new.at_share(share)) }
    }

    fn add(&mut self) {
        for (point, chances) in self.pmfs.iter_mut().zip(&self.new) {
            for (pmf, chance) in point.iter_mut().zip(chances) {
                add(pmf, *chance, self.agents);
            }
        }
    }

    fn short(&self) -> [f64; CELLS] {
        let mut short = [0.0; CELLS];
        for (point, (_, weight)) in self.pmfs.iter().zip(POINTS) {
            for (slot, pmf) in short.iter_mut().zip(point) {
                let enough: f32 = pmf.iter().take(self.agents).sum();
                *slot += weight * (1.0 - f64::from(enough)).clamp(0.0, 1.0);
            }
        }
        short
    }
}

/// Adds a yes/no variable to a distribution, of which the tail beyond the lanes is let go.
#[inline]
fn add_to<const N: usize>(pmf: &mut [f32; N], chance: f64) {
    let (yes, no) = (chance as f32, 1.0 - chance as f32);
    let before = *pmf;
    pmf[0] = before[0] * no;
    for lane in 1..N {
        pmf[lane] = before[lane] * no + before[lane - 1] * yes;
    }
}

fn add(pmf: &mut Pmf, chance: f64, agents: usize) {
    repeat(pmf, chance, 1, agents);
}

/// Only the lanes below the number of agents matter, in steps that the machine adds at once.
fn repeat(pmf: &mut Pmf, chance: f64, count: u32, agents: usize) {
    if chance < 1e-5 {
        return;
    }
    for _ in 0..count {
        match agents {
            0..=8 => pmf.first_chunk_mut::<8>().into_iter().for_each(|lanes| add_to(lanes, chance)),
            9..=16 => pmf.first_chunk_mut::<16>().into_iter().for_each(|lanes| add_to(lanes, chance)),
            _ => add_to(pmf, chance),
        }
    }
}

fn add_poisson(pmf: &mut Pmf, mean: f64) {
    let mut terms = [0.0_f32; LANES];
    let mut term = (-mean).exp();
    for (lane, slot) in terms.iter_mut().enumerate() {
        *slot = term as f32;
        term *= mean / (lane as f64 + 1.0);
    }
    let before = *pmf;
    for (lane, slot) in pmf.iter_mut().enumerate() {
        *slot = (0..=lane).map(|back| before[lane - back] * terms[back]).sum();
    }
}

impl Normal {
    fn of(question: &Question, new: &Group) -> Normal {
        let (share, share_sd) = question.share;
        let of_new = new.at_share(share);
        let spread = share * (1.0 - share);
        let mut normal = Normal {
            agents: question.agents as f64,
            mean: question.inbound,
            variance: question.inbound,
            third: question.inbound,
            slope: [0.0; CELLS],
            share_sd,
            new: of_new,
            new_slope: of_new.map(|chance| chance * (1.0 - chance) / spread),
        };
        for (count, chances) in &question.busy {
            normal.gather(f64::from(*count), chances);
        }
        for chances in &question.detecting {
            normal.gather(1.0, chances);
        }
        for group in &question.ringing {
            let chances = group.at_share(share);
            normal.gather(f64::from(group.count), &chances);
            for (slope, chance) in normal.slope.iter_mut().zip(chances) {
                *slope += f64::from(group.count) * chance * (1.0 - chance) / spread;
            }
        }
        normal
    }

    #[inline]
    fn gather(&mut self, count: f64, chances: &[f64; CELLS]) {
        for (cell, chance) in chances.iter().enumerate() {
            let variance = count * chance * (1.0 - chance);
            self.mean[cell] += count * chance;
            self.variance[cell] += variance;
            self.third[cell] += variance * (1.0 - 2.0 * chance);
        }
    }

    fn short(&self, more: u32) -> [f64; CELLS] {
        let more = f64::from(more);
        std::array::from_fn(|cell| {
            let chance = self.new[cell];
            let own = more * chance * (1.0 - chance);
            let slope = (self.slope[cell] + more * self.new_slope[cell]) * self.share_sd;
            let variance = self.variance[cell] + own + slope * slope;
            let third = self.third[cell] + own * (1.0 - 2.0 * chance);
            let room = self.agents - 0.5 - self.mean[cell] - more * chance;
            tail(room, variance, third)
        })
    }
}

/// Chance that a sum exceeds its mean by `room`: the normal tail and the first term of Edgeworth's series.
fn tail(room: f64, variance: f64, third: f64) -> f64 {
    if variance < 1e-9 {
        return if room < 0.0 { 1.0 } else { 0.0 };
    }
    let sd = variance.sqrt();
    let z = room / sd;
    // Beyond four deviations the series may turn negative and nothing depends on it.
    if z.abs() > 4.0 {
        return if z < 0.0 { 1.0 } else { 0.0 };
    }
    let density = (-z * z / 2.0).exp() * 0.398_942_28;
    (upper_tail(z) + third / (6.0 * variance * sd) * (z * z - 1.0) * density).clamp(0.0, 1.0)
}
