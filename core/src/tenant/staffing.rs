//! Agents, queues, groups, causes and the audit trail, as administrators set them up.

use std::collections::BTreeSet;

use super::config::{exists, invalid, is_file_name, not_found, room};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{Absence, AbsenceCause, Agent, AgentGroup, SignOutReason, WorkNumber, busy};
use crate::command::{Audit, Rejection};
use crate::config::Destination;
use crate::event as fact;
use crate::queue::{Overflow, Queue, QueueId};

fn check_name(name: &str) -> Result<(), Rejection> {
    if name.is_empty() || name.len() > limits::NAME_BYTES {
        return Err(invalid("name", name, "1 to 100 bytes"));
    }
    Ok(())
}

fn between<T: PartialOrd + std::fmt::Display>(
    field: &'static str,
    value: T,
    range: &std::ops::RangeInclusive<T>,
    rule: &'static str,
) -> Result<(), Rejection> {
    if range.contains(&value) { Ok(()) } else { Err(invalid(field, value, rule)) }
}

fn check_prompt(field: &'static str, name: Option<&str>) -> Result<(), Rejection> {
    match name {
        Some(name) if !is_file_name(name.trim_start_matches('@').rsplit('/').next().unwrap_or_default()) => {
            Err(invalid(field, name, "1 to 128 characters of A-Z, a-z, 0-9 and `-_`"))
        }
        _ => Ok(()),
    }
}

impl Tenant {
    // ---- agents ---------------------------------------------------------------------------------------------------

    pub(super) fn add_agent(&mut self, desk: &mut Desk<'_>, agent: Agent) -> Outcome {
        if self.agent(agent.number).is_some() {
            return Err(exists("agent", agent.number));
        }
        self.check_agent(&agent)?;
        room(self.state.contact.agents.len(), limits::AGENTS, "agents")?;
        self.emit_config(desk, fact::AgentAdded { agent });
        DONE
    }

    /// A session goes on; it serves no queue that the agent may not serve any more.
    pub(super) fn change_agent(&mut self, desk: &mut Desk<'_>, agent: Agent) -> Outcome {
        let old = self.agent(agent.number).ok_or_else(|| not_found("agent", agent.number))?;
        if old.agent == agent {
            return DONE;
        }
        self.check_agent(&agent)?;
        let number = agent.number;
        self.emit_config(desk, fact::AgentChanged { agent });
        let serves: Vec<QueueId> = self.session(number).map(|session| session.queues.iter().copied().collect()).unwrap_or_default();
        let still = self.skills_for(number, Some(&serves));
        self.choose_skills(desk, number, still, None);
        DONE
    }

    /// Ends its session first.
    pub(super) fn remove_agent(&mut self, desk: &mut Desk<'_>, number: WorkNumber) -> Outcome {
        if self.agent(number).is_none() {
            return Err(not_found("agent", number));
        }
        let leads_there = |access: &&crate::config::AccessNumber| access.destination == Destination::Agent(number);
        if let Some(access) = self.state.numbers.values().find(leads_there) {
            let state = format!("number `{}` leads to agent {number}", access.number);
            return Err(Rejection::WrongState { action: "remove the agent", state });
        }
        self.end_session(desk, number, SignOutReason::Removed);
        self.emit_config(desk, fact::AgentRemoved { number });
        DONE
    }

    fn check_agent(&self, agent: &Agent) -> Result<(), Rejection> {
        check_name(&agent.name)?;
        if let Some(account) = &agent.account {
            check_name(account)?;
            let taken =
                |entry: &&super::contact::AgentEntry| entry.agent.number != agent.number && entry.agent.account.as_ref() == Some(account);
            if let Some(other) = self.agents().find(taken) {
                return Err(exists("account", format!("{account}` of agent `{}", other.agent.number)));
            }
        }
        if let Some(phone) = agent.phone.as_ref().filter(|phone| self.phone(phone).is_none()) {
            return Err(invalid("phone", phone, "a phone that is set up"));
        }
        if let Some(group) = agent.group.filter(|group| !self.state.contact.groups.contains_key(group)) {
            return Err(invalid("group", group, "a group that is set up"));
        }
        room(agent.skills.len().saturating_sub(1), limits::SKILLS, "skills of an agent")?;
        let mut seen = BTreeSet::new();
        for skill in &agent.skills {
            between("level", skill.level, &limits::SKILL_LEVEL, "1 to 100")?;
            if self.queue(skill.queue).is_none() || !seen.insert(skill.queue) {
                return Err(invalid("skills", skill.queue, "each queue once, and set up"));
            }
        }
        Ok(())
    }

    // ---- queues ---------------------------------------------------------------------------------------------------

    pub(super) fn add_queue(&mut self, desk: &mut Desk<'_>, queue: Queue) -> Outcome {
        if self.queue(queue.id).is_some() {
            return Err(exists("queue", queue.id));
        }
        self.check_queue(&queue)?;
        room(self.state.contact.queues.len(), limits::QUEUES, "queues")?;
        self.emit_config(desk, fact::QueueAdded { queue });
        DONE
    }

