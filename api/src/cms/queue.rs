//! Real time: queues, and the tenant as the sum of its queues (cc-cms.md 2 and 3).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tandem_core::Timestamp;
use tandem_core::agent::WorkNumber;
use tandem_core::queue::QueueId;
use tandem_core::tenant::Tenant;
use tandem_core::tenant::contact::{QueueEntry, Stage};

use super::agent::{now_of, state};
use super::envelope::{Answer, Failure};
use super::history::{Sums, sums};
use super::{Ask, VOICE, now};
use crate::view::history::{SLOT, Scope, slot};

/// All indicators of `skill/rindex`.
pub(super) const INDEXES: [&str; 12] = [
    "IDX_COUNT_REAL_SKILL_QUEUE",
    "IDX_COUNT_REAL_SKILL_HANDLE",
    "IDX_DURATION_SKILL_MAX_QUEUE_ACK",
    "IDX_COUNT_20S_CALL_FOR_5MIN",
    "IDX_COUNT_REAL_AGENT_SIGN_IN",
    "IDX_COUNT_REAL_AGENT_CONNECT",
    "IDX_COUNT_REAL_AGENT_SET_IDLE",
    "IDX_COUNT_REAL_AGENT_USABLE",
    "IDX_COUNT_REAL_AGENT_SET_BUSY",
    "IDX_COUNT_REAL_AGENT_ACW",
    "IDX_COUNT_REAL_AGENT_REST",
    "IDX_COUNT_REAL_AGENT_STUDY",
];

/// What queues amount to now.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Board {
    waiting: usize,
    handled: usize,
    longest_s: u64,
    agents: BTreeSet<WorkNumber>,
}

impl Board {
    fn of(tenant: &Tenant, queues: &[&QueueEntry], now: Timestamp) -> Board {
        let mut board = Board::default();
        for entry in queues {
            board.waiting += entry.waiting.len();
            let waited = entry.waiting.keys().map(|key| now.since(key.since).as_secs()).max();
            board.longest_s = board.longest_s.max(waited.unwrap_or(0));
            board.agents.extend(&entry.serving);
        }
        let ids: Vec<QueueId> = queues.iter().map(|entry| entry.queue.id).collect();
        let handled = tenant.calls().filter(|(_, call)| {
            let talks = |stage| matches!(stage, Stage::Talking | Stage::Held);
            call.parts.iter().any(|part| talks(part.stage) && part.queue.is_some_and(|queue| ids.contains(&queue)))
        });
        board.handled = handled.count();
        board
    }

