//! Changes of a session that stands: re-INVITE and UPDATE both ways (RFC 3261 §14, RFC 3311), glare, session timers
//! (RFC 4028).

use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use tandem_core::{Cause, LegId, Party, Timestamp};

use super::auth::Lines;
use super::event::{ActionError, UaEvent};
use super::leg::{Leg, LegTimer, Ours, OwedAck, Stage, Theirs, Wish};
use super::receive::Head;
use super::send::{ALLOW, InDialog, SDP, SUPPORTED, sdp_of};
use super::uas::unknown_extensions;
use super::{ServerUse, UserAgent, limits};
use crate::sip::build::{Headers, Response};
use crate::sip::dialog::session_timer::{Agreement, Refresher, SessionTimer, agree, agreed};
use crate::sip::header::{Method, Name};
use crate::sip::message::Message;
use crate::sip::transaction::{ClientId, ServerId};

/// Session-Expires as we write it. `we_ask`: in a request of ours, else in an answer.
fn write_session(headers: &mut Headers, timer: SessionTimer, we_ask: bool) {
    let refresher = if (timer.refresher == Refresher::Us) == we_ask { "uac" } else { "uas" };
    headers.push(Name::SessionExpires, format_args!("{};refresher={refresher}", timer.interval.as_secs()));
}

/// The peer's changes.
impl UserAgent {
    /// The session timer that a request of the peer asks for.
    pub(crate) fn session_asked(&self, request: &Message) -> Agreement {
        let asked = request.session_expires().and_then(Result::ok);
        agree(asked, request.has_token(Name::Supported, "timer"), self.config.session.least)
    }

    /// Puts the session timer into a 2xx of ours and starts it.
    pub(crate) fn grant_session(&mut self, now: Timestamp, leg: &mut Leg, request: &Message, response: &mut Response) {
        let timer = match self.session_asked(request) {
            Agreement::Timer { timer, peer_supports } => {
                write_session(&mut response.headers, timer, false);
                if peer_supports {
                    response.headers.push(Name::Require, "timer");
                }
                Some(timer)
            }
            Agreement::None | Agreement::TooSmall => None,
        };
        self.start_session(now, leg, timer);
    }

    /// Starts or stops the leg's session timer.
    pub(crate) fn start_session(&mut self, now: Timestamp, leg: &mut Leg, timer: Option<SessionTimer>) {
        self.disarm(leg, LegTimer::Session);
        leg.session = timer;
        leg.refresh_failures = 0;
        if let Some(timer) = timer {
            self.arm(leg, LegTimer::Session, now + timer.act_after());
        }
    }

    fn too_early(&mut self, now: Timestamp, id: ServerId, message: &Message) {
        let after = self.random.random_range(0..=limits::RETRY_AFTER_S).to_string();
        self.reply_with(now, id, message, 500, None, &[(Name::RetryAfter, &after)]);
    }

    /// A re-INVITE or an UPDATE of the peer.
    pub(crate) fn change_came(&mut self, now: Timestamp, id: ServerId, head: &Head, leg: &mut Leg, message: Message) {
        let invite = head.method == Method::Invite;
        let sdp = sdp_of(&message);
        if let Some(unknown) = unknown_extensions(&message) {
            self.reply_with(now, id, &message, 420, None, &[(Name::Unsupported, &unknown)]);
        } else if matches!(leg.stage, Stage::Ending(_)) {
            self.reply(now, id, &message, 481, None);
        } else if self.session_asked(&message) == Agreement::TooSmall {
            let least = self.config.session.least.as_secs().to_string();
            self.reply_with(now, id, &message, 422, None, &[(Name::MinSe, &least)]);
        } else if !invite && sdp.is_none() {
            self.refreshed(now, id, leg, &message);
        } else if !matches!(leg.stage, Stage::Standing) || leg.theirs.is_some() {
            self.too_early(now, id, &message);
        } else if leg.owed.is_some() || leg.unacked.is_some() || leg.ours.as_ref().is_some_and(|ours| ours.client.is_some()) {
            // An offer is on its way in the other direction, or our answer's ACK is (RFC 3261 §14.2).
            self.reply(now, id, &message, 491, None);
        } else {
            self.take_change(now, id, invite, leg, message, sdp);
        }
    }

