//! The client side of the tables.

use bytes::Bytes;
use tandem_core::{Flow, Timestamp};

use super::{ClientEntry, ClientId, ClientMachine, Due, News, Transactions, is_reliable};
use crate::sip::transaction::client::Client;
use crate::sip::transaction::client_invite::{self, ClientInvite};
use crate::sip::transaction::key::Branch;
use crate::sip::transaction::machine::{Action, Actions};

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

    pub(super) fn client_entry(&mut self, id: ClientId) -> Option<&mut ClientEntry<C>> {
        self.clients.get_mut(id.slot as usize).filter(|entry| entry.serial == id.serial)
    }

    pub(super) fn run_client(&mut self, now: Timestamp, id: ClientId, steps: Actions) {
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
