//! What each leg hears, worked out from the state and nothing else. Who talks with whom is worked out in `voices`.
//!
//! No handler orders audio. It changes the state; at the end what the legs of the touched calls hear is compared with
//! what they heard before, and the switch is told the difference.

use smol_str::SmolStr;

use super::contact::Stage;
use super::state::{Call, Leg, Phase};
use super::voices::{Conversation, Ear, Voice};
use super::{Desk, Tenant};
use crate::agent::PartRole;
use crate::call::{Audio, Tone};
use crate::config::Destination;
use crate::effect::Effect;
use crate::event::Purpose;
use crate::id::{CallId, LegId};
use crate::queue::QueueId;

/// Built in: what is heard where no queue has music of its own.
const MUSIC: &str = "@music";

impl Tenant {
    /// What a leg hears now; `None` while it has no audio (before an answer) or no longer needs orders.
    pub fn hears(&self, id: LegId) -> Option<Audio> {
        let leg = self.leg(id)?;
        let call = self.call(leg.call)?;
        self.hears_in(id, call, &self.conversation(leg.call, call))
    }

    fn hears_in(&self, id: LegId, call: &Call, talk: &Conversation) -> Option<Audio> {
        let leg = self.leg(id).filter(|leg| leg.is_live())?;
        if leg.phase == Phase::Up { Some(self.hears_up(id, leg, call, talk)) } else { self.hears_early(id, leg, call) }
    }

    fn hears_up(&self, id: LegId, leg: &Leg, call: &Call, talk: &Conversation) -> Audio {
        if leg.is_held() {
            return Audio::Silence;
        }
        if let Some(audio) = self.hears_told(id, leg, call) {
            return audio;
        }
        if let Some(voice) = talk.voice(id) {
            return self.hears_talk(voice, call, talk);
        }
        if let Some(transfer) = &call.transfer {
            return if transfer.transferee == id { Audio::Tone(Tone::Ringback) } else { Audio::Silence };
        }
        if let Some(service) = call.service.as_ref().filter(|service| service.leg == id) {
            return match &service.destination {
                Destination::Echo => Audio::Echo,
                Destination::Tone(tone) => Audio::Tone(*tone),
                Destination::Prompt(name) => Audio::Prompt { name: name.clone(), repeat: false },
                Destination::Phone(_) | Destination::Queue(_) | Destination::Agent(_) | Destination::Voicemail(_) => Audio::Silence,
            };
        }
        if let Some(waiting) = call.waiting.as_ref().filter(|waiting| waiting.leg == id) {
            return self.music(Some(waiting.queue));
        }
        self.hears_progress(id, leg, call)
    }

    /// What a leg is told, whoever it may talk with otherwise. The order is that of `prompt_over`.
    fn hears_told(&self, id: LegId, leg: &Leg, call: &Call) -> Option<Audio> {
        if let Some(announcing) = call.announcing.as_ref().filter(|announcing| announcing.leg == id) {
            return Some(Audio::Sequence { names: announcing.prompts.clone(), repeat: false });
        }
        let talks = call.bridge.contains(&id);
        if let Some(collecting) = call.collecting.as_ref().filter(|collecting| collecting.leg == id && !talks) {
            let prompts = || Audio::Sequence { names: collecting.prompts.clone(), repeat: false };
            return Some(if collecting.playing { prompts() } else { Audio::Silence });
        }
        if call.voicemail.as_ref().is_some_and(|(leg, _)| *leg == id && !talks) {
            return Some(self.hears_voicemail(call));
        }
        if let Some(playback) = call.playback.as_ref().filter(|playback| leg.agent == Some(playback.agent)) {
            let sound = || Audio::Recording { path: playback.path.clone(), from_ms: playback.at_ms };
            return Some(if playback.playing { sound() } else { Audio::Silence });
        }
        let conference = call.conference.as_ref()?;
        let (to, prompt) = conference.playing.as_ref()?;
        let member = conference.members.iter().find(|member| member.leg == Some(id)).filter(|member| !member.held)?;
        to.as_ref().is_none_or(|to| *to == member.who).then(|| Audio::Prompt { name: prompt.clone(), repeat: false })
    }

    fn hears_talk(&self, voice: &Voice, call: &Call, talk: &Conversation) -> Audio {
        match talk.heard_by(voice) {
            Ear::Deaf => Audio::Silence,
            // In a conference with all others held there is nothing to wait for by music.
            Ear::Alone if call.conference.is_some() => Audio::Silence,
            Ear::Alone if talk.agent_aside => self.music(call.last_queue),
            Ear::Alone => Audio::Tone(Tone::Hold),
            Ear::Hears(legs) => match legs.as_slice() {
                [] => Audio::Silence,
                [only] => Audio::Leg(*only),
                _ => Audio::Mix(legs),
            },
        }
    }

