//! Calls that wait: entering and leaving a queue, its limits, and what callers hear.

use std::time::Duration;

use smol_str::SmolStr;

use super::assign::millis;
use super::contact::{Part, QueueEntry, Waiting};
use super::routing::{Dialler, Errand, Plan};
use super::state::Phase;
use super::{Desk, Tenant};
use crate::agent::{PartEnd, PartRole, WorkNumber};
use crate::cause::{Cause, Party};
use crate::config::Destination;
use crate::effect::TimerKey;
use crate::event::{CallAnnounced, CallAnnouncing, CallDequeued, CallKind, CallQueued, CallRouted, CallStickyEnded, Purpose, Route};
use crate::id::{CallId, LegId};
use crate::queue::{Entry, Leaving, Overflow, OverflowRule, Queue, QueueId};
use crate::spoken;
use crate::time::Timestamp;

/// How a call comes into a queue.
pub(super) struct Entering {
    pub(super) queue: QueueId,
    /// The leg that waits: the customer's, or the agent's own for a call inside.
    pub(super) leg: LegId,
    pub(super) entry: Entry,
    /// `None`: the queue's own.
    pub(super) priority: Option<u8>,
    /// When its waiting began, for a call that keeps its place; `None`: now.
    pub(super) since: Option<Timestamp>,
    /// The agent that still talks with the caller until another answers.
    pub(super) kept_by: Option<WorkNumber>,
}

fn busy(text: &'static str) -> Cause {
    Cause { sip: 480, q850: 42, by: Party::System, text: Some(SmolStr::new_static(text)) }
}

impl Tenant {
    // ---- where a number leads -------------------------------------------------------------------------------------

    /// Follows a route that leads inside: to a queue, an agent or a voicemail. The route is noted already.
    pub(super) fn lead_inside(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, destination: &Destination) {
        match destination {
            Destination::Queue(queue) => {
                let entering = Entering { queue: *queue, leg, entry: Entry::Arrived, priority: None, since: None, kept_by: None };
                self.enter_queue(desk, call, entering);
            }
            Destination::Agent(agent) => self.offer_direct(desk, call, leg, *agent),
            Destination::Voicemail(queue) => self.lead_to_voicemail(desk, call, leg, *queue),
            Destination::Phone(_) | Destination::Echo | Destination::Tone(_) | Destination::Prompt(_) => {}
        }
    }

    fn lead_to_voicemail(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, queue: QueueId) {
        self.answer_waiting(desk, call, leg);
        self.begin_voicemail(desk, call, leg, queue);
        self.settle(desk, call, &busy("no voicemail"));
    }

    fn answer_waiting(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId) {
        if self.leg(leg).is_some_and(|leg| leg.is_live() && leg.is_caller() && leg.phase != Phase::Up) {
            self.answer_caller(desk, call, leg, None);
        }
    }

    // ---- entering -------------------------------------------------------------------------------------------------

    /// Puts a call in a queue, or follows the queue's overflow at once. Agents are looked for once the command is through.
    pub(super) fn enter_queue(&mut self, desk: &mut Desk<'_>, call: CallId, it: Entering) {
        let Some(entry) = self.queue(it.queue) else {
            self.release_and_settle(desk, call, it.leg, Cause::sip(404, Party::System).because("no such queue"));
            return;
        };
        let overflow = self.overflow_at_entry(entry, call);
        let since = it.since.unwrap_or(desk.now);
        let priority = it.priority.unwrap_or(entry.queue.priority);
        let sticky = self.last_agent(desk.now, entry, call);
        let key = super::contact::WaitKey::new(&entry.queue, priority, since, call);
        let position = entry.position(&key);
        let (queue, leg, kept_by) = (it.queue, it.leg, it.kept_by);
        self.emit_call(desk, call, CallQueued { queue, leg, entry: it.entry, priority, since, position, sticky, kept_by });
        match overflow {
            Some((rule, to)) => self.overflow(desk, call, rule, to),
            None => self.begin_waiting(desk, call, leg),
        }
    }

    /// A full queue lets nobody stay; an empty one only if it says so.
    fn overflow_at_entry(&self, entry: &QueueEntry, call: CallId) -> Option<(OverflowRule, Overflow)> {
        let queue = &entry.queue;
        if entry.waiting.len() >= queue.max_waiting as usize {
            let to = if self.may_hop(call) { queue.when_full.clone() } else { Overflow::Stay };
            let to = if to == Overflow::Stay { Overflow::Release(None) } else { to };
            return Some((OverflowRule::Full, to));
        }
        let deserted = entry.serving.is_empty() && queue.when_no_agent != Overflow::Stay && self.may_hop(call);
        deserted.then(|| (OverflowRule::NoAgent, queue.when_no_agent.clone()))
    }

