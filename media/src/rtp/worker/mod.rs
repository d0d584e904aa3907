//! A worker: one thread, one epoll loop, its legs and their sockets.

mod entry;
mod legs;
mod meters;
mod tick;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender};
use mio::{Events, Poll, Token, Waker};
use rustc_hash::FxHashMap;
use slab::Slab;
use tandem_core::LegId;

pub(crate) use entry::{Command, Entry, Hears};

use entry::Listeners;

use super::beat::Beat;
use super::leg::{Buffer, Kind, Sound, Verdict};
use super::limits;
use super::record::Tap;
use super::report::{Report, ReportSink};
use super::rtcp::{NtpClock, is_rtcp};
use crate::srtp::SrtpError;

/// The waker's token; legs have `2 · slot` for RTP and `2 · slot + 1` for RTCP.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// Another worker's door for legs that move.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) legs: Sender<Box<Entry>>,
    pub(crate) waker: Arc<Waker>,
}

/// What a worker is made of at the start.
pub(crate) struct Parts {
    pub(crate) number: usize,
    pub(crate) poll: Poll,
    pub(crate) commands: Receiver<Command>,
    pub(crate) arrivals: Receiver<Box<Entry>>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) sink: Arc<dyn ReportSink>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) silence: Duration,
    pub(crate) rtcp_interval: Duration,
    /// Seed of the generator that spreads RTCP reports: nothing that an attacker could use.
    pub(crate) seed: u64,
    /// The way to the recorder, if there is one.
    pub(crate) tap: Option<Tap>,
}

pub(crate) struct Worker {
    parts: Parts,
    legs: Slab<Box<Entry>>,
    slots: FxHashMap<LegId, u32>,
    /// Listeners of legs that are not here (yet, or any more).
    waiting: FxHashMap<LegId, Listeners>,
    /// Commands about legs that are on their way here.
    expected: FxHashMap<LegId, Vec<Command>>,
    /// Sockets whose budget ran out before their packets did.
    unread: VecDeque<Token>,
    /// Slots of legs that need the tick.
    ticking: Vec<u32>,
    beat: Beat,
    tick: u64,
    housekeeping: usize,
    ntp: NtpClock,
    random: u64,
    packet: Box<Buffer>,
    out: Box<Buffer>,
    counts: Counts,
    meters: meters::Meters,
    /// The leg whose packet or command is being handled: it fails if that panics, nothing else does.
    current: Option<u32>,
}

/// What happened since the last tick; goes to the metrics in one piece.
#[derive(Debug, Default)]
struct Counts {
    received: u64,
    sent: u64,
    rejected: u64,
    send_failed: u64,
    mismatched: u64,
    legs_shown: usize,
}

impl Worker {
    pub(crate) fn new(parts: Parts) -> Worker {
        let now = Instant::now();
        Worker {
            random: parts.seed | 1,
            parts,
            legs: Slab::new(),
            slots: FxHashMap::default(),
            waiting: FxHashMap::default(),
            expected: FxHashMap::default(),
            unread: VecDeque::new(),
            ticking: Vec::new(),
            beat: Beat::new(now),
            tick: 0,
            housekeeping: 0,
            ntp: NtpClock::new(now),
            packet: Box::new([0; limits::PACKET]),
            out: Box::new([0; limits::PACKET]),
            counts: Counts::default(),
            meters: meters::Meters::new(),
            current: None,
        }
    }