    fn take_change(&mut self, now: Timestamp, id: ServerId, invite: bool, leg: &mut Leg, message: Message, sdp: Option<Bytes>) {
        if let Some(user) = self.tx.server(id) {
            *user = ServerUse::Leg(leg.id);
        }
        leg.dialog.refresh_target(&message);
        let unchanged = sdp.is_some() && sdp == leg.remote_sdp;
        let late = sdp.is_none();
        leg.theirs = Some(Theirs { server: id, request: message, invite, late });
        match leg.local_sdp.clone().filter(|_| unchanged) {
            // A refresh: nothing has changed, so neither has our answer.
            Some(ours) => {
                let _ = self.answer_change(now, leg, ours);
            }
            None => self.events.push_back(UaEvent::Reoffered { leg: leg.id, sdp }),
        }
    }

    /// An UPDATE without session description: a new target, a session refresh.
    fn refreshed(&mut self, now: Timestamp, id: ServerId, leg: &mut Leg, message: &Message) {
        let Some(flow) = self.tx.server_flow(id) else { return };
        let mut response = self.response(message, &flow, 200, None).with(Name::Contact, &leg.contact);
        if matches!(leg.stage, Stage::Standing) {
            leg.dialog.refresh_target(message);
            self.grant_session(now, leg, message, &mut response);
        }
        self.tx.respond(now, id, 200, response.encode());
    }

    /// Answers the peer's re-INVITE or UPDATE: with our answer, or our offer if it had none.
    pub fn answer_reoffer(&mut self, now: Timestamp, leg: LegId, sdp: Bytes) -> Result<(), ActionError> {
        self.act(now, leg, |ua, leg| {
            ua.answer_change(now, leg, sdp)?;
            ua.try_ours(now, leg);
            Ok(())
        })
    }

    fn answer_change(&mut self, now: Timestamp, leg: &mut Leg, sdp: Bytes) -> Result<(), ActionError> {
        let Some(theirs) = leg.theirs.take() else { return Err(leg.wrong("answer_reoffer", "no change is asked for")) };
        let Some(flow) = self.tx.server_flow(theirs.server) else { return Err(leg.wrong("answer_reoffer", "its transaction is over")) };
        let mut response = self.response(&theirs.request, &flow, 200, None).with_body(SDP, sdp.clone());
        for (name, value) in [(Name::Contact, leg.contact.as_str()), (Name::Allow, ALLOW), (Name::Supported, SUPPORTED)] {
            response.headers.push(name, value);
        }
        response.headers.copy(Name::RecordRoute, &theirs.request);
        self.grant_session(now, leg, &theirs.request, &mut response);
        let bytes = response.encode();
        self.tx.respond(now, theirs.server, 200, bytes.clone());
        leg.local_sdp = Some(sdp);
        if let Some(offer) = sdp_of(&theirs.request) {
            leg.remote_sdp = Some(offer);
        }
        if theirs.invite {
            let cseq = theirs.request.cseq().map_or(0, |cseq| cseq.number);
            self.await_ack(now, leg, bytes, flow, cseq, theirs.late, true);
        }
        Ok(())
    }

    /// Refuses the peer's re-INVITE or UPDATE: the session stays as it is.
    pub fn refuse_reoffer(&mut self, now: Timestamp, leg: LegId, status: u16) -> Result<(), ActionError> {
        if !(300..=699).contains(&status) {
            return Err(ActionError::Status(status));
        }
        self.act(now, leg, |ua, leg| {
            let Some(theirs) = leg.theirs.take() else { return Err(leg.wrong("refuse_reoffer", "no change is asked for")) };
            ua.reply(now, theirs.server, &theirs.request, status, None);
            ua.try_ours(now, leg);
            Ok(())
        })
    }
}

