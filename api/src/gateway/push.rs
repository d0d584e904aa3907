//! Push mode (cc-gateway.md §1.4): events go to the business system instead of waiting for polls.
//!
//! Two forms: the current one (`callBackUri` and `serviceToken` at sign-in; several events per POST) and the older one (`pushUrl`; one
//! event per POST in the poll's envelope, always with Content-Length, §5.3, 17). What fails is tried again with growing pauses, in
//! order; events that come meanwhile wait in the mailbox, which is bounded. Where events may be pushed to is the operator's decision
//! (`gateway.push_hosts`): an agent's program must not make this node call any address it likes.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::answer::Failure;
use super::codes::Code;
use super::mailbox::Posted;
use super::params::Params;
use super::session::Session;
use super::{Gateway, limits};
use crate::config::GatewayConfig;

/// Where and how to push.
#[derive(Debug, Clone)]
pub(super) struct Target {
    uri: Uri,
    /// `service_token`; none for the older form.
    token: Option<HeaderValue>,
}

/// Whether a text can be a token: printable, without blanks and quotes, up to so many characters.
pub(super) fn is_token(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b))
}

impl Target {
    /// What a sign-in says; `None` for polling.
    pub(super) fn of(params: &Params, config: &GatewayConfig) -> Result<Option<Target>, Failure> {
        let invalid = |what: &str| Failure::new(Code::SignInInvalid, what);
        let (uri, token) = (params.text("callBackUri", 200), params.text("serviceToken", 50));
        let (Ok(uri), Ok(token)) = (uri, token) else { return Err(invalid("callBackUri or serviceToken is too long")) };
        let (uri, token) = match (uri, token) {
            (Some(uri), Some(token)) if is_token(&token, 50) => (uri, HeaderValue::try_from(token).ok()),
            (Some(_), Some(_)) => return Err(invalid("serviceToken has special characters")),
            // Only one of both means polling.
            _ => match params.text("pushUrl", 500).map_err(|_| invalid("pushUrl is too long"))? {
                Some(uri) => (uri, None),
                None => return Ok(None),
            },
        };
        let parsed: Uri = uri.parse().map_err(|_| invalid("the address to push to can't be read"))?;
        if !allowed(&parsed, &config.push_hosts) {
            return Err(invalid("this node pushes to no such host (gateway.push_hosts)"));
        }
        Ok(Some(Target { uri: parsed, token }))
    }
}

fn allowed(uri: &Uri, hosts: &[String]) -> bool {
    let (Some(host), Some(port)) = (uri.host(), port(uri)) else { return false };
    let with_port = format!("{host}:{port}");
    hosts.iter().any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(&with_port))
}

/// The port; `None` for a scheme that is not HTTP.
fn port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str() {
        Some("http") => Some(uri.port_u16().unwrap_or(80)),
        Some("https") => Some(uri.port_u16().unwrap_or(443)),
        _ => None,
    }
}

/// Sends pushes.
#[derive(Debug)]
pub(super) struct Client {
    verify: bool,
}

/// Why a push failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PushError {
    #[error("no answer within {} s", limits::PUSH_WAIT.as_secs())]
    Late,
    #[error("{0}")]
    Connection(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("answered {0}")]
    Refused(String),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Client {
    pub(super) fn new(config: &GatewayConfig) -> Client {
        Client { verify: config.push_verify }
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, PushError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        if !self.verify {
            let any = Arc::new(any_certificate::AnyCertificate(provider));
            return Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()));
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }

    /// One POST; well if the answer is 200 with `"retcode":"0"`.
    async fn post(&self, target: &Target, guid: &str, body: String) -> Result<(), PushError> {
        let bad = |what: &str| PushError::Refused(what.to_owned());
        let host = target.uri.host().ok_or_else(|| bad("no host"))?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port(&target.uri).ok_or_else(|| bad("no port"))?;
        let path = target.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = hyper::Request::post(path);
        if let Some(headers) = request.headers_mut() {
            let authority = target.uri.authority().map_or("", |authority| authority.as_str());
            headers.insert(header::HOST, HeaderValue::try_from(authority).map_err(|_| bad("the host name"))?);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
            if let Some(token) = &target.token {
                headers.insert(HeaderName::from_static("service_token"), token.clone());
                headers.insert(HeaderName::from_static("guid"), HeaderValue::try_from(guid).map_err(|_| bad("the guid"))?);
            }
        }
        // A body of known length is sent with Content-Length, never in chunks.
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| bad(&error.to_string()))?;
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        if target.uri.scheme_str() == Some("https") {
            let name = ServerName::try_from(host).map_err(|error| bad(&error.to_string()))?;
            exchange(TlsConnector::from(self.tls()?).connect(name, stream).await?, request).await
        } else {
            exchange(stream, request).await
        }
    }
}

