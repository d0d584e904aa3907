//! How messages are made.

use bytes::Bytes;
use tandem_core::{Flow, LegId, Timestamp, Transport};

use super::leg::Leg;
use super::{ClientUse, InviteUse, UserAgent};
use crate::sip::build::{Headers, Request, Response};
use crate::sip::dialog::Dialog;
use crate::sip::header::{Method, Name, Reason};
use crate::sip::message::Message;
use crate::sip::transaction::{Branch, ClientId, ServerId};
use crate::sip::uri::Uri;
use crate::sip::wire;

/// Methods that we take in one place or another.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REFER, NOTIFY, REGISTER";
/// Extensions that we know (RFC 3891, 4028, 3327, 4488).
pub(crate) const SUPPORTED: &str = "replaces, timer, path, norefersub";
/// Event packages that we send (RFC 3515).
pub(crate) const EVENTS: &str = "refer";
/// Content-Type of a session description.
pub(crate) const SDP: &str = "application/sdp";

/// A request in a dialog other than INVITE, ACK and CANCEL.
#[derive(Debug, Clone)]
pub(crate) struct InDialog {
    /// The leg; none for a dialog that never became one.
    pub(crate) leg: Option<LegId>,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(Name, String)>,
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) attempts: u8,
}

impl InDialog {
    pub(crate) fn new(leg: Option<LegId>, method: Method) -> Self {
        InDialog { leg, method, headers: Vec::new(), body: None, attempts: 0 }
    }

    pub(crate) fn with(mut self, name: Name, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
        Transport::Ws => "WS",
        Transport::Wss => "WSS",
    }
}

impl UserAgent {
    /// Via of a request of ours.
    pub(crate) fn via(&self, flow: &Flow, branch: Branch) -> String {
        let rport = if flow.transport == Transport::Udp { ";rport" } else { "" };
        format!("SIP/2.0/{} {};branch={}{rport}", transport_name(flow.transport), self.config.advertised(flow), branch.text())
    }

    /// Our Contact on a flow.
    pub(crate) fn contact(&self, flow: &Flow, user: &str) -> String {
        let address = self.config.advertised(flow);
        let at = if user.is_empty() { "" } else { "@" };
        let transport = match flow.transport {
            Transport::Udp => return format!("<sip:{user}{at}{address}>"),
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            // The parameter has one value for both kinds (RFC 7118 §5.2.3).
            Transport::Ws | Transport::Wss => "ws",
        };
        format!("<sip:{user}{at}{address};transport={transport}>")
    }

    /// Our Contact in a dialog whose INVITE asked for `sips:`: it has to be one, too (RFC 3261 §8.1.1.8, §12.1.1). The scheme says
    /// that it is TLS then (RFC 5630 §3.1.4).
    pub(crate) fn contact_for(&self, flow: &Flow, user: &str, secure: bool) -> String {
        let contact = self.contact(flow, user);
        match flow.transport {
            Transport::Tls | Transport::Wss if secure => contact.replacen("<sip:", "<sips:", 1).replacen(";transport=tls", "", 1),
            _ => contact,
        }
    }

    /// A request in a dialog, without what its method adds. `None` if the peer's Contact can't be a Request-URI.
    pub(crate) fn dialog_request(&self, dialog: &Dialog, method: Method, cseq: u32, branch: Branch) -> Option<Request> {
        let (uri, routes) = dialog.path();
        let mut request = Request::new(method, Uri::parse(&uri).ok()?);
        let headers = &mut request.headers;
        headers.push(Name::Via, self.via(&dialog.flow, branch));
        headers.push(Name::MaxForwards, 70);
        for route in routes {
            headers.push(Name::Route, route);
        }
        headers.push(Name::From, dialog.local_with_tag());
        headers.push(Name::To, dialog.remote_with_tag());
        headers.push(Name::CallId, &dialog.call_id);
        headers.push(Name::CSeq, format_args!("{cseq} {}", request.method));
        self.product(headers, Name::UserAgent);
        Some(request)
    }

    pub(crate) fn product(&self, headers: &mut Headers, name: Name) {
        if !self.config.product.is_empty() {
            headers.push(name, &self.config.product);
        }
    }

    /// Sends a request in a dialog. `None`: the table is full.
    pub(crate) fn send_in_dialog(&mut self, now: Timestamp, dialog: &mut Dialog, what: InDialog) -> Option<ClientId> {
        let (branch, cseq) = (self.new_branch(), dialog.next_cseq());
        let mut request = self.dialog_request(dialog, what.method.clone(), cseq, branch)?;
        for (name, value) in &what.headers {
            request.headers.push(*name, value);
        }
        if let Some((kind, body)) = &what.body {
            request = request.with_body(kind, body.clone());
        }
        self.tx.start(now, branch, false, dialog.flow, request.encode(), ClientUse::Request(Box::new(what)))
    }

