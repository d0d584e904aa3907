//! The order of NAPTR and SRV records.

use smol_str::{SmolStr, format_smolstr};
use tandem_core::Transport;

/// An SRV name and the transport that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) transport: Transport,
    pub(super) name: SmolStr,
}

impl Service {
    /// The name that is asked without NAPTR (RFC 3263 §4.1); none for WebSockets.
    pub(super) fn usual(transport: Transport, domain: &str) -> Option<Service> {
        let prefix = match transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
            Transport::Ws | Transport::Wss => return None,
        };
        Some(Service { transport, name: format_smolstr!("{prefix}.{domain}") })
    }
}

/// NAPTR: order, preference, flags, service, replacement.
pub(super) type Naptr = (u16, u16, String, String, String);

/// The services that we speak, best first (RFC 3263 §4.1): those that lead to SRV records.
pub(super) fn services(mut records: Vec<Naptr>) -> Vec<Service> {
    records.sort_by_key(|record| (record.0, record.1));
    let read = |(_, _, flags, service, replacement): Naptr| {
        let transport = match service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            _ => return None,
        };
        flags.eq_ignore_ascii_case("s").then(|| Service { transport, name: SmolStr::new(replacement) })
    };
    records.into_iter().filter_map(read).collect()
}

/// SRV: priority, weight, port, target.
pub(super) type Srv = (u16, u16, u16, SmolStr);

/// The order in which to try (RFC 2782): by priority, among equals drawn by weight. `draw(n)` gives a number below `n`.
pub(super) fn sorted(mut records: Vec<Srv>, mut draw: impl FnMut(u32) -> u32) -> Vec<Srv> {
    // A target of `.` says that there is no such service.
    records.retain(|record| record.3 != ".");
    // Those without weight first, so that they are drawn when the number is 0.
    records.sort_by_key(|record| (record.0, record.1));
    let mut out = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.0;
        let equals = records.iter().take_while(|record| record.0 == priority);
        let total: u32 = equals.map(|record| u32::from(record.1)).sum();
        let drawn = draw(total.saturating_add(1));
        let mut sum = 0;
        let found = records.iter().position(|record| {
            sum += u32::from(record.1);
            sum >= drawn
        });
        out.push(records.remove(found.unwrap_or(0)));
    }
    out
}
