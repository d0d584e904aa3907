//! All transactions of a user agent: the machines, their last messages, their timers.

mod clients;
mod servers;

use std::collections::{HashMap, VecDeque};
use std::hash::RandomState;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use slab::Slab;
use tandem_core::{Flow, Timestamp, Transport};

use super::client::Client;
use super::client_invite::ClientInvite;
use super::key::{Branch, ServerKey};
use super::machine::{Timer, TimerConfig};
use super::queue::{TimerQueue, TimerToken};
use super::server::Server;
use super::server_invite::ServerInvite;

/// Bytes that are to be sent along a flow. Printed without them: they may hold keys and credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The path.
    pub flow: Flow,
    /// One whole message.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Transmit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transmit({:?}, {} bytes)", self.flow, self.bytes.len())
    }
}

/// Names a client transaction; never names another one later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId {
    slot: u32,
    serial: u32,
}

/// Names a server transaction; never names another one later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerId {
    slot: u32,
    serial: u32,
}

impl ServerId {
    /// As a number, for those who hand it out as a token.
    pub fn to_bits(self) -> u64 {
        (u64::from(self.serial) << 32) | u64::from(self.slot)
    }

    /// Back from a number; a number that never was one names nothing.
    pub fn from_bits(bits: u64) -> Self {
        ServerId { slot: bits as u32, serial: (bits >> 32) as u32 }
    }
}

/// What the tables tell their user besides the messages it hands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// No final response in time (timers B and F): a 408 in effect (RFC 3261 §8.1.3.1).
    TimedOut(ClientId),
    /// The transport failed: a 503 in effect.
    TransportFailed(ClientId),
    /// 200 ms without a response to an INVITE: send a 100.
    Trying(ServerId),
    /// Nobody acknowledged our refusal of an INVITE (timer H).
    Unacknowledged(ServerId),
}

/// What a request means to the tables.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// It begins a transaction.
    New(ServerId),
    /// It is a repetition and dealt with.
    Repeated,
    /// The same request has come by another path (RFC 3261 §8.2.2.2).
    Merged,
    /// The table is full.
    Full,
}

/// What an ACK means to the tables.
#[derive(Debug, PartialEq, Eq)]
pub enum AckFor {
    /// It belonged to a refusal and is dealt with.
    Refusal,
    /// It is for a 2xx: find its dialog.
    Dialog,
}

#[derive(Debug, Clone, Copy)]
enum Due {
    Client(ClientId, Timer),
    Server(ServerId, Timer),
}

#[derive(Debug)]
enum ClientMachine {
    Invite(ClientInvite),
    Other(Client),
}

#[derive(Debug)]
struct ClientEntry<C> {
    serial: u32,
    machine: ClientMachine,
    branch: Branch,
    flow: Flow,
    request: Bytes,
    ack: Option<Bytes>,
    timers: [Option<TimerToken>; 2],
    user: C,
}

#[derive(Debug)]
enum ServerMachine {
    Invite(ServerInvite),
    Other(Server),
}

#[derive(Debug)]
struct ServerEntry<S> {
    serial: u32,
    machine: ServerMachine,
    key: ServerKey,
    merge: Option<ServerKey>,
    flow: Flow,
    last: Option<Bytes>,
    timers: [Option<TimerToken>; 2],
    user: S,
}

/// The tables. `C` and `S` are what the user keeps with client and server transactions.
///
/// A transaction that is over can still be looked at until [`Transactions::bury`] is called.
#[derive(Debug)]
pub struct Transactions<C, S> {
    config: TimerConfig,
    limit: usize,
    serial: u32,
    queue: TimerQueue<Due>,
    clients: Slab<ClientEntry<C>>,
    by_branch: FxHashMap<Branch, u32>,
    // Keys in these are keyed hashes of our own making, so the fast hasher is safe.
    servers: Slab<ServerEntry<S>>,
    by_key: FxHashMap<ServerKey, u32>,
    by_merge: FxHashMap<ServerKey, u32>,
    /// Answered and kept only for repetitions (timer J), in the order of their answers, which is that of their ends.
    answered: VecDeque<ServerId>,
    // Flows are chosen by peers: seeded hasher.
    by_flow: HashMap<Flow, FxHashSet<u32>, RandomState>,
    dead_clients: Vec<u32>,
    dead_servers: Vec<u32>,
    out: VecDeque<Transmit>,
    news: VecDeque<News>,
}

/// Streams repeat nothing and linger not (RFC 3261 §17).
pub fn is_reliable(transport: Transport) -> bool {
    !matches!(transport, Transport::Udp)
}

impl<C, S> Transactions<C, S> {
    /// Empty tables that hold at most `limit` transactions each way.
    pub fn new(config: TimerConfig, limit: usize) -> Self {
        Transactions {
            config,
            limit,
            serial: 0,
            queue: TimerQueue::default(),
            clients: Slab::new(),
            by_branch: FxHashMap::default(),
            servers: Slab::new(),
            by_key: FxHashMap::default(),
            by_merge: FxHashMap::default(),
            answered: VecDeque::new(),
            by_flow: HashMap::default(),
            dead_clients: Vec::new(),
            dead_servers: Vec::new(),
            out: VecDeque::new(),
            news: VecDeque::new(),
        }
    }

    /// The durations in use.
    pub fn config(&self) -> TimerConfig {
        self.config
    }

    /// Client and server transactions alive.
    pub fn len(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// Nothing is kept: no transaction, no timer, no index entry.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
            && self.servers.is_empty()
            && self.queue.is_empty()
            && self.by_branch.is_empty()
            && self.by_key.is_empty()
            && self.by_merge.is_empty()
            && self.answered.is_empty()
            && self.by_flow.is_empty()
    }

    /// Sends outside of any transaction.
    pub fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.out.push_back(Transmit { flow, bytes });
    }

    /// The next bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// The next thing to know.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// When [`Transactions::handle_timeout`] is next needed.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.queue.next()
    }

    /// Fires one due timer; false if none is due.
    pub fn handle_timeout(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.queue.take_due(now) else { return false };
        match due {
            Due::Client(id, timer) => {
                let Some(entry) = self.client_entry(id) else { return true };
                entry.timers[timer.slot()] = None;
                let steps = match &mut entry.machine {
                    ClientMachine::Invite(machine) => machine.timer(timer),
                    ClientMachine::Other(machine) => machine.timer(timer),
                };
                self.run_client(now, id, steps);
            }
            Due::Server(id, timer) => {
                let Some(entry) = self.server_entry(id) else { return true };
                entry.timers[timer.slot()] = None;
                let steps = match &mut entry.machine {
                    ServerMachine::Invite(machine) => machine.timer(timer),
                    ServerMachine::Other(machine) => machine.timer(timer),
                };
                self.run_server(now, id, steps);
            }
        }
        true
    }

    /// Removes what is over. Call it when the messages and news at hand have been dealt with.
    pub fn bury(&mut self) {
        for slot in self.dead_clients.drain(..) {
            self.clients.try_remove(slot as usize);
        }
        for slot in self.dead_servers.drain(..) {
            self.servers.try_remove(slot as usize);
        }
    }

    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }
}
