//! `/api/v1/tenants/{tenant}/trunks`.

use axum::extract::State;
use axum::http::StatusCode;
use tandem_core::{Command, TenantId, TrunkName};

use super::bodies::{List, ListQuery, TrunkBody, TrunkStatus};
use super::{page, page_size, parse};
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};
use crate::view::live::LiveTrunk;

fn show(state: &AppState, tenant: &TenantId, known: &LiveTrunk) -> TrunkStatus {
    TrunkStatus {
        trunk: TrunkBody::of(&known.trunk),
        state: known.state,
        reason: known.reason.clone(),
        since: known.since,
        has_password: state.parts.credentials.trunk(tenant, &known.trunk.name).is_some(),
    }
}

fn known(state: &AppState, tenant: &TenantId, name: &TrunkName) -> Result<TrunkStatus, Problem> {
    state
        .tenant(tenant, |known| known.trunks.get(name).map(|trunk| show(state, tenant, trunk)))?
        .ok_or_else(|| Problem::not_found(format!("there is no trunk `{name}` in tenant `{tenant}`")))
}

/// Lists trunks with their condition.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/trunks", operation_id = "listTrunks", tag = "trunks",
    params(("tenant" = String, Path), ListQuery), responses((status = 200, body = List<TrunkStatus>), (status = "default", body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<TrunkStatus>>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    let after: Option<TrunkName> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let (items, next) =
        state.tenant(&tenant, |known| page(&known.trunks, after.as_ref(), limit, |_, trunk| show(&state, &tenant, trunk)))?;
    Ok(Json(List { items, next }))
}

/// Sets up a trunk. The password is stored before the command is sent: the trunk may register at once.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/trunks", operation_id = "createTrunk", tag = "trunks",
    params(("tenant" = String, Path)), request_body = TrunkBody,
    responses((status = 201, body = TrunkStatus), (status = "default", body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<TrunkBody>,
) -> Result<(StatusCode, Json<TrunkStatus>), Problem> {
    let tenant = parse("tenant", &tenant)?;
    let trunk = body.trunk()?;
    if state.tenant(&tenant, |known| known.trunks.contains_key(&trunk.name))? {
        return Err(Problem::conflict(format!("there is already a trunk `{}`", trunk.name)).fix("use PUT to change it, or another name"));
    }
    if let Some(password) = &body.password {
        state.parts.credentials.set_trunk(&tenant, &trunk.name, password).await?;
    }
    let name = trunk.name.clone();
    state.command(&tenant, Command::AddTrunk(trunk)).await?;
    Ok((StatusCode::CREATED, Json(known(&state, &tenant, &name)?)))
}

/// Shows a trunk.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/trunks/{name}", operation_id = "getTrunk", tag = "trunks",
    params(("tenant" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = TrunkStatus), (status = "default", body = Problem)))]
pub async fn read(State(state): State<AppState>, Path((tenant, name)): Path<(String, String)>) -> Result<Json<TrunkStatus>, Problem> {
    known(&state, &parse("tenant", &tenant)?, &parse("name", &name)?).map(Json)
}

/// Changes a trunk; an absent password stays.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/trunks/{name}", operation_id = "replaceTrunk", tag = "trunks",
    params(("tenant" = String, Path), ("name" = String, Path)), request_body = TrunkBody,
    responses((status = 200, body = TrunkStatus), (status = "default", body = Problem)))]
pub async fn replace(
    State(state): State<AppState>,
    Path((tenant, name)): Path<(String, String)>,
    Json(body): Json<TrunkBody>,
) -> Result<Json<TrunkStatus>, Problem> {
    let (tenant, name): (TenantId, TrunkName) = (parse("tenant", &tenant)?, parse("name", &name)?);
    if body.name != name {
        return Err(Problem::invalid("name", &body.name, format!("expected `{name}`, the name in the path: a trunk can't be renamed")));
    }
    let trunk = body.trunk()?;
    known(&state, &tenant, &name)?;
    if let Some(password) = &body.password {
        state.parts.credentials.set_trunk(&tenant, &name, password).await?;
    }
    state.command(&tenant, Command::ChangeTrunk(trunk)).await?;
    known(&state, &tenant, &name).map(Json)
}

/// Removes a trunk and its password; its calls go on.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/trunks/{name}", operation_id = "removeTrunk", tag = "trunks",
    params(("tenant" = String, Path), ("name" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, name)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (tenant, name): (TenantId, TrunkName) = (parse("tenant", &tenant)?, parse("name", &name)?);
    state.command(&tenant, Command::RemoveTrunk(name.clone())).await?;
    state.parts.credentials.remove_trunk(&tenant, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
