//! The admin API's client: plain HTTP to a node on this machine or behind a tunnel.

use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::config::Config;
use crate::http::Problem;

/// Longest wait for an answer: an import of a thousand phones waits for some dozens of commits.
const WAIT: Duration = Duration::from_secs(60);
/// Largest answer, in bytes.
const ANSWER_BYTES: usize = 64 << 20;

/// Why a call to the server failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there.
    #[error("no server at {url}: {cause}\nStart it with `tandem serve`, or say where it is with --url or TANDEM_URL.")]
    Unreachable {
        /// Where.
        url: String,
        /// What the system said.
        cause: String,
    },
    /// There is no token to show.
    #[error(
        "no admin token: {} can't be read. The first `tandem serve` writes it; is the server running, on this data folder and as this user?\n\
         For a server elsewhere set TANDEM_URL and TANDEM_TOKEN.", file.display()
    )]
    NoToken {
        /// Where it would be.
        file: PathBuf,
    },
    /// Not a URL that this client understands.
    #[error("`{0}` can't be used: expected http://host:port (for https use a tunnel to the node's own port)")]
    Url(String),
    /// The server said no.
    #[error("{}{}", .0.detail, .0.fix.as_ref().map(|fix| format!("\n{fix}")).unwrap_or_default())]
    Refused(Box<Problem>),
    /// The answer can't be understood.
    #[error("{url} answered {status} with something unexpected: {text}")]
    Strange {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// The beginning of the answer.
        text: String,
    },
}

/// Where the server is.
#[derive(Debug, Clone, clap::Args)]
pub struct ServerArgs {
    /// The node's URL; without it the configured `http.listen`.
    #[arg(long, env = "TANDEM_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// A client with its token. The token comes from TANDEM_TOKEN or the token file, never from the command line, where other
/// users would see it.
pub struct Client {
    url: String,
    authority: String,
    token: String,
}

impl Client {
    /// A client for the configured or named server.
    pub fn new(args: &ServerArgs, config: &Config) -> Result<Client, CallError> {
        let url = args.url.clone().unwrap_or_else(|| format!("http://{}", config.http.listen));
        let token = match std::env::var("TANDEM_TOKEN") {
            Ok(token) if !token.trim().is_empty() => token,
            _ => std::fs::read_to_string(config.token_file()).map_err(|_| CallError::NoToken { file: config.token_file() })?,
        };
        Client::with(&url, token.trim())
    }

    /// A client for this URL and token.
    pub fn with(url: &str, token: &str) -> Result<Client, CallError> {
        let wrong = || CallError::Url(url.to_owned());
        let authority = url.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        if authority.is_empty() || authority.contains('/') {
            return Err(wrong());
        }
        let authority = if authority.parse::<std::net::SocketAddr>().is_ok()
            || authority.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok())
        {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        Ok(Client { url: url.trim_end_matches('/').to_owned(), authority, token: token.to_owned() })
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// Makes or does something.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CallError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Replaces.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CallError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Removes.
    pub async fn delete(&self, path: &str) -> Result<(), CallError> {
        self.call::<serde_json::Value>(Method::DELETE, path, None::<&()>).await.map(drop)
    }

    /// Puts a file.
    pub async fn upload<T: DeserializeOwned>(&self, path: &str, bytes: Vec<u8>) -> Result<T, CallError> {
        self.send(Method::PUT, path, "application/octet-stream", bytes).await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<T, CallError> {
        let bytes = body.map(|body| serde_json::to_vec(body).unwrap_or_default()).unwrap_or_default();
        self.send(method, path, "application/json", bytes).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, kind: &str, bytes: Vec<u8>) -> Result<T, CallError> {
        let unreachable = |cause: String| CallError::Unreachable { url: self.url.clone(), cause };
        let work = async {
            let stream = TcpStream::connect(&self.authority).await.map_err(|error| unreachable(error.to_string()))?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(error.to_string()))?;
            let connection = tokio::spawn(connection);
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::HOST, &self.authority)
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
                .header(header::CONTENT_TYPE, kind)
                .body(Full::new(Bytes::from(bytes)))
                .map_err(|_| CallError::Url(format!("{}{path}", self.url)))?;
            let response = sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| unreachable(error.to_string()))?
                .to_bytes();
            connection.abort();
            self.understand(status, &body)
        };
        tokio::time::timeout(WAIT, work).await.map_err(|_| unreachable(format!("no answer within {} s", WAIT.as_secs())))?
    }

    fn understand<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8]) -> Result<T, CallError> {
        if status.is_success() {
            let body = if body.is_empty() { b"null" } else { body };
            if let Ok(value) = serde_json::from_slice(body) {
                return Ok(value);
            }
        } else if let Ok(problem) = serde_json::from_slice::<Problem>(body) {
            return Err(CallError::Refused(Box::new(problem)));
        }
        let text = String::from_utf8_lossy(body).chars().take(200).collect();
        Err(CallError::Strange { url: self.url.clone(), status: status.as_u16(), text })
    }
}

/// A path segment as a URL wants it: names may hold `+`, `*` and `#`.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
