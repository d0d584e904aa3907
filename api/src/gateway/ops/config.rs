//! The `config/…` family: its own sign-in (auth.md C5), recognition subscriptions (cc-gateway.md §2.14, oiap.md §8), and the settings
//! of a VDN as far as they are documented (tenant-admin.md §5).
//!
//! Who signs in here is the VDN account (VDN number + 100000 or + 1000000) with the tenant's interconnection password; an
//! administrator's own number is no account of ours.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::agent::{Agent, AgentRole, Skill};
use tandem_core::config::{AccessNumber, Destination};
use tandem_core::queue::{Medium, Overflow, Queue};
use tandem_core::{Command, Number, QueueId, TenantId, WorkNumber};

use crate::auth::secret::{self, NoRandomness};
use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::serve::Call;
use crate::gateway::{limits, push, render};

/// Who is signed in for configuration, by the guid's fingerprint.
#[derive(Debug, Default)]
pub(in crate::gateway) struct ConfigSessions(DashMap<[u8; 32], (TenantId, Instant)>);

impl ConfigSessions {
    fn open(&self, tenant: TenantId, server: &str, now: Instant) -> Result<Option<String>, NoRandomness> {
        self.forget(now);
        if self.0.len() >= limits::CONFIG_SESSIONS {
            return Ok(None);
        }
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
        let hex = secret::hex(&bytes);
        let part = |range| hex.get(range).unwrap_or_default();
        let guid = format!("{}-{}-{}-{}-{}.{server}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32));
        self.0.insert(secret::fingerprint(&guid), (tenant, now));
        Ok(Some(guid))
    }

    /// Whose guid it is.
    pub(in crate::gateway) fn find(&self, guid: &str, now: Instant) -> Result<TenantId, Failure> {
        if guid.is_empty() || guid.len() > limits::GUID_BYTES {
            return Err(Code::ConfigLoginInvalid.into());
        }
        let mut entry = self.0.get_mut(&secret::fingerprint(guid)).ok_or(Code::ConfigLoginInvalid)?;
        if now.saturating_duration_since(entry.1) >= limits::CONFIG_SILENCE {
            return Err(Code::ConfigLoginInvalid.into());
        }
        entry.1 = now;
        Ok(entry.0.clone())
    }

    /// Forgets those that were not used for long.
    pub(in crate::gateway) fn forget(&self, now: Instant) {
        self.0.retain(|_, (_, used)| now.saturating_duration_since(*used) < limits::CONFIG_SILENCE);
    }
}

/// A subscription to recognition results. There is no recognition yet: it is kept, and nothing is sent.
#[derive(Debug, Clone)]
struct Subscription {
    tenant: TenantId,
    alive: Instant,
}

/// Subscriptions by server id.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Subscriptions {
    known: DashMap<String, Subscription>,
    made: AtomicU32,
}

impl Subscriptions {
    /// Forgets those without a handshake for five minutes.
    pub(in crate::gateway) fn forget(&self, now: Instant) {
        self.known.retain(|_, known| now.saturating_duration_since(known.alive) < limits::SUBSCRIPTION_SILENCE);
    }

    /// A sign of life of one of a tenant's.
    fn alive(&self, id: &str, tenant: &TenantId, now: Instant) -> bool {
        self.known.get_mut(id).filter(|known| known.tenant == *tenant).is_some_and(|mut known| {
            known.alive = now;
            true
        })
    }
}

fn parameter(what: impl std::fmt::Display) -> Failure {
    Failure::new(Code::ConfigParameter, what)
}

/// Any wrong parameter has the family's own code.
fn own<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| Failure { code: Code::ConfigParameter, ..failure })
}

/// `POST config/login`.
pub(in crate::gateway) async fn sign_in(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Guid {
        guid: String,
    }
    let account = own(call.params.needed_int("agentId"))?;
    let password = own(call.params.needed("password", 128))?;
    let (gateway, now) = (&call.gateway, call.gateway.now());
    if gateway.sources_brake.blocks(&call.source, now) {
        return Err(Failure::new(Code::ConfigPassword, "too many wrong passwords from this address, wait a minute"));
    }
    let mirror = &gateway.state.parts.views.mirror;
    let is_account = |vdn: u16| vdn > 0 && [100_000, 1_000_000].iter().any(|base| i64::from(vdn) + base == account);
    let tenant = mirror.tenants().into_iter().find(|tenant| mirror.read(tenant, |read| is_account(render::vdn(read))).unwrap_or(false));
    let right = gateway.state.parts.credentials.check_interconnection(tenant.as_ref(), &password).await;
    let (Ok(true), Some(tenant)) = (right, tenant) else {
        gateway.sources_brake.failed(call.source, now);
        return Err(Code::ConfigPassword.into());
    };
    match gateway.config_sessions.open(tenant, &gateway.config.gateway.server_name, now) {
        Ok(Some(guid)) => Ok(Answer::SuccessResult(super::super::answer::json(&Guid { guid }))),
        Ok(None) | Err(_) => Err(Code::ConfigException.into()),
    }
}

