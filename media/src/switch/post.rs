//! Commands on their way to the core.
//!
//! Two kinds. What begins something (an INVITE, a REGISTER) may be turned away when a mailbox is full: the peer gets 503
//! with Retry-After. What says how something went on or ended must arrive: it waits here, in order, until the mailbox
//! has room. That queue is bounded by the legs there are, each of which has only so much to say.

use std::collections::VecDeque;

use tandem_core::engine::{Mailbox, Poster};
use tandem_core::{Command, TenantId};

/// Gathers commands and sees that those that must arrive do.
pub(super) struct Post {
    poster: Poster,
    waiting: VecDeque<(TenantId, Command)>,
    refused: Vec<(TenantId, Command)>,
}

impl Post {
    pub(super) fn new(mailbox: &Mailbox) -> Self {
        Post { poster: mailbox.poster(), waiting: VecDeque::new(), refused: Vec::new() }
    }

    /// Takes a command; it leaves with the next [`Post::flush`].
    pub(super) fn send(&mut self, tenant: &TenantId, command: Command) {
        if self.waiting.is_empty() || may_be_refused(&command) {
            self.poster.push(tenant.clone(), command);
        } else {
            // Order per leg: nothing may overtake what waits already.
            self.waiting.push_back((tenant.clone(), command));
        }
    }

    /// Sends what was gathered. What was turned away and may be is handed to `turned_away`.
    pub(super) fn flush(&mut self, mut turned_away: impl FnMut(TenantId, Command)) {
        self.poster.flush(&mut self.refused);
        if self.refused.is_empty() && !self.waiting.is_empty() {
            for (tenant, command) in self.waiting.drain(..) {
                self.poster.push(tenant, command);
            }
            self.poster.flush(&mut self.refused);
        }
        let mut kept = VecDeque::new();
        for (tenant, command) in self.refused.drain(..) {
            if may_be_refused(&command) {
                turned_away(tenant, command);
            } else {
                kept.push_back((tenant, command));
            }
        }
        // What came back is older than what waits.
        kept.append(&mut self.waiting);
        self.waiting = kept;
    }

    /// Commands that wait for room.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

fn may_be_refused(command: &Command) -> bool {
    matches!(command, Command::LegOffered { .. } | Command::Register { .. })
}
