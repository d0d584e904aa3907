//! A brake on guessing phones' passwords.
//!
//! Wrong credentials are counted for each source address and phone name, and for each address alone. Who guesses too often is
//! told to come back later (503 with Retry-After) without a look at its credentials, so that even the right password can't be
//! found out meanwhile. A phone behind the same address is not held up by its neighbour's wrong password.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use smol_str::SmolStr;
use tandem_core::Timestamp;

/// Wrong passwords for one phone name from one address within [`WINDOW`]: a phone with a mistyped one tries a few times a
/// minute.
const PER_PHONE: u32 = 10;
/// Wrong passwords from one address within [`WINDOW`], whatever the names: an office behind one address may have a dozen
/// phones that were set up wrong.
const PER_SOURCE: u32 = 200;
/// Length of a window.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Counters kept; beyond it those whose window is over go, then all: a flood from forged addresses must not cost memory.
const COUNTERS: usize = 8192;

/// Keyed by what peers choose, so hashed with a random seed.
#[derive(Debug, Default)]
pub(super) struct Brake(HashMap<(IpAddr, SmolStr), (Timestamp, u32)>);

impl Brake {
    /// Whether this source has guessed too often.
    pub(super) fn holds(&self, now: Timestamp, source: IpAddr, name: &str) -> bool {
        let source = unit(source);
        self.count(now, (source, SmolStr::new(name))) >= PER_PHONE || self.count(now, (source, SmolStr::default())) >= PER_SOURCE
    }

    fn count(&self, now: Timestamp, key: (IpAddr, SmolStr)) -> u32 {
        self.0.get(&key).filter(|(since, _)| now.since(*since) < WINDOW).map_or(0, |(_, count)| *count)
    }

    /// Wrong credentials.
    pub(super) fn note(&mut self, now: Timestamp, source: IpAddr, name: &str) {
        if self.0.len() >= COUNTERS {
            self.0.retain(|_, (since, _)| now.since(*since) < WINDOW);
            if self.0.len() >= COUNTERS {
                self.0.clear();
            }
        }
        for name in [SmolStr::new(name), SmolStr::default()] {
            let counter = self.0.entry((unit(source), name)).or_insert((now, 0));
            if now.since(counter.0) >= WINDOW {
                *counter = (now, 0);
            }
            counter.1 = counter.1.saturating_add(1);
        }
    }
}

/// An IPv6 host owns at least a /64.
fn unit(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        },
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_too_often_is_held_for_that_phone_alone_until_the_window_is_over() {
        let (mut brake, source) = (Brake::default(), IpAddr::from([192, 0, 2, 1]));
        let start = Timestamp::from_micros(1_000_000);
        for _ in 0..PER_PHONE {
            assert!(!brake.holds(start, source, "1001"));
            brake.note(start, source, "1001");
        }
        assert!(brake.holds(start, source, "1001"));
        assert!(!brake.holds(start, source, "1002"), "its neighbour goes on");
        assert!(!brake.holds(start, IpAddr::from([192, 0, 2, 2]), "1001"), "from elsewhere it goes on");
        assert!(!brake.holds(start + WINDOW, source, "1001"));
    }

    #[test]
    fn who_tries_many_names_is_held_for_all() {
        let (mut brake, source) = (Brake::default(), "2001:db8::1".parse().unwrap());
        let start = Timestamp::from_micros(1_000_000);
        for n in 0..PER_SOURCE {
            brake.note(start, source, &n.to_string());
        }
        assert!(brake.holds(start, "2001:db8::2".parse().unwrap(), "1001"), "the same /64");
    }

    #[test]
    fn forged_addresses_cost_no_memory() {
        let mut brake = Brake::default();
        for n in 0..20_000u32 {
            brake.note(Timestamp::from_micros(1), IpAddr::from(n.to_be_bytes()), "x");
        }
        assert!(brake.0.len() <= COUNTERS + 2);
    }
}
