//! Supervision (cc-gateway.md §2.7).

use tandem_core::agent::{Mode, SuperviseMode};
use tandem_core::{AgentWish, Timestamp, WorkNumber};

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::Wished;
use crate::gateway::serve::Call;

/// The inspected agent of the path; an inspector that inspects itself has a code of its own.
fn target(call: &Call) -> Result<WorkNumber, Failure> {
    let target = super::agent("workNo", call.params.path("workNo"))?;
    other(call, target)
}

fn other(call: &Call, target: WorkNumber) -> Result<WorkNumber, Failure> {
    if target == call.agent()? { Err(Code::OwnInspection.into()) } else { Ok(target) }
}

async fn done(call: Call, wish: AgentWish) -> Outcome {
    call.wish(Wished::Inspect, wish).await?;
    Ok(Answer::reserved())
}

/// The documented answer of listen and intercept has an empty message (§4.3).
async fn done_silently(call: Call, wish: AgentWish) -> Outcome {
    call.wish(Wished::Inspect, wish).await?;
    Ok(Answer::Result("{}".to_owned()))
}

/// `PUT …/addsupervise/{workNo}`.
pub(in crate::gateway) async fn listen(call: Call) -> Outcome {
    let agent = target(&call)?;
    // The inspector must be idle; going back to listening is `requestswitchinsertwhisperagent` or `switch`.
    if supervised(&call)?.is_some() {
        return Err(Code::InspectState.into());
    }
    done_silently(call, AgentWish::Supervise { agent, mode: SuperviseMode::Listen }).await
}

/// `PUT …/addinsert/{workNo}`.
pub(in crate::gateway) async fn join(call: Call) -> Outcome {
    let agent = target(&call)?;
    done_silently(call, AgentWish::Supervise { agent, mode: SuperviseMode::Join }).await
}

/// `PUT …/intercept/{workNo}`.
pub(in crate::gateway) async fn intercept(call: Call) -> Outcome {
    let agent = target(&call)?;
    done_silently(call, AgentWish::Intercept { agent }).await
}

/// `DELETE qualitycontrol/{agentid}/{workNo}`.
pub(in crate::gateway) async fn stop(call: Call) -> Outcome {
    let agent = target(&call)?;
    done(call, AgentWish::StopSupervising { agent }).await
}

/// The agent of `whisperagentid`; without it, the one that is inspected now.
fn whispered(call: &Call) -> Result<WorkNumber, Failure> {
    match call.params.text("whisperagentid", 10)? {
        Some(text) => other(call, super::agent("whisperagentid", &text)?),
        None => supervised(call)?.map(|(agent, _)| agent).ok_or_else(|| Code::InspectState.into()),
    }
}

/// Whom this inspector sits in with, and how.
fn supervised(call: &Call) -> Result<Option<(WorkNumber, SuperviseMode)>, Failure> {
    let agent = call.agent()?;
    call.read(|tenant| {
        let calls = &tenant.session(agent)?.calls;
        calls.iter().find_map(|id| {
            let part = tenant.call(*id)?.part(agent)?;
            match part.role {
                tandem_core::agent::PartRole::Supervisor(of) => Some((of, part.supervise.unwrap_or(SuperviseMode::Listen))),
                _ => None,
            }
        })
    })
}

/// `POST …/requestwhisperagent`.
pub(in crate::gateway) async fn whisper(call: Call) -> Outcome {
    let agent = whispered(&call)?;
    done(call, AgentWish::Supervise { agent, mode: SuperviseMode::Whisper }).await
}

/// `POST …/requeststopwhisperagent`: the inspector leaves, because the documented event is AgentOther_BeQcStop.
pub(in crate::gateway) async fn stop_whisper(call: Call) -> Outcome {
    let agent = whispered(&call)?;
    done(call, AgentWish::StopSupervising { agent }).await
}

/// `POST …/requestswitchinsertwhisperagent`.
pub(in crate::gateway) async fn switch_to(call: Call) -> Outcome {
    let mode = match call.params.needed_int("switchtype")? {
        0 => SuperviseMode::Listen,
        1 => SuperviseMode::Join,
        2 => SuperviseMode::Whisper,
        other => return Err(Failure::new(Code::BadParameter, format_args!("switchtype `{other}` is not 0, 1 or 2"))),
    };
    let agent = whispered(&call)?;
    done(call, AgentWish::Supervise { agent, mode }).await
}

/// `POST …/switch/{workNo}`: from listening to inserting and back.
pub(in crate::gateway) async fn toggle(call: Call) -> Outcome {
    let agent = target(&call)?;
    let mode = match supervised(&call)? {
        Some((of, SuperviseMode::Join)) if of == agent => SuperviseMode::Listen,
        Some((of, _)) if of == agent => SuperviseMode::Join,
        _ => return Err(Code::InspectState.into()),
    };
    done(call, AgentWish::Supervise { agent, mode }).await
}

async fn force(call: Call, mode: Mode) -> Outcome {
    let agent = target(&call)?;
    done(call, AgentWish::ForceMode { agent, mode }).await
}

/// `POST …/forcebusy/{workNo}`.
pub(in crate::gateway) async fn force_busy(call: Call) -> Outcome {
    force(call, Mode::NotReady { reason: tandem_core::agent::busy::FORCED }).await
}

/// `POST …/forceidle/{workNo}`.
pub(in crate::gateway) async fn force_idle(call: Call) -> Outcome {
    force(call, Mode::Ready).await
}

/// `POST …/forcerest/{workNo}/{time}/{reason}`.
pub(in crate::gateway) async fn force_rest(call: Call) -> Outcome {
    let (seconds, cause) = super::state::rest_of(&call, "time", "reason")?;
    if cause == 0 {
        return Err(Failure::new(Code::BadParameter, "reason is not 1 to 255"));
    }
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    force(call, Mode::Rest { cause, until: now + std::time::Duration::from_secs(u64::from(seconds)) }).await
}

/// `POST …/forcelogout/{workNo}`.
pub(in crate::gateway) async fn force_sign_out(call: Call) -> Outcome {
    let agent = target(&call)?;
    done(call, AgentWish::ForceSignOut { agent }).await
}

/// `POST …/forcedropcall/{callid}`.
pub(in crate::gateway) async fn force_release(call: Call) -> Outcome {
    let agent = call.agent()?;
    let text = call.params.path("callid").to_owned();
    let found = call.read(|tenant| super::known_call(tenant, agent, &text))?;
    let which = found.ok_or(Code::NoCall)?;
    done(call, AgentWish::ForceRelease { call: which }).await
}

/// `POST …/adjustskill`.
pub(in crate::gateway) async fn adjust_skills(call: Call) -> Outcome {
    let invalid = |failure: Failure| Failure { code: Code::SignInInvalid, ..failure };
    let agent = super::agent("workNo", &call.params.needed("workNo", 10).map_err(invalid)?).map_err(invalid)?;
    let skills = call.params.list("skills", 1000).map_err(invalid)?.ok_or(Code::SignInInvalid)?;
    let skills = if skills.is_empty() { Vec::new() } else { call.params.needed_ints("skills", 1000).map_err(invalid)? };
    let skills = skills.into_iter().map(|number| super::queue("skills", number)).collect::<Result<_, _>>().map_err(invalid)?;
    done(call, AgentWish::AdjustSkills { agent, skills }).await
}

/// `GET …/allagent`.
pub(in crate::gateway) async fn all_agents(call: Call) -> Outcome {
    super::groups::inspected(&call)
}
