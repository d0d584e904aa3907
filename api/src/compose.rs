//! Puts the program together: opens what is stored, starts the engine, the views and HTTP, and stops them in reverse.

use std::io::Write;
use std::sync::Arc;

use tandem_core::engine::{EffectSink, Engine, SystemClock};
use tandem_core::{Effect, TenantId};

use crate::cli::{DemoArgs, ServeArgs};
use crate::config::Config;
use crate::node::{self, Attached, Opened};

/// Takes effects while there is no switch: they are counted, and nothing is sent.
#[derive(Debug)]
struct NoSwitch;

impl EffectSink for NoSwitch {
    fn release(&self, _: &TenantId, effects: Vec<Effect>) {
        metrics::counter!("tandem_effects_without_switch_total").increment(effects.len() as u64);
    }
}

/// `tandem serve`.
pub async fn serve(config: Config, args: ServeArgs) -> anyhow::Result<()> {
    let (opened, log) = node::open(config).await?;
    let engine_config = node::engine_config(&opened.config);
    // Recovery reads the whole log: not on an async thread.
    let engine =
        tokio::task::spawn_blocking(move || Engine::start(engine_config, log, Arc::new(NoSwitch), Arc::new(SystemClock))).await??;
    let engine = Arc::new(engine);
    let attached = node::attach(&opened, &engine, None).await?;
    announce(&opened, &attached, !args.no_link)?;
    let signal = node::signal().await?;
    tracing::info!(signal, "stopping");
    let stopping = attached.stop().await;
    if let Some(engine) = Arc::into_inner(engine) {
        tokio::task::spawn_blocking(move || engine.shutdown()).await?;
    }
    stopping.finish().await;
    tracing::info!("stopped");
    Ok(())
}

/// `tandem demo`.
pub async fn demo(config: Config, args: DemoArgs) -> anyhow::Result<()> {
    let _ = (config, args);
    anyhow::bail!("the demo needs the switch, which is not part of this build yet: use `tandem serve`")
}

/// Says where the page is, and at the first start what the admin token is.
fn announce(opened: &Opened, attached: &Attached, link: bool) -> anyhow::Result<()> {
    tracing::info!(http = %attached.addr(), data_dir = %opened.config.node.data_dir.display(), "ready");
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
