//! Inviting: from our INVITE to the ACK for the peer's answer; and hanging up.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;
use smol_str::SmolStr;
use tandem_core::{Cause, LegId, Party, Timestamp};

use super::action::{InviteParams, Login};
use super::auth::Lines;
use super::event::{ActionError, UaEvent};
use super::leg::{Early, Inviting, Leg, LegTimer, OwedAck, Stage};
use super::reason;
use super::send::{ALLOW, InDialog, SDP, SUPPORTED, cancel_of, sdp_of};
use super::{ClientUse, UserAgent, limits};
use crate::sip::dialog::Dialog;
use crate::sip::dialog::session_timer::agreed;
use crate::sip::header::{Method, Name, NameAddr, Replaces};
use crate::sip::message::Message;
use crate::sip::transaction::{Branch, ClientId};
use crate::sip::uri::Uri;

/// Headers that the user agent writes itself.
const OWN_HEADERS: [Name; 16] = [
    Name::Via,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::Contact,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentType,
    Name::Route,
    Name::RecordRoute,
    Name::Allow,
    Name::Supported,
    Name::SessionExpires,
    Name::Authorization,
    Name::ProxyAuthorization,
];

/// A header that the owner may add.
pub(crate) fn is_foreign(name: &str) -> bool {
    !OWN_HEADERS.contains(&Name::parse(name.as_bytes()))
}

fn without_tag(address: &NameAddr) -> String {
    let mut address = address.clone();
    address.params.remove("tag");
    address.to_string()
}

impl UserAgent {
    /// Calls somebody. Events tell how it goes: `Progressed`, `Answered`, and in any case one `Ended`.
    pub fn invite(&mut self, now: Timestamp, params: InviteParams) -> Result<(), ActionError> {
        if self.legs.contains_key(&params.leg) {
            return Err(ActionError::WrongState { leg: params.leg, action: "invite", state: "there is a leg of that name" });
        }
        if self.legs.len() >= self.config.legs {
            return Err(ActionError::Full(self.config.legs));
        }
        let uri = Uri::parse(&params.uri).map_err(|_| ActionError::Text(params.uri.clone()))?;
        let remote = match &params.to {
            Some(to) => without_tag(to),
            None => NameAddr::new(uri).to_string(),
        };
        let dialog = Dialog {
            call_id: self.new_call_id(),
            local_tag: self.new_tag(),
            remote_tag: None,
            local: without_tag(&params.from),
            remote,
            target: params.uri.clone(),
            routes: params.routes.clone(),
            local_cseq: self.first_cseq(),
            remote_cseq: None,
            flow: params.flow,
        };
        let secure = params.uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sips:"));
        let contact = self.contact_for(&params.flow, params.from.uri.user().unwrap_or_default(), secure);
        let id = params.leg;
        let mut leg = Leg::new(id, dialog, Stage::Standing, contact, true);
        leg.local_sdp.clone_from(&params.sdp);
        leg.digest = params.credentials.as_ref().map(Login::client);
        let Some(client) = self.send_invite(now, &mut leg, &params, None, Lines::new()) else {
            return Err(ActionError::Full(self.config.transactions));
        };
        leg.stage = Stage::Inviting(Box::new(Inviting {
            client,
            params,
            attempts: 0,
            least_interval: None,
            cancelled: false,
            early: SmallVec::new(),
        }));
        self.arm(&mut leg, LegTimer::Setup, now + limits::LONGEST_SETUP);
        self.adopt(leg);
        self.settle(now);
        Ok(())
    }