    /// Makes and sends the ACK for a 2xx (RFC 3261 §13.2.2.4) and keeps it for repetitions of that 2xx.
    pub(crate) fn send_ack(&mut self, id: ClientId, dialog: &Dialog, cseq: u32, sdp: Option<&Bytes>) {
        let branch = self.new_branch();
        let Some(mut request) = self.dialog_request(dialog, Method::Ack, cseq, branch) else { return };
        if let Some(sdp) = sdp {
            request = request.with_body(SDP, sdp.clone());
        }
        let bytes = request.encode();
        self.tx.send(dialog.flow, bytes.clone());
        if let Some(ClientUse::Invite(invite)) = self.tx.client(id) {
            invite.acks.push((dialog.remote_tag.clone().unwrap_or_default(), dialog.flow, bytes));
        }
    }

    /// Begins an INVITE transaction of a leg.
    pub(crate) fn start_invite(
        &mut self,
        now: Timestamp,
        leg: &Leg,
        initial: bool,
        branch: Branch,
        cseq: u32,
        bytes: Bytes,
    ) -> Option<ClientId> {
        let dialog = leg.dialog.clone();
        let invite = InviteUse { leg: leg.id, initial, dialog, cseq, acks: Default::default() };
        self.tx.start(now, branch, true, leg.dialog.flow, bytes, ClientUse::Invite(Box::new(invite)))
    }

    /// A response along `flow` (RFC 3261 §8.2.6.2, RFC 3581 §4).
    pub(crate) fn response(&self, request: &Message, flow: &Flow, status: u16, tag: Option<&str>) -> Response {
        let mut response = Response::to(request, flow.remote, status, tag);
        self.product(&mut response.headers, Name::Server);
        response
    }

    /// Answers a request with nothing but a status.
    pub(crate) fn reply(&mut self, now: Timestamp, id: ServerId, request: &Message, status: u16, tag: Option<&str>) -> bool {
        self.reply_with(now, id, request, status, tag, &[])
    }

    /// Answers a request with a status and headers.
    pub(crate) fn reply_with(
        &mut self,
        now: Timestamp,
        id: ServerId,
        request: &Message,
        status: u16,
        tag: Option<&str>,
        headers: &[(Name, &str)],
    ) -> bool {
        let Some(flow) = self.tx.server_flow(id) else { return false };
        let made;
        let tag = match tag {
            None if status > 100 => {
                made = self.new_tag();
                Some(made.as_str())
            }
            tag => tag.filter(|_| status > 100),
        };
        let mut response = self.response(request, &flow, status, tag);
        for (name, value) in headers {
            response.headers.push(*name, value);
        }
        self.tx.respond(now, id, status, response.encode())
    }
}

/// The ACK for a refused INVITE (RFC 3261 §17.1.1.3): of the same transaction, with the response's To.
pub(crate) fn ack_of_refusal(invite: &Bytes, response: &Message) -> Option<Bytes> {
    let invite = wire::parse(invite.clone()).ok()?;
    let to = response.header(Name::To)?;
    Some(same_transaction(&invite, Method::Ack, to)?.encode())
}

/// The CANCEL for an INVITE (RFC 3261 §9.1).
pub(crate) fn cancel_of(invite: &Bytes, reason: &Reason) -> Option<Bytes> {
    let invite = wire::parse(invite.clone()).ok()?;
    let to = invite.header(Name::To)?;
    Some(same_transaction(&invite, Method::Cancel, to)?.with(Name::Reason, reason).encode())
}

fn same_transaction(invite: &Message, method: Method, to: &str) -> Option<Request> {
    let mut request = Request::new(method, invite.uri().ok()?);
    let headers = &mut request.headers;
    headers.push(Name::Via, invite.header(Name::Via)?);
    headers.push(Name::MaxForwards, 70);
    headers.copy(Name::Route, invite);
    headers.push(Name::From, invite.header(Name::From)?);
    headers.push(Name::To, to);
    headers.push(Name::CallId, invite.call_id());
    headers.push(Name::CSeq, format_args!("{} {}", invite.cseq().ok()?.number, request.method));
    Some(request)
}

/// The session description of a message.
pub(crate) fn sdp_of(message: &Message) -> Option<Bytes> {
    match message.sdp()? {
        // The usual case shares the message's memory.
        std::borrow::Cow::Borrowed(text) if text.len() == message.body().len() => Some(message.body_bytes()),
        text => Some(Bytes::from(text.into_owned())),
    }
}
