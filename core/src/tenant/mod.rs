//! One tenant = one state machine = one writer.
//!
//! [`Tenant::handle`] decides: it checks a command against the state, applies the events that follow from it one by one
//! and collects them together with the effects. State changes only in [`Tenant::apply`], so a tenant made by applying
//! its recorded events equals the one that lived through them.
//!
//! | file | subject |
//! |---|---|
//! | `state` | what a tenant knows, and how others read it |
//! | `apply` | how each fact changes it |
//! | `config`, `registration` | phones, trunks, access numbers; where phones are |
//! | `routing` | where a dialled number leads, and dialling |
//! | `call` | arrival, ringing, answer, end |
//! | `settle` | what becomes of the rest when a leg goes |
//! | `hold`, `transfer`, `replace`, `party` | what parties do with a call that is up |
//! | `contact`, `apply_contact` | what it knows of agents and queues, and how each fact changes that |
//! | `staffing`, `agent`, `mode` | agents, queues and groups as set up; sessions and modes |
//! | `queue`, `assign`, `offer`, `device`, `explain` | waiting, finding an agent, offering, the agent's phone, why |
//! | `call_out`, `put_aside`, `consult`, `handover`, `take`, `call_data` | what agents do with calls |
//! | `supervise`, `recording`, `playback`, `conference`, `collect`, `voicemail` | supervision, sound, keys |
//! | `voices` | who talks in a call, and to whom |
//! | `hearing` | what each leg hears, worked out from the state |
//! | `pacing` | how many calls a campaign places now |
//! | `limits` | every bound |

mod agent;
mod apply;
mod apply_contact;
mod assign;
mod call;
mod call_data;
mod call_out;
mod collect;
mod company;
mod conference;
mod config;
mod consult;
pub mod contact;
mod device;
pub mod explain;
mod handover;
mod hearing;
mod hold;
pub mod limits;
mod mode;
mod offer;
pub mod pacing;
mod party;
mod playback;
mod put_aside;
mod queue;
mod recording;
mod registration;
mod replace;
mod routing;
mod seats;
mod settle;
mod staffing;
mod state;
mod supervise;
mod take;
mod transfer;
mod voicemail;
mod voices;

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

pub use self::state::{Attempt, Call, Leg, Phase, Service, Transfer};
use crate::agent::WorkNumber;
use crate::call::Audio;
use crate::command::{Accepted, Command, Rejection};
use crate::effect::{Effect, TimerKey};
use crate::event::{AgentEvent, CallEvent, ConfigEvent, Envelope, Event, Holder};
use crate::id::{CallId, Ids, LegId, TenantId};
use crate::queue::QueueId;
use crate::time::Timestamp;
use crate::{Cause, Party};

/// What followed from commands: reused between commands to save allocations.
#[derive(Debug, Default)]
pub struct Decision {
    /// Facts, already applied, in order.
    pub events: Vec<Envelope>,
    /// Orders, to be released once the events are in the log.
    pub effects: Vec<Effect>,
}

/// One tenant's whole state.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tenant {
    id: TenantId,
    seq: u64,
    state: state::State,
}

/// What one command is decided with: the inputs, the place for what follows, and what the legs of the touched calls
/// heard and what was recorded of them before.
struct Desk<'a> {
    now: Timestamp,
    ids: &'a mut Ids,
    out: &'a mut Decision,
    touched: SmallVec<[CallId; 2]>,
    heard: SmallVec<[(LegId, Audio); 4]>,
    recorded: Vec<recording::Recorded>,
    /// Agents that may have become free, and queues that may have a call for somebody: matched once the command is through.
    free: SmallVec<[WorkNumber; 4]>,
    hungry: SmallVec<[QueueId; 4]>,
}

impl Desk<'_> {
    fn order(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    /// What legs hear no longer matters: all of them go. Keeps the notes short when a command ends every call.
    fn forget_hearing(&mut self) {
        self.touched.clear();
        self.heard.clear();
        self.recorded.clear();
    }

    fn set_timer(&mut self, key: TimerKey, at: Timestamp) {
        self.order(Effect::SetTimer { key, at });
    }

    fn cancel_timer(&mut self, key: TimerKey) {
        self.order(Effect::CancelTimer { key });
    }
}

/// An accepted command that made nothing to name.
type Outcome = Result<Accepted, Rejection>;

const DONE: Outcome = Ok(Accepted { call: None });

impl Tenant {
    /// A tenant before its first event.
    pub fn new(id: TenantId) -> Self {
        Tenant { id, seq: 0, state: state::State::default() }
    }

