//! Guids: what a program shows after sign-in (cc-gateway.md §1.3, auth.md C4).
//!
//! A guid has 128 random bits. Sessions are found by the guid's SHA-256, so the time that a lookup takes says nothing about the guid,
//! and memory holds no guid that could be used.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use tandem_core::{TenantId, WorkNumber};

use super::limits;
use super::mailbox::Mailbox;
use crate::auth::secret::{self, NoRandomness};
use crate::config::GuidMode;

/// A signed-in program.
#[derive(Debug)]
pub(super) struct Session {
    /// Where its events come in.
    pub(super) mailbox: Arc<Mailbox>,
    /// Where it signed in from.
    pub(super) source: IpAddr,
    /// Milliseconds since the start of the registry, of the last sign of life.
    touched: AtomicU64,
    /// When the newest guid was issued, and its fingerprint.
    newest: Mutex<([u8; 32], Instant)>,
    /// The guid as pushes carry it. Only pushing sessions keep it.
    pub(super) push_guid: Option<String>,
}

impl Session {
    /// Whose tenant.
    pub(super) fn tenant(&self) -> &TenantId {
        &self.mailbox.tenant
    }

    /// Whose.
    pub(super) fn agent(&self) -> WorkNumber {
        self.mailbox.agent
    }
}

#[derive(Debug)]
struct Entry {
    session: Arc<Session>,
    /// When this guid stops being good: set once a newer one was issued.
    until: Option<Instant>,
}

/// Whose guid it is.
#[derive(Debug)]
pub(super) enum Found {
    /// A signed-in program's.
    Open(Arc<Session>),
    /// One of a session that is over.
    Over,
    /// Nobody's.
    Unknown,
}

/// All guids.
#[derive(Debug)]
pub(super) struct Sessions {
    guids: DashMap<[u8; 32], Entry>,
    mode: GuidMode,
    server: String,
    start: Instant,
}

impl Sessions {
    /// None yet.
    pub(super) fn new(mode: GuidMode, server: &str) -> Sessions {
        Sessions { guids: DashMap::new(), mode, server: server.to_owned(), start: Instant::now() }
    }

    fn clock(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }

    fn guid(&self) -> Result<(String, [u8; 32]), NoRandomness> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
        let hex = secret::hex(&bytes);
        let part = |range| hex.get(range).unwrap_or_default();
        let guid = format!("{}-{}-{}-{}-{}.{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32), self.server);
        let print = secret::fingerprint(&guid);
        Ok((guid, print))
    }

    /// A guid for a program that has signed an agent in. `None` if there are too many.
    pub(super) fn open(
        &self,
        mailbox: Arc<Mailbox>,
        pushes: bool,
        source: IpAddr,
        now: Instant,
    ) -> Result<Option<(String, Arc<Session>)>, NoRandomness> {
        if self.guids.len() >= limits::GUIDS {
            self.forget(now);
            if self.guids.len() >= limits::GUIDS {
                return Ok(None);
            }
        }
        let (guid, print) = self.guid()?;
        let touched = AtomicU64::new(self.clock(now));
        let push_guid = pushes.then(|| guid.clone());
        let session = Arc::new(Session { mailbox, source, touched, newest: Mutex::new((print, now)), push_guid });
        self.guids.insert(print, Entry { session: session.clone(), until: None });
        Ok(Some((guid, session)))
    }

    /// Looks a guid up.
    pub(super) fn find(&self, guid: &str, now: Instant) -> Found {
        if guid.len() > limits::GUID_BYTES {
            return Found::Unknown;
        }
        match self.guids.get(&secret::fingerprint(guid)) {
            Some(entry) if entry.session.mailbox.ended() => Found::Over,
            Some(entry) if entry.until.is_none_or(|until| now < until) => Found::Open(entry.session.clone()),
            _ => Found::Unknown,
        }
    }

    /// The open session of this agent that signed in from this address, if it is the only one.
    pub(super) fn of_source(&self, agent: WorkNumber, source: IpAddr) -> Option<Arc<Session>> {
        let mut found: Option<Arc<Session>> = None;
        for entry in &self.guids {
            let session = &entry.session;
            if entry.until.is_some() || session.agent() != agent || session.source != source || session.mailbox.ended() {
                continue;
            }
            if found.replace(session.clone()).is_some() {
                return None;
            }
        }
        found
    }