    fn may_hop(&self, call: CallId) -> bool {
        self.call(call).is_some_and(|call| call.hops < super::limits::OVERFLOW_HOPS)
    }

    /// The caller's last agent, if it is remembered, signed in and serves the queue.
    fn last_agent(&self, now: Timestamp, entry: &QueueEntry, call: CallId) -> Option<WorkNumber> {
        let (queue, call) = (&entry.queue, self.call(call)?);
        if let Some(agent) = call.private_to() {
            return entry.serving.contains(&agent).then_some(agent);
        }
        if queue.sticky_s == 0 || call.kind != CallKind::Ordinary || call.handover.is_some() {
            return None;
        }
        let (time, agent) = entry.memory.last(&call.caller)?;
        let fresh = now.since(time) <= Duration::from_secs(u64::from(queue.sticky_s));
        (fresh && entry.serving.contains(&agent)).then_some(agent)
    }

    fn begin_waiting(&mut self, desk: &mut Desk<'_>, id: CallId, leg: LegId) {
        let Some((waiting, entry)) = self.waiting_in(id) else { return };
        let (queue, due) = (entry.queue.clone(), waiting_due_at(waiting, &entry.queue, desk.now));
        // Who talks with an agent, or is one, needs no music and no words.
        let alone = waiting.kept_by.is_none() && self.leg(leg).is_some_and(|leg| leg.agent.is_none());
        desk.set_timer(TimerKey::Waiting(id, queue.id), due);
        if alone {
            self.answer_waiting(desk, id, leg);
            self.begin_announcing(desk, id, leg, &queue);
        }
    }

    /// The call that waits and its queue.
    fn waiting_in(&self, call: CallId) -> Option<(&Waiting, &QueueEntry)> {
        let waiting = self.call(call)?.waiting.as_ref()?;
        Some((waiting, self.queue(waiting.queue)?))
    }

    // ---- leaving --------------------------------------------------------------------------------------------------

    /// Takes a waiting call out of its queue: its other offers end, its timers go. Nothing if it waits in none.
    pub(super) fn leave_queue(&mut self, desk: &mut Desk<'_>, id: CallId, leaving: Leaving) {
        let Some(waiting) = self.call(id).and_then(|call| call.waiting.clone()) else { return };
        let (queue, waited_ms) = (waiting.queue, millis(desk.now, waiting.since));
        desk.cancel_timer(TimerKey::Waiting(id, queue));
        desk.cancel_timer(TimerKey::Announce(id));
        let (taken_by, end) = match leaving {
            Leaving::Answered(agent) => (Some(agent), PartEnd::TakenElsewhere),
            Leaving::Abandoned => (None, PartEnd::OtherGone),
            Leaving::Overflowed { .. } | Leaving::Cancelled | Leaving::Ended => (None, PartEnd::Over),
        };
        self.emit_call(desk, id, CallDequeued { queue, leaving, waited_ms });
        if self.call(id).and_then(|call| call.announcing.as_ref()).is_some_and(|told| told.leg == waiting.leg) {
            self.emit_call(desk, id, CallAnnounced { leg: waiting.leg, failed: None });
        }
        for agent in waiting.offers.into_iter().filter(|agent| Some(*agent) != taken_by) {
            self.end_part(desk, id, agent, end.clone());
        }
    }

    /// The caller's last agent is waited for no longer, if it is this one.
    pub(super) fn end_sticky(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let Some(waiting) = self.call(call).and_then(|call| call.waiting.as_ref()).filter(|waiting| waiting.sticky == Some(agent)) else {
            return;
        };
        let queue = waiting.queue;
        self.emit_call(desk, call, CallStickyEnded { queue, agent });
    }

    /// An agent no longer serves a queue: nobody waits for it there. All who wait are looked at, for a call that is being
    /// offered to somebody stands in no index; an agent changes its queues seldom enough.
    pub(super) fn end_stickies(&mut self, desk: &mut Desk<'_>, queue: QueueId, agent: WorkNumber) {
        let calls: Vec<CallId> = self.queue(queue).map(|entry| entry.waiting.values().copied().collect()).unwrap_or_default();
        for call in calls {
            self.end_sticky(desk, call, agent);
        }
    }

    // ---- overflow -------------------------------------------------------------------------------------------------

