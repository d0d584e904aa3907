//! Random histories: whatever phones, trunks, operators and clocks do, a tenant keeps its promises.
//!
//! A failing history prints its seed; `TANDEM_SEED=<seed> cargo test -p tandem-core --test tenant` lives it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod wishes;
mod world;

use std::collections::BTreeMap;

use tandem_core::event::Envelope;
use tandem_core::tenant::Tenant;

use world::World;

const HISTORIES: u64 = 60;
const COMMANDS: usize = 2_000;

/// Names the seed when a history panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this history is TANDEM_SEED={}", self.0);
        }
    }
}

/// `TANDEM_HISTORIES=5000` looks longer.
fn histories() -> u64 {
    std::env::var("TANDEM_HISTORIES").map_or(HISTORIES, |count| count.parse().expect("TANDEM_HISTORIES is a number"))
}

fn seeds() -> Vec<u64> {
    match std::env::var("TANDEM_SEED") {
        Ok(seed) => vec![seed.parse().expect("TANDEM_SEED is a number")],
        Err(_) => (1..=histories()).collect(),
    }
}

fn live(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..COMMANDS {
        world.step();
    }
    world.drain();
    world
}

/// What a run of histories met.
#[derive(Default)]
struct Tally {
    commands: usize,
    refused: usize,
    kinds: BTreeMap<&'static str, usize>,
}

/// Kinds of event that calls, phones, trunks and numbers make.
const TELEPHONY_KINDS: usize = 35;

impl Tally {
    fn add(&mut self, other: Tally) {
        self.commands += other.commands;
        self.refused += other.refused;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
    }
}

/// Replay equals life, through memory and through JSON; sequence without gaps; no leg in two calls or bridges; every
/// call and leg ends exactly once; every timer is cancelled or fires; what is refused changes nothing; no order names a
/// leg that is over. The checks are in [`World`], after each command and at the end.
#[test]
fn any_history_keeps_the_promises() {
    let seeds = seeds();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let parts = seeds.chunks(seeds.len().div_ceil(threads));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| live_all(part))).collect();
        for part in running {
            tally.add(part.join().expect("a promise was broken"));
        }
    });
    let Tally { commands, refused, kinds } = tally;
    println!("{commands} commands, {refused} of them refused, events: {kinds:?}");
    if seeds.len() > 1 {
        assert!(commands >= 100_000, "too few commands: {commands}");
        // What agents and queues add has a simulation of its own.
        assert!(kinds.len() >= TELEPHONY_KINDS, "not every kind was met: {kinds:?}");
        assert!(refused * 3 < commands, "most commands are to be carried out: {refused} of {commands} were not");
    }
}

fn live_all(seeds: &[u64]) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let _guard = Seed(*seed);
        let world = live(*seed);
        world.check_drained();
        // JSON costs more than the whole history without optimisation: a sample is enough.
        if seed % 5 == 0 || seeds.len() == 1 {
            replays_from_its_bytes(&world);
        }
        tally.add(Tally { commands: world.commands, refused: world.refused, kinds: BTreeMap::new() });
        for envelope in &world.history {
            *tally.kinds.entry(envelope.event.kind()).or_default() += 1;
        }
    }
    tally
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
fn the_same_seed_gives_the_same_history() {
    for seed in seeds().into_iter().take(3) {
        let _guard = Seed(seed);
        let (one, two) = (live(seed), live(seed));
        assert_eq!(one.history, two.history);
        assert_eq!(one.effects, two.effects);
    }
}

/// Events in any order, also impossible ones, are taken without a panic.
#[test]
fn apply_is_total() {
    for seed in seeds().into_iter().take(5) {
        let _guard = Seed(seed);
        let mut world = live(seed);
        let mut events = std::mem::take(&mut world.history);
        world.shuffle(&mut events);
        let mut tenant = Tenant::new(world.tenant.id().clone());
        for envelope in &events {
            tenant.apply(envelope);
            assert_eq!(tenant.seq(), envelope.seq);
        }
    }
}

/// A figure without a claim: decisions per second of this test's mix, model included.
#[test]
#[ignore = "prints a figure; run with --release --ignored --nocapture"]
fn decisions_per_second() {
    let begin = std::time::Instant::now();
    let mut world = World::unchecked(1);
    for _ in 0..300_000 {
        world.step();
    }
    let total = begin.elapsed();
    println!(
        "{} commands, {} events in {:.2?}, of it {:.2?} in handle: {:.0} decisions/s",
        world.commands,
        world.tenant.seq(),
        total,
        world.handling,
        world.commands as f64 / world.handling.as_secs_f64()
    );
}
