//! One tenant = one state machine = one writer.
//!
//! [`Tenant::handle`] decides: it checks a command against the state, applies the events that follow from it one by one
//! and collects them together with the effects. State changes only in [`Tenant::apply`], so a tenant made by applying
//! its recorded events equals the one that lived through them.

use crate::command::{Accepted, Command, Rejection};
use crate::effect::Effect;
use crate::event::Envelope;
use crate::id::{Ids, TenantId};
use crate::time::Timestamp;

/// What followed from commands: reused between commands to save allocations.
#[derive(Debug, Default)]
pub struct Decision {
    /// Facts, already applied, in order.
    pub events: Vec<Envelope>,
    /// Orders, to be released once the events are in the log.
    pub effects: Vec<Effect>,
}

/// One tenant's whole state.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tenant {
    id: TenantId,
    seq: u64,
}

impl Tenant {
    /// A tenant before its first event.
    pub fn new(id: TenantId) -> Self {
        Tenant { id, seq: 0 }
    }

    /// Whose state this is.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// `seq` of the last event applied; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Carries out a command: appends events and effects to `out`, or changes nothing and says why.
    pub fn handle(&mut self, now: Timestamp, ids: &mut Ids, command: Command, out: &mut Decision) -> Result<Accepted, Rejection> {
        let _ = (now, ids, command, out);
        Ok(Accepted::default())
    }

    /// Takes one recorded fact into the state. Total: an event that doesn't fit changes nothing but `seq`.
    pub fn apply(&mut self, envelope: &Envelope) {
        self.seq = envelope.seq;
    }
}
