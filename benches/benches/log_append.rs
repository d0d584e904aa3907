//! What does the log take, by durability and by how many events share a commit?
//!
//! [`FileLog::append`] with the events of a call (the scene of `decisions`), on the disk that holds the target folder.
//! `always` waits for the disk once per batch, so events per second there are what group commit is for. Elements are
//! events.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scene::Scene;
use tandem_core::log::{Batch, Durability, EventLog, FileLog, LogConfig};

/// A batch of so many events, as a shard would hand it to the log.
fn batch(events: usize) -> Batch {
    let mut scene = Scene::new();
    let mut batch = Batch::default();
    while batch.len() < events {
        scene.whole_call(|decision| {
            for event in decision.events.iter() {
                if batch.len() < events {
                    batch.push(|bytes| event.encode(bytes));
                }
            }
        });
    }
    batch
}

/// Appends into a log of its own, which is gone afterwards: no more than one sample's bytes are on the disk at once.
fn append(durability: Durability, batch: &Batch, times: u64) -> Duration {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut log = FileLog::open(LogConfig { durability, ..LogConfig::new(dir.path()) }).unwrap();
    let begun = Instant::now();
    for _ in 0..times {
        log.append(batch).unwrap();
    }
    begun.elapsed()
}

fn log_append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log_append");
    group.sample_size(10);
    for (name, durability) in [("os", Durability::Os), ("always", Durability::Always)] {
        for events in [1, 16, 128, 1024] {
            let batch = batch(events);
            group.throughput(Throughput::Elements(events as u64));
            group.bench_with_input(BenchmarkId::new(name, format!("{events} events at once")), &batch, |bencher, batch| {
                bencher.iter_custom(|times| append(durability, batch, times));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, log_append);
criterion_main!(benches);
