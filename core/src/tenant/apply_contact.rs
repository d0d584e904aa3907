//! How facts about agents, queues and what agents do with calls change the state. Total, like `apply`.

use std::collections::BTreeSet;

use super::contact::{
    AgentEntry, Announcing, Collecting, Conference, Consultation, ContactState, Handover, Member, Part, Playback, QueueEntry, ReadyKey,
    Recording, Session, Stage, WaitKey, Waiting,
};
use super::limits;
use super::state::{Call, State};
use crate::agent::{Agent, HandoverMode, Mode, PartRole, Reach, WorkNumber};
use crate::event::{self as fact, AgentEvent, CallEvent, ConfigEvent};
use crate::id::CallId;
use crate::queue::{ChoiceRule, Entry, Leaving, Queue, QueueId, Strategy};
use crate::time::Timestamp;

impl WaitKey {
    /// Where a call stands. With ageing, a step of priority is worth so many seconds of waiting; the order of two calls
    /// then never changes while they wait, so a key worked out once is enough. Without, priority goes before time.
    pub fn new(queue: &Queue, priority: u8, since: Timestamp, call: CallId) -> Self {
        let priority = i64::from(priority);
        let rank = match i64::from(queue.ageing_s) {
            0 => -priority,
            step => since.as_micros().saturating_sub(priority * step * 1_000_000),
        };
        WaitKey { rank, since, call }
    }
}

impl ReadyKey {
    /// Where an agent stands among those who are ready. Round robin goes by number alone.
    fn new(queue: &Queue, agent: &Agent, session: &Session) -> Self {
        let level = || agent.skills.iter().find(|skill| skill.queue == queue.id).map_or(u32::MAX, |skill| u32::from(skill.level));
        let (first, since) = match queue.strategy {
            Strategy::LongestIdle | Strategy::RingAll => (0, session.idle_since),
            Strategy::FewestCalls => (session.calls_taken, Timestamp::default()),
            Strategy::RoundRobin => (0, Timestamp::default()),
            Strategy::SkillLevel => (level(), session.idle_since),
        };
        ReadyKey { first, since, agent: agent.number }
    }
}

impl State {
    // ---- a call and its agents ------------------------------------------------------------------------------------

    pub(super) fn apply_contact(&mut self, time: Timestamp, id: CallId, event: &CallEvent) {
        match event {
            CallEvent::Queued(it) => self.queued(time, id, it),
            CallEvent::Dequeued(it) => self.dequeued(time, id, it),
            CallEvent::StickyEnded(_) => self.sticky_ended(id),
            CallEvent::Offered(it) => self.offered(time, id, it),
            CallEvent::AgentAlerting(it) => self.with_part(id, it.agent, |part| part.stage = Stage::Alerting),
            CallEvent::AgentJoined(it) => self.agent_joined(time, id, it.agent),
            CallEvent::AgentHeld(it) => self.with_part(id, it.agent, |part| part.stage = Stage::Held),
            CallEvent::AgentRetrieved(it) => self.with_part(id, it.agent, |part| part.stage = Stage::Talking),
            CallEvent::AgentMuted(it) => self.with_part(id, it.agent, |part| part.muted = it.muted),
            CallEvent::AgentLeft(it) => self.agent_left(time, id, it.agent),
            CallEvent::PartMoved(it) => self.part_moved(id, it),
            CallEvent::Conferenced(_) => {}
            // A consultation apart stays what it is: its agent still has to come back from it.
            CallEvent::Unreached(_) => self.change_call(id, |call| drop(call.consultation.take_if(|it| it.about == id))),
            CallEvent::Consulting(it) => self.change_call(id, |call| {
                let (agent, about, target) = (it.agent, it.about, it.target.clone());
                call.consultation = Some(Consultation { agent, about, target, three_party: it.three_party });
            }),
            CallEvent::HandoverAsked(it) => self.change_call(id, |call| {
                let (agent, target, mode, caller) = (it.agent, it.target.clone(), it.mode, it.caller.clone());
                call.handover = Some(Handover { agent, target, mode, caller, refer: it.refer });
            }),
            CallEvent::HandoverEnded(_) => self.change_call(id, |call| {
                if call.handover.take().is_some_and(|handover| handover.mode == HandoverMode::Suspend) {
                    call.service = None;
                }
            }),
            CallEvent::DataSet(it) => self.change_call(id, |call| call.data = it.data.clone()),
            CallEvent::Announcing(it) => self.change_call(id, |call| {
                call.announcing = Some(Announcing { leg: it.leg, prompts: it.prompts.clone() });
            }),
            CallEvent::Announced(it) => self.change_call(id, |call| {
                call.announcing.take_if(|now| now.leg == it.leg);
                if let Some(collecting) = call.collecting.as_mut().filter(|collecting| collecting.leg == it.leg) {
                    collecting.playing = false;
                }
            }),
            CallEvent::Collecting(it) => self.change_call(id, |call| {
                let (leg, prompts, rules) = (it.leg, it.prompts.clone(), it.rules);
                call.collecting = Some(Collecting { leg, playing: !prompts.is_empty(), prompts, rules, digits: Default::default() });
            }),
            CallEvent::Collected(_) => self.change_call(id, |call| call.collecting = None),
            CallEvent::Voicemail(it) => self.change_call(id, |call| call.voicemail = Some((it.leg, it.queue))),
            CallEvent::SupervisionAsked(it) => self.with_part(id, it.supervisor, |part| part.supervise = Some(it.mode)),
            CallEvent::Intercepted(it) => self.intercepted(time, id, it),
            CallEvent::Supervised(it) => self.with_part(id, it.supervisor, |part| {
                part.role = PartRole::Supervisor(it.agent);
                part.supervise = Some(it.mode);
            }),
            CallEvent::SupervisionEnded(it) => self.with_part(id, it.supervisor, |part| part.supervise = None),
            CallEvent::Digit(it) => self.change_call(id, |call| {
                if let Some(collecting) = call.collecting.as_mut().filter(|collecting| collecting.leg == it.leg) {
                    if collecting.rules.interrupt {
                        collecting.playing = false;
                    }
                    if !collecting.playing && Some(it.digit) != collecting.rules.terminator {
                        collecting.digits = format!("{}{}", collecting.digits, it.digit).into();
                    }
                }
            }),
            _ => self.apply_sound(time, id, event),
        }
    }

