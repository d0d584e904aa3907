//! `/healthz`, `/readyz`, `/metrics`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use super::extract::Json;

/// Events that a read model may lag behind and still count as ready.
const LAG_READY: u64 = 10_000;

/// One part's condition.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Part {
    /// `engine`, `live`, `mirror`, `history` or `credentials`.
    pub part: &'static str,
    /// Whether it does its work.
    pub ok: bool,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The node's condition.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether everything does its work.
    pub ready: bool,
    /// Part by part.
    pub parts: Vec<Part>,
}

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process is alive", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: engine, log and stores do their work, and the views are up to date.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = Readiness), (status = 503, description = "Not ready", body = Readiness)))]
pub(super) async fn readyz(State(state): State<AppState>) -> Response {
    let readiness = check(&state).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Looks at every part.
pub async fn check(state: &AppState) -> Readiness {
    let parts = &state.parts;
    let end = parts.log.end();
    let engine = parts.commands.trouble();
    let views = parts.views.trouble();
    let lag = |position: u64| {
        let lag = end.saturating_sub(position);
        (lag < LAG_READY, Some(format!("{lag} events behind")))
    };
    let (live_ok, live) = lag(parts.views.live.position());
    let (mirror_ok, mirror) = lag(parts.views.mirror.position());
    let (history_ok, history) = lag(parts.views.history_position());
    let store = parts.views.history.ready().await;
    let credentials = parts.credentials.ready().await;
    let list = vec![
        Part { part: "engine", ok: engine.is_none(), detail: engine },
        Part { part: "live", ok: live_ok && views.is_none(), detail: views.clone().or(live) },
        Part { part: "mirror", ok: mirror_ok && views.is_none(), detail: views.clone().or(mirror) },
        Part { part: "history", ok: history_ok && store && views.is_none(), detail: views.or(history) },
        Part { part: "credentials", ok: credentials, detail: None },
    ];
    Readiness { ready: list.iter().all(|part| part.ok), parts: list }
}

/// Metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Prometheus text", body = String)))]
pub(super) async fn metrics(State(state): State<AppState>) -> Response {
    let parts = &state.parts;
    let (mut calls, mut legs, mut registrations, mut tenants) = (0usize, 0usize, 0usize, 0usize);
    parts.views.live.read(|live| {
        for tenant in live.tenants.values() {
            tenants += 1;
            calls += tenant.calls.len();
            legs += tenant.legs.len();
            registrations += tenant.registrations.values().map(Vec::len).sum::<usize>();
        }
    });
    metrics::gauge!("tandem_tenants").set(tenants as f64);
    metrics::gauge!("tandem_calls_active").set(calls as f64);
    metrics::gauge!("tandem_legs_active").set(legs as f64);
    metrics::gauge!("tandem_registrations").set(registrations as f64);
    metrics::gauge!("tandem_log_next_offset").set(parts.log.end() as f64);
    metrics::gauge!("tandem_event_streams").set((parts.config.http.streams_max as usize - state.streams.available_permits()) as f64);
    metrics::gauge!("tandem_uptime_seconds").set(state.started.elapsed().as_secs_f64());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], parts.metrics.render()).into_response()
}