    /// Sends the first INVITE of a leg, or sends it again.
    fn send_invite(
        &mut self,
        now: Timestamp,
        leg: &mut Leg,
        params: &InviteParams,
        least_interval: Option<u32>,
        credentials: Lines,
    ) -> Option<ClientId> {
        let (branch, cseq) = (self.new_branch(), leg.dialog.next_cseq());
        let mut request = self.dialog_request(&leg.dialog, Method::Invite, cseq, branch)?;
        let headers = &mut request.headers;
        headers.set(Name::MaxForwards, params.max_forwards);
        headers.push(Name::Contact, &leg.contact);
        headers.push(Name::Allow, ALLOW);
        headers.push(Name::Supported, SUPPORTED);
        let asked = self.config.session.interval.max(Duration::from_secs(u64::from(least_interval.unwrap_or(0))));
        if !asked.is_zero() {
            headers.push(Name::SessionExpires, asked.as_secs());
            if let Some(least) = least_interval {
                headers.push(Name::MinSe, least);
            }
        }
        for (name, value) in credentials {
            headers.push(name, value);
        }
        if let Some(identity) = &params.identity {
            headers.push(Name::PAssertedIdentity, without_tag(identity));
        }
        for (name, value) in params.headers.iter().filter(|(name, _)| is_foreign(name)) {
            headers.push_extension(name, value);
        }
        if let Some(sdp) = &params.sdp {
            request = request.with_body(SDP, sdp.clone());
        }
        let bytes = request.encode();
        self.start_invite(now, leg, true, branch, cseq, bytes)
    }

    /// 1xx for an INVITE of ours.
    pub(crate) fn invite_progress(&mut self, now: Timestamp, id: ClientId, status: u16, message: &Message) {
        let Some(ClientUse::Invite(invite)) = self.tx.client(id) else { return };
        let leg = invite.leg;
        self.with(leg, |ua, leg| {
            let Stage::Inviting(inviting) = &mut leg.stage else { return };
            if inviting.client != id {
                return;
            }
            if leg.release.is_some() {
                // The CANCEL has waited for this (RFC 3261 §9.1).
                return ua.send_cancel(now, leg);
            }
            if status == 100 {
                return;
            }
            let sdp = sdp_of(message);
            if let Some(tag) = message.to().ok().and_then(|to| to.tag().map(SmolStr::new)) {
                let room = inviting.early.len() < limits::FORKS;
                match inviting.early.iter_mut().find(|early| early.tag == tag) {
                    Some(early) => early.sdp = sdp.clone().or(early.sdp.take()),
                    None if room => inviting.early.push(Early { tag, sdp: sdp.clone() }),
                    None => {}
                }
            }
            ua.events.push_back(UaEvent::Progressed { leg: leg.id, status, sdp });
        });
    }

    /// 2xx for an INVITE of ours: acknowledged in any case, taken once, else hung up.
    pub(crate) fn invite_accepted(&mut self, now: Timestamp, id: ClientId, message: &Message) {
        let Some(ClientUse::Invite(invite)) = self.tx.client(id) else { return };
        let tag = message.to().ok().and_then(|to| to.tag().map(SmolStr::new));
        // A peer of RFC 2543 has no tag; it is one dialog all the same.
        if let Some((_, flow, ack)) = invite.acks.iter().find(|(known, ..)| *known == tag.clone().unwrap_or_default()) {
            let (flow, ack) = (*flow, ack.clone());
            return self.tx.send(flow, ack);
        }
        let (leg, initial, cseq, template) = (invite.leg, invite.initial, invite.cseq, invite.dialog.clone());
        let taken = self.with(leg, |ua, leg| match &leg.stage {
            Stage::Inviting(inviting) if inviting.client == id => {
                ua.take_answer(now, leg, id, cseq, message);
                true
            }
            _ if !initial => ua.change_accepted(now, leg, id, cseq, message) || leg.owed.is_some_and(|owed| owed.client == id),
            // The answer is known, its ACK waits for the owner.
            _ => leg.owed.is_some_and(|owed| owed.client == id) && leg.dialog.remote_tag == tag,
        });
        match (taken, initial) {
            (Some(true), _) => {}
            (_, true) => self.hang_up_fork(now, id, cseq, &template, message),
            // The leg ended while its re-INVITE was under way: the peer still wants its ACK.
            (_, false) => self.send_ack(id, &template, cseq, None),
        }
    }

