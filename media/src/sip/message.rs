//! A received message: an index over its bytes, and typed values on demand.

mod check;
mod convert;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

pub use check::Refusal;
pub use convert::ConvertError;
pub(crate) use convert::rsip_header;

use super::header::{
    CSeq, Contact, Contacts, Event, HeaderError, Method, Name, NameAddr, Reason, ReferTo, Replaces, RetryAfter, SessionExpires,
    SubscriptionState, Via, number, split_list, trim,
};
use super::limits;
use super::uri::Uri;
use super::wire::{Entry, Index, Start};

/// A message as [`super::wire::parse`] read it. Cheap to clone but for its index.
///
/// Nothing but its frame is checked: call [`Message::validate`] before anything else.
#[derive(Clone)]
pub struct Message {
    bytes: Bytes,
    start: Start,
    index: Index,
    body: (usize, usize),
    fault: Option<Refusal>,
}

impl Message {
    pub(crate) fn from_parts(bytes: Bytes, start: Start, index: Index, body: (usize, usize), fault: Option<Refusal>) -> Message {
        Message { bytes, start, index, body, fault }
    }

    fn text(&self, range: (u16, u16)) -> &str {
        let bytes = self.bytes.get(usize::from(range.0)..usize::from(range.1)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// It is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&Method> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// The Request-URI as written; empty for responses.
    pub fn uri_text(&self) -> &str {
        match self.start {
            Start::Request { uri, .. } => self.text(uri),
            Start::Response { .. } => "",
        }
    }

    /// The Request-URI.
    pub fn uri(&self) -> Result<Uri, HeaderError> {
        Ok(Uri::parse(self.uri_text())?)
    }

    /// The status of a response, 100 to 699.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Response { status, .. } => Some(status),
            Start::Request { .. } => None,
        }
    }

    /// The reason phrase of a response as written; empty for requests.
    pub fn reason_phrase(&self) -> &str {
        match self.start {
            Start::Response { reason, .. } => self.text(reason),
            Start::Request { .. } => "",
        }
    }

    /// Header lines of a name as they came (folds as blanks), commas and all.
    pub fn lines(&self, name: Name) -> impl Iterator<Item = &str> {
        self.index.iter().filter(move |entry| entry.name == name).map(|entry| self.text(entry.value))
    }

    /// All header lines: name, name as written, value as written.
    pub fn all_lines(&self) -> impl Iterator<Item = (Name, &str, &str)> {
        self.index.iter().map(|Entry { name, label, value }| (*name, self.text(*label), self.text(*value)))
    }

    /// The first value of a header.
    pub fn header(&self, name: Name) -> Option<&str> {
        if name.is_list() { self.headers(name).next() } else { self.lines(name).next() }
    }

