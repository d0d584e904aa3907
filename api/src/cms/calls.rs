//! Calls, agents' operations and daily reports (cc-cms.md 4, 6 and 8).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use tandem_core::tenant::contact::Stage;
use tandem_core::tenant::{Call, Leg, Tenant};
use tandem_core::{CallId, Timestamp};

use super::agent::AGENT_MAX;
use super::envelope::{Answer, Failure};
use super::history::{DAY, day_of};
use super::{Ask, VOICE, callid, now};
use crate::limits;
use crate::view::history::{CallFact, CallQuery, OperationFact, PartFact, SettledCall, VisitFact};

/// cc-fs.md 5.1: normal inbound, agent outbound, outbound by the phone itself.
fn call_type(direction: Option<&str>, kind: Option<&str>) -> i64 {
    match (direction, kind) {
        (Some("out"), Some("outbound")) => 8,
        (Some("out"), _) => 11,
        _ => 0,
    }
}

/// cc-fs.md 5.2, as far as the end of a call has a code there.
fn leave_reason(call: &CallFact) -> i64 {
    match (call.released_by.as_deref(), call.connected) {
        (Some("customer"), Some(_)) => 88,
        (Some("customer"), None) => 89,
        (Some(by), _) if by.starts_with("agent:") => 16,
        _ => 0,
    }
}

fn failed(error: &sqlx::Error) -> Failure {
    Failure::failed("the history", error)
}

/// `querycalls` (v2 with `isCallIn`), and missed calls with the same arguments: theirs are not documented.
pub(super) async fn query(ask: &Ask<'_>, direction: &'static str, missed: bool) -> Result<Answer, Failure> {
    let today = now().as_micros().div_euclid(DAY) * DAY;
    let time = |name: &str| Ok::<_, Failure>(ask.args.need_int(name, 0..=i64::MAX / 2000)?.saturating_mul(1000));
    let (begin, end) = (time("beginDate")?, time("endDate")?);
    if begin < today - DAY || end > today + DAY || begin > end {
        return Err(Failure::parameter("beginDate and endDate are to lie between yesterday 00:00:00 and today 23:59:59"));
    }
    let page = ask.page(100)?;
    let number = |name: &str| ask.args.text(name, 32);
    let query = CallQuery {
        direction: Some(direction),
        caller: number("callerNo")?,
        called: number("calleeNo")?,
        from: begin,
        // The last millisecond belongs to the range.
        to: end.saturating_add(1000),
        missed,
        limit: page.limit,
        offset: page.offset,
    };
    let history = &ask.state.parts.views.history;
    let (calls, count) = history.centre_calls(&ask.tenant, &query).await.map_err(|error| failed(&error))?;
    let ids: Vec<String> = calls.iter().map(|call| call.id.clone()).collect();
    let visits = history.first_visits(&ask.tenant, &ids).await.map_err(|error| failed(&error))?;
    let visits: HashMap<&str, &VisitFact> = visits.iter().map(|visit| (visit.call.as_str(), visit)).collect();
    let rows: Vec<Value> = calls.iter().map(|call| row(call, visits.get(call.id.as_str()).copied())).collect();
    Ok(Answer::of(json!({ "data": rows, "count": count })))
}

/// Documented up to `waitBegin`; the four last are those that a public client reads. The rest of the documented row is not known.
fn row(call: &CallFact, visit: Option<&VisitFact>) -> Value {
    let ms = |micros: i64| micros / 1000;
    json!({
        "logDate": ms(call.ended.unwrap_or(call.started)),
        "callerNo": call.caller,
        "calleeNo": call.called,
        "callId": callid::of_text(&call.id),
        "callType": call_type(call.direction.as_deref(), call.kind.as_deref()),
        "waitBegin": visit.map(|visit| ms(visit.queued)),
        "ackBegin": visit.and_then(|visit| visit.offered).map(ms),
        "callBegin": call.connected.map(ms),
        "callEnd": call.ended.map(ms),
        "leaveReason": leave_reason(call),
    })
}

