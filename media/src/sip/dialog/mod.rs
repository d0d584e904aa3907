//! Dialogs (RFC 3261 §12): what both sides must remember to speak in one, and the rules that keep it straight.

pub mod session_timer;
#[cfg(test)]
mod tests;

use smol_str::SmolStr;
use tandem_core::{DialogRecord, Flow};

use crate::sip::header::{Contacts, HeaderError, Name, NameAddr};
use crate::sip::message::Message;
use crate::sip::uri::Uri;

/// Why a message can't begin or continue a dialog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// A header that a dialog needs is missing.
    #[error("no {0}")]
    Missing(&'static str),
    /// A header is broken.
    #[error("{name}: {error}")]
    Broken {
        /// Which.
        name: &'static str,
        /// How.
        error: HeaderError,
    },
    /// A request came with a CSeq number that is not above the last one (RFC 3261 §12.2.2): answered with 500.
    #[error("CSeq {got} is not above {last}")]
    OutOfOrder {
        /// The number it had.
        got: u32,
        /// The number before.
        last: u32,
    },
}

/// One dialog, or, without a remote tag, what a dialog will grow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: SmolStr,
    /// The peer's tag; absent until it answered.
    pub remote_tag: Option<SmolStr>,
    /// Our From or To, without tag.
    pub local: String,
    /// The peer's From or To, without tag.
    pub remote: String,
    /// Where requests go: the peer's Contact.
    pub target: String,
    /// Route set in the order of use.
    pub routes: Vec<String>,
    /// CSeq of our last request.
    pub local_cseq: u32,
    /// CSeq of the peer's last request.
    pub remote_cseq: Option<u32>,
    /// The path of the peer's last request; ours go the same way.
    pub flow: Flow,
}

fn without_tag(address: &NameAddr) -> String {
    let mut address = address.clone();
    address.params.remove("tag");
    address.to_string()
}

/// The URI of the first Contact.
pub fn contact_uri(message: &Message) -> Result<Option<Uri>, DialogError> {
    let contacts = message.contacts().map_err(|error| DialogError::Broken { name: "Contact", error })?;
    Ok(match contacts {
        Contacts::Star => None,
        Contacts::List(list) => list.into_iter().next().map(|contact| contact.address.uri),
    })
}

impl Dialog {
    /// The server's side of an INVITE (RFC 3261 §12.1.1).
    pub fn from_request(request: &Message, local_tag: SmolStr, local_cseq: u32, flow: Flow) -> Result<Dialog, DialogError> {
        let from = request.from().map_err(|error| DialogError::Broken { name: "From", error })?;
        let to = request.to().map_err(|error| DialogError::Broken { name: "To", error })?;
        let cseq = request.cseq().map_err(|error| DialogError::Broken { name: "CSeq", error })?;
        let target = contact_uri(request)?.ok_or(DialogError::Missing("Contact"))?;
        Ok(Dialog {
            call_id: request.call_id().to_owned(),
            local_tag,
            remote_tag: from.tag().map(SmolStr::new),
            local: without_tag(&to),
            remote: without_tag(&from),
            target: target.as_str().to_owned(),
            routes: request.headers(Name::RecordRoute).map(str::to_owned).collect(),
            local_cseq,
            remote_cseq: Some(cseq.number),
            flow,
        })
    }

    /// The client's side: this template with what a response that names a dialog says (RFC 3261 §12.1.2).
    pub fn from_response(&self, response: &Message) -> Result<Dialog, DialogError> {
        let to = response.to().map_err(|error| DialogError::Broken { name: "To", error })?;
        let mut routes: Vec<String> = response.headers(Name::RecordRoute).map(str::to_owned).collect();
        routes.reverse();
        let target = contact_uri(response)?.map_or_else(|| self.target.clone(), |uri| uri.as_str().to_owned());
        Ok(Dialog { remote_tag: to.tag().map(SmolStr::new), remote: without_tag(&to), routes, target, ..self.clone() })
    }

    /// The number for our next request.
    pub fn next_cseq(&mut self) -> u32 {
        // Numbers stay below 2^31 (RFC 3261 §8.1.1.5); a dialog that ran through all of them starts over.
        self.local_cseq = if self.local_cseq >= (1 << 31) - 1 { 1 } else { self.local_cseq + 1 };
        self.local_cseq
    }

    /// Takes the number of the peer's next request (RFC 3261 §12.2.2).
    pub fn take_cseq(&mut self, got: u32) -> Result<(), DialogError> {
        match self.remote_cseq {
            Some(last) if got <= last => Err(DialogError::OutOfOrder { got, last }),
            _ => {
                self.remote_cseq = Some(got);
                Ok(())
            }
        }
    }

    /// Takes the Contact of a target refresh request or its answer (INVITE, UPDATE; RFC 3261 §12.2).
    pub fn refresh_target(&mut self, message: &Message) {
        if let Ok(Some(uri)) = contact_uri(message) {
            self.target = uri.as_str().to_owned();
        }
    }

    /// The message is of this dialog as seen by its server side: To is ours, From the peer's.
    pub fn is_of(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.call_id == call_id && self.remote_tag.as_deref() == remote_tag
    }

    /// From of our requests.
    pub fn local_with_tag(&self) -> String {
        format!("{};tag={}", self.local, self.local_tag)
    }

    /// To of our requests.
    pub fn remote_with_tag(&self) -> String {
        match &self.remote_tag {
            Some(tag) => format!("{};tag={tag}", self.remote),
            None => self.remote.clone(),
        }
    }

    /// Request-URI and Route values of our requests (RFC 3261 §12.2.1.1): a first route without `lr` is a strict router,
    /// which wants to see itself in the Request-URI and the target at the end.
    pub fn path(&self) -> (String, Vec<String>) {
        let first = self.routes.first().and_then(|route| NameAddr::parse(route).ok());
        match first {
            Some(first) if !first.uri.is_loose_router() => {
                let mut routes: Vec<String> = self.routes.iter().skip(1).cloned().collect();
                routes.push(format!("<{}>", self.target));
                (first.uri.as_str().to_owned(), routes)
            }
            _ => (self.target.clone(), self.routes.clone()),
        }
    }

    /// What the log keeps of it.
    pub fn record(&self) -> DialogRecord {
        DialogRecord {
            call_id: self.call_id.clone(),
            local_tag: self.local_tag.to_string(),
            remote_tag: self.remote_tag.as_ref().map(SmolStr::to_string),
            local_uri: self.local.clone(),
            remote_uri: self.remote.clone(),
            remote_target: self.target.clone(),
            route_set: self.routes.clone(),
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
            flow: self.flow,
        }
    }
}
