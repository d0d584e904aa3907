//! History indicators from the settlement of five minutes (cc-cms.md 5).

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::envelope::{Answer, Failure};
use super::{Ask, VOICE, now};
use crate::limits;
use crate::view::history::{CallQuery, CounterQuery, SLOT, Scope, WITHIN, slot};

/// A day in microseconds. Days are UTC days: a tenant has no time zone yet.
pub(super) const DAY: i64 = 86_400_000_000;

/// What was counted, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(HashMap<String, i64>);

/// The two counts that most answers begin with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) request: i64,
    pub(super) connected: i64,
}

impl Counts {
    /// How often; 0 if never.
    pub(super) fn count(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    pub(super) fn head(&self) -> Sums {
        Sums { request: self.count("request"), connected: self.count("connected") }
    }

    /// Connected within so many seconds, one of [`WITHIN`].
    pub(super) fn connected_within(&self, seconds: i64) -> i64 {
        self.within("connected_le_", seconds)
    }

    fn within(&self, name: &str, seconds: i64) -> i64 {
        WITHIN.iter().filter(|step| **step <= seconds).map(|step| self.count(&format!("{name}{step}"))).sum()
    }
}

/// By queue, agent, or 0 for the tenant.
#[derive(Debug, Clone, Default)]
pub(super) struct ById(pub(super) BTreeMap<i64, Counts>);

impl ById {
    pub(super) fn get(&self, id: i64) -> Counts {
        self.0.get(&id).cloned().unwrap_or_default()
    }
}

/// Sums of these ids over a range of settled five minutes.
pub(super) async fn sums(ask: &Ask<'_>, scope: Scope, ids: &[i64], range: (i64, i64)) -> Result<ById, Failure> {
    let query = CounterQuery { scope, ids: Some(ids), from: range.0, to: range.1 };
    let rows = ask.state.parts.views.history.sums(&ask.tenant, &query).await;
    let mut by_id = ById::default();
    for row in rows.map_err(|error| Failure::failed("the history", &error))? {
        by_id.0.entry(row.id).or_default().0.insert(row.name, row.value);
    }
    Ok(by_id)
}

/// The value of a tenant's indicator.
fn of_tenant(name: &str, counts: &Counts, by_minute: bool) -> Option<i64> {
    let (inbound, outbound) = (counts.count("inbound"), counts.count("outbound"));
    let (inbound_up, outbound_up) = (counts.count("inbound_connected"), counts.count("outbound_connected"));
    Some(match name {
        // Documented as available by minute only.
        "IDX_COUNT_TOTAL_CALL" if by_minute => inbound + outbound,
        "IDX_COUNT_CONNECTED_CALL" => inbound_up + outbound_up,
        "IDX_COUNT_ABANDONED_CALL" => inbound + outbound - inbound_up - outbound_up,
        "IDX_COUNT_INBOUND_CALL" => inbound,
        "IDX_COUNT_INBOUND_CONNECTED" => inbound_up,
        "IDX_COUNT_OUTBOUND_CALL" => outbound,
        _ => return None,
    })
}

/// The value of a queue's indicator.
fn of_queue(name: &str, counts: &Counts, by_minute: bool) -> Option<i64> {
    let within = |prefix: &str| name.strip_prefix(prefix)?.parse().ok().filter(|seconds| WITHIN.contains(seconds));
    if let Some(seconds) = within("IDX_COUNT_SKILL_CONNECTED_IN_") {
        return Some(counts.connected_within(seconds));
    }
    if let Some(seconds) = within("IDX_COUNT_SKILL_ABANDON_IN_").filter(|_| !by_minute) {
        return Some(counts.within("abandoned_le_", seconds));
    }
    let Sums { request, connected } = counts.head();
    Some(match name.strip_prefix("IDX_COUNT_SKILL_")? {
        // Only voice queues exist so far, so both count the same.
        "REQUEST" | "INCOMING_CALL" => request,
        "CONNECTED" => connected,
        "ABANDON" => request - connected,
        "USER_ABANDON" => counts.count("user_abandon"),
        "AGENT_ABANDON" => counts.count("agent_abandon"),
        "QUEUE_DISCONNECTED" => counts.count("disconnected"),
        "SYSTEM_LOST" => counts.count("system_lost"),
        "LOST_RING" => counts.count("lost_ring"),
        "TIMEOUT_QUEUE" => counts.count("timeout_queue"),
        "OVER_QUEUE" => counts.count("over_queue"),
        // No rule of a queue leads to one agent.
        "TIMEOUT_AGENT" | "OVER_AGENT" => 0,
        _ => return None,
    })
}

/// The value of an agent's indicator.
fn of_agent(name: &str, counts: &Counts, _: bool) -> Option<i64> {
    let counted = match name.strip_prefix("IDX_COUNT_AGENT_")? {
        "SIGN_IN" => "sign_in",
        "CONNECTED" => "connected",
        "CALL_OUT" => "call_out",
        "COLLATION" => "wrap_up",
        "COLLATION_CALL_IN" => "wrap_up_in",
        "COLLATION_CALL_OUT" => "wrap_up_out",
        "REST" => "rest",
        "HOLD" => "hold",
        "SET_BUSY" => "not_ready",
        "MOVE_INSIDE" => "moved_inside",
        "MOVE_OUT" => "moved_out",
        "MOVE_IVR" => "suspended",
        "3WC" => "three_party",
        "INSIDE_CALL" => "inside_call",
        "INSIDE_HELP_SEEKING" => "consult",
        "REQUEST" => "request",
        "ABANDON" => "abandon",
        _ => return None,
    };
    Some(counts.count(counted))
}

type Indicator = fn(&str, &Counts, bool) -> Option<i64>;

fn indicator(scope: Scope) -> Indicator {
    match scope {
        Scope::Tenant => of_tenant,
        Scope::Queue => of_queue,
        Scope::Agent => of_agent,
    }
}

/// A range of time and whether it is a grain of minutes.
struct Range {
    micros: (i64, i64),
    by_minute: bool,
}

/// `timeGrain` and `enableOffset`: without a grain today so far, with one the last whole grain that is settled. That the answer is of
/// the last grain is our reading; its rows carry no time.
fn range(ask: &Ask<'_>) -> Result<Range, Failure> {
    let now = now().as_micros();
    let back = match ask.args.text("enableOffset", 8)?.as_deref() {
        None | Some("N") => 0,
        Some("Y") => DAY,
        Some(_) => return Err(Failure::parameter("enableOffset is neither Y nor N")),
    };
    let grain = match ask.args.text("timeGrain", 8)?.as_deref() {
        None => {
            let day = now.div_euclid(DAY) * DAY - back;
            let end = if back == 0 { slot(now) } else { day + DAY };
            return Ok(Range { micros: (day, end), by_minute: false });
        }
        Some("15MIN") => 3 * SLOT,
        Some("30MIN") => 6 * SLOT,
        Some("60MIN") => 12 * SLOT,
        Some(_) => return Err(Failure::parameter("timeGrain is none of 15MIN, 30MIN, 60MIN")),
    };
    let end = now.div_euclid(grain) * grain - back;
    Ok(Range { micros: (end - grain, end), by_minute: true })
}

/// `beginDayTime` and `endDayTime`, both included.
fn days(ask: &Ask<'_>) -> Result<Range, Failure> {
    let day = |name: &str| {
        let text = ask.args.text(name, 10)?.ok_or_else(|| Failure::parameter(format!("{name} is missing")))?;
        day_of(&text).ok_or_else(|| Failure::parameter(format!("{name} is not a day as yyyy-MM-dd")))
    };
    let (from, to) = (day("beginDayTime")?, day("endDayTime")?);
    if to < from {
        return Err(Failure::parameter("beginDayTime is after endDayTime"));
    }
    Ok(Range { micros: (from, to + DAY), by_minute: false })
}

/// The begin of a day `yyyy-MM-dd`, in microseconds.
pub(super) fn day_of(text: &str) -> Option<i64> {
    let day: jiff::civil::Date = text.parse().ok()?;
    (text.len() == 10).then(|| day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|moment| moment.timestamp().as_microsecond())).flatten()
}

