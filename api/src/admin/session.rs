//! Signing a page in and out.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::guard;
use crate::http::{AppState, Problem};
use crate::limits;

/// How a page shows that it may in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum SessionBody {
    /// The ticket of a printed link, good once.
    Ticket(String),
}

/// Opens a session for a page: with a ticket in the body, or with the admin token as bearer. The session is an HttpOnly cookie.
#[utoipa::path(post, path = "/api/v1/session", operation_id = "openSession", tag = "session", request_body = SessionBody, security(()),
    responses((status = 204, description = "The session cookie is set"), (status = "default", body = Problem)))]
pub async fn open(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let source = guard::source(&request);
    let session = if request.headers().contains_key(header::AUTHORIZATION) {
        state.gate.bearer(request.headers(), source).await?;
        state.gate.sessions.open(std::time::Instant::now()).map_err(|error| Problem::internal("opening a session", &error))?
    } else {
        let bytes =
            axum::body::to_bytes(request.into_body(), 4096).await.map_err(|_| Problem::malformed("the body is larger than 4096 bytes"))?;
        let SessionBody::Ticket(ticket) = serde_json::from_slice(&bytes)
            .map_err(|_| Problem::malformed("expected the body `{\"ticket\":\"…\"}`, or the admin token as bearer"))?;
        state.gate.redeem(&ticket, source)?
    };
    cookie(&state, &session, limits::SESSION_LIFETIME.as_secs())
}

/// Signs the page out.
#[utoipa::path(delete, path = "/api/v1/session", operation_id = "closeSession", tag = "session",
    responses((status = 204, description = "Signed out"), (status = "default", body = Problem)))]
pub async fn close(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(session) = guard::cookie(&headers) {
        state.gate.sessions.close(session, std::time::Instant::now());
    }
    cookie(&state, "", 0)
}

fn cookie(state: &AppState, session: &str, seconds: u64) -> Result<Response, Problem> {
    let secure = if state.parts.config.http_url().starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", guard::COOKIE);
    let mut value = HeaderValue::from_str(&text).map_err(|error| Problem::internal("the session cookie", &error))?;
    value.set_sensitive(true);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response())
}
