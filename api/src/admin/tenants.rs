//! `/api/v1/tenants`.

use axum::extract::State;
use axum::http::StatusCode;
use tandem_core::{Command, TenantId};

use super::bodies::{List, ListQuery, TenantBody, TenantSettingsBody};
use super::{page, page_size, parse};
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};

/// Lists tenants.
#[utoipa::path(get, path = "/api/v1/tenants", operation_id = "listTenants", tag = "tenants", params(ListQuery),
    responses((status = 200, body = List<TenantBody>), (status = "default", body = Problem)))]
pub async fn list(State(state): State<AppState>, Query(query): Query<ListQuery>) -> Result<Json<List<TenantBody>>, Problem> {
    let after: Option<TenantId> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let (items, next) = state
        .parts
        .views
        .live
        .read(|live| page(&live.tenants, after.as_ref(), limit, |tenant, known| TenantBody::of(tenant, &known.settings)));
    Ok(Json(List { items, next }))
}

/// A VDN names one tenant: requests of the published interfaces find theirs by it.
fn check_vdn(state: &AppState, tenant: &TenantId, vdn: Option<u16>) -> Result<(), Problem> {
    let Some(vdn) = vdn else { return Ok(()) };
    if !(1..=5000).contains(&vdn) {
        return Err(Problem::invalid("vdn", vdn, "expected 1 to 5000"));
    }
    let has_it =
        |live: &crate::view::Live| live.tenants.iter().find(|(_, known)| known.settings.vdn == Some(vdn)).map(|(id, _)| id.clone());
    match state.parts.views.live.read(has_it) {
        Some(owner) if owner != *tenant => Err(Problem::conflict(format!("tenant `{owner}` has VDN {vdn}"))),
        _ => Ok(()),
    }
}

/// Begins a tenant.
#[utoipa::path(post, path = "/api/v1/tenants", operation_id = "createTenant", tag = "tenants", request_body = TenantBody,
    responses((status = 201, body = TenantBody), (status = "default", body = Problem)))]
pub async fn create(State(state): State<AppState>, Json(mut body): Json<TenantBody>) -> Result<(StatusCode, Json<TenantBody>), Problem> {
    let name = body.name.get_or_insert_with(|| body.tenant.to_string()).clone();
    let (domains, centre) = (body.domains.clone(), body.centre.clone());
    let settings = TenantSettingsBody { name, domains, max_calls: body.max_calls, ring_timeout_s: body.ring_timeout_s, centre };
    check_vdn(&state, &body.tenant, settings.centre.vdn)?;
    state.command(&body.tenant, Command::CreateTenant(settings.settings())).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Shows a tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}", operation_id = "getTenant", tag = "tenants", params(("tenant" = String, Path)),
    responses((status = 200, body = TenantBody), (status = "default", body = Problem)))]
pub async fn read(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<Json<TenantBody>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    state.tenant(&tenant, |known| TenantBody::of(&tenant, &known.settings)).map(Json)
}

/// Changes a tenant's settings.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}", operation_id = "replaceTenant", tag = "tenants", params(("tenant" = String, Path)),
    request_body = TenantSettingsBody, responses((status = 200, body = TenantBody), (status = "default", body = Problem)))]
pub async fn replace(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<TenantSettingsBody>,
) -> Result<Json<TenantBody>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    check_vdn(&state, &tenant, body.centre.vdn)?;
    let settings = body.settings();
    state.command(&tenant, Command::ChangeTenant(settings.clone())).await?;
    Ok(Json(TenantBody::of(&tenant, &settings)))
}

/// Removes a tenant: ends its calls and registrations, forgets its passwords; its history stays.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}", operation_id = "removeTenant", tag = "tenants", params(("tenant" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<StatusCode, Problem> {
    let tenant = parse("tenant", &tenant)?;
    state.command(&tenant, Command::RemoveTenant).await?;
    state.parts.credentials.remove_tenant(&tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}
