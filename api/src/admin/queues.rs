//! `/api/v1/tenants/{tenant}/queues`: where callers wait.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_core::agent::Mode;
use tandem_core::tenant::Tenant;
use tandem_core::tenant::contact::QueueEntry;
use tandem_core::{Command, Queue, QueueId, TenantId, Timestamp};
use utoipa::ToSchema;

use super::bodies::{List, ListQuery};
use super::{page_size, parse};
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};

/// A queue with what goes on in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueueBody {
    /// Its settings, as they are given to set it up.
    #[schema(value_type = Object)]
    pub queue: Queue,
    /// Calls that wait.
    pub waiting: usize,
    /// Since when the first of them waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub waiting_since: Option<Timestamp>,
    /// Agents signed in to it.
    pub agents: usize,
    /// Those who are ready and in no call.
    pub available: usize,
    /// Those who talk or are about to.
    pub in_calls: usize,
    /// Those who are resting.
    pub resting: usize,
}

impl QueueBody {
    fn of(tenant: &Tenant, entry: &QueueEntry) -> Self {
        let sessions = || entry.serving.iter().filter_map(|agent| tenant.session(*agent));
        let first = entry.waiting.values().filter_map(|call| tenant.call(*call)?.waiting.as_ref().map(|waiting| waiting.since)).min();
        QueueBody {
            queue: entry.queue.clone(),
            waiting: entry.waiting.len(),
            waiting_since: first,
            agents: entry.serving.len(),
            available: sessions().filter(|session| session.is_available()).count(),
            in_calls: sessions().filter(|session| !session.is_free()).count(),
            resting: sessions().filter(|session| matches!(session.mode, Mode::Rest { .. })).count(),
        }
    }
}

fn known(state: &AppState, tenant: &TenantId, id: QueueId) -> Result<QueueBody, Problem> {
    state
        .mirror(tenant, |known| known.queue(id).map(|entry| QueueBody::of(known, entry)))?
        .ok_or_else(|| Problem::not_found(format!("there is no queue {id} in tenant `{tenant}`")))
}

/// Lists queues with what goes on in them.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/queues", operation_id = "listQueues", tag = "queues",
    params(("tenant" = String, Path), ListQuery), responses((status = 200, body = List<QueueBody>), (status = "default", body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<QueueBody>>, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let after: Option<QueueId> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let mut items: Vec<QueueBody> = state.mirror(&tenant, |known| {
        let rest = known.queues().filter(|entry| after.is_none_or(|after| entry.queue.id > after));
        rest.take(limit + 1).map(|entry| QueueBody::of(known, entry)).collect()
    })?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|body| body.queue.id.to_string());
    Ok(Json(List { items, next }))
}

/// Reads settings. `id` and `name` are wanted, all else has a usual value.
fn settings(mut body: Value, id: Option<QueueId>) -> Result<Queue, Problem> {
    if let (Some(object), Some(id)) = (body.as_object_mut(), id) {
        object.insert("id".to_owned(), Value::from(id.get()));
    }
    const FIELDS: &[&str] = &[
        "id",
        "name",
        "medium",
        "strategy",
        "priority",
        "ageing_s",
        "sticky_s",
        "sticky_wait_s",
        "max_waiting",
        "max_wait_s",
        "answer_s",
        "wrap_up_s",
        "when_full",
        "when_no_agent",
        "when_late",
        "music",
        "announcements",
        "record",
        "service_level_s",
    ];
    let unknown = body.as_object().and_then(|object| object.keys().find(|key| !FIELDS.contains(&key.as_str())));
    if let Some(field) = unknown {
        return Err(Problem::malformed(format!("unknown field `{field}`: expected one of {}", FIELDS.join(", "))).field(field));
    }
    serde_json::from_value(body).map_err(|error| Problem::malformed(format!("not a queue: {error}")))
}

/// Sets up a queue; with the lowest free number if none is given.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/queues", operation_id = "createQueue", tag = "queues",
    params(("tenant" = String, Path)), request_body = Object,
    responses((status = 201, body = QueueBody), (status = "default", body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<QueueBody>), Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let given = body.get("id").is_some_and(|id| !id.is_null());
    let id = if given { None } else { Some(free_number(&state, &tenant)?) };
    let queue = settings(body, id)?;
    let id = queue.id;
    state.command(&tenant, Command::AddQueue(queue)).await?;
    Ok((StatusCode::CREATED, Json(known(&state, &tenant, id)?)))
}

fn free_number(state: &AppState, tenant: &TenantId) -> Result<QueueId, Problem> {
    let free = state.mirror(tenant, |tenant| {
        let taken: std::collections::BTreeSet<u16> = tenant.queues().map(|entry| entry.queue.id.get()).collect();
        (1..=QueueId::LAST).find(|id| !taken.contains(id))
    })?;
    free.and_then(|id| QueueId::new(id).ok()).ok_or_else(|| Problem::conflict("all queue numbers are taken"))
}

/// Shows a queue with what goes on in it.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/queues/{queue}", operation_id = "getQueue", tag = "queues",
    params(("tenant" = String, Path), ("queue" = u16, Path)), responses((status = 200, body = QueueBody), (status = "default", body = Problem)))]
pub async fn read(State(state): State<AppState>, Path((tenant, queue)): Path<(String, String)>) -> Result<Json<QueueBody>, Problem> {
    known(&state, &parse("tenant", &tenant)?, parse("queue", &queue)?).map(Json)
}

/// Changes a queue's settings; what is left out gets its usual value.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/queues/{queue}", operation_id = "replaceQueue", tag = "queues",
    params(("tenant" = String, Path), ("queue" = u16, Path)), request_body = Object,
    responses((status = 200, body = QueueBody), (status = "default", body = Problem)))]
pub async fn replace(
    State(state): State<AppState>,
    Path((tenant, queue)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Result<Json<QueueBody>, Problem> {
    let (tenant, id): (TenantId, QueueId) = (parse("tenant", &tenant)?, parse("queue", &queue)?);
    state.command(&tenant, Command::ChangeQueue(settings(body, Some(id))?)).await?;
    known(&state, &tenant, id).map(Json)
}

/// Removes a queue. Refused while calls wait in it or a number leads to it.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/queues/{queue}", operation_id = "removeQueue", tag = "queues",
    params(("tenant" = String, Path), ("queue" = u16, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, queue)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (tenant, id): (TenantId, QueueId) = (parse("tenant", &tenant)?, parse("queue", &queue)?);
    state.command(&tenant, Command::RemoveQueue(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
