//! Folds events into rows. Holds the calls that are not over; what changed is written by [`super::History::store`].

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqlitePool;
use tandem_core::call::MediaStats;
use tandem_core::cause::{Cause, Party};
use tandem_core::{CallEvent, CallId, Endpoint, Envelope, Event, LegId, Timestamp};

use crate::limits;
use crate::view::live::role;

/// A call's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CallRow {
    id: CallId,
    tenant: String,
    origin: String,
    endpoint: String,
    caller: String,
    caller_name: Option<String>,
    called: String,
    route: Option<String>,
    started: i64,
    answered: Option<i64>,
    ended: Option<i64>,
    #[serde(flatten)]
    cause: CauseRow,
    merged_into: Option<CallId>,
    offsets: Vec<u64>,
}

/// A leg's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LegRow {
    id: LegId,
    call: CallId,
    tenant: String,
    role: String,
    endpoint: String,
    number: String,
    sip_call_id: Option<String>,
    started: i64,
    ringing: Option<i64>,
    answered: Option<i64>,
    ended: Option<i64>,
    codec: Option<String>,
    #[serde(flatten)]
    cause: CauseRow,
    #[serde(flatten)]
    stats: StatsRow,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct CauseRow {
    cause_sip: Option<u16>,
    cause_q850: Option<u8>,
    cause_by: Option<String>,
    cause_text: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct StatsRow {
    packets_received: Option<u64>,
    packets_sent: Option<u64>,
    packets_lost: Option<u64>,
    packets_rejected: Option<u64>,
    jitter_ms: Option<f32>,
    round_trip_ms: Option<f32>,
    mos: Option<f32>,
}

impl CauseRow {
    fn of(cause: &Cause) -> Self {
        let by = match cause.by {
            Party::Remote => "remote",
            Party::Peer => "peer",
            Party::System => "system",
            Party::Operator => "operator",
        };
        CauseRow {
            cause_sip: Some(cause.sip),
            cause_q850: Some(cause.q850),
            cause_by: Some(by.to_owned()),
            cause_text: cause.text.as_ref().map(ToString::to_string),
        }
    }
}

impl StatsRow {
    fn of(stats: &MediaStats) -> Self {
        StatsRow {
            packets_received: Some(stats.packets_received),
            packets_sent: Some(stats.packets_sent),
            packets_lost: Some(stats.packets_lost),
            packets_rejected: Some(stats.packets_rejected),
            jitter_ms: Some(stats.jitter_ms),
            round_trip_ms: stats.round_trip_ms,
            mos: stats.mos,
        }
    }
}

fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Phone(user) => format!("phone:{user}"),
        Endpoint::Trunk(name) => format!("trunk:{name}"),
    }
}

/// The fold's working set: calls that are not over, and what changed since the last transaction.
#[derive(Debug, Default)]
pub struct Folder {
    position: u64,
    calls: HashMap<CallId, CallRow>,
    legs: HashMap<LegId, LegRow>,
    changed_calls: BTreeSet<CallId>,
    changed_legs: BTreeSet<LegId>,
}

impl Folder {
    /// Reads the open calls back, to go on after a restart.
    pub(super) async fn load(pool: &SqlitePool, position: u64) -> Result<Folder, sqlx::Error> {
        let mut folder = Folder { position, ..Folder::default() };
        let open = "SELECT id FROM call WHERE ended IS NULL";
        for (table, rows) in [
            ("call", format!("SELECT json_object({{}}) FROM call WHERE id IN ({open})")),
            ("leg", format!("SELECT json_object({{}}) FROM leg WHERE ended IS NULL AND call IN ({open})")),
        ] {
            // `offsets` is JSON already.
            let pairs: Vec<String> = super::schema::columns(table)
                .iter()
                .map(|column| if *column == "offsets" { "'offsets', json(offsets)".to_owned() } else { format!("'{column}', {column}") })
                .collect();
            let sql = rows.replace("{}", &pairs.join(", "));
            for row in sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await? {
                let text: &str = row.get(0);
                let wrong = |error: serde_json::Error| sqlx::Error::Decode(Box::new(error));
                if table == "call" {
                    let row: CallRow = serde_json::from_str(text).map_err(wrong)?;
                    folder.calls.insert(row.id, row);
                } else {
                    let row: LegRow = serde_json::from_str(text).map_err(wrong)?;
                    folder.legs.insert(row.id, row);
                }
            }
        }
        Ok(folder)
    }

    /// Offset of the next event to fold.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Calls that are not over.
    pub fn open_calls(&self) -> usize {
        self.calls.values().filter(|call| call.ended.is_none()).count()
    }

    /// Rows that changed since the last transaction.
    pub(super) fn changed(&self) -> (Vec<&CallRow>, Vec<&LegRow>) {
        (
            self.changed_calls.iter().filter_map(|id| self.calls.get(id)).collect(),
            self.changed_legs.iter().filter_map(|id| self.legs.get(id)).collect(),
        )
    }

