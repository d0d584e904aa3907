//! All transactions of a user agent: the machines, their last messages, their timers.

use std::collections::{HashMap, VecDeque};
use std::hash::RandomState;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use slab::Slab;
use tandem_core::{Flow, Timestamp, Transport};

use super::client::Client;
use super::client_invite::{self, ClientInvite};
use super::key::{Branch, ServerKey};
use super::machine::{Action, Actions, Timer, TimerConfig};
use super::queue::{TimerQueue, TimerToken};
use super::server::Server;
use super::server_invite::{self, ServerInvite};

/// Bytes that are to be sent along a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The path.
    pub flow: Flow,
    /// One whole message.
    pub bytes: Bytes,
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

/// Client side.
impl<C, S> Transactions<C, S> {
    /// Sends a request and begins its transaction. `None`: the table is full and nothing was sent.
    pub fn start(&mut self, now: Timestamp, branch: Branch, invite: bool, flow: Flow, request: Bytes, user: C) -> Option<ClientId> {
        if self.clients.len() >= self.limit {
            return None;
        }
        let reliable = is_reliable(flow.transport);
        let (machine, steps) = if invite {
            let (machine, steps) = ClientInvite::new(self.config, reliable);
            (ClientMachine::Invite(machine), steps)
        } else {
            let (machine, steps) = Client::new(self.config, reliable);
            (ClientMachine::Other(machine), steps)
        };
        let serial = self.next_serial();
        self.send(flow, request.clone());
        let entry = ClientEntry { serial, machine, branch, flow, request, ack: None, timers: [None; 2], user };
        let slot = self.clients.insert(entry) as u32;
        self.by_branch.insert(branch, slot);
        if reliable {
            self.by_flow.entry(flow).or_default().insert(slot);
        }
        let id = ClientId { slot, serial };
        self.run_client(now, id, steps);
        Some(id)
    }

    /// The transaction that a response with this branch belongs to (RFC 3261 §17.1.3).
    pub fn client_of(&self, branch: Branch) -> Option<ClientId> {
        let slot = *self.by_branch.get(&branch)?;
        let entry = self.clients.get(slot as usize)?;
        Some(ClientId { slot, serial: entry.serial })
    }

    /// Hands a response to its machine; true if the user is to see it. `ack` makes the ACK for a refused INVITE from the
    /// request; it is called at most once per transaction.
    pub fn response(&mut self, now: Timestamp, id: ClientId, status: u16, ack: impl FnOnce(&Bytes) -> Option<Bytes>) -> bool {
        let Some(entry) = self.client_entry(id) else { return false };
        let steps = match &mut entry.machine {
            ClientMachine::Invite(machine) => machine.response(status),
            ClientMachine::Other(machine) => machine.response(status),
        };
        if steps.contains(&Action::Acknowledge) && entry.ack.is_none() {
            entry.ack = ack(&entry.request);
        }
        let deliver = steps.contains(&Action::Deliver);
        self.run_client(now, id, steps);
        deliver
    }

    /// What the user keeps with a transaction.
    pub fn client(&mut self, id: ClientId) -> Option<&mut C> {
        self.client_entry(id).map(|entry| &mut entry.user)
    }

    /// The request of a transaction and its flow.
    pub fn request(&self, id: ClientId) -> Option<(&Bytes, Flow)> {
        let entry = self.clients.get(id.slot as usize).filter(|entry| entry.serial == id.serial)?;
        Some((&entry.request, entry.flow))
    }

    /// An INVITE transaction that had no response at all yet: a CANCEL has to wait (RFC 3261 §9.1).
    pub fn is_calling(&self, id: ClientId) -> bool {
        self.clients.get(id.slot as usize).filter(|entry| entry.serial == id.serial).is_some_and(
            |entry| matches!(&entry.machine, ClientMachine::Invite(machine) if machine.state() == client_invite::State::Calling),
        )
    }

    /// The user of an INVITE is gone: it may end by itself, but will end.
    pub fn forsake(&mut self, now: Timestamp, id: ClientId) {
        let Some(entry) = self.client_entry(id) else { return };
        if let ClientMachine::Invite(machine) = &mut entry.machine {
            let steps = machine.forsake();
            self.run_client(now, id, steps);
        }
    }