    /// Whose state this is.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// `seq` of the last event applied; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Carries out a command: appends events and effects to `out`, or changes nothing and says why.
    pub fn handle(&mut self, now: Timestamp, ids: &mut Ids, command: Command, out: &mut Decision) -> Result<Accepted, Rejection> {
        if !self.is_open() && !closed_tenant_takes(&command) {
            return Err(Rejection::NoSuchTenant(self.id.to_string()));
        }
        let (touched, heard, recorded) = (SmallVec::new(), SmallVec::new(), Vec::new());
        let mut desk = Desk { now, ids, out, touched, heard, recorded, free: SmallVec::new(), hungry: SmallVec::new() };
        let outcome = self.decide(&mut desk, command);
        self.follow_up(&mut desk);
        while desk.may_match() {
            self.match_all(&mut desk);
            self.follow_up(&mut desk);
        }
        self.order_recordings(&mut desk);
        self.order_hearing(&mut desk);
        outcome
    }

    fn decide(&mut self, desk: &mut Desk<'_>, command: Command) -> Outcome {
        match command {
            Command::CreateTenant(settings) => self.create(desk, settings),
            Command::ChangeTenant(settings) => self.change(desk, settings),
            Command::RemoveTenant => self.remove(desk),
            Command::AddPhone(phone) => self.add_phone(desk, phone),
            Command::ChangePhone(phone) => self.change_phone(desk, phone),
            Command::RemovePhone(user) => self.remove_phone(desk, user),
            Command::AddTrunk(trunk) => self.add_trunk(desk, trunk),
            Command::ChangeTrunk(trunk) => self.change_trunk(desk, trunk),
            Command::RemoveTrunk(name) => self.remove_trunk(desk, name),
            Command::AddAgent(agent) => self.add_agent(desk, agent),
            Command::ChangeAgent(agent) => self.change_agent(desk, agent),
            Command::RemoveAgent(number) => self.remove_agent(desk, number),
            Command::AddQueue(queue) => self.add_queue(desk, queue),
            Command::ChangeQueue(queue) => self.change_queue(desk, queue),
            Command::RemoveQueue(queue) => self.remove_queue(desk, queue),
            Command::SetGroup(group) => self.set_group(desk, group),
            Command::RemoveGroup(group) => self.remove_group(desk, group),
            Command::SetAbsenceCause(cause) => self.set_cause(desk, cause),
            Command::RemoveAbsenceCause(kind, code) => self.remove_cause(desk, kind, code),
            Command::Audit(audit) => self.note_audit(desk, audit),
            Command::Agent { agent, wish } => self.agent_wish(desk, agent, wish),
            Command::Collect { leg, prompts, rules } => self.collect(desk, leg, prompts, rules),
            Command::PromptFailed { leg, reason } => self.prompt_over(desk, leg, Some(reason)),
            Command::RecordingStarted { recording } => self.recording_started(desk, recording),
            Command::RecordingFailed { recording, reason } => self.recording_failed(desk, recording, reason),
            Command::RecordingEnded { recording, duration_ms, bytes, path } => {
                self.recording_ended(desk, recording::RecordingOnDisk { recording, duration_ms, bytes, path })
            }
            Command::AddNumber(number) => self.add_number(desk, number),
            Command::ChangeNumber(number) => self.change_number(desk, number),
            Command::RemoveNumber(number) => self.remove_number(desk, number),
            Command::TrunkSeen { name, state, reason } => self.trunk_seen(desk, name, state, reason),

            Command::Register { user, request, register } => self.register(desk, user, request, &register),
            Command::ConnectionLost { user, flow } => self.connection_lost(desk, &user, flow),

            Command::LegOffered { leg, from, caller, caller_name, called, dialog, replaces } => {
                let offer = call::Offer { leg, from, caller, caller_name, called, dialog };
                match replaces {
                    None => self.arrive(desk, offer),
                    Some(replaced) => self.arrive_replacing(desk, offer, replaced),
                }
            }
            Command::LegProgressed { leg, status, early_media } => self.progress(desk, leg, status, early_media),
            Command::LegAnswered { leg, dialog, media } => self.answer(desk, leg, dialog, media),
            Command::LegMediaChanged { leg, dialog, media } => self.media_changed(desk, leg, dialog, media),
            Command::LegDigit { leg, digit, duration_ms } => self.digit(desk, leg, digit, duration_ms),
            Command::PromptEnded { leg } => self.prompt_over(desk, leg, None),
            Command::LegEnded { leg, cause, stats } => self.end_leg(desk, leg, cause, stats),

            Command::LegHeld { leg } => self.set_hold(desk, leg, Holder::Phone, true),
            Command::LegResumed { leg } => self.set_hold(desk, leg, Holder::Phone, false),
            Command::Hold { leg } => self.set_hold(desk, leg, Holder::Operator, true),
            Command::Resume { leg } => self.set_hold(desk, leg, Holder::Operator, false),

            Command::TransferAsked { leg, target } => self.transfer(desk, leg, target, Party::Remote),
            Command::Transfer { leg, target } => self.transfer(desk, leg, target, Party::Operator),
            Command::Originate { from, to } => self.originate(desk, from, to),
            Command::AddParty { call, number } => self.add_party(desk, call, number),
            Command::Merge { call, other } => self.merge(desk, call, other),
            Command::ReleaseLeg { leg } => self.release_leg(desk, leg),
            Command::ReleaseCall { call } => self.release_call(desk, call),

            Command::TimerFired(key) => self.timer_fired(desk, key),
            Command::NodeRestarted => self.node_restarted(desk),
        }
    }

