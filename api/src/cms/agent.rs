//! Real time: agents (cc-cms.md 2, 4 and 6.1).

use serde_json::{Value, json};
use tandem_core::agent::{Mode, PartRole, WorkNumber};
use tandem_core::event::CallKind;
use tandem_core::queue::{Medium, QueueId};
use tandem_core::tenant::Tenant;
use tandem_core::tenant::contact::{AgentEntry, Session, Stage};
use tandem_core::{CallId, Timestamp};

use super::envelope::{Answer, Failure};
use super::{Ask, VOICE, callid, now};

/// Highest agent id taken.
pub(super) const AGENT_MAX: i64 = 999_999;
/// `locationId` is reserved; the documented sample has this.
const NO_LOCATION: u32 = 65_535;

/// States of the CTI platform.
pub(super) mod state {
    pub(in crate::cms) const SIGNED_OUT: u8 = 0;
    pub(in crate::cms) const IDLE: u8 = 1;
    pub(in crate::cms) const PRE_OCCUPIED: u8 = 2;
    pub(in crate::cms) const OCCUPIED: u8 = 3;
    pub(in crate::cms) const ANSWERING: u8 = 4;
    pub(in crate::cms) const TALKING: u8 = 5;
    pub(in crate::cms) const WORKING: u8 = 6;
    pub(in crate::cms) const BUSY: u8 = 7;
    pub(in crate::cms) const REST: u8 = 8;
    pub(in crate::cms) const ADJUSTING: u8 = 10;
}

/// What an agent is doing, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) state: u8,
    pub(super) since: Timestamp,
}

/// Of a mode. After-call work that ends by itself is adjusting; what only the agent ends is working: the reference names both and
/// not which is which, so this is ours.
fn of_mode(mode: Mode) -> u8 {
    match mode {
        Mode::Ready => state::IDLE,
        Mode::NotReady { .. } => state::BUSY,
        Mode::Rest { .. } => state::REST,
        Mode::WrapUp { until: Some(_) } => state::ADJUSTING,
        Mode::WrapUp { until: None } => state::WORKING,
    }
}

/// An agent's state: a call goes before the mode, and the farthest of its calls counts.
pub(super) fn now_of(tenant: &Tenant, entry: &AgentEntry) -> Option<Now> {
    let session = entry.session.as_ref()?;
    let number = entry.agent.number;
    let parts = session.calls.iter().filter_map(|call| tenant.call(*call)).filter_map(|call| call.part(number));
    let in_call = parts
        .map(|part| match part.stage {
            Stage::Talking | Stage::Held => Now { state: state::TALKING, since: part.joined.unwrap_or(part.since) },
            Stage::Alerting => Now { state: state::ANSWERING, since: part.since },
            Stage::Reserved if part.role == PartRole::Caller => Now { state: state::PRE_OCCUPIED, since: part.since },
            Stage::Reserved => Now { state: state::OCCUPIED, since: part.since },
        })
        .max_by_key(|now| now.state);
    Some(in_call.unwrap_or_else(|| {
        let since = if session.mode == Mode::Ready { session.mode_since.max(session.idle_since) } else { session.mode_since };
        Now { state: of_mode(session.mode), since }
    }))
}

/// The state before, and how long it lasted.
fn before(session: &Session, now: Now) -> Option<(u8, u64)> {
    if (state::PRE_OCCUPIED..=state::TALKING).contains(&now.state) {
        return Some((of_mode(session.mode), now.since.since(session.mode_since.max(session.idle_since)).as_secs()));
    }
    let (mode, since) = session.before?;
    Some((of_mode(mode), session.mode_since.since(since).as_secs()))
}

/// The agent gateway's code for a state of the CTI platform; after-call work is 5 there.
fn gateway(state: u8) -> u8 {
    match state {
        state::SIGNED_OUT => 2,
        state::BUSY => 3,
        state::IDLE => 4,
        state::WORKING | state::ADJUSTING => 5,
        state::REST => 8,
        state::PRE_OCCUPIED..=state::TALKING => 7,
        _ => 0,
    }
}

