//! The admin API, `/api/v1/…`. Handlers parse, send one command or read one view, and render.

pub mod agents;
pub mod audit;
pub mod bodies;
pub mod calls;
pub mod explain;
pub mod import;
pub mod keys;
pub mod legs;
pub mod numbers;
pub mod phones;
pub mod prompts;
pub mod queues;
pub mod session;
pub mod staff;
pub mod status;
pub mod stream;
pub mod tenants;
pub mod trunks;

use std::str::FromStr;

use crate::http::{AppState, Problem};

/// A name or an id out of a path or a query.
fn parse<T>(field: &str, text: &str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Problem::malformed(error.to_string()).field(field))
}

/// How many items a page may have.
fn page_size(state: &AppState, wanted: Option<u32>) -> Result<usize, Problem> {
    let most = state.parts.config.limits.page_items;
    match wanted {
        None => Ok(most.min(100) as usize),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit as usize),
        Some(limit) => Err(Problem::invalid("limit", limit, format!("expected 1 to {most}"))),
    }
}

/// Cuts a page out of a sorted map: what lies after `after`.
fn page<K: Ord + Clone + ToString, V, R>(
    map: &std::collections::BTreeMap<K, V>,
    after: Option<&K>,
    limit: usize,
    render: impl Fn(&K, &V) -> R,
) -> (Vec<R>, Option<String>) {
    use std::ops::Bound;
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut range = map.range((from, Bound::Unbounded));
    let mut items = Vec::new();
    let mut last = None;
    for (key, value) in range.by_ref().take(limit) {
        items.push(render(key, value));
        last = Some(key);
    }
    let next = last.filter(|_| range.next().is_some()).map(ToString::to_string);
    (items, next)
}
