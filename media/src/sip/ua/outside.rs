//! What stands outside of dialogs: OPTIONS and REGISTER from peers, REGISTER and OPTIONS of our own.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use smol_str::{SmolStr, format_smolstr};
use tandem_core::registration::Binding;
use tandem_core::{Flow, RequestId, Timestamp};

use super::action::{Login, RequestParams};
use super::auth::Lines;
use super::event::{ActionError, Registering, UaEvent};
use super::send::{ALLOW, EVENTS, SDP, SUPPORTED};
use super::uac::is_foreign;
use super::uas::unknown_extensions;
use super::{ClientUse, ServerUse, UserAgent, limits};
use crate::sip::auth::DigestClient;
use crate::sip::build::Request;
use crate::sip::header::{Method, Name};
use crate::sip::message::Message;
use crate::sip::registrar::{self, RegisterError};
use crate::sip::transaction::{ClientId, ServerId};
use crate::sip::uri::Uri;

/// A request of ours outside of dialogs.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) params: RequestParams,
    call_id: String,
    local_tag: SmolStr,
    cseq: u32,
    tries: u8,
    digest: Option<DigestClient>,
}

/// Answers a REGISTER without credentials before anything is kept or allocated for it.
pub trait Challenger: std::fmt::Debug + Send {
    /// Appends whole `WWW-Authenticate` lines, line ends included, for a REGISTER to this host; false leaves the request
    /// to the usual path.
    fn challenge(&mut self, now: Timestamp, flow: &Flow, host: &str, lines: &mut Vec<u8>) -> bool;
}

fn token_of(id: ServerId) -> RequestId {
    RequestId(id.to_bits())
}

/// From peers.
impl UserAgent {
    /// Lets REGISTERs without credentials be answered at once with 401.
    pub fn set_challenger(&mut self, challenger: Box<dyn Challenger>) {
        self.challenger = Some(challenger);
    }

    /// The short way of a REGISTER without credentials; true if it was answered. No transaction is kept: a repetition gets
    /// another 401, which is as good.
    pub(crate) fn challenge_at_once(&mut self, now: Timestamp, flow: Flow, message: &Message) -> bool {
        let shows_something = || [Name::Authorization, Name::ProxyAuthorization].iter().any(|name| message.header(*name).is_some());
        if message.method() != Some(&Method::Register) || shows_something() {
            return false;
        }
        let Some(challenger) = &mut self.challenger else { return false };
        let (Ok(mut via), Some(from), Some(to), Some(cseq)) =
            (message.via(), message.header(Name::From), message.header(Name::To), message.header(Name::CSeq))
        else {
            return false;
        };
        let call_id = message.call_id();
        if call_id.is_empty() || to.contains("tag=") {
            return false;
        }
        let mut lines = Vec::with_capacity(320);
        if !challenger.challenge(now, &flow, host_of(message.uri_text()), &mut lines) {
            return false;
        }
        let reply = super::receive::reply_flow(flow, &via);
        via.note_source(flow.remote);
        let via = via.to_string();
        let tag = format_smolstr!("{:016x}", self.keys.stateless_tag(call_id, None, 0));
        let mut out = BytesMut::with_capacity(lines.len() + via.len() + from.len() + to.len() + call_id.len() + cseq.len() + 160);
        let mut put = |parts: [&str; 3]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        put(["SIP/2.0 401 Unauthorized\r\nVia: ", &via, "\r\n"]);
        for further in message.headers(Name::Via).skip(1) {
            put(["Via: ", further, "\r\n"]);
        }
        put(["From: ", from, "\r\nTo: "]);
        put([to, ";tag=", &tag]);
        put(["\r\nCall-ID: ", call_id, "\r\nCSeq: "]);
        put([cseq, "\r\n", ""]);
        out.extend_from_slice(&lines);
        out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        self.tx.send(reply, out.freeze());
        true
    }

    pub(crate) fn answer_options(&mut self, now: Timestamp, id: ServerId, message: &Message) {
        if let Some(unknown) = unknown_extensions(message) {
            self.reply_with(now, id, message, 420, None, &[(Name::Unsupported, &unknown)]);
            return;
        }
        let headers = [(Name::Allow, ALLOW), (Name::Accept, SDP), (Name::Supported, SUPPORTED)];
        self.reply_with(now, id, message, 200, None, &headers);
    }

