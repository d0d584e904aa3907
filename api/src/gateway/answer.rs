//! Answers as bytes: the envelope `{"message","retcode","result"}`, byte for byte as clients compare it (cc-gateway.md §1.2, §5.3).

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::codes::Code;

/// Body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The header that carries a guid. Its spelling on the wire is `Set-GUID`, see [`super::spelling`].
pub(super) const SET_GUID: HeaderName = HeaderName::from_static("set-guid");

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// What an operation made of a request that it carried out.
#[derive(Debug)]
pub(super) enum Answer {
    /// `{"message":"","retcode":"0"}`: also the empty poll, compared as a whole by one client.
    Done,
    /// With a value, as JSON.
    Result(String),
    /// With a value, and `success` as message.
    SuccessResult(String),
    /// With an event, as JSON.
    Event(String),
    /// Another answer with a guid in its header.
    WithGuid(Box<Answer>, String),
    /// A download.
    File(Response<Body>),
}

impl Answer {
    /// A value as `result`.
    pub(super) fn result(value: &impl Serialize) -> Answer {
        Answer::Result(json(value))
    }

    /// The reserved empty object `{}`, with `success`.
    pub(super) fn reserved() -> Answer {
        Answer::SuccessResult("{}".to_owned())
    }

    /// The same answer, with a guid.
    #[must_use]
    pub(super) fn with_guid(self, guid: String) -> Answer {
        Answer::WithGuid(Box::new(self), guid)
    }

    fn text(&self) -> String {
        match self {
            Answer::Done | Answer::File(_) => r#"{"message":"","retcode":"0"}"#.to_owned(),
            Answer::Result(value) => format!(r#"{{"message":"","retcode":"0","result":{value}}}"#),
            Answer::SuccessResult(value) => format!(r#"{{"message":"success","retcode":"0","result":{value}}}"#),
            Answer::Event(event) => format!(r#"{{"message":"","retcode":"0","event":{event}}}"#),
            Answer::WithGuid(inner, _) => inner.text(),
        }
    }

    /// As an HTTP response.
    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Answer::File(response) => response,
            Answer::WithGuid(inner, guid) => {
                let mut response = inner.into_response();
                if let Ok(value) = HeaderValue::try_from(format!("JSESSIONID={guid}")) {
                    response.headers_mut().insert(SET_GUID, value);
                }
                response
            }
            other => envelope(other.text()),
        }
    }
}

/// Why an operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(super) struct Failure {
    /// The code.
    pub(super) code: Code,
    /// The text.
    pub(super) message: String,
    /// Whether an empty `result` is said to be there (downloads).
    pub(super) empty_result: bool,
}

impl Failure {
    /// A failure that names the offending value besides the code's text.
    pub(super) fn new(code: Code, why: impl std::fmt::Display) -> Failure {
        Failure { code, message: format!("{}: {why}", code.text()), empty_result: false }
    }

    /// As an HTTP response: always status 200, no client reads another (cc-gateway.md §5.3).
    pub(super) fn into_response(self) -> Response<Body> {
        let message = json(&self.message);
        let code = self.code.code();
        envelope(if self.empty_result {
            format!(r#"{{"message":{message},"retcode":"{code}","result":""}}"#)
        } else {
            format!(r#"{{"message":{message},"retcode":"{code}"}}"#)
        })
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        // The worked sequence of cc-gateway.md §4.1 shows 100-006 with an empty message; a poll loop reads it for ever.
        let message = if code == Code::NotSignedIn { String::new() } else { code.text().to_owned() };
        Failure { code, message, empty_result: false }
    }
}

/// What an operation gives.
pub(super) type Outcome = Result<Answer, Failure>;

/// JSON of a value of ours; no such value fails.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// A body that is there at once.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn envelope(text: String) -> Response<Body> {
    let mut response = Response::new(whole(text));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_byte_exact() {
        assert_eq!(Answer::Done.text(), r#"{"message":"","retcode":"0"}"#);
        assert_eq!(Answer::reserved().text(), r#"{"message":"success","retcode":"0","result":{}}"#);
        assert_eq!(Answer::result(&"1-2").text(), r#"{"message":"","retcode":"0","result":"1-2"}"#);
        assert_eq!(Answer::Event("{}".into()).text(), r#"{"message":"","retcode":"0","event":{}}"#);
    }

    #[tokio::test]
    async fn a_failure_is_http_200_with_its_code() {
        let response = Failure::new(Code::BadParameter, "mode `x`").into_response();
        assert_eq!(response.status(), 200);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["retcode"], "000-002");
        assert!(value["message"].as_str().unwrap().ends_with("mode `x`") && value.get("result").is_none());
        let bytes = Failure::from(Code::NotSignedIn).into_response().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&bytes[..], br#"{"message":"","retcode":"100-006"}"#);
    }
}
