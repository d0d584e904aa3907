//! `/api/v1/tenants/{tenant}/keys`: AK and SK pairs that sign requests of the published interfaces.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tandem_core::TenantId;
use tandem_core::engine::{Clock, SystemClock};
use utoipa::ToSchema;

use super::bodies::List;
use super::parse;
use crate::auth::signature::KeyRecord;
use crate::http::extract::{Json, Path};
use crate::http::{AppState, Problem};

/// A new access key, shown once.
#[derive(Clone, Serialize, ToSchema)]
pub struct NewKeyBody {
    /// The AK: who signs.
    pub ak: String,
    /// The SK: what is signed with. Never shown again.
    pub sk: String,
}

/// Lists access keys.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/keys", operation_id = "listKeys", tag = "keys",
    params(("tenant" = String, Path)), responses((status = 200, body = List<KeyRecord>), (status = "default", body = Problem)))]
pub async fn list(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<Json<List<KeyRecord>>, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    state.tenant(&tenant, |_| ())?;
    Ok(Json(List { items: state.parts.credentials.access_keys(&tenant), next: None }))
}

/// Makes an access key. The answer is the only place where its SK is shown.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/keys", operation_id = "createKey", tag = "keys",
    params(("tenant" = String, Path)), responses((status = 201, body = NewKeyBody), (status = "default", body = Problem)))]
pub async fn create(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<(StatusCode, Json<NewKeyBody>), Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    state.tenant(&tenant, |_| ())?;
    let key = state.parts.credentials.create_access_key(&tenant, SystemClock.now()).await?;
    Ok((StatusCode::CREATED, Json(NewKeyBody { ak: key.ak, sk: key.sk })))
}

/// Removes an access key: what it signs is refused from now on.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/keys/{ak}", operation_id = "removeKey", tag = "keys",
    params(("tenant" = String, Path), ("ak" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, ak)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    if state.parts.credentials.remove_access_key(&tenant, &ak).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let shown: String = ak.chars().take(40).collect();
    Err(Problem::not_found(format!("there is no access key `{shown}` in tenant `{tenant}`")))
}