    fn apply_sound(&mut self, time: Timestamp, id: CallId, event: &CallEvent) {
        match event {
            CallEvent::RecordingStarted(it) => {
                self.contact.recordings.insert(it.recording, (id, it.path.clone()));
                self.change_call(id, |call| {
                    let (purpose, agent, path, format) = (it.purpose, it.agent, it.path.clone(), it.format);
                    call.recordings.push(Recording { id: it.recording, purpose, agent, path, format, paused: false, since: time });
                });
            }
            CallEvent::RecordingPaused(it) => self.with_recording(id, it.recording, |recording| recording.paused = true),
            CallEvent::RecordingResumed(it) => self.with_recording(id, it.recording, |recording| recording.paused = false),
            CallEvent::RecordingStopped(it) => {
                self.change_call(id, |call| call.recordings.retain(|recording| recording.id != it.recording));
            }
            CallEvent::RecordingEnded(it) => {
                self.contact.recordings.remove(&it.recording);
                self.change_call(id, |call| call.recordings.retain(|recording| recording.id != it.recording));
            }
            CallEvent::PlaybackAsked(it) => self.change_call(id, |call| {
                let (agent, path, again) = (it.agent, it.path.clone(), it.times.saturating_sub(1));
                call.playback = Some(Playback { agent, path, at_ms: it.from_ms, since: time, begun: false, playing: false, again });
            }),
            CallEvent::PlaybackStarted(it) => self.change_call(id, |call| {
                let (agent, path, again) = (it.agent, it.path.clone(), it.times.saturating_sub(1));
                call.playback = Some(Playback { agent, path, at_ms: it.from_ms, since: time, begun: true, playing: true, again });
            }),
            CallEvent::PlaybackMoved(it) => self.change_call(id, |call| {
                if let Some(playback) = &mut call.playback {
                    (playback.at_ms, playback.playing, playback.since, playback.again) = (it.at_ms, it.playing, time, it.again);
                }
            }),
            CallEvent::PlaybackEnded(_) => self.change_call(id, |call| call.playback = None),
            _ => self.apply_conference(time, id, event),
        }
    }

