//! `tandem tenant …`, `tandem number …`, and what these commands share.

use std::io::Write;

use clap::Subcommand;
use serde_json::{Value, json};
use tandem_core::{Destination, Number, TenantId, UserName};

use super::Failure;
use super::client::{Client, ServerArgs, segment};
use crate::config::Config;

/// Prints a line.
pub(super) fn say(text: impl std::fmt::Display) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// Reads all pages of a list.
pub(super) async fn all(client: &Client, path: &str) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let mut page: Value = client.get(&format!("{path}?limit=500{after}")).await?;
        if let Some(Value::Array(list)) = page.get_mut("items").map(Value::take) {
            items.extend(list);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={}", segment(next)),
            None => return Ok(items),
        }
    }
}

/// Prints a list: JSON lines, or columns.
pub(super) fn table(items: &[Value], json: bool, columns: &[(&str, &str)]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        for item in items {
            writeln!(out, "{item}")?;
        }
        return Ok(());
    }
    let cell = |item: &Value, pointer: &str| match item.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            list.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect::<Vec<_>>().join(",")
        }
        Some(value) => value.to_string(),
    };
    let rows: Vec<Vec<String>> = items.iter().map(|item| columns.iter().map(|(_, pointer)| cell(item, pointer)).collect()).collect();
    let width = |column: usize, title: &str| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0).max(title.len())
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(|(column, (title, _))| width(column, title)).collect();
    let titles: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    for row in std::iter::once(&titles).chain(&rows) {
        let line: Vec<String> = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}

/// `tandem tenant …`
#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Begin a tenant.
    Add {
        /// Its id: a-z, 0-9 and `-`.
        tenant: TenantId,
        /// Name for people.
        #[arg(long)]
        name: Option<String>,
        /// SIP domain of its phones; may be given several times.
        #[arg(long = "domain", value_name = "DOMAIN")]
        domains: Vec<String>,
        /// Most calls at once.
        #[arg(long, default_value_t = 10_000)]
        max_calls: u32,
        /// Seconds a called phone or trunk may ring.
        #[arg(long, default_value_t = 60)]
        ring_timeout_s: u32,
        /// Most agents signed in at once.
        #[arg(long, default_value_t = 1000)]
        max_agents: u32,
        /// Its number (VDN) in the published interfaces, 1 to 5000.
        #[arg(long)]
        vdn: Option<u16>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List tenants.
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a tenant: ends its calls and registrations, forgets its passwords; its history stays.
    Remove {
        /// Its id.
        tenant: TenantId,
        #[command(flatten)]
        server: ServerArgs,
    },
}

pub(super) async fn tenant(command: TenantCommand, config: &Config) -> Result<(), Failure> {
    match command {
        TenantCommand::Add { tenant, name, domains, max_calls, ring_timeout_s, max_agents, vdn, server } => {
            let body = json!({"tenant": tenant, "name": name, "domains": domains, "max_calls": max_calls, "ring_timeout_s": ring_timeout_s,
                "centre": {"max_agents": max_agents, "vdn": vdn}});
            let made: Value = Client::new(&server, config)?.post("/api/v1/tenants", &body).await?;
            say(if server.json { made.to_string() } else { format!("Tenant {tenant} begins.") })
        }
        TenantCommand::List { server } => {
            let items = all(&Client::new(&server, config)?, "/api/v1/tenants").await?;
            table(&items, server.json, &[("TENANT", "/tenant"), ("NAME", "/name"), ("DOMAINS", "/domains"), ("MAX CALLS", "/max_calls")])
        }
        TenantCommand::Remove { tenant, server } => {
            Client::new(&server, config)?.delete(&format!("/api/v1/tenants/{tenant}")).await?;
            say(format!("Tenant {tenant} is removed."))
        }
    }
}

/// `tandem number …`
#[derive(Debug, Subcommand)]
pub(super) enum NumberCommand {
    /// Set up an access number.
    #[command(after_help = "Examples:\n  tandem number add 600 echo --tenant shop\n  tandem number add 601 tone:440 --tenant shop\n  \
        tandem number add +4930123 phone:1001 --tenant shop\n  tandem number add +4930124 queue:1 --tenant shop\n  tandem number add 602 prompt:welcome --tenant shop")]
    Add {
        /// The number as it is dialled.
        number: Number,
        /// `phone:USER`, `queue:NUMBER`, `agent:NUMBER`, `voicemail:QUEUE`, `echo`, `tone:HERTZ` or `prompt:NAME`.
        #[arg(value_parser = destination)]
        destination: Destination,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List access numbers.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove an access number.
    Remove {
        /// The number.
        number: Number,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Set up many access numbers from a CSV file with the columns number,destination.
    Import {
        /// The file; `-` reads standard input.
        file: std::path::PathBuf,
        #[command(flatten)]
        of: TenantArgs,
    },
}

/// Which tenant, on which server.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TenantArgs {
    /// The tenant.
    #[arg(long, short, env = "TANDEM_TENANT")]
    pub(super) tenant: TenantId,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

impl TenantArgs {
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/api/v1/tenants/{}/{rest}", self.tenant)
    }
}

/// Reads `phone:1001`, `echo`, `tone:440`, `prompt:welcome`.
pub(super) fn destination(text: &str) -> Result<Destination, String> {
    let rule = || {
        format!(
            "`{text}` is no destination: expected phone:USER, queue:NUMBER, agent:NUMBER, voicemail:QUEUE, echo, tone:HERTZ or prompt:NAME"
        )
    };
    match text.split_once(':') {
        None if text == "echo" => Ok(Destination::Echo),
        Some(("phone", user)) => UserName::new(user).map(Destination::Phone).map_err(|error| error.to_string()),
        Some(("tone", hertz)) => match hertz.parse() {
            Ok(hertz @ 100..=4000) => Ok(Destination::Tone(tandem_core::Tone::Sine(hertz))),
            _ => Err(format!("`{hertz}` is no tone: expected 100 to 4000 Hz")),
        },
        Some(("queue", queue)) => queue.parse().map(Destination::Queue).map_err(|error: tandem_core::id::IdError| error.to_string()),
        Some(("agent", agent)) => agent.parse().map(Destination::Agent).map_err(|error: tandem_core::id::IdError| error.to_string()),
        Some(("voicemail", queue)) => {
            queue.parse().map(Destination::Voicemail).map_err(|error: tandem_core::id::IdError| error.to_string())
        }
        Some(("prompt", name)) if !name.is_empty() => Ok(Destination::Prompt(name.into())),
        _ => Err(rule()),
    }
}

pub(super) async fn number(command: NumberCommand, config: &Config) -> Result<(), Failure> {
    match command {
        NumberCommand::Add { number, destination, of } => {
            let body = json!({"number": number, "destination": destination});
            let made: Value = Client::new(&of.server, config)?.post(&of.path("numbers"), &body).await?;
            say(if of.server.json { made.to_string() } else { format!("{number} leads there now.") })
        }
        NumberCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("numbers")).await?;
            table(&items, of.server.json, &[("NUMBER", "/number"), ("DESTINATION", "/destination")])
        }
        NumberCommand::Remove { number, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("numbers/{}", segment(number.as_str())))).await?;
            say(format!("{number} is removed."))
        }
        NumberCommand::Import { file, of } => super::import::numbers(&file, &of, config).await,
    }
}
