//! Call ids as the agent gateway gives them out, so that one found there can be asked for here (cc-cms.md 6: never parsed, only
//! compared).

pub(super) use crate::gateway::callid::text;

/// The same for an id as the history keeps it.
pub(super) fn of_text(id: &str) -> String {
    id.parse().map_or_else(|_| id.to_owned(), text)
}
