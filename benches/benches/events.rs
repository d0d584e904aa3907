//! What does an event cost on its way into the log?
//!
//! The events of one call (the scene of `decisions`), encoded as the JSON lines that the log, Kafka and the event stream
//! share. Elements are events.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod scene;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scene::Scene;
use tandem_core::Envelope;

fn events(criterion: &mut Criterion) {
    let mut events = Vec::new();
    Scene::new().whole_call(|decision| events.extend(decision.events.iter().cloned()));
    let mut bytes = Vec::new();
    events.iter().for_each(|event| event.encode(&mut bytes));
    let lines: Vec<Vec<u8>> = events
        .iter()
        .map(|event| {
            let mut line = Vec::new();
            event.encode(&mut line);
            line
        })
        .collect();

    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function(format!("encode {} events of a call, {} bytes", events.len(), bytes.len()), |bencher| {
        bencher.iter(|| {
            bytes.clear();
            events.iter().for_each(|event| event.encode(&mut bytes));
            bytes.len()
        });
    });
    group.bench_function("decode them", |bencher| {
        bencher.iter(|| lines.iter().filter(|line| Envelope::decode(line).is_ok()).count());
    });
    group.finish();
}

criterion_group!(benches, events);
criterion_main!(benches);
