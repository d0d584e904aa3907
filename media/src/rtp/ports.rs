//! Port pairs for RTP (even) and RTCP (odd), taken and given back without a lock.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const FREE: u64 = 0;
const TAKEN: u64 = 1;

/// All pairs of a range. Pairs are handed out in turn from a random start; a pair that was given back rests before it
/// is used again, so that late packets of the old call do not find the new one.
#[derive(Debug)]
pub struct PortPool {
    first: u16,
    /// `FREE`, `TAKEN`, or when it was given back: milliseconds since `born`, plus 2.
    pairs: Box<[AtomicU64]>,
    next: AtomicUsize,
    rest: Duration,
    born: Instant,
}

/// A pair on loan; giving it back is dropping it.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<PortPool>,
    index: usize,
}

impl PortPool {
    /// A pool over the even-odd pairs that lie wholly in `range`, handed out from pair number `start` on.
    pub fn new(range: RangeInclusive<u16>, rest: Duration, start: usize) -> PortPool {
        let first = range.start().saturating_add(range.start() % 2).max(2);
        let count = (usize::from(*range.end()) + 1).saturating_sub(usize::from(first)) / 2;
        let pairs: Box<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(FREE)).collect();
        PortPool { first, pairs, next: AtomicUsize::new(start), rest, born: Instant::now() }
    }

    /// Number of pairs.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Takes a rested pair; `None` if there is none.
    pub fn take(self: &Arc<Self>, now: Instant) -> Option<Lease> {
        let now = self.millis(now);
        let rest = self.rest.as_millis() as u64;
        for _ in 0..self.pairs.len() {
            let index = self.next.fetch_add(1, Ordering::Relaxed) % self.pairs.len();
            let pair = self.pairs.get(index)?;
            let seen = pair.load(Ordering::Relaxed);
            let rested = seen == FREE || (seen != TAKEN && now.saturating_sub(seen - 2) >= rest);
            if rested && pair.compare_exchange(seen, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Some(Lease { pool: Arc::clone(self), index });
            }
        }
        None
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.born).as_millis() as u64
    }
}

impl Lease {
    /// The even port, for RTP; RTCP has the next one.
    pub fn port(&self) -> u16 {
        self.pool.first + 2 * self.index as u16
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(pair) = self.pool.pairs.get(self.index) {
            pair.store(self.pool.millis(Instant::now()) + 2, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_even_distinct_and_bounded() {
        let pool = Arc::new(PortPool::new(20_001..=20_008, Duration::ZERO, 5));
        let now = Instant::now();
        let leases: Vec<Lease> = std::iter::from_fn(|| pool.take(now)).collect();
        let mut ports: Vec<u16> = leases.iter().map(Lease::port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [20_002, 20_004, 20_006], "20,008 has no odd partner in the range");
    }

    #[test]
    fn a_returned_pair_rests_and_then_serves_again() {
        let pool = Arc::new(PortPool::new(30_000..=30_001, Duration::from_secs(3), 0));
        let now = Instant::now();
        drop(pool.take(now).unwrap());
        assert!(pool.take(Instant::now()).is_none());
        assert!(pool.take(Instant::now() + Duration::from_secs(4)).is_some());
    }

    #[test]
    fn threads_never_get_the_same_pair() {
        let pool = Arc::new(PortPool::new(20_000..=20_199, Duration::ZERO, 0));
        let taken: Vec<Lease> = std::thread::scope(|scope| {
            let takers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..25).filter_map(|_| pool.take(Instant::now())).collect::<Vec<_>>())).collect();
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
        });
        let ports: std::collections::HashSet<u16> = taken.iter().map(Lease::port).collect();
        assert_eq!((taken.len(), ports.len()), (100, 100));
    }
}
