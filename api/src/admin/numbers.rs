//! `/api/v1/tenants/{tenant}/numbers`.

use axum::extract::State;
use axum::http::StatusCode;
use tandem_core::{AccessNumber, Command, Number, TenantId};

use super::bodies::{DestinationBody, List, ListQuery, NumberBody};
use super::{page, page_size, parse};
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};

fn show(number: &AccessNumber) -> NumberBody {
    NumberBody { number: number.number.clone(), destination: number.destination.clone() }
}

/// Lists access numbers.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/numbers", operation_id = "listNumbers", tag = "numbers",
    params(("tenant" = String, Path), ListQuery), responses((status = 200, body = List<NumberBody>), (status = "default", body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<NumberBody>>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    let after: Option<Number> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let (items, next) = state.tenant(&tenant, |known| page(&known.numbers, after.as_ref(), limit, |_, number| show(number)))?;
    Ok(Json(List { items, next }))
}

/// Sets up an access number.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/numbers", operation_id = "createNumber", tag = "numbers",
    params(("tenant" = String, Path)), request_body = NumberBody,
    responses((status = 201, body = NumberBody), (status = "default", body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<NumberBody>,
) -> Result<(StatusCode, Json<NumberBody>), Problem> {
    let tenant = parse("tenant", &tenant)?;
    state.command(&tenant, Command::AddNumber(body.clone().into())).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Shows an access number.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/numbers/{number}", operation_id = "getNumber", tag = "numbers",
    params(("tenant" = String, Path), ("number" = String, Path)),
    responses((status = 200, body = NumberBody), (status = "default", body = Problem)))]
pub async fn read(State(state): State<AppState>, Path((tenant, number)): Path<(String, String)>) -> Result<Json<NumberBody>, Problem> {
    let (tenant, number): (TenantId, Number) = (parse("tenant", &tenant)?, parse("number", &number)?);
    state
        .tenant(&tenant, |known| known.numbers.get(&number).map(show))?
        .map(Json)
        .ok_or_else(|| Problem::not_found(format!("there is no number `{number}` in tenant `{tenant}`")))
}

/// Leads an access number elsewhere.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/numbers/{number}", operation_id = "replaceNumber", tag = "numbers",
    params(("tenant" = String, Path), ("number" = String, Path)), request_body = DestinationBody,
    responses((status = 200, body = NumberBody), (status = "default", body = Problem)))]
pub async fn replace(
    State(state): State<AppState>,
    Path((tenant, number)): Path<(String, String)>,
    Json(body): Json<DestinationBody>,
) -> Result<Json<NumberBody>, Problem> {
    let (tenant, number): (TenantId, Number) = (parse("tenant", &tenant)?, parse("number", &number)?);
    let number = AccessNumber { number, destination: body.destination };
    state.command(&tenant, Command::ChangeNumber(number.clone())).await?;
    Ok(Json(show(&number)))
}

/// Removes an access number.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/numbers/{number}", operation_id = "removeNumber", tag = "numbers",
    params(("tenant" = String, Path), ("number" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, number)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (tenant, number): (TenantId, Number) = (parse("tenant", &tenant)?, parse("number", &number)?);
    state.command(&tenant, Command::RemoveNumber(number)).await?;
    Ok(StatusCode::NO_CONTENT)
}