// ---- calls in progress ------------------------------------------------------------------------------------------------

/// The call of the question, looked at.
fn live<T>(ask: &Ask<'_>, look: impl FnOnce(&Tenant, CallId, &Call) -> T) -> Result<T, Failure> {
    let wanted = ask.args.text("callId", 40)?.ok_or_else(|| Failure::parameter("callId is missing"))?;
    let found = ask.look(|tenant| {
        let (id, call) = tenant.calls().find(|(id, _)| callid::text(*id) == wanted)?;
        Some(look(tenant, id, call))
    })?;
    found.ok_or_else(|| Failure::not_found("no call in progress has this callId"))
}

/// Members that name parts of another platform (its DSN, handle, server, module, trunk circuit) have no counterpart and are left out.
fn basic(tenant: &Tenant, call: &Call) -> Value {
    let now = now();
    let customer = call.legs.iter().filter_map(|leg| tenant.leg(*leg)).find(|leg| leg.is_caller());
    let talking = call.parts.iter().find(|part| matches!(part.stage, Stage::Talking | Stage::Held));
    let (device_type, device_no) = match (talking, &call.waiting) {
        // cc-fs.md 5: 1 queue, 2 agent.
        (Some(part), _) => (2, part.agent.get()),
        (None, Some(waiting)) => (1, u32::from(waiting.queue.get())),
        (None, None) => (0, 0),
    };
    let queue = call.last_queue.and_then(|queue| tenant.queue(queue));
    let seconds = |since: Timestamp| now.since(since).as_secs();
    json!({
        "time": call.began.as_micros() / 1000,
        "callingNum": customer.map(|leg: &Leg| leg.number.clone()),
        "calledNum": call.called,
        "priority": call.waiting.as_ref().map(|waiting| waiting.priority),
        "deviceType": device_type,
        "deviceNo": device_no,
        "callSkill": queue.map(|entry| entry.queue.name.clone()),
        "mediaType": VOICE,
        "waitTime": call.waiting.as_ref().map_or(0, |waiting| seconds(waiting.since)),
        "totalTalkingTimes": talking.and_then(|part| part.joined).map_or(0, seconds),
        // No cause, as in the documented sample.
        "callInCause": 65_535,
    })
}

pub(super) fn basic_info(ask: &Ask<'_>) -> Result<Answer, Failure> {
    live(ask, |tenant, _, call| Answer::of(basic(tenant, call)))
}

pub(super) fn detail_info(ask: &Ask<'_>) -> Result<Answer, Failure> {
    live(ask, |tenant, _, call| {
        let mut data = basic(tenant, call);
        if let Some(data) = data.as_object_mut() {
            data.insert("callData".to_owned(), call.data.as_str().into());
            data.insert("callDataLen".to_owned(), call.data.len().into());
        }
        Answer::of(data)
    })
}

// ---- agents' operations ----------------------------------------------------------------------------------------------

/// cc-fs.md 6.1. Not all that happens has a code there: what has none is not in the answer.
fn operation_type(operation: &str) -> Option<i64> {
    Some(match operation {
        "sign_out" => 0,
        "session" => 1,
        "ready" => 2,
        "not_ready" => 3,
        "talking" => 4,
        "three_party" => 10,
        "supervise" => 20,
        "rest" => 26,
        "wrap_up" => 27,
        "force_sign_out" => 29,
        "force_ready" => 30,
        "force_not_ready" => 31,
        "mute" => 32,
        "hold" => 38,
        "consult" => 40,
        "intercept" => 43,
        "handover" => 45,
        _ => return None,
    })
}

