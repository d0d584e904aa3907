//! A request in; out the tenant whose key signed it and the bytes that were signed, or 401 or 403.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use subtle::ConstantTimeEq;
use tandem_core::{TenantId, Timestamp};

use super::{Claim, EmptyQuery, SignatureError, Signed, SourceLock, canonical, signature};
use crate::auth::{CredentialStore, guard};
use crate::config::SignatureConfig;
use crate::http::AppState;

/// The header that a proxy puts the client's Host in.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// Settings and the memory of failures.
#[derive(Debug)]
pub struct SignatureGate {
    window: Duration,
    empty_query_line: bool,
    proxies: Vec<IpAddr>,
    lock: SourceLock,
}

impl SignatureGate {
    /// A gate with these settings.
    pub fn new(config: &SignatureConfig) -> SignatureGate {
        let seconds = |s: u32| Duration::from_secs(u64::from(s));
        SignatureGate {
            window: seconds(config.window_s),
            empty_query_line: config.empty_query_line,
            proxies: config.trusted_proxies.clone(),
            lock: SourceLock::new(config.lock_failures, seconds(config.lock_window_s), seconds(config.lock_s)),
        }
    }

    /// Whose key signed these bytes.
    pub fn check(
        &self,
        store: &CredentialStore,
        claim: &Claim<'_>,
        request: &Signed<'_>,
        now: Timestamp,
    ) -> Result<TenantId, SignatureError> {
        claim.check_time(now, self.window)?;
        let (tenant, sk) = match store.access_key(claim.ak) {
            Some((tenant, sk)) => (Some(tenant), sk),
            // The same work for a key that isn't there: time must not tell which are.
            None => (None, "nobody's".into()),
        };
        let mut right = self.is_right(claim, request, &sk, EmptyQuery::NoLine)?;
        if !right && self.empty_query_line && request.query.unwrap_or_default().is_empty() {
            right = self.is_right(claim, request, &sk, EmptyQuery::EmptyLine)?;
        }
        match tenant {
            Some(tenant) if right => Ok(tenant),
            Some(_) => Err(SignatureError::Wrong(claim.ak.to_owned())),
            None => Err(SignatureError::Unknown(claim.ak.chars().take(64).collect())),
        }
    }

    fn is_right(&self, claim: &Claim<'_>, request: &Signed<'_>, sk: &str, empty: EmptyQuery) -> Result<bool, SignatureError> {
        let expected = signature(sk, claim.prefix, &canonical(request, claim.signed_headers, empty)?);
        Ok(expected.as_bytes().ct_eq(claim.signature.as_bytes()).into())
    }

    /// The headers as the client sent them: behind a proxy that we trust, Host is the one that the proxy was asked for.
    fn headers<'a>(&self, headers: &'a HeaderMap, source: IpAddr) -> Vec<(&'a str, &'a str)> {
        let forwarded = self.proxies.contains(&source.to_canonical()).then(|| headers.get(FORWARDED_HOST)).flatten();
        let text = |name: &'a str, value: &'a axum::http::HeaderValue| value.to_str().ok().map(|value| (name, value));
        headers
            .iter()
            .filter_map(|(name, value)| match forwarded {
                Some(host) if *name == header::HOST => text(name.as_str(), host),
                _ => text(name.as_str(), value),
            })
            .collect()
    }
}

/// Who asks, and what.
#[derive(Debug)]
pub struct Verified {
    /// Whose key signed it.
    pub tenant: TenantId,
    /// Request line and headers.
    pub parts: Parts,
    /// The bytes that were signed.
    pub body: Bytes,
}

/// 401 or 403 with the documented body, or 413 for a body beyond the limit.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    path: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // auth.md: all five members are always there.
        let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
        let body = json!({
            "timestamp": now,
            "status": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or_default(),
            "message": "No message available",
            "path": self.path,
        });
        (self.status, axum::Json(body)).into_response()
    }
}

/// Verifies a request over its raw bytes. A failure counts against its source address; a locked source is not even heard.
pub async fn verify(state: &AppState, request: Request) -> Result<Verified, Refusal> {
    let source = guard::source(&request);
    let path = request.uri().path().to_owned();
    let gate = &state.signatures;
    if gate.lock.locked(source, Instant::now()) {
        return Err(Refusal { status: StatusCode::FORBIDDEN, path });
    }
    let refuse = |error: &SignatureError| {
        gate.lock.failed(source, Instant::now());
        metrics::counter!("tandem_signatures_refused_total").increment(1);
        tracing::info!(%source, %path, %error, "a signature is refused");
        Refusal { status: StatusCode::UNAUTHORIZED, path: path.clone() }
    };
    let (parts, body) = request.into_parts();
    // The head first: a body without a claim worth checking isn't read.
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let claim = header.ok_or(SignatureError::Missing).and_then(Claim::parse).map_err(|error| refuse(&error))?;
    claim.check_time(now(), gate.window).map_err(|error| refuse(&error))?;
    // The limit of bodies travels in the extensions.
    let mut whole = Request::new(body);
    *whole.extensions_mut() = parts.extensions.clone();
    let body = match Bytes::from_request(whole, state).await {
        Ok(body) => body,
        Err(rejection) => return Err(Refusal { status: rejection.status(), path }),
    };
    let headers = gate.headers(&parts.headers, source);
    let signed = Signed { method: parts.method.as_str(), path: parts.uri.path(), query: parts.uri.query(), headers: &headers, body: &body };
    let tenant = gate.check(&state.parts.credentials, &claim, &signed, now()).map_err(|error| refuse(&error))?;
    Ok(Verified { tenant, parts, body })
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