#[derive(Serialize)]
struct ServerId<'a> {
    #[serde(rename = "serverId")]
    id: &'a str,
}

/// What a subscription says; checked, and kept for nothing until there is recognition.
fn check_subscription(call: &Call) -> Result<(), Failure> {
    let uri = own(call.params.needed("serviceCallBackUri", 200))?;
    let reachable = uri.parse::<hyper::Uri>().is_ok_and(|uri| uri.host().is_some());
    if !reachable {
        return Err(parameter("serviceCallBackUri can't be read"));
    }
    if own(call.params.text("nlpFlag", 8))?.is_none() {
        return Err(parameter("nlpFlag is missing"));
    }
    match own(call.params.text("serviceToken", 256))? {
        Some(token) if !push::is_token(&token, 256) => Err(parameter("serviceToken has special characters")),
        _ => Ok(()),
    }
}

/// `POST config/subscribe/register`.
pub(in crate::gateway) async fn subscribe(call: Call) -> Outcome {
    if own(call.params.needed("subscribeType", 4))? != "1" {
        return Err(parameter("subscribeType is not 1"));
    }
    check_subscription(&call)?;
    let (gateway, tenant, now) = (&call.gateway, call.tenant()?.clone(), call.gateway.now());
    let subscriptions = &gateway.subscriptions;
    subscriptions.forget(now);
    if subscriptions.known.iter().filter(|known| known.tenant == tenant).count() >= limits::SUBSCRIPTIONS {
        return Err(Failure::new(Code::ConfigFailed, format_args!("at most {} subscriptions", limits::SUBSCRIPTIONS)));
    }
    let vdn = call.read(render::vdn)?;
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let number = subscriptions.made.fetch_add(1, Ordering::Relaxed);
    let id = format!("{seconds}-{vdn:03}-{number:05}");
    subscriptions.known.insert(id.clone(), Subscription { tenant, alive: now });
    Ok(Answer::result(&ServerId { id: &id }))
}

/// `POST config/subscribe/modify?serverId=…`.
pub(in crate::gateway) async fn change_subscription(call: Call) -> Outcome {
    let id = own(call.params.needed("serverId", 64))?;
    check_subscription(&call)?;
    alive(&call, &id)?;
    Ok(Answer::result(&ServerId { id: &id }))
}

fn alive(call: &Call, id: &str) -> Result<(), Failure> {
    let known = call.gateway.subscriptions.alive(id, call.tenant()?, call.gateway.now());
    if known { Ok(()) } else { Err(parameter("there is no such subscription")) }
}

/// `GET config/subscribe/handshake/{serverid}`.
pub(in crate::gateway) async fn keep_subscription(call: Call) -> Outcome {
    alive(&call, call.params.path("serverid"))?;
    Ok(Answer::Done)
}

/// `POST config/subscribe/handshake/{serverid}`: with a token.
pub(in crate::gateway) async fn keep_subscription_with_token(call: Call) -> Outcome {
    if !call.header("service_token").is_some_and(|token| push::is_token(token, 256)) {
        return Err(parameter("service_token is missing or has special characters"));
    }
    keep_subscription(call).await
}

/// `PUT config/subscribe/unregister`.
pub(in crate::gateway) async fn unsubscribe(call: Call) -> Outcome {
    let id = own(call.params.needed("serverId", 64))?;
    alive(&call, &id)?;
    call.gateway.subscriptions.known.remove(&id);
    Ok(Answer::Done)
}

/// Sends a command of the tenant's configuration.
async fn configure(call: &Call, command: Command) -> Result<(), Failure> {
    let answer = call.gateway.command(call.tenant()?, command).await?;
    answer.map(drop).map_err(|rejection| Failure::new(Code::ConfigFailed, rejection))
}

/// `PUT config/vdn/vdn`: of its many settings, only forced recording has something here to be set, and that is per queue.
pub(in crate::gateway) async fn change_tenant(call: Call) -> Outcome {
    call.tenant()?;
    Err(Failure::new(Code::ConfigVdn022, "the settings of a VDN are changed by the admin API"))
}

/// The queue of `?skillId=`.
fn queue_id(call: &Call) -> Result<Option<QueueId>, Failure> {
    own(call.params.int("skillId"))?.map(|number| own(super::queue("skillId", number))).transpose()
}

fn known_queue(call: &Call) -> Result<Queue, Failure> {
    let id = queue_id(call)?.ok_or_else(|| parameter("skillId is missing"))?;
    call.read(|tenant| tenant.queue(id).map(|entry| entry.queue.clone()))?
        .ok_or_else(|| parameter(format_args!("there is no skill queue {id}")))
}

