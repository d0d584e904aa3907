//! `/api/v1/tenants/{tenant}/calls/{call}/explain`: why this agent, or why the call still waits.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_core::engine::{Clock, SystemClock};
use tandem_core::event::CallEvent;
use tandem_core::queue::{Choice, ChoiceRule, Entry, Leaving};
use tandem_core::{CallId, Envelope, Event, TenantId, Timestamp};
use utoipa::ToSchema;

use super::{calls, parse};
use crate::http::extract::{Json, Path};
use crate::http::{AppState, Problem};

/// What was decided for a call, and what it waits for now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Decisions in order: where it waited, whom it was offered to and why, how that ended.
    pub decisions: Vec<Decided>,
    /// If it waits: its place, how long it may take, and what stands between it and each agent of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub waiting: Option<Value>,
}

/// One decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Kind of the event.
    pub kind: String,
    /// In words.
    pub text: String,
    /// The event's data.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// Explains a call.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/calls/{call}/explain", operation_id = "explainCall", tag = "calls",
    params(("tenant" = String, Path), ("call" = String, Path)),
    responses((status = 200, body = Explanation), (status = "default", body = Problem)))]
pub async fn explain(State(state): State<AppState>, Path((tenant, call)): Path<(String, String)>) -> Result<Json<Explanation>, Problem> {
    let (tenant, call): (TenantId, CallId) = (parse("tenant", &tenant)?, parse("call", &call)?);
    let (_, _, events, _) = calls::recorded(&state, &tenant, call).await?;
    let decisions = events.iter().filter_map(|raw| decided(&Envelope::decode(raw.get().as_bytes()).ok()?, raw.get())).collect();
    let waiting = state.mirror(&tenant, |tenant| tenant.explain_waiting(SystemClock.now(), call))?;
    let waiting = waiting.map(serde_json::to_value).transpose().map_err(|error| Problem::internal("the explanation", &error))?;
    Ok(Json(Explanation { decisions, waiting }))
}

fn decided(envelope: &Envelope, raw: &str) -> Option<Decided> {
    let Event::Call(_, event) = &envelope.event else { return None };
    let text = in_words(event)?;
    let data = serde_json::from_str::<Value>(raw).ok()?.get_mut("data").map(Value::take).unwrap_or_default();
    Some(Decided { time: envelope.time, kind: envelope.event.kind().to_owned(), text, data })
}

fn in_words(event: &CallEvent) -> Option<String> {
    Some(match event {
        CallEvent::Queued(it) => {
            let why = match &it.entry {
                Entry::Arrived => "it arrived at a number that leads there".to_owned(),
                Entry::HandedOver(agent) => format!("agent {agent} handed it over"),
                Entry::Overflowed(queue) => format!("it overflowed from queue {queue}"),
                Entry::AskedBy(agent) => format!("agent {agent} asked for somebody there"),
                Entry::Put => "it was put there".to_owned(),
            };
            let sticky = it.sticky.map(|agent| format!(", at first only for its last agent {agent}")).unwrap_or_default();
            format!("waits in queue {} at place {} with priority {}: {why}{sticky}", it.queue, it.position, it.priority)
        }
        CallEvent::Offered(it) => match &it.choice {
            Some(choice) => format!("offered to agent {}: {}", it.agent, reason(choice)),
            None => format!("agent {} began it", it.agent),
        },
        CallEvent::AgentAlerting(it) => format!("agent {}'s phone is up; it is asked to answer", it.agent),
        CallEvent::AgentJoined(it) => format!("agent {} talks{}", it.agent, if it.auto { " (automatic answering)" } else { "" }),
        CallEvent::AgentLeft(it) => format!("agent {} is out of it: {}", it.agent, word(&it.end)),
        CallEvent::Dequeued(it) => {
            let how = match &it.leaving {
                Leaving::Answered(agent) => format!("agent {agent} took it"),
                Leaving::Abandoned => "the caller gave up".to_owned(),
                Leaving::Overflowed { rule, to } => format!("overflow ({}) to {}", word(rule), word(to)),
                Leaving::Cancelled => "the wish was taken back".to_owned(),
                Leaving::Ended => "it ended".to_owned(),
            };
            format!("left queue {} after {}: {how}", it.queue, seconds(it.waited_ms))
        }
        _ => return None,
    })
}

fn reason(choice: &Choice) -> String {
    let rule = match choice.rule {
        ChoiceRule::Strategy(strategy) => format!("strategy {}", word(&strategy)),
        ChoiceRule::Sticky => "the caller's last agent".to_owned(),
        ChoiceRule::Asked => "somebody asked for this agent".to_owned(),
        ChoiceRule::Taken => "the agent took it itself".to_owned(),
    };
    let seen: Vec<String> = choice
        .candidates
        .iter()
        .map(|one| format!("{} (level {}, ready for {}, {} calls)", one.agent, one.level, seconds(one.idle_ms), one.calls))
        .collect();
    let seen = if seen.is_empty() { String::new() } else { format!("; looked at {}", seen.join(", ")) };
    format!("{rule}; {} ready, {} waiting, had waited {}{seen}", choice.ready, choice.waiting, seconds(choice.waited_ms))
}

/// The name that the API uses for it.
fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(text)) => text.replace('_', " "),
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_core::WorkNumber;
    use tandem_core::queue::{Candidate, Strategy};

    #[test]
    fn a_choice_names_its_rule_and_whom_it_looked_at() {
        let agent = WorkNumber::new(101).unwrap();
        let choice = Choice {
            rule: ChoiceRule::Strategy(Strategy::LongestIdle),
            ready: 2,
            candidates: vec![Candidate { agent, level: 1, idle_ms: 12_340, calls: 3 }],
            waited_ms: 900,
            waiting: 1,
        };
        let text = reason(&choice);
        assert_eq!(text, "strategy longest idle; 2 ready, 1 waiting, had waited 0.9 s; looked at 101 (level 1, ready for 12.3 s, 3 calls)");
    }
}
