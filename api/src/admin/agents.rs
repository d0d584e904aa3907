//! `/api/v1/tenants/{tenant}/agents`: people at positions, with their passwords and softphones.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;
use tandem_core::agent::{AgentRole, Mode, Skill};
use tandem_core::tenant::contact::AgentEntry;
use tandem_core::{Agent, Command, Phone, QueueId, TenantId, Timestamp, UserName, WorkNumber};
use utoipa::ToSchema;

use super::bodies::{List, ListQuery, check_display_name};
use super::{page_size, parse};
use crate::auth::CredentialStore;
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};
use crate::limits;

/// A queue that an agent may serve.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillBody {
    /// The queue's number.
    pub queue: u16,
    /// How well, 1 (best) to 100.
    #[serde(default = "best")]
    pub level: u8,
}

fn best() -> u8 {
    1
}

/// An agent's settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSettingsBody {
    /// Name for people.
    pub name: String,
    /// `agent` or `supervisor`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub role: AgentRole,
    /// Name for signing in instead of the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its softphone's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Queues it may serve.
    #[serde(default)]
    pub skills: Vec<SkillBody>,
    /// The group it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u16>,
    /// Chats at once.
    #[serde(default)]
    pub chats: u8,
    /// May pick up calls that ring at colleagues.
    #[serde(default = "yes")]
    pub may_pick_up: bool,
}

fn yes() -> bool {
    true
}

impl AgentSettingsBody {
    fn agent(&self, number: WorkNumber) -> Result<Agent, Problem> {
        check_display_name(Some(&self.name))?;
        let skill = |body: &SkillBody| -> Result<Skill, Problem> {
            let queue = QueueId::new(body.queue).map_err(|_| Problem::invalid("skills.queue", body.queue, "expected 1 to 5000"))?;
            Ok(Skill { queue, level: body.level })
        };
        Ok(Agent {
            number,
            name: SmolStr::new(&self.name),
            role: self.role,
            account: self.account.as_deref().filter(|account| !account.is_empty()).map(SmolStr::new),
            phone: self.phone.as_deref().map(|user| parse("phone", user)).transpose()?,
            skills: self.skills.iter().map(skill).collect::<Result<_, _>>()?,
            group: self.group,
            chats: self.chats,
            may_pick_up: self.may_pick_up,
        })
    }
}

/// An agent to set up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewAgent {
    /// Its number, 101 to 999999; the lowest free one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Its settings. Without `phone` a softphone is set up whose user name is the number.
    #[serde(flatten)]
    pub settings: AgentSettingsBody,
}

impl NewAgent {
    /// Field by field: flattened settings alone would let misspelt ones pass.
    fn read(mut body: Value) -> Result<Self, Problem> {
        let wrong = |error: serde_json::Error| Problem::malformed(format!("not an agent: {error}"));
        let number = body.as_object_mut().and_then(|object| object.remove("number")).unwrap_or_default();
        Ok(NewAgent { number: serde_json::from_value(number).map_err(wrong)?, settings: serde_json::from_value(body).map_err(wrong)? })
    }
}

/// An agent's secrets, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentPasswords {
    /// Its number.
    pub number: u32,
    /// Password for signing in. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// User name of its softphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Password of its softphone, if one was made or reset. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_password: Option<String>,
    /// Digest realm of the softphone.
    pub realm: String,
    /// Why this agent's passwords were not reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An agent as it is now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AgentBody {
    /// Its number.
    pub number: u32,
    /// Its settings.
    #[serde(flatten)]
    pub settings: AgentSettingsBody,
    /// Whether it can sign in: it has a password.
    pub has_password: bool,
    /// Its session, if it is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionBody>,
}

/// What a signed-in agent does.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionBody {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// `ready`, `not_ready`, `rest`, `wrap_up` or `in_call`.
    pub state: &'static str,
    /// Since when it is in that mode.
    #[schema(value_type = String, format = DateTime)]
    pub state_since: Timestamp,
    /// Code of the cause, for `not_ready` and `rest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<u8>,
    /// Queues it serves.
    pub queues: Vec<u16>,
    /// Calls it is in.
    pub calls: Vec<String>,
    /// Calls it took since it signed in.
    pub calls_taken: u32,
}

