//! How many decisions does a tenant make per second?
//!
//! One call between two registered phones, from INVITE to the end: 20 commands with ringing, answer, media, key presses,
//! hold and resume, through [`Tenant::handle`], which also applies the events. No log, no threads.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod scene;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scene::{COMMANDS, Scene};

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decisions");
    group.throughput(Throughput::Elements(COMMANDS));
    for standing in [0, 1000] {
        let mut scene = Scene::new();
        for _ in 0..standing {
            scene.begin_call();
        }
        group.bench_function(format!("call of {COMMANDS} commands beside {standing} calls"), |bencher| {
            bencher.iter(|| scene.whole_call(|_| {}));
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
