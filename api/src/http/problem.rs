//! Errors as RFC 9457 problem documents.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tandem_core::Rejection;
use utoipa::ToSchema;

use crate::auth::CredentialError;
use crate::auth::signature::KeyError;

/// An error answer (RFC 9457): what was wrong, with which value, and what would be right.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Kind of problem, stable: `urn:tandem:problem:not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This problem in words, with the offending value.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub fix: Option<Box<str>>,
    /// The field that is wrong, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Box<str>>,
    /// Seconds after which it may work.
    #[serde(skip)]
    pub retry_after: Option<u32>,
    /// Whether to ask for the token.
    #[serde(skip)]
    pub challenge: bool,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("urn:tandem:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            fix: None,
            field: None,
            retry_after: None,
            challenge: false,
        }
    }

    /// 400: a value can't be used.
    pub fn invalid(field: &str, value: impl std::fmt::Display, rule: impl std::fmt::Display) -> Problem {
        let mut problem =
            Problem::new(StatusCode::BAD_REQUEST, "invalid-value", "A value can't be used", format!("`{field}` is `{value}`: {rule}"));
        problem.field = Some(field.into());
        problem
    }

    /// 400: the request as such can't be read.
    pub fn malformed(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "malformed-request", "The request can't be read", detail)
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not signed in", detail)
            .fix("send `Authorization: Bearer <admin token>`, or open the page by the link that `tandem serve` prints");
        problem.challenge = true;
        problem
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "Not there", detail)
    }

    /// 404 for a path.
    pub fn no_such_path(path: &str) -> Problem {
        Problem::not_found(format!("there is nothing at `{}`", path.chars().take(200).collect::<String>()))
            .fix("see /api/v1/openapi.json for what there is")
    }

    /// 405.
    pub fn method(method: &str, path: &str) -> Problem {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            format!("`{method}` can't be used on `{}`", path.chars().take(200).collect::<String>()),
        )
        .fix("the Allow header and /api/v1/openapi.json say which can")
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "conflict", "Not possible now", detail)
    }

    /// 410: the cursor points before the oldest event kept.
    pub fn gone(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::GONE, "gone", "No longer kept", detail)
    }

    /// 429.
    pub fn too_many(detail: impl Into<String>, retry_after: u32) -> Problem {
        let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
        problem.retry_after = Some(retry_after);
        problem.fix(format!("wait {retry_after} s"))
    }

    /// 503.
    pub fn unavailable(detail: impl Into<String>) -> Problem {
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail);
        problem.retry_after = Some(1);
        problem.fix("try again in a moment")
    }

    /// 504: the engine didn't answer.
    pub fn late(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "late", "No answer in time", detail)
            .fix("the command may still be carried out: look before asking again")
    }

    /// 500. The cause goes to the log, not to the client.
    pub fn internal(what: &str, cause: &dyn std::fmt::Display) -> Problem {
        tracing::error!(what, %cause, "request failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed inside", format!("{what} failed"))
            .fix("the server's log says why, under this answer's x-request-id")
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<Box<str>>) -> Problem {
        self.fix = Some(fix.into());
        self
    }

    /// Names the field.
    #[must_use]
    pub fn field(mut self, field: &str) -> Problem {
        self.field = Some(field.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (retry, challenge) = (self.retry_after, self.challenge);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tandem\""));
        }
        response
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Problem {
        let text = rejection.to_string();
        match rejection {
            Rejection::NoSuchTenant(_) | Rejection::NoSuchCall(_) | Rejection::NoSuchLeg(_) | Rejection::NotFound { .. } => {
                Problem::not_found(text)
            }
            Rejection::AlreadyExists { .. } => Problem::conflict(text).fix("use PUT to change it, or another name"),
            Rejection::WrongState { .. } | Rejection::Agent(_) => Problem::conflict(text),
            Rejection::LimitReached { .. } => {
                Problem::new(StatusCode::CONFLICT, "limit-reached", "A limit is reached", text).fix("raise the tenant's limit")
            }
            Rejection::Invalid { field, value, rule } => Problem::invalid(field, value, rule),
        }
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Problem {
        Problem::internal("the credential store", &error)
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Problem {
        match error {
            KeyError::Taken(_) | KeyError::TooMany { .. } => Problem::conflict(error.to_string()),
            KeyError::Invalid { .. } => Problem::malformed(error.to_string()),
            other => Problem::internal("the access keys", &other),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Problem {
        Problem::internal("the history store", &error)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        let mut problem = Problem::malformed(rejection.body_text());
        problem.status = rejection.status().as_u16();
        match rejection {
            JsonRejection::MissingJsonContentType(_) => problem.fix("send `Content-Type: application/json`"),
            JsonRejection::BytesRejection(_) => problem.fix("send a smaller body; `http.body_kib` is the limit"),
            _ => problem.fix("see /api/v1/openapi.json for the fields and their types"),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        Problem::malformed(rejection.body_text()).fix("see /api/v1/openapi.json for the query parameters")
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::malformed(rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Problem {
        let mut problem = Problem::malformed(rejection.body_text());
        problem.status = rejection.status().as_u16();
        problem
    }
}
