//! The operations, a file per group of the reference. A handler parses, sends one wish or reads the mirror, and renders.

pub(super) mod conference;
pub(super) mod config;
pub(super) mod data;
pub(super) mod download;
pub(super) mod groups;
pub(super) mod inspect;
pub(super) mod missing;
pub(super) mod playback;
pub(super) mod poll;
pub(super) mod queues;
pub(super) mod sign;
pub(super) mod state;
pub(super) mod voice;

use smol_str::SmolStr;
use tandem_core::agent::Reach;
use tandem_core::tenant::Tenant;
use tandem_core::{CallId, QueueId, WorkNumber};

use super::answer::Failure;
use super::callid;
use super::codes::Code;

/// An agent's number in a parameter.
fn agent(name: &str, text: &str) -> Result<WorkNumber, Failure> {
    text.trim().parse().map_err(|error| Failure::new(Code::BadParameter, format_args!("{name}: {error}")))
}

/// A queue's number in a parameter.
fn queue(name: &str, number: i64) -> Result<QueueId, Failure> {
    let wrong = || Failure::new(Code::BadParameter, format_args!("{name} `{number}` is not a skill queue's number"));
    QueueId::new(u16::try_from(number).map_err(|_| wrong())?).map_err(|_| wrong())
}

/// A number to dial: digits, `*`, `#`, letters A to E, a `+` at the start; 1 to 24 characters.
fn dialled(name: &str, text: &str) -> Result<SmolStr, Failure> {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let fits = !rest.is_empty() && text.len() <= 24 && rest.bytes().all(|b| b.is_ascii_digit() || b"*#ABCDEabcde".contains(&b));
    if fits {
        return Ok(SmolStr::new(text));
    }
    let text: String = text.chars().take(40).collect();
    Err(Failure::new(Code::BadParameter, format_args!("{name} `{text}` is not a number: 1 to 24 digits, * or #")))
}

/// One of the calls that a text can mean: one of this agent's first, else any of the tenant's.
fn known_call(tenant: &Tenant, agent: WorkNumber, text: &str) -> Option<CallId> {
    let session = tenant.session(agent);
    let own = |call: &CallId| session.is_some_and(|session| session.calls.contains(call) || session.last_call == Some(*call));
    let mut any = None;
    for call in callid::candidates(text) {
        if own(&call) {
            return Some(call);
        }
        if any.is_none() && tenant.call(call).is_some() {
            any = Some(call);
        }
    }
    any
}

/// Whom a transfer or a consultation is for, by device type (cc-gateway.md §1.6).
fn reach(kind: i64, address: &str) -> Result<Reach, Failure> {
    match kind {
        1 => Ok(Reach::Queue(queue("address", super::params::whole("address", address)?)?)),
        2 => Ok(Reach::Agent(agent("address", address)?)),
        // IVR flows are reached by their access numbers; flows come with their own issue.
        3..=5 => Ok(Reach::Number(dialled("address", address)?)),
        other => Err(Failure::new(Code::BadParameter, format_args!("devicetype `{other}` is not 1 to 5"))),
    }
}
