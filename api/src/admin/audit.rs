//! Who changed the configuration: one event `audit.noted` for each request that could have changed something of a tenant.
//!
//! The note is taken after the answer is known and never holds it up; what it says comes from the route's pattern, so no secret
//! of a body or a query can get into it.

use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use smol_str::{SmolStr, format_smolstr};
use tandem_core::command::Audit;
use tandem_core::{Command, TenantId};

use crate::auth::guard;
use crate::http::AppState;

/// Longest subject kept, in bytes: names are shorter, and what is longer was refused.
const SUBJECT_BYTES: usize = 200;

/// The middleware: inside the gate, so that only those who may ask are noted.
pub async fn note(State(state): State<AppState>, params: RawPathParams, request: Request, next: Next) -> Response {
    let tenant = params.iter().find(|(name, _)| *name == "tenant").and_then(|(_, value)| TenantId::new(value).ok());
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let (Some(tenant), true) = (tenant, changes) else { return next.run(request).await };
    let action = action(request.method(), request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str));
    let mut audit = Audit {
        actor: SmolStr::new_static("admin"),
        address: Some(guard::source(&request).to_string().into()),
        action,
        subject: subject(&params),
        refused: None,
    };
    let response = next.run(request).await;
    if !response.status().is_success() {
        audit.refused = Some(format_smolstr!("{}", response.status()));
    }
    // A full mailbox loses the note, not the change: the change's own event is in the log.
    if state.parts.commands.request(&tenant, Command::Audit(audit), Box::new(|_| {})).is_err() {
        tracing::warn!(%tenant, "no room for a note of the audit trail");
    }
    response
}

/// `PUT agents/{number}` and the like.
fn action(method: &Method, route: &str) -> SmolStr {
    let rest = route.strip_prefix("/api/v1/tenants/{tenant}").unwrap_or(route).trim_start_matches('/');
    format_smolstr!("{method} {}", if rest.is_empty() { "tenant" } else { rest })
}

/// The path's values but the tenant: `101`, `rest 3`.
fn subject(params: &RawPathParams) -> SmolStr {
    let mut text = String::new();
    for (name, value) in params {
        if name != "tenant" {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.extend(value.chars().filter(|c| !c.is_control()));
        }
    }
    let end = (0..=SUBJECT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_named_by_its_route_and_holds_no_value() {
        assert_eq!(action(&Method::PUT, "/api/v1/tenants/{tenant}/agents/{number}"), "PUT agents/{number}");
        assert_eq!(action(&Method::DELETE, "/api/v1/tenants/{tenant}"), "DELETE tenant");
    }
}
