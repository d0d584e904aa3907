//! Skill queues, access codes, flows (cc-gateway.md §2.1, §2.5).

use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::config::Destination;
use tandem_core::tenant::Tenant;
use tandem_core::tenant::contact::QueueEntry;
use tandem_core::{QueueId, WorkNumber};

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::render;
use crate::gateway::serve::Call;

/// Queues in one statistics request.
const STATISTICS_QUEUES: usize = 100;

#[derive(Debug, Serialize)]
struct Skill {
    name: SmolStr,
    id: u16,
    mediatype: u8,
}

impl Skill {
    fn of(entry: &QueueEntry) -> Skill {
        Skill { name: entry.queue.name.clone(), id: entry.queue.id.get(), mediatype: render::media_type(&entry.queue) }
    }
}

fn list(items: &[impl Serialize], none: Code) -> Outcome {
    if items.is_empty() { Err(none.into()) } else { Ok(Answer::result(&items)) }
}

fn configured(tenant: &Tenant, agent: WorkNumber) -> Vec<Skill> {
    let skills = tenant.agent(agent).map(|entry| entry.agent.skills.as_slice()).unwrap_or_default();
    skills.iter().filter_map(|skill| tenant.queue(skill.queue)).map(Skill::of).collect()
}

/// `GET onlineagent/{agentid}/agentskills`.
pub(in crate::gateway) async fn own_skills(call: Call) -> Outcome {
    let agent = call.agent()?;
    list(&call.read(|tenant| configured(tenant, agent))?, Code::NoSkillQueue)
}

/// `GET onlineagent/{agentid}/agentskillsbyworkno/{workno}`.
pub(in crate::gateway) async fn skills_of(call: Call) -> Outcome {
    let of = super::agent("workno", call.params.path("workno"))?;
    list(&call.read(|tenant| configured(tenant, of))?, Code::NoSkillQueue)
}

/// `GET …/agentskill/{workno}`: those it is signed in to.
pub(in crate::gateway) async fn served_by(call: Call) -> Outcome {
    let of = super::agent("workno", call.params.path("workno"))?;
    let skills = call.read(|tenant| {
        let queues = tenant.session(of).map(|session| session.queues.clone()).unwrap_or_default();
        queues.into_iter().filter_map(|queue| tenant.queue(queue)).map(Skill::of).collect::<Vec<_>>()
    })?;
    list(&skills, Code::NoSkillQueue)
}

/// `GET …/agentvdnskill`.
pub(in crate::gateway) async fn of_tenant(call: Call) -> Outcome {
    list(&call.read(|tenant| tenant.queues().map(Skill::of).collect::<Vec<_>>())?, Code::OwnVdnWithoutQueues)
}

/// `GET …/vdnskill/{vdnid}`: of the own VDN only, another one has nothing for this agent.
pub(in crate::gateway) async fn of_vdn(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct VdnSkill {
        name: SmolStr,
        id: u16,
        mediatype: u8,
        #[serde(rename = "serviceType")]
        service: u8,
        #[serde(rename = "realFlag")]
        real: u8,
    }
    let vdn = call.params.path_int("vdnid")?;
    let skills = call.read(|tenant| {
        let own = i64::from(render::vdn(tenant)) == vdn;
        let skill = |entry: &QueueEntry| {
            let Skill { name, id, mediatype } = Skill::of(entry);
            VdnSkill { name, id, mediatype, service: 0, real: 1 }
        };
        tenant.queues().filter(|_| own).map(skill).collect::<Vec<_>>()
    })?;
    list(&skills, Code::VdnWithoutQueues)
}

/// `GET …/waitnum`: over the agent's configured skills.
pub(in crate::gateway) async fn waiting_count(call: Call) -> Outcome {
    let agent = call.agent()?;
    let count: usize = call.read(|tenant| {
        let skills = tenant.agent(agent).map(|entry| entry.agent.skills.as_slice()).unwrap_or_default();
        skills.iter().filter_map(|skill| tenant.queue(skill.queue)).map(|entry| entry.waiting.len()).sum()
    })?;
    Ok(Answer::result(&count))
}

/// `POST …/queryacdstat`.
pub(in crate::gateway) async fn statistics(call: Call) -> Outcome {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Statistics {
        pilot_nbr: String,
        device_no: u16,
        queue_size: usize,
        /// Seconds that the longest waiting call has waited.
        queue_time: u64,
        /// Both not used, by the reference.
        load_factor: u8,
        est_wait_time: u8,
        logged_on_agents: usize,
        avail_agents: usize,
        transfer_flg: u8,
        transfer_device_type: u8,
        transfer_device_no: String,
        skill_descrip: SmolStr,
    }
    let wanted = call.params.needed_ints("skills", STATISTICS_QUEUES)?;
    let wanted: Vec<QueueId> = wanted.into_iter().map(|number| super::queue("skills", number)).collect::<Result<_, _>>()?;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let found = call.read(|tenant| {
        let statistics = |entry: &QueueEntry| {
            let oldest = entry.waiting.keys().map(|key| key.since.as_micros()).min();
            let waited = oldest.map_or(0, |since| now.as_micros().saturating_sub(u128::try_from(since).unwrap_or(0)) / 1_000_000);
            let available = |agent: &&WorkNumber| tenant.session(**agent).is_some_and(|session| session.is_available());
            Statistics {
                pilot_nbr: entry.queue.id.to_string(),
                device_no: entry.queue.id.get(),
                queue_size: entry.waiting.len(),
                queue_time: u64::try_from(waited).unwrap_or(u64::MAX),
                load_factor: 0,
                est_wait_time: 0,
                logged_on_agents: entry.serving.len(),
                avail_agents: entry.serving.iter().filter(available).count(),
                transfer_flg: 0,
                transfer_device_type: 0,
                transfer_device_no: String::new(),
                skill_descrip: entry.queue.name.clone(),
            }
        };
        wanted.iter().filter_map(|queue| tenant.queue(*queue)).map(statistics).collect::<Vec<_>>()
    })?;
    if found.is_empty() {
        return Err(Failure::new(Code::BadParameter, "none of these skill queues is known"));
    }
    Ok(Answer::result(&found))
}

/// `GET …/innoinfo`. Access codes have no numbers of their own here: they are counted in their order.
pub(in crate::gateway) async fn access_codes(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct AccessCode {
        id: usize,
        inno: String,
        description: String,
        vdnid: u16,
        mediatype: u8,
    }
    let codes = call.read(|tenant| {
        let vdnid = render::vdn(tenant);
        let code = |(id, number): (usize, &tandem_core::AccessNumber)| {
            let description = match &number.destination {
                Destination::Queue(queue) => tenant.queue(*queue).map(|entry| entry.queue.name.to_string()).unwrap_or_default(),
                _ => String::new(),
            };
            AccessCode { id: id + 1, inno: number.number.to_string(), description, vdnid, mediatype: 5 }
        };
        tenant.numbers().enumerate().map(code).collect::<Vec<_>>()
    })?;
    list(&codes, Code::NoAccessCode)
}

/// `GET …/ivrinfo`. There are no flows yet: none is configured.
pub(in crate::gateway) async fn flows(call: Call) -> Outcome {
    call.session()?;
    Err(Code::NoIvr.into())
}