async fn answer(ask: &Ask<'_>, scope: Scope, ids: &[i64], range: &Range, shown: impl Fn(i64) -> i64) -> Result<Answer, Failure> {
    let names = ask.args.texts("indexIds", limits::CMS_INDEXES)?.ok_or_else(|| Failure::parameter("indexIds is missing"))?;
    // Other media do not exist here: nothing was counted for them.
    let voice = ask.args.int("mediaType", 0..=99)?.is_none_or(|medium| medium == i64::from(VOICE));
    let sums = if voice { sums(ask, scope, ids, range.micros).await? } else { ById::default() };
    render(&names, ids, &sums, indicator(scope), range.by_minute, shown)
}

fn render(
    names: &[String],
    ids: &[i64],
    sums: &ById,
    value: Indicator,
    by_minute: bool,
    shown: impl Fn(i64) -> i64,
) -> Result<Answer, Failure> {
    let row = |id: &i64| {
        let counts = sums.get(*id);
        let idx = |name: &String| {
            let value = value(name, &counts, by_minute).ok_or_else(|| {
                Failure::parameter(format!("there is no indicator {} for this", name.chars().take(60).collect::<String>()))
            })?;
            Ok(json!({ "id": name, "val": value.to_string() }))
        };
        let idxs = names.iter().map(idx).collect::<Result<Vec<_>, Failure>>()?;
        Ok(json!({ "id": shown(*id).to_string(), "idxs": idxs }))
    };
    Ok(Answer::of(ids.iter().map(row).collect::<Result<Vec<_>, Failure>>()?.into()))
}