/// What an agent did. The names of the members are not documented for this operation: they are those of the columns that CC-FS
/// documents for the same records; "not used" is 65535 here.
pub(super) async fn operations(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let agent = ask.args.need_int("currentAgentId", 0..=AGENT_MAX)?;
    let wanted = ask.args.int("operateType", 0..=999)?;
    let time = |name: &str| {
        let text = ask.args.text(name, 19)?.ok_or_else(|| Failure::parameter(format!("{name} is missing")))?;
        moment(&text).ok_or_else(|| Failure::parameter(format!("{name} is not a time as yyyy-MM-dd HH:mm:ss")))
    };
    let (from, to) = (time("beginTime")?, time("endTime")?);
    let quarter = 900_000_000;
    if to <= from || to - from > DAY || (to - from) % quarter != 0 {
        return Err(Failure::parameter("beginTime to endTime is to be a multiple of 15 minutes, at most 24 hours"));
    }
    let history = &ask.state.parts.views.history;
    let most = limits::CMS_OPERATIONS;
    let (operations, parts) = history.operations(&ask.tenant, agent, from, to, most).await.map_err(|error| failed(&error))?;
    let mut rows: Vec<(i64, Value)> = operations.iter().filter_map(|row| operation_row(row, wanted)).collect();
    rows.extend(parts.iter().filter_map(|part| talk_row(part, wanted)));
    rows.sort_by_key(|(started, _)| *started);
    Ok(Answer::of(rows.into_iter().map(|(_, row)| row).collect()))
}

const UNUSED: i64 = 65_535;

fn operation_row(row: &OperationFact, wanted: Option<i64>) -> Option<(i64, Value)> {
    let kind = operation_type(&row.operation).filter(|kind| wanted.is_none_or(|wanted| wanted == *kind))?;
    // A session's cause is our own note.
    let cause = row.cause.filter(|_| row.operation != "session");
    let value = json!({
        "agent_id": row.agent,
        "skill_id": row.queue.unwrap_or(UNUSED),
        "call_id": row.call.as_deref().filter(|_| row.operation != "session").map(callid::of_text),
        "begin_time": written(row.started),
        "end_time": row.ended.map(written),
        "op_type": kind,
        "op_object": row.other.unwrap_or(UNUSED),
        "op_cause": cause.unwrap_or(0),
        "media_type": VOICE,
        "phone_no": row.phone,
        "logon_sn": row.session,
    });
    Some((row.started, value))
}

/// A talk is an agent's part in a call from when it joined.
fn talk_row(part: &PartFact, wanted: Option<i64>) -> Option<(i64, Value)> {
    let started = part.joined.filter(|_| wanted.is_none_or(|wanted| wanted == 4))?;
    let value = json!({
        "agent_id": part.agent,
        "skill_id": part.queue.unwrap_or(UNUSED),
        "call_id": callid::of_text(&part.call),
        "begin_time": written(started),
        "end_time": part.ended.map(written),
        "op_type": 4,
        "op_object": UNUSED,
        "op_cause": 0,
        "media_type": VOICE,
    });
    Some((started, value))
}

/// `yyyy-MM-dd HH:mm:ss` in UTC.
fn moment(text: &str) -> Option<i64> {
    let time: jiff::civil::DateTime = text.parse().ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|moment| moment.timestamp().as_microsecond())
}

