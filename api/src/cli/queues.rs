//! `tandem queue …`

use clap::Subcommand;
use serde_json::{Map, Value, json};
use tandem_core::QueueId;

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::Client;
use crate::config::Config;

/// `tandem queue …`
#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// Set up a queue.
    #[command(after_help = SETTINGS)]
    Add {
        /// Name for people.
        name: String,
        /// Number, 1 to 5000; the lowest free one if absent.
        #[arg(long)]
        id: Option<QueueId>,
        /// A setting: FIELD=VALUE; may be given several times.
        #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = setting)]
        set: Vec<(String, Value)>,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Change a queue's settings: what is not given stays as it is.
    #[command(after_help = SETTINGS)]
    Change {
        /// Number.
        id: QueueId,
        /// A setting: FIELD=VALUE; may be given several times.
        #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = setting, required = true)]
        set: Vec<(String, Value)>,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List queues with what goes on in them.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Show a queue's settings.
    Show {
        /// Number.
        id: QueueId,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove a queue: refused while calls wait in it or a number leads to it.
    Remove {
        /// Number.
        id: QueueId,
        #[command(flatten)]
        of: TenantArgs,
    },
}

const SETTINGS: &str = "\
Settings (seconds where a name ends in _s):
  strategy=longest_idle|fewest_calls|round_robin|skill_level|ring_all
  priority=1..254  ageing_s=0..  sticky_s=0..  sticky_wait_s=0..
  max_waiting=0..10000  max_wait_s=1..60000  answer_s=5..120  wrap_up_s=0..3600  service_level_s=1..
  when_full, when_no_agent, when_late = \"stay\" | \"voicemail\" | {\"queue\":2} | {\"number\":\"600\"} | {\"release\":null} | {\"release\":\"goodbye\"}
  music=NAME  record=true|false
  announcements={\"every_s\":30,\"position\":true,\"estimated_wait\":true,\"language\":\"en\"|\"zh\",\"agent_number\":true,\"greeting\":\"welcome\"}

Examples:
  tandem queue add support --tenant shop --set strategy=skill_level --set record=true
  tandem queue change 1 --tenant shop --set 'when_late={\"queue\":2}' --set max_wait_s=120";

/// `record=true`, `name=Ann`, `when_late={"queue":2}`: JSON if it is, else text.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (field, value) = text.split_once('=').ok_or_else(|| format!("`{text}`: expected FIELD=VALUE"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((field.to_owned(), value))
}

pub(super) async fn run(command: QueueCommand, config: &Config) -> Result<(), Failure> {
    match command {
        QueueCommand::Add { name, id, set, of } => {
            let mut body: Map<String, Value> = set.into_iter().collect();
            body.insert("name".to_owned(), json!(name));
            if let Some(id) = id {
                body.insert("id".to_owned(), json!(id));
            }
            let made: Value = Client::new(&of.server, config)?.post(&of.path("queues"), &body).await?;
            let id = made.pointer("/queue/id").cloned().unwrap_or_default();
            say(if of.server.json { made.to_string() } else { format!("Queue {id} ({name}) is set up.") })
        }
        QueueCommand::Change { id, set, of } => {
            let client = Client::new(&of.server, config)?;
            let path = of.path(&format!("queues/{id}"));
            let mut known: Value = client.get(&path).await?;
            let mut body: Map<String, Value> =
                known.get_mut("queue").and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default();
            for (field, value) in set {
                // Announcements are given in part, too.
                match (body.get_mut(&field), value) {
                    (Some(Value::Object(old)), Value::Object(new)) if field == "announcements" => old.extend(new),
                    (_, value) => drop(body.insert(field, value)),
                }
            }
            let changed: Value = client.put(&path, &body).await?;
            say(if of.server.json { changed.to_string() } else { format!("Queue {id} is changed.") })
        }
        QueueCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("queues")).await?;
            let columns = [
                ("QUEUE", "/queue/id"),
                ("NAME", "/queue/name"),
                ("STRATEGY", "/queue/strategy"),
                ("WAITING", "/waiting"),
                ("SINCE", "/waiting_since"),
                ("AGENTS", "/agents"),
                ("AVAILABLE", "/available"),
                ("IN CALLS", "/in_calls"),
                ("RESTING", "/resting"),
            ];
            table(&items, of.server.json, &columns)
        }
        QueueCommand::Show { id, of } => {
            let known: Value = Client::new(&of.server, config)?.get(&of.path(&format!("queues/{id}"))).await?;
            say(if of.server.json { known.to_string() } else { serde_json::to_string_pretty(&known).unwrap_or_default() })
        }
        QueueCommand::Remove { id, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("queues/{id}"))).await?;
            say(format!("Queue {id} is removed."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_json_where_it_can_be() {
        assert_eq!(setting("record=true"), Ok(("record".into(), json!(true))));
        assert_eq!(setting("strategy=round_robin"), Ok(("strategy".into(), json!("round_robin"))));
        assert_eq!(setting(r#"when_late={"queue":2}"#), Ok(("when_late".into(), json!({"queue": 2}))));
        assert!(setting("record").unwrap_err().contains("FIELD=VALUE"));
    }
}
