//! Finding agents for waiting calls, and calls for agents who are ready.
//!
//! Nothing is searched: each queue keeps its ready agents in the order of its strategy and its waiting calls in the order
//! of their turn (see `contact`), so a decision looks at the first of each. A command notes who may have become free and
//! which queue may have got a call; both are matched once it is through, so that nothing is offered half-way.

use super::contact::{QueueEntry, ReadyKey, Session, WaitKey, Waiting};
use super::offer::Offering;
use super::{Desk, Tenant};
use crate::agent::WorkNumber;
use crate::event::{AgentEvent, CallEvent, ConfigEvent, Event};
use crate::id::CallId;
use crate::queue::{Candidate, Choice, ChoiceRule, Queue, QueueId, Strategy};
use crate::time::Timestamp;

/// How urgent a waiting call is beside calls of other queues, less is sooner: priority and what waiting is worth, in
/// millionths of a step.
type Urgency = (std::cmp::Reverse<i64>, Timestamp, CallId);

/// A call, its queue, and the rule if it is not the queue's strategy.
type Matched = (CallId, QueueId, Option<ChoiceRule>);

impl Desk<'_> {
    pub(super) fn may_match(&self) -> bool {
        !self.free.is_empty() || !self.hungry.is_empty()
    }

    fn note_free(&mut self, agent: WorkNumber) {
        if !self.free.contains(&agent) {
            self.free.push(agent);
        }
    }

    fn note_hungry(&mut self, queue: QueueId) {
        if !self.hungry.contains(&queue) {
            self.hungry.push(queue);
        }
    }
}

impl Tenant {
    // ---- what may be matched --------------------------------------------------------------------------------------

    /// What can't be seen any more once the event is applied: which queues an agent served.
    pub(super) fn note_match_before(&self, desk: &mut Desk<'_>, event: &Event) {
        let left = match event {
            Event::Agent(agent, AgentEvent::SignedOut(_) | AgentEvent::SkillsChosen(_)) => self.session(*agent),
            _ => None,
        };
        for queue in left.iter().flat_map(|session| &session.queues) {
            desk.note_hungry(*queue);
        }
        // Offers of this call end with it: it waits on for somebody else.
        if let Event::Call(call, CallEvent::AgentLeft(_)) = event
            && let Some(waiting) = self.call(*call).and_then(|call| call.waiting.as_ref())
        {
            desk.note_hungry(waiting.queue);
        }
    }

    pub(super) fn note_match_after(&self, desk: &mut Desk<'_>, event: &Event) {
        match event {
            Event::Call(_, CallEvent::Queued(it)) => {
                desk.note_hungry(it.queue);
                it.sticky.into_iter().for_each(|agent| desk.note_free(agent));
            }
            Event::Call(_, CallEvent::StickyEnded(it)) => desk.note_hungry(it.queue),
            Event::Call(_, CallEvent::AgentLeft(it)) => desk.note_free(it.agent),
            Event::Agent(agent, AgentEvent::SignedIn(_) | AgentEvent::SkillsChosen(_) | AgentEvent::ModeChanged(_)) => {
                desk.note_free(*agent)
            }
            Event::Config(ConfigEvent::QueueChanged(it)) => desk.note_hungry(it.queue.id),
            _ => {}
        }
    }

    /// Every offer reserves an agent, and an agent whose phone fails is busy: this comes to an end.
    pub(super) fn match_all(&mut self, desk: &mut Desk<'_>) {
        loop {
            if !desk.free.is_empty() {
                let agent = desk.free.remove(0);
                self.match_agent(desk, agent);
            } else if !desk.hungry.is_empty() {
                let queue = desk.hungry.remove(0);
                self.match_queue(desk, queue);
            } else {
                return;
            }
        }
    }

    // ---- matching -------------------------------------------------------------------------------------------------

    /// Offers calls of a queue to agents as long as both are there.
    pub(super) fn match_queue(&mut self, desk: &mut Desk<'_>, queue: QueueId) {
        self.leave_deserted_queue(desk, queue);
        while let Some((call, agent)) = self.next_match(queue) {
            self.offer_from_queue(desk, call, agent, None);
        }
    }

    fn next_match(&self, id: QueueId) -> Option<(CallId, WorkNumber)> {
        let entry = self.queue(id)?;
        let call = entry.open.first()?.call;
        Some((call, self.agent_for(entry, call)?))
    }

    /// Whose turn it is to take a call of this queue.
    fn agent_for(&self, entry: &QueueEntry, call: CallId) -> Option<WorkNumber> {
        let waiting = self.call(call)?.waiting.as_ref()?;
        let agent = in_turn(entry).map(|key| key.agent).find(|agent| !waiting.refused.contains(agent));
        // Better one who did not take it before than nobody.
        agent.or_else(|| in_turn(entry).next().map(|key| key.agent))
    }

    /// An agent has become free: the most urgent of the calls it may serve. Should others be free as well, that call may be
    /// one of theirs by the queue's strategy; then the next is looked at.
    pub(super) fn match_agent(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) {
        while let Some(session) = self.session(agent).filter(|session| session.is_available()) {
            let Some((call, queue, rule)) = self.most_urgent(desk.now, agent, session) else { return };
            let taker = match rule {
                Some(_) => Some(agent),
                None => self.queue(queue).and_then(|entry| self.agent_for(entry, call)),
            };
            let Some(taker) = taker else { return };
            self.offer_from_queue(desk, call, taker, rule);
        }
    }

