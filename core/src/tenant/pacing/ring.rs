//! When calls are answered: cause-specific hazards by ring age, from complete cohorts.
//!
//! A call leaves ringing in one of two ways: it is picked up by what will need an agent, or in any other way (machine judged as
//! one, no answer, busy, failure). Calls that we gave up are censored at their age, so that giving up old calls does not teach
//! that old calls are never answered.

use super::Seconds;
use super::limits::{CELLS, COHORT_SLACK};

/// Seconds of a bin of ring age.
const BIN: Seconds = 0.5;

/// Complete calls that the shape remembers: the shape drifts slower than the share.
const MEMORY: f64 = 4_000.0;

/// Calls' worth of belief before the first outcome: people answer near 10 s, the others end at once or ring out.
const BELIEF: f64 = 12.0;

/// Bins of verdict delay, a quarter of a second each; detection gives up after 5 s (reference/dialer.md 4).
const DELAYS: usize = 40;
const DELAY_BIN: Seconds = 0.25;

/// Seconds of ring age per bin of what is learned about answers, not rings: verdicts, people.
const COARSE: Seconds = 2.0;

/// Answer-age statistics of a campaign.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    bins: usize,
    cell: Seconds,
    detection: bool,
    /// Weight of the next observation: grows instead of everything older shrinking.
    weight: f64,
    needs: Vec<f64>,
    others: Vec<f64>,
    censored: Vec<f64>,
    verdict_need: [f64; DELAYS],
    verdict_machine: [f64; DELAYS],
    answered: Vec<(f64, f64)>,
    people: Vec<(f64, f64)>,
    people_all: (f64, f64),
    pub(super) tables: Tables,
}

/// What follows from the statistics, worked out now and then.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// Per age bin: chance of being needed by the middle of each cell, given that it is needed some time, not conditioned on age.
    pub(super) needed_by: Vec<[f64; CELLS]>,
    /// Per age bin: share of the calls to be needed that still ring.
    pub(super) need_rings: Vec<f64>,
    /// The same of all others.
    pub(super) other_rings: Vec<f64>,
    /// Per cell: share of the people who answer a call placed now and come to need an agent in it.
    pub(super) person_in: [f64; CELLS],
    /// Cumulative verdict delays of people and of machines.
    need_delay: [f64; DELAYS],
    machine_delay: [f64; DELAYS],
}

impl Ring {
    pub(super) fn new(ring_timeout: Seconds, cell: Seconds, detection: bool) -> Self {
        let bins = ((ring_timeout + COHORT_SLACK) / BIN).ceil() as usize;
        let coarse = ((ring_timeout + COHORT_SLACK) / COARSE).ceil() as usize;
        let tables = Tables {
            needed_by: vec![[0.0; CELLS]; bins],
            need_rings: vec![1.0; bins],
            other_rings: vec![1.0; bins],
            person_in: [0.0; CELLS],
            need_delay: [1.0; DELAYS],
            machine_delay: [1.0; DELAYS],
        };
        let mut ring = Ring {
            bins,
            cell,
            detection,
            weight: 1.0,
            needs: vec![0.0; bins],
            others: vec![0.0; bins],
            censored: vec![0.0; bins],
            verdict_need: [0.0; DELAYS],
            verdict_machine: [0.0; DELAYS],
            answered: vec![(0.0, 0.0); coarse],
            people: vec![(0.0, 0.0); coarse],
            people_all: (2.8, 4.0),
            tables,
        };
        ring.believe(ring_timeout);
        ring.refresh();
        ring
    }

    /// The shape before anything was seen.
    fn believe(&mut self, ring_timeout: Seconds) {
        let spread: Vec<f64> = (0..self.bins).map(|bin| (-((bin as f64 * BIN - 11.0) / 5.0).powi(2) / 2.0).exp()).collect();
        let total: f64 = spread.iter().sum();
        for (needs, share) in self.needs.iter_mut().zip(&spread) {
            *needs = 0.4 * BELIEF * share / total;
        }
        for (age, share) in [(2.0, 0.2), (4.0, 0.1), (ring_timeout + 2.0, 0.3)] {
            let bin = self.bin(age);
            if let Some(others) = self.others.get_mut(bin) {
                *others = share * BELIEF;
            }
        }
        for bin in 4..12 {
            self.verdict_need[bin] = 0.5;
            self.verdict_machine[bin + 4] = 0.5;
        }
    }

    pub(super) fn bin(&self, age: Seconds) -> usize {
        ((age.max(0.0) / BIN) as usize).min(self.bins - 1)
    }

