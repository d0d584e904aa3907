//! `/api/v1/tenants/{tenant}/groups` and `…/causes`: teams, and why agents rest or are busy.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tandem_core::agent::{Absence, AbsenceCause, AgentGroup};
use tandem_core::{Command, TenantId, WorkNumber};
use utoipa::ToSchema;

use super::bodies::List;
use super::parse;
use crate::http::extract::{Json, Path};
use crate::http::{AppState, Problem};

/// A group of agents.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupBody {
    /// Number, 1 to 2000; in a PUT that of the path.
    #[serde(default)]
    pub id: u16,
    /// Name for people.
    pub name: String,
    /// Work number of its supervisor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<u32>,
}

/// Lists groups.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/groups", operation_id = "listGroups", tag = "agents",
    params(("tenant" = String, Path)), responses((status = 200, body = List<GroupBody>), (status = "default", body = Problem)))]
pub async fn groups(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<Json<List<GroupBody>>, Problem> {
    let body =
        |group: &AgentGroup| GroupBody { id: group.id, name: group.name.to_string(), supervisor: group.supervisor.map(WorkNumber::get) };
    let items = state.mirror(&parse("tenant", &tenant)?, |tenant| tenant.groups().map(body).collect())?;
    Ok(Json(List { items, next: None }))
}

/// Sets up or changes a group.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/groups/{id}", operation_id = "putGroup", tag = "agents",
    params(("tenant" = String, Path), ("id" = u16, Path)), request_body = GroupBody,
    responses((status = 200, body = GroupBody), (status = "default", body = Problem)))]
pub async fn set_group(
    State(state): State<AppState>,
    Path((tenant, id)): Path<(String, String)>,
    Json(mut body): Json<GroupBody>,
) -> Result<Json<GroupBody>, Problem> {
    let (tenant, id): (TenantId, u16) = (parse("tenant", &tenant)?, parse("id", &id)?);
    let number = |number| WorkNumber::new(number).map_err(|_| Problem::invalid("supervisor", number, "expected 101 to 999999"));
    let group = AgentGroup { id, name: SmolStr::new(&body.name), supervisor: body.supervisor.map(number).transpose()? };
    state.command(&tenant, Command::SetGroup(group)).await?;
    body.id = id;
    Ok(Json(body))
}

/// Removes a group; its agents stay.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/groups/{id}", operation_id = "removeGroup", tag = "agents",
    params(("tenant" = String, Path), ("id" = u16, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove_group(State(state): State<AppState>, Path((tenant, id)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (tenant, id): (TenantId, u16) = (parse("tenant", &tenant)?, parse("id", &id)?);
    state.command(&tenant, Command::RemoveGroup(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A cause for a rest or for being busy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CauseBody {
    /// `rest` (codes 1 to 255) or `busy` (200 to 250); in a PUT that of the path.
    #[serde(default = "rest")]
    #[schema(value_type = String)]
    pub kind: Absence,
    /// Its code; in a PUT that of the path.
    #[serde(default)]
    pub code: u8,
    /// Text for people.
    pub text: String,
    /// Usual length in seconds, for a rest; 0 for none.
    #[serde(default)]
    pub seconds: u32,
}

fn rest() -> Absence {
    Absence::Rest
}

fn kind(text: &str) -> Result<Absence, Problem> {
    match text {
        "rest" => Ok(Absence::Rest),
        "busy" => Ok(Absence::Busy),
        other => Err(Problem::invalid("kind", other.chars().take(40).collect::<String>(), "expected rest or busy")),
    }
}

/// Lists causes.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/causes", operation_id = "listCauses", tag = "agents",
    params(("tenant" = String, Path)), responses((status = 200, body = List<CauseBody>), (status = "default", body = Problem)))]
pub async fn causes(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<Json<List<CauseBody>>, Problem> {
    let body =
        |cause: &AbsenceCause| CauseBody { kind: cause.kind, code: cause.code, text: cause.text.to_string(), seconds: cause.seconds };
    let items = state.mirror(&parse("tenant", &tenant)?, |tenant| tenant.absence_causes().map(body).collect())?;
    Ok(Json(List { items, next: None }))
}

/// Sets up or changes a cause.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/causes/{kind}/{code}", operation_id = "putCause", tag = "agents",
    params(("tenant" = String, Path), ("kind" = String, Path), ("code" = u8, Path)), request_body = CauseBody,
    responses((status = 200, body = CauseBody), (status = "default", body = Problem)))]
pub async fn set_cause(
    State(state): State<AppState>,
    Path((tenant, of, code)): Path<(String, String, String)>,
    Json(mut body): Json<CauseBody>,
) -> Result<Json<CauseBody>, Problem> {
    let (tenant, code): (TenantId, u8) = (parse("tenant", &tenant)?, parse("code", &code)?);
    (body.kind, body.code) = (kind(&of)?, code);
    let cause = AbsenceCause { kind: body.kind, code, text: SmolStr::new(&body.text), seconds: body.seconds };
    state.command(&tenant, Command::SetAbsenceCause(cause)).await?;
    Ok(Json(body))
}

/// Removes a cause.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/causes/{kind}/{code}", operation_id = "removeCause", tag = "agents",
    params(("tenant" = String, Path), ("kind" = String, Path), ("code" = u8, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove_cause(
    State(state): State<AppState>,
    Path((tenant, of, code)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let (tenant, code): (TenantId, u8) = (parse("tenant", &tenant)?, parse("code", &code)?);
    state.command(&tenant, Command::RemoveAbsenceCause(kind(&of)?, code)).await?;
    Ok(StatusCode::NO_CONTENT)
}
