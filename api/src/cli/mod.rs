//! What `tandem` understands on its command line.

mod admin;
mod agents;
mod campaign;
mod causes;
mod client;
mod events;
mod explain;
mod import;
mod keys;
mod pacing_adapter;
mod phones;
mod prompts;
mod queues;
mod trunks;
mod views;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::compose;
use crate::config::{self, ConfigError, Loaded};
use crate::observe;

pub use client::{CallError, Client};

const AFTER: &str = "\
Examples:
  tandem serve --config /etc/tandem/tandem.toml
  tandem tenant add shop --domain shop.example
  tandem phone import phones.csv --tenant shop --out passwords.csv
  tandem queue add support --tenant shop --set record=true
  tandem agent add --tenant shop --name 'Ann Lee' --queue 1
  tandem number add 600 queue:1 --tenant shop
  tandem events tail --tenant shop --kind call.

Configuration: defaults, then the file, then environment variables TANDEM_<SECTION>__<KEY> (see tandem.example.toml).

Exit codes: 0 done; 1 failed; 2 wrong command line; 3 wrong configuration; 4 the server can't be reached;
5 the server refused; 6 some rows of an import were refused.";

/// An open, self-hosted contact centre.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, about, after_help = AFTER, max_term_width = 110)]
pub struct Cli {
    /// Configuration file; without it `tandem.toml` here, if there is one.
    #[arg(long, short, global = true, env = "TANDEM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Do,
}

#[derive(Debug, Subcommand)]
enum Do {
    /// Run the node: engine, signalling, media, API.
    Serve(ServeArgs),
    /// Run a node with a demo tenant whose simulated phones and callers use the real ports on loopback.
    Demo(DemoArgs),
    /// Check the configuration and show what is in force, secrets masked.
    Check,
    /// Look at the event log; works while the node runs.
    #[command(subcommand)]
    Events(events::Events),
    /// Look after the read models.
    #[command(subcommand)]
    Views(views::ViewsCommand),
    /// Tenants.
    #[command(subcommand)]
    Tenant(admin::TenantCommand),
    /// Phones of a tenant.
    #[command(subcommand)]
    Phone(phones::PhoneCommand),
    /// Agents of a tenant: people at positions.
    #[command(subcommand)]
    Agent(agents::AgentCommand),
    /// Queues of a tenant: where callers wait.
    #[command(subcommand)]
    Queue(queues::QueueCommand),
    /// Why this agent got a call, or why it still waits.
    Explain(explain::ExplainArgs),
    /// What callers hear.
    #[command(subcommand)]
    Prompt(prompts::PromptCommand),
    /// Causes for rests and for being busy.
    #[command(subcommand)]
    Cause(causes::CauseCommand),
    /// Access keys that sign requests of the published interfaces.
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// SIP trunks of a tenant.
    #[command(subcommand)]
    Trunk(trunks::TrunkCommand),
    /// Access numbers of a tenant.
    #[command(subcommand)]
    Number(admin::NumberCommand),
    /// Outbound campaigns.
    #[command(subcommand)]
    Campaign(campaign::CampaignCommand),
    /// Judge the pacing policy: speak the line protocol for simulators on standard input and output.
    PacingAdapter,
}

/// Options of `tandem serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Don't print a link that signs a browser in.
    #[arg(long)]
    pub no_link: bool,
}

/// Options of `tandem demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Simulated phones.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(2..=100))]
    pub phones: u16,
    /// Calls that they have going at once.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub calls: u16,
    /// Their mood: the same number, the same day.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder for the demo's data; without it a folder that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// How a command ended, beside well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The server can't be reached, or refused.
    #[error("{0}")]
    Call(#[from] CallError),
    /// Rows were refused.
    #[error("{0} rows were refused")]
    Rows(usize),
    /// Anything else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Other(error.into())
    }
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Failure::Other(_) => 1,
            Failure::Config(_) => 3,
            Failure::Call(CallError::Unreachable { .. } | CallError::NoToken { .. } | CallError::Url(_)) => 4,
            Failure::Call(_) => 5,
            Failure::Rows(_) => 6,
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // A closed pipe (`tandem events tail | head`) is no failure.
        Err(Failure::Other(error)) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "tandem: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe))
}

fn run(cli: Cli) -> Result<(), Failure> {
    let loaded = load(cli.config.as_deref())?;
    match cli.command {
        Do::Serve(args) => {
            observe::log(&loaded.config.output);
            runtime()?.block_on(compose::serve(loaded.config, args)).map_err(Failure::Other)
        }
        Do::Demo(args) => {
            observe::log(&loaded.config.output);
            runtime()?.block_on(compose::demo(loaded.config, args)).map_err(Failure::Other)
        }
        Do::Check => check(&loaded),
        Do::Events(command) => events::run(command, &loaded.config),
        Do::Views(command) => runtime()?.block_on(views::run(command, &loaded.config)),
        Do::Tenant(command) => runtime()?.block_on(admin::tenant(command, &loaded.config)),
        Do::Phone(command) => runtime()?.block_on(phones::run(command, &loaded.config)),
        Do::Agent(command) => runtime()?.block_on(agents::run(command, &loaded.config)),
        Do::Queue(command) => runtime()?.block_on(queues::run(command, &loaded.config)),
        Do::Explain(args) => runtime()?.block_on(explain::run(args, &loaded.config)),
        Do::Prompt(command) => runtime()?.block_on(prompts::run(command, &loaded.config)),
        Do::Cause(command) => runtime()?.block_on(causes::run(command, &loaded.config)),
        Do::Key(command) => runtime()?.block_on(keys::run(command, &loaded.config)),
        Do::Trunk(command) => runtime()?.block_on(trunks::run(command, &loaded.config)),
        Do::Number(command) => runtime()?.block_on(admin::number(command, &loaded.config)),
        Do::Campaign(command) => campaign::run(command),
        Do::PacingAdapter => pacing_adapter::run(),
    }
}

fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
    let default = Path::new("tandem.toml");
    let file = file.or_else(|| default.is_file().then_some(default));
    config::load(file)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("api").build()?)
}

fn check(loaded: &Loaded) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match &loaded.file {
        Some(file) => writeln!(out, "# {} is fine.", file.display())?,
        None => writeln!(out, "# No file; these are the defaults.")?,
    }
    if !loaded.variables.is_empty() {
        writeln!(out, "# Set by the environment: {}", loaded.variables.join(", "))?;
    }
    writeln!(out, "\n{}", loaded.config.shown())?;
    Ok(())
}
