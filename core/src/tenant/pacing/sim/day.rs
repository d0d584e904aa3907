//! What a day came to, and many of them.

use super::super::Seconds;

/// Counts of one day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Day {
    /// Seconds of talk, of all calls.
    pub talk: Seconds,
    /// Seconds of wrap-up.
    pub wrap: Seconds,
    /// Seconds ready without a call.
    pub idle: Seconds,
    /// Seconds on breaks.
    pub breaks: Seconds,
    /// Calls placed.
    pub dials: u64,
    /// Calls given up.
    pub cancelled: u64,
    /// People connected to an agent.
    pub connected: u64,
    /// People who found nobody in time.
    pub abandoned: u64,
    /// Machines connected to an agent.
    pub machines_connected: u64,
    /// Machines that found nobody.
    pub machines_dropped: u64,
    /// People taken for machines.
    pub false_positives: u64,
    /// Seconds from answer to agent, of people.
    pub waits: Vec<Seconds>,
    /// Inbound calls served, of them within 20 s, and lost.
    pub inbound_served: u64,
    /// See `inbound_served`.
    pub inbound_in_time: u64,
    /// See `inbound_served`.
    pub inbound_lost: u64,
    /// Decisions asked for.
    pub decisions: u64,
}

impl Day {
    /// Share of the time of work spent talking or in wrap-up.
    pub fn utilisation(&self) -> f64 {
        let busy = self.talk + self.wrap;
        share(busy, busy + self.idle)
    }

    /// Abandoned share of live answers.
    pub fn abandonment(&self) -> f64 {
        share(self.abandoned as f64, (self.abandoned + self.connected) as f64)
    }
}

/// Many days of one scenario under one policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Days.
    pub days: usize,
    /// Utilisation and the half width of its 95 % interval.
    pub utilisation: (f64, f64),
    /// Abandonment, all days pooled, and the half width of its 95 % interval (between days).
    pub abandonment: (f64, f64),
    /// The same with the people that machine detection hung up on.
    pub abandonment_total: f64,
    /// Abandonment of the worst day.
    pub worst: f64,
    /// Seconds idle per person connected.
    pub idle_per_call: f64,
    /// People connected per agent hour, and the half width of its 95 % interval.
    pub calls_per_hour: (f64, f64),
    /// Calls placed per person connected.
    pub dials_per_call: f64,
    /// Seconds from answer to agent: median and 99th percentile.
    pub connect: (f64, f64),
    /// Share of inbound calls answered within 20 s, and lost.
    pub inbound: (f64, f64),
}

impl Summary {
    /// Pools days.
    pub fn of(days: &[Day]) -> Summary {
        let sum = |of: &dyn Fn(&Day) -> f64| days.iter().map(of).sum::<f64>();
        let hours = |day: &Day| (day.talk + day.wrap + day.idle) / 3_600.0;
        let (connected, abandoned) = (sum(&|day| day.connected as f64), sum(&|day| day.abandoned as f64));
        let lost = sum(&|day| day.false_positives as f64);
        let inbound = sum(&|day| (day.inbound_served + day.inbound_lost) as f64);
        let mut waits: Vec<f64> = days.iter().flat_map(|day| day.waits.iter().copied()).collect();
        waits.sort_by(f64::total_cmp);
        let pooled = share(abandoned, connected + abandoned);
        Summary {
            days: days.len(),
            utilisation: interval(days.iter().map(Day::utilisation)),
            abandonment: (pooled, interval(days.iter().map(Day::abandonment)).1),
            abandonment_total: share(abandoned + lost, connected + abandoned),
            worst: days.iter().map(Day::abandonment).fold(0.0, f64::max),
            idle_per_call: share(sum(&|day| day.idle), connected),
            calls_per_hour: interval(days.iter().map(|day| share(day.connected as f64, hours(day)))),
            dials_per_call: share(sum(&|day| day.dials as f64), connected),
            connect: (quantile(&waits, 0.5), quantile(&waits, 0.99)),
            inbound: (share(sum(&|day| day.inbound_in_time as f64), inbound), share(sum(&|day| day.inbound_lost as f64), inbound)),
        }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// Mean and half width of its 95 % interval (Student's t).
fn interval(values: impl Iterator<Item = f64>) -> (f64, f64) {
    const T: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
    let values: Vec<f64> = values.collect();
    let count = values.len() as f64;
    let mean = share(values.iter().sum(), count);
    if values.len() < 2 {
        return (mean, f64::NAN);
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let t = T.get(values.len() - 2).copied().unwrap_or(2.0);
    (mean, t * (variance / count).sqrt())
}