/// Name of a queue: at most 100 bytes, without the characters that the platform refuses.
fn queue_name(name: &str) -> Result<SmolStr, Failure> {
    let refused = |c: char| "\"[]'&()=;<>,`".contains(c) || c.is_control();
    if name.trim().is_empty() || name.len() > 100 || name.contains(refused) {
        return Err(parameter("name: 1 to 100 bytes without \"[]'&()=;<>,`"));
    }
    Ok(SmolStr::new(name.trim()))
}

/// `skillParameter` of a body, on top of what a queue is already.
fn set_parameters(call: &Call, queue: &mut Queue) -> Result<(), Failure> {
    let Some(settings) = own(call.params.object("skillParameter"))? else { return Ok(()) };
    let number = |name: &str, first: u32, last: u32| -> Result<Option<u32>, Failure> {
        let Some(number) = own(settings.int(name))? else { return Ok(None) };
        let fits = u32::try_from(number).ok().filter(|number| (first..=last).contains(number));
        fits.map(Some).ok_or_else(|| parameter(format_args!("{name} `{number}` is not {first} to {last}")))
    };
    if let Some(seconds) = number("maxAgentWrapupTime", 0, 3600)? {
        queue.wrap_up_s = u16::try_from(seconds).unwrap_or(u16::MAX);
    }
    if number("calcOfMaxCallNum", 0, 1)? == Some(1) {
        return Err(parameter("calcOfMaxCallNum: only 0 (a fixed number) is taken"));
    }
    if let Some(most) = number("maxCallNum", 0, 10_000)? {
        queue.max_waiting = most;
    }
    if let Some(seconds) = number("maxWaitTime", 1, 60_000)? {
        queue.max_wait_s = seconds;
    }
    Ok(())
}

/// `POST config/vdn/skill`: the number is chosen where none is given.
pub(in crate::gateway) async fn add_queue(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Made {
        #[serde(rename = "skillId")]
        id: u16,
    }
    let name = queue_name(&own(call.params.needed("name", 200))?)?;
    match own(call.params.needed_int("mediaTypeId"))? {
        5 => {}
        other => return Err(parameter(format_args!("mediaTypeId `{other}`: only 5 (voice) is built in yet"))),
    }
    let id = match queue_id(&call)? {
        Some(id) => id,
        None => {
            let free =
                call.read(|tenant| (1..=QueueId::LAST).filter_map(|id| QueueId::new(id).ok()).find(|id| tenant.queue(*id).is_none()))?;
            free.ok_or_else(|| Failure::new(Code::ConfigFailed, "no number is free"))?
        }
    };
    // The platform's defaults, where ours differ (§5).
    let mut queue = Queue { medium: Medium::Voice, max_waiting: 100, max_wait_s: 60, wrap_up_s: 5, ..Queue::named(id, name) };
    queue.when_late = Overflow::Release(None);
    set_parameters(&call, &mut queue)?;
    configure(&call, Command::AddQueue(queue)).await?;
    Ok(Answer::result(&Made { id: id.get() }))
}

/// `PUT config/vdn/skill?skillId=…`. Name and medium stay what they are.
pub(in crate::gateway) async fn change_queue(call: Call) -> Outcome {
    let mut queue = known_queue(&call)?;
    set_parameters(&call, &mut queue)?;
    configure(&call, Command::ChangeQueue(queue)).await?;
    Ok(Answer::reserved())
}

