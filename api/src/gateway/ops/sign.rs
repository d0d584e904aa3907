//! Sign-in, sign-out, signs of life (cc-gateway.md §1.3, §2.1).
//!
//! An agent's number is unique in its tenant, not on the node. A sign-in is for the tenant whose domain the request's Host names;
//! where it names none, for the tenant whose agent of that number has that password. Two tenants with the same number *and* password
//! can only be told apart by host.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::agent::{AgentPhone, Mode, SignIn, SignOutReason};
use tandem_core::{AgentRefusal, AgentWish, Number, Rejection, TenantId, UserName, WorkNumber};

use crate::auth::{AgentCheck, CredentialStore};
use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::{self, Wished};
use crate::gateway::render;
use crate::gateway::serve::Call;
use crate::gateway::session::Session;
use crate::gateway::{Gateway, limits, push};

/// Result of a sign-in.
#[derive(Debug, Serialize)]
struct SignedIn {
    vdnid: u16,
    workno: String,
    mediatype: &'static str,
    #[serde(rename = "loginTime")]
    at: String,
    #[serde(rename = "isForceChange")]
    must_change: &'static str,
    #[serde(rename = "serverName")]
    server: String,
}

/// `PUT onlineagent/{agentid}`.
pub(in crate::gateway) async fn sign_in(call: Call) -> Outcome {
    by_number(call, false).await
}

/// `PUT …/forcelogin`: also over an existing session, also without one.
pub(in crate::gateway) async fn force_sign_in(call: Call) -> Outcome {
    by_number(call, true).await
}

/// `PUT …/loginex`: to the call server only. The platform takes it without a password; we don't: a number is no secret.
pub(in crate::gateway) async fn sign_in_ex(call: Call) -> Outcome {
    by_number(call, false).await
}

async fn by_number(call: Call, force: bool) -> Outcome {
    let invalid = |failure: Failure| Failure { code: Code::SignInInvalid, ..failure };
    let agent = super::agent("agentid", call.params.path("agentid")).map_err(invalid)?;
    let password = call.params.needed("password", 32).map_err(invalid)?;
    let tenants = tenants(&call, agent);
    let found = authenticate(&call, tenants, agent, &password).await?;
    let Some((tenant, must_change)) = found else { return Err(Code::WrongPassword.into()) };
    begin(&call, tenant, agent, must_change, force).await
}

/// `PUT onlineagent/loginbyaccount`: by the name that an agent has instead of its number.
pub(in crate::gateway) async fn sign_in_by_account(call: Call) -> Outcome {
    let invalid = |failure: Failure| Failure { code: Code::SignInInvalid, ..failure };
    let account = call.params.needed("account", 50).map_err(invalid)?;
    let password = call.params.needed("password", 32).map_err(invalid)?;
    let mirror = &call.gateway.state.parts.views.mirror;
    let of_host = of_host(&call);
    let tenants = of_host.map_or_else(|| mirror.tenants(), |tenant| vec![tenant]);
    let found = tenants.into_iter().find_map(|tenant| {
        let agent = mirror.read(&tenant, |read| {
            let named = |name: &SmolStr| name.eq_ignore_ascii_case(&account);
            read.agents().find(|entry| entry.agent.account.as_ref().is_some_and(named)).map(|entry| entry.agent.number)
        });
        Some((tenant, agent??))
    });
    // Counted under a number that no agent has, where there is no such account.
    let (candidates, agent) = match found {
        Some((tenant, agent)) => (vec![tenant], agent),
        None => (Vec::new(), WorkNumber::new(WorkNumber::LAST).map_err(|_| Code::AccountOther)?),
    };
    let found = match authenticate(&call, candidates, agent, &password).await {
        Err(failure) if failure.code == Code::IpLocked => return Err(Code::AccountLocked.into()),
        other => other?,
    };
    let Some((tenant, must_change)) = found else { return Err(Code::AccountWrong.into()) };
    begin(&call, tenant, agent, must_change, false).await
}

/// The tenant whose domain the request's Host is.
fn of_host(call: &Call) -> Option<TenantId> {
    let host = call.header("host")?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let mirror = &call.gateway.state.parts.views.mirror;
    mirror.tenants().into_iter().find(|tenant| {
        let has = |settings: &tandem_core::event::TenantSettings| settings.domains.iter().any(|domain| domain.as_str() == host);
        mirror.read(tenant, |read| read.settings().is_some_and(has)).unwrap_or(false)
    })
}

/// Tenants that a sign-in of this number can be for.
fn tenants(call: &Call, agent: WorkNumber) -> Vec<TenantId> {
    match of_host(call) {
        Some(tenant) => vec![tenant],
        None => {
            let mut tenants = call.gateway.state.parts.credentials.tenants_of_agent(agent);
            tenants.truncate(limits::SIGN_IN_TENANTS);
            tenants
        }
    }
}