    /// The changes are in the database: calls that are over leave memory.
    pub(super) fn stored(&mut self, position: u64) {
        self.position = position;
        for id in std::mem::take(&mut self.changed_legs) {
            if self.legs.get(&id).is_some_and(|leg| leg.ended.is_some()) {
                self.legs.remove(&id);
            }
        }
        for id in std::mem::take(&mut self.changed_calls) {
            if self.calls.get(&id).is_some_and(|call| call.ended.is_some()) {
                self.calls.remove(&id);
            }
        }
    }

    /// Takes one event. Skips what was folded before, and what is about configuration.
    pub fn apply(&mut self, offset: u64, envelope: &Envelope) {
        if offset < self.position {
            return;
        }
        self.position = offset + 1;
        let Event::Call(id, event) = &envelope.event else { return };
        let (id, time) = (*id, envelope.time);
        self.begin(id, envelope, event);
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.offsets.len() < limits::CALL_OFFSETS {
            call.offsets.push(offset);
        }
        match event {
            // Later routes are those of transfers and further parties: their legs tell of them.
            CallEvent::Routed(body) if call.route.is_none() => call.route = serde_json::to_string(&body.route).ok(),
            CallEvent::Answered(_) => {
                call.answered.get_or_insert(time.as_micros());
            }
            CallEvent::Ended(body) => {
                call.ended = Some(time.as_micros());
                call.cause = CauseRow::of(&body.cause);
            }
            _ => {}
        }
        self.changed_calls.insert(id);
        self.leg(id, time, &envelope.tenant, event);
    }

    /// The first event of a call makes its row.
    fn begin(&mut self, id: CallId, envelope: &Envelope, event: &CallEvent) {
        let (origin, from, caller, caller_name, called) = match event {
            CallEvent::Arrived(body) => {
                let origin = if matches!(body.from, Endpoint::Trunk(_)) { "inbound" } else { "phone" };
                (origin, &body.from, body.caller.to_string(), body.caller_name.as_ref().map(ToString::to_string), &body.called)
            }
            CallEvent::Originated(body) => {
                let caller = match &body.from {
                    Endpoint::Phone(user) => user.to_string(),
                    Endpoint::Trunk(name) => name.to_string(),
                };
                ("originated", &body.from, caller, None, &body.called)
            }
            _ => return,
        };
        self.calls.entry(id).or_insert_with(|| CallRow {
            id,
            tenant: envelope.tenant.to_string(),
            origin: origin.to_owned(),
            endpoint: endpoint(from),
            caller,
            caller_name,
            called: called.to_string(),
            route: None,
            started: envelope.time.as_micros(),
            answered: None,
            ended: None,
            cause: CauseRow::default(),
            merged_into: None,
            offsets: Vec::new(),
        });
    }

    fn leg(&mut self, call: CallId, time: Timestamp, tenant: &tandem_core::TenantId, event: &CallEvent) {
        let now = time.as_micros();
        let new = |id: LegId, role: &str, endpoint: String, number: &str, sip_call_id: Option<&str>| LegRow {
            id,
            call,
            tenant: tenant.to_string(),
            role: role.to_owned(),
            endpoint,
            number: number.to_owned(),
            sip_call_id: sip_call_id.map(str::to_owned),
            started: now,
            ringing: None,
            answered: None,
            ended: None,
            codec: None,
            cause: CauseRow::default(),
            stats: StatsRow::default(),
        };
        match event {
            CallEvent::Arrived(body) => {
                let row = new(body.leg, "caller", endpoint(&body.from), &body.caller, Some(&body.dialog.call_id));
                self.legs.insert(body.leg, row);
                self.changed_legs.insert(body.leg);
            }
            CallEvent::Dialled(body) => {
                self.legs.insert(body.leg, new(body.leg, role(body.purpose), endpoint(&body.to), &body.called, None));
                self.changed_legs.insert(body.leg);
            }
            CallEvent::Ringing(body) => self.change(body.leg, |leg| {
                leg.ringing.get_or_insert(now);
            }),
            CallEvent::Answered(body) => self.change(body.leg, |leg| {
                leg.answered.get_or_insert(now);
                if let Some(dialog) = &body.dialog {
                    leg.sip_call_id = Some(dialog.call_id.clone());
                }
                if let Some(media) = &body.media {
                    leg.codec = Some(media.codec.name.to_string());
                }
            }),
            CallEvent::Media(body) => self.change(body.leg, |leg| leg.codec = Some(body.media.codec.name.to_string())),
            CallEvent::Moved(body) => {
                self.change(body.leg, |leg| leg.call = call);
                if let Some(old) = self.calls.get_mut(&body.from) {
                    old.merged_into = Some(call);
                    self.changed_calls.insert(body.from);
                }
            }
            CallEvent::LegEnded(body) => self.change(body.leg, |leg| {
                leg.ended = Some(now);
                leg.cause = CauseRow::of(&body.cause);
                if let Some(stats) = &body.stats {
                    leg.stats = StatsRow::of(stats);
                }
            }),
            _ => {}
        }
    }

    fn change(&mut self, leg: LegId, change: impl FnOnce(&mut LegRow)) {
        if let Some(row) = self.legs.get_mut(&leg) {
            change(row);
            self.changed_legs.insert(leg);
        }
    }
}
