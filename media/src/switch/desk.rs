//! The signalling thread's loop and what it works with.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tandem_core::engine::{Clock, Directory};
use tandem_core::{Cause, Command, Flow, LegId, Party, RequestId, TenantId, Timestamp, Transport, UserName};

use super::admission::Stranger;
use super::brake::Brake;
use super::inbox::SwitchInbox;
use super::legs::{Leg, Legs};
use super::post::Post;
use super::trunks::Trunks;
use super::{Secrets, SwitchConfig, SwitchParts};
use crate::rtp::MediaPlane;
use crate::sip::Name;
use crate::sip::auth::DigestServer;
use crate::sip::transport::resolve::{Answer, Resolver};
use crate::sip::transport::{Input, Listen, SendError, Transports, Waker};
use crate::sip::ua::{UaEvent, UserAgent};

/// Effects and reports taken per turn, so that a flood of one kind can't starve the sockets.
const BUDGET: usize = 1_024;

/// Rounds of failures to send, and what follows from them, per turn: a second one is rare, and nothing may go in circles.
const ROUNDS: usize = 4;

/// What the signalling thread owns.
pub(super) struct Desk {
    pub(super) config: SwitchConfig,
    pub(super) ua: UserAgent,
    pub(super) media: MediaPlane,
    pub(super) directory: Arc<Directory>,
    pub(super) secrets: Arc<dyn Secrets>,
    pub(super) digest: DigestServer,
    pub(super) random: StdRng,
    pub(super) resolver: Resolver,
    pub(super) legs: Legs,
    pub(super) trunks: Trunks,
    pub(super) post: Post,
    /// REGISTERs that wait for the core.
    pub(super) registering: FxHashMap<RequestId, TenantId>,
    /// Who guesses passwords.
    pub(super) brake: Brake,
    /// Phones by the connection they registered over, to tell the core when it breaks.
    pub(super) connections: FxHashMap<Flow, Vec<(TenantId, UserName)>>,
    listening: Vec<Listen>,
    transports: Transports,
    inbox: SwitchInbox,
    pub(super) clock: Arc<dyn Clock>,
}

impl Desk {
    pub(super) fn new(config: SwitchConfig, parts: SwitchParts) -> io::Result<Desk> {
        let digest = DigestServer::new(config.digest.clone(), random_bytes()?);
        let mut ua = UserAgent::new(config.ua.clone(), parts.ids, StdRng::from_seed(random_bytes()?));
        ua.set_challenger(Box::new(Stranger(digest.challenger(&config.realm))));
        Ok(Desk {
            ua,
            random: StdRng::from_seed(random_bytes()?),
            resolver: resolver(parts.transports.waker())?,
            media: parts.media,
            directory: parts.directory,
            secrets: parts.secrets,
            digest,
            legs: Legs::default(),
            trunks: Trunks::default(),
            post: Post::new(&parts.mailbox),
            registering: FxHashMap::default(),
            brake: Brake::default(),
            connections: FxHashMap::default(),
            listening: parts.transports.listening(),
            transports: parts.transports,
            inbox: parts.inbox,
            clock: parts.clock,
            config,
        })
    }

    /// One turn: everything that waits is taken, everything that follows is sent.
    pub(super) fn turn(&mut self, longest: Duration) {
        let wait = self.time_to_wait(longest);
        self.listen(wait);
        let now = self.clock.now();
        self.ua.handle_timeout(now);
        self.take_resolved();
        self.watch_trunks(now);
        self.take_effects(now);
        self.take_reports();
        for _ in 0..ROUNDS {
            self.take_events(now);
            self.hand_over(now);
            // What can't be sent has consequences, which are taken up before the next wait.
            if self.transmit(now) {
                break;
            }
        }
    }

    fn time_to_wait(&self, longest: Duration) -> Duration {
        if !self.inbox.is_empty() {
            // The budget of the last turn left something, and its wake-up is spent.
            return Duration::ZERO;
        }
        let now = self.clock.now();
        let next = [self.ua.poll_timeout(), self.trunks.poll_timeout()].into_iter().flatten().min();
        let until = next.map_or(longest, |at| at.since(now).min(longest));
        // Commands that found a full mailbox are tried again soon.
        if self.post.waiting() > 0 { until.min(Duration::from_millis(5)) } else { until }
    }

    fn listen(&mut self, wait: Duration) {
        let Desk { transports, ua, clock, .. } = self;
        let result = transports.poll(Some(wait), |input| match input {
            Input::Message(flow, bytes) => ua.receive(clock.now(), flow, bytes),
            Input::Closed(flow) => ua.flow_failed(clock.now(), flow),
            Input::Wake => {}
            // Whoever can write ICMP messages must not be able to end calls (RFC 5927 §3): silence decides, by timer.
            Input::Failed(flow, error) if flow.transport == Transport::Udp => tracing::debug!(?flow, %error, "a datagram was refused"),
            Input::Failed(flow, error) => {
                tracing::debug!(?flow, %error, "a peer can't be reached");
                ua.flow_failed(clock.now(), flow);
            }
        });
        if let Err(error) = result {
            tracing::error!(%error, "signalling sockets");
        }
    }

