//! The parts of a node that this crate owns, in the order in which they start and the reverse order in which they stop.
//! [`crate::compose`] puts the engine and the switch between [`open`] and [`attach`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tandem_core::engine::{Engine, EngineConfig};
use tandem_core::log::{FileLog, LogConfig, Retention};

use crate::auth::{AdminToken, CredentialStore, secret};
use crate::config::{Config, Durability};
use crate::door::EngineDoor;
use crate::http::{AppState, KafkaProbe, Parts, Server, serve_http};
use crate::view::{History, Views};
use crate::{gateway, limits, observe};

/// What is open before the engine starts.
#[derive(Debug)]
pub struct Opened {
    /// The configuration.
    pub config: Arc<Config>,
    /// Passwords, for the API and for signalling.
    pub credentials: Arc<CredentialStore>,
    /// The admin token's check.
    pub token: Arc<AdminToken>,
    /// The admin token in plain, at the first start only.
    pub fresh_token: Option<String>,
    /// Renders metrics; the recorder is installed.
    pub metrics: PrometheusHandle,
}

/// Makes the data folder, installs metrics, opens the log for writing, the credentials and the token.
pub async fn open(config: Config) -> anyhow::Result<(Opened, FileLog)> {
    let dir = &config.node.data_dir;
    secret::private_dir(dir).with_context(|| format!("data folder {}", dir.display()))?;
    let metrics = observe::metrics().map_err(anyhow::Error::msg).context("metrics")?;
    let log = FileLog::open(log_config(&config))?;
    let recovered = log.recovered();
    if recovered.cut_bytes > 0 {
        tracing::warn!(bytes = recovered.cut_bytes, "a torn end of the event log was cut off: it was never acknowledged");
    }
    let credentials = CredentialStore::open(&config.credentials_file(), &config.sip.realm).await?;
    let (token, fresh_token) = AdminToken::open(&config)?;
    let opened = Opened { config: Arc::new(config), credentials: Arc::new(credentials), token: Arc::new(token), fresh_token, metrics };
    Ok((opened, log))
}

/// The log's configuration.
pub fn log_config(config: &Config) -> LogConfig {
    let durability = match config.log.durability {
        Durability::Always => tandem_core::log::Durability::Always,
        Durability::Interval => tandem_core::log::Durability::Interval(Duration::from_millis(config.log.interval_ms)),
        Durability::Os => tandem_core::log::Durability::Os,
    };
    LogConfig { segment_bytes: config.log.segment_mib << 20, durability, ..LogConfig::new(config.log_dir()) }
}

/// The engine's configuration.
pub fn engine_config(config: &Config) -> EngineConfig {
    let half = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2);
    EngineConfig {
        shards: if config.limits.shards == 0 { half } else { usize::from(config.limits.shards) },
        mailbox_batches: config.limits.mailbox_batches as usize,
        batch_commands: config.limits.batch_commands as usize,
        snapshot_every: config.limits.snapshot_every,
        retention: Retention {
            max_bytes: (config.log.retention_mib > 0).then_some(config.log.retention_mib << 20),
            ..Retention::default()
        },
    }
}

/// Views and HTTP on a running engine.
#[derive(Debug)]
pub struct Attached {
    /// What handlers reach; [`AppState::link`] makes a link for a browser.
    pub state: AppState,
    server: Server,
    gateway: gateway::Running,
}

/// Starts the views and the HTTP server on a running engine. Waits until the views have folded what the log holds.
pub async fn attach(opened: &Opened, engine: &Arc<Engine>, kafka: Option<KafkaProbe>) -> anyhow::Result<Attached> {
    let log = engine.log();
    let history = History::open(&opened.config.store_url()).await.with_context(|| format!("read models {}", opened.config.store_url()))?;
    let snapshot = opened.config.node.data_dir.join("views-live.json");
    let views = Views::start(Arc::new(log.clone()), history, Some(snapshot)).await?;
    // A consumer keeps its place in the log even when it is far behind: retention leaves what it has not read.
    views.keep(log.consumer("history", views.history_position()));
    let state = AppState::new(Parts {
        config: opened.config.clone(),
        commands: Arc::new(EngineDoor::new(engine)),
        log: Arc::new(log),
        views: Arc::new(views),
        credentials: opened.credentials.clone(),
        token: opened.token.clone(),
        metrics: opened.metrics.clone(),
        kafka,
    });
    // Before anybody can ask: right after a start, a view that lags by a few events would deny what was committed.
    let end = state.parts.log.end();
    let views = &state.parts.views;
    while !(views.live.reached(end, limits::VIEW_WAIT).await && views.mirror.reached(end, limits::VIEW_WAIT).await) {
        if let Some(trouble) = views.trouble() {
            anyhow::bail!("read models: {trouble}");
        }
        tracing::info!(live = views.live.position(), mirror = views.mirror.position(), end, "folding the event log");
    }
    let server = serve_http(state.clone()).await.with_context(|| format!("http.listen = \"{}\"", opened.config.http.listen))?;
    let gateway = gateway::start(state.clone()).await.context("the CC-Gateway interface")?;
    Ok(Attached { state, server, gateway })
}

impl Attached {
    /// Where HTTP listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Where the CC-Gateway interface listens: HTTPS and HTTP.
    pub fn gateway(&self) -> &gateway::Listeners {
        &self.gateway.listeners
    }

    /// Stops HTTP first, so that nobody sees a half-stopped node. Call [`Stopping::finish`] after the engine is down.
    pub async fn stop(self) -> Stopping {
        tokio::join!(self.server.stop(), self.gateway.stop());
        Stopping { state: self.state }
    }
}

/// Views that still follow the last events.
#[derive(Debug)]
pub struct Stopping {
    state: AppState,
}

impl Stopping {
    /// Lets the views fold what the engine committed last, then closes them.
    pub async fn finish(self) {
        self.state.settle().await;
        let views = self.state.parts.views.clone();
        let end = self.state.parts.log.end();
        let deadline = tokio::time::Instant::now() + limits::VIEW_WAIT;
        while views.history_position() < end && views.trouble().is_none() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let joined = views.clone();
        let _ = tokio::task::spawn_blocking(move || joined.stop()).await;
        views.history.close().await;
        self.state.parts.credentials.close().await;
    }
}

/// Waits for SIGTERM or SIGINT and names it.
pub async fn signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    })
}