    /// A call has waited long enough for overflow, or for its last agent alone.
    pub(super) fn waiting_due(&mut self, desk: &mut Desk<'_>, call: CallId, queue: QueueId) {
        let Some((waiting, entry)) = self.waiting_in(call).filter(|(waiting, _)| waiting.queue == queue) else { return };
        let waited = desk.now.since(waiting.entered);
        let (offered, to) = (!waiting.offers.is_empty(), entry.queue.when_late.clone());
        let late = waited >= Duration::from_secs(u64::from(entry.queue.max_wait_s));
        let private = self.call(call).is_some_and(|call| call.private_to().is_some());
        let sticky_over = waiting.sticky.filter(|_| !private && waited >= Duration::from_secs(u64::from(entry.queue.sticky_wait_s)));
        let next = if late && offered {
            // It rings at somebody: that is waited for.
            desk.now + Duration::from_secs(u64::from(entry.queue.answer_s))
        } else {
            waiting_due_at(waiting, &entry.queue, desk.now)
        };
        if let Some(agent) = sticky_over {
            self.end_sticky(desk, call, agent);
        }
        if !late || offered {
            desk.set_timer(TimerKey::Waiting(call, queue), next);
        } else if to != Overflow::Stay && self.may_hop(call) {
            self.overflow(desk, call, OverflowRule::Late, to);
        }
    }

    /// The last agent of a queue has gone: who waits there leaves, if the queue says so.
    pub(super) fn leave_deserted_queue(&mut self, desk: &mut Desk<'_>, id: QueueId) {
        let Some(entry) = self.queue(id).filter(|entry| entry.serving.is_empty() && entry.queue.when_no_agent != Overflow::Stay) else {
            return;
        };
        let (to, calls) = (entry.queue.when_no_agent.clone(), entry.waiting.values().copied().collect::<Vec<_>>());
        for call in calls {
            let offered = self.call(call).and_then(|call| call.waiting.as_ref()).is_none_or(|waiting| !waiting.offers.is_empty());
            if !offered && self.may_hop(call) {
                self.overflow(desk, call, OverflowRule::NoAgent, to.clone());
            }
        }
    }

    fn overflow(&mut self, desk: &mut Desk<'_>, id: CallId, rule: OverflowRule, to: Overflow) {
        let Some(waiting) = self.call(id).and_then(|call| call.waiting.clone()) else { return };
        let leg = waiting.leg;
        self.leave_queue(desk, id, Leaving::Overflowed { rule, to: to.clone() });
        if let Overflow::Queue(queue) = to {
            let (entry, since) = (Entry::Overflowed(waiting.queue), Some(waiting.since));
            let entering = Entering { queue, leg, entry, priority: None, since, kept_by: waiting.kept_by };
            self.enter_queue(desk, id, entering);
        } else if !self.asker_is_told(desk, id, &waiting) {
            self.overflow_outside(desk, id, leg, rule, &waiting, to);
        }
    }

    /// A call that an agent keeps, or wants itself, is the agent's again: its wish has failed. The hooks are told the agent
    /// that wished, for nobody else was found.
    fn asker_is_told(&mut self, desk: &mut Desk<'_>, id: CallId, waiting: &Waiting) -> bool {
        let Some(call) = self.call(id) else { return true };
        let caller = call.parts.iter().find(|part| part.role == PartRole::Caller).map(|part| part.agent);
        match (call.kind, waiting.kept_by.or(caller)) {
            (_, Some(agent)) if call.handover.is_some() => self.handover_failed(desk, id, agent, PartEnd::NoAnswer),
            (_, Some(agent)) if call.consultation.is_some() => self.helper_failed(desk, id, agent, PartEnd::NoAnswer),
            (CallKind::Inside, Some(agent)) => self.call_out_failed(desk, id, agent, PartEnd::NoAnswer),
            _ => return false,
        }
        self.settle(desk, id, &busy("nobody in the queue"));
        true
    }

    fn overflow_outside(&mut self, desk: &mut Desk<'_>, id: CallId, leg: LegId, rule: OverflowRule, waiting: &Waiting, to: Overflow) {
        let text = match rule {
            OverflowRule::Full => "the queue is full",
            OverflowRule::NoAgent => "no agent is signed in",
            OverflowRule::Late => "waited too long",
        };
        match to {
            Overflow::Number(number) => self.overflow_to_number(desk, id, leg, number.as_str()),
            Overflow::Voicemail => self.lead_to_voicemail(desk, id, leg, waiting.queue),
            Overflow::Release(Some(prompt)) => {
                let called = self.call(id).map(|call| call.called.clone()).unwrap_or_default();
                self.answer_waiting(desk, id, leg);
                self.emit_call(desk, id, CallRouted { called, route: Route::Number(Destination::Prompt(prompt)) });
            }
            Overflow::Release(None) | Overflow::Stay | Overflow::Queue(_) => self.release_and_settle(desk, id, leg, busy(text)),
        }
    }