pub(super) async fn tenant(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let (vdns, range) = (ask.vdns()?, range(ask)?);
    let shown = |_| vdns.first().copied().unwrap_or(0);
    let (anonymous, called) = (ask.args.int("anonyCall", 0..=1)?, ask.args.text("calleeNo", 64)?);
    if anonymous.is_none() && called.is_none() {
        return answer(ask, Scope::Tenant, &[0], &range, shown).await;
    }
    // Sums don't know of numbers: these come from the calls themselves.
    let names = ask.args.texts("indexIds", limits::CMS_INDEXES)?.ok_or_else(|| Failure::parameter("indexIds is missing"))?;
    let query = CallQuery { called, from: range.micros.0, to: range.micros.1, limit: limits::CMS_CALLS, ..CallQuery::default() };
    let calls = ask.state.parts.views.history.centre_calls(&ask.tenant, &query).await;
    let (calls, count) = calls.map_err(|error| Failure::failed("the history", &error))?;
    if count > limits::CMS_CALLS {
        return Err(Failure::parameter(format!("{count} calls are more than can be looked through for a number")));
    }
    let mut counts = Counts::default();
    for call in calls.iter().filter(|call| anonymous.is_none_or(|wanted| (wanted == 1) == (call.caller == "anonymous"))) {
        // Whether a caller is anonymous is documented for inbound calls only.
        let (all, up) = match call.direction.as_deref() {
            Some("in") => ("inbound", "inbound_connected"),
            Some("out") if anonymous.is_none() => ("outbound", "outbound_connected"),
            _ => continue,
        };
        *counts.0.entry(all.to_owned()).or_default() += 1;
        *counts.0.entry(up.to_owned()).or_default() += i64::from(call.connected.is_some());
    }
    render(&names, &[0], &ById(BTreeMap::from([(0, counts)])), of_tenant, range.by_minute, shown)
}

pub(super) async fn queues(ask: &Ask<'_>, by_day: bool) -> Result<Answer, Failure> {
    let range = if by_day { days(ask)? } else { range(ask)? };
    answer(ask, Scope::Queue, &ask.queues()?, &range, |id| id).await
}

pub(super) async fn agents(ask: &Ask<'_>, by_day: bool) -> Result<Answer, Failure> {
    let range = if by_day { days(ask)? } else { range(ask)? };
    let ids = ask.args.ints("agentIds", 1000, 0..=super::agent::AGENT_MAX)?.ok_or_else(|| Failure::parameter("agentIds is missing"))?;
    answer(ask, Scope::Agent, &ids, &range, |id| id).await
}
