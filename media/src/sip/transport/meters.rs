//! Metrics of connections. Labels are from closed sets.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use tandem_core::Transport;

pub(super) fn describe() {
    describe_gauge!("tandem_sip_connections", "SIP connections open or being made, by transport");
    describe_counter!("tandem_sip_connections_total", "SIP connections accepted or made, by transport");
    describe_counter!(
        "tandem_sip_handshake_failures_total",
        "Connections that ended before TLS and WebSocket were agreed on, by transport"
    );
}

pub(super) fn opened(transport: Transport) {
    gauge!("tandem_sip_connections", "transport" => name(transport)).increment(1.0);
    counter!("tandem_sip_connections_total", "transport" => name(transport)).increment(1);
}

/// `ready`: the handshakes were over.
pub(super) fn closed(transport: Transport, ready: bool) {
    gauge!("tandem_sip_connections", "transport" => name(transport)).decrement(1.0);
    if !ready {
        counter!("tandem_sip_handshake_failures_total", "transport" => name(transport)).increment(1);
    }
}

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Ws => "ws",
        Transport::Wss => "wss",
    }
}
