//! `tandem explain CALL`: why this agent, or why the call still waits.

use serde_json::Value;
use tandem_core::CallId;

use super::Failure;
use super::admin::{TenantArgs, say};
use super::client::Client;
use crate::config::Config;

/// Options of `tandem explain`.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// The call.
    call: CallId,
    #[command(flatten)]
    of: TenantArgs,
}

pub(super) async fn run(args: ExplainArgs, config: &Config) -> Result<(), Failure> {
    let ExplainArgs { call, of } = args;
    let known: Value = Client::new(&of.server, config)?.get(&of.path(&format!("calls/{call}/explain"))).await?;
    if of.server.json {
        return say(known);
    }
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let decisions = known.get("decisions").and_then(Value::as_array).cloned().unwrap_or_default();
    if decisions.is_empty() {
        say("No queue and no agent had to do with this call.")?;
    }
    for decided in &decisions {
        say(format!("{}  {}", text(decided, "time"), text(decided, "text")))?;
    }
    let Some(waiting) = known.get("waiting") else { return Ok(()) };
    let number = |key: &str| waiting.get(key).and_then(Value::as_u64).unwrap_or(0);
    say(format!(
        "Waits now in queue {}, place {} of {}, for {} s.",
        number("queue"),
        number("position"),
        number("waiting"),
        number("waited_ms") / 1000
    ))?;
    if let Some(estimated) = waiting.get("estimated_ms").and_then(Value::as_u64) {
        say(format!("Estimated to take {} s more.", estimated / 1000))?;
    }
    for agent in waiting.get("agents").and_then(Value::as_array).into_iter().flatten() {
        let obstacle = agent.get("obstacle").cloned().unwrap_or_default();
        let obstacle = obstacle.as_str().map_or_else(|| obstacle.to_string(), |word| word.replace('_', " "));
        say(format!("  agent {}: {obstacle}", agent.get("agent").cloned().unwrap_or_default()))?;
    }
    Ok(())
}
