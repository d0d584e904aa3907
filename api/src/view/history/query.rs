//! Reads the history: pages of calls, one call with its legs.

use serde::{Deserialize, Serialize};
use tandem_core::{CallId, TenantId, Timestamp};
use utoipa::ToSchema;

use super::db::{Statement, Where};
use super::rows::{CallRow, LegRow};
use super::{History, tables};

/// Which calls.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// That began at or after this.
    pub from: Option<Timestamp>,
    /// That began before this.
    pub to: Option<Timestamp>,
    /// With this caller number.
    pub caller: Option<String>,
    /// With this called number.
    pub called: Option<String>,
    /// That ended with this SIP status.
    pub cause: Option<u16>,
    /// That were answered, or not.
    pub answered: Option<bool>,
    /// After this place of the last page.
    pub cursor: Option<Cursor>,
    /// Most rows.
    pub limit: u32,
}

/// The place of a row in the order of pages: newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    started: i64,
    id: CallId,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.started, self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (started, id) = text.rsplit_once('-').ok_or(())?;
        Ok(Cursor { started: started.parse().map_err(|_| ())?, id: id.parse().map_err(|_| ())? })
    }
}

/// A page of calls.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page {
    /// Newest first.
    pub calls: Vec<CallRecord>,
    /// `cursor` of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One call of the history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CallRecord {
    /// Its id.
    pub call: String,
    /// `inbound` from a trunk, from a `phone`, or `originated` through the API.
    pub origin: String,
    /// `phone:<user>` or `trunk:<name>` that it came from.
    pub endpoint: String,
    /// Caller number.
    pub caller: String,
    /// Caller's display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_name: Option<String>,
    /// What was dialled.
    pub called: String,
    /// Where it led.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub route: Option<serde_json::Value>,
    /// When it began.
    pub started: String,
    /// When somebody or something answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Seconds between answer and end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk_s: Option<f64>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseRecord>,
    /// The call that its legs moved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// `ordinary`, `outbound`, `inside`, `consultation`, `line`, `playback` or `conference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `in`, `out` or `internal`, as the centre counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// When the customer reached a person, or a person the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<String>,
    /// The queue it entered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<u16>,
    /// The agent that served it last, or began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<u32>,
    /// Data that was attached to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// `customer`, `agent:<number>`, `system` or `operator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
}

/// Why a call or a leg ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CauseRecord {
    /// SIP status.
    pub sip: u16,
    /// Q.850 cause.
    pub q850: u8,
    /// `remote`, `peer`, `system` or `operator`.
    pub by: String,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One leg of the history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LegRecord {
    /// Its id.
    pub leg: String,
    /// `caller`, `call`, `originate`, `transfer` or `party`.
    pub role: String,
    /// `phone:<user>` or `trunk:<name>`.
    pub endpoint: String,
    /// Number shown or dialled.
    pub number: String,
    /// SIP Call-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_call_id: Option<String>,
    /// When it began.
    pub started: String,
    /// When it rang.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ringing: Option<String>,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Codec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseRecord>,
    /// RTP packets received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_received: Option<i64>,
    /// RTP packets sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_sent: Option<i64>,
    /// RTP packets lost on the way to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_lost: Option<i64>,
    /// RTP packets from strangers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_rejected: Option<i64>,
    /// Jitter in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Round trip in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// Mean opinion score, 1.0 to 4.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos: Option<f64>,
    /// The agent whose phone it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<u32>,
}

fn time(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}

fn cause(sip: Option<u16>, q850: Option<u8>, by: Option<String>, text: Option<String>) -> Option<CauseRecord> {
    Some(CauseRecord { sip: sip?, q850: q850.unwrap_or(0), by: by.unwrap_or_default(), text })
}

fn call(row: CallRow) -> CallRecord {
    let talk = row.answered.zip(row.ended).map(|(from, to)| (to.saturating_sub(from)) as f64 / 1e6);
    CallRecord {
        call: row.id.to_string(),
        origin: row.origin,
        endpoint: row.endpoint,
        caller: row.caller,
        caller_name: row.caller_name,
        called: row.called,
        route: row.route.and_then(|text| serde_json::from_str(&text).ok()),
        started: time(row.started),
        answered: row.answered.map(time),
        ended: row.ended.map(time),
        talk_s: talk,
        cause: cause(row.cause_sip, row.cause_q850, row.cause_by, row.cause_text),
        merged_into: row.merged_into.map(|call| call.to_string()),
        kind: row.kind,
        direction: row.direction,
        connected: row.connected.map(time),
        queue: row.queue,
        agent: row.agent,
        data: row.data,
        released_by: row.released_by,
    }
}

