//! States, skills and notes (cc-gateway.md §2.1).

use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::agent::AgentRole;
use tandem_core::{AgentWish, QueueId, WorkNumber};

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::Wished;
use crate::gateway::render;
use crate::gateway::serve::Call;

/// Longest note or bulletin, in bytes: not documented; ours.
const NOTE_BYTES: usize = 2048;
/// Receivers of a note (sendnoteletex).
const NOTE_RECEIVERS: usize = 100;
/// Receivers of a bulletin: what the core takes.
const BULLETIN_RECEIVERS: usize = 1000;

async fn changed(call: Call, wish: AgentWish) -> Outcome {
    call.wish(Wished::State, wish).await?;
    Ok(Answer::Done)
}

/// `POST …/resetskill/{autoflag}`.
pub(in crate::gateway) async fn reset_skills(call: Call) -> Outcome {
    let skills = if call.params.path_flag("autoflag") {
        None
    } else {
        let text = call.params.text("skillid", 4000)?.unwrap_or_default();
        let wanted = text
            .split([';', ','])
            .filter(|part| !part.trim().is_empty())
            .map(|part| crate::gateway::params::whole("skillid", part).and_then(|number| super::queue("skillid", number)));
        let wanted: Vec<QueueId> = wanted.collect::<Result<_, _>>()?;
        // What counts is what is wanted and configured, by the documented rule.
        let agent = call.agent()?;
        let own = call.read(|tenant| {
            let skills = tenant.agent(agent).map(|entry| entry.agent.skills.clone()).unwrap_or_default();
            skills.into_iter().map(|skill| skill.queue).filter(|queue| wanted.contains(queue)).collect::<Vec<_>>()
        })?;
        Some(own)
    };
    call.wish(Wished::Skills, AgentWish::ChooseSkills(skills)).await?;
    Ok(Answer::Done)
}

/// `POST …/autoanswer/{isautoanswer}`.
pub(in crate::gateway) async fn auto_answer(call: Call) -> Outcome {
    let on = call.params.path_flag("isautoanswer");
    changed(call, AgentWish::SetAutoAnswer(on)).await
}

/// `POST …/autoenteridle/{flag}`.
pub(in crate::gateway) async fn auto_idle(call: Call) -> Outcome {
    let on = call.params.path_flag("flag");
    changed(call, AgentWish::SetAutoReady(on)).await
}

/// `POST …/sayfree`.
pub(in crate::gateway) async fn ready(call: Call) -> Outcome {
    changed(call, AgentWish::Ready).await
}

/// `POST …/saybusy`.
pub(in crate::gateway) async fn busy(call: Call) -> Outcome {
    let reason = match call.params.int("reason")?.unwrap_or(0) {
        0 => 0,
        own @ 200..=250 => own as u8,
        other => return Err(Failure::new(Code::BadParameter, format_args!("reason `{other}` is not 0 or 200 to 250"))),
    };
    changed(call, AgentWish::NotReady { reason }).await
}

/// `POST …/cancelbusy`.
pub(in crate::gateway) async fn cancel_busy(call: Call) -> Outcome {
    changed(call, AgentWish::EndNotReady).await
}

/// Rest time and cause of a path.
pub(super) fn rest_of(call: &Call, time: &str, cause: &str) -> Result<(u32, u8), Failure> {
    let (seconds, code) = (call.params.path_int(time)?, call.params.path_int(cause)?);
    let seconds = u32::try_from(seconds).ok().filter(|seconds| (1..=86_399).contains(seconds));
    let seconds = seconds.ok_or_else(|| Failure::new(Code::BadParameter, "the rest time is not 1 to 86399 s"))?;
    let code = u8::try_from(code).map_err(|_| Failure::new(Code::BadParameter, "the rest cause is not 0 to 255"))?;
    Ok((seconds, code))
}

/// `POST …/rest/{time}/{restcause}`.
pub(in crate::gateway) async fn rest(call: Call) -> Outcome {
    let (seconds, cause) = rest_of(&call, "time", "restcause")?;
    changed(call, AgentWish::Rest { cause, seconds }).await
}

/// `POST …/cancelrest`.
pub(in crate::gateway) async fn cancel_rest(call: Call) -> Outcome {
    changed(call, AgentWish::EndRest).await
}

/// `POST …/work`.
pub(in crate::gateway) async fn work(call: Call) -> Outcome {
    changed(call, AgentWish::WrapUp).await
}

/// `POST …/cancelwork`.
pub(in crate::gateway) async fn cancel_work(call: Call) -> Outcome {
    changed(call, AgentWish::EndWrapUp).await
}

/// `POST …/sendnoteletex`.
pub(in crate::gateway) async fn note(call: Call) -> Outcome {
    let ids = call.params.needed_ints("agentIds", NOTE_RECEIVERS)?;
    let to = ids.into_iter().map(|id| super::agent("agentIds", &id.to_string())).collect::<Result<Vec<_>, _>>()?;
    let text = SmolStr::new(call.params.needed("content", NOTE_BYTES)?);
    call.wish(Wished::Note, AgentWish::Note { to, text, bulletin: false }).await?;
    Ok(Answer::Done)
}

/// `POST …/notifybulletin`. The values of `targettype` are not documented; ours: 0 all, 1 a group by name, 2 a skill queue by name.
pub(in crate::gateway) async fn bulletin(call: Call) -> Outcome {
    let kind = call.params.int("targettype")?.unwrap_or(0);
    let name = call.params.text("targetname", 100)?.unwrap_or_default();
    let text = SmolStr::new(call.params.needed("bulletindata", NOTE_BYTES)?);
    let agent = call.agent()?;
    let to: Option<Vec<WorkNumber>> = call.read(|tenant| {
        let online = tenant.agents().filter(|entry| entry.session.is_some());
        match kind {
            0 => Some(online.map(|entry| entry.agent.number).take(BULLETIN_RECEIVERS).collect()),
            1 => {
                let group = tenant.groups().find(|group| group.name == name)?.id;
                let members = online.filter(|entry| entry.agent.group == Some(group));
                Some(members.map(|entry| entry.agent.number).take(BULLETIN_RECEIVERS).collect())
            }
            2 => {
                let queue = tenant.queues().find(|entry| entry.queue.name == name)?;
                Some(queue.serving.iter().copied().take(BULLETIN_RECEIVERS).collect())
            }
            _ => None,
        }
    })?;
    let to = to.ok_or_else(|| Failure::new(Code::BadParameter, "there is no such target"))?;
    if call.read(|tenant| tenant.agent(agent).is_none_or(|entry| entry.agent.role != AgentRole::Supervisor))? {
        return Err(Failure::new(Code::StateRefused, "only an inspector publishes bulletins"));
    }
    call.wish(Wished::Note, AgentWish::Note { to, text, bulletin: true }).await?;
    Ok(Answer::Done)
}

/// `GET …/agentstatus`.
pub(in crate::gateway) async fn status(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Status {
        #[serde(rename = "agentState")]
        state: u8,
        #[serde(rename = "isWorking")]
        working: bool,
    }
    let agent = call.agent()?;
    let (state, _) = call.read(|tenant| render::states(tenant, agent, tenant.session(agent)))?;
    Ok(Answer::result(&Status { state, working: state == 5 }))
}

/// `GET …/querycustomstate`: setting one has no known path, so it is always the value of none.
pub(in crate::gateway) async fn custom_state(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Custom {
        agentcustomstate: &'static str,
    }
    call.session()?;
    Ok(Answer::result(&Custom { agentcustomstate: "65535" }))
}
