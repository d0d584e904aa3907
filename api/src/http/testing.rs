//! A node in place for tests: tenants run on the caller's thread, the log is a vector.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tandem_core::tenant::{Decision, Tenant};
use tandem_core::{Command, Envelope, Ids, TenantId, Timestamp};
use tower::ServiceExt;

use super::{AppState, Parts};
use crate::auth::{AdminToken, CredentialStore};
use crate::config::Config;
use crate::door::{Busy, Commands, LogReader, LogSource, ReadError, Reply};
use crate::view::{History, Views};

/// Records in memory.
#[derive(Clone, Default)]
pub(crate) struct MemoryLog(Arc<Mutex<Vec<Vec<u8>>>>);

impl MemoryLog {
    fn records(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, envelope: &Envelope) {
        let mut bytes = Vec::new();
        envelope.encode(&mut bytes);
        self.records().push(bytes);
    }

    pub(crate) fn envelopes(&self) -> Vec<(u64, Envelope)> {
        self.records().iter().enumerate().map(|(offset, bytes)| (offset as u64, Envelope::decode(bytes).unwrap())).collect()
    }
}

struct MemoryReader(MemoryLog, usize);

impl LogSource for MemoryLog {
    fn start(&self) -> u64 {
        0
    }
    fn end(&self) -> u64 {
        self.records().len() as u64
    }
    fn reader(&self, offset: u64) -> Result<Box<dyn LogReader>, ReadError> {
        Ok(Box::new(MemoryReader(self.clone(), offset as usize)))
    }
}

impl LogReader for MemoryReader {
    fn read(&mut self, most: usize, wait: Duration, each: &mut dyn FnMut(u64, &[u8])) -> Result<usize, ReadError> {
        let deadline = Instant::now() + wait;
        while self.0.records().len() <= self.1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let records = self.0.records();
        let before = self.1;
        for record in records.iter().skip(self.1).take(most) {
            each(self.1 as u64, record);
            self.1 += 1;
        }
        Ok(self.1 - before)
    }
}

/// Tenants in place.
pub(crate) struct InPlace {
    pub(crate) log: MemoryLog,
    tenants: Mutex<(HashMap<TenantId, Tenant>, Ids)>,
}

impl InPlace {
    pub(crate) fn new(log: MemoryLog) -> Self {
        InPlace { log, tenants: Mutex::new((HashMap::new(), Ids::new(1, 0))) }
    }

    pub(crate) fn handle(&self, tenant: &TenantId, command: Command) -> Result<tandem_core::command::Accepted, tandem_core::Rejection> {
        let mut guard = self.tenants.lock().unwrap();
        let (tenants, ids) = &mut *guard;
        let tenant = tenants.entry(tenant.clone()).or_insert_with(|| Tenant::new(tenant.clone()));
        let micros = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
        let mut decision = Decision::default();
        let result = tenant.handle(Timestamp::from_micros(micros as i64), ids, command, &mut decision);
        decision.events.iter().for_each(|event| self.log.push(event));
        result
    }
}

impl Commands for InPlace {
    fn request(&self, tenant: &TenantId, command: Command, reply: Reply) -> Result<(), Busy> {
        reply(self.handle(tenant, command));
        Ok(())
    }
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// A node for a test, with its token.
pub(crate) struct Node {
    pub(crate) state: AppState,
    pub(crate) router: Router,
    pub(crate) token: String,
    pub(crate) engine: Arc<InPlace>,
    /// Removed with the node.
    pub(crate) _dir: tempfile::TempDir,
}

/// Starts a node with a changed configuration.
pub(crate) async fn node_with(change: impl FnOnce(&mut Config)) -> Node {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.node.data_dir = dir.path().to_owned();
    config.http.listen = "127.0.0.1:0".parse().unwrap();
    change(&mut config);
    let (token, plain) = AdminToken::open(&config).unwrap();
    let credentials = CredentialStore::open(&config.credentials_file(), &config.sip.realm).await.unwrap();
    let log = MemoryLog::default();
    let engine = Arc::new(InPlace::new(log.clone()));
    let history = History::open(&config.store_url()).await.unwrap();
    let views = Views::start(Arc::new(log.clone()), history, None).await.unwrap();
    let state = AppState::new(Parts {
        config: Arc::new(config),
        commands: engine.clone(),
        log: Arc::new(log),
        views: Arc::new(views),
        credentials: Arc::new(credentials),
        token: Arc::new(token),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        kafka: None,
    });
    let router = super::router(state.clone());
    Node { state, router, token: plain.unwrap(), engine, _dir: dir }
}

/// Starts a node.
pub(crate) async fn node() -> Node {
    node_with(|_| ()).await
}

impl Node {
    /// Sends a request with these headers; gives status, content type and body.
    pub(crate) async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> (StatusCode, String, String) {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |text| Body::from(text.to_owned()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap()).to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
        (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Sends an authorized JSON request.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let (status, kind, text) = self.raw(method, path, &headers, body.map(|body| body.to_string()).as_deref()).await;
        if status.as_u16() >= 400 {
            assert_eq!(kind, "application/problem+json", "{method} {path}: {text}");
        }
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    /// The same, expecting a status.
    pub(crate) async fn expect(&self, status: u16, method: &str, path: &str, body: Option<Value>) -> Value {
        let (got, value) = self.call(method, path, body).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {value}");
        value
    }
}