impl AgentBody {
    /// As the API shows it.
    pub fn of(entry: &AgentEntry, has_password: bool) -> Self {
        let agent = &entry.agent;
        let session = entry.session.as_ref().map(|session| {
            let (state, cause) = match session.mode {
                _ if !session.calls.is_empty() => ("in_call", None),
                Mode::Ready => ("ready", None),
                Mode::NotReady { reason } => ("not_ready", Some(reason)),
                Mode::Rest { cause, .. } => ("rest", Some(cause)),
                Mode::WrapUp { .. } => ("wrap_up", None),
            };
            SessionBody {
                since: session.since,
                state,
                state_since: session.mode_since,
                cause,
                queues: session.queues.iter().map(|queue| queue.get()).collect(),
                calls: session.calls.iter().map(ToString::to_string).collect(),
                calls_taken: session.calls_taken,
            }
        });
        AgentBody {
            number: agent.number.get(),
            settings: AgentSettingsBody {
                name: agent.name.to_string(),
                role: agent.role,
                account: agent.account.as_ref().map(ToString::to_string),
                phone: agent.phone.as_ref().map(ToString::to_string),
                skills: agent.skills.iter().map(|skill| SkillBody { queue: skill.queue.get(), level: skill.level }).collect(),
                group: agent.group,
                chats: agent.chats,
                may_pick_up: agent.may_pick_up,
            },
            has_password,
            session,
        }
    }
}

fn no_agent(tenant: &TenantId, number: WorkNumber) -> Problem {
    Problem::not_found(format!("there is no agent {number} in tenant `{tenant}`"))
}

fn known(state: &AppState, tenant: &TenantId, number: WorkNumber) -> Result<AgentBody, Problem> {
    let has_password = state.parts.credentials.has_agent(tenant, number);
    state
        .mirror(tenant, |tenant| tenant.agent(number).map(|entry| AgentBody::of(entry, has_password)))?
        .ok_or_else(|| no_agent(tenant, number))
}

/// Lists agents with what they do now.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/agents", operation_id = "listAgents", tag = "agents",
    params(("tenant" = String, Path), ListQuery), responses((status = 200, body = List<AgentBody>), (status = "default", body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<AgentBody>>, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let after: Option<WorkNumber> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let credentials = &state.parts.credentials;
    let mut items: Vec<AgentBody> = state.mirror(&tenant, |known| {
        let rest = known.agents().filter(|entry| after.is_none_or(|after| entry.agent.number > after));
        rest.take(limit + 1).map(|entry| AgentBody::of(entry, credentials.has_agent(&tenant, entry.agent.number))).collect()
    })?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|agent| agent.number.to_string());
    Ok(Json(List { items, next }))
}

/// Sets up an agent, and its softphone unless one is named. The answer is the only place where the passwords are shown.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/agents", operation_id = "createAgent", tag = "agents",
    params(("tenant" = String, Path)), request_body = NewAgent,
    responses((status = 201, body = AgentPasswords), (status = "default", body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<AgentPasswords>), Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let body = NewAgent::read(body)?;
    let number = match body.number {
        Some(number) => WorkNumber::new(number).map_err(|_| Problem::invalid("number", number, "expected 101 to 999999"))?,
        None => free_number(&state, &tenant)?,
    };
    let mut agent = body.settings.agent(number)?;
    let made = match &agent.phone {
        Some(_) => false,
        None => {
            let user: UserName = parse("phone", &number.to_string())?;
            agent.phone = Some(user.clone());
            add_softphone(&state, &tenant, user, &agent.name).await?
        }
    };
    let phone = agent.phone.clone();
    if let Err(problem) = state.command(&tenant, Command::AddAgent(agent)).await {
        if let (true, Some(user)) = (made, phone) {
            state.submit(&tenant, Command::RemovePhone(user)).await?;
        }
        return Err(problem);
    }
    let phone = phone.map(|user| (user, made));
    Ok((StatusCode::CREATED, Json(give_passwords(&state, &tenant, number, phone).await?)))
}

fn free_number(state: &AppState, tenant: &TenantId) -> Result<WorkNumber, Problem> {
    let free = state.mirror(tenant, |tenant| {
        let mut wanted = WorkNumber::FIRST;
        for entry in tenant.agents() {
            if entry.agent.number.get() != wanted {
                break;
            }
            wanted += 1;
        }
        wanted
    })?;
    WorkNumber::new(free).map_err(|_| Problem::conflict("all work numbers are taken"))
}

/// Says whether the phone is new; one of that name that is there already is taken as it is.
async fn add_softphone(state: &AppState, tenant: &TenantId, user: UserName, name: &str) -> Result<bool, Problem> {
    if state.mirror(tenant, |tenant| tenant.phone(&user).is_some())? {
        return Ok(false);
    }
    let phone = Phone { display_name: Some(SmolStr::new(name)), ..Phone::named(user) };
    state.submit(tenant, Command::AddPhone(phone)).await?;
    Ok(true)
}

