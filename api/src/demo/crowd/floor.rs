//! The crowd's thread.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tandem_core::engine::{Clock, SystemClock};
use tandem_core::{Cause, Ids, LegId, Party, Timestamp, Transport};
use tandem_media::rtp::{MediaPlane, Report, RtpConfig};
use tandem_media::sip::HostPort;
use tandem_media::sip::transport::{Input, Listen, Transports, Waker};
use tandem_media::sip::ua::{UaConfig, UaEvent, UserAgent};

use super::agenda::Agenda;
use super::calls::Leg;
use super::seats::Seat;
use crate::demo::habits::Habits;
use crate::demo::stats::{Counters, gauge};
use crate::demo::{CrowdConfig, limits};

/// What the crowd's thread owns.
pub(super) struct Floor {
    pub(super) config: CrowdConfig,
    pub(super) domain: HostPort,
    pub(super) seats: Vec<Seat>,
    pub(super) legs: HashMap<LegId, Leg>,
    pub(super) agenda: Agenda,
    pub(super) habits: Habits,
    pub(super) ua: UserAgent,
    pub(super) media: MediaPlane,
    pub(super) ids: Ids,
    pub(super) counters: Arc<Counters>,
    /// For what a server remembers beyond our life (Call-IDs, branches), so never from the configured seed.
    pub(super) random: StdRng,
    /// When the next call is placed.
    pub(super) next_call: Timestamp,
    /// No new calls: the crowd goes home.
    pub(super) closing: bool,
    transports: Transports,
    carrier: Option<SocketAddr>,
    clock: SystemClock,
}

impl Floor {
    /// Opens sockets and starts the media plane.
    pub(super) fn open(mut config: CrowdConfig, counters: Arc<Counters>) -> io::Result<Floor> {
        config.calls_at_once = config.calls_at_once.clamp(1, limits::CALLS);
        config.phones.truncate(limits::PHONES);
        let domain = HostPort::parse(&config.domain).map_err(io::Error::other)?;
        let ip = loopback_of(config.server_udp);
        let any = Listen { transport: Transport::Udp, addr: SocketAddr::new(ip, 0) };
        let mut listen = vec![any; config.phones.len()];
        listen.extend(config.carrier.as_ref().map(|carrier| Listen { addr: carrier.listen, ..any }));
        let transports = Transports::bind(&listen).map_err(io::Error::other)?;
        let mut locals = transports.listening().into_iter().map(|listen| listen.addr);

        let clock = SystemClock;
        let mut random = StdRng::from_seed(random_bytes()?);
        let (mut seats, mut begins) = (Vec::new(), clock.now());
        for phone in &config.phones {
            let local = locals.next().ok_or_else(|| io::Error::other("a socket is missing"))?;
            let call_id = format!("{:032x}", random.random::<u128>());
            seats.push(Seat::phone(phone.clone(), local, begins, call_id, voice(seats.len()), &mut random));
            begins = begins + limits::STAGGER;
        }
        let carrier = config.carrier.as_ref().and_then(|_| locals.next());
        seats.extend(carrier.map(|local| Seat::carrier(local, voice(config.phones.len()))));

        let most_legs = config.calls_at_once * limits::LEGS_PER_CALL;
        Ok(Floor {
            media: start_media(&config, most_legs, counters.clone())?,
            ua: UserAgent::new(ua_config(most_legs), Ids::new(1, 1), StdRng::from_seed(random_bytes()?)),
            habits: Habits::new(config.seed, config.tempo),
            domain,
            seats,
            legs: HashMap::new(),
            agenda: Agenda::default(),
            ids: Ids::new(1, 0),
            counters,
            random,
            // People are at their desks before they are called.
            next_call: begins.min(clock.now() + limits::OPENING),
            closing: false,
            transports,
            carrier,
            clock,
            config,
        })
    }

    pub(super) fn waker(&self) -> Waker {
        self.transports.waker()
    }

    pub(super) fn carrier_addr(&self) -> Option<SocketAddr> {
        self.carrier
    }

