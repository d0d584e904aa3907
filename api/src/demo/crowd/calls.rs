//! Placing calls and taking them: from nobody to an answered call, and the end of both.

use bytes::Bytes;
use tandem_core::{CallId, Codec, LegId, Timestamp};
use tandem_media::sip::header::NameAddr;
use tandem_media::sip::sdp::{Choice, Session, known_codec};
use tandem_media::sip::ua::{InviteParams, Offered, UaEvent};
use tandem_media::sip::{HostPort, Uri};

use super::floor::Floor;
use crate::demo::habits::{Act, Role};
use crate::demo::limits;
use crate::demo::stats::count;

/// One end of a call.
pub(super) struct Leg {
    /// Whose it is.
    pub(super) seat: usize,
    pub(super) role: Role,
    /// We placed the call.
    pub(super) outgoing: bool,
    /// It was answered.
    pub(super) up: bool,
    /// We hold the other side.
    pub(super) holding: bool,
    pub(super) session: Session,
}

/// Both kinds of G.711; who likes which first differs from seat to seat.
fn codecs(seat: usize) -> Vec<Codec> {
    let names = if seat.is_multiple_of(2) { ["PCMA", "PCMU"] } else { ["PCMU", "PCMA"] };
    names.into_iter().filter_map(known_codec).collect()
}

impl Floor {
    /// Calls of ours, up or being made, counted at their callers.
    pub(super) fn calls_up(&self) -> usize {
        self.legs.values().filter(|leg| leg.outgoing).count()
    }

    /// Somebody feels like calling.
    pub(super) fn place_call(&mut self, now: Timestamp) {
        let (up, most) = (self.calls_up(), self.config.calls_at_once);
        self.next_call = now + self.habits.gap(up + 1, most);
        if up >= most {
            return;
        }
        let from_outside = self.habits.percent(30);
        let placed = if from_outside { self.call_in(now) } else { self.call_by_phone(now) };
        if placed.is_none() {
            // Nobody is free, or nobody is registered yet.
            self.next_call = now + self.habits.between(0.2..=0.6);
        }
    }

    fn free_phones(&self) -> Vec<usize> {
        let free = |seat: &usize| self.seats.get(*seat).is_some_and(|seat| seat.is_registered() && seat.legs == 0 && !seat.is_agent());
        (0..self.seats.len()).filter(free).collect()
    }

    fn call_by_phone(&mut self, now: Timestamp) -> Option<LegId> {
        let free = self.free_phones();
        let seat = *self.habits.any(&free)?;
        let (number, role) = self.number_to_dial(seat)?;
        let at = self.seats.get(seat)?;
        let params = InviteParams {
            leg: self.ids.leg(),
            uri: Uri::sip(Some(&number), &self.domain).as_str().to_owned(),
            flow: at.flow(self.config.server_udp),
            routes: Vec::new(),
            from: at.address(&self.domain)?,
            to: None,
            identity: None,
            headers: Vec::new(),
            sdp: None,
            credentials: at.login(),
            max_forwards: 70,
        };
        self.call(now, seat, role, params)
    }

    /// Somebody outside calls in.
    fn call_in(&mut self, now: Timestamp) -> Option<LegId> {
        let seat = self.seats.iter().position(|seat| seat.line.is_none())?;
        let number = self.habits.any(&self.config.carrier.as_ref()?.dials)?.clone();
        let caller = self.habits.caller_outside();
        let at = self.seats.get(seat)?;
        let params = InviteParams {
            leg: self.ids.leg(),
            uri: Uri::sip(Some(&number), &HostPort::from(self.config.server_udp)).as_str().to_owned(),
            flow: at.flow(self.config.server_udp),
            routes: Vec::new(),
            from: NameAddr::new(Uri::sip(Some(&caller), &HostPort::from(at.local))),
            to: None,
            identity: None,
            headers: Vec::new(),
            sdp: None,
            credentials: None,
            max_forwards: 70,
        };
        self.call(now, seat, Role::Caller, params)
    }

    /// Whom a phone calls: a colleague, an access number, somebody outside.
    fn number_to_dial(&mut self, seat: usize) -> Option<(String, Role)> {
        let kind = self.habits.percent(45);
        let outside = self.config.carrier.is_some() && self.habits.percent(60);
        if kind && let Some(user) = self.colleague(seat) {
            return Some((user, Role::Caller));
        }
        if outside {
            return Some((self.habits.number_outside(&self.config.outside), Role::Caller));
        }
        self.habits.any(&self.config.numbers).map(|number| (number.clone(), Role::Listener))
    }

    /// Another phone; one that is busy only now and then.
    pub(super) fn colleague(&mut self, seat: usize) -> Option<String> {
        let mut others = self.free_phones();
        others.retain(|other| *other != seat);
        if others.is_empty() || self.habits.percent(8) {
            others = (0..self.seats.len()).filter(|other| *other != seat).collect();
            others.retain(|other| self.seats.get(*other).is_some_and(|seat| seat.line.is_some() && !seat.is_agent()));
        }
        let other = *self.habits.any(&others)?;
        self.seats.get(other)?.line.as_ref().map(|line| line.phone.user.clone())
    }

    fn call(&mut self, now: Timestamp, seat: usize, role: Role, mut params: InviteParams) -> Option<LegId> {
        let leg = params.leg;
        let mut session = self.open_session(leg, seat)?;
        let started = session.offer().is_ok_and(|offer| {
            params.sdp = Some(Bytes::from(offer));
            self.ua.invite(now, params).is_ok()
        });
        self.sit(leg, Leg { seat, role, outgoing: true, up: false, holding: false, session });
        if !started {
            self.over(leg);
            return None;
        }
        count(&self.counters.calls_started);
        let patience = self.habits.patience();
        self.agenda.put(now + patience, leg, Act::GiveUp);
        Some(leg)
    }