    /// All values of a header; those of list headers split at commas.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &str> {
        let list = name.is_list();
        let rest = self.lines(name).flat_map(move |line| {
            let (whole, list) = if list { (None, Some(split_list(line))) } else { (Some(line), None) };
            whole.into_iter().chain(list.into_iter().flatten())
        });
        rest.take(limits::LIST_VALUES)
    }

    /// The first line of a header that [`Name`] doesn't know.
    pub fn extension(&self, name: &str) -> Option<&str> {
        let mut lines = self.index.iter().filter(|entry| entry.name == Name::Other);
        lines.find(|entry| self.text(entry.label).eq_ignore_ascii_case(name)).map(|entry| self.text(entry.value))
    }

    /// A value that has to be there.
    fn need(&self, name: Name) -> Result<&str, HeaderError> {
        self.header(name).ok_or_else(|| HeaderError::Missing { what: name.as_str(), text: self.summary() })
    }

    /// The topmost Via.
    pub fn via(&self) -> Result<Via, HeaderError> {
        Via::parse(self.need(Name::Via)?)
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        NameAddr::parse(self.need(Name::From)?)
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        NameAddr::parse(self.need(Name::To)?)
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        CSeq::parse(self.need(Name::CSeq)?)
    }

    /// Call-ID; empty if missing, which [`Message::validate`] refuses.
    pub fn call_id(&self) -> &str {
        self.header(Name::CallId).unwrap_or_default()
    }

    /// All Contact values.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        let values = || self.headers(Name::Contact);
        if values().any(|value| value == "*") {
            return match values().count() {
                1 => Ok(Contacts::Star),
                _ => Err(HeaderError::Address("* beside other contacts".to_owned())),
            };
        }
        values().map(Contact::parse).collect::<Result<Vec<_>, _>>().map(Contacts::List)
    }

    /// The address of the only or first Contact: the remote target of a dialog.
    pub fn contact(&self) -> Result<Option<Contact>, HeaderError> {
        self.header(Name::Contact).map(Contact::parse).transpose()
    }

    /// All values of an address header: Route, Record-Route, Path, P-Asserted-Identity, Diversion, …
    pub fn addresses(&self, name: Name) -> Result<Vec<NameAddr>, HeaderError> {
        self.headers(name).map(NameAddr::parse).collect()
    }

    /// Route values in their order.
    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.addresses(Name::Route)
    }

    /// Record-Route values in their order.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.addresses(Name::RecordRoute)
    }

    /// Max-Forwards, if it is there and a number up to 255.
    pub fn max_forwards(&self) -> Option<u8> {
        self.header(Name::MaxForwards).and_then(|text| number(text).ok())
    }

    /// Expires in seconds. One that is not a number of 32 bits counts as 3600 (RFC 3261 §20.19).
    pub fn expires(&self) -> Option<u32> {
        self.header(Name::Expires).map(|text| number(text).unwrap_or(3600))
    }

    /// Min-Expires in seconds.
    pub fn min_expires(&self) -> Option<u32> {
        self.header(Name::MinExpires).and_then(|text| number(text).ok())
    }

    /// Refer-To.
    pub fn refer_to(&self) -> Option<Result<ReferTo, HeaderError>> {
        self.header(Name::ReferTo).map(ReferTo::parse)
    }

    /// Replaces.
    pub fn replaces(&self) -> Option<Result<Replaces, HeaderError>> {
        self.header(Name::Replaces).map(Replaces::parse)
    }

    /// Reason values that can be read.
    pub fn reasons(&self) -> Vec<Reason> {
        self.headers(Name::Reason).filter_map(|text| Reason::parse(text).ok()).collect()
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Option<Result<SessionExpires, HeaderError>> {
        self.header(Name::SessionExpires).map(SessionExpires::parse)
    }

    /// Min-SE in seconds.
    pub fn min_se(&self) -> Option<u32> {
        self.header(Name::MinSe).and_then(|text| SessionExpires::parse(text).ok()).map(|value| value.seconds)
    }

    /// Subscription-State.
    pub fn subscription_state(&self) -> Option<Result<SubscriptionState, HeaderError>> {
        self.header(Name::SubscriptionState).map(SubscriptionState::parse)
    }

    /// Event.
    pub fn event(&self) -> Option<Result<Event, HeaderError>> {
        self.header(Name::Event).map(Event::parse)
    }

    /// Retry-After in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        self.header(Name::RetryAfter).and_then(|text| RetryAfter::parse(text).ok()).map(|value| value.seconds)
    }

    /// A list header of tokens (Supported, Require, Allow, …) has this one.
    pub fn has_token(&self, name: Name, token: &str) -> bool {
        self.headers(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// Privacy (RFC 3323) asks for `what` (`id`, `user`, `header`, …).
    pub fn wants_privacy(&self, what: &str) -> bool {
        self.lines(Name::Privacy).flat_map(|line| line.split(';')).any(|value| trim(value).eq_ignore_ascii_case(what))
    }

    /// Content-Type without parameters, as written.
    pub fn content_type(&self) -> Option<&str> {
        self.header(Name::ContentType).map(|text| trim(text.split(';').next().unwrap_or_default()))
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body.0..self.body.1).unwrap_or_default()
    }

    /// The body, sharing the message's memory.
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice(self.body.0..self.body.1)
    }

    /// The session description, if there is one: the body, or the first such part of a multipart body.
    pub fn sdp(&self) -> Option<Cow<'_, str>> {
        const SDP: &str = "application/sdp";
        let kind = self.content_type()?;
        if kind.eq_ignore_ascii_case(SDP) {
            return Some(String::from_utf8_lossy(self.body()));
        }
        if !kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) {
            return None;
        }
        convert::part_of_type(self.header(Name::ContentType)?, self.body(), SDP).map(String::from_utf8_lossy)
    }

    /// The bytes as they came, folds as blanks; with what stood behind the body of a datagram.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The start line, shortened, for logs and errors.
    pub fn summary(&self) -> String {
        let text = match &self.start {
            Start::Request { method, .. } => format!("{method} {}", self.uri_text()),
            Start::Response { status, .. } => format!("{status} {}", self.reason_phrase()),
        };
        text.chars().take(120).filter(|c| !c.is_control()).collect()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No headers: they may hold credentials.
        write!(f, "Message({}, Call-ID {}, {} headers, body {})", self.summary(), self.call_id(), self.index.len(), self.body().len())
    }
}
