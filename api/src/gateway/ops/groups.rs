//! Agents and groups (cc-gateway.md §2.6).

use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::agent::{Absence, AgentPhone, AgentRole};
use tandem_core::tenant::Tenant;
use tandem_core::tenant::contact::AgentEntry;
use tandem_core::{QueueId, WorkNumber};

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::render;
use crate::gateway::serve::Call;

/// Agents listed at most (agentbyskill: `agentLimit` 1 to 500).
const AGENTS_BY_SKILL: i64 = 500;

#[derive(Debug, Serialize)]
struct AgentInfo {
    workno: String,
    name: SmolStr,
    status: u8,
    #[serde(rename = "ctiStatus")]
    cti: u8,
    #[serde(rename = "groupName")]
    group: SmolStr,
}

fn group_name(tenant: &Tenant, entry: &AgentEntry) -> SmolStr {
    let group = entry.agent.group.and_then(|id| tenant.groups().find(|group| group.id == id));
    group.map_or_else(SmolStr::default, |group| group.name.clone())
}

fn info(tenant: &Tenant, entry: &AgentEntry) -> AgentInfo {
    let (status, cti) = render::states(tenant, entry.agent.number, entry.session.as_ref());
    let (workno, name) = (entry.agent.number.to_string(), entry.agent.name.clone());
    AgentInfo { workno, name, status, cti, group: group_name(tenant, entry) }
}

/// Whether an agent is a supervisor.
pub(super) fn supervises(tenant: &Tenant, agent: WorkNumber) -> bool {
    tenant.agent(agent).is_some_and(|entry| entry.agent.role == AgentRole::Supervisor)
}

/// Agents of the tenant for which `which` holds.
fn those(call: &Call, none: Code, which: impl Fn(&AgentEntry) -> bool) -> Outcome {
    let agents: Vec<AgentInfo> =
        call.read(|tenant| tenant.agents().filter(|entry| which(entry)).map(|entry| info(tenant, entry)).collect())?;
    if agents.is_empty() { Err(none.into()) } else { Ok(Answer::result(&agents)) }
}

/// `GET …/agentbyskill/{skillid}`.
pub(in crate::gateway) async fn by_skill(call: Call) -> Outcome {
    let queue: QueueId = super::queue("skillid", call.params.path_int("skillid")?)?;
    let limit = call.params.int("agentLimit")?;
    let states = match call.params.list("agentStatus", 20)? {
        None => None,
        Some(_) => Some(call.params.needed_ints("agentStatus", 20)?),
    };
    if limit.is_some() != states.is_some() || limit.is_some_and(|limit| !(1..=AGENTS_BY_SKILL).contains(&limit)) {
        return Err(Failure::new(Code::BadParameter, "agentLimit is 1 to 500 and comes together with agentStatus"));
    }
    let most = usize::try_from(limit.unwrap_or(AGENTS_BY_SKILL)).unwrap_or_default();
    let agents = call.read(|tenant| {
        let serving = tenant.queue(queue).map(|entry| entry.serving.clone())?;
        let agents = serving.into_iter().filter_map(|agent| tenant.agent(agent)).map(|entry| info(tenant, entry));
        let wanted = |agent: &AgentInfo| states.as_ref().is_none_or(|states| states.contains(&i64::from(agent.status)));
        Some(agents.filter(wanted).take(most).collect::<Vec<_>>())
    })?;
    Ok(Answer::result(&agents.ok_or_else(|| Failure::new(Code::BadParameter, format_args!("there is no skill queue {queue}")))?))
}

/// `GET …/allonlineagents`.
pub(in crate::gateway) async fn online_by_skill(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct BySkill {
        #[serde(rename = "skillMediaType")]
        medium: u8,
        #[serde(rename = "skillId")]
        id: u16,
        agent: Vec<AgentInfo>,
    }
    let skills = call.read(|tenant| {
        let skill = |entry: &tandem_core::tenant::contact::QueueEntry| {
            let serving = entry.serving.iter().filter_map(|agent| tenant.agent(*agent));
            BySkill {
                medium: render::media_type(&entry.queue),
                id: entry.queue.id.get(),
                agent: serving.map(|agent| info(tenant, agent)).collect(),
            }
        };
        tenant.queues().map(skill).collect::<Vec<_>>()
    })?;
    Ok(Answer::result(&skills))
}

/// `GET …/allagentstatus`.
pub(in crate::gateway) async fn all_status(call: Call) -> Outcome {
    those(&call, Code::AgentNotFound, |_| true)
}

/// `GET …/idleagent`.
pub(in crate::gateway) async fn idle(call: Call) -> Outcome {
    those(&call, Code::AgentNotFound, |entry| entry.session.as_ref().is_some_and(|session| session.is_available()))
}

/// `GET …/onlineagentonvdn`.
pub(in crate::gateway) async fn online(call: Call) -> Outcome {
    those(&call, Code::AgentNotFound, |entry| entry.session.is_some())
}

#[derive(Debug, Serialize)]
struct Group {
    id: u16,
    name: SmolStr,
    monitorno: u32,
    monitorname: SmolStr,
}

