//! Folds events into rows. Holds what is not over; what changed is written by [`super::History::store`].
//!
//! | file | subject |
//! |---|---|
//! | here | calls and legs |
//! | `contact` | queues, agents' parts, handovers, recordings |
//! | `agents` | what agents do besides calls |
//! | `counters` | the settlement of five minutes |

use tandem_core::event::{CallKind, Purpose, Route};
use tandem_core::{CallEvent, CallId, Cause, Endpoint, Envelope, Event, LegId, Party, TenantId, Timestamp};

use super::agents::Agents;
use super::contact::Contact;
use super::counters::{Counters, Scope};
use super::db::{Database, Statement};
use super::rows::{CallRow, LegRow, Offsets, endpoint, word};
use super::shelf::{Lasting, Shelf};
use super::tables;
use crate::limits;
use crate::view::live::role;

/// One event with what every part of the fold asks of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) seq: u64,
    pub(super) time: Timestamp,
}

impl At<'_> {
    pub(super) fn now(&self) -> i64 {
        self.time.as_micros()
    }
}

/// The fold's working set.
#[derive(Debug, Default)]
pub struct Folder {
    /// What the database holds.
    pub(super) stored: u64,
    position: u64,
    pub(super) calls: Shelf<CallId, CallRow>,
    legs: Shelf<LegId, LegRow>,
    pub(super) contact: Contact,
    pub(super) agents: Agents,
    pub(super) counters: Counters,
}

impl Folder {
    /// Reads what is not over back, to go on after a restart.
    pub(super) async fn load(database: &Database, position: u64) -> Result<Folder, sqlx::Error> {
        let mut folder = Folder { stored: position, position, ..Folder::default() };
        for row in super::open_rows::<CallRow>(database, &tables::CALL).await? {
            folder.calls.restore(row.id, row);
        }
        for row in super::open_rows::<LegRow>(database, &tables::LEG).await? {
            folder.legs.restore(row.id, row);
        }
        folder.contact = Contact::load(database).await?;
        folder.agents = Agents::load(database).await?;
        Ok(folder)
    }

    /// Offset of the next event to fold.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Calls that are not over.
    pub fn open_calls(&self) -> usize {
        self.calls.open().count()
    }

    /// Statements that write what changed since the last transaction.
    pub(super) fn changes(&self, dialect: super::db::Dialect) -> Vec<Statement> {
        let mut list = Vec::new();
        put(&mut list, dialect, &tables::CALL, &self.calls.changed());
        put(&mut list, dialect, &tables::LEG, &self.legs.changed());
        self.contact.changes(&mut list, dialect);
        self.agents.changes(&mut list, dialect);
        put(&mut list, dialect, &tables::COUNTER, &self.counters.rows());
        list
    }

    /// The changes are in the database: what is over leaves memory.
    pub(super) fn stored(&mut self, position: u64) {
        (self.position, self.stored) = (position, position);
        self.legs.stored();
        self.calls.stored();
        self.contact.stored();
        self.agents.stored();
        self.counters.stored();
    }

    /// Takes one event. Skips what was folded before, and what is about configuration.
    pub fn apply(&mut self, offset: u64, envelope: &Envelope) {
        if offset < self.position {
            return;
        }
        self.position = offset + 1;
        let at = At { tenant: &envelope.tenant, seq: envelope.seq, time: envelope.time };
        match &envelope.event {
            Event::Call(id, event) => self.call(offset, at, *id, event),
            Event::Agent(agent, event) => self.agent(at, *agent, event),
            Event::Config(_) => {}
        }
    }

    fn call(&mut self, offset: u64, at: At<'_>, id: CallId, event: &CallEvent) {
        self.begin(id, at, event);
        // A recording may be complete when its call is over: what comes then is no longer the call's, whether or not its row is
        // still here.
        if self.calls.get(&id).is_none_or(Lasting::is_over) {
            self.contact.late(at, event);
            return;
        }
        self.calls.change(&id, |call| {
            if call.offsets.0.len() < limits::CALL_OFFSETS {
                call.offsets.0.push(offset);
            }
        });
        match event {
            CallEvent::Routed(body) => self.routed(at, id, &body.route),
            CallEvent::Answered(body) => self.answered(at, id, body.leg),
            CallEvent::Releasing(body) => self.noted(id, body.leg, &body.cause),
            CallEvent::LegEnded(body) => self.noted(id, body.leg, &body.cause),
            _ => {}
        }
        self.leg(id, at, event);
        self.contact(at, id, event);
        if let CallEvent::Ended(body) = event {
            self.calls.change(&id, |call| call.end(at.now(), &body.cause));
        }
    }