    /// Gives an INVITE up that was cancelled long ago and never finally answered (RFC 3261 §9.1).
    pub fn abandon(&mut self, id: ClientId) {
        if self.client_entry(id).is_some() {
            self.end_client(id);
        }
    }

    /// A connection is gone: its transactions fail.
    pub fn flow_failed(&mut self, now: Timestamp, flow: Flow) {
        let mut slots: Vec<u32> = if is_reliable(flow.transport) {
            self.by_flow.get(&flow).map(|set| set.iter().copied().collect()).unwrap_or_default()
        } else {
            self.clients.iter().filter(|(_, entry)| entry.flow == flow).map(|(slot, _)| slot as u32).collect()
        };
        slots.sort_unstable();
        for slot in slots {
            let Some(entry) = self.clients.get_mut(slot as usize) else { continue };
            let id = ClientId { slot, serial: entry.serial };
            let steps = match &mut entry.machine {
                ClientMachine::Invite(machine) => machine.transport_failed(),
                ClientMachine::Other(machine) => machine.transport_failed(),
            };
            self.run_client(now, id, steps);
        }
    }

    fn client_entry(&mut self, id: ClientId) -> Option<&mut ClientEntry<C>> {
        self.clients.get_mut(id.slot as usize).filter(|entry| entry.serial == id.serial)
    }

    fn run_client(&mut self, now: Timestamp, id: ClientId, steps: Actions) {
        for step in steps {
            let Some(entry) = self.clients.get_mut(id.slot as usize) else { return };
            match step {
                Action::Resend => {
                    let (flow, bytes) = (entry.flow, entry.request.clone());
                    self.send(flow, bytes);
                }
                Action::Acknowledge => {
                    if let Some(bytes) = entry.ack.clone() {
                        let flow = entry.flow;
                        self.send(flow, bytes);
                    }
                }
                Action::Start(timer, after) => {
                    if let Some(old) = entry.timers[timer.slot()].replace(self.queue.set(now + after, Due::Client(id, timer))) {
                        self.queue.cancel(old);
                    }
                }
                Action::Stop(timer) => {
                    if let Some(token) = entry.timers[timer.slot()].take() {
                        self.queue.cancel(token);
                    }
                }
                Action::TimedOut => self.news.push_back(News::TimedOut(id)),
                Action::TransportFailed => self.news.push_back(News::TransportFailed(id)),
                Action::Over => self.end_client(id),
                Action::Deliver | Action::SendTrying => {}
            }
        }
    }

    fn end_client(&mut self, id: ClientId) {
        let Some(entry) = self.clients.get_mut(id.slot as usize) else { return };
        for token in entry.timers.iter_mut().filter_map(Option::take) {
            self.queue.cancel(token);
        }
        let first_time = self.by_branch.remove(&entry.branch).is_some();
        if let Some(set) = self.by_flow.get_mut(&entry.flow) {
            set.remove(&id.slot);
            if set.is_empty() {
                self.by_flow.remove(&entry.flow);
            }
        }
        if first_time {
            self.dead_clients.push(id.slot);
        }
    }
}

/// Server side.
impl<C, S> Transactions<C, S> {
    /// A request other than ACK came. `merge` names the request whatever path it took; give it for requests outside a
    /// dialog only. `flow` is where responses go.
    pub fn incoming(&mut self, now: Timestamp, key: ServerKey, merge: Option<ServerKey>, invite: bool, flow: Flow, user: S) -> Incoming {
        if let Some(&slot) = self.by_key.get(&key) {
            let Some(entry) = self.servers.get_mut(slot as usize) else { return Incoming::Repeated };
            let id = ServerId { slot, serial: entry.serial };
            let steps = match &mut entry.machine {
                ServerMachine::Invite(machine) => machine.repeated(),
                ServerMachine::Other(machine) => machine.repeated(),
            };
            self.run_server(now, id, steps);
            return Incoming::Repeated;
        }
        if merge.is_some_and(|merge| self.by_merge.contains_key(&merge)) {
            return Incoming::Merged;
        }
        if self.servers.len() >= self.limit {
            return Incoming::Full;
        }
        let reliable = is_reliable(flow.transport);
        let (machine, steps) = if invite {
            let (machine, steps) = ServerInvite::new(self.config, reliable);
            (ServerMachine::Invite(machine), steps)
        } else {
            let (machine, steps) = Server::new(self.config, reliable);
            (ServerMachine::Other(machine), steps)
        };
        let serial = self.next_serial();
        let slot = self.servers.insert(ServerEntry { serial, machine, key, merge, flow, last: None, timers: [None; 2], user }) as u32;
        self.by_key.insert(key, slot);
        if let Some(merge) = merge {
            self.by_merge.insert(merge, slot);
        }
        let id = ServerId { slot, serial };
        self.run_server(now, id, steps);
        Incoming::New(id)
    }

