use std::fmt;
use std::time::Duration;

use tandem_core::{TenantId, Timestamp};

use super::hash::{Algorithm, Ha1, Qop, hmac};
use super::nonce::{NonceMaker, NonceState, Nonces};
use super::params::DigestParams;
use crate::sip::header::Method;
use crate::sip::limits;

/// Where the secrets of phones are.
pub trait Credentials {
    /// The secret of a user for its tenant's realm.
    fn ha1(&self, tenant: &TenantId, user: &str, algorithm: Algorithm) -> Option<Ha1>;
}

/// What is asked of clients.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Algorithms to offer, the preferred first (RFC 8760 §2.3). Some old clients look at the first challenge only; others give
    /// up on a response with any challenge that they don't know, wherever it stands (baresip 1.0 does, measured): for them
    /// it has to be [`Algorithm::Md5`] alone.
    pub algorithms: Vec<Algorithm>,
    /// Take answers without qop (RFC 2069) to MD5 challenges. They can be replayed as long as the nonce lives.
    pub allow_legacy: bool,
    /// How long a nonce lives.
    pub nonce_lifetime: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig { algorithms: vec![Algorithm::Sha256, Algorithm::Md5], allow_legacy: false, nonce_lifetime: limits::NONCE_LIFETIME }
    }
}

/// What a request's credentials are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is this user.
    Accepted {
        /// The digest user name.
        user: String,
    },
    /// No credentials for this realm: challenge.
    Missing,
    /// Right but for the nonce, which is too old or was used with this count: challenge with `stale=true`.
    Stale,
    /// Wrong, or for a user that doesn't exist: challenge again, and count it.
    Wrong {
        /// The user name they were for.
        user: String,
    },
}

/// Challenges requests and checks what they answer. Holds no state per challenge, and a bounded one per nonce in use.
pub struct DigestServer {
    config: ServerConfig,
    nonces: Nonces,
}

impl DigestServer {
    /// `key`: 32 random bytes, new at each start, so that nonces of an earlier run are foreign.
    pub fn new(config: ServerConfig, key: [u8; 32]) -> DigestServer {
        let nonces = Nonces::new(key, config.nonce_lifetime);
        DigestServer { config, nonces }
    }

    /// Values for WWW-Authenticate (or Proxy-Authenticate), one header line each, in this order.
    pub fn challenges(&mut self, now: Timestamp, realm: &str, stale: bool) -> Vec<String> {
        let nonce = self.nonces.maker().make(now, realm);
        let realm = quotable(realm);
        self.config.algorithms.iter().map(|algorithm| challenge(&realm, nonce.as_str(), *algorithm, stale)).collect()
    }

    /// Challenges for this realm by somebody else; their answers are checked here.
    pub fn challenger(&self, realm: &str) -> FirstChallenge {
        FirstChallenge {
            nonces: self.nonces.maker().clone(),
            quotable: quotable(realm),
            realm: realm.to_owned(),
            algorithms: self.config.algorithms.clone(),
        }
    }

    /// Checks the Authorization (or Proxy-Authorization) lines of a request.
    ///
    /// The `uri` parameter is hashed as sent and not compared with the Request-URI: phones write it in ways of their own, and a
    /// used nonce count can't be used for another request anyway.
    pub fn check<'a>(
        &mut self,
        now: Timestamp,
        realm: &str,
        tenant: &TenantId,
        method: &Method,
        lines: impl Iterator<Item = &'a str>,
        credentials: &dyn Credentials,
    ) -> Verdict {
        let ours = |params: &DigestParams<'_>| params.text("realm").is_some_and(|theirs| theirs == realm);
        let Some(params) = lines.take(limits::CHALLENGES).filter_map(DigestParams::parse).find(ours) else { return Verdict::Missing };
        let Some(answer) = self.read(&params) else { return Verdict::Missing };
        let serial = match self.nonces.state(now, realm, answer.nonce) {
            NonceState::Fresh { serial } => Some(serial),
            NonceState::Expired => None,
            NonceState::Foreign => return Verdict::Missing,
        };
        // A user that doesn't exist costs the same and gets the same answer as a wrong password.
        let known = credentials.ha1(tenant, &answer.user, answer.algorithm).filter(|secret| secret.algorithm() == answer.algorithm);
        let secret = known.unwrap_or_else(|| self.nobody(&answer));
        let qop = answer.qop.map(|(_, qop)| qop);
        let right = secret.response(answer.nonce, qop, method.as_str(), answer.uri).matches(answer.response);
        if !right || known.is_none() {
            return Verdict::Wrong { user: answer.user };
        }
        match (serial, answer.qop) {
            (None, _) => Verdict::Stale,
            (Some(serial), Some((nc, _))) if !self.nonces.use_once(serial, nc) => Verdict::Stale,
            _ => Verdict::Accepted { user: answer.user },
        }
    }

    fn nobody(&self, answer: &Answer<'_>) -> Ha1 {
        let bytes = hmac(self.nonces.key(), &[b"nobody", answer.user.as_bytes()]);
        let len = if answer.algorithm == Algorithm::Md5 { 16 } else { 32 };
        Ha1::from_bytes(answer.algorithm, bytes.get(..len).unwrap_or(&bytes))
    }

    fn read<'a>(&self, params: &DigestParams<'a>) -> Option<Answer<'a>> {
        let algorithm = params.get("algorithm").map_or(Some(Algorithm::Md5), Algorithm::parse)?;
        if !self.config.algorithms.contains(&algorithm) {
            return None;
        }
        let qop = match params.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let (nc, cnonce) = (params.get("nc")?, params.get("cnonce")?);
                let count = u32::from_str_radix(nc, 16).ok().filter(|_| nc.len() == 8)?;
                Some((count, Qop { nc, cnonce }))
            }
            Some(_) => return None,
            None if self.config.allow_legacy && algorithm == Algorithm::Md5 => None,
            None => return None,
        };
        Some(Answer {
            user: params.text("username")?.into_owned(),
            nonce: params.get("nonce")?,
            uri: params.get("uri")?,
            response: params.get("response")?,
            algorithm,
            qop,
        })
    }
}

/// A realm as it may stand between quotation marks.
fn quotable(realm: &str) -> String {
    realm.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}

fn challenge(realm: &str, nonce: &str, algorithm: Algorithm, stale: bool) -> String {
    let stale = if stale { ", stale=true" } else { "" };
    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}", algorithm.as_str())
}

/// Writes challenges to those who have shown nothing yet, apart from the [`DigestServer`] that checks what they answer.
pub struct FirstChallenge {
    nonces: NonceMaker,
    realm: String,
    quotable: String,
    algorithms: Vec<Algorithm>,
}

impl FirstChallenge {
    /// Appends whole `WWW-Authenticate` lines, line ends included.
    pub fn write(&self, now: Timestamp, lines: &mut Vec<u8>) {
        let nonce = self.nonces.make(now, &self.realm);
        for algorithm in &self.algorithms {
            let value = challenge(&self.quotable, nonce.as_str(), *algorithm, false);
            for part in ["WWW-Authenticate: ", &value, "\r\n"] {
                lines.extend_from_slice(part.as_bytes());
            }
        }
    }
}

impl fmt::Debug for FirstChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstChallenge").field("realm", &self.realm).field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

struct Answer<'a> {
    user: String,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    algorithm: Algorithm,
    qop: Option<(u32, Qop<'a>)>,
}
