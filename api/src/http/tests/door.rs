//! Who may in, and how errors look.

use serde_json::json;

use crate::http::testing::{node, node_with};

#[tokio::test]
async fn every_api_route_wants_a_login() {
    let node = node().await;
    let document = serde_json::to_value(crate::http::openapi()).unwrap();
    let mut seen = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1/") || path == "/api/v1/session" {
            continue;
        }
        let path = path.replace("{tenant}", "t").replace("{call}", "x").replace("{leg}", "x");
        let path = path.replace("{user}", "x").replace("{name}", "x").replace("{number}", "x");
        for method in methods.as_object().unwrap().keys() {
            let (status, kind, body) = node.raw(&method.to_uppercase(), &path, &[], Some("{}")).await;
            assert_eq!((status.as_u16(), kind.as_str()), (401, "application/problem+json"), "{method} {path}: {body}");
            assert!(body.contains("Authorization: Bearer"), "says what to do: {body}");
            seen += 1;
        }
    }
    assert!(seen >= 30, "{seen} operations");
}

#[tokio::test]
async fn the_right_token_opens_and_wrong_ones_are_slowed_down() {
    let node = node().await;
    node.expect(200, "GET", "/api/v1/tenants", None).await;
    for _ in 0..crate::limits::LOGIN_FAILURES {
        let (status, ..) = node.raw("GET", "/api/v1/tenants", &[("authorization", "Bearer tdm_guess")], None).await;
        assert_eq!(status, 401);
    }
    let (status, _, body) = node.raw("GET", "/api/v1/tenants", &[("authorization", "Bearer tdm_guess")], None).await;
    assert_eq!(status, 429, "{body}");
    assert!(!body.contains("guess"), "a token is never echoed");
}

#[tokio::test]
async fn a_link_signs_one_page_in() {
    let node = node().await;
    let link = node.state.link().unwrap();
    let (_, ticket) = link.split_once("/#ticket=").unwrap();
    let body = json!({ "ticket": ticket }).to_string();
    let request = axum::http::Request::post("/api/v1/session").body(axum::body::Body::from(body.clone())).unwrap();
    let response = tower::ServiceExt::oneshot(node.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), 204);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let (status, ..) = node.raw("GET", "/api/v1/tenants", &[("cookie", cookie)], None).await;
    assert_eq!(status, 200);

    let (status, ..) = node.raw("POST", "/api/v1/session", &[], Some(&body)).await;
    assert_eq!(status, 401, "a ticket is good once");

    let foreign = [("cookie", cookie), ("origin", "http://evil.example"), ("host", "127.0.0.1:8080")];
    let (status, ..) = node.raw("DELETE", "/api/v1/tenants/t", &foreign, None).await;
    assert_eq!(status, 403, "another origin can't use the session");

    let own = [("cookie", cookie), ("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")];
    assert_eq!(node.raw("DELETE", "/api/v1/session", &own, None).await.0, 204);
    assert_eq!(node.raw("GET", "/api/v1/tenants", &[("cookie", cookie)], None).await.0, 401, "signed out");
}

#[tokio::test]
async fn errors_are_problem_documents_that_name_value_and_fix() {
    let node = node().await;
    let (status, problem) = node.call("GET", "/api/v1/nothing", None).await;
    assert_eq!(status, 404);
    assert!(problem["detail"].as_str().unwrap().contains("/api/v1/nothing"));
    assert_eq!(problem["type"], "urn:tandem:problem:not-found");

    let (status, problem) = node.call("PATCH", "/api/v1/tenants", None).await;
    assert_eq!(status, 405, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("PATCH"));

    let (status, problem) = node.call("GET", "/api/v1/tenants/Demo%20Shop", None).await;
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("Demo Shop"), "{problem}");
    assert_eq!(problem["field"], "tenant");

    let (status, problem) = node.call("POST", "/api/v1/tenants", Some(json!({"tenant": "t", "colour": 1}))).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("colour"), "{problem}");

    let (status, problem) = node.call("GET", "/api/v1/tenants?limit=99999", None).await;
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("99999") && problem["detail"].as_str().unwrap().contains("1000"), "{problem}");

    let (status, problem) = node.call("GET", "/api/v1/tenants?limit=many", None).await;
    assert_eq!(status, 400, "{problem}");

    let bearer = format!("Bearer {}", node.token);
    let (status, kind, _) = node.raw("POST", "/api/v1/tenants", &[("authorization", &bearer)], Some("{}")).await;
    assert_eq!((status.as_u16(), kind.as_str()), (415, "application/problem+json"), "no content type");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let node = node_with(|config| config.http.body_kib = 16).await;
    let (status, problem) = node.call("POST", "/api/v1/tenants", Some(json!({"tenant": "t", "name": "x".repeat(20_000)}))).await;
    assert_eq!(status, 413, "{problem}");
}

#[tokio::test]
async fn the_page_and_every_answer_carry_a_strict_policy() {
    let node = node().await;
    let request = axum::http::Request::get("/").body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(node.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(node.raw("GET", "/../Cargo.toml", &[], None).await.0, 404);
}

#[tokio::test]
async fn health_and_metrics_answer_without_a_login() {
    let node = node().await;
    assert_eq!(node.raw("GET", "/healthz", &[], None).await.0, 200);
    let (status, _, body) = node.raw("GET", "/readyz", &[], None).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(node.raw("GET", "/metrics", &[], None).await.0, 200);
}

#[test]
fn the_api_document_is_the_committed_one() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = crate::http::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == now, "api/openapi.json is not what the code says: run the test with UPDATE_OPENAPI=1 and review the change");
}