    fn most_urgent(&self, now: Timestamp, agent: WorkNumber, session: &Session) -> Option<Matched> {
        let mut best: Option<(Urgency, QueueId, Option<ChoiceRule>)> = None;
        for queue in &session.queues {
            let Some(entry) = self.queue(*queue).filter(|entry| session.is_available_for(entry.queue.medium)) else { continue };
            let from = (agent, WaitKey { rank: i64::MIN, since: Timestamp::from_micros(i64::MIN), call: CallId(0) });
            let sticky =
                entry.sticky.range(from..).next().filter(|(whom, _)| *whom == agent).map(|(_, key)| (key, Some(ChoiceRule::Sticky)));
            let open = entry.open.first().filter(|key| !self.others_first(agent, entry, key)).map(|key| (key, None));
            for (key, rule) in sticky.into_iter().chain(open) {
                let Some(waiting) = self.call(key.call).and_then(|call| call.waiting.as_ref()) else { continue };
                let urgency = (std::cmp::Reverse(pressure(&entry.queue, waiting, now)), waiting.since, key.call);
                if best.as_ref().is_none_or(|(least, ..)| urgency < *least) {
                    best = Some((urgency, *queue, rule));
                }
            }
        }
        best.map(|((.., call), queue, rule)| (call, queue, rule))
    }

    /// Whether the agent did not take this call before, or handed it over, and somebody else is ready: the queue decides then.
    fn others_first(&self, agent: WorkNumber, entry: &QueueEntry, key: &WaitKey) -> bool {
        let waiting = self.call(key.call).and_then(|call| call.waiting.as_ref());
        entry.ready.len() > 1 && waiting.is_some_and(|waiting| waiting.refused.contains(&agent))
    }

    fn offer_from_queue(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, rule: Option<ChoiceRule>) {
        let Some(waiting) = self.call(call).and_then(|call| call.waiting.as_ref()) else { return };
        let Some(entry) = self.queue(waiting.queue) else { return };
        let rule = rule.unwrap_or(ChoiceRule::Strategy(entry.queue.strategy));
        let (queue, answer_s) = (waiting.queue, entry.queue.answer_s);
        let choice = self.choice(desk.now, entry, waiting, agent, rule);
        let role = self.role_from_queue(call);
        let until = desk.now + std::time::Duration::from_secs(u64::from(answer_s));
        self.offer(desk, call, Offering { agent, role, queue: Some(queue), choice: Some(choice), until: Some(until) });
    }

    /// What the decision was made from, as it is written down.
    fn choice(&self, now: Timestamp, entry: &QueueEntry, waiting: &Waiting, chosen: WorkNumber, rule: ChoiceRule) -> Choice {
        let others = in_turn(entry).map(|key| key.agent).filter(|agent| *agent != chosen);
        let shown = std::iter::once(chosen).chain(others).take(Choice::SHOWN);
        Choice {
            rule,
            ready: u32::try_from(entry.ready.len()).unwrap_or(u32::MAX),
            candidates: shown.filter_map(|agent| self.candidate(now, Some(entry.queue.id), agent)).collect(),
            waited_ms: millis(now, waiting.since),
            waiting: u32::try_from(entry.waiting.len()).unwrap_or(u32::MAX),
        }
    }

    /// What is written down of an agent that was looked at.
    pub(super) fn candidate(&self, now: Timestamp, queue: Option<QueueId>, agent: WorkNumber) -> Option<Candidate> {
        let entry = self.agent(agent)?;
        let session = entry.session.as_ref()?;
        let level = entry.agent.skills.iter().find(|skill| Some(skill.queue) == queue).map_or(0, |skill| skill.level);
        let idle_ms = if session.is_available() { millis(now, session.idle_since) } else { 0 };
        Some(Candidate { agent, level, idle_ms, calls: session.calls_taken })
    }
}

/// Ready agents in the order of the strategy: by their keys, for round robin from the one after whoever was chosen last.
fn in_turn(entry: &QueueEntry) -> impl Iterator<Item = &ReadyKey> {
    let last = entry.last_chosen.filter(|_| entry.queue.strategy == Strategy::RoundRobin);
    let from = last.map(|agent| ReadyKey { first: 0, since: Timestamp::default(), agent });
    let later = match from {
        Some(from) => entry.ready.range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded)),
        None => entry.ready.range(..),
    };
    later.chain(entry.ready.iter().take_while(move |key| last.is_some_and(|last| key.agent <= last)))
}

/// Priority in millionths of a step; with ageing, waiting adds to it.
fn pressure(queue: &Queue, waiting: &Waiting, now: Timestamp) -> i64 {
    let waited = i64::try_from(now.since(waiting.since).as_micros()).unwrap_or(i64::MAX);
    let aged = waited.checked_div(i64::from(queue.ageing_s)).unwrap_or(0);
    (i64::from(waiting.priority) * 1_000_000).saturating_add(aged)
}

/// Milliseconds since `earlier`.
pub(super) fn millis(now: Timestamp, earlier: Timestamp) -> u64 {
    u64::try_from(now.since(earlier).as_millis()).unwrap_or(u64::MAX)
}
