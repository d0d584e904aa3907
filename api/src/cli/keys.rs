//! `tandem key …`: access keys that sign requests of the published interfaces.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::{Client, segment};
use crate::config::Config;

/// `tandem key …`
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make an access key; prints its secret once.
    Add {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List access keys.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove one: what it signs is refused from now on.
    Remove {
        /// The AK.
        ak: String,
        #[command(flatten)]
        of: TenantArgs,
    },
}

pub(super) async fn run(command: KeyCommand, config: &Config) -> Result<(), Failure> {
    match command {
        KeyCommand::Add { of } => {
            let made: Value = Client::new(&of.server, config)?.post(&of.path("keys"), &json!({})).await?;
            if of.server.json {
                return say(made);
            }
            let text = |key: &str| made.get(key).and_then(Value::as_str).unwrap_or_default();
            say(format!("AK {}\nSK {}\nThe SK is never shown again: note it now.", text("ak"), text("sk")))
        }
        KeyCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("keys")).await?;
            table(&items, of.server.json, &[("AK", "/ak"), ("CREATED", "/created")])
        }
        KeyCommand::Remove { ak, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("keys/{}", segment(&ak)))).await?;
            say(format!("{ak} is removed."))
        }
    }
}
