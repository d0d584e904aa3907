//! From a request to an answer: finds the operation, checks the guid, runs it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::http::request;
use hyper::{HeaderMap, Request, Response, StatusCode};
use tandem_core::command::Accepted;
use tandem_core::tenant::Tenant;
use tandem_core::{AgentWish, TenantId, WorkNumber};

use super::answer::{Answer, Body, Failure, whole};
use super::codes::Code;
use super::params::Params;
use super::refusal::{self, Wished};
use super::routes::{self, Auth, Found, Row, Run};
use super::session::{self, Session};
use super::{Gateway, limits, stream};

/// One request to an operation that is known and allowed.
pub(super) struct Call {
    pub(super) gateway: Arc<Gateway>,
    pub(super) params: Params,
    pub(super) headers: HeaderMap,
    pub(super) source: IpAddr,
    /// Who asks: set for every operation that needs a guid.
    session: Option<Arc<Session>>,
    /// Who configures: set for the `config` family.
    pub(super) tenant: Option<TenantId>,
}

impl Call {
    /// The signed-in program that asks.
    pub(super) fn session(&self) -> Result<&Arc<Session>, Failure> {
        self.session.as_ref().ok_or_else(|| Failure::from(Code::NoPermission))
    }

    /// Its agent.
    pub(super) fn agent(&self) -> Result<WorkNumber, Failure> {
        Ok(self.session()?.agent())
    }

    /// Its tenant.
    pub(super) fn tenant(&self) -> Result<&TenantId, Failure> {
        match &self.tenant {
            Some(tenant) => Ok(tenant),
            None => Ok(self.session()?.tenant()),
        }
    }

    /// Reads the tenant of who asks.
    pub(super) fn read<R>(&self, look: impl FnOnce(&Tenant) -> R) -> Result<R, Failure> {
        self.gateway.read(self.tenant()?, look)
    }

    /// Sends the agent's wish; a refusal is told in the words of the operation.
    pub(super) async fn wish(&self, wished: Wished, wish: AgentWish) -> Result<Accepted, Failure> {
        let session = self.session()?;
        let answer = self.gateway.wish(session.tenant(), session.agent(), wish).await?;
        answer.map_err(|rejection| refusal::failure(wished, &rejection))
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Answers a request. Never fails: every trouble has its envelope.
pub(super) async fn answer(gateway: &Arc<Gateway>, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (group, answered) = match routes::find(head.uri.path(), head.method.as_str()) {
        Found::Elsewhere => return elsewhere(),
        Found::Nothing => ("none", Err(Failure::new(Code::BadParameter, "there is no such operation"))),
        // The poll has a code of its own for that.
        Found::OtherMethod(row) if row.group == "agentevent" => (row.group, Err(Code::WrongMethod.into())),
        Found::OtherMethod(row) => (row.group, Err(Failure::new(Code::BadParameter, "the operation has another method"))),
        Found::Operation(row, path) => (row.group, operate(gateway, peer, row, path, head, body).await),
    };
    let code = answered.as_ref().map_or_else(|failure| failure.code.code(), |_| "0");
    metrics::counter!("tandem_gateway_requests_total", "group" => group, "code" => code).increment(1);
    answered.unwrap_or_else(Failure::into_response)
}

async fn operate(
    gateway: &Arc<Gateway>,
    peer: SocketAddr,
    row: &'static Row,
    path: Vec<(&'static str, String)>,
    mut head: request::Parts,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let query = head.uri.query().unwrap_or_default().to_owned();
    let agent = path.iter().find(|(name, _)| *name == "agentid").map_or("", |(_, value)| value).to_owned();
    let headers = std::mem::take(&mut head.headers);
    let source = peer.ip();
    let (mut session, mut tenant) = (None, None);
    match row.auth {
        Auth::Open => {}
        Auth::Agent => session = Some(allowed(gateway, &agent, guid(&headers))?),
        // One integration asks for its skills without a guid (§5.3, 18): answered to the address that the agent signed in from.
        Auth::AgentOrSource => {
            session = Some(match guid(&headers) {
                Some(guid) => allowed(gateway, &agent, Some(guid))?,
                None => known_source(gateway, &agent, source)?,
            });
        }
        Auth::Configuration => tenant = Some(gateway.config_sessions.find(guid(&headers).unwrap_or_default(), gateway.now())?),
    }
    if let Run::Stream = row.run {
        head.headers = headers;
        return Ok(upgrade(gateway, session, &query, head).await);
    }
    let bytes = read(body).await?;
    let params = Params::new(path, &query, &bytes);
    let call = Call { gateway: gateway.clone(), params, headers, source, session, tenant };
    match row.run {
        Run::Handler(handler) => handler(call).await.map(Answer::into_response),
        Run::Stream | Run::Outgoing | Run::NoPath => Err(Failure::new(Code::BadParameter, "there is no such operation")),
    }
}

fn guid(headers: &HeaderMap) -> Option<&str> {
    let guid = headers.get("guid")?.to_str().ok()?.trim();
    // Some clients send the header's value as they got it.
    let guid = guid.strip_prefix("JSESSIONID=").unwrap_or(guid);
    (!guid.is_empty()).then_some(guid)
}

/// Whether this guid may speak for this agent.
fn allowed(gateway: &Gateway, agent: &str, guid: Option<&str>) -> Result<Arc<Session>, Failure> {
    match gateway.sessions.find(guid.ok_or(Code::NoPermission)?, gateway.now()) {
        session::Found::Open(session) if agent.parse() == Ok(session.agent()) => Ok(session),
        session::Found::Over => Err(Code::NotSignedIn.into()),
        session::Found::Open(_) | session::Found::Unknown => Err(Code::NoPermission.into()),
    }
}

fn known_source(gateway: &Gateway, agent: &str, source: IpAddr) -> Result<Arc<Session>, Failure> {
    if gateway.sources_brake.blocks(&source, gateway.now()) {
        return Err(Code::NoPermission.into());
    }
    let found = agent.parse::<WorkNumber>().ok().and_then(|agent| gateway.sessions.of_source(agent, source));
    found.ok_or_else(|| {
        gateway.sources_brake.failed(source, gateway.now());
        Code::NoPermission.into()
    })
}

async fn read(body: Incoming) -> Result<Vec<u8>, Failure> {
    let read = tokio::time::timeout(limits::BODY_WAIT, Limited::new(body, limits::BODY_BYTES).collect()).await;
    match read {
        Ok(Ok(collected)) => Ok(collected.to_bytes().to_vec()),
        Ok(Err(_)) => Err(Failure::new(Code::BadParameter, "the body is too large or broke off")),
        Err(_) => Err(Failure::new(Code::BadParameter, "the body did not come in time")),
    }
}

/// The WebSocket: our own extension, so it may answer with HTTP errors.
async fn upgrade(gateway: &Arc<Gateway>, session: Option<Arc<Session>>, query: &str, mut head: request::Parts) -> Response<Body> {
    let Some(session) = session else { return Failure::from(Code::NoPermission).into_response() };
    let response = match WebSocketUpgrade::from_request_parts(&mut head, &()).await {
        Ok(upgrade) => stream::open(gateway.clone(), session, query, upgrade),
        Err(rejection) => axum::response::IntoResponse::into_response(rejection),
    };
    response.map(|body| body.map_err(std::io::Error::other).boxed_unsync())
}

fn elsewhere() -> Response<Body> {
    let mut response = Response::new(whole("the agents' interface is under /agentgateway/resource/\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
