//! `tandem agent …`

use clap::Subcommand;
use serde_json::{Map, Value, json};
use tandem_core::{UserName, WorkNumber};

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::Client;
use crate::config::Config;

/// Settings that are given when an agent is set up or changed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Settings {
    /// Name for people.
    #[arg(long)]
    name: Option<String>,
    /// May listen, whisper, join, take over and force states.
    #[arg(long)]
    supervisor: bool,
    /// Name for signing in instead of the number.
    #[arg(long)]
    account: Option<String>,
    /// Softphone to use; without it one is set up whose user name is the work number.
    #[arg(long)]
    phone: Option<UserName>,
    /// Queue that it may serve: QUEUE or QUEUE:LEVEL (1 is best); may be given several times.
    #[arg(long = "queue", value_name = "QUEUE[:LEVEL]", value_parser = skill)]
    queues: Vec<Value>,
    /// Group it belongs to.
    #[arg(long)]
    group: Option<u16>,
}

fn skill(text: &str) -> Result<Value, String> {
    let (queue, level) = text.split_once(':').unwrap_or((text, "1"));
    match (queue.parse::<u16>(), level.parse::<u8>()) {
        (Ok(queue @ 1..=5000), Ok(level @ 1..=100)) => Ok(json!({"queue": queue, "level": level})),
        _ => Err(format!("`{text}`: expected a queue's number (1 to 5000), and a level of 1 to 100 after a colon")),
    }
}

impl Settings {
    /// Lays what was given over what is there.
    fn over(&self, settings: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                settings.insert(key.to_owned(), value);
            }
        };
        put("name", self.name.as_ref().map(|name| json!(name)));
        put("role", self.supervisor.then(|| json!("supervisor")));
        put("account", self.account.as_ref().map(|account| json!(account)));
        put("phone", self.phone.as_ref().map(|phone| json!(phone)));
        put("skills", (!self.queues.is_empty()).then(|| json!(self.queues)));
        put("group", self.group.map(|group| json!(group)));
    }
}

/// `tandem agent …`
#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Set up an agent with a softphone; prints both passwords once.
    #[command(after_help = "Examples:\n  tandem agent add --tenant shop --name 'Ann Lee' --queue 1 --queue 2:5\n  \
        tandem agent add 201 --tenant shop --name 'Bo Berg' --supervisor")]
    Add {
        /// Work number, 101 to 999999; the lowest free one if absent.
        number: Option<WorkNumber>,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Change an agent: what is not given stays as it is.
    Change {
        /// Work number.
        number: WorkNumber,
        /// An ordinary agent again.
        #[arg(long, conflicts_with = "supervisor")]
        no_supervisor: bool,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List agents with what they do now.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove an agent: ends its session.
    Remove {
        /// Work number.
        number: WorkNumber,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Give agents new passwords; prints each once.
    Reset {
        /// Work numbers; without any, all agents of the tenant.
        numbers: Vec<WorkNumber>,
        /// Reset their softphones' passwords, too.
        #[arg(long)]
        phones: bool,
        #[command(flatten)]
        of: TenantArgs,
    },
}

pub(super) async fn run(command: AgentCommand, config: &Config) -> Result<(), Failure> {
    match command {
        AgentCommand::Add { number, settings, of } => {
            let mut body = Map::new();
            if let Some(number) = number {
                body.insert("number".to_owned(), json!(number));
            }
            body.insert("name".to_owned(), json!(number.map_or_else(|| "Agent".to_owned(), |number| format!("Agent {number}"))));
            settings.over(&mut body);
            let made: Value = Client::new(&of.server, config)?.post(&of.path("agents"), &body).await?;
            passwords(&[made], of.server.json)
        }
        AgentCommand::Change { number, no_supervisor, settings, of } => {
            let client = Client::new(&of.server, config)?;
            let path = of.path(&format!("agents/{number}"));
            let mut body: Map<String, Value> = client.get(&path).await?;
            for shown in ["number", "has_password", "session"] {
                body.remove(shown);
            }
            settings.over(&mut body);
            if no_supervisor {
                body.insert("role".to_owned(), json!("agent"));
            }
            let changed: Value = client.put(&path, &body).await?;
            say(if of.server.json { changed.to_string() } else { format!("Agent {number} is changed.") })
        }
        AgentCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("agents")).await?;
            let columns = [
                ("AGENT", "/number"),
                ("NAME", "/name"),
                ("ROLE", "/role"),
                ("PHONE", "/phone"),
                ("STATE", "/session/state"),
                ("SINCE", "/session/state_since"),
                ("QUEUES", "/session/queues"),
                ("CALLS", "/session/calls_taken"),
            ];
            table(&items, of.server.json, &columns)
        }
        AgentCommand::Remove { number, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("agents/{number}"))).await?;
            say(format!("Agent {number} is removed."))
        }
        AgentCommand::Reset { numbers, phones, of } => reset(numbers, phones, &of, config).await,
    }
}

/// All at once or in portions that a request may have.
async fn reset(numbers: Vec<WorkNumber>, phones: bool, of: &TenantArgs, config: &Config) -> Result<(), Failure> {
    let client = Client::new(&of.server, config)?;
    let mut wanted: Vec<Value> = numbers.iter().map(|number| json!(number)).collect();
    if wanted.is_empty() {
        wanted = all(&client, &of.path("agents")).await?.iter().filter_map(|agent| agent.get("number").cloned()).collect();
    }
    let mut made = Vec::new();
    for portion in wanted.chunks(100) {
        let more: Vec<Value> = client.post(&of.path("agents:reset"), &json!({"numbers": portion, "phones": phones})).await?;
        made.extend(more);
    }
    passwords(&made, of.server.json)?;
    match made.iter().filter(|one| one.get("error").is_some()).count() {
        0 => Ok(()),
        refused => Err(Failure::Rows(refused)),
    }
}

fn passwords(made: &[Value], json: bool) -> Result<(), Failure> {
    let columns = [
        ("AGENT", "/number"),
        ("PASSWORD", "/password"),
        ("PHONE", "/phone"),
        ("PHONE PASSWORD", "/phone_password"),
        ("REALM", "/realm"),
        ("REFUSED", "/error"),
    ];
    table(made, json, &columns)?;
    if !json {
        say("Passwords are not stored in plain: note them now.")?;
    }
    Ok(())
}
