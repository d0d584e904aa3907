//! Answering challenges (RFC 3261 §22).

use super::UserAgent;
use super::action::Credentials;
use crate::sip::header::{Method, Name};
use crate::sip::message::Message;

impl UserAgent {
    /// The header that answers a 401 or 407; `None` if it can't or should not be answered.
    pub(crate) fn authorize(
        &mut self,
        _credentials: &Credentials,
        _challenge: &Message,
        _method: &Method,
        _uri: &str,
        _body: &[u8],
        _attempt: u8,
    ) -> Option<(Name, String)> {
        None
    }
}