/// Our changes.
impl UserAgent {
    /// Offers other media (re-INVITE); without an offer the peer makes one, and `acknowledge` follows. The result comes as
    /// `ReofferAnswered`. Waits while another change is under way.
    pub fn reoffer(&mut self, now: Timestamp, leg: LegId, sdp: Option<Bytes>) -> Result<(), ActionError> {
        self.act(now, leg, |ua, leg| {
            if !matches!(leg.stage, Stage::Standing) || leg.release.is_some() {
                return Err(leg.wrong("reoffer", "its dialog does not stand"));
            }
            match &mut leg.ours {
                // A refresh gives way: the offer refreshes too.
                Some(ours) if ours.wish == Wish::Refresh && ours.client.is_none() => ours.wish = Wish::Reoffer(sdp),
                Some(_) => return Err(leg.wrong("reoffer", "an offer is under way")),
                None => leg.ours = Some(Ours { wish: Wish::Reoffer(sdp), glares: 0, attempts: 0, client: None }),
            }
            ua.try_ours(now, leg);
            Ok(())
        })
    }

    /// Sends our change if nothing stands against it.
    pub(crate) fn try_ours(&mut self, now: Timestamp, leg: &mut Leg) {
        let waits = leg.timers.iter().any(|(timer, _)| *timer == LegTimer::Glare);
        if waits || leg.theirs.is_some() || leg.owed.is_some() || leg.unacked.is_some() || !matches!(leg.stage, Stage::Standing) {
            return;
        }
        let Some(ours) = leg.ours.as_ref().filter(|ours| ours.client.is_none()) else { return };
        let wish = ours.wish.clone();
        let credentials = self.known_credentials(leg, &Method::Invite);
        let client = self.send_change(now, leg, &wish, credentials);
        match (client, &mut leg.ours) {
            (Some(client), Some(ours)) => {
                ours.client = Some(client);
                self.arm(leg, LegTimer::Change, now + limits::LONGEST_CHANGE);
            }
            // The table is full: as if refused.
            _ => self.change_failed(now, leg, 503),
        }
    }

    /// Sends a re-INVITE or, for refreshes of peers that allow it, an UPDATE.
    pub(crate) fn send_change(&mut self, now: Timestamp, leg: &mut Leg, wish: &Wish, credentials: Lines) -> Option<ClientId> {
        if let (Wish::Refresh, true, Some(timer)) = (wish, leg.peer_updates, leg.session) {
            let mut headers = Headers::default();
            write_session(&mut headers, timer, true);
            let session = headers.get(Name::SessionExpires).unwrap_or_default().to_owned();
            let update = InDialog::new(Some(leg.id), Method::Update)
                .with(Name::Contact, leg.contact.clone())
                .with(Name::Supported, SUPPORTED)
                .with(Name::SessionExpires, session);
            return self.send_in_dialog(now, &mut leg.dialog, update);
        }
        let sdp = match wish {
            Wish::Reoffer(sdp) => sdp.clone(),
            Wish::Refresh => leg.local_sdp.clone(),
        };
        let (branch, cseq) = (self.new_branch(), leg.dialog.next_cseq());
        let mut request = self.dialog_request(&leg.dialog, Method::Invite, cseq, branch)?;
        for (name, value) in [(Name::Contact, leg.contact.as_str()), (Name::Allow, ALLOW), (Name::Supported, SUPPORTED)] {
            request.headers.push(name, value);
        }
        if let Some(timer) = leg.session {
            write_session(&mut request.headers, timer, true);
        }
        for (name, value) in credentials {
            request.headers.push(name, value);
        }
        if let Some(sdp) = &sdp {
            request = request.with_body(SDP, sdp.clone());
            leg.local_sdp = Some(sdp.clone());
        }
        let bytes = request.encode();
        self.start_invite(now, leg, false, branch, cseq, bytes)
    }

    /// 2xx for a re-INVITE of ours; true if it was awaited.
    pub(crate) fn change_accepted(&mut self, now: Timestamp, leg: &mut Leg, id: ClientId, cseq: u32, message: &Message) -> bool {
        if !matches!(leg.stage, Stage::Standing) {
            return false;
        }
        let Some(ours) = leg.ours.take_if(|ours| ours.client == Some(id)) else { return false };
        self.disarm(leg, LegTimer::Change);
        leg.dialog.refresh_target(message);
        let timer = agreed(message.session_expires().and_then(Result::ok));
        self.start_session(now, leg, timer);
        let sdp = sdp_of(message);
        let changed = sdp.is_some() && sdp != leg.remote_sdp;
        leg.remote_sdp = sdp.clone().or(leg.remote_sdp.take());
        let needs_answer = ours.wish == Wish::Reoffer(None);
        if needs_answer {
            leg.owed = Some(OwedAck { client: id, cseq });
        } else {
            self.send_ack(id, &leg.dialog.clone(), cseq, None);
        }
        if ours.wish != Wish::Refresh || changed {
            self.events.push_back(UaEvent::ReofferAnswered { leg: leg.id, result: Ok(sdp), needs_answer });
        }
        true
    }