    /// A sign of life: a poll or a handshake. In dynamic mode it may bring a new guid; the one before stays good until
    /// [`limits::GUID_TIMEOUT`] after its issue.
    pub(super) fn touch(&self, session: &Arc<Session>, now: Instant) -> Option<String> {
        session.touched.store(self.clock(now), Ordering::Relaxed);
        if self.mode == GuidMode::Static {
            return None;
        }
        let mut newest = session.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let (print, issued) = *newest;
        if now.saturating_duration_since(issued) < limits::GUID_INTERVAL || self.guids.len() >= limits::GUIDS {
            return None;
        }
        let (guid, fresh) = self.guid().ok()?;
        if let Some(mut entry) = self.guids.get_mut(&print) {
            entry.until = Some(issued + limits::GUID_TIMEOUT);
        }
        self.guids.insert(fresh, Entry { session: session.clone(), until: None });
        *newest = (fresh, now);
        Some(guid)
    }

    /// Sessions without a sign of life for [`limits::SILENCE`].
    pub(super) fn silent(&self, now: Instant) -> Vec<Arc<Session>> {
        let most = u64::try_from(limits::SILENCE.as_millis()).unwrap_or(u64::MAX);
        let clock = self.clock(now);
        let is_silent = |session: &Session| clock.saturating_sub(session.touched.load(Ordering::Relaxed)) >= most;
        self.guids
            .iter()
            .filter(|entry| entry.until.is_none() && !entry.session.mailbox.ended() && is_silent(&entry.session))
            .map(|entry| entry.session.clone())
            .collect()
    }

    /// Forgets guids that were replaced and have run out, and those of sessions that are over for [`limits::ENDED_KEPT`].
    pub(super) fn forget(&self, now: Instant) {
        let clock = self.clock(now);
        let kept = u64::try_from((limits::ENDED_KEPT + limits::SILENCE).as_millis()).unwrap_or(u64::MAX);
        self.guids.retain(|_, entry| {
            let old = clock.saturating_sub(entry.session.touched.load(Ordering::Relaxed)) >= kept;
            !(entry.session.mailbox.ended() && old) && entry.until.is_none_or(|until| now < until + Duration::from_secs(1))
        });
    }

    /// Guids remembered.
    pub(super) fn len(&self) -> usize {
        self.guids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(sessions: &Sessions, now: Instant) -> (String, Arc<Session>) {
        let mailbox = Arc::new(Mailbox::new(TenantId::new("t").unwrap(), WorkNumber::new(101).unwrap(), 0));
        sessions.open(mailbox, false, [127, 0, 0, 1].into(), now).unwrap().unwrap()
    }

    #[test]
    fn a_guid_has_the_documented_form_and_nothing_that_clients_cut() {
        let sessions = Sessions::new(GuidMode::Static, "AgentGateway1");
        let (guid, _) = open(&sessions, Instant::now());
        let (uuid, server) = guid.split_once('.').unwrap();
        assert_eq!((uuid.len(), server), (36, "AgentGateway1"));
        assert!(!guid.contains([':', '=', ';']), "{guid}");
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }

    #[test]
    fn a_guid_ends_with_its_session_and_says_so() {
        let (sessions, now) = (Sessions::new(GuidMode::Static, "g"), Instant::now());
        let (guid, session) = open(&sessions, now);
        assert!(matches!(sessions.find(&guid, now), Found::Open(_)));
        assert!(matches!(sessions.find("x", now), Found::Unknown));
        assert!(sessions.touch(&session, now + limits::GUID_INTERVAL).is_none(), "static");
        session.mailbox.end(None);
        assert!(matches!(sessions.find(&guid, now), Found::Over));
        sessions.forget(now + limits::ENDED_KEPT);
        assert_eq!(sessions.len(), 1);
        sessions.forget(now + limits::ENDED_KEPT + limits::SILENCE + limits::GUID_INTERVAL);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn a_dynamic_guid_is_replaced_by_polls_and_overlaps_with_the_next() {
        let (sessions, now) = (Sessions::new(GuidMode::Dynamic, "g"), Instant::now());
        let (first, session) = open(&sessions, now);
        assert!(sessions.touch(&session, now).is_none(), "too young");
        let later = now + limits::GUID_INTERVAL;
        let second = sessions.touch(&session, later).unwrap();
        assert!(matches!(sessions.find(&first, later), Found::Open(_)));
        let end = now + limits::GUID_TIMEOUT;
        assert!(matches!(sessions.find(&first, end), Found::Unknown));
        assert!(matches!(sessions.find(&second, end), Found::Open(_)));
    }

    #[test]
    fn a_program_is_silent_after_two_minutes_without_a_sign_of_life() {
        let (sessions, now) = (Sessions::new(GuidMode::Static, "g"), Instant::now());
        let (_, session) = open(&sessions, now);
        let almost = now + limits::SILENCE - Duration::from_millis(1);
        assert!(sessions.silent(almost).is_empty());
        assert_eq!(sessions.silent(now + limits::SILENCE).len(), 1);
        sessions.touch(&session, almost);
        assert!(sessions.silent(now + limits::SILENCE).is_empty());
    }
}