    fn index(&self, tenant: &Tenant, name: &str, within_20: i64) -> i64 {
        let in_state = |wanted: &[u8]| {
            let entries = self.agents.iter().filter_map(|number| tenant.agent(*number));
            entries.filter(|entry| now_of(tenant, entry).is_some_and(|now| wanted.contains(&now.state))).count()
        };
        let count = match name {
            "IDX_COUNT_REAL_SKILL_QUEUE" => self.waiting,
            "IDX_COUNT_REAL_SKILL_HANDLE" => self.handled,
            "IDX_DURATION_SKILL_MAX_QUEUE_ACK" => return i64::try_from(self.longest_s).unwrap_or(i64::MAX),
            "IDX_COUNT_20S_CALL_FOR_5MIN" => return within_20,
            "IDX_COUNT_REAL_AGENT_SIGN_IN" => self.agents.len(),
            "IDX_COUNT_REAL_AGENT_CONNECT" => in_state(&[state::TALKING]),
            "IDX_COUNT_REAL_AGENT_SET_IDLE" => in_state(&[state::IDLE]),
            "IDX_COUNT_REAL_AGENT_USABLE" => {
                let sessions = self.agents.iter().filter_map(|number| tenant.session(*number));
                sessions.filter(|session| session.is_available()).count()
            }
            "IDX_COUNT_REAL_AGENT_SET_BUSY" => in_state(&[state::BUSY]),
            "IDX_COUNT_REAL_AGENT_ACW" => in_state(&[state::WORKING, state::ADJUSTING]),
            "IDX_COUNT_REAL_AGENT_REST" => in_state(&[state::REST]),
            // Nobody learns here.
            _ => 0,
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

/// The indicators that were asked for; all without a list.
fn wanted(ask: &Ask<'_>) -> Result<Vec<String>, Failure> {
    let Some(names) = ask.args.texts("indexIds", INDEXES.len())? else { return Ok(INDEXES.map(str::to_owned).to_vec()) };
    match names.iter().find(|name| !INDEXES.contains(&name.as_str())) {
        Some(name) => Err(Failure::parameter(format!("there is no indicator {}", name.chars().take(60).collect::<String>()))),
        None => Ok(names),
    }
}

/// The five minutes before the present ones.
fn settled() -> (i64, i64) {
    let end = slot(now().as_micros());
    (end - SLOT, end)
}

pub(super) async fn rindex(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let (ids, names) = (ask.queues()?, wanted(ask)?);
    let sums = sums(ask, Scope::Queue, &ids, settled()).await?;
    let data = ask.look(|tenant| {
        let rows = known(tenant, &ids).into_iter().map(|(id, entry)| {
            let board = Board::of(tenant, &[entry], now());
            render(tenant, &board, &names, id, sums.get(id).connected_within(20))
        });
        rows.collect::<Vec<_>>()
    })?;
    Ok(Answer::of(data.into()))
}

/// Of the whole tenant. The reference does not name these indicators; those of queues, over all queues, are our choice.
pub(super) async fn rindex_of_tenant(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let (vdns, names) = (ask.vdns()?, wanted(ask)?);
    let ids: Vec<i64> = ask.look(|tenant| tenant.queues().map(|entry| i64::from(entry.queue.id.get())).collect())?;
    let within = sums(ask, Scope::Queue, &ids, settled()).await?.0.values().map(|one| one.connected_within(20)).sum();
    let data = ask.look(|tenant| {
        let all: Vec<&QueueEntry> = tenant.queues().collect();
        let board = Board::of(tenant, &all, now());
        vdns.iter().map(|vdn| render(tenant, &board, &names, *vdn, within)).collect::<Vec<_>>()
    })?;
    Ok(Answer::of(data.into()))
}

/// Ids and values are texts in the documented sample.
fn render(tenant: &Tenant, board: &Board, names: &[String], id: i64, within_20: i64) -> Value {
    let idxs = names.iter().map(|name| json!({ "id": name, "val": board.index(tenant, name, within_20).to_string() }));
    json!({ "id": id.to_string(), "idxs": idxs.collect::<Vec<_>>() })
}

/// The queues that were asked about and exist.
fn known<'a>(tenant: &'a Tenant, ids: &[i64]) -> Vec<(i64, &'a QueueEntry)> {
    let queue = |id: &i64| Some((*id, tenant.queue(QueueId::new(u16::try_from(*id).ok()?).ok()?)?));
    ids.iter().filter_map(queue).collect()
}

/// The queues of the tenant. The list is documented to have the media type; the name of the other members is not.
pub(super) fn list(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let rows =
        ask.look(|tenant| tenant.queues().map(|entry| json!({ "skillId": entry.queue.id.get(), "mediaType": VOICE })).collect::<Vec<_>>())?;
    Ok(Answer::of(rows.into()))
}

/// Limits that Tandem does not have (calls on hold, talk time, agents at rest) are left out: any number would be a lie.
pub(super) fn configuration(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let ids = ask.queues()?;
    let rows = ask.look(|tenant| {
        let row = |(id, entry): (i64, &QueueEntry)| {
            json!({
                "skillId": id,
                "maxCallNum": entry.queue.max_waiting,
                "maxWaitTime": entry.queue.max_wait_s,
                "maxAnswerWaitTime": entry.queue.answer_s,
                "maxAgentWrapupTime": entry.queue.wrap_up_s,
            })
        };
        known(tenant, &ids).into_iter().map(row).collect::<Vec<_>>()
    })?;
    Ok(Answer::of(rows.into()))
}

pub(super) async fn service_quality(ask: &Ask<'_>) -> Result<Answer, Failure> {
    let ids = ask.queues()?;
    let range = settled();
    let sums = sums(ask, Scope::Queue, &ids, range).await?;
    let known: BTreeMap<i64, ()> = ask.look(|tenant| known(tenant, &ids).into_iter().map(|(id, _)| (id, ())).collect())?;
    let row = |id: &i64| {
        let Sums { request, connected, .. } = sums.get(*id).head();
        json!({
            "skillId": id,
            "statStartTime": range.0 / 1000,
            "inCallNum": request,
            "connectedNum": connected,
            "callLostNum": request - connected,
            "in15sCallNum": sums.get(*id).connected_within(15),
            "wait15sLostNum": sums.get(*id).count("abandoned_under_15"),
            "in20sCallNum": sums.get(*id).connected_within(20),
            "wait20sLostNum": sums.get(*id).count("abandoned_under_20"),
        })
    };
    Ok(Answer::of(known.keys().map(row).collect()))
}
