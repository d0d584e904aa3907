//! The CC-Gateway interface under `/agentgateway/resource/…`: what agents' programs speak (cc-gateway.md, auth.md C4 and C5).
//!
//! Thin, as every adapter: a handler parses, checks the right, sends one command or reads one view, and renders.
//!
//! | module | what |
//! |---|---|
//! | `listen`, `certificate`, `target`, `spelling` | listeners, TLS, and what clients do to HTTP |
//! | `routes` | every operation of the reference, one line each |
//! | `serve` | from a request to an answer |
//! | `params`, `answer`, `codes` | what comes in, what goes out |
//! | `session`, `mailbox`, `brake` | guids, events that wait, guessing |
//! | `fold`, `events`, `post` | committed events become the interface's events |
//! | `push`, `stream`, `sweep` | push mode, the WebSocket, agents whose programs fell silent |
//! | `ops` | the operations, a file per group |

mod answer;
mod brake;
pub(crate) mod callid;
mod certificate;
mod codes;
mod events;
mod fold;
mod limits;
mod listen;
mod mailbox;
mod ops;
mod params;
mod post;
mod push;
mod refusal;
mod render;
mod routes;
mod serve;
mod session;
mod spelling;
mod stream;
mod sweep;
mod target;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use dashmap::DashSet;
use tandem_core::command::Accepted;
use tandem_core::tenant::Tenant;
use tandem_core::{AgentWish, Command, Rejection, TenantId, WorkNumber};
use tokio::sync::{oneshot, watch};

use self::answer::Failure;
use self::brake::Brake;
use self::codes::Code;
use self::post::Post;
use self::session::Sessions;
use crate::config::Config;
use crate::http::AppState;

pub use self::listen::Listeners;

/// Everything that operations reach.
pub struct Gateway {
    config: Arc<Config>,
    state: AppState,
    sessions: Sessions,
    post: Arc<Post>,
    /// Sign-ins and sign-outs under way: one at a time per agent.
    busy: DashSet<(TenantId, WorkNumber)>,
    agents_brake: Brake<u32>,
    sources_brake: Brake<IpAddr>,
    config_sessions: ops::config::ConfigSessions,
    subscriptions: ops::config::Subscriptions,
    push: push::Client,
    stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({} guids)", self.sessions.len())
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct Running {
    /// Its listeners.
    pub listeners: Listeners,
    sweeper: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Ends polls and streams, then the listeners.
    pub async fn stop(self) {
        self.sweeper.abort();
        self.listeners.stop().await;
    }
}

/// Starts the gateway on a running node whose views have caught up.
pub async fn start(state: AppState) -> anyhow::Result<Running> {
    let gateway = Arc::new(Gateway::new(state)?);
    let listeners = listen::start(gateway.clone()).await?;
    let sweeper = tokio::spawn(sweep::run(gateway));
    Ok(Running { listeners, sweeper })
}

impl Gateway {
    /// A gateway that takes its events from the node's mirror from now on.
    fn new(state: AppState) -> anyhow::Result<Gateway> {
        let config = state.parts.config.clone();
        let post = Arc::new(Post::default());
        anyhow::ensure!(state.parts.views.mirror.watch(post.clone()), "the mirror has a watcher already");
        Ok(Gateway {
            sessions: Sessions::new(config.gateway.guid, &config.gateway.server_name),
            push: push::Client::new(&config.gateway),
            config,
            state,
            post,
            busy: DashSet::new(),
            agents_brake: Brake::new(limits::SIGN_IN_FAILURES_AGENT),
            sources_brake: Brake::new(limits::SIGN_IN_FAILURES_SOURCE),
            config_sessions: ops::config::ConfigSessions::default(),
            subscriptions: ops::config::Subscriptions::default(),
            stopping: watch::Sender::new(false),
        })
    }

    /// Reads one tenant.
    fn read<R>(&self, tenant: &TenantId, look: impl FnOnce(&Tenant) -> R) -> Result<R, Failure> {
        self.state.parts.views.mirror.read(tenant, look).ok_or_else(|| Failure::from(Code::NotSignedIn))
    }

    /// Hands a command over, waits for the commit, then until it can be read.
    async fn command(&self, tenant: &TenantId, command: Command) -> Result<Result<Accepted, Rejection>, Failure> {
        let (answer, answered) = oneshot::channel();
        let reply = Box::new(move |result| {
            let _ = answer.send(result);
        });
        let full = |_| Failure::new(Code::OperationFailed, "the tenant's mailbox is full");
        self.state.parts.commands.request(tenant, command, reply).map_err(full)?;
        let result = match tokio::time::timeout(crate::limits::COMMAND_WAIT, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => return Err(Failure::new(Code::OperationFailed, "the engine has stopped")),
            Err(_) => return Err(Failure::new(Code::OperationFailed, "no answer from the engine in time")),
        };
        if result.is_ok() {
            self.settle().await;
        }
        Ok(result)
    }

    /// Hands an agent's wish over.
    async fn wish(&self, tenant: &TenantId, agent: WorkNumber, wish: AgentWish) -> Result<Result<Accepted, Rejection>, Failure> {
        self.command(tenant, Command::Agent { agent, wish }).await
    }

    /// Waits until what is committed now can be read, and its events are in the mailboxes.
    async fn settle(&self) {
        let end = self.state.parts.log.end();
        self.state.parts.views.mirror.reached(end, crate::limits::VIEW_WAIT).await;
    }

    /// Returns when the node is about to stop.
    async fn stopped(&self) {
        // An error means that the gateway itself is gone.
        let _ = self.stopping.subscribe().wait_for(|stop| *stop).await;
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}
