//! The rows, as structs; their fields are the columns of `tables`.

use serde::{Deserialize, Serialize};
use tandem_core::call::MediaStats;
use tandem_core::cause::{Cause, Party};
use tandem_core::{CallId, Endpoint, LegId};

use super::shelf::Lasting;

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {
        $($(#[$doc])* #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub(super) struct $name { $(pub(super) $field: $type,)* }

        impl Lasting for $name {
            fn is_over(&self) -> bool {
                self.ended.is_some()
            }
        })*
    };
}

rows! {
    /// A call's row.
    CallRow {
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
        cause_sip: Option<u16>,
        cause_q850: Option<u8>,
        cause_by: Option<String>,
        cause_text: Option<String>,
        merged_into: Option<CallId>,
        offsets: Offsets,
        kind: Option<String>,
        direction: Option<String>,
        connected: Option<i64>,
        queue: Option<u16>,
        agent: Option<u32>,
        voicemail: Option<u16>,
        data: Option<String>,
        released_by: Option<String>,
    }
    /// A leg's row.
    LegRow {
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
        cause_sip: Option<u16>,
        cause_q850: Option<u8>,
        cause_by: Option<String>,
        cause_text: Option<String>,
        packets_received: Option<u64>,
        packets_sent: Option<u64>,
        packets_lost: Option<u64>,
        packets_rejected: Option<u64>,
        jitter_ms: Option<f64>,
        round_trip_ms: Option<f64>,
        mos: Option<f64>,
        agent: Option<u32>,
    }
    /// A stay in a queue.
    VisitRow {
        call: CallId,
        n: u64,
        tenant: String,
        queue: u16,
        entry: String,
        entry_from: Option<u32>,
        priority: u8,
        position: u32,
        since: i64,
        queued: i64,
        offered: Option<i64>,
        offers: u32,
        ended: Option<i64>,
        waited_ms: Option<u64>,
        leaving: Option<String>,
        agent: Option<u32>,
        rule: Option<String>,
        overflow_to: Option<String>,
    }
    /// An agent's part in a call.
    PartRow {
        call: CallId,
        n: u64,
        tenant: String,
        agent: u32,
        role: String,
        supervises: Option<u32>,
        queue: Option<u16>,
        rule: Option<String>,
        offered: i64,
        alerting: Option<i64>,
        joined: Option<i64>,
        ended: Option<i64>,
        end_reason: Option<String>,
        end_by: Option<u32>,
        holds: u32,
        held_ms: i64,
        held_since: Option<i64>,
    }
    /// A handover.
    HandoverRow {
        call: CallId,
        n: u64,
        tenant: String,
        agent: Option<u32>,
        mode: String,
        target_kind: String,
        target: String,
        asked: i64,
        ended: Option<i64>,
        failed: Option<u16>,
    }
    /// A recording.
    RecordingRow {
        id: String,
        call: CallId,
        tenant: String,
        agent: Option<u32>,
        purpose: String,
        path: String,
        format: String,
        started: i64,
        pauses: u32,
        ended: Option<i64>,
        duration_ms: Option<u64>,
        bytes: Option<u64>,
        failed: Option<String>,
    }
    /// What an agent did.
    OperationRow {
        tenant: String,
        seq: u64,
        operation: String,
        agent: u32,
        started: i64,
        ended: Option<i64>,
        cause: Option<u32>,
        other: Option<u32>,
        call: Option<CallId>,
        queue: Option<u16>,
        phone: Option<String>,
        session: Option<u64>,
    }
}

/// Places in the log, kept as JSON in a text column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Offsets(pub(super) Vec<u64>);

impl From<Offsets> for String {
    fn from(offsets: Offsets) -> String {
        serde_json::to_string(&offsets.0).unwrap_or_else(|_| "[]".to_owned())
    }
}

impl TryFrom<String> for Offsets {
    type Error = serde_json::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text).map(Offsets)
    }
}

fn party(by: Party) -> &'static str {
    match by {
        Party::Remote => "remote",
        Party::Peer => "peer",
        Party::System => "system",
        Party::Operator => "operator",
    }
}

impl CallRow {
    /// Why it ended.
    pub(super) fn end(&mut self, now: i64, cause: &Cause) {
        self.ended = Some(now);
        (self.cause_sip, self.cause_q850) = (Some(cause.sip), Some(cause.q850));
        self.cause_by = Some(party(cause.by).to_owned());
        self.cause_text = cause.text.as_ref().map(ToString::to_string);
    }
}

impl LegRow {
    /// Why it ended and what its media was like.
    pub(super) fn end(&mut self, now: i64, cause: &Cause, stats: Option<&MediaStats>) {
        self.ended = Some(now);
        (self.cause_sip, self.cause_q850) = (Some(cause.sip), Some(cause.q850));
        self.cause_by = Some(party(cause.by).to_owned());
        self.cause_text = cause.text.as_ref().map(ToString::to_string);
        let Some(stats) = stats else { return };
        (self.packets_received, self.packets_sent) = (Some(stats.packets_received), Some(stats.packets_sent));
        (self.packets_lost, self.packets_rejected) = (Some(stats.packets_lost), Some(stats.packets_rejected));
        (self.jitter_ms, self.round_trip_ms, self.mos) =
            (Some(plain(stats.jitter_ms)), stats.round_trip_ms.map(plain), stats.mos.map(plain));
    }
}

/// 4.1 stays 4.1: as a double of the same bits it would be 4.099999904632568.
fn plain(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// `phone:<user>` or `trunk:<name>`.
pub(super) fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Phone(user) => format!("phone:{user}"),
        Endpoint::Trunk(name) => format!("trunk:{name}"),
    }
}

/// The name of a variant as events spell it: `"no_answer"`, or the tag of `{"intercepted":101}`.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Object(map)) => map.into_iter().next().map(|(tag, _)| tag).unwrap_or_default(),
        _ => String::new(),
    }
}