    /// Opens media for a leg of a seat.
    fn open_session(&mut self, leg: LegId, seat: usize) -> Option<Session> {
        let ip = self.seats.get(seat)?.local.ip();
        match self.media.open(leg, CallId(leg.0), ip) {
            Ok(local) => Some(Session::new(leg.0, local, codecs(seat))),
            Err(error) => {
                tracing::debug!(%error, "no media for a call of the demo");
                None
            }
        }
    }

    fn sit(&mut self, leg: LegId, state: Leg) {
        if let Some(seat) = self.seats.get_mut(state.seat) {
            seat.legs += 1;
        }
        self.legs.insert(leg, state);
    }

    /// Somebody of us is called.
    pub(super) fn offered(&mut self, now: Timestamp, offered: Offered) {
        count(&self.counters.offered);
        let leg = offered.leg;
        if let Err(status) = self.welcome(now, &offered) {
            let _ = self.ua.refuse(now, leg, status, &[]);
        }
    }

    fn welcome(&mut self, now: Timestamp, offered: &Offered) -> Result<(), u16> {
        let at = self.seats.iter().position(|seat| seat.local == offered.flow.local).ok_or(404u16)?;
        let seat = self.seats.get(at).ok_or(404u16)?;
        let (is_phone, is_agent) = (seat.line.is_some(), seat.is_agent());
        if self.closing {
            return Err(480);
        }
        if (is_phone && seat.legs > 0) || self.legs.len() >= self.config.calls_at_once * limits::LEGS_PER_CALL {
            return Err(486);
        }
        let leg = offered.leg;
        let mut session = self.open_session(leg, at).ok_or(480u16)?;
        if let Some(sdp) = &offered.sdp
            && let Err(error) = session.receive_offer(&String::from_utf8_lossy(sdp))
        {
            let _ = self.media.close(leg);
            return Err(error.status());
        }
        let role = match (is_phone, is_agent) {
            (_, true) => Role::Agent,
            (true, false) => Role::Called,
            (false, false) => Role::Outsider,
        };
        self.sit(leg, Leg { seat: at, role, outgoing: false, up: false, holding: false, session });
        let welcome = match role {
            Role::Agent => self.habits.agent_welcome(),
            Role::Outsider => self.habits.carrier_welcome(),
            _ => self.habits.phone_welcome(),
        };
        if welcome.ring {
            let _ = self.ua.ring(now, leg);
        }
        if let Some((after, act)) = welcome.then {
            self.agenda.put(now + after, leg, act);
        }
        self.agenda.put(now + limits::LONGEST_RING, leg, Act::Refuse(480));
        Ok(())
    }

    /// Somebody of us picks up.
    pub(super) fn answer(&mut self, now: Timestamp, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| !leg.up && !leg.outgoing) else { return };
        let sdp = if leg.session.owes_answer() { leg.session.answer(Choice::Ours).map(|(sdp, _)| sdp) } else { leg.session.offer() };
        if sdp.is_ok_and(|sdp| self.ua.answer(now, id, Bytes::from(sdp)).is_ok()) {
            self.begin_talk(now, id);
        } else {
            let _ = self.ua.refuse(now, id, 488, &[]);
        }
    }

    /// What the user agent says of legs.
    pub(super) fn heard(&mut self, now: Timestamp, event: UaEvent) {
        match event {
            UaEvent::Answered { leg, sdp, needs_answer: false, .. } => {
                if self.take_answer(leg, sdp.as_deref()) {
                    count(&self.counters.answered);
                    self.begin_talk(now, leg);
                } else {
                    self.act(now, leg, Act::HangUp);
                }
            }
            UaEvent::Confirmed { leg, sdp } => self.confirmed(now, leg, sdp.as_deref()),
            UaEvent::Reoffered { leg, sdp } => self.reoffered(now, leg, sdp.as_deref()),
            UaEvent::ReofferAnswered { leg, result, .. } => self.reoffer_answered(leg, result),
            // People of this crowd don't obey strangers.
            UaEvent::TransferAsked { leg, refer, .. } => {
                let _ = self.ua.notify_transfer(now, leg, Some(refer), 603);
            }
            UaEvent::Ended { leg, .. } => {
                if self.legs.get(&leg).is_some_and(|leg| leg.outgoing && !leg.up) {
                    count(&self.counters.failed);
                }
                self.over(leg);
            }
            _ => {}
        }
    }

    /// The ACK for our answer: it brings the other side's, if the offer was ours.
    fn confirmed(&mut self, now: Timestamp, leg: LegId, sdp: Option<&[u8]>) {
        let awaited = self.legs.get(&leg).is_some_and(|leg| leg.session.awaits_answer());
        if awaited && !self.take_answer(leg, sdp) {
            self.act(now, leg, Act::HangUp);
        }
    }

    /// Forgets a leg and closes its media: the one place where a leg goes.
    pub(super) fn over(&mut self, leg: LegId) {
        let Some(state) = self.legs.remove(&leg) else { return };
        let _ = self.media.close(leg);
        self.agenda.forget(leg);
        if let Some(seat) = self.seats.get_mut(state.seat) {
            seat.legs = seat.legs.saturating_sub(1);
        }
    }
}