    /// SUBSCRIBE: there is nothing to subscribe to but transfers, and those only by REFER (RFC 6665 §4.2.1).
    pub(crate) fn refuse_event(&mut self, now: Timestamp, id: ServerId, message: &Message) {
        self.reply_with(now, id, message, 489, None, &[(Name::AllowEvents, EVENTS)]);
    }

    pub(crate) fn register_came(&mut self, now: Timestamp, flow: Flow, id: ServerId, message: Message) {
        if let Some(unknown) = unknown_extensions(&message) {
            self.reply_with(now, id, &message, 420, None, &[(Name::Unsupported, &unknown)]);
            return;
        }
        let register = match registrar::read(&message, flow, &self.config.expiry) {
            Ok(register) => register,
            Err(RegisterError::TooBrief(_)) => {
                let least = self.config.expiry.least.as_secs().to_string();
                self.reply_with(now, id, &message, 423, None, &[(Name::MinExpires, &least)]);
                return;
            }
            Err(RegisterError::Bad(_)) => {
                self.reply(now, id, &message, 400, None);
                return;
            }
        };
        let user = message.to().ok().and_then(|to| to.uri.user_decoded().map(SmolStr::new));
        let host = message.uri().ok().and_then(|uri| uri.host().map(|host| SmolStr::new(host.to_string())));
        let (Some(user), Some(host)) = (user, host) else {
            self.reply(now, id, &message, 404, None);
            return;
        };
        if let Some(held) = self.tx.server(id) {
            *held = ServerUse::Held(Box::new(message.clone()));
        }
        self.events.push_back(UaEvent::Register(Box::new(Registering { token: token_of(id), register, user, host, request: message })));
    }

    /// The REGISTER that is about to be answered, which ends its being kept: the transaction lives on for half a minute.
    fn take_held(&mut self, token: RequestId) -> Result<(ServerId, Box<Message>), ActionError> {
        let id = ServerId::from_bits(token.0);
        let missing = ActionError::NoSuchRequest(token);
        let held = self.tx.server(id).filter(|held| matches!(held, ServerUse::Held(_))).ok_or(missing)?;
        match std::mem::replace(held, ServerUse::Nothing) {
            ServerUse::Held(message) => Ok((id, message)),
            _ => Err(ActionError::NoSuchRequest(token)),
        }
    }

    /// Answers a REGISTER: 200 with all bindings of the address now.
    pub fn register_reply(&mut self, now: Timestamp, token: RequestId, bindings: &[Binding]) -> Result<(), ActionError> {
        let (id, message) = self.take_held(token)?;
        let Some(flow) = self.tx.server_flow(id) else { return Err(ActionError::NoSuchRequest(token)) };
        let tag = self.new_tag();
        let mut response = self.response(&message, &flow, 200, Some(&tag));
        for binding in bindings {
            response.headers.push(Name::Contact, registrar::write(binding, now));
        }
        if message.header(Name::Path).is_some() {
            // RFC 3327 §5.3: what was stored is said.
            response.headers.copy(Name::Path, &message);
            response.headers.push(Name::Supported, "path");
        }
        self.tx.respond(now, id, 200, response.encode());
        self.settle(now);
        Ok(())
    }

    /// Refuses a REGISTER.
    pub fn register_refuse(&mut self, now: Timestamp, token: RequestId, status: u16, headers: &[(Name, &str)]) -> Result<(), ActionError> {
        if !(300..=699).contains(&status) {
            return Err(ActionError::Status(status));
        }
        let (id, message) = self.take_held(token)?;
        self.reply_with(now, id, &message, status, None, headers);
        self.settle(now);
        Ok(())
    }

    /// Asks for credentials of a REGISTER: 401 with these WWW-Authenticate values.
    pub fn challenge_register(&mut self, now: Timestamp, token: RequestId, challenges: &[String]) -> Result<(), ActionError> {
        let headers: SmallVec<[(Name, &str); 2]> = challenges.iter().map(|value| (Name::WwwAuthenticate, value.as_str())).collect();
        self.register_refuse(now, token, 401, &headers)
    }
}

