//! `tandem views …`

use clap::Subcommand;
use indicatif::ProgressBar;
use tandem_core::Envelope;
use tandem_core::log::LogTail;

use super::Failure;
use super::admin::say;
use crate::config::Config;
use crate::limits;
use crate::view::History;

/// `tandem views …`
#[derive(Debug, Subcommand)]
pub(super) enum ViewsCommand {
    /// Make the call history again from the event log. Stop the server first.
    Rebuild,
}

pub(super) async fn run(command: ViewsCommand, config: &Config) -> Result<(), Failure> {
    let ViewsCommand::Rebuild = command;
    // The lock of the log says whether a server runs; it is held while we work.
    let log = tandem_core::log::FileLog::open(crate::node::log_config(config)).map_err(anyhow::Error::from)?;
    let _ = std::fs::remove_file(config.node.data_dir.join("views-live.json"));
    let tail = log.tail();
    let history = History::open(&config.store_url()).await.map_err(anyhow::Error::from)?;
    history.clear().await.map_err(anyhow::Error::from)?;
    rebuild(&tail, &history).await?;
    let (calls, legs) = history.counts().await.map_err(anyhow::Error::from)?;
    history.close().await;
    say(format!("{calls} calls, {legs} legs."))
}

async fn rebuild(tail: &LogTail, history: &History) -> anyhow::Result<()> {
    let (first, end) = (tail.first()?, tail.end()?);
    let bar = ProgressBar::new(end - first);
    let mut folder = history.folder().await?;
    let mut reader = tail.reader(first);
    let mut chunk = Vec::with_capacity(limits::FOLD_EVENTS);
    while reader.position() < end {
        chunk.clear();
        while chunk.len() < limits::FOLD_EVENTS {
            let Some(record) = reader.next()? else { break };
            match Envelope::decode(record.body) {
                Ok(envelope) => chunk.push((record.offset, envelope)),
                Err(error) => tracing::warn!(offset = record.offset, %error, "an event is skipped by the read models"),
            }
        }
        history.fold(&mut folder, &chunk).await?;
        bar.set_position(reader.position() - first);
        if chunk.is_empty() {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(())
}
