//! File descriptors: a leg takes two (RTP and RTCP), so the usual soft limit of 1,024 would end at 500 calls.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that everything but media takes: sockets, the log, databases, HTTP connections.
const OTHERS: u64 = 4_096;
/// Descriptors of one leg.
const PER_LEG: u64 = 2;

/// Raises the soft limit to the hard one, and says so if even that is too low for the configured media ports.
pub(crate) fn raise(ports: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, ?current, ?maximum, "the limit of open files can't be raised");
    }
    let wanted = ports + OTHERS;
    if let Some(limit) = getrlimit(Resource::Nofile).current
        && limit < wanted
    {
        let legs = limit.saturating_sub(OTHERS) / PER_LEG;
        tracing::info!(limit, wanted, legs, "fewer open files are allowed than the media ports need: raise LimitNOFILE (ulimit -n)");
    }
}