    /// A further branch answered too: acknowledge and hang up (RFC 3261 §13.2.2.4).
    fn hang_up_fork(&mut self, now: Timestamp, id: ClientId, cseq: u32, template: &Dialog, message: &Message) {
        let Ok(mut dialog) = template.from_response(message) else { return };
        self.send_ack(id, &dialog, cseq, None);
        let bye = InDialog::new(None, Method::Bye).with(Name::Reason, reason::write(&Cause::normal(Party::System)).to_string());
        self.send_in_dialog(now, &mut dialog, bye);
    }

    fn take_answer(&mut self, now: Timestamp, leg: &mut Leg, id: ClientId, cseq: u32, message: &Message) {
        let Stage::Inviting(inviting) = &mut leg.stage else { return };
        let tag = message.to().ok().and_then(|to| to.tag().map(SmolStr::new));
        let early = inviting.early.iter_mut().find(|early| Some(&early.tag) == tag.as_ref()).and_then(|early| early.sdp.take());
        let offered = inviting.params.sdp.is_some();
        let sdp = sdp_of(message).or(early.filter(|_| offered));
        let Ok(dialog) = leg.dialog.from_response(message) else {
            return self.end(now, leg, Cause::sip(502, Party::System).because("its answer can't be read"), None);
        };
        leg.dialog = dialog;
        leg.stage = Stage::Standing;
        self.disarm(leg, LegTimer::Setup);
        self.disarm(leg, LegTimer::Cancelled);
        leg.peer_updates = message.has_token(Name::Allow, "UPDATE");
        leg.remote_sdp.clone_from(&sdp);
        if let Some(cause) = leg.release.take() {
            // It answered before our CANCEL arrived.
            self.send_ack(id, &leg.dialog.clone(), cseq, None);
            return self.hang_up(now, leg, cause);
        }
        if offered {
            self.send_ack(id, &leg.dialog.clone(), cseq, None);
        } else {
            leg.owed = Some(OwedAck { client: id, cseq });
        }
        let timer = agreed(message.session_expires().and_then(Result::ok));
        self.start_session(now, leg, timer);
        let dialog = Box::new(leg.dialog.record());
        self.events.push_back(UaEvent::Answered { leg: leg.id, sdp, needs_answer: !offered, dialog });
    }

    /// Sends the ACK that waits for our answer, after an answer or re-INVITE whose 2xx carried the peer's offer.
    pub fn acknowledge(&mut self, now: Timestamp, leg: LegId, sdp: Bytes) -> Result<(), ActionError> {
        self.act(now, leg, |ua, leg| {
            let Some(owed) = leg.owed.take() else { return Err(leg.wrong("acknowledge", "no answer is awaited")) };
            ua.send_ack(owed.client, &leg.dialog.clone(), owed.cseq, Some(&sdp));
            leg.local_sdp = Some(sdp);
            ua.try_ours(now, leg);
            Ok(())
        })
    }

    /// A final refusal of an INVITE of ours, or no answer at all.
    pub(crate) fn invite_refused(&mut self, now: Timestamp, id: ClientId, status: u16, message: Option<&Message>) {
        let Some(ClientUse::Invite(invite)) = self.tx.client(id) else { return };
        let (leg, initial) = (invite.leg, invite.initial);
        self.with(leg, |ua, leg| {
            if !initial {
                if !ua.change_with_credentials(now, leg, id, status, message) {
                    ua.change_refused(now, leg, id, status);
                }
                return;
            }
            let Stage::Inviting(inviting) = &leg.stage else { return };
            if inviting.client != id || message.is_some_and(|message| ua.invite_again(now, leg, status, message)) {
                return;
            }
            let cause = match (leg.release.take(), message) {
                (Some(cause), _) => cause,
                (None, Some(message)) => reason::read(status, &message.reasons()),
                (None, None) => Cause::sip(status, Party::System),
            };
            ua.end(now, leg, cause, message.and_then(Message::retry_after));
        });
    }

