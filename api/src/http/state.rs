//! What every handler can reach.

use std::sync::Arc;
use std::time::Instant;

use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tandem_core::command::Accepted;
use tandem_core::tenant::Tenant;
use tandem_core::{Command, TenantId};
use tokio::sync::{Semaphore, oneshot, watch};
use utoipa::ToSchema;

use super::Problem;
use crate::auth::guard::Gate;
use crate::auth::{AdminToken, CredentialStore, SignatureGate};
use crate::config::Config;
use crate::door::{Commands, LogSource};
use crate::limits;
use crate::view::{TenantLive, Views};

/// How the forwarder to Kafka is doing.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct KafkaStatus {
    /// Whether it is configured.
    pub enabled: bool,
    /// Whether the brokers take events at the moment.
    pub connected: bool,
    /// Offset of the next event that Kafka has not confirmed.
    pub position: u64,
    /// Events that it lags behind the log.
    pub lag: u64,
    /// The last trouble, if it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Asks the forwarder how it is doing.
pub type KafkaProbe = Arc<dyn Fn() -> KafkaStatus + Send + Sync>;

/// What the composition hands over.
pub struct Parts {
    /// The configuration.
    pub config: Arc<Config>,
    /// Takes commands.
    pub commands: Arc<dyn Commands>,
    /// Gives committed events.
    pub log: Arc<dyn LogSource>,
    /// Read models.
    pub views: Arc<Views>,
    /// Passwords.
    pub credentials: Arc<CredentialStore>,
    /// The admin token.
    pub token: Arc<AdminToken>,
    /// Renders metrics.
    pub metrics: PrometheusHandle,
    /// Kafka, if configured.
    pub kafka: Option<KafkaProbe>,
}

/// The same, with what the HTTP side keeps for itself.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppState")
    }
}

/// Behind [`AppState`].
pub struct Inner {
    /// What the composition handed over.
    pub parts: Parts,
    /// Who may in.
    pub gate: Gate,
    /// Whose signatures hold.
    pub signatures: SignatureGate,
    /// Permits for event streams.
    pub streams: Arc<Semaphore>,
    /// When this node started.
    pub started: Instant,
    /// Turns true when the server is to stop: streams end then.
    pub stopping: watch::Sender<bool>,
}

impl std::ops::Deref for AppState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AppState {
    /// State for a server.
    pub fn new(parts: Parts) -> AppState {
        let streams = Arc::new(Semaphore::new(parts.config.http.streams_max as usize));
        let gate = Gate::new(parts.token.clone());
        let signatures = SignatureGate::new(&parts.config.signature);
        AppState(Arc::new(Inner { parts, gate, signatures, streams, started: Instant::now(), stopping: watch::Sender::new(false) }))
    }

    /// A link that signs one browser in.
    pub fn link(&self) -> Result<String, Problem> {
        let ticket = self.gate.sessions.ticket(Instant::now()).map_err(|error| Problem::internal("making a ticket", &error))?;
        Ok(format!("{}/#ticket={ticket}", self.parts.config.http_url()))
    }

    /// Hands a command to its tenant and waits for the commit, then for the live view, so that a GET after this sees it.
    pub async fn command(&self, tenant: &TenantId, command: Command) -> Result<Accepted, Problem> {
        let accepted = self.submit(tenant, command).await?;
        self.settle().await;
        Ok(accepted)
    }

    /// Hands a command over and waits for the commit.
    pub async fn submit(&self, tenant: &TenantId, command: Command) -> Result<Accepted, Problem> {
        let (answer, answered) = oneshot::channel();
        let reply = Box::new(move |result| {
            let _ = answer.send(result);
        });
        self.parts
            .commands
            .request(tenant, command, reply)
            .map_err(|_| Problem::unavailable(format!("the mailbox of tenant `{tenant}` is full")))?;
        match tokio::time::timeout(limits::COMMAND_WAIT, answered).await {
            Ok(Ok(Ok(accepted))) => Ok(accepted),
            Ok(Ok(Err(rejection))) => Err(rejection.into()),
            Ok(Err(_)) => Err(Problem::unavailable("the engine stopped before the command was committed")),
            Err(_) => Err(Problem::late(format!("no answer from the engine within {} s", limits::COMMAND_WAIT.as_secs()))),
        }
    }

    /// Waits until the live view and the replicas have folded what is committed now.
    pub async fn settle(&self) {
        let (views, end) = (&self.parts.views, self.parts.log.end());
        tokio::join!(views.live.reached(end, limits::VIEW_WAIT), views.mirror.reached(end, limits::VIEW_WAIT));
    }

    /// Reads a tenant as the core sees it: agents, queues, waiting calls.
    pub fn mirror<R>(&self, tenant: &TenantId, look: impl FnOnce(&Tenant) -> R) -> Result<R, Problem> {
        self.parts.views.mirror.read(tenant, look).ok_or_else(|| {
            Problem::not_found(format!("there is no tenant `{tenant}`")).fix("GET /api/v1/tenants lists them; POST there makes one")
        })
    }

    /// Reads a tenant of the live view.
    pub fn tenant<R>(&self, tenant: &TenantId, look: impl FnOnce(&TenantLive) -> R) -> Result<R, Problem> {
        self.parts.views.live.tenant(tenant, look).ok_or_else(|| {
            Problem::not_found(format!("there is no tenant `{tenant}`")).fix("GET /api/v1/tenants lists them; POST there makes one")
        })
    }
}