fn medium(medium: Medium) -> u8 {
    // Text chat 1 and voice 5 are the documented ones; video calls are voice calls with a picture.
    if medium == Medium::Chat { 1 } else { VOICE }
}

/// All agents: number, state, seconds in it.
fn all(ask: &Ask<'_>) -> Result<Vec<(u32, u8, u64)>, Failure> {
    let now = now();
    ask.look(|tenant| {
        let row = |entry: &AgentEntry| {
            let current = now_of(tenant, entry);
            let (state, seconds) = current.map_or((state::SIGNED_OUT, 0), |it| (it.state, now.since(it.since).as_secs()));
            (entry.agent.number.get(), state, seconds)
        };
        tenant.agents().map(row).collect()
    })
}

pub(super) fn dynamic_info(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let page = ask.page(1000)?;
    let all = all(ask)?;
    let rows = page.cut(&all).map(|(agent, state, _)| json!({ "agentId": agent, "state": state }));
    Ok(Answer::Data { data: rows.collect(), count: Some(all.len()) })
}

pub(super) fn abstract_ex(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let page = ask.page(1000)?;
    let all = all(ask)?;
    let rows = page.cut(&all).map(|row| abstract_row(*row));
    Ok(Answer::Data { data: rows.collect(), count: Some(all.len()) })
}

fn abstract_row((agent, state, seconds): (u32, u8, u64)) -> Value {
    json!({ "agentId": agent, "currentState": state, "currentStateTime": seconds, "locationId": NO_LOCATION })
}

pub(super) fn states(ask: &Ask<'_>) -> Result<Answer, Failure> {
    Ok(Answer::of(all(ask)?.iter().map(|(agent, state, _)| json!({ "agentId": agent, "state": state })).collect()))
}

/// An envelope of its own.
pub(super) fn by_status(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let page = ask.page(1000)?;
    let wanted = ask.args.int("status", 0..=99)?;
    let all: Vec<_> = all(ask)?.into_iter().filter(|row| wanted.is_none_or(|wanted| wanted == i64::from(row.1))).collect();
    let rows: Value = page.cut(&all).map(|row| abstract_row(*row)).collect();
    Ok(Answer::Bare(json!({ "returnCode": "0", "description": "", "data": rows })))
}

/// The agents that were asked about, in the order of the question; who is not one is left out.
fn asked<T>(ask: &Ask<'_>, most: usize, row: impl Fn(&Tenant, &AgentEntry) -> T) -> Result<Vec<T>, Failure> {
    let ids = ask.args.ints("agentIds", most, 0..=AGENT_MAX)?.ok_or_else(|| Failure::parameter("agentIds is missing"))?;
    ask.look(|tenant| {
        let numbers = ids.iter().filter_map(|id| WorkNumber::new(u32::try_from(*id).ok()?).ok());
        numbers.filter_map(|number| tenant.agent(number)).map(|entry| row(tenant, entry)).collect()
    })
}

pub(super) fn status_info(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let time = now();
    let rows = asked(ask, 6000, |tenant, entry| {
        let current = now_of(tenant, entry);
        let (state, seconds) = current.map_or((state::SIGNED_OUT, 0), |it| (it.state, time.since(it.since).as_secs()));
        let reason = entry.session.as_ref().map_or(0, |session| if let Mode::Rest { cause, .. } = session.mode { cause } else { 0 });
        let mut row = abstract_row((entry.agent.number.get(), state, seconds));
        let previous = entry.session.as_ref().zip(current).and_then(|(session, current)| before(session, current));
        if let Some(row) = row.as_object_mut() {
            row.insert("currentStateReason".to_owned(), reason.into());
            // Just signed in: there was no state before.
            let (state, seconds) = previous.unwrap_or((state::SIGNED_OUT, 0));
            row.insert("prevState".to_owned(), state.into());
            row.insert("prevStateTime".to_owned(), seconds.into());
        }
        row
    })?;
    Ok(Answer::of(rows.into()))
}

