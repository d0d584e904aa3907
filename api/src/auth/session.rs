//! Page tickets and sessions, in memory: a restart signs every page out.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::secret::{self, NoRandomness};
use crate::limits;

/// Random secrets that end at a time, kept as fingerprints so that memory holds no secret. A lookup by fingerprint leaks no
/// timing about the secret itself.
#[derive(Debug)]
struct Pool {
    entries: Mutex<HashMap<[u8; 32], Instant>>,
    lifetime: Duration,
    most: usize,
}

impl Pool {
    fn new(lifetime: Duration, most: usize) -> Self {
        Pool { entries: Mutex::default(), lifetime, most }
    }

    fn issue(&self, now: Instant) -> Result<String, NoRandomness> {
        let secret = secret::base58(44)?;
        if let Ok(mut entries) = self.entries.lock() {
            entries.retain(|_, ends| *ends > now);
            while entries.len() >= self.most {
                let Some(oldest) = entries.iter().min_by_key(|(_, ends)| **ends).map(|(key, _)| *key) else { break };
                entries.remove(&oldest);
            }
            entries.insert(secret::fingerprint(&secret), now + self.lifetime);
        }
        Ok(secret)
    }

    fn holds(&self, secret: &str, now: Instant) -> bool {
        secret.len() <= limits::TOKEN_BYTES
            && self.entries.lock().is_ok_and(|entries| entries.get(&secret::fingerprint(secret)).is_some_and(|ends| *ends > now))
    }

    fn take(&self, secret: &str, now: Instant) -> bool {
        secret.len() <= limits::TOKEN_BYTES
            && self.entries.lock().is_ok_and(|mut entries| entries.remove(&secret::fingerprint(secret)).is_some_and(|ends| ends > now))
    }
}

/// Tickets that a link carries, and the sessions they are exchanged for.
#[derive(Debug)]
pub struct Sessions {
    tickets: Pool,
    sessions: Pool,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            tickets: Pool::new(limits::TICKET_LIFETIME, limits::TICKETS),
            sessions: Pool::new(limits::SESSION_LIFETIME, limits::SESSIONS),
        }
    }
}

impl Sessions {
    /// A ticket for one link: opens one session, within [`limits::TICKET_LIFETIME`].
    pub fn ticket(&self, now: Instant) -> Result<String, NoRandomness> {
        self.tickets.issue(now)
    }

    /// A session for a ticket; the ticket is used up.
    pub fn redeem(&self, ticket: &str, now: Instant) -> Result<Option<String>, NoRandomness> {
        if self.tickets.take(ticket, now) { self.open(now).map(Some) } else { Ok(None) }
    }

    /// A session for somebody who showed the token.
    pub fn open(&self, now: Instant) -> Result<String, NoRandomness> {
        self.sessions.issue(now)
    }

    /// Whether this session is open.
    pub fn holds(&self, session: &str, now: Instant) -> bool {
        self.sessions.holds(session, now)
    }

    /// Ends a session.
    pub fn close(&self, session: &str, now: Instant) {
        self.sessions.take(session, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_one_session_and_ends_in_time() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let ticket = sessions.ticket(now).unwrap();
        let session = sessions.redeem(&ticket, now).unwrap().expect("fresh");
        assert!(sessions.redeem(&ticket, now).unwrap().is_none(), "used up");
        assert!(sessions.holds(&session, now));
        assert!(!sessions.holds(&session, now + limits::SESSION_LIFETIME));
        let late = sessions.ticket(now).unwrap();
        assert!(sessions.redeem(&late, now + limits::TICKET_LIFETIME).unwrap().is_none());
    }
}
