//! The event stream (SSE): committed events, each with its log offset as cursor, without loss or doubles.
//!
//! A client that reads slowly costs nothing but its place in the log; one that stops reading is dropped and comes back with
//! its cursor (`Last-Event-ID`, or `?after=`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tandem_core::TenantId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::parse;
use crate::door::{LogReader, LogSource, ReadError};
use crate::http::extract::{Path, Query};
use crate::http::{AppState, Problem};
use crate::limits;

/// Where to begin and what to send.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    /// Begin after this event: an `id` of this stream, or an overview's `position` minus 1. `Last-Event-ID` wins over it.
    pub after: Option<u64>,
    /// Begin with the oldest event kept.
    #[serde(default)]
    pub from_start: bool,
    /// Only kinds that begin with one of these, separated by commas: `call.,leg.answered`.
    pub kinds: Option<String>,
    /// Only this call.
    pub call: Option<String>,
}

/// One tenant's events as server-sent events: `id` is the cursor, `event` the kind, `data` the event.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/events", operation_id = "streamTenantEvents", tag = "events",
    params(("tenant" = String, Path), StreamQuery),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String), (status = "default", body = Problem)))]
pub async fn tenant(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    state.tenant(&tenant, |_| ())?;
    stream(&state, Some(&tenant), &query, &headers)
}

/// All tenants' events as server-sent events.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "streamEvents", tag = "events", params(StreamQuery),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String), (status = "default", body = Problem)))]
pub async fn all(State(state): State<AppState>, Query(query): Query<StreamQuery>, headers: HeaderMap) -> Result<Response, Problem> {
    stream(&state, None, &query, &headers)
}

fn stream(state: &AppState, tenant: Option<&TenantId>, query: &StreamQuery, headers: &HeaderMap) -> Result<Response, Problem> {
    let next = start(state, query, headers)?;
    let filter = Filter::new(tenant, query)?;
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::unavailable(format!("all {} event streams are in use", state.parts.config.http.streams_max))
            .fix("raise http.streams_max, or try again later")
    })?;
    let (chunks, taken) = mpsc::channel::<Result<Bytes, std::convert::Infallible>>(limits::STREAM_QUEUE);
    let state = state.clone();
    tokio::spawn(async move {
        let why = feed(&state, next, filter, &chunks).await;
        tracing::debug!(why, "event stream ended");
        drop(permit);
    });
    let body = Body::from_stream(ReceiverStream::new(taken));
    let mut response = ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")], body).into_response();
    // Proxies that buffer would hold events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The offset of the first event to send.
fn start(state: &AppState, query: &StreamQuery, headers: &HeaderMap) -> Result<u64, Problem> {
    let range = state.parts.log.start()..state.parts.log.end();
    let after = match headers.get("last-event-id") {
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            Some(text.parse().map_err(|_| {
                Problem::invalid("Last-Event-ID", text.chars().take(40).collect::<String>(), "expected the `id` of an event of this stream")
            })?)
        }
        None => query.after,
    };
    match after {
        None if query.from_start => Ok(range.start),
        None => Ok(state.parts.views.live.position()),
        Some(after) if after >= range.end => Err(Problem::invalid("after", after, format!("expected an offset below {}", range.end))),
        Some(after) if after + 1 < range.start => {
            Err(Problem::gone(format!("event {after} is no longer kept; the oldest is {}", range.start))
                .fix("begin with `?from_start=true`"))
        }
        Some(after) => Ok(after + 1),
    }
}

/// What a client wants to see.
struct Filter {
    tenant: Option<String>,
    kinds: Vec<String>,
    call: Option<String>,
}

/// The keys of a record that a filter looks at.
#[derive(Deserialize)]
struct Head<'a> {
    kind: &'a str,
    #[serde(default)]
    call: Option<&'a str>,
}

