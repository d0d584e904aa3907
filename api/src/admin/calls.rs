//! `/api/v1/tenants/{tenant}/calls`: live ones, past ones, one with its timeline; and what can be done to one.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use tandem_core::{CallId, Command, Number, TenantId, Timestamp, UserName};
use utoipa::{IntoParams, ToSchema};

use super::bodies::{List, ListQuery};
use super::{page, page_size, parse};
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};
use crate::limits;
use crate::view::LiveCall;
use crate::view::history::{CallFilter, CallRecord, LegRecord, Page};

/// Lists calls that are not over, the oldest first.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/calls", operation_id = "listCalls", tag = "calls",
    params(("tenant" = String, Path), ListQuery), responses((status = 200, body = List<LiveCall>), (status = "default", body = Problem)))]
pub async fn live(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<LiveCall>>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    let after: Option<CallId> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let (items, next) = state.tenant(&tenant, |known| page(&known.calls, after.as_ref(), limit, |_, call| call.clone()))?;
    Ok(Json(List { items, next }))
}

/// Which past calls.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// That began at or after this, RFC 3339.
    pub from: Option<String>,
    /// That began before this, RFC 3339.
    pub to: Option<String>,
    /// With this caller number.
    pub caller: Option<String>,
    /// With this called number.
    pub called: Option<String>,
    /// That ended with this SIP status.
    pub cause: Option<u16>,
    /// That were answered, or not.
    pub answered: Option<bool>,
    /// `next` of the last page.
    pub cursor: Option<String>,
    /// Most calls, 100 if absent.
    pub limit: Option<u32>,
}

/// The call history, newest first.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/history", operation_id = "listHistory", tag = "calls",
    params(("tenant" = String, Path), HistoryQuery), responses((status = 200, body = Page), (status = "default", body = Problem)))]
pub async fn history(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Page>, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let time = |field: &'static str, text: Option<&String>| -> Result<Option<Timestamp>, Problem> {
        text.map(|text| {
            text.parse()
                .map_err(|_| Problem::invalid(field, text.chars().take(60).collect::<String>(), "expected RFC 3339, 2026-11-22T17:42:00Z"))
        })
        .transpose()
    };
    let cursor = query
        .cursor
        .as_ref()
        .map(|text| {
            let shown: String = text.chars().take(60).collect();
            text.parse().map_err(|()| Problem::invalid("cursor", shown, "expected `next` of an earlier page"))
        })
        .transpose()?;
    let filter = CallFilter {
        from: time("from", query.from.as_ref())?,
        to: time("to", query.to.as_ref())?,
        caller: query.caller,
        called: query.called,
        cause: query.cause,
        answered: query.answered,
        cursor,
        limit: u32::try_from(page_size(&state, query.limit)?).unwrap_or(u32::MAX),
    };
    Ok(Json(state.parts.views.history.calls(&tenant, &filter).await?))
}

/// One call: its row, its legs, its events.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallDetail {
    /// The call.
    pub call: CallRecord,
    /// Its legs, the oldest first.
    pub legs: Vec<LegRecord>,
    /// What is up of it now; absent when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveCall>,
    /// Its events as they were committed, in order.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Box<RawValue>>,
    /// Whether older events are no longer in the log, or there are more than are shown.
    pub events_incomplete: bool,
}

/// Shows one call with its timeline.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/calls/{call}", operation_id = "getCall", tag = "calls",
    params(("tenant" = String, Path), ("call" = String, Path)),
    responses((status = 200, body = CallDetail), (status = "default", body = Problem)))]
pub async fn detail(State(state): State<AppState>, Path((tenant, call)): Path<(String, String)>) -> Result<Json<CallDetail>, Problem> {
    let (tenant, call): (TenantId, CallId) = (parse("tenant", &tenant)?, parse("call", &call)?);
    let (record, legs, events, events_incomplete) = recorded(&state, &tenant, call).await?;
    let live = state.parts.views.live.tenant(&tenant, |known| known.calls.get(&call).cloned()).flatten();
    Ok(Json(CallDetail { call: record, legs, live, events, events_incomplete }))
}

/// A call's row and legs in the history, its events, and whether some of these are missing.
type Recorded = (CallRecord, Vec<LegRecord>, Vec<Box<RawValue>>, bool);