    /// Lives until it is told to stop, then says goodbye.
    pub(super) fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            self.turn(limits::LONGEST_WAIT);
        }
        self.close();
    }

    fn turn(&mut self, longest: Duration) {
        self.listen(self.time_to_wait(longest));
        let now = self.clock.now();
        self.ua.handle_timeout(now);
        self.watch_registrations(now);
        while let Some((leg, act)) = self.agenda.take_due(now) {
            self.act(now, leg, act);
        }
        if !self.closing && self.next_call <= now {
            self.place_call(now);
        }
        self.take_events(now);
        self.transmit(now);
        self.count();
    }

    fn time_to_wait(&self, longest: Duration) -> Duration {
        let now = self.clock.now();
        let next_call = (!self.closing).then_some(self.next_call);
        let due = [self.ua.poll_timeout(), self.agenda.next(), self.registrations_due(), next_call];
        due.into_iter().flatten().min().map_or(longest, |at| at.since(now).min(longest))
    }

    fn listen(&mut self, wait: Duration) {
        let Floor { transports, ua, clock, .. } = self;
        let result = transports.poll(Some(wait), |input| match input {
            Input::Message(flow, bytes) => ua.receive(clock.now(), flow, bytes),
            // All is UDP: a refused datagram means a server that is not up yet, and timers try again.
            Input::Closed(_) | Input::Failed(..) | Input::Wake => {}
        });
        if let Err(error) = result {
            tracing::error!(%error, "sockets of the demo's crowd");
        }
    }

    fn take_events(&mut self, now: Timestamp) {
        while let Some(event) = self.ua.poll_event() {
            match event {
                UaEvent::Offered(offered) => self.offered(now, *offered),
                UaEvent::RequestDone { token, status, response } => self.registered(now, token, status, response.as_deref()),
                UaEvent::Register(registering) => {
                    let _ = self.ua.register_refuse(now, registering.token, 403, &[]);
                }
                event => self.heard(now, event),
            }
        }
    }

    fn transmit(&mut self, now: Timestamp) {
        while let Some(out) = self.ua.poll_transmit() {
            if let Err(error) = self.transports.send(&out.flow, out.bytes) {
                tracing::debug!(flow = ?out.flow, %error, "the demo's crowd can't send");
                self.ua.flow_failed(now, out.flow);
            }
        }
        self.take_events(now);
    }

    fn count(&self) {
        gauge(&self.counters.registered, self.seats.iter().filter(|seat| seat.is_registered()).count());
        gauge(&self.counters.calls_up, self.calls_up());
        gauge(&self.counters.legs, self.legs.len());
    }

    /// Ends calls first, so that nobody is called at a phone that is gone, then unregisters.
    fn close(&mut self) {
        self.closing = true;
        let deadline = self.clock.now() + limits::GOODBYE;
        let short = Duration::from_millis(20);
        for leg in self.legs.keys().copied().collect::<Vec<_>>() {
            let _ = self.ua.release(self.clock.now(), leg, Cause::normal(Party::System));
        }
        while !self.legs.is_empty() && self.clock.now() < deadline {
            self.turn(short);
        }
        self.unregister(self.clock.now());
        self.transmit(self.clock.now());
        while !(self.all_unregistered() && self.legs.is_empty()) && self.clock.now() < deadline {
            self.turn(short);
        }
        for leg in self.legs.keys().copied().collect::<Vec<_>>() {
            self.over(leg);
        }
        self.seats.iter_mut().for_each(|seat| seat.line = None);
        self.count();
    }
}

fn start_media(config: &CrowdConfig, most_legs: usize, counters: Arc<Counters>) -> io::Result<MediaPlane> {
    let rtp = RtpConfig { ports: config.rtp_ports.clone(), workers: 1, max_legs: most_legs, ..RtpConfig::default() };
    let heard = move |report: Report| {
        if let Report::Closed { stats, .. } = report {
            add(&counters.packets_heard, stats.packets_received);
        }
    };
    MediaPlane::start(rtp, Arc::new(heard)).map_err(io::Error::other)
}

fn ua_config(most_legs: usize) -> UaConfig {
    // Beyond the legs of calls there is room for those that are still saying goodbye.
    UaConfig { product: "Tandem demo phone".into(), legs: most_legs * 2, transactions: 4_000, ..UaConfig::default() }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Voices are a semitone apart, from a low man's to a child's.
fn voice(seat: usize) -> u16 {
    let hz = 130.8 * f64::from(2.0f32).powf((seat % 24) as f64 / 12.0);
    hz.round() as u16
}

fn loopback_of(server: SocketAddr) -> IpAddr {
    match server {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn random_bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
