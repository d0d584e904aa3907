#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_795_369_320_000_000 + micros)
}

fn fire<K: Hash + Eq + Clone>(wheel: &mut Wheel<K>, now: Timestamp) -> Vec<K> {
    let mut fired = Vec::new();
    assert!(!wheel.advance(now, usize::MAX, &mut fired));
    fired
}

#[test]
fn a_timer_fires_once_and_not_before_its_time() {
    let mut wheel = Wheel::new(at(0));
    wheel.set("ring", at(1_500_300));
    assert!(fire(&mut wheel, at(1_500_299)).is_empty());
    assert_eq!(fire(&mut wheel, at(1_501_000)), ["ring"]);
    assert!(fire(&mut wheel, at(90_000_000)).is_empty());
    assert!(wheel.is_empty() && wheel.next_due().is_none());
}

#[test]
fn a_timer_set_anew_fires_at_its_new_time_only() {
    let mut wheel = Wheel::new(at(0));
    wheel.set(1, at(5_000));
    wheel.set(1, at(500_000));
    assert!(fire(&mut wheel, at(400_000)).is_empty());
    assert_eq!(fire(&mut wheel, at(500_000)), [1]);
}

#[test]
fn a_time_that_has_passed_fires_at_the_next_tick() {
    let mut wheel = Wheel::new(at(0));
    wheel.set((), at(-5_000_000));
    assert_eq!(fire(&mut wheel, at(1_000)).len(), 1);
}

#[test]
fn a_timer_ten_years_away_waits_ten_years() {
    let mut wheel = Wheel::new(at(0));
    let due = at(0) + Duration::from_secs(10 * 365 * 86_400);
    wheel.set((), due);
    let mut looks = 0;
    loop {
        let next = wheel.next_due().unwrap();
        assert!(next <= due);
        looks += 1;
        assert!(looks < 200, "it moves closer in few steps");
        if !fire(&mut wheel, next).is_empty() {
            assert_eq!(next, due);
            return;
        }
    }
}

#[test]
fn a_limit_leaves_the_rest_for_the_next_pass() {
    let mut wheel = Wheel::new(at(0));
    for timer in 0..100 {
        wheel.set(timer, at(1_000 * i64::from(timer)));
    }
    let mut fired = Vec::new();
    assert!(wheel.advance(at(1_000_000), 30, &mut fired));
    assert!((30..64).contains(&fired.len()));
    assert!(!wheel.advance(at(1_000_000), usize::MAX, &mut fired));
    assert_eq!(fired.len(), 100);
}

#[test]
fn a_hundred_thousand_timers_all_fire_in_order() {
    let mut wheel = Wheel::new(at(0));
    let due = |timer: i64| at((timer * 7_919) % 3_600_000_000);
    for timer in 0..100_000 {
        wheel.set(timer, due(timer));
    }
    let mut fired = Vec::new();
    for second in 0..=3_600 {
        wheel.advance(at(second * 1_000_000), usize::MAX, &mut fired);
    }
    assert_eq!(fired.len(), 100_000);
    assert!(fired.windows(2).all(|pair| tick_after(due(pair[0])) <= tick_after(due(pair[1])).max(tick_after(at(0)) + 1)));
}

#[derive(Debug, Clone)]
enum Act {
    Set(u8, i64),
    Cancel(u8),
    Pass(u32),
    PassToNext,
}

fn act() -> impl Strategy<Value = Act> {
    let span = prop_oneof![-10_000i64..100_000, 0i64..5_000_000, 0i64..100_000_000_000, 0i64..100_000_000_000_000];
    prop_oneof![
        4 => (any::<u8>(), span).prop_map(|(key, span)| Act::Set(key, span)),
        1 => any::<u8>().prop_map(Act::Cancel),
        2 => (0u32..10_000_000).prop_map(Act::Pass),
        1 => Just(Act::PassToNext),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Against a sorted map: what fires, and when, is the same for any sequence of acts.
    #[test]
    fn every_timer_is_cancelled_or_fires_once_at_its_time(start in 0i64..100_000_000_000_000, acts in prop::collection::vec(act(), 1..120)) {
        let mut now = at(start);
        let mut wheel = Wheel::new(now);
        let mut model: BTreeMap<u8, u64> = BTreeMap::new();
        for act in acts {
            match act {
                Act::Set(key, span) => {
                    let due = Timestamp::from_micros(now.as_micros() + span);
                    wheel.set(key, due);
                    model.insert(key, tick_after(due).max(tick_before(now) + 1));
                }
                Act::Cancel(key) => prop_assert_eq!(wheel.cancel(&key), model.remove(&key).is_some()),
                Act::Pass(micros) => now = now + Duration::from_micros(u64::from(micros)),
                Act::PassToNext => now = wheel.next_due().map_or(now, |next| next.max(now)),
            }
            let mut fired = fire(&mut wheel, now);
            fired.sort_unstable();
            let due: Vec<u8> = model.iter().filter(|(_, tick)| **tick <= tick_before(now)).map(|(key, _)| *key).collect();
            model.retain(|_, tick| *tick > tick_before(now));
            prop_assert_eq!(fired, due);
            prop_assert_eq!(wheel.len(), model.len());
            prop_assert_eq!(wheel.next_due().is_some(), !model.is_empty());
            if let (Some(next), Some(first)) = (wheel.next_due(), model.values().min()) {
                prop_assert!(tick_before(next) <= *first && tick_before(next) > tick_before(now));
            }
        }
    }
}
