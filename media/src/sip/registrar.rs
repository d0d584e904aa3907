//! Registrations (RFC 3261 §10.3): a REGISTER as data, and bindings as an answer. Bindings themselves live in the core.

use std::time::Duration;

use smol_str::SmolStr;
use tandem_core::registration::{Binding, ContactUpdate, RegisterRequest};
use tandem_core::{Flow, Timestamp};

use super::header::{Contact, Contacts, Name};
use super::message::Message;

/// What registrations may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryLimits {
    /// Shorter ones are refused with 423.
    pub least: Duration,
    /// For those that name none.
    pub default: Duration,
    /// Longer ones are shortened.
    pub most: Duration,
    /// Contacts in one REGISTER; more are refused.
    pub contacts: usize,
}

impl Default for ExpiryLimits {
    fn default() -> Self {
        // A minute is the least that NAT bindings ask for; an hour is what RFC 3261 §10.2.1.1 takes for normal.
        ExpiryLimits { least: Duration::from_secs(60), default: Duration::from_secs(3600), most: Duration::from_secs(7200), contacts: 20 }
    }
}

/// Why a REGISTER is refused before anybody looks at whose it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Answered with 400.
    #[error("{0}")]
    Bad(&'static str),
    /// Answered with 423 and Min-Expires.
    #[error("expiry of {0} s is too short")]
    TooBrief(u32),
}

/// Reads a REGISTER. Expiries lie within the limits afterwards.
pub fn read(request: &Message, flow: Flow, limits: &ExpiryLimits) -> Result<RegisterRequest, RegisterError> {
    let (contacts, remove_all) = match request.contacts().map_err(|_| RegisterError::Bad("bad Contact"))? {
        Contacts::Star if request.expires() == Some(0) => (Vec::new(), true),
        // §10.2.2: `*` is for removing only.
        Contacts::Star => return Err(RegisterError::Bad("Contact * without Expires 0")),
        Contacts::List(list) if list.len() > limits.contacts => return Err(RegisterError::Bad("too many contacts")),
        Contacts::List(list) => (list.iter().map(|contact| update(contact, request.expires(), limits)).collect::<Result<_, _>>()?, false),
    };
    Ok(RegisterRequest {
        contacts,
        remove_all,
        call_id: request.call_id().to_owned(),
        cseq: request.cseq().map_err(|_| RegisterError::Bad("bad CSeq"))?.number,
        path: request.headers(Name::Path).map(str::to_owned).collect(),
        flow,
        user_agent: request.header(Name::UserAgent).map(|text| text.chars().take(120).collect::<SmolStr>()),
    })
}

fn update(contact: &Contact, expires: Option<u32>, limits: &ExpiryLimits) -> Result<ContactUpdate, RegisterError> {
    let asked = contact.expires.or(expires);
    let expires = match asked {
        None => limits.default,
        Some(0) => Duration::ZERO,
        Some(seconds) if Duration::from_secs(u64::from(seconds)) < limits.least => return Err(RegisterError::TooBrief(seconds)),
        Some(seconds) => Duration::from_secs(u64::from(seconds)).min(limits.most),
    };
    Ok(ContactUpdate {
        contact: contact.address.uri.as_str().to_owned(),
        expires,
        q: contact.q,
        instance: contact.instance().map(str::to_owned),
    })
}

/// One Contact value of a 200 (§10.3 step 8).
pub fn write(binding: &Binding, now: Timestamp) -> String {
    // Rounded up: a phone that refreshes at the last second is still in time.
    let left = binding.expires.since(now).as_millis().div_ceil(1000);
    let mut value = format!("<{}>;expires={left}", binding.contact);
    if binding.q < 1000 {
        value.push_str(&format!(";q=0.{:03}", binding.q));
    }
    if let Some(instance) = &binding.instance {
        let clean: String = instance.chars().filter(|c| !matches!(c, '"' | '\\' | '<' | '>') && !c.is_control()).collect();
        value.push_str(&format!(";+sip.instance=\"<{clean}>\""));
    }
    value
}