    /// A final refusal of our re-INVITE or UPDATE.
    pub(crate) fn change_refused(&mut self, now: Timestamp, leg: &mut Leg, id: ClientId, status: u16) {
        if !matches!(leg.stage, Stage::Standing) {
            return;
        }
        let Some(ours) = leg.ours.as_mut().filter(|ours| ours.client == Some(id)) else { return };
        ours.client = None;
        let glares = ours.glares;
        self.disarm(leg, LegTimer::Change);
        let Some(ours) = leg.ours.as_mut() else { return };
        match status {
            491 if glares < limits::GLARE_ATTEMPTS => {
                ours.glares += 1;
                // §14.1: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for the other, in steps of 10 ms.
                let steps = if leg.is_caller { self.random.random_range(210..=400) } else { self.random.random_range(0..=200) };
                self.arm(leg, LegTimer::Glare, now + Duration::from_millis(10 * steps));
            }
            // The dialog is gone (§12.2.1.2).
            408 | 481 => {
                leg.ours = None;
                self.hang_up(now, leg, Cause::sip(status, Party::Remote));
            }
            405 | 501 if ours.wish == Wish::Refresh && leg.peer_updates => {
                leg.peer_updates = false;
                self.try_ours(now, leg);
            }
            _ => self.change_failed(now, leg, status),
        }
    }

    /// Our re-INVITE got provisional responses only.
    pub(crate) fn change_unanswered(&mut self, now: Timestamp, leg: &mut Leg) {
        if let Some(client) = leg.ours.as_ref().and_then(|ours| ours.client) {
            self.tx.forsake(now, client);
            self.change_failed(now, leg, 408);
        }
    }

    fn change_failed(&mut self, now: Timestamp, leg: &mut Leg, status: u16) {
        match (leg.ours.take().map(|ours| ours.wish), leg.session) {
            (Some(Wish::Reoffer(_)), _) => {
                self.events.push_back(UaEvent::ReofferAnswered { leg: leg.id, result: Err(status), needs_answer: false });
            }
            (Some(Wish::Refresh), Some(timer)) => {
                // There is half an interval left: once more at three quarters, then give up.
                leg.refresh_failures += 1;
                if leg.refresh_failures > 1 {
                    self.hang_up(now, leg, Cause::sip(status, Party::Remote).because("session refresh refused"));
                } else {
                    self.arm(leg, LegTimer::Session, now + timer.interval / 4);
                }
            }
            _ => {}
        }
    }

    /// An UPDATE of ours is through.
    pub(crate) fn update_done(&mut self, now: Timestamp, leg: &mut Leg, id: ClientId, status: u16, message: Option<&Message>) {
        match message {
            Some(message) if (200..300).contains(&status) => {
                if leg.ours.take_if(|ours| ours.client == Some(id)).is_some() {
                    self.disarm(leg, LegTimer::Change);
                    leg.dialog.refresh_target(message);
                    let timer = agreed(message.session_expires().and_then(Result::ok));
                    self.start_session(now, leg, timer);
                }
            }
            _ => self.change_refused(now, leg, id, status),
        }
    }

    /// The session timer is due: refresh, or give a silent peer up.
    pub(crate) fn session_due(&mut self, now: Timestamp, leg: &mut Leg) {
        match leg.session.map(|timer| timer.refresher) {
            Some(Refresher::Us) => {
                if leg.ours.is_none() {
                    leg.ours = Some(Ours { wish: Wish::Refresh, glares: 0, attempts: 0, client: None });
                }
                self.try_ours(now, leg);
            }
            Some(Refresher::Peer) => self.hang_up(now, leg, Cause::sip(408, Party::System).because("the session was not refreshed")),
            None => {}
        }
    }
}
