//! How many decisions go from the mailbox through a shard and the log to the effect, and how long does one take?
//!
//! REGISTERs of a thousand phones of one tenant: one command, one event, one effect each, with so many under way at once.
//! One at a time is the round trip that every answer of ours waits for; many show what group commit makes of it. Clock and
//! log are the real ones, on the disk that holds the target folder.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam::channel::{Receiver, Sender, unbounded};
use tandem_core::engine::{EffectSink, Engine, EngineConfig, Poster, SystemClock};
use tandem_core::event::TenantSettings;
use tandem_core::log::{Durability, FileLog, LogConfig};
use tandem_core::registration::{ContactUpdate, RegisterRequest};
use tandem_core::{Command, Effect, Flow, Phone, RequestId, TenantId, Transport, UserName};

const PHONES: u64 = 1000;
/// Longer than any commit takes: a lost effect must end the bench, not hang it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says how many answers came.
struct Answers(Sender<usize>);

impl EffectSink for Answers {
    fn release(&self, _: &TenantId, effects: Vec<Effect>) {
        let answers = effects.iter().filter(|effect| matches!(effect, Effect::Registered { .. })).count();
        let _ = self.0.send(answers);
    }
}

struct Running {
    engine: Engine,
    poster: Poster,
    tenant: TenantId,
    answers: Receiver<usize>,
    serial: u64,
    _dir: tempfile::TempDir,
}

fn user(number: u64) -> UserName {
    UserName::new(format!("{}", 1000 + number % PHONES)).unwrap()
}

impl Running {
    fn start(durability: Durability) -> Running {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let log = FileLog::open(LogConfig { durability, ..LogConfig::new(dir.path()) }).unwrap();
        let (sender, answers) = unbounded();
        let config = EngineConfig { shards: 1, ..EngineConfig::default() };
        let engine = Engine::start(config, log, Arc::new(Answers(sender)), Arc::new(SystemClock)).unwrap();
        let tenant = TenantId::new("bench").unwrap();
        let mailbox = engine.mailbox();
        mailbox.post(&tenant, Command::CreateTenant(TenantSettings::named("Bench"))).unwrap();
        let mut running = Running { poster: mailbox.poster(), engine, tenant, answers, serial: 0, _dir: dir };
        for number in 0..PHONES {
            let phone = Phone { user: user(number), display_name: None, max_contacts: 2, srtp: Default::default() };
            running.poster.push(running.tenant.clone(), Command::AddPhone(phone));
        }
        running.flush();
        running.registers(PHONES, PHONES);
        running
    }

    fn flush(&mut self) {
        let mut refused = Vec::new();
        self.poster.flush(&mut refused);
        assert!(refused.is_empty(), "a mailbox with so few under way has room");
    }

    /// Posts so many REGISTERs with at most `window` under way, and waits for all their answers.
    fn registers(&mut self, times: u64, window: u64) {
        let (mut posted, mut answered) = (0, 0);
        while answered < times {
            while posted < times && posted - answered < window {
                self.register();
                posted += 1;
            }
            self.flush();
            answered += self.answers.recv_timeout(PATIENCE).expect("an answer") as u64;
            answered += self.answers.try_iter().sum::<usize>() as u64;
        }
    }

    fn register(&mut self) {
        self.serial += 1;
        let user = user(self.serial);
        let flow =
            Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), remote: "198.51.100.7:5060".parse().unwrap() };
        let contact =
            ContactUpdate { contact: format!("sip:{user}@198.51.100.7"), expires: Duration::from_secs(3600), q: 1000, instance: None };
        let register = RegisterRequest {
            contacts: vec![contact],
            remove_all: false,
            call_id: format!("register-{user}"),
            cseq: u32::try_from(self.serial).unwrap(),
            path: Vec::new(),
            flow,
            user_agent: None,
        };
        self.poster.push(self.tenant.clone(), Command::Register { user, request: RequestId(self.serial), register });
    }
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(20);
    for (name, durability) in [("os", Durability::Os), ("always", Durability::Always)] {
        let mut running = Running::start(durability);
        for window in [1u64, 32, 1024] {
            group.throughput(Throughput::Elements(window));
            group.bench_function(BenchmarkId::new(name, format!("{window} at once")), |bencher| {
                bencher.iter_custom(|times| {
                    let begun = std::time::Instant::now();
                    running.registers(times * window, window);
                    begun.elapsed()
                });
            });
        }
        running.engine.shutdown();
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
