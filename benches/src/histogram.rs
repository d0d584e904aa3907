//! Times in buckets whose width grows with the value: at most 3 % error, no allocation per value.

const SUB: usize = 64;
const LEVELS: usize = 36;

/// A histogram of microseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: vec![0; SUB * LEVELS], count: 0, max: 0 }
    }
}

impl Histogram {
    /// Adds a value.
    pub fn add(&mut self, value_us: u64) {
        self.buckets[Self::place(value_us)] += 1;
        self.count += 1;
        self.max = self.max.max(value_us);
    }

    fn place(value: u64) -> usize {
        if value < SUB as u64 {
            return value as usize;
        }
        let level = (63 - value.leading_zeros() as usize) - 5;
        let within = (value >> level) as usize - SUB / 2;
        (SUB / 2 + level * (SUB / 2) + within).min(SUB * LEVELS - 1)
    }

    /// The largest value of a bucket.
    fn top(place: usize) -> u64 {
        if place < SUB {
            return place as u64;
        }
        let level = (place - SUB / 2) / (SUB / 2);
        let within = (place - SUB / 2) % (SUB / 2) + SUB / 2;
        ((within as u64 + 1) << level) - 1
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `share` (0 to 1) of all values do not exceed; 0 without values.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (place, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= wanted {
                return Self::top(place).min(self.max);
            }
        }
        self.max
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
        self.max = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_three_percent() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000u64 {
            histogram.add(value);
        }
        for share in [0.5, 0.95, 0.99, 1.0] {
            let (seen, exact) = (histogram.quantile(share) as f64, 100_000.0 * share);
            assert!((seen - exact).abs() / exact < 0.035, "{share}: {seen} for {exact}");
        }
        assert_eq!(histogram.max(), 100_000);
        histogram.clear();
        assert_eq!(histogram.quantile(0.99), 0);
    }

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_rise() {
        for value in (0..1_000_000u64).chain((0..40).map(|shift| 1 << shift)) {
            let place = Histogram::place(value);
            if place + 1 < SUB * LEVELS {
                assert!(Histogram::top(place) >= value, "{value} in {place}");
                assert!(place == 0 || Histogram::top(place - 1) < value, "{value} in {place}");
            }
        }
    }
}