/// How many agents are in which state.
pub(super) fn team(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let states = asked(ask, 6000, |tenant, entry| {
        let available = entry.session.as_ref().is_some_and(Session::is_available);
        now_of(tenant, entry).map(|now| (now.state, available))
    })?;
    let states: Vec<(u8, bool)> = states.into_iter().flatten().collect();
    let count = |wanted: &[u8]| states.iter().filter(|(state, _)| wanted.contains(state)).count();
    Ok(Answer::of(json!({
        "loginEd": states.len(),
        "talking": count(&[state::TALKING]),
        "idle": count(&[state::IDLE]),
        "usable": states.iter().filter(|(_, available)| *available).count(),
        "setBusy": count(&[state::BUSY]),
        "workSubstateBegin": count(&[state::WORKING, state::ADJUSTING]),
        "rest": count(&[state::REST]),
        // Nobody learns here: there is no such state.
        "studying": 0,
        "occupy": count(&[state::OCCUPIED]),
        "preoccupy": count(&[state::PRE_OCCUPIED]),
        "answering": count(&[state::ANSWERING]),
    })))
}

/// Live calls of agents. Of `callStatus` only 0 (no call) is documented: a live call comes without it.
pub(super) fn calls(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let rows = asked(ask, 3000, |tenant, entry| {
        let calls = entry.session.iter().flat_map(|session| session.calls.iter());
        let row = |id: &CallId| {
            let call = tenant.call(*id)?;
            let out = u8::from(call.kind == CallKind::Outbound);
            Some(json!({ "callId": callid::text(*id), "callInOut": out, "mediaType": VOICE, "submediaType": 0 }))
        };
        json!({ "agentId": entry.agent.number.get(), "callList": calls.filter_map(row).collect::<Vec<_>>() })
    })?;
    Ok(Answer::of(rows.into()))
}

/// Agents configured for a queue, or signed in to one of these queues. The members are documented for the first; that those of its two
/// sisters are the same is our choice.
pub(super) fn of_queues(ask: &Ask<'_>, queues: &[i64], signed_in: bool) -> Result<Answer, Failure> {
    let time = now();
    let rows = ask.look(|tenant| {
        let vdn = tenant.settings().and_then(|settings| settings.vdn);
        let mut rows = Vec::new();
        for queue in queues.iter().filter_map(|id| QueueId::new(u16::try_from(*id).ok()?).ok()).filter_map(|id| tenant.queue(id)) {
            let serves = |entry: &&AgentEntry| match signed_in {
                true => queue.serving.contains(&entry.agent.number),
                false => entry.agent.skills.iter().any(|skill| skill.queue == queue.queue.id),
            };
            rows.extend(tenant.agents().filter(serves).map(|entry| {
                let current = now_of(tenant, entry);
                let state = current.map_or(state::SIGNED_OUT, |now| now.state);
                json!({
                    "workno": entry.agent.number.to_string(),
                    "name": entry.agent.name,
                    "status": gateway(state),
                    "ctiStatus": state,
                    "groupid": entry.agent.group,
                    "mediatype": medium(queue.queue.medium),
                    "vdnid": vdn,
                    "phonenumber": entry.session.as_ref().map(phone),
                    "currentstatetime": current.map_or(0, |now| time.since(now.since).as_secs()),
                    "logindate": entry.session.as_ref().map(|session| session.since.as_micros() / 1000),
                })
            }));
        }
        rows
    })?;
    Ok(Answer::of(rows.into()))
}

fn phone(session: &Session) -> String {
    match &session.phone {
        tandem_core::agent::AgentPhone::Softphone(user) => user.to_string(),
        tandem_core::agent::AgentPhone::Outside(number) => number.to_string(),
    }
}
