//! What a message means, and who deals with it.

use std::net::SocketAddr;

use bytes::Bytes;
use smol_str::format_smolstr;
use tandem_core::{Flow, LegId, Timestamp, Transport};

use super::leg::{Leg, Stage};
use super::send::{ALLOW, ack_of_refusal};
use super::{ClientUse, ServerUse, UserAgent, limits};
use crate::sip::header::{Method, Name, NameAddr, Via};
use crate::sip::message::Message;
use crate::sip::transaction::{AckFor, Branch, Incoming, KeyParts, ServerId, ServerKey};
use crate::sip::wire;

/// What every layer asks of a request, read once.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) cseq: u32,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    via: Via,
    /// Where responses go.
    pub(crate) reply: Flow,
}

impl Head {
    fn read(message: &Message, flow: Flow) -> Option<Head> {
        let via = message.via().ok()?;
        Some(Head {
            method: message.method()?.clone(),
            cseq: message.cseq().ok()?.number,
            from: message.from().ok()?,
            to: message.to().ok()?,
            reply: reply_flow(flow, &via),
            via,
        })
    }

    /// Names the transaction; INVITE's for an ACK and for what a CANCEL cancels.
    fn key(&self, ua: &UserAgent, message: &Message, method: &Method) -> ServerKey {
        let host = self.via.sent_by.host.to_string();
        ua.keys.key(&KeyParts {
            branch: self.via.branch(),
            sent_by: &host,
            port: self.via.sent_by.port,
            method: method.as_str(),
            uri: message.uri_text(),
            call_id: message.call_id(),
            from_tag: self.from.tag(),
            cseq: self.cseq,
        })
    }
}

/// Responses go back to where the request came from: on the same connection, or to its address, and for datagrams
/// without `rport` to the port that Via names (RFC 3261 §18.2.2, RFC 3581 §4).
pub(crate) fn reply_flow(flow: Flow, via: &Via) -> Flow {
    if flow.transport != Transport::Udp || via.wants_rport() {
        return flow;
    }
    Flow { remote: SocketAddr::new(flow.remote.ip(), via.sent_by.port.unwrap_or(5060)), ..flow }
}

impl UserAgent {
    /// Takes one message as it came along a flow.
    pub fn receive(&mut self, now: Timestamp, flow: Flow, bytes: Bytes) {
        // What is no message has no sender to answer to.
        if let Ok(message) = wire::parse(bytes) {
            self.receive_message(now, flow, message);
        }
    }

    /// Takes one message that was read already.
    pub fn receive_message(&mut self, now: Timestamp, flow: Flow, message: Message) {
        if self.challenge_at_once(now, flow, &message) {
            return;
        }
        if let Err(refusal) = message.validate() {
            if let Some(status) = refusal.status {
                self.refuse_stateless(&message, flow, status, Some(&refusal.reason), &[]);
            }
            return;
        }
        if message.is_request() {
            self.request(now, flow, message);
        } else {
            self.response_came(now, message);
        }
        self.settle(now);
    }

