//! The handle of the packet path: opens legs, says who hears what, closes. Never blocks on a worker.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam::channel::{Sender, bounded};
use mio::{Poll, Waker};
use rustc_hash::FxHashMap;
use tandem_core::{Audio, CallId, LegId};

use super::config::{MediaError, OpenError, RtpConfig, StartError};
use super::leg::{Leg, Seed};
use super::limits;
use super::ports::PortPool;
use super::record::{Tap, TapQueue};
use super::recordings::Recordings;
use super::remote::MediaRemote;
use super::report::ReportSink;
use super::socket::{self, Options};
use super::worker::{Command, Entry, Hears, Parts, Peer, Player, WAKER, Worker};
use crate::audio::library::Library;

/// All media of a node. One owner drives it (`&mut self`): so the order of its commands is the order in which they
/// happen, and nothing needs a lock. Dropping it closes every leg and ends the workers.
pub struct MediaPlane {
    config: RtpConfig,
    options: Options,
    pool: Arc<PortPool>,
    doors: Vec<Door>,
    legs: FxHashMap<LegId, Known>,
    library: Library,
    pub(super) recordings: Recordings,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// The way to a worker.
struct Door {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    /// Commands that may wait, closes not counted: the channel has room for one close per leg beyond it.
    limit: usize,
}

/// What the plane knows about a leg.
struct Known {
    worker: usize,
    local: SocketAddr,
    hears: Vec<LegId>,
}

impl MediaPlane {
    /// Starts the workers.
    pub fn start(config: RtpConfig, sink: Arc<dyn ReportSink>) -> Result<MediaPlane, StartError> {
        let start = usize::try_from(random()[0] >> 1).unwrap_or(0);
        let pool = Arc::new(PortPool::new(config.ports.clone(), config.port_rest, start));
        if pool.pairs() == 0 {
            return Err(StartError::NoPorts(config.ports));
        }
        let options = Options { dscp: config.dscp, receive_buffer: config.receive_buffer };
        warn_of_small_buffer(options);
        let mut plane = MediaPlane {
            options,
            library: Library::new(config.prompts.clone()),
            recordings: Recordings::default(),
            doors: Vec::new(),
            legs: FxHashMap::default(),
            stop: Arc::new(AtomicBool::new(false)),
            threads: Vec::new(),
            pool,
            config,
        };
        plane.start_workers(&sink)?;
        Ok(plane)
    }

    fn start_workers(&mut self, sink: &Arc<dyn ReportSink>) -> Result<(), StartError> {
        let legs = self.pool.pairs();
        let mut peers = Vec::new();
        let mut halves = Vec::new();
        for worker in 0..worker_count(self.config.workers) {
            let failed = |error| StartError::Worker { worker, error };
            let poll = Poll::new().map_err(failed)?;
            let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(failed)?);
            let (commands, inbox) = bounded(limits::COMMANDS + legs);
            let (moved, arrivals) = bounded(legs);
            peers.push(Peer { legs: moved, waker: Arc::clone(&waker) });
            self.doors.push(Door { commands, waker, limit: limits::COMMANDS });
            halves.push((poll, inbox, arrivals));
        }
        let queues: Vec<TapQueue> = self.config.recordings.iter().flat_map(|_| halves.iter().map(|_| TapQueue::new())).collect();
        let epoch = Instant::now();
        for (number, (poll, commands, arrivals)) in halves.into_iter().enumerate() {
            let parts = Parts {
                number,
                poll,
                commands,
                arrivals,
                peers: peers.clone(),
                sink: Arc::clone(sink),
                stop: Arc::clone(&self.stop),
                silence: self.config.silence,
                rtcp_interval: self.config.rtcp_interval,
                seed: random()[0],
                tap: queues.get(number).map(|queue| Tap::new(queue.clone(), epoch)),
            };
            let thread = std::thread::Builder::new().name(format!("rtp-{number}")).spawn(move || Worker::new(parts).run());
            self.threads.push(thread.map_err(|error| StartError::Worker { worker: number, error })?);
        }
        if let Some(root) = self.config.recordings.clone() {
            self.recordings.start(root, epoch, queues, Arc::clone(sink)).map_err(StartError::Recorder)?;
        }
        Ok(())
    }

    /// Opens media for a leg of `call`: a port pair at `ip`, deaf and mute until [`MediaPlane::set_remote`]. Answers the
    /// RTP address for the SDP; RTCP has the next port.
    pub fn open(&mut self, leg: LegId, call: CallId, ip: IpAddr) -> Result<SocketAddr, OpenError> {
        if self.legs.contains_key(&leg) {
            return Err(OpenError::AlreadyOpen(leg));
        }
        if self.legs.len() >= self.config.max_legs {
            return Err(OpenError::TooManyLegs(self.config.max_legs));
        }
        let worker = self.worker_of(call);
        if !self.has_room(worker, 1) {
            return Err(OpenError::Busy(worker));
        }
        let now = Instant::now();
        let bind = self.config.bind.unwrap_or(ip);
        let (mut entry, port) = self.bind(leg, bind, now)?;
        entry.tapped = self.recordings.wants(leg);
        self.push(worker, Command::Open(Box::new(entry)));
        let local = SocketAddr::new(ip, port);
        self.legs.insert(leg, Known { worker, local: SocketAddr::new(bind, port), hears: Vec::new() });
        Ok(local)
    }