    fn music(&self, queue: Option<QueueId>) -> Audio {
        let own = queue.and_then(|queue| self.queue(queue)).and_then(|entry| entry.queue.music.clone());
        Audio::Music { name: own.unwrap_or(SmolStr::new_static(MUSIC)) }
    }

    /// The caller whose early audio is open, and the called leg that sends some.
    fn hears_early(&self, id: LegId, leg: &Leg, call: &Call) -> Option<Audio> {
        if leg.is_caller() {
            return leg.early_media.then(|| self.hears_attempt(id, call)).map(|audio| audio.unwrap_or(Audio::Silence));
        }
        let attempt = call.attempt.as_ref().filter(|attempt| attempt.purpose == Purpose::Call)?;
        let behalf = attempt.behalf?;
        (self.hears(behalf)? == Audio::Leg(id)).then_some(Audio::Leg(behalf))
    }

    /// What somebody hears for whom we call, or for whom an agent is asked.
    fn hears_progress(&self, id: LegId, leg: &Leg, call: &Call) -> Audio {
        if let Some(audio) = self.hears_attempt(id, call) {
            return audio;
        }
        let own = leg.agent.and_then(|agent| call.part(agent));
        let asked = call.parts.iter().any(|part| {
            Some(part.agent) != leg.agent
                && matches!(part.stage, Stage::Reserved | Stage::Alerting)
                && matches!(part.role, PartRole::Handler | PartRole::Helper)
        });
        let waits = own.is_none_or(|part| match part.role {
            PartRole::Supervisor(_) => false,
            // It began the call and hears how it goes.
            PartRole::Caller => true,
            _ => part.stage == Stage::Talking,
        });
        if asked && waits { Audio::Tone(Tone::Ringback) } else { Audio::Silence }
    }

    fn hears_attempt(&self, id: LegId, call: &Call) -> Option<Audio> {
        // A customer that an agent hands over hears that it rings.
        let for_me = |purpose: Purpose| purpose == Purpose::Call || (purpose == Purpose::Transfer && call.handover.is_some());
        call.attempt.as_ref().filter(|attempt| for_me(attempt.purpose) && attempt.behalf == Some(id))?;
        let mut coming = self.coming(call);
        match (coming.next(), coming.next()) {
            (None, _) => None,
            (Some(only), None) if self.leg(only).is_some_and(|leg| leg.early_media) => Some(Audio::Leg(only)),
            _ if self.coming(call).any(|leg| self.leg(leg).is_some_and(|leg| leg.phase == Phase::Ringing)) => {
                Some(Audio::Tone(Tone::Ringback))
            }
            _ => Some(Audio::Silence),
        }
    }

    // ---- telling the switch ---------------------------------------------------------------------------------------

    /// Remembers what the legs of a call hear, and what is recorded of it, before it is touched.
    pub(super) fn note_hearing(&self, desk: &mut Desk<'_>, id: CallId) {
        if desk.touched.contains(&id) {
            return;
        }
        desk.touched.push(id);
        let Some(call) = self.call(id) else { return };
        let talk = self.conversation(id, call);
        for leg in &call.legs {
            if let Some(audio) = self.hears_in(*leg, call, &talk) {
                desk.heard.push((*leg, audio));
            }
        }
        self.note_recordings(desk, id, call, &talk);
    }

    /// What this leg hears begins anew, though it may be the same as before: a recording from the same place.
    pub(super) fn hear_again(&self, desk: &mut Desk<'_>, call: CallId, leg: LegId) {
        self.note_hearing(desk, call);
        desk.heard.retain(|(id, _)| *id != leg);
    }

    /// Orders what has changed since. Every leg begins in silence.
    pub(super) fn order_hearing(&self, desk: &mut Desk<'_>) {
        for id in std::mem::take(&mut desk.touched) {
            let Some(call) = self.call(id) else { continue };
            let talk = self.conversation(id, call);
            for leg in &call.legs {
                let Some(audio) = self.hears_in(*leg, call, &talk) else { continue };
                let before = desk.heard.iter().find(|(id, _)| id == leg).map_or(&Audio::Silence, |(_, audio)| audio);
                if *before != audio {
                    desk.order(Effect::Hear { leg: *leg, audio });
                }
            }
        }
        desk.heard.clear();
    }
}
