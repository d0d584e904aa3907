//! What happens during a call: voices, hold, keys, handing over, hanging up.

use std::time::Duration;

use bytes::Bytes;
use tandem_core::{Audio, Cause, Direction, LegId, Party, Timestamp, Tone};
use tandem_media::rtp::MediaRemote;
use tandem_media::sip::Uri;
use tandem_media::sip::sdp::Choice;

use super::floor::Floor;
use crate::demo::habits::{Act, Role};
use crate::demo::limits;
use crate::demo::stats::count;

impl Floor {
    /// The call is answered: whatever was planned for its ringing is off, the talk is on.
    pub(super) fn begin_talk(&mut self, now: Timestamp, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.up = true;
        let role = leg.role;
        self.agenda.forget(id);
        for (after, act) in self.habits.talk(role) {
            self.agenda.put(now + after, id, act);
        }
        self.point_media(id);
    }

    /// Something is due.
    pub(super) fn act(&mut self, now: Timestamp, id: LegId, act: Act) {
        let Some(leg) = self.legs.get(&id) else { return };
        let up = leg.up;
        match act {
            Act::Answer => self.answer(now, id),
            Act::Refuse(status) if !up => {
                let _ = self.ua.refuse(now, id, status, &[]);
            }
            Act::GiveUp if !up => self.hang_up(now, id),
            Act::HangUp => self.hang_up(now, id),
            Act::Speak => self.speak(now, id),
            Act::Listen => self.pause(now, id),
            Act::Hold => self.hold(now, id, true),
            Act::Resume => self.hold(now, id, false),
            Act::Press(key) => {
                if self.ua.press(now, id, key, limits::KEY_MS).is_ok() {
                    count(&self.counters.keys);
                }
            }
            Act::HandOver => self.hand_over(now, id),
            Act::Refuse(_) | Act::GiveUp => {}
        }
    }

    fn hang_up(&mut self, now: Timestamp, id: LegId) {
        self.agenda.forget(id);
        let _ = self.ua.release(now, id, Cause::normal(Party::System));
    }

    fn speak(&mut self, now: Timestamp, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        if !leg.holding {
            let voice = self.seats.get(leg.seat).map_or(440, |seat| seat.voice);
            let _ = self.media.hear(id, Audio::Tone(Tone::Sine(voice)));
        }
        let until = self.habits.utterance();
        self.agenda.put(now + until, id, Act::Listen);
    }

    fn pause(&mut self, now: Timestamp, id: LegId) {
        let _ = self.media.hear(id, Audio::Silence);
        let until = self.habits.pause();
        self.agenda.put(now + until, id, Act::Speak);
    }

    /// Puts the other side on hold, or takes it up again.
    fn hold(&mut self, now: Timestamp, id: LegId, hold: bool) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.holding != hold) else { return };
        leg.session.set_direction(if hold { Direction::SendOnly } else { Direction::SendRecv });
        let offered = leg.session.offer().is_ok_and(|offer| self.ua.reoffer(now, id, Some(Bytes::from(offer))).is_ok());
        if offered {
            leg.holding = hold;
            if hold {
                count(&self.counters.held);
                let _ = self.media.hear(id, Audio::Silence);
            }
            return;
        }
        if leg.session.awaits_answer() {
            leg.session.roll_back();
        }
        if !hold {
            // An offer of the other side is on its way: it stays on hold a little longer.
            self.agenda.put(now + Duration::from_millis(300), id, Act::Resume);
        }
    }

    /// Hands the call over to a colleague, or to a number.
    fn hand_over(&mut self, now: Timestamp, id: LegId) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.up && leg.role == Role::Called) else { return };
        let seat = leg.seat;
        let target = if self.habits.percent(75) { self.colleague(seat) } else { self.habits.any(&self.config.numbers).cloned() };
        let Some(target) = target else { return };
        let uri = Uri::sip(Some(&target), &self.domain);
        if self.ua.refer(now, id, uri.as_str()).is_ok() {
            count(&self.counters.transferred);
        }
    }

    /// Takes the other side's answer to our offer; false if it makes no sense.
    pub(super) fn take_answer(&mut self, id: LegId, sdp: Option<&[u8]>) -> bool {
        let (Some(leg), Some(sdp)) = (self.legs.get_mut(&id), sdp) else { return false };
        let taken = leg.session.receive_answer(&String::from_utf8_lossy(sdp)).is_ok();
        if taken {
            self.point_media(id);
        }
        taken
    }

    /// The other side wants other media.
    pub(super) fn reoffered(&mut self, now: Timestamp, id: LegId, sdp: Option<&[u8]>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let answer = match sdp {
            Some(sdp) => leg.session.receive_offer(&String::from_utf8_lossy(sdp)).map(|_| ()).and_then(|()| {
                let codec = leg.session.negotiated().map(|known| known.codec.clone());
                leg.session.answer(codec.as_ref().map_or(Choice::Ours, Choice::Prefer)).map(|(sdp, _)| sdp)
            }),
            None => leg.session.offer(),
        };
        let _ = match answer {
            Ok(sdp) => self.ua.answer_reoffer(now, id, Bytes::from(sdp)),
            Err(error) => self.ua.refuse_reoffer(now, id, error.status()),
        };
        self.point_media(id);
    }

    /// Our own change is through, or refused: then all is as before, but for who believes to be on hold.
    pub(super) fn reoffer_answered(&mut self, id: LegId, result: Result<Option<Bytes>, u16>) {
        match result {
            Ok(sdp) => {
                self.take_answer(id, sdp.as_deref());
            }
            Err(_) => {
                let Some(leg) = self.legs.get_mut(&id) else { return };
                leg.session.roll_back();
                leg.holding = !leg.holding;
                leg.session.set_direction(if leg.holding { Direction::SendOnly } else { Direction::SendRecv });
            }
        }
    }

    /// Tells the media plane where the other side is now.
    fn point_media(&mut self, id: LegId) {
        let Some(negotiated) = self.legs.get(&id).and_then(|leg| leg.session.negotiated()) else { return };
        let remote = MediaRemote {
            rtcp: negotiated.remote_rtcp,
            rtcp_mux: negotiated.rtcp_mux,
            remote_payload_type: negotiated.remote_payload_type,
            dtmf: negotiated.dtmf_remote,
            local_dtmf: negotiated.dtmf_local,
            direction: negotiated.direction,
            ptime_ms: negotiated.ptime_ms,
            ..MediaRemote::new(negotiated.remote_rtp, negotiated.codec.clone())
        };
        if let Err(error) = self.media.set_remote(id, remote) {
            tracing::debug!(%error, "media of a demo call");
        }
    }
}