    fn bind(&self, leg: LegId, ip: IpAddr, now: Instant) -> Result<(Entry, u16), OpenError> {
        let mut failure = None;
        for _ in 0..limits::BIND_ATTEMPTS {
            let lease = self.pool.take(now).ok_or_else(|| OpenError::NoPorts(self.pool.pairs()))?;
            let port = lease.port();
            match socket::bind_pair(ip, port, self.options) {
                Ok((rtp, rtcp)) => {
                    let (rtp, rtcp) = (mio::net::UdpSocket::from_std(rtp), mio::net::UdpSocket::from_std(rtcp));
                    return Ok((Entry::new(Leg::new(leg, seed(), now), rtp, rtcp, lease), port));
                }
                // Somebody else's port in our range: the next one.
                Err(error) if error.kind() == ErrorKind::AddrInUse => failure = Some((port, error)),
                Err(error) => return Err(OpenError::Socket { address: SocketAddr::new(ip, port), error }),
            }
        }
        let (port, error) = failure.unwrap_or((0, ErrorKind::AddrInUse.into()));
        Err(OpenError::Socket { address: SocketAddr::new(ip, port), error })
    }

    /// Tells who the far end is, as offer and answer settled it; again after each new one.
    pub fn set_remote(&mut self, leg: LegId, remote: MediaRemote) -> Result<(), MediaError> {
        let known = self.known(leg)?;
        if known.local.is_ipv4() != remote.rtp.is_ipv4() {
            return Err(MediaError::AddressFamily { local: known.local, remote: remote.rtp });
        }
        self.submit(known.worker, Command::Remote(leg, Box::new(remote)))
    }

    /// Says what a leg hears from now on. A source that is not open is silent.
    pub fn hear(&mut self, leg: LegId, audio: Audio) -> Result<(), MediaError> {
        self.known(leg)?;
        let (hears, sources) = self.resolve(audio)?;
        let worker = self.gather(leg, &sources)?;
        self.submit(worker, Command::Hear(leg, hears))?;
        if let Some(known) = self.legs.get_mut(&leg) {
            known.hears = sources;
        }
        Ok(())
    }

    /// Ends a leg's media. Always taken; the report [`super::Report::Closed`] follows, unless it has come already because
    /// the leg failed: then this only forgets its name.
    pub fn close(&mut self, leg: LegId) -> Result<(), MediaError> {
        let known = self.legs.remove(&leg).ok_or(MediaError::NoSuchLeg(leg))?;
        self.recordings.closed(leg);
        self.push(known.worker, Command::Close(leg));
        Ok(())
    }