    /// A timer that is no longer true is not an error: it may have been due while its cancellation was on the way.
    fn timer_fired(&mut self, desk: &mut Desk<'_>, key: TimerKey) -> Outcome {
        match key {
            TimerKey::NoAnswer(leg) => self.no_answer(desk, leg),
            TimerKey::ReleaseGuard(leg) => self.release_guard(desk, leg),
            TimerKey::Registration(user, contact) => self.registration_due(desk, user, contact),
            other => {
                self.contact_timer_fired(desk, other);
                DONE
            }
        }
    }

    fn contact_timer_fired(&mut self, desk: &mut Desk<'_>, key: TimerKey) {
        match key {
            TimerKey::NoAnswer(_) | TimerKey::ReleaseGuard(_) | TimerKey::Registration(..) => {}
            TimerKey::Offer(call, agent) => self.offer_due(desk, call, agent),
            TimerKey::Mode(agent) => self.mode_due(desk, agent),
            TimerKey::Waiting(call, queue) => self.waiting_due(desk, call, queue),
            TimerKey::Announce(call) => self.announce_due(desk, call),
            TimerKey::Collect(leg) => self.collect_due(desk, leg),
            TimerKey::Voicemail(call) => self.voicemail_due(desk, call),
            TimerKey::Conference(call) => self.conference_due(desk, call),
            TimerKey::Recording(recording) => self.recording_lost(desk, recording),
        }
    }

    /// After a restart nothing that was up is up: the switch has no dialog and the shard no timer of before.
    fn node_restarted(&mut self, desk: &mut Desk<'_>) -> Outcome {
        let cause = Cause { sip: 503, q850: 41, by: Party::System, text: Some("node restarted".into()) };
        for id in self.call_ids() {
            self.close_call(desk, id, &cause);
            desk.forget_hearing();
        }
        self.restart_recordings(desk);
        self.restart_registrations(desk);
        self.restart_modes(desk);
        DONE
    }

    /// Calls in the order in which they began, because events must not depend on a hash.
    fn call_ids(&self) -> Vec<CallId> {
        let mut ids: Vec<CallId> = self.state.calls.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The only way to change state: gives the fact its place, applies it, hands it out.
    fn emit(&mut self, desk: &mut Desk<'_>, event: Event) {
        let envelope = Envelope { tenant: self.id.clone(), seq: self.seq + 1, time: desk.now, event };
        self.note_match_before(desk, &envelope.event);
        self.apply(&envelope);
        self.note_match_after(desk, &envelope.event);
        desk.out.events.push(envelope);
    }

    fn emit_config(&mut self, desk: &mut Desk<'_>, event: impl Into<ConfigEvent>) {
        self.emit(desk, Event::Config(event.into()));
    }

    fn emit_agent(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, event: impl Into<AgentEvent>) {
        self.emit(desk, Event::Agent(agent, event.into()));
    }

    fn emit_call(&mut self, desk: &mut Desk<'_>, call: CallId, event: impl Into<CallEvent>) {
        let event = event.into();
        self.note_hearing(desk, call);
        match &event {
            CallEvent::Moved(moved) => self.note_hearing(desk, moved.from),
            CallEvent::PartMoved(moved) => self.note_hearing(desk, moved.from),
            _ => {}
        }
        self.emit(desk, Event::Call(call, event));
    }
}

/// A removed tenant still sees its last legs out, and its last recordings to the disk.
fn closed_tenant_takes(command: &Command) -> bool {
    matches!(
        command,
        Command::CreateTenant(_)
            | Command::LegAnswered { .. }
            | Command::LegEnded { .. }
            | Command::RecordingStarted { .. }
            | Command::RecordingFailed { .. }
            | Command::RecordingEnded { .. }
            | Command::TimerFired(_)
            | Command::NodeRestarted
    )
}
