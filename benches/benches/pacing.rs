//! What does a pacing decision cost?
//!
//! A pacer that has lived through an hour with as many agents decides on a snapshot of that hour's end: 20 agents take the
//! exact way, 100 and 500 the normal one; 500 agents have about 1,500 calls in flight. Aim: 50 us at 500 agents.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use tandem_core::tenant::pacing::sim::{Policy, Scenario, World};
use tandem_core::tenant::pacing::{Busy, Decision, InFlight, Mode, Pacer, Seconds, Seen, Settings, Snapshot};

/// What the last decision of the hour saw.
struct Recorder {
    pacer: Pacer,
    now: Seconds,
    ready: u32,
    lines: u32,
    talking: Vec<Busy>,
    wrapping: Vec<Busy>,
    ringing: Vec<InFlight>,
    detecting: Vec<InFlight>,
    cancellable: Vec<u64>,
}

impl Policy for Recorder {
    fn see(&mut self, now: Seconds, seen: Seen) {
        self.pacer.see(now, seen);
    }

    fn decide(&mut self, now: &Snapshot<'_>) -> Decision {
        (self.now, self.ready, self.lines) = (now.now, now.ready, now.free_lines);
        self.talking = now.talking.to_vec();
        self.wrapping = now.wrapping.to_vec();
        self.ringing = now.ringing.to_vec();
        self.detecting = now.detecting.to_vec();
        self.cancellable = now.cancellable.to_vec();
        self.pacer.decide(now)
    }
}

impl Recorder {
    fn after_an_hour(agents: u32) -> Recorder {
        let scenario = Scenario { agents, live: 0.15, machine: 0.4, shift: 3_600.0, breaks: 0, ..Scenario::default() };
        let mut recorder = Recorder {
            pacer: Pacer::new(Settings { mode: Mode::Predictive, ..Settings::default() }).unwrap(),
            now: 0.0,
            ready: 0,
            lines: 0,
            talking: Vec::new(),
            wrapping: Vec::new(),
            ringing: Vec::new(),
            detecting: Vec::new(),
            cancellable: Vec::new(),
        };
        World::new(&scenario, 1).run(&mut recorder);
        recorder
    }

    /// Calls beyond those that rang, to the load the figure is asked for.
    fn ring(&mut self, calls: usize) {
        for call in self.ringing.len()..calls {
            self.ringing.push(InFlight { call: 10_000_000 + call as u64, age: (call % 240) as f64 / 10.0 });
        }
    }

    fn decide(&mut self) -> Decision {
        let now = Snapshot {
            now: self.now,
            stale_for: 0.0,
            ready: self.ready,
            waiting: 0,
            inbound_waiting: 0,
            free_lines: self.lines,
            on_break: 0,
            talking: &self.talking,
            wrapping: &self.wrapping,
            ringing: &self.ringing,
            detecting: &self.detecting,
            cancellable: &self.cancellable,
        };
        self.pacer.decide(&now)
    }
}

fn pacing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pacing");
    for (agents, calls) in [(5, 15), (20, 60), (100, 300), (500, 1_500)] {
        let mut recorder = Recorder::after_an_hour(agents);
        recorder.ring(calls);
        group.bench_function(format!("decision with {agents} agents and {} calls in flight", recorder.ringing.len()), |bencher| {
            bencher.iter(|| recorder.decide());
        });
    }
    group.finish();
}

fn days(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulator");
    group.sample_size(10);
    let scenario = Scenario { agents: 100, ..Scenario::default() };
    let ours = tandem_core::tenant::pacing::sim::Method::Ours(Mode::Predictive);
    group.bench_function("a day of 100 agents", |bencher| bencher.iter(|| ours.day(&scenario, 1).unwrap()));
    group.finish();
}

criterion_group!(benches, pacing, days);
criterion_main!(benches);
