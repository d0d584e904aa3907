//! A server small enough to be seen through: it checks digests, remembers contacts, answers every call with a tone, and
//! rings phones if it is asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_core::engine::{Clock, SystemClock};
use tandem_core::registration::Binding;
use tandem_core::{Audio, CallId, Cause, Flow, Ids, LegId, Party, TenantId, Timestamp, Tone, Transport};
use tandem_media::rtp::{MediaPlane, MediaRemote, RtpConfig};
use tandem_media::sip::auth::{Algorithm, Credentials, DigestServer, Ha1, ServerConfig, Verdict, ha1};
use tandem_media::sip::header::NameAddr;
use tandem_media::sip::sdp::{Choice, Session, known_codec};
use tandem_media::sip::transport::{Input, Listen, Transports};
use tandem_media::sip::ua::{InviteParams, Registering, UaConfig, UaEvent, UserAgent};
use tandem_media::sip::{HostPort, Message, Method, Name, Uri};

use crate::demo::SimPhone;

const REALM: &str = "peer";

/// What the peer saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) most_legs: usize,
    pub(crate) ended: usize,
    pub(crate) held: usize,
    pub(crate) resumed: usize,
    pub(crate) referred: usize,
    pub(crate) wrong: usize,
}

struct Passwords(BTreeMap<String, String>);

impl Credentials for Passwords {
    fn ha1(&self, _: &TenantId, user: &str, algorithm: Algorithm) -> Option<Ha1> {
        self.0.get(user).map(|password| ha1(user, REALM, password, algorithm))
    }
}

pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
    /// Contacts by user.
    pub(crate) bound: BTreeMap<String, Binding>,
    pub(crate) seen: Seen,
    /// Calls phones that are registered.
    pub(crate) calls_phones: bool,
    ua: UserAgent,
    media: MediaPlane,
    transports: Transports,
    digest: DigestServer,
    passwords: Passwords,
    sessions: BTreeMap<LegId, Session>,
    /// Calls of the peer that ring or stand, with the time when it gives up.
    ours: BTreeMap<LegId, Timestamp>,
    held: BTreeSet<LegId>,
    ids: Ids,
    next_call: Timestamp,
    turns: usize,
}

impl Peer {
    pub(crate) fn open(phones: &[SimPhone]) -> Peer {
        let listen = Listen { transport: Transport::Udp, addr: "127.0.0.1:0".parse().unwrap() };
        let transports = Transports::bind(&[listen]).unwrap();
        let rtp = RtpConfig { ports: 17_500..=17_999, workers: 1, ..RtpConfig::default() };
        Peer {
            addr: transports.listening()[0].addr,
            bound: BTreeMap::new(),
            seen: Seen::default(),
            calls_phones: false,
            ua: UserAgent::new(UaConfig::default(), Ids::new(2, 1), StdRng::seed_from_u64(4)),
            media: MediaPlane::start(rtp, Arc::new(|_| ())).unwrap(),
            transports,
            digest: DigestServer::new(ServerConfig::default(), [7; 32]),
            passwords: Passwords(phones.iter().map(|phone| (phone.user.clone(), phone.password.clone())).collect()),
            sessions: BTreeMap::new(),
            ours: BTreeMap::new(),
            held: BTreeSet::new(),
            ids: Ids::new(2, 0),
            next_call: SystemClock.now(),
            turns: 0,
        }
    }

    pub(crate) fn legs(&self) -> usize {
        self.ua.legs()
    }

    /// Calls of the peer itself.
    pub(crate) fn placed(&self) -> usize {
        self.ours.len()
    }

    /// Works until another thread is through, and a moment longer.
    pub(crate) fn while_turning<T: Send>(&mut self, other: impl FnOnce() -> T + Send) -> T {
        self.calls_phones = false;
        std::thread::scope(|scope| {
            let thread = scope.spawn(other);
            let deadline = Instant::now() + Duration::from_secs(10);
            while !thread.is_finished() && Instant::now() < deadline {
                self.turn(Duration::from_millis(5));
            }
            thread.join().unwrap()
        })
    }

    pub(crate) fn turn(&mut self, wait: Duration) {
        let Peer { transports, ua, .. } = self;
        transports
            .poll(Some(wait), |input| {
                if let Input::Message(flow, bytes) = input {
                    ua.receive(SystemClock.now(), flow, bytes);
                }
            })
            .unwrap();
        let now = SystemClock.now();
        self.ua.handle_timeout(now);
        if self.calls_phones && self.next_call <= now {
            self.call_a_phone(now);
        }
        let unanswered = |leg: &LegId| self.sessions.get(leg).is_some_and(Session::awaits_answer);
        let due: Vec<LegId> = self.ours.iter().filter(|(leg, at)| **at <= now && unanswered(leg)).map(|(leg, _)| *leg).collect();
        for leg in due {
            self.ours.insert(leg, now + Duration::from_secs(60));
            self.ua.release(now, leg, Cause::normal(Party::System)).unwrap();
        }
        while let Some(event) = self.ua.poll_event() {
            self.heard(now, event);
        }
        while let Some(out) = self.ua.poll_transmit() {
            self.transports.send(&out.flow, out.bytes).unwrap();
        }
        self.seen.most_legs = self.seen.most_legs.max(self.sessions.len());
    }