    /// Number of open legs.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    fn resolve(&mut self, audio: Audio) -> Result<(Hears, Vec<LegId>), MediaError> {
        Ok(match audio {
            Audio::Silence => (Hears::Silence, Vec::new()),
            Audio::Echo => (Hears::Echo, Vec::new()),
            Audio::Leg(source) => (Hears::Leg(source), vec![source]),
            Audio::Mix(mut sources) => {
                sources.sort_unstable();
                sources.dedup();
                if sources.len() > limits::MIX_LEGS {
                    return Err(MediaError::MixTooLarge(sources.len()));
                }
                (Hears::Mix(sources.clone().into_boxed_slice()), sources)
            }
            Audio::Tone(tone) => (Hears::Play(Player::tone(self.library.tone(tone))), Vec::new()),
            Audio::Prompt { name, repeat } => {
                let clip = self.library.prompt(&name).map_err(|reason| MediaError::Prompt { name: name.clone(), reason })?;
                (Hears::Play(Player::prompt(name, clip, repeat)), Vec::new())
            }
            // Follow with the media services.
            Audio::Sequence { .. } | Audio::Music { .. } | Audio::Recording { .. } => (Hears::Silence, Vec::new()),
        })
    }

    /// Brings a leg and what it is to hear to one worker; answers which. Legs move with all that hear them or are
    /// heard by them, so that no link is cut on the way.
    fn gather(&mut self, leg: LegId, sources: &[LegId]) -> Result<usize, MediaError> {
        let home = self.known(leg)?.worker;
        let open: Vec<LegId> = sources.iter().copied().filter(|source| self.legs.contains_key(source)).collect();
        let target = open.iter().find(|source| **source != leg).and_then(|source| self.legs.get(source)).map_or(home, |known| known.worker);
        let mut moving: Vec<(LegId, usize)> = Vec::new();
        for member in open.iter().chain([&leg]) {
            self.connected(*member, target, &mut moving);
        }
        let leaving = |worker: usize| moving.iter().filter(|(_, from)| *from == worker).count();
        let busy = (0..self.doors.len()).find(|worker| {
            let wanted = leaving(*worker) + if *worker == target { moving.len() + 1 } else { 0 };
            wanted > 0 && !self.has_room(*worker, wanted)
        });
        if let Some(worker) = busy {
            return Err(MediaError::Busy(worker));
        }
        for (member, from) in moving {
            // First the word that it comes, then the order to go: so nothing said later can arrive before it is awaited.
            self.push(target, Command::Expect(member));
            self.push(from, Command::Move(member, target));
            if let Some(known) = self.legs.get_mut(&member) {
                known.worker = target;
            }
        }
        Ok(target)
    }

    /// Adds to `moving` the leg and everything linked to it that is not at `target` yet.
    fn connected(&self, leg: LegId, target: usize, moving: &mut Vec<(LegId, usize)>) {
        let mut open = vec![leg];
        while let Some(leg) = open.pop() {
            let Some(known) = self.legs.get(&leg) else { continue };
            if known.worker == target || moving.iter().any(|(other, _)| *other == leg) {
                continue;
            }
            moving.push((leg, known.worker));
            open.extend(&known.hears);
            // Rare (calls that merge), so a walk over all legs is cheaper than keeping the reverse.
            open.extend(self.legs.iter().filter(|(_, other)| other.hears.contains(&leg)).map(|(other, _)| *other));
        }
    }

    /// Tells a leg's worker whether its voice goes to the recorder. A leg that is not open is told when it opens.
    pub(super) fn tap(&mut self, leg: LegId, tapped: bool) -> Result<(), MediaError> {
        match self.legs.get(&leg) {
            Some(known) => self.submit(known.worker, Command::Tap(leg, tapped)),
            None => Ok(()),
        }
    }

    fn known(&self, leg: LegId) -> Result<&Known, MediaError> {
        self.legs.get(&leg).ok_or(MediaError::NoSuchLeg(leg))
    }

    /// Spreads calls over workers; ids are counted, so their bits are mixed first (Fibonacci hashing).
    fn worker_of(&self, call: CallId) -> usize {
        (call.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % self.doors.len().max(1)
    }

    /// We are the only sender, so room that is there stays there.
    fn has_room(&self, worker: usize, commands: usize) -> bool {
        self.doors.get(worker).is_some_and(|door| door.commands.len() + commands <= door.limit)
    }

    fn submit(&mut self, worker: usize, command: Command) -> Result<(), MediaError> {
        if !self.has_room(worker, 1) {
            return Err(MediaError::Busy(worker));
        }
        self.push(worker, command);
        Ok(())
    }

    fn push(&mut self, worker: usize, command: Command) {
        let Some(door) = self.doors.get(worker) else { return };
        if door.commands.try_send(command).is_err() {
            tracing::error!(worker, "media worker is gone");
        }
        // A command that was there before has woken the worker, which does not sleep before it has seen the queue empty.
        if door.commands.len() > 1 {
            return;
        }
        if let Err(error) = door.waker.wake() {
            tracing::error!(worker, %error, "media worker could not be woken");
        }
    }
}

impl Drop for MediaPlane {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for door in &self.doors {
            // A worker that cannot be woken sees the flag at its next tick.
            let _ = door.waker.wake();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media worker ended by panic");
            }
        }
        // After the workers, so that the last they heard is in the files.
        self.recordings.stop();
    }
}

fn worker_count(configured: usize) -> usize {
    let half = std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2);
    if configured == 0 { half } else { configured }.clamp(1, limits::WORKERS)
}

fn warn_of_small_buffer(options: Options) {
    match socket::granted_buffer(options) {
        Ok(granted) if granted < limits::RECEIVE_BUFFER_FLOOR => {
            tracing::warn!(
                granted,
                wanted = options.receive_buffer,
                "small receive buffers: raise net.core.rmem_max, or a stall loses packets"
            );
        }
        Ok(granted) => tracing::info!(granted, "RTP receive buffer"),
        Err(error) => tracing::warn!(%error, "receive buffer could not be read back"),
    }
}

fn random() -> [u64; 4] {
    let mut bytes = [0u8; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without it streams are still distinct, only easier to guess; the gate does not depend on it.
        tracing::warn!(%error, "no randomness from the system");
        bytes.iter_mut().zip(format!("{:?}", Instant::now()).bytes().rev()).for_each(|(to, from)| *to = from);
    }
    std::array::from_fn(|word| u64::from_le_bytes(std::array::from_fn(|byte| bytes[word * 8 + byte])))
}

fn seed() -> Seed {
    let [numbers, name, rest, _] = random();
    let text = format!("{name:016x}");
    let mut cname = [b'0'; 16];
    cname.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    Seed { ssrc: numbers as u32, sequence: (numbers >> 32) as u16, timestamp: rest as u32, cname }
}
