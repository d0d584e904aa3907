//! Registrations, the overview that the status page begins with, and Kafka's condition.

use axum::extract::State;
use serde::Serialize;
use tandem_core::config::TrunkState;
use tandem_core::registration::Binding;
use tandem_core::{Timestamp, UserName};
use utoipa::ToSchema;

use super::bodies::{List, ListQuery};
use super::{page, page_size, parse};
use crate::http::extract::{Json, Path, Query};
use crate::http::health::{Readiness, check};
use crate::http::{AppState, KafkaStatus, Problem};

/// A phone and where it can be reached.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegistrationBody {
    /// The phone.
    #[schema(value_type = String)]
    pub user: UserName,
    /// Its contacts.
    pub contacts: Vec<ContactBody>,
}

/// One contact.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ContactBody {
    /// Contact URI.
    pub contact: String,
    /// `udp`, `tcp`, …
    #[schema(value_type = String)]
    pub transport: tandem_core::Transport,
    /// Where its packets come from.
    pub source: String,
    /// When it ends unless refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
    /// User-Agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl ContactBody {
    fn of(binding: &Binding) -> Self {
        ContactBody {
            contact: binding.contact.clone(),
            transport: binding.flow.transport,
            source: binding.flow.remote.to_string(),
            expires: binding.expires,
            user_agent: binding.user_agent.as_ref().map(ToString::to_string),
        }
    }
}

/// Lists registered phones.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/registrations", operation_id = "listRegistrations", tag = "status",
    params(("tenant" = String, Path), ListQuery),
    responses((status = 200, body = List<RegistrationBody>), (status = "default", body = Problem)))]
pub async fn registrations(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<RegistrationBody>>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    let after: Option<UserName> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let (items, next) = state.tenant(&tenant, |known| {
        page(&known.registrations, after.as_ref(), limit, |user, bindings| RegistrationBody {
            user: user.clone(),
            contacts: bindings.iter().map(ContactBody::of).collect(),
        })
    })?;
    Ok(Json(List { items, next }))
}

/// The node at a glance.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Overview {
    /// Name of the node.
    pub node: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since its start.
    pub uptime_s: u64,
    /// Offset of the next event that the live view will fold: an event stream from here on misses nothing.
    pub position: u64,
    /// Its condition.
    pub health: Readiness,
    /// Kafka's condition.
    pub kafka: KafkaStatus,
    /// Tenants in numbers.
    pub tenants: Vec<TenantOverview>,
}

/// A tenant in numbers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantOverview {
    /// Its id.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// Phones set up.
    pub phones: usize,
    /// Phones registered.
    pub registered: usize,
    /// Trunks set up.
    pub trunks: usize,
    /// Trunks up.
    pub trunks_up: usize,
    /// Access numbers.
    pub numbers: usize,
    /// Calls now.
    pub calls: usize,
    /// Calls answered and up now.
    pub talking: usize,
    /// `seq` of its last event.
    pub seq: u64,
}

/// The node at a glance: health, and every tenant in numbers.
#[utoipa::path(get, path = "/api/v1/overview", operation_id = "getOverview", tag = "status",
    responses((status = 200, body = Overview), (status = "default", body = Problem)))]
pub async fn overview(State(state): State<AppState>) -> Json<Overview> {
    let health = check(&state).await;
    let most = state.parts.config.limits.page_items as usize;
    let (position, tenants) = state.parts.views.live.read(|live| {
        let tenants = live.tenants.iter().take(most).map(|(tenant, known)| TenantOverview {
            tenant: tenant.to_string(),
            name: known.settings.name.to_string(),
            phones: known.phones.len(),
            registered: known.registrations.len(),
            trunks: known.trunks.len(),
            trunks_up: known.trunks.values().filter(|trunk| trunk.state == TrunkState::Up).count(),
            numbers: known.numbers.len(),
            calls: known.calls.len(),
            talking: known.calls.values().filter(|call| call.answered.is_some()).count(),
            seq: known.seq,
        });
        (live.position, tenants.collect())
    });
    Json(Overview {
        node: state.parts.config.node.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: state.started.elapsed().as_secs(),
        position,
        health,
        kafka: kafka_status(&state),
        tenants,
    })
}

fn kafka_status(state: &AppState) -> KafkaStatus {
    state.parts.kafka.as_ref().map_or_else(KafkaStatus::default, |probe| probe())
}

/// How the forwarder to Kafka is doing.
#[utoipa::path(get, path = "/api/v1/kafka", operation_id = "getKafka", tag = "status",
    responses((status = 200, body = KafkaStatus), (status = "default", body = Problem)))]
pub async fn kafka(State(state): State<AppState>) -> Json<KafkaStatus> {
    Json(kafka_status(&state))
}