async fn exchange<S>(stream: S, request: hyper::Request<Full<Bytes>>) -> Result<(), PushError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), limits::PUSH_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| PushError::Refused(error.to_string()))?.to_bytes();
        let code = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let code = code.and_then(|value| value.get("retcode").and_then(|code| code.as_str()).map(str::to_owned));
        match code.as_deref() {
            Some("0") if status == 200 => Ok(()),
            _ => Err(PushError::Refused(format!("HTTP {status}, retcode {code:?}"))),
        }
    }
    .await;
    driving.abort();
    answered
}

/// Pushes a session's events until it is over.
pub(super) fn start(gateway: Arc<Gateway>, session: Arc<Session>, target: Target) {
    tokio::spawn(async move {
        tokio::select! {
            () = run(&gateway, &session, &target) => {}
            () = gateway.stopped() => {}
        }
    });
}

async fn run(gateway: &Gateway, session: &Session, target: &Target) {
    loop {
        let most = if target.token.is_some() { limits::PUSH_EVENTS } else { 1 };
        let events = session.mailbox.take(most).await;
        if events.is_empty() {
            return;
        }
        let body = body(session, target, &events);
        let mut pause = limits::PUSH_PAUSE;
        while let Err(error) = tell(gateway, session, target, body.clone()).await {
            tracing::debug!(agent = %session.agent(), %error, "a push failed");
            metrics::counter!("tandem_gateway_push_failures_total").increment(1);
            // What is left after the session is over is tried once more at most.
            if session.mailbox.ended() {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(limits::PUSH_PAUSE_MOST);
        }
    }
}

async fn tell(gateway: &Gateway, session: &Session, target: &Target, body: String) -> Result<(), PushError> {
    let guid = session.push_guid.as_deref().unwrap_or_default();
    let posted = tokio::time::timeout(limits::PUSH_WAIT, gateway.push.post(target, guid, body));
    posted.await.unwrap_or(Err(PushError::Late))
}

fn body(session: &Session, target: &Target, events: &[Posted]) -> String {
    match (&target.token, events.first()) {
        (None, Some(event)) => format!(r#"{{"message":"","retcode":"0","event":{}}}"#, event.text),
        _ => {
            let list: Vec<&str> = events.iter().map(|event| &*event.text).collect();
            format!(r#"{{"workNo":"{}","eventList":[{}]}}"#, session.agent(), list.join(","))
        }
    }
}

/// For `gateway.push_verify = false`: receivers in a closed network with certificates that nobody signed.
mod any_certificate {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct AnyCertificate(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(body: &str) -> Result<Option<Target>, Code> {
        let config = GatewayConfig { push_hosts: vec!["127.0.0.1:9000".into(), "crm.example".into()], ..GatewayConfig::default() };
        Target::of(&Params::new(Vec::new(), "", body.as_bytes()), &config).map_err(|failure| failure.code)
    }

    #[test]
    fn push_mode_needs_both_values_and_an_allowed_host() {
        let is_push = |body| target(body).unwrap().is_some();
        assert!(is_push(r#"{"callBackUri":"http://127.0.0.1:9000/x","serviceToken":"t0"}"#));
        assert!(is_push(r#"{"pushUrl":"https://CRM.example/push?token=1"}"#));
        assert!(!is_push(r#"{"callBackUri":"http://127.0.0.1:9000/x"}"#), "only one of both: polling");
        for bad in [
            r#"{"callBackUri":"http://127.0.0.1:9001/x","serviceToken":"t0"}"#,
            r#"{"callBackUri":"http://169.254.169.254/","serviceToken":"t0"}"#,
            r#"{"callBackUri":"http://127.0.0.1:9000/x","serviceToken":"a<b"}"#,
            r#"{"pushUrl":"file:///etc/passwd"}"#,
            r#"{"pushUrl":"no address"}"#,
        ] {
            assert_eq!(target(bad).unwrap_err(), Code::SignInInvalid, "{bad}");
        }
    }
}
