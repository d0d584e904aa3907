//! What happened in each five minutes, per tenant, queue and agent: the settlement that history indicators come from.
//!
//! Everything about one request counts in the five minutes in which the request began, however long it took: a queue's
//! `request` minus its `connected` is then never negative, whatever the grain. Acts of agents count when they were done.

use std::collections::BTreeMap;

use serde::Serialize;
use tandem_core::agent::WorkNumber;
use tandem_core::queue::QueueId;
use tandem_core::{TenantId, Timestamp};

/// Microseconds of a settlement: five minutes.
pub const SLOT: i64 = 300_000_000;

/// Seconds whose sums are kept, for `…_IN_{N}` (cc-cms.md 5.2).
pub const WITHIN: [i64; 13] = [3, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60];

/// When the five minutes of a moment began.
pub fn slot(micros: i64) -> i64 {
    micros.div_euclid(SLOT).saturating_mul(SLOT)
}

/// The first of [`WITHIN`] that a wait fits into.
pub(super) fn within(waited_ms: u64) -> Option<i64> {
    WITHIN.into_iter().find(|seconds| waited_ms <= seconds.unsigned_abs() * 1000)
}

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Tenant,
    Queue(QueueId),
    Agent(WorkNumber),
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Scope::Tenant => "vdn",
            Scope::Queue(_) => "queue",
            Scope::Agent(_) => "agent",
        }
    }

    fn id(self) -> i64 {
        match self {
            Scope::Tenant => 0,
            Scope::Queue(queue) => i64::from(queue.get()),
            Scope::Agent(agent) => i64::from(agent.get()),
        }
    }
}

/// Counted since the last transaction.
#[derive(Debug, Default)]
pub(super) struct Counters(BTreeMap<(TenantId, Scope, i64, &'static str), i64>);

/// A row of the table.
#[derive(Debug, Serialize)]
pub(super) struct CounterRow<'a> {
    tenant: &'a str,
    scope: &'static str,
    id: i64,
    slot: i64,
    name: &'static str,
    value: i64,
}

impl Counters {
    /// Counts one.
    pub(super) fn count(&mut self, tenant: &TenantId, scope: Scope, began: Timestamp, name: &'static str) {
        let value = self.0.entry((tenant.clone(), scope, slot(began.as_micros()), name)).or_default();
        *value = value.saturating_add(1);
    }

    pub(super) fn rows(&self) -> Vec<CounterRow<'_>> {
        let rows = self.0.iter().map(|((tenant, scope, slot, name), value)| CounterRow {
            tenant: tenant.as_str(),
            scope: scope.name(),
            id: scope.id(),
            slot: *slot,
            name,
            value: *value,
        });
        rows.collect()
    }

    pub(super) fn stored(&mut self) {
        self.0.clear();
    }
}

/// Names of sums by waiting time: `connected_le_3` says within 3 s but not within a smaller one of [`WITHIN`].
pub(super) fn connected_le(seconds: i64) -> &'static str {
    match seconds {
        3 => "connected_le_3",
        5 => "connected_le_5",
        10 => "connected_le_10",
        15 => "connected_le_15",
        20 => "connected_le_20",
        25 => "connected_le_25",
        30 => "connected_le_30",
        35 => "connected_le_35",
        40 => "connected_le_40",
        45 => "connected_le_45",
        50 => "connected_le_50",
        55 => "connected_le_55",
        _ => "connected_le_60",
    }
}

/// The same for callers who gave up.
pub(super) fn abandoned_le(seconds: i64) -> &'static str {
    match seconds {
        3 => "abandoned_le_3",
        5 => "abandoned_le_5",
        10 => "abandoned_le_10",
        15 => "abandoned_le_15",
        20 => "abandoned_le_20",
        25 => "abandoned_le_25",
        30 => "abandoned_le_30",
        35 => "abandoned_le_35",
        40 => "abandoned_le_40",
        45 => "abandoned_le_45",
        50 => "abandoned_le_50",
        55 => "abandoned_le_55",
        _ => "abandoned_le_60",
    }
}
