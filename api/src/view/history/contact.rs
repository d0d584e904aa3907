//! What calls have to do with queues and agents.

use std::collections::HashMap;

use tandem_core::agent::{PartEnd, PartRole, Reach, WorkNumber};
use tandem_core::queue::{Choice, ChoiceRule, Entry, Leaving, Overflow, OverflowRule, QueueId};
use tandem_core::{CallEvent, CallId, Timestamp, event as fact};

use super::counters::{Scope, abandoned_le, connected_le, within};
use super::db::{Database, Dialect, Statement};
use super::fold::{At, Folder, put};
use super::rows::{HandoverRow, PartRow, RecordingRow, VisitRow, word};
use super::shelf::Shelf;
use super::{open_rows, tables};

/// Rows about calls in the centre that are not over, and how they are found.
#[derive(Debug, Default)]
pub(super) struct Contact {
    visits: Shelf<(CallId, u64), VisitRow>,
    parts: Shelf<(CallId, u64), PartRow>,
    handovers: Shelf<(CallId, u64), HandoverRow>,
    recordings: Shelf<String, RecordingRow>,
    visit_of: HashMap<CallId, u64>,
    part_of: HashMap<(CallId, u32), u64>,
    handover_of: HashMap<CallId, u64>,
}

impl Contact {
    pub(super) async fn load(database: &Database) -> Result<Contact, sqlx::Error> {
        let mut contact = Contact::default();
        for row in open_rows::<VisitRow>(database, &tables::VISIT).await? {
            contact.visit_of.insert(row.call, row.n);
            contact.visits.restore((row.call, row.n), row);
        }
        for row in open_rows::<PartRow>(database, &tables::PART).await? {
            contact.part_of.insert((row.call, row.agent), row.n);
            contact.parts.restore((row.call, row.n), row);
        }
        for row in open_rows::<HandoverRow>(database, &tables::HANDOVER).await? {
            contact.handover_of.insert(row.call, row.n);
            contact.handovers.restore((row.call, row.n), row);
        }
        for row in open_rows::<RecordingRow>(database, &tables::RECORDING).await? {
            contact.recordings.restore(row.id.clone(), row);
        }
        Ok(contact)
    }

    pub(super) fn changes(&self, list: &mut Vec<Statement>, dialect: Dialect) {
        put(list, dialect, &tables::VISIT, &self.visits.changed());
        put(list, dialect, &tables::PART, &self.parts.changed());
        put(list, dialect, &tables::HANDOVER, &self.handovers.changed());
        put(list, dialect, &tables::RECORDING, &self.recordings.changed());
    }

    pub(super) fn stored(&mut self) {
        self.visits.stored();
        self.parts.stored();
        self.handovers.stored();
        self.recordings.stored();
    }

    /// Facts about a call that is over.
    pub(super) fn late(&mut self, at: At<'_>, event: &CallEvent) {
        match event {
            CallEvent::RecordingEnded(it) => self.recorded(at, it),
            CallEvent::RecordingPaused(it) => {
                self.recordings.change(&it.recording.to_string(), |row| row.pauses += 1);
            }
            _ => {}
        }
    }

    fn recorded(&mut self, at: At<'_>, it: &fact::RecordingEnded) {
        self.recordings.change(&it.recording.to_string(), |row| {
            row.ended = Some(at.now());
            row.path = it.path.to_string();
            (row.duration_ms, row.bytes) = (Some(it.duration_ms), Some(it.bytes));
            row.failed = it.failed.as_ref().map(ToString::to_string);
        });
    }

    fn part(&mut self, call: CallId, agent: WorkNumber, change: impl FnOnce(&mut PartRow)) {
        if let Some(n) = self.part_of.get(&(call, agent.get())) {
            self.parts.change(&(call, *n), change);
        }
    }
}

