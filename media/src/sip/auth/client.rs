use std::fmt;

use super::hash::{Algorithm, Ha1, Qop, ha1};
use super::params::DigestParams;
use crate::sip::header::{Method, Name};
use crate::sip::limits;
use crate::sip::message::Message;

/// Why a challenge can't be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nothing in it that we could answer.
    #[error("no digest challenge with MD5 or SHA-256 in the {0}")]
    NoChallenge(u16),
    /// Our answer was not accepted: wrong user or password.
    #[error("credentials for realm `{0}` refused")]
    Refused(String),
}

enum Secret {
    Password(String),
    /// One per algorithm, for one realm.
    Hashes(Vec<Ha1>),
}

struct Challenge {
    /// The header to answer with.
    header: Name,
    /// As written, escapes and all.
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The challenge said its algorithm, so the answer does.
    named: bool,
    qop: bool,
    /// Requests answered with this nonce.
    count: u32,
}

/// Answers challenges of one peer: a trunk's carrier, or a phone's registrar. Keeps the last challenge of each realm, so that
/// later requests carry credentials at once.
pub struct DigestClient {
    user: String,
    secret: Secret,
    challenges: Vec<Challenge>,
}

impl DigestClient {
    /// A client that knows its password.
    pub fn new(user: &str, password: &str) -> DigestClient {
        DigestClient { user: user.to_owned(), secret: Secret::Password(password.to_owned()), challenges: Vec::new() }
    }

    /// A client that knows only hashes for its peer's realm.
    pub fn with_hashes(user: &str, hashes: Vec<Ha1>) -> DigestClient {
        DigestClient { user: user.to_owned(), secret: Secret::Hashes(hashes), challenges: Vec::new() }
    }

    /// Takes the challenges of a 401 or 407. `tries`: how often the same request was sent with credentials before; a challenge
    /// that is not stale then means that they are wrong (RFC 3261 §22.1).
    pub fn challenge(&mut self, response: &Message, tries: u32) -> Result<(), ClientError> {
        let none = || ClientError::NoChallenge(response.status().unwrap_or_default());
        let mut taken = Vec::new();
        for (name, answer) in [(Name::WwwAuthenticate, Name::Authorization), (Name::ProxyAuthenticate, Name::ProxyAuthorization)] {
            for line in response.lines(name).take(limits::CHALLENGES) {
                let Some((challenge, stale)) = self.read(line, answer) else { continue };
                if tries > 0 && (!stale || tries > 2) {
                    return Err(ClientError::Refused(challenge.realm));
                }
                taken.push(challenge);
            }
        }
        if taken.is_empty() {
            return Err(none());
        }
        // Per realm the strongest, which the server's order may not tell.
        taken.sort_by_key(|challenge| challenge.algorithm != Algorithm::Sha256);
        for challenge in taken.iter() {
            self.challenges.retain(|old| old.header != challenge.header || old.realm != challenge.realm);
        }
        for challenge in taken {
            let better = self.challenges.iter().any(|other| other.header == challenge.header && other.realm == challenge.realm);
            if !better && self.challenges.len() < limits::CHALLENGES {
                self.challenges.push(challenge);
            }
        }
        Ok(())
    }

    fn read(&self, line: &str, header: Name) -> Option<(Challenge, bool)> {
        let params = DigestParams::parse(line)?;
        let algorithm = params.get("algorithm").map_or(Some(Algorithm::Md5), Algorithm::parse)?;
        let qop = match params.get("qop") {
            Some(list) => list.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")).then_some(true)?,
            None => false,
        };
        if let Secret::Hashes(hashes) = &self.secret
            && !hashes.iter().any(|hash| hash.algorithm() == algorithm)
        {
            return None;
        }
        let challenge = Challenge {
            header,
            realm: params.get("realm")?.to_owned(),
            nonce: params.get("nonce")?.to_owned(),
            opaque: params.get("opaque").map(str::to_owned),
            algorithm,
            named: params.get("algorithm").is_some(),
            qop,
            count: 0,
        };
        Some((challenge, params.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))))
    }

    /// There is a challenge to answer: requests can carry credentials.
    pub fn is_challenged(&self) -> bool {
        !self.challenges.is_empty()
    }

    /// Header lines for a request: one per realm. `uri` is the Request-URI as sent, `cnonce` a new random token.
    pub fn authorize(&mut self, method: &Method, uri: &str, cnonce: &str) -> Vec<(Name, String)> {
        let (user, secret) = (&self.user, &self.secret);
        let lines = self
            .challenges
            .iter_mut()
            .filter_map(|challenge| Some((challenge.header, challenge.answer(user, secret, method, uri, cnonce)?)));
        lines.collect()
    }

    /// Forgets all challenges, when the peer has changed.
    pub fn reset(&mut self) {
        self.challenges.clear();
    }
}

impl Challenge {
    fn answer(&mut self, user: &str, secret: &Secret, method: &Method, uri: &str, cnonce: &str) -> Option<String> {
        use fmt::Write as _;
        let hash = match secret {
            Secret::Password(password) => ha1(user, &crate::sip::header::unquote(&self.realm), password, self.algorithm),
            Secret::Hashes(hashes) => *hashes.iter().find(|hash| hash.algorithm() == self.algorithm)?,
        };
        self.count = self.count.saturating_add(1);
        let nc = format!("{:08x}", self.count);
        let qop = self.qop.then_some(Qop { nc: &nc, cnonce });
        let response = hash.response(&self.nonce, qop, method.as_str(), uri);
        let user = user.replace('\\', "\\\\").replace('"', "\\\"");
        let mut line = format!("Digest username=\"{user}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\"", self.realm, self.nonce);
        let _ = write!(line, ", response=\"{}\"", response.as_str());
        if self.named {
            let _ = write!(line, ", algorithm={}", self.algorithm.as_str());
        }
        if self.qop {
            let _ = write!(line, ", qop=auth, nc={nc}, cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(line, ", opaque=\"{opaque}\"");
        }
        Some(line)
    }
}

impl fmt::Debug for DigestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestClient({}, {} challenges)", self.user, self.challenges.len())
    }
}
