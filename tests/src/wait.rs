//! Bounded waiting.

use std::time::{Duration, Instant};

/// How long between two looks.
const STEP: Duration = Duration::from_millis(20);

/// Asks `look` until it gives something; `None` when `limit` has passed.
pub fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(STEP);
    }
}

/// Waits until `look` gives something.
///
/// # Panics
/// When `limit` has passed; the message says what was waited for.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    match poll(limit, look) {
        Some(found) => found,
        None => panic!("waited {limit:?} in vain until {what}"),
    }
}

/// Waits until `look` is true.
///
/// # Panics
/// When `limit` has passed.
#[track_caller]
pub fn until_true(what: &str, limit: Duration, mut look: impl FnMut() -> bool) {
    until(what, limit, || look().then_some(()));
}

/// Seconds, shortly.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds, shortly.
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Lets time pass, where a length of time is itself the matter (a tone that must sound for a while).
pub fn pass(time: Duration) {
    std::thread::sleep(time);
}