    /// The first event of a call makes its row.
    fn begin(&mut self, id: CallId, at: At<'_>, event: &CallEvent) {
        let mut agent = None;
        let (origin, from, caller, caller_name, called, kind, direction) = match event {
            CallEvent::Arrived(body) => {
                let (origin, direction) = if matches!(body.from, Endpoint::Trunk(_)) { ("inbound", "in") } else { ("phone", "internal") };
                let name = body.caller_name.as_ref().map(ToString::to_string);
                (origin, &body.from, body.caller.to_string(), name, &body.called, CallKind::Ordinary, direction)
            }
            CallEvent::Originated(body) => {
                let caller = match &body.from {
                    Endpoint::Phone(user) => user.to_string(),
                    Endpoint::Trunk(name) => name.to_string(),
                };
                agent = body.agent.map(|agent| agent.get());
                let direction = if body.kind == CallKind::Outbound { "out" } else { "internal" };
                ("originated", &body.from, caller, None, &body.called, body.kind, direction)
            }
            _ => return,
        };
        if self.calls.get(&id).is_some() {
            return;
        }
        self.counted(at.tenant, at.time, direction);
        let row = CallRow {
            id,
            tenant: at.tenant.to_string(),
            origin: origin.to_owned(),
            endpoint: endpoint(from),
            caller,
            caller_name,
            called: called.to_string(),
            route: None,
            started: at.now(),
            answered: None,
            ended: None,
            cause_sip: None,
            cause_q850: None,
            cause_by: None,
            cause_text: None,
            merged_into: None,
            offsets: Offsets::default(),
            kind: Some(word(&kind)),
            direction: Some(direction.to_owned()),
            connected: None,
            queue: None,
            agent,
            voicemail: None,
            data: None,
            released_by: None,
        };
        self.calls.begin(id, row);
    }

    /// A call of the centre begins. Calls between its own phones are nobody's statistics.
    fn counted(&mut self, tenant: &TenantId, began: Timestamp, direction: &str) {
        match direction {
            "in" => self.counters.count(tenant, Scope::Tenant, began, "inbound"),
            "out" => self.counters.count(tenant, Scope::Tenant, began, "outbound"),
            _ => {}
        }
    }

    /// Later routes are those of transfers and further parties: their legs tell of them.
    fn routed(&mut self, at: At<'_>, id: CallId, route: &Route) {
        let text = serde_json::to_string(route).ok();
        let now = self.calls.change(&id, |call| {
            if call.route.is_some() {
                return None;
            }
            call.route = text;
            // A phone's call is the centre's when it leads to an access number or to the telephone network.
            let direction = match route {
                Route::Number(_) => "in",
                Route::Trunks(_) => "out",
                Route::Phone(_) | Route::Replaces(_) => return None,
            };
            let ordinary = call.kind.as_deref().is_none_or(|kind| kind == "ordinary");
            if call.direction.as_deref() != Some("internal") || !ordinary {
                return None;
            }
            call.direction = Some(direction.to_owned());
            Some((direction, Timestamp::from_micros(call.started)))
        });
        if let Some((direction, began)) = now.flatten() {
            self.counted(at.tenant, began, direction);
        }
    }

    fn answered(&mut self, at: At<'_>, id: CallId, leg: LegId) {
        self.calls.change(&id, |call| call.answered = call.answered.or(Some(at.now())));
        // A person answered: whoever was called, but not an agent's phone, whose agent is asked first.
        let person = self.legs.get(&leg).is_some_and(|leg| matches!(leg.role.as_str(), "call" | "transfer" | "party"));
        if person && let Some((direction, kind, agent, began)) = self.connected(at, id) {
            let caller = agent.and_then(|agent| tandem_core::agent::WorkNumber::new(agent).ok());
            if let (Some(agent), "outbound", "out") = (caller, kind.as_str(), direction.as_str()) {
                self.counters.count(at.tenant, Scope::Agent(agent), began, "call_out");
            }
        }
    }

    /// The customer talks with a person for the first time: direction, kind, agent and begin of the call.
    pub(super) fn connected(&mut self, at: At<'_>, id: CallId) -> Option<(String, String, Option<u32>, Timestamp)> {
        let first = self.calls.change(&id, |call| {
            if call.connected.is_some() {
                return None;
            }
            call.connected = Some(at.now());
            let (direction, kind) = (call.direction.clone().unwrap_or_default(), call.kind.clone().unwrap_or_default());
            Some((direction, kind, call.agent, Timestamp::from_micros(call.started)))
        })??;
        match first.0.as_str() {
            "in" => self.counters.count(at.tenant, Scope::Tenant, first.3, "inbound_connected"),
            "out" => self.counters.count(at.tenant, Scope::Tenant, first.3, "outbound_connected"),
            _ => {}
        }
        Some(first)
    }

