//! The post office: sees committed events on their way into the mirror and puts what they mean for agents into their mailboxes.

use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use tandem_core::tenant::Tenant;
use tandem_core::{AgentEvent, Envelope, Event, TenantId, WorkNumber};

use super::events::GatewayEvent;
use super::fold::Fold;
use super::mailbox::{Cursor, Mailbox, Posted};
use crate::view::Watch;

/// Mailboxes of all agents that are signed in.
#[derive(Debug, Default)]
pub(super) struct Post {
    mailboxes: DashMap<(TenantId, WorkNumber), Arc<Mailbox>>,
    fold: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    fold: Fold,
    /// Offset of the next event to look at: a mirror that begins anew shows old ones again.
    next: u64,
    /// Place of the next event to post.
    cursor: Cursor,
}

impl Post {
    /// The mailbox of an agent's session, if it has one.
    pub(super) fn mailbox(&self, tenant: &TenantId, agent: WorkNumber) -> Option<Arc<Mailbox>> {
        self.mailboxes.get(&(tenant.clone(), agent)).map(|entry| entry.clone())
    }

    fn deliver(&self, place: &mut Place, tenant: &TenantId, events: Vec<(WorkNumber, GatewayEvent)>) {
        for (agent, event) in events {
            let posted = place.stamp(agent, &event);
            if let Some(mailbox) = self.mailboxes.get(&(tenant.clone(), agent)) {
                mailbox.post([posted]);
            }
        }
    }
}

impl Place {
    fn stamp(&mut self, agent: WorkNumber, event: &GatewayEvent) -> Posted {
        let posted = Posted { cursor: self.cursor, state: event.is_state(), text: event.render(agent).into() };
        self.cursor.index += 1;
        posted
    }
}

impl Watch for Post {
    fn before(&self, offset: u64, envelope: &Envelope, tenant: &Tenant) {
        let mut place = self.fold.lock().unwrap_or_else(PoisonError::into_inner);
        if offset < place.next {
            return;
        }
        // What was put off belongs to the event before.
        let late = place.fold.overtaken(envelope);
        for (of, events) in late {
            self.deliver(&mut place, &of, events);
        }
        place.cursor = Cursor { offset, index: 0 };
        let events = place.fold.before(envelope, tenant);
        self.deliver(&mut place, &envelope.tenant, events);
        // Ends here and not after, because the event says that the tenant has forgotten the session.
        if let Event::Agent(agent, AgentEvent::SignedOut(_)) = &envelope.event
            && let Some((_, mailbox)) = self.mailboxes.remove(&(envelope.tenant.clone(), *agent))
        {
            let last = Fold::shut_down(mailbox.began_ms);
            let last = place.stamp(*agent, &last);
            mailbox.end(Some(last));
        }
    }

    fn after(&self, offset: u64, envelope: &Envelope, tenant: &Tenant) {
        let mut place = self.fold.lock().unwrap_or_else(PoisonError::into_inner);
        if offset < place.next {
            return;
        }
        place.next = offset + 1;
        if let Event::Agent(agent, AgentEvent::SignedIn(_)) = &envelope.event {
            let began = envelope.time.as_micros() / 1000;
            let mailbox = Arc::new(Mailbox::new(envelope.tenant.clone(), *agent, began));
            if let Some(old) = self.mailboxes.insert((envelope.tenant.clone(), *agent), mailbox) {
                old.end(None);
            }
        }
        let events = place.fold.after(envelope, tenant);
        self.deliver(&mut place, &envelope.tenant, events);
    }

    fn rest(&self) {
        let mut place = self.fold.lock().unwrap_or_else(PoisonError::into_inner);
        for (of, events) in place.fold.all_late() {
            self.deliver(&mut place, &of, events);
        }
    }
}