    fn take_resolved(&mut self) {
        let answers: Vec<(u64, Answer)> = self.resolver.answers().collect();
        for (token, answer) in answers {
            self.trunk_resolved(token, answer);
        }
    }

    fn take_effects(&mut self, now: Timestamp) {
        for _ in 0..BUDGET {
            let Some((tenant, effects)) = self.inbox.next_effects() else { break };
            for effect in effects {
                self.carry_out(now, &tenant, effect);
            }
        }
    }

    fn take_reports(&mut self) {
        for _ in 0..BUDGET {
            let Some(report) = self.inbox.next_report() else { break };
            self.media_reported(report);
        }
    }

    fn take_events(&mut self, now: Timestamp) {
        while let Some(event) = self.ua.poll_event() {
            self.heard(now, event);
        }
    }

    fn heard(&mut self, now: Timestamp, event: UaEvent) {
        match event {
            UaEvent::Offered(offered) => self.admit_call(now, *offered),
            UaEvent::Register(registering) => self.admit_registration(now, *registering),
            UaEvent::RequestDone { token, status, response } => self.trunk_answered(now, token, status, response.as_deref()),
            UaEvent::FlowClosed { flow } => self.connection_lost(flow),
            event => self.dialog_reported(now, event),
        }
    }

    /// Sends what was gathered for the core; what it has no room for is refused to the peer.
    fn hand_over(&mut self, now: Timestamp) {
        let mut turned_away = Vec::new();
        self.post.flush(|_, command| turned_away.push(command));
        for command in turned_away {
            metrics::counter!("tandem_overload_refusals_total").increment(1);
            match command {
                Command::LegOffered { leg, .. } => self.refuse_for_overload(now, leg),
                Command::Register { request, .. } => {
                    self.registering.remove(&request);
                    let _ = self.ua.register_refuse(now, request, 503, &[(Name::RetryAfter, &self.config.retry_after_s.to_string())]);
                }
                _ => {}
            }
        }
    }

    /// The core has never heard of this leg, so nothing is to be told to it when the leg ends.
    fn refuse_for_overload(&mut self, now: Timestamp, leg: LegId) {
        if let Some(state) = self.legs.remove(&leg) {
            self.close_unheard(leg, &state);
        }
        let _ = self.ua.refuse(now, leg, 503, &[(Name::RetryAfter, &self.config.retry_after_s.to_string())]);
    }

    pub(super) fn close_unheard(&mut self, leg: LegId, state: &Leg) {
        if state.media.is_some() {
            let _ = self.media.close(leg);
        }
    }

    /// Sends everything; false if something could not be.
    fn transmit(&mut self, now: Timestamp) -> bool {
        let mut all = true;
        while let Some(out) = self.ua.poll_transmit() {
            match self.transports.send(&out.flow, out.bytes) {
                Ok(()) => {}
                // A datagram that finds no room is lost as on its way: it is repeated by timer.
                Err(SendError::Full) => metrics::counter!("tandem_sip_datagrams_dropped_total").increment(1),
                Err(error) => {
                    tracing::debug!(flow = ?out.flow, %error, "can't send");
                    self.ua.flow_failed(now, out.flow);
                    all = false;
                }
            }
        }
        all
    }

    /// Says goodbye to trunks that we are registered at.
    pub(super) fn close(&mut self) {
        let now = self.clock.now();
        self.leave_trunks(now);
        self.transmit(now);
    }

    /// A cause for a leg that the switch itself has to give up.
    pub(super) fn own_cause(status: u16, text: &str) -> Cause {
        Cause::sip(status, Party::System).because(text)
    }

    /// From a socket of ours of this transport and family to this address.
    pub(super) fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let fits = |listen: &&Listen| listen.transport == transport && listen.addr.is_ipv4() == remote.is_ipv4();
        let listen = self.listening.iter().find(fits)?;
        Some(Flow { transport, local: listen.addr, remote })
    }

    /// Where media for a peer on this flow is received: the configured address, or the one its signalling came to.
    pub(super) fn media_bind_ip(&self, flow: &Flow) -> IpAddr {
        let configured = self.config.media_ip;
        if configured.is_unspecified() || configured.is_ipv4() != flow.remote.is_ipv4() { flow.local.ip() } else { configured }
    }

    /// What the peer is told of a media address of ours.
    pub(super) fn announced(&self, media: SocketAddr) -> SocketAddr {
        match self.config.media_public {
            Some(ip) if ip.is_ipv4() == media.is_ipv4() => SocketAddr::new(ip, media.port()),
            _ => media,
        }
    }

    /// Names that peers have to prove when we connect to them by TLS.
    pub(super) fn name_peers(&mut self, peers: Vec<(SocketAddr, SmolStr)>) {
        self.transports.name_peers(peers);
    }

    pub(super) fn fresh_call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.random::<u64>(), self.random.random::<u64>())
    }
}

fn resolver(waker: Waker) -> io::Result<Resolver> {
    Resolver::start(None, move || waker.wake())
}

fn random_bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