    /// The tenant itself chose the number: trunks are allowed, whoever called.
    fn overflow_to_number(&mut self, desk: &mut Desk<'_>, id: CallId, leg: LegId, number: &str) {
        let Some(endpoint) = self.leg(leg).map(|leg| leg.endpoint.clone()) else { return };
        match self.plan_for_tenant(desk.now, number, &Dialler { endpoint: &endpoint, flow: None }) {
            Ok(plan) => self.pursue(desk, id, leg, plan),
            Err(cause) => self.release_and_settle(desk, id, leg, cause),
        }
    }

    /// Follows a plan for one leg, wherever it leads.
    pub(super) fn pursue(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, plan: Plan) {
        let inside = plan.inside();
        let service = plan.is_service();
        self.follow(desk, Errand { call, purpose: Purpose::Call, behalf: Some(leg) }, plan);
        if let Some(destination) = inside {
            self.lead_inside(desk, call, leg, &destination);
        } else if service {
            self.answer_waiting(desk, call, leg);
        }
    }

    // ---- what callers hear ----------------------------------------------------------------------------------------

    fn begin_announcing(&mut self, desk: &mut Desk<'_>, id: CallId, leg: LegId, queue: &Queue) {
        if let Some(greeting) = &queue.announcements.greeting {
            self.emit_call(desk, id, CallAnnouncing { leg, prompts: vec![greeting.clone()] });
        }
        if queue.announcements.every_s > 0 {
            desk.set_timer(TimerKey::Announce(id), desk.now + Duration::from_secs(u64::from(queue.announcements.every_s)));
        }
    }

    /// It is time to tell a waiting caller something. While it is told something else, the next time will do.
    pub(super) fn announce_due(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some((waiting, entry)) = self.waiting_in(id) else { return };
        let (leg, every_s) = (waiting.leg, entry.queue.announcements.every_s);
        let prompts = self.words_for(id, waiting, entry);
        if every_s == 0 {
            return;
        }
        desk.set_timer(TimerKey::Announce(id), desk.now + Duration::from_secs(u64::from(every_s)));
        let silent = self.call(id).is_some_and(|call| call.announcing.is_none() && call.collecting.is_none());
        if silent && !prompts.is_empty() {
            self.emit_call(desk, id, CallAnnouncing { leg, prompts });
        }
    }

    #[allow(clippy::unused_self)]
    fn words_for(&self, id: CallId, waiting: &Waiting, entry: &QueueEntry) -> Vec<SmolStr> {
        let told = &entry.queue.announcements;
        let place = entry.position(&waiting.key(&entry.queue, id));
        let mut prompts = if told.position { spoken::position(told.language, place) } else { Vec::new() };
        if let (true, Some(wait)) = (told.estimated_wait, entry.estimated_wait(place)) {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            prompts.extend(spoken::estimated_wait(told.language, seconds));
        }
        prompts
    }

    /// An announcement is at its end, or could not be played.
    pub(super) fn announced(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, failed: Option<SmolStr>) {
        self.emit_call(desk, call, CallAnnounced { leg, failed });
        self.settle(desk, call, &Cause::normal(Party::System));
    }

    /// Tells the caller the number of the agent who took its call.
    pub(super) fn announce_agent(&mut self, desk: &mut Desk<'_>, id: CallId, part: &Part) {
        let Some(told) = part.queue.and_then(|queue| self.queue(queue)).map(|entry| &entry.queue.announcements) else { return };
        if !told.agent_number || part.role != PartRole::Handler {
            return;
        }
        let prompts = spoken::agent_number(told.language, &part.agent.to_string());
        let Some(leg) = self.call(id).and_then(|call| self.customers(call).next()) else { return };
        self.emit_call(desk, id, CallAnnouncing { leg, prompts });
    }
}

impl QueueEntry {
    /// How long a call at this place will wait, judged by how fast the queue has moved; `None` while nothing is known.
    pub fn estimated_wait(&self, position: u32) -> Option<Duration> {
        Some(Duration::from_millis(self.pace.gap_ms?.saturating_mul(u64::from(position))))
    }
}

/// When a waiting call is looked at next: its last agent has been waited for, or it has waited too long.
fn waiting_due_at(waiting: &Waiting, queue: &Queue, now: Timestamp) -> Timestamp {
    let late = waiting.entered + Duration::from_secs(u64::from(queue.max_wait_s));
    let alone = waiting.entered + Duration::from_secs(u64::from(queue.sticky_wait_s));
    let due = if waiting.sticky.is_some() && alone > now { late.min(alone) } else { late };
    due.max(now)
}