    /// Who let go last of its own accord: in a call of two, who hung up.
    fn noted(&mut self, id: CallId, leg: LegId, cause: &Cause) {
        let agent = self.legs.get(&leg).and_then(|leg| leg.agent);
        let by = match (cause.by, agent) {
            (Party::Peer, _) => return,
            (Party::Remote, Some(agent)) => format!("agent:{agent}"),
            (Party::Remote, None) => "customer".to_owned(),
            (Party::System, _) => "system".to_owned(),
            // What an agent releases through its program is ended by order, too; its part says whose.
            (Party::Operator, Some(_)) => return,
            (Party::Operator, None) => "operator".to_owned(),
        };
        self.calls.change(&id, |call| {
            let agents = call.released_by.as_deref().is_some_and(|known| known.starts_with("agent:"));
            if !(agents && cause.by == Party::Operator) {
                call.released_by = Some(by);
            }
        });
    }

    fn leg(&mut self, call: CallId, at: At<'_>, event: &CallEvent) {
        let now = at.now();
        match event {
            CallEvent::Arrived(body) => {
                let row = new_leg(at, call, body.leg, "caller", &body.from, &body.caller, Some(&body.dialog.call_id));
                self.legs.begin(body.leg, row);
            }
            CallEvent::Dialled(body) => {
                let mut row = new_leg(at, call, body.leg, role(body.purpose), &body.to, &body.called, None);
                row.agent = body.agent.filter(|_| body.purpose == Purpose::Agent).map(|agent| agent.get());
                self.legs.begin(body.leg, row);
            }
            CallEvent::Ringing(body) => {
                self.legs.change(&body.leg, |leg| leg.ringing = leg.ringing.or(Some(now)));
            }
            CallEvent::Answered(body) => {
                self.legs.change(&body.leg, |leg| {
                    leg.answered.get_or_insert(now);
                    if let Some(dialog) = &body.dialog {
                        leg.sip_call_id = Some(dialog.call_id.clone());
                    }
                    if let Some(media) = &body.media {
                        leg.codec = Some(media.codec.name.to_string());
                    }
                });
            }
            CallEvent::Media(body) => {
                self.legs.change(&body.leg, |leg| leg.codec = Some(body.media.codec.name.to_string()));
            }
            CallEvent::Moved(body) => {
                let agents = self.legs.change(&body.leg, |leg| {
                    leg.call = call;
                    leg.agent.is_some()
                });
                // An agent's phone goes from call to call; where a customer's leg goes, the call goes.
                if agents != Some(true) {
                    self.calls.change(&body.from, |old| old.merged_into = Some(call));
                }
            }
            CallEvent::LegEnded(body) => {
                self.legs.change(&body.leg, |leg| leg.end(now, &body.cause, body.stats.as_ref()));
            }
            _ => {}
        }
    }

    /// The agent whose phone a leg is.
    pub(super) fn agent_of(&self, leg: LegId) -> Option<u32> {
        self.legs.get(&leg).and_then(|leg| leg.agent)
    }
}

fn new_leg(at: At<'_>, call: CallId, id: LegId, role: &str, from: &Endpoint, number: &str, sip_call_id: Option<&str>) -> LegRow {
    LegRow {
        id,
        call,
        tenant: at.tenant.to_string(),
        role: role.to_owned(),
        endpoint: endpoint(from),
        number: number.to_owned(),
        sip_call_id: sip_call_id.map(str::to_owned),
        started: at.now(),
        ringing: None,
        answered: None,
        ended: None,
        codec: None,
        cause_sip: None,
        cause_q850: None,
        cause_by: None,
        cause_text: None,
        packets_received: None,
        packets_sent: None,
        packets_lost: None,
        packets_rejected: None,
        jitter_ms: None,
        round_trip_ms: None,
        mos: None,
        agent: None,
    }
}

/// Adds a statement for rows, if there are any.
pub(super) fn put(list: &mut Vec<Statement>, dialect: super::db::Dialect, table: &tables::Table, rows: &[impl serde::Serialize]) {
    if !rows.is_empty() {
        list.push(table.put(dialect, &rows));
    }
}
