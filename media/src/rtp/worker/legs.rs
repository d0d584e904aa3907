//! Legs come, change, move and go; and who hears whom.

use std::sync::atomic::Ordering;
use std::time::Instant;

use mio::{Interest, Token};
use tandem_core::LegId;

use super::entry::{Command, Entry, Hears, Listeners};
use super::{Worker, send_report};
use crate::rtp::limits;
use crate::rtp::report::Report;

impl Worker {
    /// Takes what has come in from the plane and from other workers, a turn's worth.
    pub(super) fn commands(&mut self) {
        let now = Instant::now();
        while let Ok(entry) = self.parts.arrivals.try_recv() {
            let leg = entry.leg.id();
            self.admit(now, entry);
            for command in self.expected.remove(&leg).unwrap_or_default() {
                self.command(now, command);
            }
        }
        for _ in 0..limits::COMMANDS_PER_TURN {
            let Ok(command) = self.parts.commands.try_recv() else { break };
            self.command(now, command);
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        let leg = match &command {
            Command::Open(entry) => entry.leg.id(),
            Command::Remote(leg, _)
            | Command::Hear(leg, _)
            | Command::Tap(leg, _)
            | Command::Move(leg, _)
            | Command::Expect(leg)
            | Command::Close(leg) => *leg,
        };
        if let Command::Expect(_) = command {
            // It may have been faster than the word about it.
            if !self.slots.contains_key(&leg) {
                self.expected.insert(leg, Vec::new());
            }
            return;
        }
        if let Some(later) = self.expected.get_mut(&leg) {
            later.push(command);
            return;
        }
        if let Command::Open(entry) = command {
            self.admit(now, entry);
            return;
        }
        // A leg that failed here is gone already: its `Closed` has been reported.
        let Some(slot) = self.slots.get(&leg).copied() else { return };
        self.current = Some(slot);
        match command {
            Command::Remote(_, remote) => {
                let due = now + self.report_interval() / 2;
                if let Some(entry) = self.legs.get_mut(slot as usize) {
                    entry.leg.set_remote(now, &remote);
                    entry.report_due.get_or_insert(due);
                }
            }
            Command::Hear(_, hears) => self.hear(slot, hears),
            Command::Tap(_, tapped) => {
                if let Some(entry) = self.legs.get_mut(slot as usize) {
                    entry.tapped = tapped;
                }
            }
            Command::Move(_, worker) => self.hand_over(slot, worker),
            Command::Close(_) => self.close(now, slot),
            Command::Open(_) | Command::Expect(_) => {}
        }
        self.current = None;
    }

    /// Takes a leg in, new or from another worker.
    fn admit(&mut self, now: Instant, mut entry: Box<Entry>) {
        let leg = entry.leg.id();
        entry.listeners = self.waiting.remove(&leg).unwrap_or_default();
        (entry.ticking, entry.unread) = (false, [false; 2]);
        let hears = std::mem::replace(&mut entry.hears, Hears::Silence);
        let slot = self.legs.insert(entry);
        let Ok(narrow) = u32::try_from(slot) else { return };
        self.slots.insert(leg, narrow);
        // Room for both its sockets, so that a packet never has to make it.
        self.unread.reserve(2 * self.legs.len());
        self.ready_queue(narrow);
        self.link(narrow, hears);
        let Some(entry) = self.legs.get_mut(slot) else { return };
        let registry = self.parts.poll.registry();
        let registered = registry
            .register(&mut entry.rtp, Token(2 * slot), Interest::READABLE)
            .and_then(|()| registry.register(&mut entry.rtcp, Token(2 * slot + 1), Interest::READABLE));
        if let Err(error) = registered {
            tracing::error!(%leg, %error, "sockets could not be watched");
            self.close(now, narrow);
        }
    }

    /// Takes a leg out: sockets off the loop, no link left. Its listeners wait for it under its name.
    fn remove(&mut self, slot: u32) -> Option<Box<Entry>> {
        let hears = self.unlink(slot);
        let mut entry = self.legs.try_remove(slot as usize)?;
        let registry = self.parts.poll.registry();
        for socket in [&mut entry.rtp, &mut entry.rtcp] {
            if let Err(error) = registry.deregister(socket) {
                tracing::warn!(leg = %entry.leg.id(), %error, "socket was not watched");
            }
        }
        let listeners = std::mem::take(&mut entry.listeners);
        if !listeners.is_empty() {
            self.waiting.insert(entry.leg.id(), listeners);
        }
        self.slots.remove(&entry.leg.id());
        entry.hears = hears;
        Some(entry)
    }

    pub(super) fn close(&mut self, now: Instant, slot: u32) {
        if let Some(entry) = self.remove(slot) {
            self.finish(now, *entry);
        }
    }

    /// The end of a leg that nobody else knows any more.
    pub(super) fn finish(&mut self, now: Instant, mut entry: Entry) {
        if let Some(length) = entry.leg.report(now, self.ntp.at(now), true, &mut self.out) {
            // The peer learns from SIP as well: a lost BYE costs nothing.
            let _ = send_report(&entry, &self.out, length);
        }
        let (leg, stats) = (entry.leg.id(), entry.leg.stats());
        drop(entry);
        self.parts.sink.report(Report::Closed { leg, stats });
    }

    /// Gives a leg to another worker. Packets that come meanwhile wait in the kernel and are read there.
    fn hand_over(&mut self, slot: u32, worker: usize) {
        let Some(peer) = self.parts.peers.get(worker).cloned() else { return };
        if self.parts.stop.load(Ordering::Acquire) {
            return;
        }
        let Some(entry) = self.remove(slot) else { return };
        // Sized for every leg there can be, so never full: only a worker that has ended refuses.
        if let Err(refused) = peer.legs.try_send(entry) {
            self.finish(Instant::now(), *refused.into_inner());
            return;
        }
        if let Err(error) = peer.waker.wake() {
            tracing::warn!(worker, %error, "a worker could not be woken");
        }
    }

    fn hear(&mut self, slot: u32, hears: Hears) {
        // Said again, it goes on as it is; a tone or a prompt begins anew.
        if self.legs.get(slot as usize).is_some_and(|entry| entry.hears.goes_on_as(&hears)) {
            return;
        }
        drop(self.unlink(slot));
        if let Some(entry) = self.legs.get_mut(slot as usize) {
            entry.leg.interrupt();
        }
        self.link(slot, hears);
    }

    fn link(&mut self, slot: u32, hears: Hears) {
        for source in hears.sources() {
            self.listeners_of(*source).push(slot);
        }
        let sources: Listeners = match &hears {
            Hears::Mix(sources) => sources.iter().filter_map(|source| self.slots.get(source).copied()).collect(),
            _ => Listeners::new(),
        };
        let Some(entry) = self.legs.get_mut(slot as usize) else { return };
        if hears.needs_tick() && !entry.ticking {
            entry.ticking = true;
            self.ticking.push(slot);
        }
        entry.hears = hears;
        sources.into_iter().for_each(|source| self.ready_queue(source));
    }

    fn unlink(&mut self, slot: u32) -> Hears {
        let Some(entry) = self.legs.get_mut(slot as usize) else { return Hears::Silence };
        let hears = std::mem::replace(&mut entry.hears, Hears::Silence);
        if std::mem::take(&mut entry.ticking) {
            self.ticking.retain(|ticking| *ticking != slot);
        }
        for source in hears.sources() {
            let listeners = self.listeners_of(*source);
            listeners.retain(|listener| *listener != slot);
            let idle = listeners.is_empty();
            if idle && !self.slots.contains_key(source) {
                self.waiting.remove(source);
            }
            self.ready_queue_of(*source);
        }
        hears
    }

    fn listeners_of(&mut self, source: LegId) -> &mut Listeners {
        let slot = self.slots.get(&source).map(|slot| *slot as usize);
        match slot.and_then(|slot| self.legs.get_mut(slot)) {
            Some(entry) => &mut entry.listeners,
            None => self.waiting.entry(source).or_default(),
        }
    }

    fn ready_queue_of(&mut self, source: LegId) {
        if let Some(slot) = self.slots.get(&source).copied() {
            self.ready_queue(slot);
        }
    }

    /// A source has a queue exactly while a mix listens to it: made here, not when a packet comes.
    fn ready_queue(&mut self, slot: u32) {
        let Some(source) = self.legs.get(slot as usize) else { return };
        let mixed = source
            .listeners
            .iter()
            .filter_map(|listener| self.legs.get(*listener as usize))
            .any(|listener| matches!(listener.hears, Hears::Mix(_)));
        if let Some(source) = self.legs.get_mut(slot as usize) {
            match mixed {
                true => drop(source.queue.get_or_insert_default()),
                false => source.queue = None,
            }
        }
    }
}
