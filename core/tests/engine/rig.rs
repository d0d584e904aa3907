//! An engine in a folder of its own, with a sink that remembers and a log that can be slow or fail.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tandem_core::call::DialogRecord;
use tandem_core::command::Accepted;
use tandem_core::engine::{EffectSink, Engine, EngineConfig, Mailbox, ManualClock, Recovered};
use tandem_core::event::TenantSettings;
use tandem_core::log::{Batch, EventLog, FileLog, LogConfig, LogError, LogTail, Offset};
use tandem_core::registration::{ContactUpdate, RegisterRequest};
use tandem_core::tenant::Tenant;
use tandem_core::{
    Command, Effect, Endpoint, Envelope, Flow, LegId, Phone, Rejection, RequestId, TenantId, Timestamp, Transport, UserName,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const NOON: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// Remembers what was released.
#[derive(Default)]
pub(crate) struct Remember(pub(crate) Mutex<Vec<(TenantId, Effect)>>);

impl EffectSink for Remember {
    fn release(&self, tenant: &TenantId, effects: Vec<Effect>) {
        self.0.lock().unwrap().extend(effects.into_iter().map(|effect| (tenant.clone(), effect)));
    }
}

/// How a wrapped log behaves, and what it saw.
#[derive(Default)]
pub(crate) struct Fate {
    pub(crate) delay_ms: AtomicU64,
    /// Appends until it fails; 0 never.
    pub(crate) fails_at: AtomicU64,
    pub(crate) appends: AtomicU64,
}

struct Fated(FileLog, Arc<Fate>);

impl EventLog for Fated {
    fn append(&mut self, batch: &Batch) -> Result<Range<Offset>, LogError> {
        thread::sleep(Duration::from_millis(self.1.delay_ms.load(Ordering::SeqCst)));
        let count = self.1.appends.fetch_add(1, Ordering::SeqCst) + 1;
        if count == self.1.fails_at.load(Ordering::SeqCst) {
            return Err(LogError::Io { path: "disk".into(), source: std::io::Error::other("the disk is gone") });
        }
        self.0.append(batch)
    }
}

pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) mailbox: Mailbox,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) fate: Arc<Fate>,
}

pub(crate) fn store(dir: &Path) -> FileLog {
    FileLog::open(LogConfig { segment_bytes: 16 << 10, ..LogConfig::new(dir) }).unwrap()
}

pub(crate) fn start(dir: &Path, config: EngineConfig) -> Rig {
    start_with(dir, config, Arc::new(Remember::default()))
}

pub(crate) fn start_with(dir: &Path, config: EngineConfig, sink: Arc<dyn EffectSink>) -> Rig {
    let (clock, fate) = (Arc::new(ManualClock::at(NOON)), Arc::new(Fate::default()));
    let wrap = |log| Box::new(Fated(log, Arc::clone(&fate))) as Box<dyn EventLog>;
    let engine = Engine::start_with(config, store(dir), wrap, sink, Arc::clone(&clock) as _).unwrap();
    Rig { mailbox: engine.mailbox(), engine, clock, fate }
}

pub(crate) fn shards(shards: usize) -> EngineConfig {
    EngineConfig { shards, ..EngineConfig::default() }
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(crate) fn phone(user: &str) -> Command {
    Command::AddPhone(Phone { user: UserName::new(user).unwrap(), display_name: None, max_contacts: 5, srtp: Default::default() })
}

pub(crate) fn named(name: &str) -> TenantSettings {
    TenantSettings::named(name)
}

pub(crate) fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), remote: "198.51.100.7:5060".parse().unwrap() }
}

pub(crate) fn register(user: &str, request: u64, expires: Duration) -> Command {
    let contact = ContactUpdate { contact: format!("sip:{user}@198.51.100.7"), expires, q: 1000, instance: None };
    let register = RegisterRequest {
        contacts: vec![contact],
        remove_all: false,
        call_id: format!("{user}-{request}"),
        cseq: 1,
        path: Vec::new(),
        flow: flow(),
        user_agent: None,
    };
    Command::Register { user: UserName::new(user).unwrap(), request: RequestId(request), register }
}

pub(crate) fn offered(leg: LegId) -> Command {
    Command::LegOffered {
        leg,
        from: Endpoint::Phone(UserName::new("101").unwrap()),
        caller: "101".into(),
        caller_name: None,
        called: "600".into(),
        dialog: DialogRecord {
            call_id: "c@phone".into(),
            local_tag: "l".into(),
            remote_tag: Some("r".into()),
            local_uri: "sip:600@192.0.2.1".into(),
            remote_uri: "sip:101@192.0.2.1".into(),
            remote_target: "sip:101@198.51.100.7".into(),
            route_set: Vec::new(),
            local_cseq: 0,
            remote_cseq: Some(1),
            flow: flow(),
        },
        replaces: None,
    }
}

impl Rig {
    /// Asks and waits for the answer, which comes after the commit; `None` if the log failed.
    pub(crate) fn ask(&self, to: &str, command: Command) -> Option<Result<Accepted, Rejection>> {
        let (tell, told) = mpsc::channel();
        self.mailbox.request(&tenant(to), command, Box::new(move |result| tell.send(result).unwrap())).unwrap();
        match told.recv_timeout(PATIENCE) {
            Ok(result) => Some(result),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no answer"),
        }
    }

    pub(crate) fn must(&self, to: &str, command: Command) -> Accepted {
        self.ask(to, command).expect("the log works").unwrap()
    }

    pub(crate) fn create(&self, name: &str) {
        self.must(name, Command::CreateTenant(named(name)));
    }
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Every event in the log, checked to follow each other per tenant.
pub(crate) fn events(dir: &Path) -> Vec<Envelope> {
    let tail = LogTail::read_only(dir);
    let mut reader = tail.reader(tail.first().unwrap());
    let mut all = Vec::new();
    let mut last: BTreeMap<TenantId, u64> = BTreeMap::new();
    while let Some(record) = reader.next().unwrap() {
        let envelope = Envelope::decode(record.body).unwrap();
        if let Some(last) = last.insert(envelope.tenant.clone(), envelope.seq) {
            assert_eq!(envelope.seq, last + 1, "{envelope:?}");
        }
        all.push(envelope);
    }
    all
}

pub(crate) fn replay(dir: &Path) -> BTreeMap<TenantId, Tenant> {
    let mut recovered = Recovered::default();
    let mut reader = LogTail::read_only(dir).reader(0);
    while let Some(record) = reader.next().unwrap() {
        recovered.take(record.offset, record.body).unwrap();
    }
    recovered.tenants
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to.join(entry.file_name()));
        } else if std::fs::copy(entry.path(), to.join(entry.file_name())).is_err() {
            // A temporary file that got its name in between.
            assert!(entry.path().extension().is_some_and(|extension| extension == "tmp"));
        }
    }
}