impl Folder {
    /// Facts about a call in the centre.
    pub(super) fn contact(&mut self, at: At<'_>, id: CallId, event: &CallEvent) {
        match event {
            CallEvent::Queued(it) => self.queued(at, id, it),
            CallEvent::Dequeued(it) => self.dequeued(at, id, it),
            CallEvent::Offered(it) => self.offered(at, id, it),
            CallEvent::AgentAlerting(it) => self.contact.part(id, it.agent, |part| part.alerting = Some(at.now())),
            CallEvent::AgentJoined(it) => self.joined(at, id, it.agent),
            CallEvent::AgentHeld(it) => {
                self.contact.part(id, it.agent, |part| {
                    part.holds += 1;
                    part.held_since.get_or_insert(at.now());
                });
                self.counters.count(at.tenant, Scope::Agent(it.agent), at.time, "hold");
                self.agents.begin(at, it.agent, "hold", |row| row.call = Some(id));
            }
            CallEvent::AgentRetrieved(it) => {
                self.contact.part(id, it.agent, |part| part.unhold(at.now()));
                self.agents.end(at, it.agent, "hold", Some(id));
            }
            CallEvent::AgentMuted(it) if it.muted => self.agents.begin(at, it.agent, "mute", |row| row.call = Some(id)),
            CallEvent::AgentMuted(it) => self.agents.end(at, it.agent, "mute", Some(id)),
            CallEvent::AgentLeft(it) => self.left(at, id, it),
            CallEvent::Conferenced(it) => {
                self.counters.count(at.tenant, Scope::Agent(it.agent), at.time, "three_party");
                self.agents.act(at, it.agent, "three_party", |row| row.call = Some(id));
            }
            CallEvent::Consulting(it) => {
                self.counters.count(at.tenant, Scope::Agent(it.agent), at.time, "consult");
                let (other, queue) = (agent_of(&it.target), queue_of(&it.target));
                self.agents.begin(at, it.agent, "consult", |row| (row.call, row.other, row.queue) = (Some(id), other, queue));
            }
            CallEvent::Supervised(it) => {
                self.agents.end(at, it.supervisor, "supervise", Some(id));
                let mode = it.mode as u32;
                self.agents.begin(at, it.supervisor, "supervise", |row| {
                    (row.call, row.other, row.cause) = (Some(id), Some(it.agent.get()), Some(mode));
                });
            }
            CallEvent::SupervisionEnded(it) => self.agents.end(at, it.supervisor, "supervise", Some(id)),
            CallEvent::DataSet(it) => {
                self.calls.change(&id, |call| call.data = Some(it.data.to_string()));
            }
            CallEvent::Voicemail(it) => {
                self.calls.change(&id, |call| call.voicemail = Some(it.queue.get()));
            }
            CallEvent::Originated(it) => {
                if let (Some(agent), fact::CallKind::Inside) = (it.agent, it.kind) {
                    self.counters.count(at.tenant, Scope::Agent(agent), at.time, "inside_call");
                }
            }
            CallEvent::Ended(_) => self.close(at, id),
            _ => self.handed_or_recorded(at, id, event),
        }
    }

    // ---- waiting ----------------------------------------------------------------------------------------------------

    fn queued(&mut self, at: At<'_>, id: CallId, it: &fact::CallQueued) {
        if let Some(open) = self.contact.visit_of.get(&id) {
            let key = (id, *open);
            let same = self.contact.visits.get(&key).is_some_and(|visit| visit.queue == it.queue.get());
            if same {
                // Back to its place after an agent did not answer: the same wait goes on.
                self.contact.visits.change(&key, |visit| visit.position = it.position);
                return;
            }
            self.leave(at, id, it.queue, &Leaving::Ended, 0);
        }
        let (entry_from, counts) = match &it.entry {
            Entry::Arrived | Entry::Put => (None, true),
            Entry::HandedOver(agent) => (Some(agent.get()), true),
            Entry::Overflowed(queue) => (Some(u32::from(queue.get())), true),
            // A colleague is asked for: not a customer's request.
            Entry::AskedBy(agent) => (Some(agent.get()), false),
        };
        let row = VisitRow {
            call: id,
            n: at.seq,
            tenant: at.tenant.to_string(),
            queue: it.queue.get(),
            entry: word(&it.entry),
            entry_from,
            priority: it.priority,
            position: it.position,
            since: it.since.as_micros(),
            queued: at.now(),
            offered: None,
            offers: 0,
            ended: None,
            waited_ms: None,
            leaving: None,
            agent: None,
            rule: None,
            overflow_to: None,
        };
        self.contact.visits.begin((id, at.seq), row);
        self.contact.visit_of.insert(id, at.seq);
        self.calls.change(&id, |call| call.queue = Some(it.queue.get()));
        if counts {
            self.counters.count(at.tenant, Scope::Queue(it.queue), at.time, "request");
        }
    }

