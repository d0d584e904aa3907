use std::borrow::Cow;

use super::Message;
use crate::sip::header::{HeaderError, Method, Name, NameAddr, Via, number};
use crate::sip::limits;
use crate::sip::uri::Scheme;
use crate::sip::wire::Start;

/// What to do with a message that must not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer; `None` drops the message: responses and ACK are never answered.
    pub status: Option<u16>,
    /// Why: for the log, and for the reason phrase of the answer.
    pub reason: Cow<'static, str>,
}

impl Refusal {
    /// 400 with a reason.
    pub fn bad_request(reason: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status: Some(400), reason: reason.into() }
    }

    fn drop(reason: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status: None, reason: reason.into() }
    }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Refusal::bad_request(error.to_string())
    }
}

impl Message {
    /// Checks what every layer above relies on: the mandatory headers are there, once, and readable; so are Route,
    /// Record-Route and Contact; CSeq names the method; the body is as long as announced (RFC 3261 §8.1.1, §16.3, §18.3).
    ///
    /// After that the typed accessors of these headers do not fail.
    pub fn validate(&self) -> Result<(), Refusal> {
        let checked = self.check();
        match self.method() {
            Some(method) if *method != Method::Ack => checked,
            _ => checked.map_err(|refusal| Refusal::drop(refusal.reason)),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.header(Name::Via).is_none() {
            return Err(Refusal::drop("no Via"));
        }
        if let Start::Request { version_ok: false, .. } = self.start {
            return Err(Refusal { status: Some(505), reason: "Version Not Supported".into() });
        }
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.check_counts()?;
        self.check_mandatory()?;
        if self.is_request() {
            self.check_request_uri()?;
        }
        self.check_lists()
    }

    fn check_counts(&self) -> Result<(), Refusal> {
        let mut seen = [false; 256];
        for entry in self.index.iter().filter(|entry| entry.name.is_single()) {
            // Content-Length twice with one value was let pass while reading; everything else may stand once.
            let before = std::mem::replace(&mut seen[entry.name as usize & 255], true);
            if before && entry.name != Name::ContentLength {
                return Err(Refusal::bad_request(format!("more than one {}", entry.name)));
            }
        }
        Ok(())
    }

    fn check_mandatory(&self) -> Result<(), Refusal> {
        self.via()?;
        self.from()?;
        self.to()?;
        if self.call_id().is_empty() || self.call_id().contains([' ', '\t', ',', ';']) {
            return Err(Refusal::bad_request("bad Call-ID"));
        }
        let cseq = self.cseq()?;
        if self.method().is_some_and(|method| *method != cseq.method) {
            return Err(Refusal::bad_request(format!("CSeq method {} differs", cseq.method)));
        }
        if let Some(text) = self.header(Name::MaxForwards) {
            number::<u8>(text)?;
        }
        Ok(())
    }

    fn check_request_uri(&self) -> Result<(), Refusal> {
        let uri = self.uri()?;
        if matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) && uri.has_headers() {
            return Err(Refusal::bad_request("headers in Request-URI"));
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), Refusal> {
        for (place, via) in self.headers(Name::Via).enumerate() {
            if place >= limits::VIAS {
                return Err(Refusal { status: Some(483), reason: "Too Many Hops".into() });
            }
            Via::parse(via)?;
        }
        for name in [Name::Route, Name::RecordRoute] {
            for value in self.headers(name) {
                NameAddr::parse(value)?;
            }
        }
        self.contacts()?;
        Ok(())
    }
}
