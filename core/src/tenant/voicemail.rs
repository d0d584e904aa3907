//! Callers leave messages: greeting, beep, message, `#` or the end.

use smol_str::SmolStr;

use super::state::Call;
use super::{Desk, Tenant, limits};
use crate::call::{Audio, Tone};
use crate::cause::{Cause, Party};
use crate::effect::TimerKey;
use crate::event::CallVoicemail;
use crate::id::{CallId, LegId};
use crate::queue::QueueId;
use crate::recording::RecordingPurpose;
use crate::spoken::Language;

/// The key that ends a message, or the greeting for those in a hurry.
const END_KEY: char = '#';

/// Said before the beep; without such a prompt there is the beep alone.
fn greeting(language: Language) -> SmolStr {
    SmolStr::new_static(match language {
        Language::En => "@en/leave_a_message",
        Language::Zh => "@zh/leave_a_message",
    })
}

impl Tenant {
    /// Lets this caller leave a message in a queue's voicemail. It is answered if it was not yet.
    pub(super) fn begin_voicemail(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, queue: QueueId) {
        if !self.is_live_in(leg, call) || self.call(call).is_none_or(|call| call.voicemail.is_some()) {
            return;
        }
        if !self.leg(leg).is_some_and(super::Leg::is_up) {
            self.answer_caller(desk, call, leg, None);
        }
        self.emit_call(desk, call, CallVoicemail { leg, queue });
    }

    /// The leg that leaves a message in this call, as long as it does nothing else.
    pub(super) fn message_leg(&self, id: CallId, call: &Call) -> Option<LegId> {
        let (leg, _) = call.voicemail?;
        (self.is_live_in(leg, id) && !call.bridge.contains(&leg)).then_some(leg)
    }

    pub(super) fn hears_voicemail(&self, call: &Call) -> Audio {
        if is_recorded(call) {
            return Audio::Tone(Tone::Beep);
        }
        let queue = call.voicemail.and_then(|(_, queue)| self.queue(queue));
        let language = queue.map(|entry| entry.queue.announcements.language).unwrap_or_default();
        Audio::Sequence { names: vec![greeting(language)], repeat: false }
    }

    /// What is said before the beep is at its end, or there is no such prompt: the beep comes in any case.
    pub(super) fn voicemail_prompt_over(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, _failed: Option<SmolStr>) {
        let greeted = self.call(call).is_some_and(|its| self.message_leg(call, its) == Some(leg) && !is_recorded(its));
        if greeted {
            self.begin_recording(desk, call, RecordingPurpose::Voicemail, None);
            desk.set_timer(TimerKey::Voicemail(call), desk.now + limits::VOICEMAIL);
        }
    }

    pub(super) fn voicemail_digit(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, digit: char) {
        let Some(its) = self.call(call).filter(|its| digit == END_KEY && self.message_leg(call, its) == Some(leg)) else { return };
        if is_recorded(its) {
            self.end_message(desk, call);
        } else {
            self.voicemail_prompt_over(desk, call, leg, None);
        }
    }

    /// A message is long enough.
    pub(super) fn voicemail_due(&mut self, desk: &mut Desk<'_>, call: CallId) {
        self.end_message(desk, call);
    }

    fn end_message(&mut self, desk: &mut Desk<'_>, call: CallId) {
        let Some(leg) = self.call(call).filter(|its| is_recorded(its)).and_then(|its| self.message_leg(call, its)) else { return };
        self.release_and_settle(desk, call, leg, Cause::normal(Party::System));
    }

    /// The recording of a message broke off: nobody should talk into nothing.
    pub(super) fn message_broke_off(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId) {
        desk.cancel_timer(TimerKey::Voicemail(call));
        self.release_and_settle(desk, call, leg, Cause::sip(500, Party::System).because("recording failed"));
    }

    /// The caller has hung up, or talks with somebody again.
    pub(super) fn settle_voicemail(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let over = self.call(id).is_some_and(|call| is_recorded(call) && self.message_leg(id, call).is_none());
        if over {
            desk.cancel_timer(TimerKey::Voicemail(id));
            self.settle_recordings(desk, id);
        }
    }
}

fn is_recorded(call: &Call) -> bool {
    call.recordings.iter().any(|recording| recording.purpose == RecordingPurpose::Voicemail)
}