    /// Sends a refused INVITE again with what it lacked: credentials (401, 407), a longer session interval (422). True if
    /// it did.
    fn invite_again(&mut self, now: Timestamp, leg: &mut Leg, status: u16, message: &Message) -> bool {
        let Stage::Inviting(inviting) = &mut leg.stage else { return false };
        if leg.release.is_some() || inviting.attempts >= limits::AUTH_ATTEMPTS {
            return false;
        }
        let params = inviting.params.clone();
        let attempts = inviting.attempts + 1;
        let least = match (status, message.min_se()) {
            (422, Some(seconds)) if inviting.least_interval.is_none_or(|known| known < seconds) => Some(seconds),
            (422, _) => return false,
            _ => inviting.least_interval,
        };
        let credentials = match status {
            401 | 407 => self.authorize_leg(leg, message, &Method::Invite, &params.uri, attempts - 1),
            422 => Some(Lines::new()),
            _ => None,
        };
        let Some(credentials) = credentials else { return false };
        let Some(client) = self.send_invite(now, leg, &params, least, credentials) else { return false };
        if let Stage::Inviting(inviting) = &mut leg.stage {
            inviting.client = client;
            inviting.attempts = attempts;
            inviting.least_interval = least;
            inviting.early.clear();
        }
        true
    }

    /// Sends a challenged re-INVITE again.
    fn change_with_credentials(&mut self, now: Timestamp, leg: &mut Leg, id: ClientId, status: u16, message: Option<&Message>) -> bool {
        let (401 | 407, Some(message), Stage::Standing) = (status, message, &leg.stage) else { return false };
        let Some(ours) = leg.ours.as_mut().filter(|ours| ours.client == Some(id) && ours.attempts < limits::AUTH_ATTEMPTS) else {
            return false;
        };
        ours.attempts += 1;
        let (wish, tries) = (ours.wish.clone(), ours.attempts - 1);
        let (uri, _) = leg.dialog.path();
        let Some(lines) = self.authorize_leg(leg, message, &Method::Invite, &uri, tries) else { return false };
        let client = self.send_change(now, leg, &wish, lines);
        if let Some(ours) = &mut leg.ours {
            ours.client = client;
        }
        client.is_some()
    }

    fn send_cancel(&mut self, now: Timestamp, leg: &mut Leg) {
        let Stage::Inviting(inviting) = &mut leg.stage else { return };
        if std::mem::replace(&mut inviting.cancelled, true) {
            return;
        }
        let id = inviting.client;
        let cause = leg.release.clone().unwrap_or_else(|| Cause::normal(Party::System));
        let Some((invite, flow)) = self.tx.request(id) else { return };
        let Some(bytes) = cancel_of(invite, &reason::write(&cause)) else { return };
        let branch = crate::sip::wire::parse(bytes.clone()).ok().and_then(|cancel| {
            let via = cancel.via().ok()?;
            Branch::read(via.branch()?, true)
        });
        if let Some(branch) = branch {
            self.tx.start(now, branch, false, flow, bytes, ClientUse::Cancel);
        }
        let at = now + self.config.timers.t1_64();
        self.arm(leg, LegTimer::Cancelled, at);
    }

    /// The peer never finally answered a cancelled INVITE (RFC 3261 §9.1).
    pub(crate) fn cancel_unanswered(&mut self, now: Timestamp, leg: &mut Leg) {
        let Stage::Inviting(inviting) = &leg.stage else { return };
        self.tx.abandon(inviting.client);
        let cause = leg.release.take().unwrap_or_else(|| Cause::sip(408, Party::System));
        self.end(now, leg, cause, None);
    }

    /// Ends a leg whatever its state: refuses, cancels or hangs up. `Ended` with this cause follows once it is through:
    /// at once for a refusal, else after the peer confirmed or did not in time.
    pub fn release(&mut self, now: Timestamp, leg: LegId, cause: Cause) -> Result<(), ActionError> {
        self.act(now, leg, |ua, leg| {
            ua.release_leg(now, leg, cause);
            Ok(())
        })
    }

