//! All routes.

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware::Next};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AppState, Problem, health, web};
use crate::admin;
use crate::auth::guard;

#[derive(OpenApi)]
#[openapi(
    info(title = "Tandem admin API", description = "Tenants, phones, trunks, access numbers, calls, history and events of a Tandem node. \
        Every error is an RFC 9457 problem document."),
    components(schemas(Problem)),
    security(("token" = []))
)]
struct Document;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn guarded() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(admin::session::close))
        .routes(routes!(admin::tenants::list, admin::tenants::create))
        .routes(routes!(admin::tenants::read, admin::tenants::replace, admin::tenants::remove))
        .routes(routes!(admin::phones::list, admin::phones::create))
        .routes(routes!(admin::phones::import))
        .routes(routes!(admin::phones::read, admin::phones::replace, admin::phones::remove))
        .routes(routes!(admin::phones::password))
        .routes(routes!(admin::trunks::list, admin::trunks::create))
        .routes(routes!(admin::trunks::read, admin::trunks::replace, admin::trunks::remove))
        .routes(routes!(admin::numbers::list, admin::numbers::create))
        .routes(routes!(admin::numbers::read, admin::numbers::replace, admin::numbers::remove))
        .routes(routes!(admin::agents::list, admin::agents::create))
        .routes(routes!(admin::agents::reset))
        .routes(routes!(admin::agents::read, admin::agents::replace, admin::agents::remove))
        .routes(routes!(admin::queues::list, admin::queues::create))
        .routes(routes!(admin::queues::read, admin::queues::replace, admin::queues::remove))
        .routes(routes!(admin::staff::groups))
        .routes(routes!(admin::staff::set_group, admin::staff::remove_group))
        .routes(routes!(admin::staff::causes))
        .routes(routes!(admin::staff::set_cause, admin::staff::remove_cause))
        .routes(routes!(admin::keys::list, admin::keys::create))
        .routes(routes!(admin::keys::remove))
        .routes(routes!(admin::prompts::list))
        .merge(uploads())
        .routes(routes!(admin::status::registrations))
        .routes(routes!(admin::status::overview))
        .routes(routes!(admin::status::kafka))
        .routes(routes!(admin::calls::live, admin::calls::originate))
        .routes(routes!(admin::calls::history))
        .routes(routes!(admin::calls::detail))
        .routes(routes!(admin::explain::explain))
        .routes(routes!(admin::calls::release))
        .routes(routes!(admin::calls::party))
        .routes(routes!(admin::calls::merge))
        .routes(routes!(admin::legs::hold))
        .routes(routes!(admin::legs::resume))
        .routes(routes!(admin::legs::transfer))
        .routes(routes!(admin::legs::release))
        .routes(routes!(admin::stream::tenant))
        .routes(routes!(admin::stream::all))
}

/// Bodies that may be larger than others.
fn uploads() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(admin::prompts::put, admin::prompts::remove))
        .layer(DefaultBodyLimit::max(tandem_media::audio::limits::IMPORT_BYTES))
}

fn open() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(admin::session::open))
}

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut document) = open().merge(guarded()).split_for_parts();
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document.components.get_or_insert_with(Default::default).add_security_scheme("token", scheme);
    document
}

/// The whole router.
pub fn router(state: AppState) -> Router {
    let (guarded, _) = guarded().split_for_parts();
    let guarded = guarded
        .route_layer(from_fn_with_state(state.clone(), admin::audit::note))
        .route_layer(from_fn_with_state(state.clone(), guard::guard));
    let (open, _) = open().split_for_parts();
    let document = openapi().to_json().unwrap_or_default();
    let body = state.parts.config.http.body_kib as usize * 1024;
    open.merge(guarded)
        .merge(crate::cms::router())
        .route("/api/v1/openapi.json", get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document.clone()) }))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(body))
        .layer(from_fn(observe))
        .layer(from_fn(web::secure))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION, header::COOKIE]))
        .with_state(state)
}

async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return Problem::no_such_path(path).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return method_not_allowed(request).await;
    }
    web::page(request.uri().clone()).await
}

async fn method_not_allowed(request: Request) -> Response {
    Problem::method(request.method().as_str(), request.uri().path()).into_response()
}

/// One span and one count per request. The route's pattern names it, never the path: labels stay bounded.
async fn observe(request: Request, next: Next) -> Response {
    use tracing::Instrument;
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default().to_owned();
    let route =
        request.extensions().get::<axum::extract::MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let span = tracing::info_span!("request", %id, %method, %route);
    let started = std::time::Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status: StatusCode = response.status();
    let elapsed = started.elapsed();
    span.in_scope(|| tracing::debug!(status = status.as_u16(), elapsed_ms = elapsed.as_millis() as u64, "answered"));
    let class = match status.as_u16() {
        0..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("tandem_http_requests_total", "route" => route.clone(), "status" => class).increment(1);
    metrics::histogram!("tandem_http_request_duration_seconds", "route" => route).record(elapsed.as_secs_f64());
    response
}
