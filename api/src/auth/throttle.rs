//! Turns away sources that keep failing to log in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::limits;

/// Failures per source address within a window.
#[derive(Debug, Default)]
pub struct Throttle {
    sources: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Throttle {
    /// How long this source has to wait, if it failed too often.
    pub fn blocked(&self, source: IpAddr, now: Instant) -> Option<Duration> {
        let sources = self.sources.lock().ok()?;
        let (since, failures) = sources.get(&key(source))?;
        let left = limits::LOGIN_WINDOW.checked_sub(now.saturating_duration_since(*since))?;
        (*failures >= limits::LOGIN_FAILURES && !left.is_zero()).then_some(left)
    }

    /// Counts a failure.
    pub fn failed(&self, source: IpAddr, now: Instant) {
        let Ok(mut sources) = self.sources.lock() else { return };
        if sources.len() >= limits::LOGIN_SOURCES {
            sources.retain(|_, (since, _)| now.saturating_duration_since(*since) < limits::LOGIN_WINDOW);
            if sources.len() >= limits::LOGIN_SOURCES {
                sources.clear();
            }
        }
        let entry = sources.entry(key(source)).or_insert((now, 0));
        if now.saturating_duration_since(entry.0) >= limits::LOGIN_WINDOW {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }
}

/// IPv6 hosts own at least a /64: that is the unit.
fn key(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((u128::from(v6) & !(u128::from(u64::MAX))).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_blocked_after_its_failures_and_free_after_the_window() {
        let throttle = Throttle::default();
        let source: IpAddr = "2001:db8::1".parse().unwrap();
        let start = Instant::now();
        for _ in 0..limits::LOGIN_FAILURES {
            assert!(throttle.blocked(source, start).is_none());
            throttle.failed(source, start);
        }
        assert!(throttle.blocked("2001:db8::2".parse().unwrap(), start).is_some(), "same /64");
        assert!(throttle.blocked("127.0.0.1".parse().unwrap(), start).is_none());
        assert!(throttle.blocked(source, start + limits::LOGIN_WINDOW).is_none());
    }
}