    fn coarse(&self, age: Seconds) -> usize {
        ((age.max(0.0) / COARSE) as usize).min(self.answered.len() - 1)
    }

    fn heavier(&mut self) {
        self.weight *= 1.0 + 1.0 / MEMORY;
        if self.weight > 1e6 {
            let shrink = 1.0 / self.weight;
            for value in self.needs.iter_mut().chain(&mut self.others).chain(&mut self.censored) {
                *value *= shrink;
            }
            for value in self.verdict_need.iter_mut().chain(&mut self.verdict_machine) {
                *value *= shrink;
            }
            for pair in self.answered.iter_mut().chain(&mut self.people) {
                *pair = (pair.0 * shrink, pair.1 * shrink);
            }
            self.people_all = (self.people_all.0 * shrink, self.people_all.1 * shrink);
            self.weight = 1.0;
        }
    }

    /// A complete call that needed an agent: picked up at one age, needing at another.
    pub(super) fn needed(&mut self, answered: Seconds, needs: Seconds) {
        self.heavier();
        let (bin, coarse, weight) = (self.bin(answered), self.coarse(answered), self.weight);
        bump(self.needs.get_mut(bin), weight);
        if let Some(pair) = self.answered.get_mut(coarse) {
            *pair = (pair.0 + weight, pair.1 + weight);
        }
        bump(self.verdict_need.get_mut(delay_bin(needs - answered)), weight);
    }

    /// A complete call that a machine picked up.
    pub(super) fn machine(&mut self, answered: Seconds, judged: Seconds) {
        self.heavier();
        let (bin, coarse, weight) = (self.bin(answered), self.coarse(answered), self.weight);
        bump(self.others.get_mut(bin), weight);
        if let Some(pair) = self.answered.get_mut(coarse) {
            pair.1 += weight;
        }
        bump(self.verdict_machine.get_mut(delay_bin(judged - answered)), weight);
    }

    /// A complete call that nobody picked up.
    pub(super) fn ended(&mut self, age: Seconds) {
        self.heavier();
        let bin = self.bin(age);
        bump(self.others.get_mut(bin), self.weight);
    }

    /// A call that we stopped looking at.
    pub(super) fn censored(&mut self, age: Seconds) {
        self.heavier();
        let bin = self.bin(age);
        bump(self.censored.get_mut(bin), self.weight);
    }

    /// An agent's word on whom the call was that was picked up at this age.
    pub(super) fn disposed(&mut self, answered: Option<Seconds>, person: bool) {
        let weight = self.weight;
        let yes = if person { weight } else { 0.0 };
        self.people_all = (self.people_all.0 + yes, self.people_all.1 + weight);
        if let Some(age) = answered {
            let coarse = self.coarse(age);
            if let Some(pair) = self.people.get_mut(coarse) {
                *pair = (pair.0 + yes, pair.1 + weight);
            }
        }
    }

    /// Chance that it is a person who picked up at this age and came to need an agent.
    pub(super) fn person(&self, answered: Option<Seconds>) -> f64 {
        let pooled = self.people_all.0 / self.people_all.1;
        let Some(age) = answered else { return pooled };
        let (yes, all) = self.people.get(self.coarse(age)).copied().unwrap_or_default();
        let belief = 6.0 * self.weight;
        (yes + belief * pooled) / (all + belief)
    }

    /// Chance that a call in detection comes to need an agent within `ahead`, given when it was picked up and since when.
    pub(super) fn detected_by(&self, answered: Option<Seconds>, since: Seconds, ahead: &[Seconds; CELLS]) -> [f64; CELLS] {
        let (yes, all) = answered.and_then(|age| self.answered.get(self.coarse(age))).copied().unwrap_or_default();
        let belief = 4.0 * self.weight;
        let share = (yes + belief * 0.5) / (all + belief);
        let (need, machine) = (&self.tables.need_delay, &self.tables.machine_delay);
        let left = share * (1.0 - at(need, since)) + (1.0 - share) * (1.0 - at(machine, since));
        // Longer in detection than anything ever was: treat as a person who is about to come.
        if left < 1e-6 {
            return [share; CELLS];
        }
        ahead.map(|ahead| share * (at(need, since + ahead) - at(need, since)) / left)
    }

