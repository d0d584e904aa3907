//! Tenants, phones, trunks, access numbers.

use serde_json::json;

use crate::http::testing::{Node, node};

async fn with_tenant() -> Node {
    let node = node().await;
    node.expect(201, "POST", "/api/v1/tenants", Some(json!({"tenant": "t", "domains": ["t.example"]}))).await;
    node
}

#[tokio::test]
async fn a_tenant_is_made_changed_and_removed() {
    let node = with_tenant().await;
    let again = node.expect(409, "POST", "/api/v1/tenants", Some(json!({"tenant": "t"}))).await;
    assert!(again["detail"].as_str().unwrap().contains('t'));
    node.expect(200, "PUT", "/api/v1/tenants/t", Some(json!({"name": "Shop", "max_calls": 5}))).await;
    let tenant = node.expect(200, "GET", "/api/v1/tenants/t", None).await;
    assert_eq!((tenant["name"].as_str(), tenant["max_calls"].as_u64()), (Some("Shop"), Some(5)));
    assert_eq!(node.expect(200, "GET", "/api/v1/tenants", None).await["items"].as_array().unwrap().len(), 1);
    node.expect(204, "DELETE", "/api/v1/tenants/t", None).await;
    node.expect(404, "GET", "/api/v1/tenants/t", None).await;
    node.expect(404, "GET", "/api/v1/tenants/t/phones", None).await;
}

#[tokio::test]
async fn a_phones_password_is_shown_once_and_never_in_events() {
    let node = with_tenant().await;
    let made = node.expect(201, "POST", "/api/v1/tenants/t/phones", Some(json!({"user": "1001", "display_name": "Ann"}))).await;
    let password = made["password"].as_str().unwrap().to_owned();
    assert!(password.len() >= 20);
    let shown = node.expect(200, "GET", "/api/v1/tenants/t/phones/1001", None).await;
    assert_eq!(shown["has_password"], true);
    assert!(!shown.to_string().contains(&password));
    let reset = node.expect(200, "POST", "/api/v1/tenants/t/phones/1001/password", Some(json!({}))).await;
    assert_ne!(reset["password"].as_str().unwrap(), password);
    let chosen = node.expect(200, "POST", "/api/v1/tenants/t/phones/1001/password", Some(json!({"password": "chosen-by-me"}))).await;
    assert_eq!(chosen["password"], "chosen-by-me");
    for (_, envelope) in node.engine.log.envelopes() {
        let text = format!("{envelope:?}");
        assert!(!text.contains(&password) && !text.contains("chosen-by-me"));
    }
    let short = node.expect(400, "POST", "/api/v1/tenants/t/phones/1001/password", Some(json!({"password": "short"}))).await;
    assert!(!short.to_string().contains("short\""), "a password is not echoed: {short}");
    node.expect(204, "DELETE", "/api/v1/tenants/t/phones/1001", None).await;
    node.expect(404, "POST", "/api/v1/tenants/t/phones/1001/password", Some(json!({}))).await;
}

#[tokio::test]
async fn a_bad_user_name_is_refused_with_its_rule() {
    let node = with_tenant().await;
    let problem = node.expect(422, "POST", "/api/v1/tenants/t/phones", Some(json!({"user": "a b"}))).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("a b") && detail.contains("1 to 64"), "{detail}");
}

#[tokio::test]
async fn a_trunk_keeps_its_password_to_itself() {
    let node = with_tenant().await;
    let body = json!({"name": "c", "host": "sip.carrier.example", "register": {"user": "me"}, "password": "carrier-secret"});
    let made = node.expect(201, "POST", "/api/v1/tenants/t/trunks", Some(body.clone())).await;
    assert!(!made.to_string().contains("carrier-secret") && made["has_password"] == true, "{made}");
    node.expect(409, "POST", "/api/v1/tenants/t/trunks", Some(body)).await;
    let changed = json!({"name": "c", "host": "192.0.2.1", "priority": 5});
    let changed = node.expect(200, "PUT", "/api/v1/tenants/t/trunks/c", Some(changed)).await;
    assert_eq!(changed["trunk"]["priority"], 5);
    assert_eq!(node.expect(200, "GET", "/api/v1/tenants/t/trunks", None).await["items"][0]["state"], "unknown");
    node.expect(400, "POST", "/api/v1/tenants/t/trunks", Some(json!({"name": "d", "host": "not a host"}))).await;
    node.expect(204, "DELETE", "/api/v1/tenants/t/trunks/c", None).await;
    node.expect(404, "GET", "/api/v1/tenants/t/trunks/c", None).await;
}

