//! What adapters and pages ask of the centre's history: the story of a call, calls of a time, sums, what an agent did.
//!
//! Times are microseconds since 1970 UTC; ranges take the begin in and leave the end out.

use serde::{Deserialize, Serialize};
use tandem_core::{CallId, TenantId};
use utoipa::ToSchema;

use super::History;
use super::db::{Statement, Where};
#[cfg(test)]
use super::tables;

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident of $table:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])* #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl $name {
            const COLUMNS: &'static [(&'static str, &'static str)] = &[$((stringify!($field), stringify!($field)),)*];
        })*
    };
}

facts! {
    /// A call, as statistics see it.
    CallFact of call {
        /// Its id.
        id: String,
        /// Caller number.
        caller: String,
        /// What was dialled.
        called: String,
        /// Phone or trunk it came from.
        endpoint: String,
        /// What it is for.
        kind: Option<String>,
        /// `in`, `out` or `internal`.
        direction: Option<String>,
        /// When it began.
        started: i64,
        /// When somebody or something answered.
        answered: Option<i64>,
        /// When a person was reached.
        connected: Option<i64>,
        /// When it was over.
        ended: Option<i64>,
        /// The queue it entered last.
        queue: Option<i64>,
        /// The agent that served it last or began it.
        agent: Option<i64>,
        /// SIP status at its end.
        cause_sip: Option<i64>,
        /// Who let go: `customer`, `agent:101`, `system`, `operator`.
        released_by: Option<String>,
    }
    /// A stay in a queue.
    VisitFact of queue_visit {
        /// The call.
        call: String,
        /// The queue.
        queue: i64,
        /// Why it came.
        entry: String,
        /// From which agent or queue.
        entry_from: Option<i64>,
        /// 1 to 254, higher goes first.
        priority: i64,
        /// Its place when it came.
        position: i64,
        /// Since when it waits.
        since: i64,
        /// When it came.
        queued: i64,
        /// When it was first offered to an agent.
        offered: Option<i64>,
        /// Offers to agents.
        offers: i64,
        /// When it left.
        ended: Option<i64>,
        /// How long it waited.
        waited_ms: Option<i64>,
        /// `answered`, `abandoned`, `overflowed`, `cancelled` or `ended`.
        leaving: Option<String>,
        /// Who answered.
        agent: Option<i64>,
        /// `full`, `no_agent` or `late`.
        rule: Option<String>,
        /// Where it overflowed to.
        overflow_to: Option<String>,
    }
    /// An agent's part in a call.
    PartFact of agent_part {
        /// The call.
        call: String,
        /// Who.
        agent: i64,
        /// As what.
        role: String,
        /// Whose call a supervisor sat in.
        supervises: Option<i64>,
        /// From which queue.
        queue: Option<i64>,
        /// Which rule chose it.
        rule: Option<String>,
        /// When it was reserved.
        offered: i64,
        /// When its phone was up and it was asked.
        alerting: Option<i64>,
        /// When it joined.
        joined: Option<i64>,
        /// When it left.
        ended: Option<i64>,
        /// Why.
        end_reason: Option<String>,
        /// Which supervisor took over.
        end_by: Option<i64>,
        /// How often it put the call on hold.
        holds: i64,
        /// How long in all.
        held_ms: i64,
    }
    /// A handover.
    HandoverFact of handover {
        /// Who.
        agent: Option<i64>,
        /// How.
        mode: String,
        /// `agent`, `queue` or `number`.
        target_kind: String,
        /// Which.
        target: String,
        /// When it was asked for.
        asked: i64,
        /// When it was through or failed.
        ended: Option<i64>,
        /// SIP status of the failure.
        failed: Option<i64>,
    }
    /// A recording.
    RecordingFact of recording {
        /// Its id.
        id: String,
        /// The call.
        call: String,
        /// Whose talk.
        agent: Option<i64>,
        /// `rule`, `asked` or `voicemail`.
        purpose: String,
        /// Below the tenant's recordings.
        path: String,
        /// `wav` or `opus`.
        format: String,
        /// When it was ordered.
        started: i64,
        /// Gaps.
        pauses: i64,
        /// When it was complete.
        ended: Option<i64>,
        /// Recorded time.
        duration_ms: Option<i64>,
        /// Size of the file.
        bytes: Option<i64>,
        /// Why it failed.
        failed: Option<String>,
    }
    /// What an agent did: a session, a mode, an act (`ended` equals `started`).
    OperationFact of agent_operation {
        /// The event it began with.
        seq: i64,
        /// `session`, `ready`, `not_ready`, `rest`, `wrap_up`, `hold`, `mute`, `consult`, `supervise`, `three_party`, `intercept`,
        /// `handover`, `sign_out`, `force_…`.
        operation: String,
        /// Who.
        agent: i64,
        /// When it began.
        started: i64,
        /// When it ended.
        ended: Option<i64>,
        /// Reason, cause or mode.
        cause: Option<i64>,
        /// Another agent.
        other: Option<i64>,
        /// In which call.
        call: Option<String>,
        /// A queue.
        queue: Option<i64>,
        /// A phone or number.
        phone: Option<String>,
        /// `seq` of its session.
        session: Option<i64>,
    }
}