    fn apply_conference(&mut self, time: Timestamp, id: CallId, event: &CallEvent) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match (event, &mut call.conference) {
            (CallEvent::ConferenceBegan(it), _) => {
                let (chair, size, until) = (it.chair, it.members, it.until);
                let members = Vec::new();
                call.conference = Some(Conference { chair, size, since: time, until, members, playing: None, warned: false });
            }
            (CallEvent::ConferenceChanged(it), Some(conference)) => {
                conference.warned &= conference.until == it.until;
                (conference.chair, conference.size, conference.until) = (it.chair, it.members, it.until);
            }
            (CallEvent::ConferenceNearlyOver(_), Some(conference)) => conference.warned = true,
            (CallEvent::ConferenceInvited(it), Some(conference)) => {
                conference.members.push(new_member(it.member.clone()));
            }
            (CallEvent::ConferenceJoined(it), Some(conference)) => {
                let place = conference.members.iter().position(|member| member.who == it.member);
                let mut member = place.map_or_else(|| new_member(it.member.clone()), |place| conference.members.remove(place));
                member.leg = Some(it.leg);
                member.ringing.retain(|leg| *leg != it.leg);
                // In the order in which they came: the first agent after the chair is the next chair.
                conference.members.push(member);
            }
            (CallEvent::ConferenceLeft(it), Some(conference)) => conference.members.retain(|member| member.who != it.member),
            (CallEvent::ConferenceHeld(it), Some(conference)) => {
                for member in conference.members.iter_mut().filter(|member| member.who == it.member) {
                    member.held = it.held;
                }
            }
            (CallEvent::ConferencePlaying(it), Some(conference)) => {
                conference.playing = it.prompt.clone().map(|prompt| (it.member.clone(), prompt));
            }
            _ => {}
        }
    }

    fn change_call(&mut self, id: CallId, change: impl FnOnce(&mut Call)) {
        if let Some(call) = self.calls.get_mut(&id) {
            change(call);
        }
    }

    fn with_part(&mut self, id: CallId, agent: WorkNumber, change: impl FnOnce(&mut Part)) {
        self.change_call(id, |call| {
            if let Some(part) = call.parts.iter_mut().find(|part| part.agent == agent) {
                change(part);
            }
        });
    }

    fn with_recording(&mut self, id: CallId, recording: crate::id::RecordingId, change: impl FnOnce(&mut Recording)) {
        self.change_call(id, |call| {
            if let Some(recording) = call.recordings.iter_mut().find(|it| it.id == recording) {
                change(recording);
            }
        });
    }

    pub(super) fn with_session(&mut self, agent: WorkNumber, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.contact.agents.get_mut(&agent).and_then(|entry| entry.session.as_mut()) {
            let standing = |session: &Session| (session.is_available(), session.idle_since, session.calls_taken);
            let before = standing(session);
            change(session);
            if before != standing(session) {
                self.list_agent(agent);
            }
        }
    }

    /// Puts an agent where it belongs among those who are ready, in each of its queues, or nowhere.
    fn list_agent(&mut self, agent: WorkNumber) {
        let ContactState { agents, queues, .. } = &mut self.contact;
        let Some(entry) = agents.get_mut(&agent) else { return };
        for (queue, key) in entry.listed.drain(..) {
            if let Some(queue) = queues.get_mut(&queue) {
                queue.ready.remove(&key);
            }
        }
        let Some(session) = &entry.session else { return };
        for id in &session.queues {
            let Some(queue) = queues.get_mut(id) else { continue };
            if !queue.serving.contains(&agent) || !session.is_available_for(queue.queue.medium) {
                continue;
            }
            let key = ReadyKey::new(&queue.queue, &entry.agent, session);
            queue.ready.insert(key);
            entry.listed.push((*id, key));
        }
    }

    // ---- waiting and offers ---------------------------------------------------------------------------------------

    fn queued(&mut self, time: Timestamp, id: CallId, it: &fact::CallQueued) {
        self.forget_waiting(id);
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(entry) = self.contact.queues.get_mut(&it.queue) else { return };
        let (queue, leg, priority, since) = (it.queue, it.leg, it.priority, it.since);
        entry.waiting.insert(WaitKey::new(&entry.queue, priority, since, id), id);
        call.last_queue = Some(queue);
        let (sticky, kept_by, offers, entered) = (it.sticky, it.kept_by, Vec::new(), time);
        let refused = if let Entry::HandedOver(agent) = it.entry { vec![agent] } else { Vec::new() };
        call.waiting = Some(Waiting { queue, leg, entry: it.entry.clone(), priority, since, sticky, kept_by, offers, entered, refused });
        self.list_waiting(id);
    }

    fn dequeued(&mut self, time: Timestamp, id: CallId, it: &fact::CallDequeued) {
        self.forget_waiting(id);
        let Some(entry) = self.contact.queues.get_mut(&it.queue) else { return };
        match &it.leaving {
            Leaving::Answered(agent) => {
                entry.last_chosen = Some(*agent);
                entry.pace.answered(time, !entry.waiting.is_empty());
            }
            Leaving::Overflowed { .. } => self.change_call(id, |call| call.hops = call.hops.saturating_add(1)),
            Leaving::Abandoned | Leaving::Cancelled | Leaving::Ended => {}
        }
    }

    fn sticky_ended(&mut self, id: CallId) {
        self.unlist_waiting(id);
        self.change_call(id, |call| {
            if let Some(waiting) = &mut call.waiting {
                waiting.sticky = None;
            }
        });
        self.list_waiting(id);
    }

    /// Out of the indexes that matching looks at; the call stays in its place.
    fn unlist_waiting(&mut self, id: CallId) {
        let Some(waiting) = self.calls.get(&id).and_then(|call| call.waiting.as_ref()) else { return };
        let Some(entry) = self.contact.queues.get_mut(&waiting.queue) else { return };
        let key = waiting.key(&entry.queue, id);
        if let Some(agent) = waiting.sticky {
            entry.sticky.remove(&(agent, key));
        }
        entry.open.remove(&key);
    }

    /// Into the index where it belongs now.
    fn list_waiting(&mut self, id: CallId) {
        let Some(waiting) = self.calls.get(&id).and_then(|call| call.waiting.as_ref()) else { return };
        let Some(entry) = self.contact.queues.get_mut(&waiting.queue) else { return };
        let key = waiting.key(&entry.queue, id);
        let unoffered = waiting.offers.is_empty();
        match waiting.sticky {
            Some(agent) if unoffered => drop(entry.sticky.insert((agent, key))),
            None if unoffered || entry.queue.strategy == Strategy::RingAll => drop(entry.open.insert(key)),
            _ => {}
        }
    }

    /// The call waits no longer, whatever becomes of it. Called for calls that end, too.
    pub(super) fn forget_waiting(&mut self, id: CallId) {
        self.unlist_waiting(id);
        let Some(waiting) = self.calls.get_mut(&id).and_then(|call| call.waiting.take()) else { return };
        if let Some(entry) = self.contact.queues.get_mut(&waiting.queue) {
            entry.waiting.remove(&WaitKey::new(&entry.queue, waiting.priority, waiting.since, id));
        }
    }

    fn offered(&mut self, time: Timestamp, id: CallId, it: &fact::CallOffered) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.part(it.agent).is_some() {
            return;
        }
        let (agent, role, queue) = (it.agent, it.role, it.queue);
        let taken = it.choice.as_ref().is_some_and(|choice| choice.rule == ChoiceRule::Taken);
        let (stage, since, until) = (Stage::Reserved, time, it.until);
        call.parts.push(Part { agent, role, queue, stage, muted: false, since, joined: None, supervise: None, until, taken });
        if call.waiting.as_ref().is_some_and(|waiting| Some(waiting.queue) == queue) {
            self.unlist_waiting(id);
            self.change_call(id, |call| {
                if let Some(waiting) = &mut call.waiting {
                    waiting.offers.push(agent);
                }
            });
            self.list_waiting(id);
        }
        if let Some(entry) = queue.and_then(|queue| self.contact.queues.get_mut(&queue)) {
            entry.last_chosen = Some(agent);
        }
        self.with_session(agent, |session| session.calls.push(id));
    }

    fn agent_joined(&mut self, time: Timestamp, id: CallId, agent: WorkNumber) {
        let mut handles = false;
        self.with_part(id, agent, |part| {
            part.stage = Stage::Talking;
            handles = part.joined.is_none() && part.role == PartRole::Handler;
            part.joined.get_or_insert(time);
        });
        if handles {
            self.with_session(agent, |session| session.calls_taken = session.calls_taken.saturating_add(1));
        }
    }

    /// The supervisor's part becomes that of the agent.
    fn intercepted(&mut self, time: Timestamp, id: CallId, it: &fact::CallIntercepted) {
        let queue = self.calls.get(&id).and_then(|call| call.part(it.agent)).and_then(|part| part.queue);
        self.with_part(id, it.supervisor, |part| {
            (part.role, part.supervise, part.queue, part.joined) = (PartRole::Handler, None, queue, Some(time));
        });
    }

    fn part_moved(&mut self, id: CallId, it: &fact::PartMoved) {
        if id == it.from || self.calls.get(&id).is_none_or(|call| call.part(it.agent).is_some()) {
            return;
        }
        let Some(from) = self.calls.get_mut(&it.from) else { return };
        let Some(place) = from.parts.iter().position(|part| part.agent == it.agent) else { return };
        let part = Part { role: it.role, ..from.parts.remove(place) };
        self.change_call(id, |call| call.parts.push(part));
        self.with_session(it.agent, |session| {
            session.calls.retain(|call| *call != it.from);
            session.calls.push(id);
        });
    }

    fn agent_left(&mut self, time: Timestamp, id: CallId, agent: WorkNumber) {
        let Some(part) = self.calls.get(&id).and_then(|call| call.part(agent)).cloned() else { return };
        self.change_call(id, |call| call.parts.retain(|part| part.agent != agent));
        self.offer_over(id, &part);
        self.remember(time, id, &part);
        self.with_session(agent, |session| {
            session.calls.retain(|call| *call != id);
            session.last_call = Some(id);
            if session.calls.is_empty() && session.mode == Mode::Ready {
                session.idle_since = time;
            }
        });
    }

    /// The call waits on, and others go before this agent.
    fn offer_over(&mut self, id: CallId, part: &Part) {
        let offered = |waiting: &Waiting| waiting.offers.contains(&part.agent);
        if !self.calls.get(&id).and_then(|call| call.waiting.as_ref()).is_some_and(offered) {
            return;
        }
        self.unlist_waiting(id);
        self.change_call(id, |call| {
            let Some(waiting) = &mut call.waiting else { return };
            waiting.offers.retain(|offered| *offered != part.agent);
            waiting.refused.retain(|refused| *refused != part.agent);
            waiting.refused.push(part.agent);
            if waiting.refused.len() > limits::REFUSALS {
                waiting.refused.remove(0);
            }
        });
        self.list_waiting(id);
    }

    /// Who served a caller, for its next call to this queue.
    fn remember(&mut self, time: Timestamp, id: CallId, part: &Part) {
        let (Some(queue), Some(_), PartRole::Handler) = (part.queue, part.joined, part.role) else { return };
        let (Some(call), Some(entry)) = (self.calls.get(&id), self.contact.queues.get_mut(&queue)) else { return };
        if entry.queue.sticky_s > 0 && call.caller.bytes().any(|byte| byte.is_ascii_digit()) {
            entry.memory.keep(&call.caller, part.agent, time);
        }
    }

    // ---- sessions -------------------------------------------------------------------------------------------------

    pub(super) fn apply_agent(&mut self, time: Timestamp, agent: WorkNumber, event: &AgentEvent) {
        match event {
            AgentEvent::SignedIn(it) => self.signed_in(time, agent, it),
            AgentEvent::SignedOut(_) => self.sign_out(agent),
            AgentEvent::SkillsChosen(it) => {
                let mut before = it.queues.iter().copied().collect();
                self.with_session(agent, |session| std::mem::swap(&mut session.queues, &mut before));
                self.serve(agent, &before);
            }
            AgentEvent::SettingsChanged(it) => self.with_session(agent, |session| {
                (session.auto_answer, session.auto_ready) = (it.auto_answer, it.auto_ready);
            }),
            AgentEvent::ModeChanged(it) => self.with_session(agent, |session| {
                session.before = Some((session.mode, session.mode_since));
                (session.mode, session.mode_since, session.deferred) = (it.mode, time, None);
                session.idle_since = time;
            }),
            AgentEvent::ModeDeferred(it) => self.with_session(agent, |session| {
                (session.deferred, session.deferred_since) = (it.mode, time);
            }),
            AgentEvent::RestOverrun(_) | AgentEvent::PhoneChanged(_) | AgentEvent::Noted(_) => {}
        }
    }

    fn signed_in(&mut self, time: Timestamp, agent: WorkNumber, it: &fact::AgentSignedIn) {
        let Some(entry) = self.contact.agents.get_mut(&agent) else { return };
        let queues = it.session.skills.iter().flatten().copied().collect();
        let new = Session {
            since: time,
            phone: it.session.phone.clone(),
            auto_answer: it.session.auto_answer,
            auto_ready: it.session.auto_ready,
            keep_phone: it.session.keep_phone,
            watches: it.session.watches,
            queues,
            mode: it.session.mode,
            mode_since: time,
            before: None,
            deferred: None,
            deferred_since: time,
            legs: Vec::new(),
            calls: Vec::new(),
            calls_taken: 0,
            idle_since: time,
            last_call: None,
        };
        let before = entry.session.replace(new).map(|old| old.queues);
        if before.is_none() {
            self.contact.signed_in = self.contact.signed_in.saturating_add(1);
        }
        self.serve(agent, &before.unwrap_or_default());
    }

    pub(super) fn sign_out(&mut self, agent: WorkNumber) {
        let Some(session) = self.contact.agents.get_mut(&agent).and_then(|entry| entry.session.take()) else { return };
        self.contact.signed_in = self.contact.signed_in.saturating_sub(1);
        self.serve(agent, &session.queues);
    }

    /// The agent serves the queues of its session and no longer those it served before.
    fn serve(&mut self, agent: WorkNumber, before: &BTreeSet<QueueId>) {
        let ContactState { agents, queues, .. } = &mut self.contact;
        let now = agents.get(&agent).and_then(|entry| entry.session.as_ref()).map(|session| &session.queues);
        for left in before.iter().filter(|queue| !now.is_some_and(|now| now.contains(*queue))) {
            queues.get_mut(left).map(|entry| entry.serving.remove(&agent));
        }
        for queue in now.into_iter().flatten() {
            queues.get_mut(queue).map(|entry| entry.serving.insert(agent));
        }
        self.list_agent(agent);
    }

    // ---- configuration --------------------------------------------------------------------------------------------

    pub(super) fn apply_staffing(&mut self, event: &ConfigEvent) {
        let contact = &mut self.contact;
        match event {
            ConfigEvent::AgentAdded(it) => {
                let new = AgentEntry { agent: it.agent.clone(), session: None, listed: Default::default() };
                contact.agents.insert(it.agent.number, new);
            }
            ConfigEvent::AgentChanged(it) => {
                if let Some(entry) = contact.agents.get_mut(&it.agent.number) {
                    entry.agent = it.agent.clone();
                }
                self.list_agent(it.agent.number);
            }
            ConfigEvent::AgentRemoved(it) => {
                self.sign_out(it.number);
                self.contact.agents.remove(&it.number);
            }
            ConfigEvent::QueueAdded(it) => {
                contact.queues.insert(it.queue.id, QueueEntry::new(it.queue.clone()));
            }
            ConfigEvent::QueueChanged(it) => self.queue_changed(&it.queue),
            ConfigEvent::QueueRemoved(it) => {
                for entry in contact.agents.values_mut() {
                    entry.agent.skills.retain(|skill| skill.queue != it.queue);
                    if let Some(session) = &mut entry.session {
                        session.queues.remove(&it.queue);
                    }
                    entry.listed.retain(|(queue, _)| *queue != it.queue);
                }
                contact.queues.remove(&it.queue);
            }
            ConfigEvent::GroupSet(it) => drop(contact.groups.insert(it.group.id, it.group.clone())),
            ConfigEvent::GroupRemoved(it) => {
                contact.groups.remove(&it.id);
                for entry in contact.agents.values_mut() {
                    entry.agent.group.take_if(|group| *group == it.id);
                }
            }
            ConfigEvent::AbsenceCauseSet(it) => drop(contact.causes.insert((it.cause.kind, it.cause.code), it.cause.clone())),
            ConfigEvent::AbsenceCauseRemoved(it) => drop(contact.causes.remove(&(it.kind, it.code))),
            _ => {}
        }
    }

    /// A change of ageing or strategy changes the order: all who wait or are ready are put in order again.
    fn queue_changed(&mut self, queue: &Queue) {
        let Some(entry) = self.contact.queues.get_mut(&queue.id) else { return };
        entry.queue = queue.clone();
        if queue.sticky_s == 0 {
            entry.memory.forget_all();
        }
        entry.open.clear();
        entry.sticky.clear();
        let calls: Vec<CallId> = std::mem::take(&mut entry.waiting).into_values().collect();
        for id in calls {
            if let Some(waiting) = self.calls.get(&id).and_then(|call| call.waiting.as_ref())
                && let Some(entry) = self.contact.queues.get_mut(&queue.id)
            {
                entry.waiting.insert(waiting.key(queue, id), id);
            }
            self.list_waiting(id);
        }
        let serving: Vec<WorkNumber> =
            self.contact.queues.get(&queue.id).map(|entry| entry.serving.iter().copied().collect()).unwrap_or_default();
        for agent in serving {
            self.list_agent(agent);
        }
    }
}

fn new_member(who: Reach) -> Member {
    Member { who, leg: None, ringing: Vec::new(), tried: Vec::new(), held: false }
}