    pub(crate) fn release_leg(&mut self, now: Timestamp, leg: &mut Leg, cause: Cause) {
        match &leg.stage {
            Stage::Offered(_) => {
                let value = reason::write(&cause).to_string();
                let _ = self.refuse_leg(now, leg, reason::refusal(&cause), &[(Name::Reason, &value)], cause);
            }
            Stage::Inviting(inviting) => {
                let calling = self.tx.is_calling(inviting.client);
                leg.release.get_or_insert(cause);
                if !calling {
                    self.send_cancel(now, leg);
                }
            }
            Stage::Standing => self.hang_up(now, leg, cause),
            Stage::Ending(_) => {}
        }
    }

    /// Sends BYE, or waits until that is allowed: not before the ACK for our first 2xx (RFC 3261 §15).
    pub(crate) fn hang_up(&mut self, now: Timestamp, leg: &mut Leg, cause: Cause) {
        if leg.unacked.as_ref().is_some_and(|unacked| !unacked.again) {
            leg.release.get_or_insert(cause);
            return;
        }
        if let Some(owed) = leg.owed.take() {
            self.send_ack(owed.client, &leg.dialog.clone(), owed.cseq, None);
        }
        leg.unacked = None;
        self.disarm(leg, LegTimer::RepeatAnswer);
        for timer in [LegTimer::Session, LegTimer::Glare, LegTimer::Change] {
            self.disarm(leg, timer);
        }
        let mut bye = InDialog::new(Some(leg.id), Method::Bye).with(Name::Reason, reason::write(&cause).to_string());
        bye.headers.extend(self.known_credentials(leg, &Method::Bye));
        match self.send_in_dialog(now, &mut leg.dialog, bye) {
            Some(_) => leg.stage = Stage::Ending(cause),
            None => self.end(now, leg, cause, None),
        }
    }

    /// Another request in a dialog has its final answer.
    pub(crate) fn request_done(&mut self, now: Timestamp, id: ClientId, status: u16, message: Option<&Message>) {
        let Some(ClientUse::Request(sent)) = self.tx.client(id) else { return };
        let Some(leg) = sent.leg else { return };
        let again = sent.clone();
        self.with(leg, |ua, leg| {
            if let (401 | 407, Some(message)) = (status, message)
                && ua.request_again(now, leg, id, *again.clone(), message)
            {
                return;
            }
            match (&again.method, &leg.stage) {
                (Method::Bye, Stage::Ending(cause)) => {
                    let cause = cause.clone();
                    ua.end(now, leg, cause, None);
                }
                (Method::Update, _) => ua.update_done(now, leg, id, status, message),
                // Whatever it was, the peer says that there is no call any more (RFC 3261 §12.2.1.2). A subscription that
                // it has forgotten (NOTIFY) says nothing about the call.
                (Method::Notify, _) => {}
                (_, Stage::Standing) if status == 481 => ua.hang_up(now, leg, Cause::sip(481, Party::Remote)),
                _ => {}
            }
        });
    }

    /// Sends a challenged request again.
    fn request_again(&mut self, now: Timestamp, leg: &mut Leg, id: ClientId, mut what: InDialog, message: &Message) -> bool {
        if what.attempts >= limits::AUTH_ATTEMPTS {
            return false;
        }
        let (uri, _) = leg.dialog.path();
        let Some(lines) = self.authorize_leg(leg, message, &what.method, &uri, what.attempts) else { return false };
        what.attempts += 1;
        what.headers.retain(|(known, _)| !matches!(known, Name::Authorization | Name::ProxyAuthorization));
        what.headers.extend(lines);
        let Some(client) = self.send_in_dialog(now, &mut leg.dialog, what) else { return false };
        if let Some(ours) = leg.ours.as_mut().filter(|ours| ours.client == Some(id)) {
            ours.client = Some(client);
        }
        true
    }

    /// The leg that a Replaces value names, as seen from here.
    pub fn resolve(&self, replaces: &Replaces) -> Option<LegId> {
        let id = *self.by_tag.get(replaces.to_tag.as_str())?;
        let leg = self.legs.get(&id)?;
        leg.dialog.is_of(&replaces.call_id, Some(&replaces.from_tag)).then_some(id)
    }
}