/// Who did what in a call, when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Story {
    /// Queues it waited in, in order.
    pub visits: Vec<VisitFact>,
    /// Agents that had to do with it, in order.
    pub parts: Vec<PartFact>,
    /// Handovers, in order.
    pub handovers: Vec<HandoverFact>,
    /// Recordings, in order.
    pub recordings: Vec<RecordingFact>,
}

/// Whose sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The tenant's; its id is 0.
    Tenant,
    /// Queues'.
    Queue,
    /// Agents'.
    Agent,
}

/// Which sums.
#[derive(Debug, Clone)]
pub struct CounterQuery<'a> {
    /// Whose.
    pub scope: Scope,
    /// Of these; `None` means all.
    pub ids: Option<&'a [i64]>,
    /// From the five minutes that begin here,
    pub from: i64,
    /// to before those that begin here.
    pub to: i64,
}

/// A sum.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CounterSum {
    /// Queue, agent, or 0.
    pub id: i64,
    /// What was counted.
    pub name: String,
    /// How often.
    pub value: i64,
}

/// Which calls.
#[derive(Debug, Clone, Default)]
pub struct CallQuery {
    /// `in` or `out`; `None` for both.
    pub direction: Option<&'static str>,
    /// Caller number.
    pub caller: Option<String>,
    /// Called number.
    pub called: Option<String>,
    /// That began from here
    pub from: i64,
    /// to before here.
    pub to: i64,
    /// Only those that reached no person and are over.
    pub missed: bool,
    /// Most rows.
    pub limit: i64,
    /// Rows to pass over.
    pub offset: i64,
}

/// A call with what its waiting and its talk amount to, for daily reports.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SettledCall {
    /// Caller number.
    pub caller: String,
    /// What was dialled.
    pub called: String,
    /// The queue it entered last.
    pub queue: Option<i64>,
    /// What it is for.
    pub kind: Option<String>,
    /// When it began.
    pub started: i64,
    /// When a person was reached.
    pub connected: Option<i64>,
    /// When it was over.
    pub ended: Option<i64>,
    /// The agent that served it last or began it.
    pub agent: Option<i64>,
}

impl CallQuery {
    fn which(&self, tenant: &TenantId) -> Where {
        let mut which = Where::default()
            .and("tenant = ?", [tenant.as_str().into()])
            .and("started >= ? AND started < ?", [self.from.into(), self.to.into()]);
        which = match self.direction {
            Some(direction) => which.and("direction = ?", [direction.into()]),
            None => which.and("direction IN ('in', 'out')", []),
        };
        if let Some(caller) = &self.caller {
            which = which.and("caller = ?", [caller.as_str().into()]);
        }
        if let Some(called) = &self.called {
            which = which.and("called = ?", [called.as_str().into()]);
        }
        if self.missed {
            which = which.and("connected IS NULL AND ended IS NOT NULL", []);
        }
        which
    }
}

impl History {
    /// Who did what in a call, when.
    pub async fn story(&self, tenant: &TenantId, call: CallId) -> Result<Story, sqlx::Error> {
        let which = || vec![tenant.as_str().into(), call.to_string().into()];
        let rest = |table: &str, order: &str| format!("FROM {table} WHERE tenant = $1 AND call = $2 ORDER BY {order}");
        Ok(Story {
            visits: self.0.rows(VisitFact::COLUMNS, &rest("queue_visit", "n"), which()).await?,
            parts: self.0.rows(PartFact::COLUMNS, &rest("agent_part", "n"), which()).await?,
            handovers: self.0.rows(HandoverFact::COLUMNS, &rest("handover", "n"), which()).await?,
            recordings: self.0.rows(RecordingFact::COLUMNS, &rest("recording", "started, id"), which()).await?,
        })
    }

    /// A page of calls of the centre, the oldest first, and how many there are in all.
    pub async fn centre_calls(&self, tenant: &TenantId, query: &CallQuery) -> Result<(Vec<CallFact>, i64), sqlx::Error> {
        let which = query.which(tenant);
        let count = Statement { sql: format!("SELECT count(*) FROM call WHERE {}", which.sql()), params: which.params.clone() };
        let count = self.0.number(&count).await?.unwrap_or(0);
        let (limit, offset) = (query.limit.max(0), query.offset.max(0));
        let rest = format!("FROM call WHERE {} ORDER BY started, id LIMIT {limit} OFFSET {offset}", which.sql());
        Ok((self.0.rows(CallFact::COLUMNS, &rest, which.params).await?, count))
    }