    fn verdict(&mut self, now: Timestamp, request: &Message, method: &Method) -> Verdict {
        let lines = request.lines(Name::Authorization);
        let verdict = self.digest.check(now, REALM, &TenantId::new("t").unwrap(), method, lines, &self.passwords);
        if matches!(verdict, Verdict::Wrong { .. }) {
            self.seen.wrong += 1;
        }
        verdict
    }

    fn register(&mut self, now: Timestamp, registering: Registering) {
        let Registering { token, register, user, request, .. } = registering;
        if !matches!(self.verdict(now, &request, &Method::Register), Verdict::Accepted { .. }) {
            let challenges = self.digest.challenges(now, REALM, false);
            self.ua.challenge_register(now, token, &challenges).unwrap();
            return;
        }
        let contact = &register.contacts[0];
        let binding = Binding {
            contact: contact.contact.clone(),
            flow: register.flow,
            expires: now + contact.expires,
            q: 1000,
            call_id: register.call_id.clone(),
            cseq: register.cseq,
            instance: None,
            path: Vec::new(),
            user_agent: None,
        };
        if contact.expires.is_zero() {
            self.bound.remove(user.as_str());
        } else {
            self.bound.insert(user.to_string(), binding.clone());
        }
        self.ua.register_reply(now, token, &[binding]).unwrap();
    }

    fn session(&mut self, leg: LegId) -> Session {
        let local = self.media.open(leg, CallId(leg.0), self.addr.ip()).unwrap();
        Session::new(leg.0, local, vec![known_codec("PCMA").unwrap()])
    }

    fn call_a_phone(&mut self, now: Timestamp) {
        self.next_call = now + Duration::from_millis(40);
        self.turns += 1;
        let Some(binding) = self.bound.values().nth(self.turns % self.bound.len().max(1)).cloned() else { return };
        let leg = self.ids.leg();
        let mut session = self.session(leg);
        let offer = session.offer().unwrap();
        self.sessions.insert(leg, session);
        self.ours.insert(leg, now + Duration::from_millis(400));
        let params = InviteParams {
            leg,
            uri: binding.contact,
            flow: Flow { local: self.addr, ..binding.flow },
            routes: Vec::new(),
            from: NameAddr::new(Uri::sip(Some("peer"), &HostPort::from(self.addr))),
            to: None,
            identity: None,
            headers: Vec::new(),
            sdp: Some(Bytes::from(offer)),
            credentials: None,
            max_forwards: 70,
        };
        self.ua.invite(now, params).unwrap();
    }

    fn heard(&mut self, now: Timestamp, event: UaEvent) {
        match event {
            UaEvent::Register(registering) => self.register(now, *registering),
            UaEvent::Offered(offered) => {
                let from_phone = offered.request.from().unwrap().uri.user().is_some_and(|user| self.passwords.0.contains_key(user));
                if from_phone && !matches!(self.verdict(now, &offered.request, &Method::Invite), Verdict::Accepted { .. }) {
                    let challenges = self.digest.challenges(now, REALM, false);
                    self.ua.challenge(now, offered.leg, &challenges).unwrap();
                    return;
                }
                let mut session = self.session(offered.leg);
                session.receive_offer(std::str::from_utf8(&offered.sdp.unwrap()).unwrap()).unwrap();
                let (answer, _) = session.answer(Choice::Ours).unwrap();
                self.sessions.insert(offered.leg, session);
                self.ua.answer(now, offered.leg, Bytes::from(answer)).unwrap();
                self.speak(offered.leg);
            }
            UaEvent::Answered { leg, sdp, .. } => {
                let session = self.sessions.get_mut(&leg).unwrap();
                session.receive_answer(std::str::from_utf8(&sdp.unwrap()).unwrap()).unwrap();
                self.speak(leg);
            }
            UaEvent::Reoffered { leg, sdp } => {
                let session = self.sessions.get_mut(&leg).unwrap();
                session.receive_offer(std::str::from_utf8(&sdp.unwrap()).unwrap()).unwrap();
                let (answer, negotiated) = session.answer(Choice::Ours).unwrap();
                match (negotiated.held, self.held.contains(&leg)) {
                    (true, false) => {
                        self.held.insert(leg);
                        self.seen.held += 1;
                    }
                    (false, true) => {
                        self.held.remove(&leg);
                        self.seen.resumed += 1;
                    }
                    other => panic!("a change that changes nothing: {other:?}"),
                }
                self.ua.answer_reoffer(now, leg, Bytes::from(answer)).unwrap();
            }
            UaEvent::TransferAsked { leg, refer, target, attended, .. } => {
                assert!(target.starts_with("sip:") && !attended, "{target}");
                self.seen.referred += 1;
                self.ua.notify_transfer(now, leg, Some(refer), 200).unwrap();
                self.ua.release(now, leg, Cause::normal(Party::System)).unwrap();
            }
            UaEvent::Ended { leg, .. } => {
                self.seen.ended += 1;
                if self.sessions.remove(&leg).is_some() {
                    self.media.close(leg).unwrap();
                }
                self.ours.remove(&leg);
                self.held.remove(&leg);
            }
            _ => {}
        }
    }

    fn speak(&mut self, leg: LegId) {
        let negotiated = self.sessions[&leg].negotiated().unwrap();
        self.media.set_remote(leg, MediaRemote::new(negotiated.remote_rtp, negotiated.codec.clone())).unwrap();
        self.media.hear(leg, Audio::Tone(Tone::Sine(425))).unwrap();
    }
}