    /// Answers without keeping anything: the tag is the same for each repetition (RFC 3261 §8.2.7).
    pub(crate) fn refuse_stateless(&mut self, request: &Message, flow: Flow, status: u16, reason: Option<&str>, headers: &[(Name, &str)]) {
        let from_tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned));
        let cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let tag = format_smolstr!("{:016x}", self.keys.stateless_tag(request.call_id(), from_tag.as_deref(), cseq));
        let flow = request.via().map_or(flow, |via| reply_flow(flow, &via));
        let mut response = self.response(request, &flow, status, Some(&tag));
        if let Some(reason) = reason {
            response = response.with_reason(reason);
        }
        for (name, value) in headers {
            response.headers.push(*name, value);
        }
        self.tx.send(flow, response.encode());
    }

    fn request(&mut self, now: Timestamp, flow: Flow, message: Message) {
        let Some(head) = Head::read(&message, flow) else { return };
        match head.method {
            Method::Ack => {
                let key = head.key(self, &message, &Method::Invite);
                if self.tx.ack(now, key) == AckFor::Dialog {
                    self.ack_came(now, &head, &message);
                }
            }
            Method::Cancel => {
                let key = head.key(self, &message, &Method::Cancel);
                if let Some(id) = self.begin(now, flow, &head, &message, key) {
                    let invite = self.tx.server_of(head.key(self, &message, &Method::Invite));
                    self.cancel_came(now, id, invite, &message);
                }
            }
            _ => {
                let key = head.key(self, &message, &head.method);
                if let Some(id) = self.begin(now, flow, &head, &message, key) {
                    self.dispatch(now, flow, id, head, message);
                }
            }
        }
    }

    /// Begins a server transaction, unless the request is a repetition or can't be taken.
    fn begin(&mut self, now: Timestamp, flow: Flow, head: &Head, message: &Message, key: ServerKey) -> Option<ServerId> {
        // Only an INVITE that came twice does harm; phones that repeat a REGISTER under the same number do none.
        let outside = head.to.tag().is_none() && head.method == Method::Invite;
        let merge = outside.then(|| self.keys.merge_key(head.method.as_str(), message.call_id(), head.from.tag(), head.cseq));
        match self.tx.incoming(now, key, merge, head.method == Method::Invite, head.reply, ServerUse::Nothing) {
            Incoming::New(id) => Some(id),
            Incoming::Repeated => None,
            Incoming::Merged => {
                self.refuse_stateless(message, flow, 482, None, &[]);
                None
            }
            Incoming::Full => {
                let after = limits::OVERLOAD_RETRY_AFTER_S.to_string();
                self.refuse_stateless(message, flow, 503, None, &[(Name::RetryAfter, &after)]);
                None
            }
        }
    }

    fn dispatch(&mut self, now: Timestamp, flow: Flow, id: ServerId, head: Head, message: Message) {
        if head.to.tag().is_some() {
            return self.in_dialog(now, flow, id, &head, message);
        }
        match &head.method {
            Method::Invite => self.offered(now, flow, id, &head, message),
            Method::Options => self.answer_options(now, id, &message),
            Method::Register => self.register_came(now, flow, id, message),
            Method::Subscribe => self.refuse_event(now, id, &message),
            // In dialogs only.
            Method::Bye | Method::Prack | Method::Update | Method::Info | Method::Notify => {
                self.reply(now, id, &message, 481, None);
            }
            _ => self.refuse_method(now, id, &message),
        }
    }

    /// A method that we don't know (501) or don't take here (405); §8.2.1.
    fn refuse_method(&mut self, now: Timestamp, id: ServerId, message: &Message) {
        let status = if matches!(message.method(), Some(Method::Other(_))) { 501 } else { 405 };
        self.reply_with(now, id, message, status, None, &[(Name::Allow, ALLOW)]);
    }

    /// The leg that a request with our tag belongs to.
    pub(crate) fn leg_of(&self, message: &Message, head: &Head) -> Option<LegId> {
        let id = *self.by_tag.get(head.to.tag()?)?;
        let leg = self.legs.get(&id)?;
        let known = match &leg.stage {
            Stage::Inviting(inviting) => {
                leg.dialog.call_id == message.call_id() && inviting.early.iter().any(|early| Some(early.tag.as_str()) == head.from.tag())
            }
            _ => leg.dialog.is_of(message.call_id(), head.from.tag()),
        };
        known.then_some(id)
    }

    fn in_dialog(&mut self, now: Timestamp, flow: Flow, id: ServerId, head: &Head, message: Message) {
        let Some(leg) = self.leg_of(&message, head) else {
            self.reply(now, id, &message, 481, None);
            return;
        };
        self.with(leg, |ua, leg| {
            if leg.dialog.take_cseq(head.cseq).is_err() {
                ua.reply(now, id, &message, 500, None);
                return;
            }
            leg.dialog.flow = flow;
            ua.in_leg(now, id, head, leg, message);
        });
    }

    fn in_leg(&mut self, now: Timestamp, id: ServerId, head: &Head, leg: &mut Leg, message: Message) {
        match &head.method {
            Method::Bye => self.bye_came(now, id, leg, &message),
            Method::Invite | Method::Update => self.change_came(now, id, head, leg, message),
            Method::Refer => self.refer_came(now, id, head, leg, message),
            Method::Info => self.info_came(now, id, leg, &message),
            Method::Options => self.answer_options(now, id, &message),
            // We subscribe to nothing, and nobody can subscribe to a call.
            Method::Notify | Method::Subscribe => self.refuse_event(now, id, &message),
            Method::Prack => self.prack_came(now, id, leg, &message),
            _ => self.refuse_method(now, id, &message),
        }
    }

    fn response_came(&mut self, now: Timestamp, message: Message) {
        let (Ok(via), Ok(cseq), Some(status)) = (message.via(), message.cseq(), message.status()) else { return };
        let branch = via.branch().and_then(|text| Branch::read(text, cseq.method == Method::Cancel));
        let Some(id) = branch.and_then(|branch| self.tx.client_of(branch)) else { return };
        let of_this_method = match self.tx.client(id) {
            Some(ClientUse::Invite(_)) => cseq.method == Method::Invite,
            Some(ClientUse::Request(request)) => cseq.method == request.method,
            Some(ClientUse::Own(own)) => cseq.method == own.params.method,
            Some(ClientUse::Cancel) => cseq.method == Method::Cancel,
            None => false,
        };
        if !of_this_method || !self.tx.response(now, id, status, |invite| ack_of_refusal(invite, &message)) {
            return;
        }
        match self.tx.client(id) {
            Some(ClientUse::Invite(_)) => match status {
                100..=199 => self.invite_progress(now, id, status, &message),
                200..=299 => self.invite_accepted(now, id, &message),
                _ => self.invite_refused(now, id, status, Some(&message)),
            },
            Some(ClientUse::Request(_)) if status >= 200 => self.request_done(now, id, status, Some(&message)),
            Some(ClientUse::Own(_)) if status >= 200 => self.own_done(now, id, status, Some(&message)),
            _ => {}
        }
    }
}
