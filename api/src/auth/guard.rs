//! The gate in front of the admin API: bearer token or page session.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::AdminToken;
use super::session::Sessions;
use super::throttle::Throttle;
use crate::http::{AppState, Problem};

/// Name of the session cookie.
pub const COOKIE: &str = "tandem_session";

/// Token, sessions and the brake on guessing.
#[derive(Debug)]
pub struct Gate {
    token: Arc<AdminToken>,
    /// Page tickets and sessions.
    pub sessions: Sessions,
    throttle: Throttle,
}

impl Gate {
    /// A gate for this token.
    pub fn new(token: Arc<AdminToken>) -> Gate {
        Gate { token, sessions: Sessions::default(), throttle: Throttle::default() }
    }

    /// Checks a bearer token, counting failures per source.
    pub async fn bearer(&self, headers: &HeaderMap, source: IpAddr) -> Result<(), Problem> {
        self.brake(source)?;
        let token = bearer(headers).ok_or_else(|| Problem::unauthorized("the request carries no bearer token"))?;
        if self.token.check(token).await {
            return Ok(());
        }
        self.throttle.failed(source, Instant::now());
        Err(Problem::unauthorized("the bearer token is wrong"))
    }

    /// Exchanges a page ticket for a session, counting failures per source.
    pub fn redeem(&self, ticket: &str, source: IpAddr) -> Result<String, Problem> {
        self.brake(source)?;
        match self.sessions.redeem(ticket, Instant::now()) {
            Ok(Some(session)) => Ok(session),
            Ok(None) => {
                self.throttle.failed(source, Instant::now());
                Err(Problem::unauthorized("the page ticket is wrong, used or too old")
                    .fix("sign in with the admin token, or restart for a new link"))
            }
            Err(error) => Err(Problem::internal("opening a session", &error)),
        }
    }

    fn brake(&self, source: IpAddr) -> Result<(), Problem> {
        match self.throttle.blocked(source, Instant::now()) {
            Some(left) => {
                Err(Problem::too_many("too many failed logins from this address", u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1)))
            }
            None => Ok(()),
        }
    }

    /// Lets a request pass, or says why not.
    pub async fn admit(&self, method: &Method, headers: &HeaderMap, source: IpAddr) -> Result<(), Problem> {
        if headers.contains_key(header::AUTHORIZATION) {
            return self.bearer(headers, source).await;
        }
        let session = cookie(headers).ok_or_else(|| Problem::unauthorized("the request carries neither a bearer token nor a session"))?;
        if !self.sessions.holds(session, Instant::now()) {
            return Err(Problem::unauthorized("the session is over"));
        }
        // SameSite=Strict keeps other sites' requests without the cookie; this is the second lock for browsers that don't.
        let safe = matches!(*method, Method::GET | Method::HEAD);
        if !safe && !same_origin(headers) {
            return Err(Problem::forbidden("a page of another origin can't use this session"));
        }
        Ok(())
    }
}

/// The middleware of the admin API.
pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, Problem> {
    state.gate.admit(request.method(), request.headers(), source(&request)).await?;
    Ok(next.run(request).await)
}

/// The peer's address; without one (a router that is called in place) loopback.
pub fn source(request: &Request) -> IpAddr {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session of the cookie header.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    origin.is_some() && origin == host
}