/// The host of a Request-URI without parsing it: `sip:` and a possible user part in front, port and parameters behind.
fn host_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let end = if rest.starts_with('[') { rest.find(']').map(|at| at + 1) } else { rest.find([':', ';', '?']) };
    rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)
}

/// Our own.
impl UserAgent {
    /// Sends a request outside of any dialog; `RequestDone` tells how it went. Challenges are answered in between.
    pub fn request_outside(&mut self, now: Timestamp, params: RequestParams) -> Result<(), ActionError> {
        Uri::parse(&params.uri).map_err(|_| ActionError::Text(params.uri.clone()))?;
        let call_id = params.call_id.clone().unwrap_or_else(|| self.new_call_id());
        let own = Own {
            call_id,
            local_tag: self.new_tag(),
            cseq: params.cseq,
            tries: 0,
            digest: params.credentials.as_ref().map(Login::client),
            params,
        };
        self.send_own(now, own, Lines::new()).ok_or(ActionError::Full(self.config.transactions))?;
        self.settle(now);
        Ok(())
    }

    fn send_own(&mut self, now: Timestamp, own: Own, credentials: Lines) -> Option<ClientId> {
        let branch = self.new_branch();
        let params = &own.params;
        let mut request = Request::new(params.method.clone(), Uri::parse(&params.uri).ok()?);
        let headers = &mut request.headers;
        headers.push(Name::Via, self.via(&params.flow, branch));
        headers.push(Name::MaxForwards, 70);
        for route in &params.routes {
            headers.push(Name::Route, route);
        }
        headers.push(Name::From, params.from.clone().with_tag(&own.local_tag));
        headers.push(Name::To, &params.to);
        headers.push(Name::CallId, &own.call_id);
        headers.push(Name::CSeq, format_args!("{} {}", own.cseq, params.method));
        if let Some(user) = &params.contact_user {
            headers.push(Name::Contact, self.contact(&params.flow, user));
        }
        headers.push(Name::Supported, SUPPORTED);
        self.product(headers, Name::UserAgent);
        for (name, value) in params.headers.iter().filter(|(name, _)| is_foreign(name)) {
            headers.push_extension(name, value);
        }
        for (name, value) in credentials {
            headers.push(name, value);
        }
        let (flow, bytes): (Flow, Bytes) = (params.flow, request.encode());
        self.tx.start(now, branch, false, flow, bytes, ClientUse::Own(Box::new(own)))
    }

    pub(crate) fn own_done(&mut self, now: Timestamp, id: ClientId, status: u16, message: Option<&Message>) {
        let Some(ClientUse::Own(own)) = self.tx.client(id) else { return };
        let (token, tries) = (own.params.token, own.tries);
        if let (401 | 407, Some(message), Some(mut digest)) = (status, message, own.digest.take())
            && tries < limits::AUTH_ATTEMPTS
        {
            let (params, call_id, local_tag) = (own.params.clone(), own.call_id.clone(), own.local_tag.clone());
            let cseq = own.cseq.saturating_add(1);
            if let Some(lines) = self.authorize(&mut digest, message, &params.method, &params.uri, tries) {
                let again = Own { params, call_id, local_tag, cseq, tries: tries + 1, digest: Some(digest) };
                if self.send_own(now, again, lines).is_some() {
                    return;
                }
            }
        }
        self.events.push_back(UaEvent::RequestDone { token, status, response: message.cloned().map(Box::new) });
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_of_a_request_uri_is_found_without_parsing() {
        for (uri, host) in [
            ("sip:example.com", "example.com"),
            ("sip:example.com:5070;transport=tcp", "example.com"),
            ("sips:u:p@example.com;x", "example.com"),
            ("sip:[2001:db8::1]:5060", "[2001:db8::1]"),
            ("nonsense", "nonsense"),
            ("", ""),
        ] {
            assert_eq!(host_of(uri), host);
        }
    }
}
