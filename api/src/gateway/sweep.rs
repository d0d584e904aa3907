//! Agents whose program fell silent are signed out (cc-gateway.md §1.4: two minutes without poll or handshake).

use std::sync::Arc;
use std::time::Instant;

use tandem_core::agent::SignOutReason;
use tandem_core::tenant::Tenant;
use tandem_core::{AgentWish, TenantId, Timestamp, WorkNumber};

use super::{Gateway, limits};

/// Looks every few seconds, until it is aborted.
pub(super) async fn run(gateway: Arc<Gateway>) {
    let (mut orphans, started) = (orphans(&gateway), gateway.now());
    let mut every = tokio::time::interval(limits::SWEEP_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        at(&gateway, gateway.now()).await;
        if gateway.now().saturating_duration_since(started) >= limits::SILENCE {
            for (tenant, agent, since) in std::mem::take(&mut orphans) {
                adopt_or_end(&gateway, &tenant, agent, since).await;
            }
        }
    }
}

/// Sessions of before the start. Guids are kept in memory only, so no program has one for them: it has two minutes to sign
/// in again, as if it were silent.
fn orphans(gateway: &Gateway) -> Vec<(TenantId, WorkNumber, Timestamp)> {
    let mirror = &gateway.state.parts.views.mirror;
    let of = |id: TenantId| {
        let signed_in = |tenant: &Tenant| -> Vec<(WorkNumber, Timestamp)> {
            tenant.agents().filter_map(|entry| Some((entry.agent.number, entry.session.as_ref()?.since))).collect()
        };
        let sessions = mirror.read(&id, signed_in).unwrap_or_default();
        sessions.into_iter().map(move |(agent, since)| (id.clone(), agent, since))
    };
    mirror.tenants().into_iter().flat_map(of).collect()
}

/// Ends a session of before the start, unless a newer one took its place.
async fn adopt_or_end(gateway: &Arc<Gateway>, tenant: &TenantId, agent: WorkNumber, since: Timestamp) {
    let same = gateway.read(tenant, |known| known.session(agent).is_some_and(|session| session.since == since));
    if same.unwrap_or(false) {
        tracing::info!(%tenant, %agent, "signed out: its program did not come back after the restart");
        let _ = gateway.wish(tenant, agent, AgentWish::SignOut(SignOutReason::Silent)).await;
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
