//! How many events per second can the read models take, and so from which load on do they lag behind the log?
//!
//! The log holds whole calls between two phones (see `scene`), all of them committed before a view begins: the time until the
//! tenants' replicas, or the history in SQLite, have folded the last one is the time of a backlog. As long as a node commits fewer
//! events per second than that, its views keep up, and what they lag is the time that they let events gather.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scene::Scene;
use tandem_api::door::{LogReader, LogSource, ReadError};
use tandem_api::view::{History, Views};
use tandem_core::Envelope;

const CALLS: usize = 500;
/// Longer than any backlog takes: a view that stands still must end the bench, not hang it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A log in memory: the disk is not what is asked about.
#[derive(Clone)]
struct Backlog(Arc<Vec<Vec<u8>>>);

struct Reader(Backlog, usize);

impl Backlog {
    fn new() -> Backlog {
        let mut records = Vec::new();
        let mut take = |event: &Envelope| {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            records.push(bytes);
        };
        let mut scene = Scene::new();
        scene.setup.iter().for_each(&mut take);
        for _ in 0..CALLS {
            scene.whole_call(|decision| decision.events.iter().for_each(&mut take));
        }
        Backlog(Arc::new(records))
    }
}

impl LogSource for Backlog {
    fn start(&self) -> u64 {
        0
    }
    fn end(&self) -> u64 {
        self.0.len() as u64
    }
    fn reader(&self, offset: u64) -> Result<Box<dyn LogReader>, ReadError> {
        Ok(Box::new(Reader(self.clone(), usize::try_from(offset).unwrap())))
    }
}

impl LogReader for Reader {
    fn read(&mut self, most: usize, wait: Duration, each: &mut dyn FnMut(u64, &[u8])) -> Result<usize, ReadError> {
        let records = self.0.0.get(self.1..).unwrap_or_default();
        if records.is_empty() {
            std::thread::sleep(wait.min(Duration::from_millis(1)));
        }
        for record in records.iter().take(most) {
            each(self.1 as u64, record);
            self.1 += 1;
        }
        Ok(records.len().min(most))
    }
}

fn view_lag(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let log = Backlog::new();
    let mut group = criterion.benchmark_group("view_lag");
    group.sample_size(10);
    group.throughput(Throughput::Elements(log.end()));
    for view in ["replicas", "history"] {
        group.bench_function(BenchmarkId::new(view, format!("{CALLS} calls behind")), |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                    let url = format!("sqlite:{}", dir.path().join("views.sqlite").display());
                    let history = runtime.block_on(History::open(&url)).unwrap();
                    let begun = Instant::now();
                    let views = runtime.block_on(Views::start(Arc::new(log.clone()), history, None)).unwrap();
                    let folded = || if view == "history" { views.history_position() } else { views.mirror.position() };
                    while folded() < log.end() {
                        assert!(begun.elapsed() < PATIENCE, "{:?}", views.trouble());
                        std::thread::sleep(Duration::from_micros(200));
                    }
                    spent += begun.elapsed();
                    views.stop();
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, view_lag);
criterion_main!(benches);