/// `GET config/vdn/skill?skillId=…`; all without a number.
pub(in crate::gateway) async fn read_queue(call: Call) -> Outcome {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameter {
        max_agent_wrapup_time: u16,
        calc_of_max_call_num: u8,
        max_call_num: u32,
        max_wait_time: u32,
        support_video: u8,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown {
        skill_id: u16,
        name: SmolStr,
        media_type_id: u8,
        skill_parameter: Parameter,
    }
    let show = |queue: &Queue| Shown {
        skill_id: queue.id.get(),
        name: queue.name.clone(),
        media_type_id: render::media_type(queue),
        skill_parameter: Parameter {
            max_agent_wrapup_time: queue.wrap_up_s,
            calc_of_max_call_num: 0,
            max_call_num: queue.max_waiting,
            max_wait_time: queue.max_wait_s,
            support_video: 0,
        },
    };
    match queue_id(&call)? {
        Some(_) => Ok(Answer::result(&show(&known_queue(&call)?))),
        None => Ok(Answer::result(&call.read(|tenant| tenant.queues().map(|entry| show(&entry.queue)).collect::<Vec<_>>())?)),
    }
}

/// `DELETE config/vdn/skill?skillId=…`.
pub(in crate::gateway) async fn remove_queue(call: Call) -> Outcome {
    let queue = known_queue(&call)?;
    configure(&call, Command::RemoveQueue(queue.id)).await?;
    Ok(Answer::reserved())
}

/// `POST config/vdn/agents[?agentId=…]`: the number is chosen where none is given.
pub(in crate::gateway) async fn add_agent(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Made {
        #[serde(rename = "agentId")]
        id: u32,
    }
    let name = own(call.params.needed("name", 20))?;
    let password = own(call.params.needed("agentPwd", 8))?;
    // A role number of the platform; its roles are not ours. Checked because it is mandatory.
    own(call.params.needed_int("userClassId"))?;
    let chats = own(call.params.int("socialChatNum"))?.unwrap_or(0);
    let chats = u8::try_from(chats).map_err(|_| parameter("socialChatNum is not 0 to 255"))?;
    let mut skills = Vec::new();
    for item in own(call.params.list("skills", 1000))?.unwrap_or_default() {
        let number = item.get("skillId").unwrap_or(&item);
        let number = number.as_i64().or_else(|| number.as_str()?.parse().ok()).ok_or_else(|| parameter("skills"))?;
        skills.push(Skill { queue: own(super::queue("skills", number))?, level: 1 });
    }
    let number = match own(call.params.text("agentId", 10))? {
        Some(text) => own(super::agent("agentId", &text))?,
        None => {
            let free = |tenant: &tandem_core::tenant::Tenant| {
                (WorkNumber::FIRST..=WorkNumber::LAST).filter_map(|n| WorkNumber::new(n).ok()).find(|n| tenant.agent(*n).is_none())
            };
            call.read(free)?.ok_or_else(|| Failure::new(Code::ConfigAgent010, "no number is free"))?
        }
    };
    let agent = Agent {
        number,
        name: SmolStr::new(name),
        role: AgentRole::Agent,
        account: None,
        phone: None,
        skills,
        group: None,
        chats,
        may_pick_up: true,
    };
    configure(&call, Command::AddAgent(agent)).await?;
    let stored = call.gateway.state.parts.credentials.set_agents(call.tenant()?, vec![(number, password)], true).await;
    if let Err(error) = stored {
        tracing::error!(%error, "an agent's password can't be stored");
        return Err(Code::ConfigException.into());
    }
    Ok(Answer::result(&Made { id: number.get() }))
}

/// `POST config/vdn/calledroute`: an access code with its extension leads to a queue.
pub(in crate::gateway) async fn add_route(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Made {
        #[serde(rename = "dnId")]
        id: usize,
    }
    let code = own(call.params.needed("accesscode", 24))?;
    let extension = own(call.params.text("subcode", 24))?.unwrap_or_default();
    let number = Number::new(format!("{code}{extension}")).map_err(parameter)?;
    let destination = match own(call.params.needed_int("devicetype"))? {
        1 => Destination::Queue(own(super::queue("deviceId", call.params.needed_int("deviceId")?))?),
        3 => return Err(parameter("devicetype 3: there are no IVR flows yet")),
        other => return Err(parameter(format_args!("devicetype `{other}` is not 1 or 3"))),
    };
    configure(&call, Command::AddNumber(AccessNumber { number: number.clone(), destination })).await?;
    let id = call.read(|tenant| tenant.numbers().position(|known| known.number == number))?;
    Ok(Answer::result(&Made { id: id.map_or(0, |place| place + 1) }))
}

/// `GET config/vdn/calledroute?dnId=5,6`; all without numbers. Routes have no numbers of their own here: they are counted in order.
pub(in crate::gateway) async fn read_routes(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Shown {
        #[serde(rename = "dnId")]
        id: usize,
        accesscode: String,
        subcode: &'static str,
        devicetype: u8,
        #[serde(rename = "deviceId")]
        device: u16,
    }
    let wanted = own(call.params.text("dnId", 500))?;
    let wanted: Option<Vec<usize>> = wanted.map(|text| text.split(',').filter_map(|id| id.trim().parse().ok()).collect());
    let routes = call.read(|tenant| {
        let to_queue = tenant.numbers().enumerate().filter_map(|(place, number)| match number.destination {
            Destination::Queue(queue) => {
                Some(Shown { id: place + 1, accesscode: number.number.to_string(), subcode: "", devicetype: 1, device: queue.get() })
            }
            _ => None,
        });
        to_queue.filter(|shown| wanted.as_ref().is_none_or(|wanted| wanted.contains(&shown.id))).collect::<Vec<_>>()
    })?;
    Ok(Answer::result(&routes))
}

/// What is not built in: skill groups, and the push of agents' states, whose body nobody knows.
pub(in crate::gateway) async fn refused(call: Call) -> Outcome {
    call.tenant()?;
    Err(Failure::new(Code::ConfigFailed, "not built in yet"))
}