    fn dequeued(&mut self, at: At<'_>, id: CallId, it: &fact::CallDequeued) {
        self.leave(at, id, it.queue, &it.leaving, it.waited_ms);
    }

    fn leave(&mut self, at: At<'_>, id: CallId, queue: QueueId, leaving: &Leaving, waited_ms: u64) {
        let Some(n) = self.contact.visit_of.remove(&id) else { return };
        let visit = self.contact.visits.change(&(id, n), |visit| {
            visit.ended = Some(at.now());
            visit.waited_ms = Some(waited_ms);
            visit.leaving = Some(word(leaving));
            match leaving {
                Leaving::Answered(agent) => visit.agent = Some(agent.get()),
                Leaving::Overflowed { rule, to } => {
                    visit.rule = Some(word(rule));
                    visit.overflow_to = Some(overflow_to(to));
                }
                Leaving::Abandoned | Leaving::Cancelled | Leaving::Ended => {}
            }
            (visit.queued, visit.offers, visit.entry == "asked_by")
        });
        let Some((queued, offers, asked)) = visit else { return };
        if asked {
            return;
        }
        let began = Timestamp::from_micros(queued);
        let mut count = |name| self.counters.count(at.tenant, Scope::Queue(queue), began, name);
        match leaving {
            Leaving::Answered(_) => {
                count("connected");
                within(waited_ms).into_iter().for_each(|seconds| count(connected_le(seconds)));
            }
            Leaving::Abandoned => {
                count("user_abandon");
                if waited_ms < 15_000 {
                    count("abandoned_under_15");
                }
                if waited_ms < 20_000 {
                    count("abandoned_under_20");
                }
                within(waited_ms).into_iter().for_each(|seconds| count(abandoned_le(seconds)));
            }
            Leaving::Overflowed { rule, to } => match (rule, to) {
                (_, Overflow::Release(_)) => count("disconnected"),
                (OverflowRule::Late, Overflow::Queue(_)) => count("timeout_queue"),
                (OverflowRule::Full, Overflow::Queue(_)) => count("over_queue"),
                _ => {}
            },
            Leaving::Ended => count("disconnected"),
            Leaving::Cancelled => {}
        }
        if offers > 0 && !matches!(leaving, Leaving::Answered(_)) {
            count("lost_ring");
        }
    }

    // ---- agents' parts ------------------------------------------------------------------------------------------------

    fn offered(&mut self, at: At<'_>, id: CallId, it: &fact::CallOffered) {
        let supervises = if let PartRole::Supervisor(agent) = it.role { Some(agent.get()) } else { None };
        let row = PartRow {
            call: id,
            n: at.seq,
            tenant: at.tenant.to_string(),
            agent: it.agent.get(),
            role: word(&it.role),
            supervises,
            queue: it.queue.map(QueueId::get),
            rule: it.choice.as_ref().map(rule),
            offered: at.now(),
            alerting: None,
            joined: None,
            ended: None,
            end_reason: None,
            end_by: None,
            holds: 0,
            held_ms: 0,
            held_since: None,
        };
        self.contact.parts.begin((id, at.seq), row);
        self.contact.part_of.insert((id, it.agent.get()), at.seq);
        if let (Some(queue), Some(n)) = (it.queue, self.contact.visit_of.get(&id)) {
            self.contact.visits.change(&(id, *n), |visit| {
                if visit.queue == queue.get() {
                    visit.offers += 1;
                    visit.offered.get_or_insert(at.now());
                }
            });
        }
        let direction = self.calls.get(&id).and_then(|call| call.direction.clone());
        self.agents.note_call(at.tenant, it.agent, id, direction.as_deref());
        if it.role == PartRole::Handler && self.is_inbound(id) {
            self.counters.count(at.tenant, Scope::Agent(it.agent), at.time, "request");
        }
    }

