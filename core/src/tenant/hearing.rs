//! What each leg hears, worked out from the state and nothing else.
//!
//! No handler orders audio. It changes the state; at the end what the legs of the touched calls hear is compared with
//! what they heard before, and the switch is told the difference.

use super::state::{Call, Leg, Phase};
use super::{Desk, Tenant};
use crate::call::{Audio, Tone};
use crate::config::Destination;
use crate::effect::Effect;
use crate::event::Purpose;
use crate::id::{CallId, LegId};

impl Tenant {
    /// What a leg hears now; `None` while it has no audio (before an answer) or no longer needs orders.
    pub fn hears(&self, id: LegId) -> Option<Audio> {
        let leg = self.leg(id).filter(|leg| leg.is_live())?;
        let call = self.call(leg.call)?;
        if leg.phase == Phase::Up { Some(self.hears_up(id, leg, call)) } else { self.hears_early(id, leg, call) }
    }

    fn hears_up(&self, id: LegId, leg: &Leg, call: &Call) -> Audio {
        if leg.is_held() {
            return Audio::Silence;
        }
        if call.bridge.contains(&id) {
            return self.hears_bridge(id, call);
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
        self.hears_progress(id, call)
    }

    fn hears_bridge(&self, id: LegId, call: &Call) -> Audio {
        let mut speakers: Vec<LegId> = call
            .bridge
            .iter()
            .copied()
            .filter(|other| *other != id && self.leg(*other).is_some_and(|leg| leg.is_live() && !leg.is_held()))
            .collect();
        match (speakers.pop(), speakers.is_empty()) {
            (None, _) => Audio::Tone(Tone::Hold),
            (Some(only), true) => Audio::Leg(only),
            (Some(last), false) => {
                speakers.push(last);
                Audio::Mix(speakers)
            }
        }
    }

    /// The caller whose early audio is open, and the called leg that sends some.
    fn hears_early(&self, id: LegId, leg: &Leg, call: &Call) -> Option<Audio> {
        if leg.is_caller() {
            return leg.early_media.then(|| self.hears_progress(id, call));
        }
        let attempt = call.attempt.as_ref().filter(|attempt| attempt.purpose == Purpose::Call)?;
        let behalf = attempt.behalf?;
        (self.hears(behalf)? == Audio::Leg(id)).then_some(Audio::Leg(behalf))
    }

    /// What somebody hears for whom we call.
    fn hears_progress(&self, id: LegId, call: &Call) -> Audio {
        let for_me = call.attempt.as_ref().is_some_and(|attempt| attempt.purpose == Purpose::Call && attempt.behalf == Some(id));
        if !for_me {
            return Audio::Silence;
        }
        let mut coming = self.coming(call);
        match (coming.next(), coming.next()) {
            (Some(only), None) if self.leg(only).is_some_and(|leg| leg.early_media) => Audio::Leg(only),
            _ if self.coming(call).any(|leg| self.leg(leg).is_some_and(|leg| leg.phase == Phase::Ringing)) => Audio::Tone(Tone::Ringback),
            _ => Audio::Silence,
        }
    }

    /// Remembers what the legs of a call hear before it is touched.
    pub(super) fn note_hearing(&self, desk: &mut Desk<'_>, id: CallId) {
        if desk.touched.contains(&id) {
            return;
        }
        desk.touched.push(id);
        let Some(call) = self.call(id) else { return };
        for leg in &call.legs {
            if let Some(audio) = self.hears(*leg) {
                desk.heard.push((*leg, audio));
            }
        }
    }

    /// Orders what has changed since. Every leg begins in silence.
    pub(super) fn order_hearing(&self, desk: &mut Desk<'_>) {
        for id in std::mem::take(&mut desk.touched) {
            let Some(call) = self.call(id) else { continue };
            for leg in &call.legs {
                let Some(audio) = self.hears(*leg) else { continue };
                let before = desk.heard.iter().find(|(id, _)| id == leg).map_or(&Audio::Silence, |(_, audio)| audio);
                if *before != audio {
                    desk.order(Effect::Hear { leg: *leg, audio });
                }
            }
        }
        desk.heard.clear();
    }
}
