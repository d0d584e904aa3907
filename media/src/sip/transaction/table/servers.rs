//! The server side of the tables.

use bytes::Bytes;
use tandem_core::{Flow, Timestamp};

use super::{AckFor, Due, Incoming, News, ServerEntry, ServerId, ServerMachine, Transactions, is_reliable};
use crate::sip::transaction::key::ServerKey;
use crate::sip::transaction::machine::{Action, Actions};
use crate::sip::transaction::server::{self, Server};
use crate::sip::transaction::server_invite::{self, ServerInvite};

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
        if self.servers.len() >= self.limit && !self.make_room() {
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

    /// Forgets the longest answered request before its time, if there is one. A registration storm fills any table within 32 s
    /// (timer J): turning new requests away would help nobody, and a repetition so late is at worst answered afresh.
    fn make_room(&mut self) -> bool {
        let Some(oldest) = self.answered.front().copied() else { return false };
        self.end_server(oldest);
        self.bury();
        true
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
        if matches!(&entry.machine, ServerMachine::Other(machine) if machine.state() == server::State::Completed) {
            self.answered.push_back(id);
        }
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

    pub(super) fn server_entry(&mut self, id: ServerId) -> Option<&mut ServerEntry<S>> {
        self.servers.get_mut(id.slot as usize).filter(|entry| entry.serial == id.serial)
    }

    pub(super) fn run_server(&mut self, now: Timestamp, id: ServerId, steps: Actions) {
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
        while self.answered.front().is_some_and(|oldest| self.is_over(*oldest)) {
            self.answered.pop_front();
        }
    }

    fn is_over(&self, id: ServerId) -> bool {
        let entry = self.servers.get(id.slot as usize).filter(|entry| entry.serial == id.serial);
        entry.is_none_or(|entry| !self.by_key.contains_key(&entry.key))
    }
}