fn group(tenant: &Tenant, group: &tandem_core::agent::AgentGroup) -> Group {
    let monitor = group.supervisor.and_then(|number| tenant.agent(number));
    let monitorname = monitor.map_or_else(SmolStr::default, |entry| entry.agent.name.clone());
    Group { id: group.id, name: group.name.clone(), monitorno: group.supervisor.map_or(0, WorkNumber::get), monitorname }
}

/// `GET …/groupbyagent/{workno}`.
pub(in crate::gateway) async fn group_of(call: Call) -> Outcome {
    let of = super::agent("workno", call.params.path("workno"))?;
    let found = call.read(|tenant| {
        let entry = tenant.agent(of).ok_or(Code::GroupAgentNotFound)?;
        let id = entry.agent.group.ok_or(Code::GroupNotFound)?;
        tenant.groups().find(|group| group.id == id).map(|it| group(tenant, it)).ok_or(Code::GroupNotFound)
    })??;
    Ok(Answer::result(&found))
}

/// `GET …/grouponvdn`.
pub(in crate::gateway) async fn all_groups(call: Call) -> Outcome {
    let groups: Vec<Group> = call.read(|tenant| tenant.groups().map(|it| group(tenant, it)).collect())?;
    if groups.is_empty() { Err(Code::GroupNotFound.into()) } else { Ok(Answer::result(&groups)) }
}

/// `GET …/agentongroupex`.
pub(in crate::gateway) async fn of_group(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Member {
        workno: String,
        name: SmolStr,
        status: u8,
        #[serde(rename = "ctiStatus")]
        cti: u8,
        groupid: u16,
        groupname: SmolStr,
        skilllist: Vec<u16>,
        mediatype: &'static str,
        vdnid: u16,
        phonenumber: String,
        /// Seconds in the present state.
        currentstatetime: u64,
        /// Milliseconds since 1970.
        logindate: i64,
        #[serde(rename = "inMultimediaConf")]
        in_conference: bool,
    }
    let id = call.params.needed_int("groupid")?;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
    let members = call.read(|tenant| {
        let of_group = tenant.agents().filter(|entry| entry.agent.group.is_some_and(|group| i64::from(group) == id));
        let member = |entry: &AgentEntry| {
            let AgentInfo { workno, name, status, cti, group } = info(tenant, entry);
            let session = entry.session.as_ref();
            let since = session.map_or(now, |session| u128::try_from(session.mode_since.as_micros()).unwrap_or(now));
            Member {
                workno,
                name,
                status,
                cti,
                groupid: entry.agent.group.unwrap_or_default(),
                groupname: group,
                skilllist: entry.agent.skills.iter().map(|skill| skill.queue.get()).collect(),
                mediatype: "TTF",
                vdnid: render::vdn(tenant),
                phonenumber: session.map_or_else(String::new, |session| match &session.phone {
                    AgentPhone::Softphone(user) => user.to_string(),
                    AgentPhone::Outside(number) => number.to_string(),
                }),
                currentstatetime: u64::try_from(now.saturating_sub(since) / 1_000_000).unwrap_or_default(),
                logindate: session.map_or(0, |session| session.since.as_micros() / 1000),
                in_conference: false,
            }
        };
        of_group.map(member).collect::<Vec<_>>()
    })?;
    if members.is_empty() { Err(Code::AgentNotFound.into()) } else { Ok(Answer::result(&members)) }
}

/// `GET …/restreason`. The form of the result is not documented; this one has the names of CC-CMS (tenant-admin.md §6).
pub(in crate::gateway) async fn rest_reasons(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Reason {
        #[serde(rename = "restReasonId")]
        id: u8,
        #[serde(rename = "restReason")]
        text: SmolStr,
    }
    let reasons = call.read(|tenant| {
        let rests = tenant.absence_causes().filter(|cause| cause.kind == Absence::Rest);
        rests.map(|cause| Reason { id: cause.code, text: cause.text.clone() }).collect::<Vec<_>>()
    })?;
    Ok(Answer::result(&reasons))
}

/// `GET …/iscensor`.
pub(in crate::gateway) async fn is_supervisor(call: Call) -> Outcome {
    let agent = call.agent()?;
    Ok(Answer::result(&call.read(|tenant| supervises(tenant, agent))?.to_string()))
}

/// `GET …/ispickup`.
pub(in crate::gateway) async fn may_pick_up(call: Call) -> Outcome {
    let agent = call.agent()?;
    Ok(Answer::result(&call.read(|tenant| tenant.agent(agent).is_some_and(|entry| entry.agent.may_pick_up))?.to_string()))
}

/// Agents that an inspector may inspect: those of its groups, or all if it has none.
pub(super) fn inspected(call: &Call) -> Outcome {
    let agent = call.agent()?;
    let groups = call.read(|tenant| {
        let own = tenant.groups().filter(|group| group.supervisor == Some(agent)).map(|group| group.id).collect::<Vec<_>>();
        supervises(tenant, agent).then_some(own)
    })?;
    let groups = groups.ok_or(Code::InspectRight)?;
    let may = |entry: &AgentEntry| {
        entry.agent.number != agent && (groups.is_empty() || entry.agent.group.is_some_and(|group| groups.contains(&group)))
    };
    those(call, Code::AgentNotFound, may)
}
