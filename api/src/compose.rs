//! Puts the program together: opens what is stored, binds the sockets, starts media, engine, switch, views and HTTP, and stops
//! them in reverse.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use tandem_core::Transport;
use tandem_core::engine::{Engine, SystemClock};
use tandem_core::log::kafka::Forwarder;
use tandem_media::rtp::MediaPlane;
use tandem_media::sip::transport::{Listen, Transports};
use tandem_media::switch::{Switch, SwitchInbox, SwitchParts};

use crate::cli::{DemoArgs, ServeArgs};
use crate::config::Config;
use crate::demo::Crowd;
use crate::demo::shift::Shift;
use crate::demo::stage::{self, StageConfig};
use crate::node::{self, Attached, Opened};
use crate::{descriptors, forward, signalling};

/// Ids of the one signalling worker (sources 32 to 63 are for those).
const SIGNALLING_SOURCE: u8 = 32;

/// A whole node, running.
struct Node {
    opened: Opened,
    engine: Arc<Engine>,
    switch: Switch,
    forwarder: Option<Arc<Forwarder>>,
    attached: Attached,
    listening: Vec<Listen>,
}

impl Node {
    /// Starts everything, sockets first: a port in use is an error before anything else has happened.
    async fn start(config: Config) -> anyhow::Result<Node> {
        descriptors::raise(u64::from(config.rtp.port_max.saturating_sub(config.rtp.port_min)) + 1);
        let security = signalling::security(&config).context("sip.tls_certificate")?;
        let transports = Transports::bind_with(&signalling::listen(&config), security).context("sip.listen")?;
        let listening = transports.listening();
        let inbox = SwitchInbox::new(transports.waker());
        // Metrics have to be installed before the planes take hold of theirs.
        let (opened, log) = node::open(config).await?;
        let media = MediaPlane::start(signalling::media(&opened.config), Arc::new(inbox.clone())).context("rtp")?;
        let engine_config = node::engine_config(&opened.config);
        let sink = Arc::new(inbox.clone());
        // Recovery reads the log: not on an async thread.
        let start = move || Engine::start(engine_config, log, sink, Arc::new(SystemClock));
        let engine = Arc::new(tokio::task::spawn_blocking(start).await??);
        let parts = SwitchParts {
            transports,
            media,
            inbox,
            mailbox: engine.mailbox(),
            directory: engine.directory(),
            secrets: opened.credentials.clone(),
            ids: engine.ids(SIGNALLING_SOURCE),
            clock: Arc::new(SystemClock),
        };
        let switch = Switch::start(signalling::switch(&opened.config, &listening), parts).context("the signalling thread")?;
        let (forwarder, probe) = forward::start(&opened.config, &engine).context("kafka")?.unzip();
        let attached = node::attach(&opened, &engine, probe).await?;
        Ok(Node { opened, engine, switch, forwarder, attached, listening })
    }

    /// Stops in reverse: no new requests, no new messages, then the last events are committed and folded.
    async fn stop(self) -> anyhow::Result<()> {
        let stopping = self.attached.stop().await;
        let switch = self.switch;
        tokio::task::spawn_blocking(move || switch.stop()).await?;
        if let Some(engine) = Arc::into_inner(self.engine) {
            tokio::task::spawn_blocking(move || engine.shutdown()).await?;
        }
        stopping.finish().await;
        // Its thread ends with the last handle, after what is in flight was flushed or given up.
        if let Some(forwarder) = self.forwarder.and_then(Arc::into_inner) {
            tokio::task::spawn_blocking(move || forwarder.stop()).await?;
        }
        Ok(())
    }
}

/// `tandem serve`.
pub async fn serve(config: Config, args: ServeArgs) -> anyhow::Result<()> {
    let node = Node::start(config).await?;
    announce(&node, !args.no_link)?;
    let signal = node::signal().await?;
    tracing::info!(signal, "stopping");
    node.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// `tandem demo`: a node, and a crowd that is a mere client of it.
pub async fn demo(mut config: Config, args: DemoArgs) -> anyhow::Result<()> {
    // Kept until the end: it removes the folder then.
    let _scratch = match &args.data_dir {
        Some(dir) => {
            config.node.data_dir = dir.clone();
            None
        }
        None => {
            let scratch = tempfile::Builder::new().prefix("tandem-demo-").tempdir().context("a folder for the demo's data")?;
            config.node.data_dir = scratch.path().join("data");
            Some(scratch)
        }
    };
    // Plain HTTP besides HTTPS, for a first look with any tool.
    config.gateway.http_listen.get_or_insert(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000));
    let node = Node::start(config).await?;
    let udp = node.listening.iter().find(|one| one.transport == Transport::Udp).context("sip.listen: the demo needs a udp: address")?;
    let stage =
        StageConfig { phones: usize::from(args.phones), seed: args.seed, ..StageConfig::new(udp.addr, node.opened.config.prompts_dir()) };
    let mut staged = stage::set(node.attached.state.parts.commands.as_ref(), &node.opened.credentials, &stage).await?;
    staged.crowd.calls_at_once = usize::from(args.calls);
    let crowd = Crowd::start(staged.crowd)?;
    let parts = &node.attached.state.parts;
    let shift = Shift::begin(parts.commands.clone(), parts.views.clone(), staged.tenant, staged.agents, args.seed);
    announce(&node, true)?;
    for line in &staged.lines {
        writeln!(std::io::stdout(), "{line}")?;
    }
    let signal = node::signal().await?;
    tracing::info!(signal, "stopping");
    shift.end().await;
    let stats = tokio::task::spawn_blocking(move || crowd.stop()).await?;
    tracing::info!(calls = stats.calls_started, answered = stats.answered, failed = stats.failed, "the crowd has gone home");
    node.stop().await
}

/// Says where the page is, and at the first start what the admin token is.
fn announce(node: &Node, link: bool) -> anyhow::Result<()> {
    let Node { opened, attached, listening, .. } = node;
    let sip: Vec<String> = listening.iter().map(|one| format!("{:?}:{}", one.transport, one.addr).to_lowercase()).collect();
    let place = |addr: Option<SocketAddr>| addr.map_or_else(|| "off".to_owned(), |addr| addr.to_string());
    let gateway = attached.gateway();
    tracing::info!(https = place(gateway.https), http = place(gateway.http), "the CC-Gateway interface is ready");
    tracing::info!(http = %attached.addr(), sip = sip.join(" "), data_dir = %opened.config.node.data_dir.display(), "ready");
    let mut out = std::io::stdout().lock();
    if let Some(token) = &opened.fresh_token {
        writeln!(out, "Admin token (shown once): {token}")?;
        if opened.config.http.token_file {
            writeln!(out, "It is also in {}, for the command line on this machine.", opened.config.token_file().display())?;
        }
    }
    if link && let Ok(link) = attached.state.link() {
        writeln!(out, "Status page (this link signs one browser in, within 15 minutes): {link}")?;
    }
    out.flush()?;
    Ok(())
}
