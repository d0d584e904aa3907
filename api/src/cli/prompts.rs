//! `tandem prompt …`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::{Client, segment};
use crate::config::Config;

/// `tandem prompt …`
#[derive(Debug, Subcommand)]
pub(super) enum PromptCommand {
    /// Upload a WAV or Ogg Opus file; it is checked and converted once.
    Add {
        /// Its name: A-Z, a-z, 0-9 and `-_`.
        name: String,
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List prompts.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove a prompt.
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        of: TenantArgs,
    },
}

pub(super) async fn run(command: PromptCommand, config: &Config) -> Result<(), Failure> {
    match command {
        PromptCommand::Add { name, file, of } => {
            let bytes = std::fs::read(&file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
            let path = of.path(&format!("prompts/{}", segment(&name)));
            let made: Value = Client::new(&of.server, config)?.upload(&path, bytes).await?;
            let ms = made.get("duration_ms").and_then(Value::as_u64).unwrap_or(0);
            say(if of.server.json { made.to_string() } else { format!("Prompt {name}: {}.{} s.", ms / 1000, ms % 1000 / 100) })
        }
        PromptCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("prompts")).await?;
            table(&items, of.server.json, &[("PROMPT", "/name"), ("MILLISECONDS", "/duration_ms"), ("UPLOADED", "/uploaded")])
        }
        PromptCommand::Remove { name, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("prompts/{}", segment(&name)))).await?;
            say(format!("Prompt {name} is removed."))
        }
    }
}
