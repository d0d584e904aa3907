//! `tandem cause …`: why agents rest or are busy.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::Client;
use crate::config::Config;

/// For which of both.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    /// A rest: codes 1 to 255.
    Rest,
    /// Being busy: codes 200 to 250.
    Busy,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Rest => "rest",
            Kind::Busy => "busy",
        }
    }
}

/// `tandem cause …`
#[derive(Debug, Subcommand)]
pub(super) enum CauseCommand {
    /// Set up or change a cause.
    Set {
        /// For rests or for being busy.
        kind: Kind,
        /// Its code.
        code: u8,
        /// Text for people.
        text: String,
        /// Usual length of a rest in seconds.
        #[arg(long, default_value_t = 0)]
        seconds: u32,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List causes.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove a cause.
    Remove {
        /// For rests or for being busy.
        kind: Kind,
        /// Its code.
        code: u8,
        #[command(flatten)]
        of: TenantArgs,
    },
}

pub(super) async fn run(command: CauseCommand, config: &Config) -> Result<(), Failure> {
    match command {
        CauseCommand::Set { kind, code, text, seconds, of } => {
            let path = of.path(&format!("causes/{}/{code}", kind.name()));
            let set: Value = Client::new(&of.server, config)?.put(&path, &json!({"text": text, "seconds": seconds})).await?;
            say(if of.server.json { set.to_string() } else { format!("Cause {} {code} is set.", kind.name()) })
        }
        CauseCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("causes")).await?;
            table(&items, of.server.json, &[("KIND", "/kind"), ("CODE", "/code"), ("SECONDS", "/seconds"), ("TEXT", "/text")])
        }
        CauseCommand::Remove { kind, code, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("causes/{}/{code}", kind.name()))).await?;
            say(format!("Cause {} {code} is removed.", kind.name()))
        }
    }
}