/// Checks the password. An agent that does not exist takes as long as one that does.
async fn authenticate(call: &Call, tenants: Vec<TenantId>, agent: WorkNumber, password: &str) -> Result<Option<(TenantId, bool)>, Failure> {
    let (gateway, now) = (&call.gateway, call.gateway.now());
    if gateway.sources_brake.blocks(&call.source, now) {
        return Err(Failure::new(Code::SignInUnavailable, "too many wrong passwords from this address, wait a minute"));
    }
    if gateway.agents_brake.blocks(&agent.get(), now) {
        return Err(Code::IpLocked.into());
    }
    let found = check(&gateway.state.parts.credentials, tenants, agent, password).await;
    match found {
        Some(_) => gateway.agents_brake.cleared(&agent.get()),
        None => {
            gateway.agents_brake.failed(agent.get(), now);
            gateway.sources_brake.failed(call.source, now);
        }
    }
    Ok(found)
}

async fn check(store: &CredentialStore, tenants: Vec<TenantId>, agent: WorkNumber, password: &str) -> Option<(TenantId, bool)> {
    if tenants.is_empty() {
        // Only the time counts, not what it says.
        if let Ok(nobody) = TenantId::new("-") {
            store.check_agent(&nobody, agent, password).await;
        }
        return None;
    }
    for tenant in tenants {
        if let AgentCheck::Right { must_change } = store.check_agent(&tenant, agent, password).await {
            return Some((tenant, must_change));
        }
    }
    None
}

/// One sign-in or sign-out of an agent at a time.
struct Turn(Arc<Gateway>, (TenantId, WorkNumber));

