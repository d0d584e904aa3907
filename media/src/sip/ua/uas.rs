//! Being invited: from the INVITE to the ACK for our answer.

use bytes::Bytes;
use smallvec::SmallVec;
use tandem_core::{Cause, DialogRecord, Flow, LegId, Party, Timestamp};

use super::event::{ActionError, Offered, UaEvent};
use super::leg::{Leg, LegTimer, Offering, Stage, Unacked};
use super::reason;
use super::receive::Head;
use super::reliable::Reliable;
use super::send::{ALLOW, SDP, SUPPORTED, sdp_of};
use super::{ServerUse, UserAgent, limits};
use crate::sip::build::Response;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::session_timer::Agreement;
use crate::sip::header::{Method, Name};
use crate::sip::message::Message;
use crate::sip::transaction::ServerId;
use crate::sip::uri::Scheme;

/// Why an INVITE is refused before anybody hears of it.
struct Refused {
    status: u16,
    headers: SmallVec<[(Name, String); 1]>,
}

impl Refused {
    fn status(status: u16) -> Self {
        Refused { status, headers: SmallVec::new() }
    }

    fn with(mut self, name: Name, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Extensions that a peer may require of us.
const KNOWN_EXTENSIONS: [&str; 5] = ["replaces", "timer", "path", "norefersub", "100rel"];

/// The extensions that a request requires and we don't know (RFC 3261 §8.2.2.3).
pub(crate) fn unknown_extensions(request: &Message) -> Option<String> {
    let unknown: Vec<&str> =
        request.headers(Name::Require).filter(|wanted| !KNOWN_EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(wanted))).collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

/// Refuses what RFC 3261 §8.2 refuses of any request that begins something.
fn check(request: &Message) -> Result<(), Refused> {
    if request.max_forwards() == Some(0) {
        return Err(Refused::status(483));
    }
    if let Some(unknown) = unknown_extensions(request) {
        return Err(Refused::status(420).with(Name::Unsupported, unknown));
    }
    if request.has_token(Name::Require, "100rel") && sdp_of(request).is_none() {
        // The first reliable response would have to carry our offer (RFC 3262 §5), which only the answer has.
        return Err(Refused::status(420).with(Name::Unsupported, "100rel"));
    }
    let encoded = request.header(Name::ContentEncoding).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    if !request.body().is_empty() && (encoded || sdp_of(request).is_none()) {
        return Err(Refused::status(415).with(Name::Accept, SDP));
    }
    Ok(())
}

impl UserAgent {
    /// An INVITE outside any dialog.
    pub(crate) fn offered(&mut self, now: Timestamp, flow: Flow, server: ServerId, head: &Head, request: Message) {
        if self.legs.len() >= self.config.legs {
            let after = limits::OVERLOAD_RETRY_AFTER_S.to_string();
            self.reply_with(now, server, &request, 503, None, &[(Name::RetryAfter, &after)]);
            return;
        }
        let tag = self.new_tag();
        let cseq = self.first_cseq();
        let checked = check(&request).and_then(|()| self.check_session(&request)).and_then(|()| self.find_replaced(&request));
        let made = checked.and_then(|replaces| {
            let dialog = Dialog::from_request(&request, tag.clone(), cseq, flow).map_err(|_| Refused::status(400))?;
            Ok((replaces, dialog))
        });
        match made {
            Ok((replaces, dialog)) => self.offer(now, server, head, request, dialog, replaces),
            Err(refused) => {
                let headers: SmallVec<[(Name, &str); 1]> = refused.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                self.reply_with(now, server, &request, refused.status, Some(&tag), &headers);
            }
        }
    }

    fn check_session(&self, request: &Message) -> Result<(), Refused> {
        match self.session_asked(request) {
            Agreement::TooSmall => Err(Refused::status(422).with(Name::MinSe, self.config.session.least.as_secs().to_string())),
            _ => Ok(()),
        }
    }

    /// The leg that Replaces names (RFC 3891 §3).
    fn find_replaced(&self, request: &Message) -> Result<Option<LegId>, Refused> {
        let Some(replaces) = request.replaces() else { return Ok(None) };
        let replaces = replaces.map_err(|_| Refused::status(400))?;
        let leg = self.resolve(&replaces).ok_or(Refused::status(481))?;
        let confirmed = self.legs.get(&leg).is_some_and(|leg| matches!(leg.stage, Stage::Standing));
        if replaces.early_only && confirmed {
            return Err(Refused::status(486));
        }
        Ok(Some(leg))
    }

    fn offer(&mut self, now: Timestamp, server: ServerId, head: &Head, request: Message, dialog: Dialog, replaces: Option<LegId>) {
        let id = self.ids.leg();
        if let Some(user) = self.tx.server(server) {
            *user = ServerUse::Leg(id);
        }
        let uri = request.uri().ok();
        let user = uri.as_ref().and_then(|uri| uri.user().map(str::to_owned)).unwrap_or_default();
        let contact = self.contact_for(&dialog.flow, &user, uri.is_some_and(|uri| *uri.scheme() == Scheme::Sips));
        let sdp = sdp_of(&request);
        let offered = Offered {
            leg: id,
            flow: dialog.flow,
            request: request.clone(),
            sdp: sdp.clone(),
            dialog: dialog.record(),
            replaces,
            max_forwards: request.max_forwards().unwrap_or(70).saturating_sub(1),
        };
        let peer_updates = request.has_token(Name::Allow, "UPDATE");
        debug_assert_eq!(head.method, Method::Invite);
        let first = self.first_cseq();
        let reliable = request.has_token(Name::Require, "100rel").then(|| Reliable::new(first));
        let stage = Stage::Offered(Box::new(Offering { server, request, provisional: None, reliable }));
        let mut leg = Leg::new(id, dialog, stage, contact, false);
        leg.remote_sdp = sdp;
        leg.peer_updates = peer_updates;
        self.arm(&mut leg, LegTimer::Setup, now + limits::LONGEST_SETUP);
        self.adopt(leg);
        self.events.push_back(UaEvent::Offered(Box::new(offered)));
    }

    /// A response to the leg's INVITE that names the dialog (RFC 3261 §12.1.1).
    pub(crate) fn dialog_response(&self, leg: &Leg, offering: &Offering, status: u16) -> Response {
        let flow = self.tx.server_flow(offering.server).unwrap_or(leg.dialog.flow);
        let mut response = self.response(&offering.request, &flow, status, Some(&leg.dialog.local_tag));
        response.headers.copy(Name::RecordRoute, &offering.request);
        response.headers.push(Name::Contact, &leg.contact);
        response.headers.push(Name::Allow, ALLOW);
        response
    }

    /// Tells the caller that it rings: 180 without session description.
    pub fn ring(&mut self, now: Timestamp, leg: LegId) -> Result<(), ActionError> {
        self.progress(now, leg, 180, None)
    }

    /// Sends a provisional response, 101 to 199; with a session description the caller hears early media.
    pub fn progress(&mut self, now: Timestamp, leg: LegId, status: u16, sdp: Option<Bytes>) -> Result<(), ActionError> {
        if !(101..=199).contains(&status) {
            return Err(ActionError::Status(status));
        }
        self.act(now, leg, |ua, leg| {
            let Stage::Offered(offering) = &leg.stage else { return Err(leg.wrong("ring", "it is not being offered")) };
            if offering.reliable.is_some() {
                ua.progress_reliably(now, leg, status, sdp)?;
                ua.arm(leg, LegTimer::StillRinging, now + limits::PROVISIONAL_EVERY);
                return Ok(());
            }
            let mut response = ua.dialog_response(leg, offering, status);
            if let Some(sdp) = &sdp {
                response = response.with_body(SDP, sdp.clone());
            }
            let bytes = response.encode();
            ua.tx.respond(now, offering.server, status, bytes.clone());
            if let Stage::Offered(offering) = &mut leg.stage {
                offering.provisional = Some((status, bytes));
            }
            leg.local_sdp = sdp.or(leg.local_sdp.take());
            ua.arm(leg, LegTimer::StillRinging, now + limits::PROVISIONAL_EVERY);
            Ok(())
        })
    }

    pub(crate) fn still_ringing(&mut self, now: Timestamp, leg: &mut Leg) {
        let Stage::Offered(offering) = &leg.stage else { return };
        let Some((status, bytes)) = offering.provisional.clone() else { return };
        self.tx.respond(now, offering.server, status, bytes);
        self.arm(leg, LegTimer::StillRinging, now + limits::PROVISIONAL_EVERY);
    }

    /// Answers the caller: 200 with our answer, or with our offer if the INVITE had none.
    pub fn answer(&mut self, now: Timestamp, leg: LegId, sdp: Bytes) -> Result<DialogRecord, ActionError> {
        self.act(now, leg, |ua, leg| ua.answer_leg(now, leg, sdp))
    }

    pub(crate) fn answer_leg(&mut self, now: Timestamp, leg: &mut Leg, sdp: Bytes) -> Result<DialogRecord, ActionError> {
        let Stage::Offered(offering) = &mut leg.stage else { return Err(leg.wrong("answer", "it is not being offered")) };
        let mut answered = false;
        if let Some(reliable) = &mut offering.reliable {
            if reliable.hold_answer(&sdp) {
                return Ok(leg.dialog.record());
            }
            answered = reliable.answered;
        }
        let Stage::Offered(offering) = &leg.stage else { return Err(leg.wrong("answer", "it is not being offered")) };
        let (server, request) = (offering.server, offering.request.clone());
        let mut response = self.dialog_response(leg, offering, 200).with(Name::Supported, SUPPORTED);
        if !answered {
            response = response.with_body(SDP, sdp.clone());
            leg.local_sdp = Some(sdp);
        }
        let late = sdp_of(&request).is_none();
        let cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let flow = self.tx.server_flow(server).unwrap_or(leg.dialog.flow);
        self.grant_session(now, leg, &request, &mut response);
        let bytes = response.encode();
        if !self.tx.respond(now, server, 200, bytes.clone()) {
            return Err(leg.wrong("answer", "its transaction is over"));
        }
        for timer in [LegTimer::Setup, LegTimer::StillRinging, LegTimer::RepeatProvisional] {
            self.disarm(leg, timer);
        }
        leg.stage = Stage::Standing;
        self.await_ack(now, leg, bytes, flow, cseq, late, false);
        Ok(leg.dialog.record())
    }

    /// Repeats a 2xx until its ACK comes, on any transport, as the ACK comes from the far end (RFC 3261 §13.3.1.4).
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn await_ack(&mut self, now: Timestamp, leg: &mut Leg, bytes: Bytes, flow: Flow, cseq: u32, offer: bool, again: bool) {
        let timers = self.config.timers;
        leg.unacked = Some(Unacked { bytes, flow, cseq, interval: timers.t1, deadline: now + timers.t1_64(), offer, again });
        self.arm(leg, LegTimer::RepeatAnswer, now + timers.t1);
    }

    pub(crate) fn repeat_answer(&mut self, now: Timestamp, leg: &mut Leg) {
        let t2 = self.config.timers.t2;
        let Some(unacked) = &mut leg.unacked else { return };
        if now >= unacked.deadline {
            leg.unacked = None;
            let cause = leg.release.take().unwrap_or_else(|| Cause::sip(408, Party::System).because("no ACK for the answer"));
            return self.hang_up(now, leg, cause);
        }
        unacked.interval = unacked.interval.saturating_mul(2).min(t2);
        let (flow, bytes) = (unacked.flow, unacked.bytes.clone());
        let next = (now + unacked.interval).min(unacked.deadline);
        self.tx.send(flow, bytes);
        self.arm(leg, LegTimer::RepeatAnswer, next);
    }

    /// An ACK that belongs to no refusal.
    pub(crate) fn ack_came(&mut self, now: Timestamp, head: &Head, message: &Message) {
        let Some(leg) = self.leg_of(message, head) else { return };
        self.with(leg, |ua, leg| {
            let Some(unacked) = leg.unacked.take_if(|unacked| unacked.cseq == head.cseq) else { return };
            ua.disarm(leg, LegTimer::RepeatAnswer);
            let sdp = sdp_of(message).filter(|_| unacked.offer);
            if sdp.is_some() {
                leg.remote_sdp.clone_from(&sdp);
            }
            if let Some(cause) = leg.release.take() {
                return ua.hang_up(now, leg, cause);
            }
            match (unacked.again, unacked.offer) {
                (false, _) => ua.events.push_back(UaEvent::Confirmed { leg: leg.id, sdp }),
                (true, true) => ua.events.push_back(UaEvent::ReofferAnswered { leg: leg.id, result: Ok(sdp), needs_answer: false }),
                (true, false) => {}
            }
            ua.try_ours(now, leg);
        });
    }

    /// Refuses the caller with a status from 300 on and further headers such as Retry-After. The leg ends.
    pub fn refuse(&mut self, now: Timestamp, leg: LegId, status: u16, headers: &[(Name, &str)]) -> Result<(), ActionError> {
        if !(300..=699).contains(&status) {
            return Err(ActionError::Status(status));
        }
        self.act(now, leg, |ua, leg| ua.refuse_leg(now, leg, status, headers, Cause::sip(status, Party::System)))
    }

    /// Asks for credentials: 401 with these WWW-Authenticate values. The leg is forgotten as if it never was: no event
    /// follows; the caller's next INVITE is another leg.
    pub fn challenge(&mut self, now: Timestamp, leg: LegId, challenges: &[String]) -> Result<(), ActionError> {
        let headers: SmallVec<[(Name, &str); 2]> = challenges.iter().map(|value| (Name::WwwAuthenticate, value.as_str())).collect();
        self.act(now, leg, |ua, leg| {
            ua.refuse_leg(now, leg, 401, &headers, Cause::sip(401, Party::System))?;
            // The end that was just told is taken back.
            ua.events.pop_back();
            Ok(())
        })
    }

    pub(crate) fn refuse_leg(
        &mut self,
        now: Timestamp,
        leg: &mut Leg,
        status: u16,
        headers: &[(Name, &str)],
        cause: Cause,
    ) -> Result<(), ActionError> {
        let Stage::Offered(offering) = &leg.stage else { return Err(leg.wrong("refuse", "it is not being offered")) };
        let (server, request) = (offering.server, offering.request.clone());
        self.reply_with(now, server, &request, status, Some(&leg.dialog.local_tag), headers);
        self.end(now, leg, cause, None);
        Ok(())
    }

    /// A CANCEL (RFC 3261 §9.2).
    pub(crate) fn cancel_came(&mut self, now: Timestamp, id: ServerId, invite: Option<ServerId>, message: &Message) {
        let Some(invite) = invite else {
            self.reply(now, id, message, 481, None);
            return;
        };
        let leg = self.server_leg(invite);
        let tag = leg.and_then(|leg| self.legs.get(&leg)).map(|leg| leg.dialog.local_tag.clone());
        self.reply(now, id, message, 200, tag.as_deref());
        let Some(leg) = leg else { return };
        self.with(leg, |ua, leg| match &leg.stage {
            Stage::Offered(offering) if offering.server == invite => {
                let mut cause = reason::read(487, &message.reasons());
                cause.sip = 487;
                // Ends with 487 for the INVITE; after our 2xx there is nothing left to cancel.
                ua.end(now, leg, cause, None);
            }
            _ => {
                if let Some(theirs) = leg.theirs.take_if(|theirs| theirs.server == invite) {
                    ua.reply(now, theirs.server, &theirs.request, 487, None);
                }
            }
        });
    }

    /// A BYE (RFC 3261 §15.1.2).
    pub(crate) fn bye_came(&mut self, now: Timestamp, id: ServerId, leg: &mut Leg, message: &Message) {
        if matches!(leg.stage, Stage::Inviting(_)) {
            // The called side may not hang up before it answered (§15).
            self.reply(now, id, message, 481, None);
            return;
        }
        self.reply(now, id, message, 200, None);
        let cause = match &leg.stage {
            Stage::Ending(cause) => cause.clone(),
            _ => leg.release.take().unwrap_or_else(|| reason::read(200, &message.reasons())),
        };
        self.end(now, leg, cause, None);
    }
}