    /// Works out the tables from the statistics.
    pub(super) fn refresh(&mut self) {
        let (need, other) = self.shapes();
        self.tables.need_delay = cumulative(&self.verdict_need);
        self.tables.machine_delay = cumulative(&self.verdict_machine);
        let before = running(&need);
        let others_before = running(&other);
        for bin in 0..self.bins {
            // In the middle of a bin half of what leaves in it has left.
            self.tables.need_rings[bin] = (1.0 - before[bin] - need[bin] / 2.0).max(0.0);
            self.tables.other_rings[bin] = (1.0 - others_before[bin] - other[bin] / 2.0).max(1e-4);
            for cell in 0..CELLS {
                let ahead = (cell as f64 + 0.5) * self.cell;
                self.tables.needed_by[bin][cell] = self.needed_within(&need, &before, bin, ahead);
            }
        }
        let mut weights = [0.0; CELLS];
        for (bin, share) in need.iter().enumerate() {
            let age = (bin as f64 + 0.5) * BIN;
            let worth = share * self.person(Some(age));
            if !self.detection {
                weights[self.cell_of(age)] += worth;
                continue;
            }
            let mut earlier = 0.0;
            for (delay, upto) in self.tables.need_delay.iter().enumerate() {
                weights[self.cell_of(age + (delay as f64 + 0.5) * DELAY_BIN)] += worth * (upto - earlier);
                earlier = *upto;
            }
        }
        let total: f64 = weights.iter().sum::<f64>().max(1e-9);
        self.tables.person_in = weights.map(|weight| weight / total);
    }

    fn cell_of(&self, ahead: Seconds) -> usize {
        ((ahead / self.cell) as usize).min(CELLS - 1)
    }

    /// Densities of pick-up age of calls to be needed, and of all other endings: Aalen and Johansen's estimate.
    fn shapes(&self) -> (Vec<f64>, Vec<f64>) {
        let mut at_risk: f64 = self.needs.iter().chain(&self.others).chain(&self.censored).sum();
        let mut survive = 1.0;
        let (mut need, mut other) = (vec![0.0; self.bins], vec![0.0; self.bins]);
        for bin in 0..self.bins {
            if at_risk > 1e-12 {
                need[bin] = survive * self.needs[bin] / at_risk;
                other[bin] = survive * self.others[bin] / at_risk;
            }
            survive = (survive - need[bin] - other[bin]).max(0.0);
            at_risk -= self.needs[bin] + self.others[bin] + self.censored[bin];
        }
        other[self.bins - 1] += survive;
        for shape in [&mut need, &mut other] {
            let total: f64 = shape.iter().sum::<f64>().max(1e-12);
            shape.iter_mut().for_each(|value| *value /= total);
        }
        (need, other)
    }

    /// Share of the calls to be needed that still ring in the middle of a bin and are needed within `ahead` of it.
    fn needed_within(&self, need: &[f64], before: &[f64], bin: usize, ahead: Seconds) -> f64 {
        let span = ahead / BIN;
        if !self.detection {
            let upto = (bin as f64 + 0.5 + span).min(self.bins as f64);
            let last = (upto as usize).min(self.bins - 1);
            let reached = before[last] + need[last] * (upto - last as f64);
            return (reached - before[bin] - need[bin] / 2.0).max(0.0);
        }
        let last = ((bin as f64 + 0.5 + span) as usize).min(self.bins - 1);
        let mut sum = 0.0;
        for (picked, share) in need.iter().enumerate().take(last + 1).skip(bin) {
            let share = if picked == bin { share / 2.0 } else { *share };
            sum += share * at(&self.tables.need_delay, ahead - (picked - bin) as f64 * BIN);
        }
        sum
    }
}

fn bump(slot: Option<&mut f64>, weight: f64) {
    if let Some(slot) = slot {
        *slot += weight;
    }
}

fn delay_bin(delay: Seconds) -> usize {
    ((delay.max(0.0) / DELAY_BIN) as usize).min(DELAYS - 1)
}

fn cumulative(counts: &[f64; DELAYS]) -> [f64; DELAYS] {
    let total = counts.iter().sum::<f64>().max(1e-12);
    let mut sum = 0.0;
    counts.map(|count| {
        sum += count;
        sum / total
    })
}

/// A cumulative delay at a time, between bins in a straight line.
fn at(delays: &[f64; DELAYS], time: Seconds) -> f64 {
    if time <= 0.0 {
        return 0.0;
    }
    let place = time / DELAY_BIN;
    let bin = place as usize;
    if bin >= DELAYS {
        return 1.0;
    }
    let below = if bin == 0 { 0.0 } else { delays[bin - 1] };
    below + (delays[bin] - below) * (place - bin as f64)
}

/// Sums of everything before each entry.
fn running(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    values
        .iter()
        .map(|value| {
            let before = sum;
            sum += value;
            before
        })
        .collect()
}
