//! Days of a contact centre: seeded worlds of callers, agents, supervisors, queues and faults. Whatever they do, nobody is
//! lost.
//!
//! A day is a small centre (8 agents, 6 queues, two of their phones behind a trunk) that opens, lives through some dozens
//! of wishes and mishaps while hours of its own time pass, closes, and must be empty then. A failing day prints its seed;
//! `TANDEM_SEED=<seed> cargo test -p tandem-core --test contact` lives it again. `TANDEM_DAYS=10000` looks longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod day;
mod promises;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tandem_core::Envelope;
use tandem_core::tenant::Tenant;

use world::World;

/// Ten thousand take a few minutes without optimisation; a hurried run may ask for fewer.
const DAYS: u64 = 10_000;
const WISHES: usize = 110;

struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\nthis day is TANDEM_SEED={} cargo test -p tandem-core --test contact\n", self.0);
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn live(seed: u64) -> World {
    let mut world = World::new(seed);
    world.open();
    for _ in 0..WISHES {
        world.step();
    }
    world.close();
    world
}

/// The promises are in `promises`: after every command, and at the end of the day.
#[test]
fn nobody_is_lost_on_any_day() {
    let seeds = match number("TANDEM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("TANDEM_DAYS").unwrap_or(DAYS) + 1,
    };
    let next = AtomicU64::new(seeds.start);
    let tally: Mutex<BTreeMap<&'static str, u64>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(8) {
            scope.spawn(|| {
                let mut kinds = BTreeMap::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let _guard = Seed(seed);
                    let world = live(seed);
                    // JSON costs more than the day itself without optimisation: a sample is enough.
                    if seed % 50 == 1 {
                        replays_from_its_bytes(&world);
                    }
                    for envelope in &world.history {
                        *kinds.entry(envelope.event.kind()).or_insert(0) += 1;
                    }
                }
                for (kind, count) in kinds {
                    *tally.lock().unwrap().entry(kind).or_insert(0) += count;
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally:#?}");
    if seeds.end - seeds.start >= 1000 {
        met_everything(&tally);
    }
}

/// A world in which nothing happens proves nothing.
fn met_everything(tally: &BTreeMap<&'static str, u64>) {
    let expected = [
        "call.queued",
        "call.dequeued",
        "call.sticky_ended",
        "call.offered",
        "call.agent_alerting",
        "call.agent_joined",
        "call.agent_left",
        "call.announcing",
        "call.announced",
        "call.voicemail",
        "agent.signed_in",
        "agent.signed_out",
        "agent.mode",
        "agent.mode_deferred",
        "agent.rest_overrun",
        "agent.phone",
        "agent.skills",
        "call.agent_held",
        "call.agent_retrieved",
        "call.consulting",
        "call.handover_asked",
        "call.handover_ended",
        "call.supervised",
        "recording.started",
        "recording.ended",
    ];
    for kind in expected {
        assert!(tally.get(kind).is_some_and(|count| *count > 20), "{kind} hardly happens: {tally:#?}");
    }
}

fn replays_from_its_bytes(world: &World) {
    let mut again = Tenant::new(world.tenant.id().clone());
    let mut bytes = Vec::new();
    for envelope in &world.history {
        bytes.clear();
        envelope.encode(&mut bytes);
        let decoded = Envelope::decode(&bytes).expect("an event of ours");
        assert_eq!(&decoded, envelope, "changed by its JSON");
        again.apply(&decoded);
    }
    assert_eq!(again, world.tenant, "replay differs from life");
}

#[test]
fn the_same_seed_gives_the_same_day() {
    for seed in [3, 4] {
        let (one, two) = (live(seed), live(seed));
        assert_eq!(one.history, two.history);
    }
}

/// Events in any order, also impossible ones, are taken without a panic.
#[test]
fn apply_is_total() {
    for seed in 1..20 {
        let _guard = Seed(seed);
        let mut world = live(seed);
        let mut events = std::mem::take(&mut world.history);
        world.shuffle(&mut events);
        let mut tenant = Tenant::new(world.tenant.id().clone());
        for envelope in &events {
            tenant.apply(envelope);
        }
    }
}
