//! Answering challenges (RFC 3261 §22).

use rand::RngCore;

use super::UserAgent;
use super::action::Login;
use super::leg::Leg;
use crate::sip::auth::DigestClient;
use crate::sip::header::{Method, Name};
use crate::sip::message::Message;

/// Header lines that carry credentials.
pub(crate) type Lines = Vec<(Name, String)>;

impl Login {
    pub(crate) fn client(&self) -> DigestClient {
        DigestClient::new(&self.user, &self.password)
    }
}

impl UserAgent {
    /// The lines that answer a 401 or 407; `None` if it can't or should not be answered. `tries`: how often the request
    /// was sent with credentials before.
    pub(crate) fn authorize(
        &mut self,
        digest: &mut DigestClient,
        challenge: &Message,
        method: &Method,
        uri: &str,
        tries: u8,
    ) -> Option<Lines> {
        digest.challenge(challenge, u32::from(tries)).ok()?;
        let cnonce = format!("{:016x}", self.random.next_u64());
        Some(digest.authorize(method, uri, &cnonce)).filter(|lines| !lines.is_empty())
    }

    /// The same with a leg's credentials.
    pub(crate) fn authorize_leg(&mut self, leg: &mut Leg, challenge: &Message, method: &Method, uri: &str, tries: u8) -> Option<Lines> {
        let mut digest = leg.digest.take()?;
        let lines = self.authorize(&mut digest, challenge, method, uri, tries);
        leg.digest = Some(digest);
        lines
    }

    /// Credentials for a request of a leg whose peer has asked for them before.
    pub(crate) fn known_credentials(&mut self, leg: &mut Leg, method: &Method) -> Lines {
        let (uri, _) = leg.dialog.path();
        let Some(digest) = leg.digest.as_mut().filter(|digest| digest.is_challenged()) else { return Lines::new() };
        let cnonce = format!("{:016x}", self.random.next_u64());
        digest.authorize(method, &uri, &cnonce)
    }
}
