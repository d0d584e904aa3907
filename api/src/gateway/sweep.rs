//! Agents whose program fell silent are signed out (cc-gateway.md §1.4: two minutes without poll or handshake).

use std::sync::Arc;
use std::time::Instant;

use tandem_core::AgentWish;
use tandem_core::agent::SignOutReason;

use super::{Gateway, limits};

/// Looks every few seconds, until it is aborted.
pub(super) async fn run(gateway: Arc<Gateway>) {
    let mut every = tokio::time::interval(limits::SWEEP_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        at(&gateway, gateway.now()).await;
    }
}

/// One look.
pub(super) async fn at(gateway: &Arc<Gateway>, now: Instant) {
    for session in gateway.sessions.silent(now) {
        tracing::info!(tenant = %session.tenant(), agent = %session.agent(), "signed out: its program was silent for two minutes");
        // Refused means that it is signed out already; a full mailbox means another try in a moment.
        let _ = gateway.wish(session.tenant(), session.agent(), AgentWish::SignOut(SignOutReason::Silent)).await;
    }
    gateway.sessions.forget(now);
    gateway.config_sessions.forget(now);
    gateway.subscriptions.forget(now);
    metrics::gauge!("tandem_gateway_guids").set(gateway.sessions.len() as f64);
}
