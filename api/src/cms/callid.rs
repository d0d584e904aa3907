//! Call ids as the published interfaces write them, `timestamp-number`: the same text as the agent gateway gives out, so that one
//! found there can be asked for here (cc-cms.md 6: never parsed, only compared).

use tandem_core::{CallId, Ids};

/// Counter bits that go into the number; the rest is added to the seconds.
const LOW: u32 = 18;

/// As written on the wire.
pub(super) fn text(call: CallId) -> String {
    let seconds = u64::from(Ids::base_of(call.0)) + Ids::ORIGIN;
    let counter = call.0 & ((1 << 28) - 1);
    let number = (u64::from(Ids::source_of(call.0)) << LOW) | (counter & ((1 << LOW) - 1));
    format!("{}-{number}", seconds + (counter >> LOW))
}

/// The same for an id as the history keeps it.
pub(super) fn of_text(id: &str) -> String {
    id.parse().map_or_else(|_| id.to_owned(), text)
}