/// A fresh sign-in password, and one for the softphone if it is to have one.
async fn give_passwords(
    state: &AppState,
    tenant: &TenantId,
    number: WorkNumber,
    phone: Option<(UserName, bool)>,
) -> Result<AgentPasswords, Problem> {
    let credentials = &state.parts.credentials;
    let random = |error| Problem::internal("making a password", &error);
    let password = CredentialStore::generate_for_agent().map_err(random)?;
    credentials.set_agents(tenant, vec![(number, password.clone())], true).await?;
    let mut phone_password = None;
    if let Some((user, true)) = &phone {
        let made = CredentialStore::generate().map_err(random)?;
        credentials.set_phone(tenant, user, &made).await?;
        phone_password = Some(made);
    }
    Ok(AgentPasswords {
        number: number.get(),
        password: Some(password),
        phone: phone.map(|(user, _)| user.to_string()),
        phone_password,
        realm: credentials.realm().to_owned(),
        error: None,
    })
}

/// Shows an agent with what it does now.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/agents/{number}", operation_id = "getAgent", tag = "agents",
    params(("tenant" = String, Path), ("number" = u32, Path)), responses((status = 200, body = AgentBody), (status = "default", body = Problem)))]
pub async fn read(State(state): State<AppState>, Path((tenant, number)): Path<(String, String)>) -> Result<Json<AgentBody>, Problem> {
    known(&state, &parse("tenant", &tenant)?, parse("number", &number)?).map(Json)
}

/// Changes an agent's settings. Queues take effect at once, also in a session that serves all its queues.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/agents/{number}", operation_id = "replaceAgent", tag = "agents",
    params(("tenant" = String, Path), ("number" = u32, Path)), request_body = AgentSettingsBody,
    responses((status = 200, body = AgentBody), (status = "default", body = Problem)))]
pub async fn replace(
    State(state): State<AppState>,
    Path((tenant, number)): Path<(String, String)>,
    Json(body): Json<AgentSettingsBody>,
) -> Result<Json<AgentBody>, Problem> {
    let (tenant, number): (TenantId, WorkNumber) = (parse("tenant", &tenant)?, parse("number", &number)?);
    state.command(&tenant, Command::ChangeAgent(body.agent(number)?)).await?;
    known(&state, &tenant, number).map(Json)
}

/// Removes an agent: ends its session and forgets its password. Its softphone stays.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/agents/{number}", operation_id = "removeAgent", tag = "agents",
    params(("tenant" = String, Path), ("number" = u32, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, number)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (tenant, number): (TenantId, WorkNumber) = (parse("tenant", &tenant)?, parse("number", &number)?);
    state.command(&tenant, Command::RemoveAgent(number)).await?;
    state.parts.credentials.remove_agent(&tenant, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which agents get new passwords.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// Their numbers.
    pub numbers: Vec<u32>,
    /// Their softphones get new passwords, too.
    #[serde(default)]
    pub phones: bool,
}

/// Gives agents new passwords, each shown once, here.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/agents:reset", operation_id = "resetAgentPasswords", tag = "agents",
    params(("tenant" = String, Path)), request_body = ResetBody,
    responses((status = 200, body = Vec<AgentPasswords>), (status = "default", body = Problem)))]
pub async fn reset(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<ResetBody>,
) -> Result<Json<Vec<AgentPasswords>>, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    if body.numbers.len() > limits::RESET_AGENTS {
        return Err(Problem::invalid("numbers", format!("({} numbers)", body.numbers.len()), format!("at most {}", limits::RESET_AGENTS)));
    }
    let mut made = Vec::with_capacity(body.numbers.len());
    for number in body.numbers {
        made.push(match reset_one(&state, &tenant, number, body.phones).await {
            Ok(passwords) => passwords,
            Err(problem) => AgentPasswords {
                number,
                password: None,
                phone: None,
                phone_password: None,
                realm: state.parts.credentials.realm().to_owned(),
                error: Some(problem.detail),
            },
        });
    }
    Ok(Json(made))
}

async fn reset_one(state: &AppState, tenant: &TenantId, number: u32, phones: bool) -> Result<AgentPasswords, Problem> {
    let work_number = WorkNumber::new(number).map_err(|_| Problem::invalid("numbers", number, "expected 101 to 999999"))?;
    let agent = known(state, tenant, work_number)?;
    let phone: Option<UserName> = agent.settings.phone.as_deref().map(|user| parse("phone", user)).transpose()?;
    give_passwords(state, tenant, work_number, phone.map(|user| (user, phones))).await
}