pub(super) fn written(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

// ---- daily reports ----------------------------------------------------------------------------------------------------

/// Bounds of `…Lt{N}` that are documented.
const UNDER: [i64; 3] = [3, 5, 10];

/// Outbound calls by caller number and type (and queue, if queues are named). The inbound sister is routed but its row is not documented.
pub(super) async fn daily_outbound(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let numbers = ask.args.texts("callerNos", 1000)?.ok_or_else(|| Failure::parameter("callerNos is missing"))?;
    let types = ask.args.ints("callTypes", 1000, 0..=999)?.ok_or_else(|| Failure::parameter("callTypes is missing"))?;
    let queues = ask.args.ints("skillIds", 1000, 1..=5000)?;
    let day = |name: &str| {
        let text = ask.args.text(name, 10)?.ok_or_else(|| Failure::parameter(format!("{name} is missing")))?;
        day_of(&text).map(|day| (day, text)).ok_or_else(|| Failure::parameter(format!("{name} is not a day as yyyy-MM-dd")))
    };
    let ((from, begin), (to, end)) = (day("beginLogDay")?, day("endLogDay")?);
    if to < from {
        return Err(Failure::parameter("beginLogDay is after endLogDay"));
    }
    let history = &ask.state.parts.views.history;
    let most = limits::CMS_CALLS;
    let calls = history.settled_calls(&ask.tenant, "out", &numbers, (from, to + DAY), most).await.map_err(|error| failed(&error))?;
    if calls.len() as i64 >= most {
        return Err(Failure::parameter(format!("{most} calls and more are too many for one report")));
    }
    let mut groups: BTreeMap<(&str, i64, Option<i64>), Vec<&SettledCall>> = BTreeMap::new();
    for call in &calls {
        let kind = call_type(Some("out"), call.kind.as_deref());
        let queue = call.queue.filter(|_| queues.is_some());
        let in_queues = queues.as_ref().is_none_or(|queues| call.queue.is_some_and(|queue| queues.contains(&queue)));
        if types.contains(&kind) && in_queues {
            groups.entry((&call.caller, kind, queue)).or_default().push(call);
        }
    }
    let vdn = ask.look(|tenant| tenant.settings().and_then(|settings| settings.vdn))?;
    let rows = groups.into_iter().map(|((caller, kind, _), calls)| {
        let mut row = report(&calls);
        row.insert("beginLogDay".to_owned(), begin.as_str().into());
        row.insert("endLogDay".to_owned(), end.as_str().into());
        row.insert("callerNo".to_owned(), caller.into());
        row.insert("callType".to_owned(), kind.into());
        row.insert("vdn".to_owned(), vdn.into());
        Value::Object(row)
    });
    Ok(Answer::of(rows.collect()))
}

fn report(calls: &[&SettledCall]) -> serde_json::Map<String, Value> {
    let seconds = |from: i64, to: i64| to.saturating_sub(from) / 1_000_000;
    let success = |call: &&SettledCall| Some((seconds(call.started, call.connected?), seconds(call.connected?, call.ended?)));
    let (waits, talks): (Vec<i64>, Vec<i64>) = calls.iter().filter_map(success).unzip();
    let failure = |call: &&SettledCall| call.connected.is_none().then(|| Some(seconds(call.started, call.ended?))).flatten();
    let failures: Vec<i64> = calls.iter().filter_map(failure).collect();
    let last = calls.last();
    let mut row = serde_json::Map::new();
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("currentAgentId", last.and_then(|call| call.agent).into());
    put("currentSkillId", last.and_then(|call| call.queue).into());
    put("outOccupyNum", calls.len().into());
    put("outSuccWaitAnsNum", waits.len().into());
    put("outCallSuccNum", talks.len().into());
    put("outWaitAnsTime", waits.iter().sum::<i64>().into());
    put("outCallTime", talks.iter().sum::<i64>().into());
    put("maxWaitAnsTime", waits.iter().max().copied().unwrap_or(0).into());
    put("minWaitAnsTime", waits.iter().min().copied().unwrap_or(0).into());
    put("maxCallTime", talks.iter().max().copied().unwrap_or(0).into());
    put("minCallTime", talks.iter().min().copied().unwrap_or(0).into());
    for bound in UNDER {
        let under = |list: &[i64]| Value::from(list.iter().filter(|seconds| **seconds < bound).count());
        put(&format!("succAckTimeLt{bound}"), under(&waits));
        put(&format!("callTimeLt{bound}"), under(&talks));
        put(&format!("failTimeLt{bound}"), under(&failures));
    }
    row
}