impl Turn {
    fn take(gateway: &Arc<Gateway>, tenant: &TenantId, agent: WorkNumber) -> Result<Turn, Failure> {
        let key = (tenant.clone(), agent);
        if gateway.busy.insert(key.clone()) { Ok(Turn(gateway.clone(), key)) } else { Err(Code::SignInUnderWay.into()) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.busy.remove(&self.1);
    }
}

async fn begin(call: &Call, tenant: TenantId, agent: WorkNumber, must_change: bool, force: bool) -> Outcome {
    let gateway = &call.gateway;
    let _turn = Turn::take(gateway, &tenant, agent)?;
    let target = push::Target::of(&call.params, &gateway.config.gateway)?;
    let wish = AgentWish::SignIn(wanted(call, &tenant, agent, force)?);
    let answer = gateway.wish(&tenant, agent, wish).await?;
    if let Err(rejection) = answer {
        return Err(match rejection {
            Rejection::Agent(AgentRefusal::AlreadySignedIn(_)) => Code::AlreadySignedIn.into(),
            other => refusal::failure(Wished::SignIn, &other),
        });
    }
    let late = || Failure::new(Code::SignInUnavailable, "the sign-in can't be read back in time");
    let mailbox = gateway.post.mailbox(&tenant, agent).ok_or_else(late)?;
    let at = mailbox.began_ms.to_string();
    let opened = gateway.sessions.open(mailbox, target.is_some(), call.source, gateway.now());
    let (guid, session) = match opened {
        Ok(Some(opened)) => opened,
        Ok(None) | Err(_) => {
            // Nobody could ever sign it out again.
            let _ = gateway.wish(&tenant, agent, AgentWish::SignOut(SignOutReason::Asked)).await;
            return Err(Failure::new(Code::SignInUnavailable, "too many sessions"));
        }
    };
    if let Some(target) = target {
        push::start(gateway.clone(), session, target);
    }
    let vdnid = gateway.read(&tenant, render::vdn)?;
    let result = SignedIn {
        vdnid,
        workno: agent.to_string(),
        mediatype: "TTF",
        at,
        must_change: if must_change { "true" } else { "false" },
        server: gateway.config.gateway.server_name.clone(),
    };
    Ok(Answer::result(&result).with_guid(guid))
}

/// What the body says about the session.
fn wanted(call: &Call, tenant: &TenantId, agent: WorkNumber, force: bool) -> Result<SignIn, Failure> {
    let params = &call.params;
    let invalid = |failure: Failure| Failure { code: Code::SignInInvalid, ..failure };
    let parameter = |what: String| Failure::new(Code::SignInParameter, what);
    let phone = params.text("phonenum", 24).map_err(invalid)?;
    let mode = match params.int("status").map_err(invalid)?.unwrap_or(4) {
        3 => Mode::NotReady { reason: 0 },
        4 => Mode::Ready,
        5 => Mode::WrapUp { until: None },
        other => return Err(parameter(format!("status `{other}` is not 3, 4 or 5"))),
    };
    match params.int("agenttype").map_err(invalid)?.unwrap_or(4) {
        4 | 5 | 11 | 99 => {}
        other => return Err(Failure::new(Code::WrongAgentType, other)),
    }
    if let Some(ip) = params.text("ip", 64).map_err(invalid)?
        && ip.parse::<IpAddr>().is_err()
    {
        return Err(Failure::new(Code::BadAddress, ip));
    }
    let release = params.flag("releasephone", true).map_err(invalid)?;
    Ok(SignIn {
        phone: call.gateway.read(tenant, |read| bound_phone(read, agent, phone.as_deref()))??,
        auto_answer: params.flag("autoanswer", true).map_err(invalid)?,
        auto_ready: params.flag("autoenteridle", true).map_err(invalid)?,
        keep_phone: !release,
        mode,
        skills: None,
        watches: params.flag("listenStatus", false).map_err(invalid)?,
        force,
    })
}

/// A phone of the tenant by that name, else an outside number; without one, the phone that is set up for the agent.
fn bound_phone(tenant: &tandem_core::tenant::Tenant, agent: WorkNumber, phone: Option<&str>) -> Result<AgentPhone, Failure> {
    let Some(phone) = phone else {
        let own = tenant.agent(agent).and_then(|entry| entry.agent.phone.clone());
        return own.map(AgentPhone::Softphone).ok_or_else(|| Failure::new(Code::PhoneInvalid, "phonenum is missing"));
    };
    match UserName::new(phone) {
        Ok(user) if tenant.phone(&user).is_some() => Ok(AgentPhone::Softphone(user)),
        _ => match (super::dialled("phonenum", phone), Number::new(phone)) {
            (Ok(_), Ok(number)) => Ok(AgentPhone::Outside(number)),
            _ => Err(Failure::new(Code::PhoneInvalid, phone)),
        },
    }
}

/// `DELETE …/logout` and `…/forcelogout`.
pub(in crate::gateway) async fn sign_out(call: Call) -> Outcome {
    end(&call, SignOutReason::Asked).await
}

/// `DELETE …/forcelogoutwithreason/{reason}`.
pub(in crate::gateway) async fn sign_out_with_reason(call: Call) -> Outcome {
    let reason = call.params.path_int("reason").and_then(|reason| {
        u16::try_from(reason).map_err(|_| Failure::new(Code::SignOutInvalid, format_args!("reason `{reason}` is not 0 to 65535")))
    });
    end(&call, SignOutReason::Coded(reason.map_err(|failure| Failure { code: Code::SignOutInvalid, ..failure })?)).await
}

async fn end(call: &Call, reason: SignOutReason) -> Outcome {
    let session: &Arc<Session> = call.session()?;
    let _turn = Turn::take(&call.gateway, session.tenant(), session.agent()).map_err(|_| Code::Repeated)?;
    call.wish(Wished::SignOut, AgentWish::SignOut(reason)).await?;
    Ok(Answer::Done)
}

/// `POST …/handshake`: the sign of life in push mode.
pub(in crate::gateway) async fn handshake(call: Call) -> Outcome {
    let session = call.session()?;
    if let Some(token) = call.header("service_token")
        && !push::is_token(token, 50)
    {
        return Err(Failure::new(Code::SignInInvalid, "service_token"));
    }
    let fresh = call.gateway.sessions.touch(session, call.gateway.now());
    Ok(match fresh {
        Some(guid) => Answer::Done.with_guid(guid),
        None => Answer::Done,
    })
}

/// `PUT …/heartbeat`: the older one. Its client loops without pause unless the result is an object (§5.3, 7).
pub(in crate::gateway) async fn heartbeat(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Alive {
        #[serde(rename = "loginTime")]
        at: String,
    }
    let session = call.session()?;
    let fresh = call.gateway.sessions.touch(session, call.gateway.now());
    let answer = Answer::result(&Alive { at: session.mailbox.began_ms.to_string() });
    Ok(match fresh {
        Some(guid) => answer.with_guid(guid),
        None => answer,
    })
}

/// `POST …/modifyaccountpwdex`: the agent's own password.
pub(in crate::gateway) async fn change_password(call: Call) -> Outcome {
    let (old, new) = (call.params.needed("oldPassword", 32)?, call.params.needed("newPassword", 32)?);
    let session = call.session()?;
    let (gateway, agent, now) = (&call.gateway, session.agent(), call.gateway.now());
    if gateway.agents_brake.blocks(&agent.get(), now) {
        return Err(Code::IpLocked.into());
    }
    let store = &gateway.state.parts.credentials;
    if store.check_agent(session.tenant(), agent, &old).await == AgentCheck::Wrong {
        gateway.agents_brake.failed(agent.get(), now);
        return Err(Code::WrongPassword.into());
    }
    if new.len() < crate::limits::PASSWORD_MIN_BYTES || new == old {
        return Err(Failure::new(Code::BadParameter, "newPassword is too short, or the old one"));
    }
    let stored = store.set_agents(session.tenant(), vec![(agent, new)], false).await;
    stored.map_err(|error| {
        tracing::error!(%error, "an agent's password can't be stored");
        Failure::from(Code::OperationFailed)
    })?;
    Ok(Answer::Done)
}