fn leg(row: LegRow) -> LegRecord {
    let signed = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    LegRecord {
        leg: row.id.to_string(),
        role: row.role,
        endpoint: row.endpoint,
        number: row.number,
        sip_call_id: row.sip_call_id,
        started: time(row.started),
        ringing: row.ringing.map(time),
        answered: row.answered.map(time),
        ended: row.ended.map(time),
        codec: row.codec,
        cause: cause(row.cause_sip, row.cause_q850, row.cause_by, row.cause_text),
        packets_received: signed(row.packets_received),
        packets_sent: signed(row.packets_sent),
        packets_lost: signed(row.packets_lost),
        packets_rejected: signed(row.packets_rejected),
        jitter_ms: row.jitter_ms,
        round_trip_ms: row.round_trip_ms,
        mos: row.mos,
        agent: row.agent,
    }
}

impl History {
    /// A page of a tenant's calls, newest first.
    pub async fn calls(&self, tenant: &TenantId, filter: &CallFilter) -> Result<Page, sqlx::Error> {
        let mut which = Where::default().and("tenant = ?", [tenant.as_str().into()]);
        if let Some(from) = filter.from {
            which = which.and("started >= ?", [from.as_micros().into()]);
        }
        if let Some(to) = filter.to {
            which = which.and("started < ?", [to.as_micros().into()]);
        }
        if let Some(caller) = &filter.caller {
            which = which.and("caller = ?", [caller.as_str().into()]);
        }
        if let Some(called) = &filter.called {
            which = which.and("called = ?", [called.as_str().into()]);
        }
        if let Some(cause) = filter.cause {
            which = which.and("cause_sip = ?", [i64::from(cause).into()]);
        }
        if let Some(answered) = filter.answered {
            which = which.and(if answered { "answered IS NOT NULL" } else { "answered IS NULL" }, []);
        }
        if let Some(cursor) = &filter.cursor {
            which = which.and("(started, id) < (?, ?)", [cursor.started.into(), cursor.id.to_string().into()]);
        }
        let rest = format!("FROM call WHERE {} ORDER BY started DESC, id DESC LIMIT {}", which.sql(), u64::from(filter.limit) + 1);
        let mut rows: Vec<CallRow> = self.0.rows(&tables::CALL.all(), &rest, which.params).await?;
        let more = rows.len() > filter.limit as usize;
        rows.truncate(filter.limit as usize);
        let next = rows.last().filter(|_| more).map(|row| Cursor { started: row.started, id: row.id }.to_string());
        Ok(Page { calls: rows.into_iter().map(call).collect(), next })
    }

    /// One call with its legs, and where its events are in the log.
    pub async fn call(&self, tenant: &TenantId, id: CallId) -> Result<Option<(CallRecord, Vec<LegRecord>, Vec<u64>)>, sqlx::Error> {
        let which = vec![tenant.as_str().into(), id.to_string().into()];
        let rows: Vec<CallRow> = self.0.rows(&tables::CALL.all(), "FROM call WHERE tenant = $1 AND id = $2", which).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let rest = "FROM leg WHERE call = $1 ORDER BY started, id";
        let legs: Vec<LegRow> = self.0.rows(&tables::LEG.all(), rest, vec![id.to_string().into()]).await?;
        let offsets = row.offsets.0.clone();
        Ok(Some((call(row), legs.into_iter().map(leg).collect(), offsets)))
    }

    /// Calls and legs in the history.
    pub async fn counts(&self) -> Result<(i64, i64), sqlx::Error> {
        let count = async |table: &str| {
            let statement = Statement::new(format!("SELECT count(*) FROM {table}"), []);
            self.0.number(&statement).await.map(|count| count.unwrap_or(0))
        };
        Ok((count("call").await?, count("leg").await?))
    }
}