/// Reads a call that is up or over.
pub(super) async fn recorded(state: &AppState, tenant: &TenantId, call: CallId) -> Result<Recorded, Problem> {
    // The history is folded in batches: a call of a moment ago may not be there yet.
    let end = state.parts.log.end();
    for _ in 0..20 {
        if state.parts.views.history_position() >= end {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let Some((record, legs, offsets)) = state.parts.views.history.call(tenant, call).await? else {
        return Err(Problem::not_found(format!("there is no call {call} in tenant `{tenant}`")));
    };
    let log = state.parts.log.clone();
    let wanted = offsets.len();
    let events = tokio::task::spawn_blocking(move || timeline(&*log, &offsets))
        .await
        .map_err(|error| Problem::internal("reading the call's events", &error))?
        .map_err(|error| Problem::internal("reading the call's events", &error))?;
    let events_incomplete = events.len() < wanted || wanted >= limits::CALL_OFFSETS;
    Ok((record, legs, events, events_incomplete))
}

/// Reads the events at these offsets. A reader is opened anew only where they lie far apart.
fn timeline(log: &dyn crate::door::LogSource, offsets: &[u64]) -> Result<Vec<Box<RawValue>>, crate::door::ReadError> {
    const SKIP: u64 = 512;
    let range = log.start()..log.end();
    let mut events = Vec::with_capacity(offsets.len());
    let mut reader: Option<(u64, Box<dyn crate::door::LogReader>)> = None;
    for wanted in offsets.iter().copied().filter(|offset| range.contains(offset)) {
        let (mut at, mut open) = match reader.take() {
            Some((at, open)) if at <= wanted && wanted - at <= SKIP => (at, open),
            _ => (wanted, log.reader(wanted)?),
        };
        while at <= wanted {
            let most = usize::try_from(wanted - at + 1).unwrap_or(1);
            let read = open.read(most, std::time::Duration::ZERO, &mut |offset, bytes| {
                at = offset + 1;
                if offset == wanted
                    && let Ok(text) = std::str::from_utf8(bytes)
                    && let Ok(raw) = RawValue::from_string(text.to_owned())
                {
                    events.push(raw);
                }
            })?;
            if read == 0 {
                return Ok(events);
            }
        }
        reader = Some((at, open));
    }
    Ok(events)
}

/// A call to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginateBody {
    /// The phone that rings first.
    #[schema(value_type = String, example = "1001")]
    pub from: UserName,
    /// The number to call then.
    #[schema(value_type = String, example = "1002")]
    pub to: Number,
}

/// A call that began.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CallStarted {
    /// Its id.
    #[schema(value_type = Option<String>)]
    pub call: Option<CallId>,
}

/// Calls a phone, and when it answers, calls `to` on its behalf.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/calls", operation_id = "originateCall", tag = "call control",
    params(("tenant" = String, Path)), request_body = OriginateBody,
    responses((status = 202, body = CallStarted), (status = "default", body = Problem)))]
pub async fn originate(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<OriginateBody>,
) -> Result<(StatusCode, Json<CallStarted>), Problem> {
    let tenant = parse("tenant", &tenant)?;
    let command = Command::Originate { from: body.from, to: SmolStr::new(body.to.as_str()) };
    let accepted = state.command(&tenant, command).await?;
    Ok((StatusCode::ACCEPTED, Json(CallStarted { call: accepted.call })))
}

/// Sends a command about one call.
async fn control(
    state: &AppState,
    path: (String, String),
    command: impl FnOnce(CallId) -> Result<Command, Problem>,
) -> Result<StatusCode, Problem> {
    let (tenant, call) = (parse("tenant", &path.0)?, parse("call", &path.1)?);
    state.command(&tenant, command(call)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hangs up all legs of a call.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/calls/{call}/release", operation_id = "releaseCall", tag = "call control",
    params(("tenant" = String, Path), ("call" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn release(State(state): State<AppState>, Path(path): Path<(String, String)>) -> Result<StatusCode, Problem> {
    control(&state, path, |call| Ok(Command::ReleaseCall { call })).await
}

/// A further party.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyBody {
    /// Whom to call into the call.
    #[schema(value_type = String, example = "1003")]
    pub number: Number,
}

/// Calls a further party into a call.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/calls/{call}/party", operation_id = "addParty", tag = "call control",
    params(("tenant" = String, Path), ("call" = String, Path)), request_body = PartyBody,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn party(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    Json(body): Json<PartyBody>,
) -> Result<StatusCode, Problem> {
    control(&state, path, |call| Ok(Command::AddParty { call, number: SmolStr::new(body.number.as_str()) })).await
}

/// Another call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeBody {
    /// The call whose legs move over; it is over then.
    #[schema(value_type = String)]
    pub other: CallId,
}

/// Moves the legs of another call into this one: all hear each other.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/calls/{call}/merge", operation_id = "mergeCalls", tag = "call control",
    params(("tenant" = String, Path), ("call" = String, Path)), request_body = MergeBody,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn merge(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    Json(body): Json<MergeBody>,
) -> Result<StatusCode, Problem> {
    control(&state, path, |call| Ok(Command::Merge { call, other: body.other })).await
}