    pub(super) fn change_queue(&mut self, desk: &mut Desk<'_>, queue: Queue) -> Outcome {
        let old = self.queue(queue.id).ok_or_else(|| not_found("queue", queue.id))?;
        if old.queue == queue {
            return DONE;
        }
        self.check_queue(&queue)?;
        self.emit_config(desk, fact::QueueChanged { queue });
        DONE
    }

    /// Refused while something leads to it.
    pub(super) fn remove_queue(&mut self, desk: &mut Desk<'_>, queue: QueueId) -> Outcome {
        let entry = self.queue(queue).ok_or_else(|| not_found("queue", queue))?;
        let refuse = |state: String| Err(Rejection::WrongState { action: "remove the queue", state });
        if !entry.waiting.is_empty() {
            return refuse(format!("{} calls wait in it", entry.waiting.len()));
        }
        let leads_there = |to: &Destination| matches!(to, Destination::Queue(id) | Destination::Voicemail(id) if *id == queue);
        if let Some(access) = self.state.numbers.values().find(|access| leads_there(&access.destination)) {
            return refuse(format!("number `{}` leads to it", access.number));
        }
        let overflows =
            |other: &Queue| [&other.when_full, &other.when_no_agent, &other.when_late].into_iter().any(|to| *to == Overflow::Queue(queue));
        if let Some(other) = self.queues().find(|other| other.queue.id != queue && overflows(&other.queue)) {
            return refuse(format!("queue {} overflows to it", other.queue.id));
        }
        self.emit_config(desk, fact::QueueRemoved { queue });
        DONE
    }

    fn check_queue(&self, queue: &Queue) -> Result<(), Rejection> {
        check_name(&queue.name)?;
        if let Some(other) = self.queues().find(|other| other.queue.id != queue.id && other.queue.name == queue.name) {
            return Err(exists("queue", format!("{}` with number `{}", queue.name, other.queue.id)));
        }
        between("priority", queue.priority, &limits::PRIORITY, "1 to 254")?;
        between("max_waiting", queue.max_waiting, &(0..=limits::MAX_WAITING), "0 to 10000")?;
        between("max_wait_s", queue.max_wait_s, &limits::MAX_WAIT_S, "1 to 60000 seconds")?;
        between("answer_s", queue.answer_s, &limits::ANSWER_S, "5 to 120 seconds")?;
        between("wrap_up_s", queue.wrap_up_s, &(0..=limits::WRAP_UP_S), "0 to 3600 seconds")?;
        between("sticky_s", queue.sticky_s, &(0..=limits::STICKY_S), "0 to 2592000 seconds")?;
        check_prompt("music", queue.music.as_deref())?;
        check_prompt("greeting", queue.announcements.greeting.as_deref())?;
        for (field, to) in [("when_full", &queue.when_full), ("when_no_agent", &queue.when_no_agent), ("when_late", &queue.when_late)] {
            match to {
                Overflow::Queue(other) if *other == queue.id || self.queue(*other).is_none() => {
                    return Err(invalid(field, other, "another queue that is set up"));
                }
                Overflow::Release(prompt) => check_prompt(field, prompt.as_deref())?,
                _ => {}
            }
        }
        Ok(())
    }

    // ---- groups, causes, audit ------------------------------------------------------------------------------------

    pub(super) fn set_group(&mut self, desk: &mut Desk<'_>, group: AgentGroup) -> Outcome {
        between("group", group.id, &limits::GROUPS, "1 to 2000")?;
        check_name(&group.name)?;
        if let Some(agent) = group.supervisor.filter(|agent| self.agent(*agent).is_none()) {
            return Err(invalid("supervisor", agent, "an agent that is set up"));
        }
        if self.state.contact.groups.get(&group.id) != Some(&group) {
            self.emit_config(desk, fact::GroupSet { group });
        }
        DONE
    }

    pub(super) fn remove_group(&mut self, desk: &mut Desk<'_>, id: u16) -> Outcome {
        if !self.state.contact.groups.contains_key(&id) {
            return Err(not_found("group", id));
        }
        self.emit_config(desk, fact::GroupRemoved { id });
        DONE
    }

    pub(super) fn set_cause(&mut self, desk: &mut Desk<'_>, cause: AbsenceCause) -> Outcome {
        match cause.kind {
            Absence::Rest => between("code", cause.code, &(1..=255), "1 to 255")?,
            Absence::Busy => between("code", cause.code, &busy::OWN, "200 to 250")?,
        }
        if cause.text.is_empty() || cause.text.len() > limits::CAUSE_BYTES {
            return Err(invalid("text", &cause.text, "1 to 256 bytes"));
        }
        if self.state.contact.causes.get(&(cause.kind, cause.code)) != Some(&cause) {
            self.emit_config(desk, fact::AbsenceCauseSet { cause });
        }
        DONE
    }

    pub(super) fn remove_cause(&mut self, desk: &mut Desk<'_>, kind: Absence, code: u8) -> Outcome {
        if !self.state.contact.causes.contains_key(&(kind, code)) {
            return Err(not_found("cause", code));
        }
        self.emit_config(desk, fact::AbsenceCauseRemoved { kind, code });
        DONE
    }

    pub(super) fn note_audit(&mut self, desk: &mut Desk<'_>, audit: Audit) -> Outcome {
        self.emit_config(desk, fact::Audited { audit });
        DONE
    }
}