#[tokio::test]
async fn an_access_number_leads_somewhere_else_after_put() {
    let node = with_tenant().await;
    node.expect(201, "POST", "/api/v1/tenants/t/numbers", Some(json!({"number": "600", "destination": "echo"}))).await;
    node.expect(200, "PUT", "/api/v1/tenants/t/numbers/600", Some(json!({"destination": {"tone": {"sine": 440}}}))).await;
    let number = node.expect(200, "GET", "/api/v1/tenants/t/numbers/600", None).await;
    assert_eq!(number["destination"], json!({"tone": {"sine": 440}}));
    node.expect(204, "DELETE", "/api/v1/tenants/t/numbers/600", None).await;
    node.expect(404, "GET", "/api/v1/tenants/t/numbers/600", None).await;
}

#[tokio::test]
async fn five_thousand_phones_are_imported_once() {
    let node = with_tenant().await;
    let rows: Vec<_> = (0..5000).map(|n| json!({"user": format!("{}", 10_000 + n), "display_name": format!("Phone {n}")})).collect();
    let mut passwords = std::collections::HashSet::new();
    for chunk in rows.chunks(1000) {
        let report = node.expect(200, "POST", "/api/v1/tenants/t/phones:import", Some(json!({"phones": chunk}))).await;
        for result in report["results"].as_array().unwrap() {
            assert_eq!(result["outcome"], "created", "{result}");
            assert!(passwords.insert(result["password"].as_str().unwrap().to_owned()));
        }
    }
    // Who asked is noted each time.
    let changes = || node.engine.log.envelopes().iter().filter(|(_, envelope)| envelope.event.kind() != "audit.noted").count();
    let before = changes();
    for chunk in rows.chunks(1000) {
        let report = node.expect(200, "POST", "/api/v1/tenants/t/phones:import", Some(json!({"phones": chunk}))).await;
        assert!(report["results"].as_array().unwrap().iter().all(|r| r["outcome"] == "unchanged" && r.get("password").is_none()));
    }
    assert_eq!(changes(), before, "a repeated import changes nothing");

    let mut seen = 0;
    let mut after = String::new();
    loop {
        let page = node.expect(200, "GET", &format!("/api/v1/tenants/t/phones?limit=999{after}"), None).await;
        seen += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 5000);
}

#[tokio::test]
async fn a_bad_row_does_not_refuse_the_others() {
    let node = with_tenant().await;
    let rows = json!({"phones": [{"user": "1001"}, {"user": "no good"}, {"user": "1001"}, {"user": "1002", "password": "x"},
        {"user": "1003", "password": "long-enough"}]});
    let report = node.expect(200, "POST", "/api/v1/tenants/t/phones:import", Some(rows)).await;
    let outcomes: Vec<_> = report["results"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["created", "refused", "refused", "refused", "created"]);
    assert!(report["results"][1]["error"].as_str().unwrap().contains("no good"));
    assert!(report["results"][4].get("password").is_none(), "a given password is not repeated");

    let changed = json!({"phones": [{"user": "1003", "display_name": "New"}, {"user": "1001", "password": "another-one"}]});
    let report = node.expect(200, "POST", "/api/v1/tenants/t/phones:import", Some(changed)).await;
    assert!(report["results"].as_array().unwrap().iter().all(|r| r["outcome"] == "changed"), "{report}", report = report["results"]);
}
