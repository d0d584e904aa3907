//! Reads the history: pages of calls, one call with its legs.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{QueryBuilder, Row};
use tandem_core::{CallId, TenantId, Timestamp};
use utoipa::ToSchema;

use super::History;

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
}

fn time(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}

fn cause(row: &SqliteRow) -> Option<CauseRecord> {
    let sip: Option<u16> = row.get("cause_sip");
    Some(CauseRecord {
        sip: sip?,
        q850: row.get::<Option<u8>, _>("cause_q850").unwrap_or(0),
        by: row.get::<Option<String>, _>("cause_by").unwrap_or_default(),
        text: row.get("cause_text"),
    })
}

fn call(row: &SqliteRow) -> CallRecord {
    let (answered, ended): (Option<i64>, Option<i64>) = (row.get("answered"), row.get("ended"));
    let talk = answered.zip(ended).map(|(from, to)| (to.saturating_sub(from)) as f64 / 1e6);
    let route: Option<String> = row.get("route");
    CallRecord {
        call: row.get("id"),
        origin: row.get("origin"),
        endpoint: row.get("endpoint"),
        caller: row.get("caller"),
        caller_name: row.get("caller_name"),
        called: row.get("called"),
        route: route.and_then(|text| serde_json::from_str(&text).ok()),
        started: time(row.get("started")),
        answered: answered.map(time),
        ended: ended.map(time),
        talk_s: talk,
        cause: cause(row),
        merged_into: row.get("merged_into"),
    }
}

fn leg(row: &SqliteRow) -> LegRecord {
    LegRecord {
        leg: row.get("id"),
        role: row.get("role"),
        endpoint: row.get("endpoint"),
        number: row.get("number"),
        sip_call_id: row.get("sip_call_id"),
        started: time(row.get("started")),
        ringing: row.get::<Option<i64>, _>("ringing").map(time),
        answered: row.get::<Option<i64>, _>("answered").map(time),
        ended: row.get::<Option<i64>, _>("ended").map(time),
        codec: row.get("codec"),
        cause: cause(row),
        packets_received: row.get("packets_received"),
        packets_sent: row.get("packets_sent"),
        packets_lost: row.get("packets_lost"),
        packets_rejected: row.get("packets_rejected"),
        jitter_ms: row.get("jitter_ms"),
        round_trip_ms: row.get("round_trip_ms"),
        mos: row.get("mos"),
    }
}

impl History {
    /// A page of a tenant's calls, newest first.
    pub async fn calls(&self, tenant: &TenantId, filter: &CallFilter) -> Result<Page, sqlx::Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM call WHERE tenant = ");
        query.push_bind(tenant.as_str().to_owned());
        if let Some(from) = filter.from {
            query.push(" AND started >= ").push_bind(from.as_micros());
        }
        if let Some(to) = filter.to {
            query.push(" AND started < ").push_bind(to.as_micros());
        }
        if let Some(caller) = &filter.caller {
            query.push(" AND caller = ").push_bind(caller.clone());
        }
        if let Some(called) = &filter.called {
            query.push(" AND called = ").push_bind(called.clone());
        }
        if let Some(cause) = filter.cause {
            query.push(" AND cause_sip = ").push_bind(i64::from(cause));
        }
        if let Some(answered) = filter.answered {
            query.push(if answered { " AND answered IS NOT NULL" } else { " AND answered IS NULL" });
        }
        if let Some(cursor) = &filter.cursor {
            query.push(" AND (started, id) < (").push_bind(cursor.started).push(", ").push_bind(cursor.id.to_string()).push(")");
        }
        query.push(" ORDER BY started DESC, id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
        let mut rows = query.build().fetch_all(&self.readers).await?;
        let more = rows.len() > filter.limit as usize;
        rows.truncate(filter.limit as usize);
        let next = rows.last().filter(|_| more).map(|row| format!("{}-{}", row.get::<i64, _>("started"), row.get::<&str, _>("id")));
        Ok(Page { calls: rows.iter().map(call).collect(), next })
    }

    /// One call with its legs, and where its events are in the log.
    pub async fn call(&self, tenant: &TenantId, id: CallId) -> Result<Option<(CallRecord, Vec<LegRecord>, Vec<u64>)>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM call WHERE tenant = ?1 AND id = ?2")
            .bind(tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let legs =
            sqlx::query("SELECT * FROM leg WHERE call = ?1 ORDER BY started, id").bind(id.to_string()).fetch_all(&self.readers).await?;
        let offsets = serde_json::from_str(row.get::<&str, _>("offsets")).unwrap_or_default();
        Ok(Some((call(&row), legs.iter().map(leg).collect(), offsets)))
    }

    /// Calls and legs in the history.
    pub async fn counts(&self) -> Result<(i64, i64), sqlx::Error> {
        let row = sqlx::query("SELECT (SELECT count(*) FROM call), (SELECT count(*) FROM leg)").fetch_one(&self.readers).await?;
        Ok((row.get(0), row.get(1)))
    }
}