    fn is_inbound(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| call.direction.as_deref() == Some("in"))
    }

    fn joined(&mut self, at: At<'_>, id: CallId, agent: WorkNumber) {
        let mut first = None;
        self.contact.part(id, agent, |part| {
            if part.joined.is_none() {
                part.joined = Some(at.now());
                first = Some((part.role == "handler", part.offered));
            }
        });
        let Some((true, offered)) = first else { return };
        if self.is_inbound(id) {
            self.counters.count(at.tenant, Scope::Agent(agent), Timestamp::from_micros(offered), "connected");
        }
        self.calls.change(&id, |call| call.agent = Some(agent.get()));
        self.connected(at, id);
    }

    fn left(&mut self, at: At<'_>, id: CallId, it: &fact::AgentLeft) {
        let inbound = self.is_inbound(id);
        self.end_part(at, id, it.agent, &it.end, inbound);
        self.agents.end_in(at, it.agent, id);
        match &it.end {
            PartEnd::Released => {
                self.calls.change(&id, |call| call.released_by = Some(format!("agent:{}", it.agent)));
            }
            PartEnd::Intercepted(by) => {
                self.agents.act(at, *by, "intercept", |row| (row.call, row.other) = (Some(id), Some(it.agent.get())));
            }
            _ => {}
        }
    }

    fn end_part(&mut self, at: At<'_>, id: CallId, agent: WorkNumber, end: &PartEnd, inbound: bool) {
        let Some(n) = self.contact.part_of.remove(&(id, agent.get())) else { return };
        let part = self.contact.parts.change(&(id, n), |part| {
            part.ended = Some(at.now());
            part.end_reason = Some(word(end));
            if let PartEnd::Intercepted(by) = end {
                part.end_by = Some(by.get());
            }
            part.unhold(at.now());
            (part.role == "handler" && part.joined.is_none(), part.offered, part.queue)
        });
        let Some((true, offered, queue)) = part else { return };
        let began = Timestamp::from_micros(offered);
        if inbound && *end != PartEnd::TakenElsewhere {
            self.counters.count(at.tenant, Scope::Agent(agent), began, "abandon");
        }
        let Some(queue) = queue.and_then(|queue| QueueId::new(queue).ok()) else { return };
        match end {
            PartEnd::Rejected => self.counters.count(at.tenant, Scope::Queue(queue), began, "agent_abandon"),
            PartEnd::NoAnswer | PartEnd::PhoneFailed => self.counters.count(at.tenant, Scope::Queue(queue), began, "system_lost"),
            _ => {}
        }
    }

    /// A call is over, and with it everything that was open in it.
    fn close(&mut self, at: At<'_>, id: CallId) {
        let waited = self.contact.visit_of.get(&id).and_then(|n| self.contact.visits.get(&(id, *n))).map(|visit| {
            let waited = u64::try_from(at.now().saturating_sub(visit.since) / 1000).unwrap_or(0);
            (visit.queue, waited)
        });
        if let Some((queue, waited)) = waited.and_then(|(queue, waited)| QueueId::new(queue).ok().map(|queue| (queue, waited))) {
            self.leave(at, id, queue, &Leaving::Ended, waited);
        }
        let mut parts: Vec<u32> = self.contact.part_of.keys().filter(|(call, _)| *call == id).map(|(_, agent)| *agent).collect();
        parts.sort_unstable();
        let inbound = self.is_inbound(id);
        for agent in parts.into_iter().filter_map(|agent| WorkNumber::new(agent).ok()) {
            self.end_part(at, id, agent, &PartEnd::Over, inbound);
            self.agents.end_in(at, agent, id);
        }
        if let Some(n) = self.contact.handover_of.remove(&id) {
            self.contact.handovers.change(&(id, n), |row| row.ended = Some(at.now()));
        }
    }

    // ---- handovers and recordings -------------------------------------------------------------------------------------

    fn handed_or_recorded(&mut self, at: At<'_>, id: CallId, event: &CallEvent) {
        match event {
            CallEvent::HandoverAsked(it) => {
                let (kind, target) = match &it.target {
                    Reach::Agent(agent) => ("agent", agent.to_string()),
                    Reach::Queue(queue) => ("queue", queue.to_string()),
                    Reach::Number(number) => ("number", number.to_string()),
                };
                self.handover(at, id, Some(it.agent.get()), word(&it.mode), kind, target);
            }
            CallEvent::TransferRequested(it) => {
                let agent = self.agent_of(it.leg);
                self.handover(at, id, agent, "refer".to_owned(), "number", it.target.to_string());
            }
            CallEvent::HandoverEnded(it) => self.handover_over(at, id, it.failed.as_ref().map(|cause| cause.sip)),
            CallEvent::TransferFailed(it) => self.handover_over(at, id, Some(it.cause.sip)),
            CallEvent::TransferCompleted(_) => self.handover_over(at, id, None),
            CallEvent::RecordingStarted(it) => {
                let row = RecordingRow {
                    id: it.recording.to_string(),
                    call: id,
                    tenant: at.tenant.to_string(),
                    agent: it.agent.map(WorkNumber::get),
                    purpose: word(&it.purpose),
                    path: it.path.to_string(),
                    format: word(&it.format),
                    started: at.now(),
                    pauses: 0,
                    ended: None,
                    duration_ms: None,
                    bytes: None,
                    failed: None,
                };
                self.contact.recordings.begin(it.recording.to_string(), row);
            }
            _ => self.contact.late(at, event),
        }
    }

    fn handover(&mut self, at: At<'_>, id: CallId, agent: Option<u32>, mode: String, kind: &str, target: String) {
        if self.contact.handover_of.contains_key(&id) {
            self.handover_over(at, id, None);
        }
        let (target_kind, tenant) = (kind.to_owned(), at.tenant.to_string());
        let row = HandoverRow { call: id, n: at.seq, tenant, agent, mode, target_kind, target, asked: at.now(), ended: None, failed: None };
        self.contact.handovers.begin((id, at.seq), row);
        self.contact.handover_of.insert(id, at.seq);
    }

    fn handover_over(&mut self, at: At<'_>, id: CallId, failed: Option<u16>) {
        let Some(n) = self.contact.handover_of.remove(&id) else { return };
        let done = self.contact.handovers.change(&(id, n), |row| {
            (row.ended, row.failed) = (Some(at.now()), failed);
            (row.agent, row.mode == "suspend", row.target_kind == "number", row.target.clone())
        });
        let Some((Some(agent), suspended, outside, target)) = done else { return };
        let Ok(agent) = WorkNumber::new(agent) else { return };
        let name = match (suspended, outside) {
            (true, _) => "suspended",
            (_, true) => "moved_out",
            _ => "moved_inside",
        };
        if failed.is_none() {
            self.counters.count(at.tenant, Scope::Agent(agent), at.time, name);
        }
        let cause = failed.map(u32::from);
        self.agents.act(at, agent, "handover", |row| (row.call, row.cause, row.phone) = (Some(id), cause, Some(target)));
    }
}

impl PartRow {
    fn unhold(&mut self, now: i64) {
        if let Some(since) = self.held_since.take() {
            self.held_ms = self.held_ms.saturating_add(now.saturating_sub(since) / 1000);
        }
    }
}

fn rule(choice: &Choice) -> String {
    match choice.rule {
        ChoiceRule::Strategy(strategy) => word(&strategy),
        other => word(&other),
    }
}

fn overflow_to(to: &Overflow) -> String {
    match to {
        Overflow::Queue(queue) => format!("queue:{queue}"),
        Overflow::Number(number) => format!("number:{number}"),
        other => word(other),
    }
}

fn agent_of(reach: &Reach) -> Option<u32> {
    if let Reach::Agent(agent) = reach { Some(agent.get()) } else { None }
}

fn queue_of(reach: &Reach) -> Option<u16> {
    if let Reach::Queue(queue) = reach { Some(queue.get()) } else { None }
}
