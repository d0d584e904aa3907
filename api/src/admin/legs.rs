//! `/api/v1/tenants/{tenant}/legs/{leg}/…`: what can be done to one leg.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tandem_core::{Command, LegId, Number, TransferTarget};
use utoipa::ToSchema;

use super::parse;
use crate::http::extract::{Json, Path};
use crate::http::{AppState, Problem};

async fn control(state: &AppState, path: (String, String), command: impl FnOnce(LegId) -> Command) -> Result<StatusCode, Problem> {
    let (tenant, leg) = (parse("tenant", &path.0)?, parse("leg", &path.1)?);
    state.command(&tenant, command(leg)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a leg on hold: its peer hears the hold tone.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/legs/{leg}/hold", operation_id = "holdLeg", tag = "call control",
    params(("tenant" = String, Path), ("leg" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn hold(State(state): State<AppState>, Path(path): Path<(String, String)>) -> Result<StatusCode, Problem> {
    control(&state, path, |leg| Command::Hold { leg }).await
}

/// Ends a hold.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/legs/{leg}/resume", operation_id = "resumeLeg", tag = "call control",
    params(("tenant" = String, Path), ("leg" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn resume(State(state): State<AppState>, Path(path): Path<(String, String)>) -> Result<StatusCode, Problem> {
    control(&state, path, |leg| Command::Resume { leg }).await
}

/// To whom a call is handed: one of both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// Blind: to this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1003")]
    pub number: Option<Number>,
    /// Attended: to the peer of this other leg of the same phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub leg: Option<LegId>,
}

/// Hands the peer of a leg to somebody else, then releases the leg.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/legs/{leg}/transfer", operation_id = "transferLeg", tag = "call control",
    params(("tenant" = String, Path), ("leg" = String, Path)), request_body = TransferBody,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn transfer(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    Json(body): Json<TransferBody>,
) -> Result<StatusCode, Problem> {
    let target = match (body.number, body.leg) {
        (Some(number), None) => TransferTarget::Number(SmolStr::new(number.as_str())),
        (None, Some(leg)) => TransferTarget::Leg(leg),
        _ => return Err(Problem::malformed("a transfer needs either `number` or `leg`")),
    };
    control(&state, path, |leg| Command::Transfer { leg, target }).await
}

/// Hangs up one leg.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/legs/{leg}/release", operation_id = "releaseLeg", tag = "call control",
    params(("tenant" = String, Path), ("leg" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn release(State(state): State<AppState>, Path(path): Path<(String, String)>) -> Result<StatusCode, Problem> {
    control(&state, path, |leg| Command::ReleaseLeg { leg }).await
}