    /// Runs until told to stop, then closes every leg.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(limits::EVENTS);
        while !self.parts.stop.load(Ordering::Acquire) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.turn(&mut events))) {
                self.fail_current(&panic);
            }
        }
        // What was said before the end is done first, so that every leg is known and its last report comes.
        while !self.parts.commands.is_empty() || !self.parts.arrivals.is_empty() {
            self.commands();
        }
        let slots: Vec<u32> = self.slots.values().copied().collect();
        let now = Instant::now();
        slots.into_iter().for_each(|slot| self.close(now, slot));
        while let Ok(entry) = self.parts.arrivals.try_recv() {
            self.finish(now, *entry);
        }
        self.show_counts();
    }

    fn turn(&mut self, events: &mut Events) {
        let busy = !self.unread.is_empty() || !self.parts.commands.is_empty() || !self.parts.arrivals.is_empty();
        let wait = if busy { Duration::ZERO } else { self.beat.wait(Instant::now()) };
        if let Err(error) = self.parts.poll.poll(events, Some(wait)) {
            if error.kind() != ErrorKind::Interrupted {
                tracing::error!(worker = self.parts.number, %error, "epoll failed");
                std::thread::sleep(limits::TICK);
            }
            return;
        }
        self.commands();
        for _ in 0..self.unread.len() {
            if let Some(token) = self.unread.pop_front() {
                if let Some(noted) = self.noted(token) {
                    *noted = false;
                }
                self.readable(token);
            }
        }
        for event in events.iter().filter(|event| event.token() != WAKER) {
            self.readable(event.token());
        }
        let now = Instant::now();
        if let Some(skipped) = self.beat.due(now) {
            self.tick(now, skipped);
        }
    }

    /// Reads a socket until it is empty or its budget is used up; edge-triggered, so the rest is noted.
    fn readable(&mut self, token: Token) {
        let (slot, is_control) = ((token.0 / 2) as u32, token.0 % 2 == 1);
        let now = Instant::now();
        for _ in 0..limits::BUDGET {
            let Some(entry) = self.legs.get(slot as usize) else { return };
            let socket = if is_control { &entry.rtcp } else { &entry.rtp };
            match socket.recv_from(self.packet.as_mut_slice()) {
                Ok((length, from)) => {
                    self.current = Some(slot);
                    self.packet_in(now, slot, is_control, length, from);
                    self.current = None;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // ICMP errors of earlier sends surface here; the packets behind them are still to be read.
                Err(_) => {}
            }
        }
        if self.noted(token).is_some_and(|noted| !std::mem::replace(noted, true)) {
            self.unread.push_back(token);
        }
    }

    /// The note that a socket is in `unread`.
    fn noted(&mut self, token: Token) -> Option<&mut bool> {
        self.legs.get_mut(token.0 / 2)?.unread.get_mut(token.0 % 2)
    }

    fn packet_in(&mut self, now: Instant, slot: u32, is_control: bool, length: usize, from: SocketAddr) {
        let Worker { legs, packet, out, counts, ntp, parts, .. } = self;
        let (Some(entry), Some(packet)) = (legs.get_mut(slot as usize), packet.get_mut(..length)) else { return };
        let is_report = is_control || (entry.leg.muxed() && is_rtcp(packet));
        let packet = match entry.guard.as_mut().filter(|guard| guard.is_active()) {
            None => packet,
            Some(guard) => match guard.open(packet, is_report) {
                Ok(length) => packet.get_mut(..length).unwrap_or_default(),
                // The network doubles packets; that harms nobody.
                Err(SrtpError::Replayed(_)) => return,
                Err(_) => {
                    counts.rejected += 1;
                    entry.leg.rejected += 1;
                    return;
                }
            },
        };
        let packet = &*packet;
        if is_report {
            let taken = entry.leg.receive_rtcp(now, ntp.at(now), from, !is_control, packet);
            counts.rejected += u64::from(!taken);
            return;
        }
        counts.received += 1;
        // A packet that fills the buffer was cut: no audio is that long.
        if length == limits::PACKET {
            return;
        }
        let (keys, sound) = match entry.leg.receive(now, from, packet) {
            Verdict::Rejected => {
                counts.rejected += 1;
                return;
            }
            Verdict::Ignored => return,
            Verdict::Heard { keys, sound } => (keys, sound),
        };
        let leg = entry.leg.id();
        for key in keys.into_iter().flatten() {
            parts.sink.report(Report::Digit { leg, digit: key.digit, duration_ms: key.duration_ms() });
        }
        let Some(sound) = sound else { return };
        if entry.tapped
            && sound.kind == Kind::Speech
            && let Some(tap) = &parts.tap
        {
            tap.hand_on(now, &sound, packet);
        }
        if matches!(entry.hears, Hears::Echo) && sound.kind != Kind::Event {
            relay(entry, now, &sound, packet, out, counts);
        }
        let mut mixed = false;
        for place in 0..entry_listeners(legs, slot) {
            let Some(listener) = legs.get(slot as usize).and_then(|source| source.listeners.get(place).copied()) else { break };
            let Some(listener) = legs.get_mut(listener as usize) else { continue };
            match listener.hears {
                Hears::Leg(_) => {
                    let mismatched = listener.leg.mismatched();
                    relay(listener, now, &sound, packet, out, counts);
                    counts.mismatched += listener.leg.mismatched() - mismatched;
                }
                Hears::Mix(_) => mixed = true,
                _ => {}
            }
        }
        if mixed && sound.kind == Kind::Speech {
            let queue = legs.get_mut(slot as usize).and_then(|source| source.queue.as_mut());
            if let (Some(queue), Some(law), Some(payload)) = (queue, sound.coding.law(), packet.get(sound.payload)) {
                queue.push(sound.timestamp, law, payload);
            }
        }
    }

    fn fail_current(&mut self, panic: &(dyn std::any::Any + Send)) {
        let what = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let slot = self.current.take();
        let leg = slot.and_then(|slot| self.legs.get(slot as usize)).map(|entry| entry.leg.id());
        tracing::error!(worker = self.parts.number, ?leg, panic = what.unwrap_or("?"), "a leg's media failed and is closed");
        if let Some(slot) = slot {
            self.close(Instant::now(), slot);
        }
    }

    /// A number that looks random enough to keep reports apart (xorshift64).
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

fn entry_listeners(legs: &Slab<Box<Entry>>, slot: u32) -> usize {
    legs.get(slot as usize).map_or(0, |entry| entry.listeners.len())
}

/// Passes a packet on to a listener, unless a key is sounding there.
fn relay(listener: &mut Entry, now: Instant, sound: &Sound, packet: &[u8], out: &mut Buffer, counts: &mut Counts) {
    if listener.pressing() {
        listener.leg.leave_out(sound);
        return;
    }
    let length = listener.leg.forward(now, sound, packet, out);
    send(listener, out, length, counts);
}

/// Sends what was made for a leg, if anything was. A full socket buffer loses the packet: waiting would hurt everybody.
fn send(entry: &mut Entry, out: &mut Buffer, length: Option<usize>, counts: &mut Counts) {
    let (Some(length), Some(to)) = (length, entry.leg.destination()) else { return };
    let length = match entry.guard.as_mut().filter(|guard| guard.is_active()) {
        None => length,
        Some(guard) => match guard.close(out, length) {
            Ok(length) => length,
            // A packet that came twice goes once: two under one number would give the key stream away.
            Err(_) => return,
        },
    };
    let Some(bytes) = out.get(..length) else { return };
    match entry.rtp.send_to(bytes, to) {
        Ok(_) => counts.sent += 1,
        Err(_) => counts.send_failed += 1,
    }
}

/// Sends RTCP, from the RTP socket if both share it (RFC 5761).
fn send_report(entry: &mut Entry, out: &mut Buffer, length: usize) -> io::Result<()> {
    let length = match entry.guard.as_mut().filter(|guard| guard.is_active()) {
        None => length,
        Some(guard) => guard.close_rtcp(out, length).map_err(io::Error::other)?,
    };
    let Some((to, bytes)) = entry.leg.rtcp_destination().zip(out.get(..length)) else { return Ok(()) };
    let socket = if entry.leg.muxed() { &entry.rtp } else { &entry.rtcp };
    socket.send_to(bytes, to).map(drop)
}