    /// Sends a response; false if the transaction has had its final response or is gone.
    pub fn respond(&mut self, now: Timestamp, id: ServerId, status: u16, bytes: Bytes) -> bool {
        let Some(entry) = self.server_entry(id) else { return false };
        let steps = match &mut entry.machine {
            ServerMachine::Invite(machine) => machine.respond(status),
            ServerMachine::Other(machine) => machine.respond(status),
        };
        if steps.is_empty() {
            return false;
        }
        entry.last = Some(bytes);
        self.run_server(now, id, steps);
        true
    }

    /// An ACK came; `key` is that of its INVITE.
    pub fn ack(&mut self, now: Timestamp, key: ServerKey) -> AckFor {
        let Some(id) = self.server_of(key) else { return AckFor::Dialog };
        let Some(entry) = self.server_entry(id) else { return AckFor::Dialog };
        let ServerMachine::Invite(machine) = &mut entry.machine else { return AckFor::Dialog };
        let steps = machine.ack();
        let dialog = matches!(machine.state(), server_invite::State::Accepted);
        self.run_server(now, id, steps);
        if dialog { AckFor::Dialog } else { AckFor::Refusal }
    }

    /// The transaction with this key: how a CANCEL finds its INVITE (RFC 3261 §9.2).
    pub fn server_of(&self, key: ServerKey) -> Option<ServerId> {
        let slot = *self.by_key.get(&key)?;
        let entry = self.servers.get(slot as usize)?;
        Some(ServerId { slot, serial: entry.serial })
    }

    /// What the user keeps with a transaction.
    pub fn server(&mut self, id: ServerId) -> Option<&mut S> {
        self.server_entry(id).map(|entry| &mut entry.user)
    }

    /// Where its responses go.
    pub fn server_flow(&self, id: ServerId) -> Option<Flow> {
        self.servers.get(id.slot as usize).filter(|entry| entry.serial == id.serial).map(|entry| entry.flow)
    }

    fn server_entry(&mut self, id: ServerId) -> Option<&mut ServerEntry<S>> {
        self.servers.get_mut(id.slot as usize).filter(|entry| entry.serial == id.serial)
    }

    fn run_server(&mut self, now: Timestamp, id: ServerId, steps: Actions) {
        for step in steps {
            let Some(entry) = self.servers.get_mut(id.slot as usize) else { return };
            match step {
                Action::Resend => {
                    if let Some(bytes) = entry.last.clone() {
                        let flow = entry.flow;
                        self.send(flow, bytes);
                    }
                }
                Action::SendTrying => self.news.push_back(News::Trying(id)),
                Action::Start(timer, after) => {
                    if let Some(old) = entry.timers[timer.slot()].replace(self.queue.set(now + after, Due::Server(id, timer))) {
                        self.queue.cancel(old);
                    }
                }
                Action::Stop(timer) => {
                    if let Some(token) = entry.timers[timer.slot()].take() {
                        self.queue.cancel(token);
                    }
                }
                Action::TimedOut => self.news.push_back(News::Unacknowledged(id)),
                Action::Over => self.end_server(id),
                Action::Deliver | Action::Acknowledge | Action::TransportFailed => {}
            }
        }
    }

    fn end_server(&mut self, id: ServerId) {
        let Some(entry) = self.servers.get_mut(id.slot as usize) else { return };
        for token in entry.timers.iter_mut().filter_map(Option::take) {
            self.queue.cancel(token);
        }
        let first_time = self.by_key.remove(&entry.key).is_some();
        if let Some(merge) = entry.merge {
            self.by_merge.remove(&merge);
        }
        if first_time {
            self.dead_servers.push(id.slot);
        }
    }
}
