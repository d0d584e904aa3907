//! How answers look (cc-cms.md 1).

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Success.
pub(super) const SUCCESS: &str = "0100000";
/// Call failed.
pub(super) const FAILED: &str = "0100001";
/// Illegal parameter.
pub(super) const PARAMETER: &str = "0100002";
/// No permission.
pub(super) const PERMISSION: &str = "0101003";

/// What an operation found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// The usual envelope, with `count` where pages are cut from more.
    Data {
        /// An array or an object.
        data: Value,
        /// All there are.
        count: Option<usize>,
    },
    /// An envelope of its own.
    Bare(Value),
}

impl Answer {
    /// Data that are not paged.
    pub(super) fn of(data: Value) -> Answer {
        Answer::Data { data, count: None }
    }
}

/// Why there is no answer. Still HTTP 200: the signature was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub(super) struct Failure {
    code: &'static str,
    text: String,
}

impl Failure {
    /// 0100002.
    pub(super) fn parameter(text: impl Into<String>) -> Failure {
        Failure { code: PARAMETER, text: text.into() }
    }

    /// 0101003.
    pub(super) fn permission(text: impl Into<String>) -> Failure {
        Failure { code: PERMISSION, text: text.into() }
    }

    /// 0100001, for what is not there: there is no code of its own.
    pub(super) fn not_found(text: impl Into<String>) -> Failure {
        Failure { code: FAILED, text: text.into() }
    }

    /// 0100001, for an operation whose answer the reference does not describe: an empty one would look like a fact.
    pub(super) fn undescribed() -> Failure {
        Failure { code: FAILED, text: "the members of this answer are not documented, so there is none".to_owned() }
    }

    /// In the envelope of `queryAgentByStatus`.
    pub(super) fn bare(self) -> Answer {
        Answer::Bare(json!({ "returnCode": self.code, "description": self.text }))
    }

    /// 0100001. The cause goes to the log.
    pub(super) fn failed(what: &str, cause: &dyn std::fmt::Display) -> Failure {
        tracing::error!(what, %cause, "a CC-CMS operation failed");
        Failure { code: FAILED, text: format!("{what} failed") }
    }
}

/// Renders. `result` and `resultDatas` are for clients from before 8.13; which operations document them is not known of all, so
/// every success carries them.
pub(super) fn render(done: Result<Answer, Failure>) -> Response {
    let body = match done {
        Ok(Answer::Data { data, count }) => {
            let mut body = json!({ "resultCode": SUCCESS, "resultDesc": data, "result": "0", "resultDatas": data });
            if let (Some(body), Some(count)) = (body.as_object_mut(), count) {
                body.insert("count".to_owned(), count.into());
            }
            body
        }
        Ok(Answer::Bare(body)) => body,
        Err(Failure { code, text }) => json!({ "resultCode": code, "resultDesc": text }),
    };
    Json(body).into_response()
}