impl Filter {
    fn new(tenant: Option<&TenantId>, query: &StreamQuery) -> Result<Filter, Problem> {
        let call = query.call.as_deref().map(|text| parse::<tandem_core::CallId>("call", text)).transpose()?;
        Ok(Filter {
            // The envelope's first key, as the core writes it: cheaper to compare than to parse.
            tenant: tenant.map(|tenant| format!("{{\"tenant\":\"{tenant}\",")),
            kinds: query
                .kinds
                .iter()
                .flat_map(|list| list.split(','))
                .map(|kind| kind.trim().to_owned())
                .filter(|k| !k.is_empty())
                .collect(),
            call: call.map(|call| call.to_string()),
        })
    }

    /// The kind of a record that passes.
    fn pass<'a>(&self, record: &'a [u8]) -> Option<&'a str> {
        if let Some(tenant) = &self.tenant
            && !record.starts_with(tenant.as_bytes())
        {
            return None;
        }
        let head: Head<'a> = serde_json::from_slice(record).ok()?;
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|kind| head.kind.starts_with(kind.as_str()));
        let call = self.call.is_none() || self.call.as_deref() == head.call;
        (kind && call).then_some(head.kind)
    }
}

/// What one look into the log gave.
struct Look {
    reader: Box<dyn LogReader>,
    filter: Filter,
    next: u64,
    text: Vec<u8>,
}

fn look(log: &dyn LogSource, reader: Option<Box<dyn LogReader>>, filter: Filter, mut next: u64) -> Result<Look, ReadError> {
    let mut reader = match reader {
        Some(reader) => reader,
        None => log.reader(next)?,
    };
    let mut text = Vec::new();
    reader.read(limits::STREAM_CHUNK, Duration::ZERO, &mut |offset, record| {
        next = offset + 1;
        if let Some(kind) = filter.pass(record) {
            text.extend_from_slice(format!("id: {offset}\nevent: {kind}\ndata: ").as_bytes());
            text.extend_from_slice(record);
            text.extend_from_slice(b"\n\n");
        }
    })?;
    Ok(Look { reader, filter, next, text })
}

/// Feeds one client until it leaves, stalls, or the server stops.
async fn feed(
    state: &AppState,
    mut next: u64,
    mut filter: Filter,
    chunks: &mpsc::Sender<Result<Bytes, std::convert::Infallible>>,
) -> &'static str {
    let mut position = state.parts.views.live.follow();
    let mut stopping = state.stopping.subscribe();
    let log: Arc<dyn LogSource> = state.parts.log.clone();
    let mut reader = None;
    let mut sent = Instant::now();
    // The first bytes at once, so that the client knows that it is connected; and its time to wait before it comes back.
    let mut text = b"retry: 1000\n\n".to_vec();
    loop {
        if !text.is_empty() {
            let chunk = Bytes::from(std::mem::take(&mut text));
            match chunks.send_timeout(Ok(chunk), limits::STREAM_STALL).await {
                Ok(()) => sent = Instant::now(),
                Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                    metrics::counter!("tandem_event_streams_dropped_total").increment(1);
                    return "the client stalled";
                }
                Err(mpsc::error::SendTimeoutError::Closed(_)) => return "the client left",
            }
        }
        if *stopping.borrow() {
            return "the server stops";
        }
        // Never ahead of the live view: what a client hears of, it can also read.
        if next < *position.borrow_and_update() {
            let (log, old) = (log.clone(), reader.take());
            let seen = match tokio::task::spawn_blocking(move || look(&*log, old, filter, next)).await {
                Ok(Ok(seen)) => seen,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "event stream");
                    return "the log can't be read";
                }
                Err(_) => return "the reader failed",
            };
            (reader, filter, next, text) = (Some(seen.reader), seen.filter, seen.next, seen.text);
            if text.is_empty() && sent.elapsed() >= limits::STREAM_HEARTBEAT {
                // Nothing passed the filter for long: the cursor moves on all the same, so that a return is cheap.
                text = format!("id: {}\n\n", next.saturating_sub(1)).into_bytes();
            }
            continue;
        }
        tokio::select! {
            changed = position.changed() => if changed.is_err() { return "the view stopped" },
            _ = stopping.wait_for(|stop| *stop) => return "the server stops",
            () = chunks.closed() => return "the client left",
            () = tokio::time::sleep(limits::STREAM_HEARTBEAT.saturating_sub(sent.elapsed())) => text = b": beat\n\n".to_vec(),
        }
    }
}
