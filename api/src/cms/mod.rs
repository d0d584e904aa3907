//! CC-CMS: monitoring, statistics and call queries as their published wire format says (reference: cc-cms.md). Every operation
//! is a POST with a JSON body, signed with the tenant's AK and SK (scheme C2).
//!
//! | file | subject |
//! |---|---|
//! | `args` | what a body may hold, leniently |
//! | `envelope` | how answers and failures look |

#![allow(dead_code)] // the operations that use the rest come with the contact centre's events

mod args;
mod envelope;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tandem_core::TenantId;

use self::args::Args;
use self::envelope::{Answer, Failure};
use crate::auth::signature::{self, Verified};
use crate::http::AppState;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Ping,
}

/// Where each operation is.
const ROUTES: &[(&str, Op)] = &[("/rest/cmsapp/v1/ping", Op::Ping)];

/// Who asks what.
#[derive(Debug)]
struct Ask<'a> {
    state: &'a AppState,
    tenant: TenantId,
    args: Args,
}

/// All routes below `/rest/cmsapp`. They verify signatures themselves.
pub fn router() -> Router<AppState> {
    ROUTES.iter().fold(Router::new(), |router, (path, op)| {
        let op = *op;
        router.route(path, post(move |State(state): State<AppState>, request: Request| serve(op, state, request)))
    })
}

/// Verifies, parses, looks, renders.
async fn serve(op: Op, state: AppState, request: Request) -> Response {
    let Verified { tenant, body, .. } = match signature::verify(&state, request).await {
        Ok(verified) => verified,
        Err(refusal) => return refusal.into_response(),
    };
    let done = match Args::parse(&body) {
        Ok(args) => operate(op, &Ask { state: &state, tenant, args }).await,
        Err(failure) => Err(failure),
    };
    envelope::render(done)
}

async fn operate(op: Op, _ask: &Ask<'_>) -> Result<Answer, Failure> {
    match op {
        // The answer is not documented; that it is one is what callers look at.
        Op::Ping => Ok(Answer::of(json!({}))),
    }
}