    /// The first stay of each of these calls in a queue.
    pub async fn first_visits(&self, tenant: &TenantId, calls: &[String]) -> Result<Vec<VisitFact>, sqlx::Error> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let places = vec!["?"; calls.len()].join(", ");
        let which = Where::default()
            .and("tenant = ?", [tenant.as_str().into()])
            .and(&format!("call IN ({places})"), calls.iter().map(|call| call.as_str().into()));
        let rest = format!("FROM queue_visit WHERE {} ORDER BY n DESC", which.sql());
        let mut visits: Vec<VisitFact> = self.0.rows(VisitFact::COLUMNS, &rest, which.params).await?;
        // The order is the latest first: the earliest of each call stays.
        let mut seen = std::collections::HashSet::new();
        visits.reverse();
        visits.retain(|visit| seen.insert(visit.call.clone()));
        Ok(visits)
    }

    /// Sums over settled five minutes.
    pub async fn sums(&self, tenant: &TenantId, query: &CounterQuery<'_>) -> Result<Vec<CounterSum>, sqlx::Error> {
        let scope = match query.scope {
            Scope::Tenant => "vdn",
            Scope::Queue => "queue",
            Scope::Agent => "agent",
        };
        let mut which = Where::default()
            .and("tenant = ? AND scope = ?", [tenant.as_str().into(), scope.into()])
            .and("slot >= ? AND slot < ?", [query.from.into(), query.to.into()]);
        if let Some(ids) = query.ids {
            which = which.one_of("id", ids);
        }
        let columns = [("id", "id"), ("name", "name"), ("value", "SUM(value)")];
        let rest = format!("FROM counter WHERE {} GROUP BY id, name ORDER BY id, name", which.sql());
        self.0.rows(&columns, &rest, which.params).await
    }

    /// What an agent did in a time, the oldest first: what overlaps it counts.
    pub async fn operations(
        &self,
        tenant: &TenantId,
        agent: i64,
        from: i64,
        to: i64,
        most: i64,
    ) -> Result<(Vec<OperationFact>, Vec<PartFact>), sqlx::Error> {
        let overlap = |begin: &str| {
            Where::default()
                .and("tenant = ? AND agent = ?", [tenant.as_str().into(), agent.into()])
                .and(&format!("{begin} < ? AND (ended IS NULL OR ended >= ?)"), [to.into(), from.into()])
        };
        let which = overlap("started");
        let rest = format!("FROM agent_operation WHERE {} ORDER BY started, seq LIMIT {most}", which.sql());
        let mut operations: Vec<OperationFact> = self.0.rows(OperationFact::COLUMNS, &rest, which.params).await?;
        // Two begin with one event; databases have opinions about the order of texts.
        operations.sort_by(|a, b| (a.started, a.seq, &a.operation).cmp(&(b.started, b.seq, &b.operation)));
        let which = overlap("offered");
        let rest = format!("FROM agent_part WHERE {} ORDER BY offered, n LIMIT {most}", which.sql());
        Ok((operations, self.0.rows(PartFact::COLUMNS, &rest, which.params).await?))
    }

    /// Calls of a time with these numbers at one end, for daily reports; at most `most`.
    pub async fn settled_calls(
        &self,
        tenant: &TenantId,
        direction: &str,
        numbers: &[String],
        range: (i64, i64),
        most: i64,
    ) -> Result<Vec<SettledCall>, sqlx::Error> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let places = vec!["?"; numbers.len()].join(", ");
        let column = if direction == "in" { "called" } else { "caller" };
        let which = Where::default()
            .and("tenant = ? AND direction = ?", [tenant.as_str().into(), direction.into()])
            .and("started >= ? AND started < ?", [range.0.into(), range.1.into()])
            .and(&format!("{column} IN ({places})"), numbers.iter().map(|number| number.as_str().into()));
        let names = ["caller", "called", "queue", "kind", "started", "connected", "ended", "agent"];
        let columns: Vec<(&str, &str)> = names.iter().map(|name| (*name, *name)).collect();
        self.0.rows(&columns, &format!("FROM call WHERE {} ORDER BY started, id LIMIT {most}", which.sql()), which.params).await
    }
}

/// Keeps the list of columns honest: what is asked for is stored.
#[cfg(test)]
#[test]
fn every_fact_is_a_column() {
    for (table, columns) in [
        (&tables::CALL, CallFact::COLUMNS),
        (&tables::VISIT, VisitFact::COLUMNS),
        (&tables::PART, PartFact::COLUMNS),
        (&tables::HANDOVER, HandoverFact::COLUMNS),
        (&tables::RECORDING, RecordingFact::COLUMNS),
        (&tables::OPERATION, OperationFact::COLUMNS),
    ] {
        for (name, _) in columns {
            assert!(table.names().contains(name), "{}.{name}", table.name);
        }
    }
}
