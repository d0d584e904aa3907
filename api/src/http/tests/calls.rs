//! Calls: live, past, and what can be done to them.

use serde_json::json;
use tandem_core::{Cause, Command, DialogRecord, Endpoint, Flow, LegId, Party, TenantId, Transport, UserName};

use crate::http::testing::{Node, node};

fn dialog() -> DialogRecord {
    let addr = "127.0.0.1:5060".parse().unwrap();
    DialogRecord {
        call_id: "abc@phone".into(),
        local_tag: "l".into(),
        remote_tag: Some("r".into()),
        local_uri: "sip:600@t".into(),
        remote_uri: "sip:1001@t".into(),
        remote_target: "sip:1001@127.0.0.1".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: Some(1),
        flow: Flow { transport: Transport::Udp, local: addr, remote: addr },
    }
}

async fn with_phone() -> (Node, TenantId) {
    let node = node().await;
    node.expect(201, "POST", "/api/v1/tenants", Some(json!({"tenant": "t"}))).await;
    node.expect(201, "POST", "/api/v1/tenants/t/phones", Some(json!({"user": "1001"}))).await;
    node.expect(201, "POST", "/api/v1/tenants/t/numbers", Some(json!({"number": "600", "destination": "echo"}))).await;
    (node, TenantId::new("t").unwrap())
}

fn offer(node: &Node, tenant: &TenantId, leg: u64) {
    let command = Command::LegOffered {
        leg: LegId(leg),
        from: Endpoint::Phone(UserName::new("1001").unwrap()),
        caller: "1001".into(),
        caller_name: None,
        called: "600".into(),
        dialog: dialog(),
        replaces: None,
    };
    node.engine.handle(tenant, command).unwrap();
}

fn end(node: &Node, tenant: &TenantId, leg: u64) {
    let command = Command::LegEnded { leg: LegId(leg), cause: Cause::normal(Party::Remote), stats: None };
    node.engine.handle(tenant, command).unwrap();
}

#[tokio::test]
async fn a_call_is_live_then_in_the_history_with_its_timeline() {
    let (node, tenant) = with_phone().await;
    offer(&node, &tenant, 77);
    node.state.settle().await;
    let live = node.expect(200, "GET", "/api/v1/tenants/t/calls", None).await;
    let call = live["items"][0]["call"].as_str().unwrap().to_owned();
    assert_eq!(live["items"][0]["called"], "600");
    let detail = node.expect(200, "GET", &format!("/api/v1/tenants/t/calls/{call}"), None).await;
    assert!(detail["live"].is_object(), "{detail}");

    end(&node, &tenant, 77);
    node.state.settle().await;
    assert_eq!(node.expect(200, "GET", "/api/v1/tenants/t/calls", None).await["items"].as_array().unwrap().len(), 0);
    let detail = node.expect(200, "GET", &format!("/api/v1/tenants/t/calls/{call}"), None).await;
    assert_eq!(detail["call"]["cause"]["sip"], 200, "{detail}");
    assert_eq!(detail["legs"][0]["sip_call_id"], "abc@phone");
    let kinds: Vec<_> = detail["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"call.arrived"), Some(&"call.ended")), "{kinds:?}");
    assert_eq!(detail["events_incomplete"], false);
    node.expect(404, "GET", "/api/v1/tenants/t/calls/0000000000001", None).await;
}

#[tokio::test]
async fn history_is_filtered_and_paged_newest_first() {
    let (node, tenant) = with_phone().await;
    for leg in 1..=25 {
        offer(&node, &tenant, leg);
        end(&node, &tenant, leg);
    }
    let end_at = node.engine.log.envelopes().len() as u64;
    while node.state.parts.views.history_position() < end_at {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = node.expect(200, "GET", &format!("/api/v1/tenants/t/history?limit=10{cursor}"), None).await;
        seen.extend(page["calls"].as_array().unwrap().iter().map(|call| call["call"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first, none twice");
    let count = async |query: &str| {
        let page = node.expect(200, "GET", &format!("/api/v1/tenants/t/history?{query}"), None).await;
        page["calls"].as_array().unwrap().len()
    };
    assert_eq!(count("caller=1001").await, 25);
    assert_eq!(count("caller=9").await, 0);
    assert_eq!(count("called=600&cause=200").await, 25);
    assert_eq!(count("cause=486").await, 0);
    assert_eq!(count("from=2100-01-01T00:00:00Z").await, 0);
    let problem = node.expect(400, "GET", "/api/v1/tenants/t/history?from=yesterday", None).await;
    assert!(problem["detail"].as_str().unwrap().contains("yesterday"));
}

#[tokio::test]
async fn control_of_a_call_that_is_not_there_says_so() {
    let (node, _) = with_phone().await;
    let id = "0000000000001";
    for (path, body) in [
        (format!("calls/{id}/release"), None),
        (format!("calls/{id}/party"), Some(json!({"number": "1002"}))),
        (format!("calls/{id}/merge"), Some(json!({"other": id}))),
        (format!("legs/{id}/hold"), None),
        (format!("legs/{id}/resume"), None),
        (format!("legs/{id}/transfer"), Some(json!({"number": "1002"}))),
        (format!("legs/{id}/release"), None),
    ] {
        let (status, problem) = node.call("POST", &format!("/api/v1/tenants/t/{path}"), body).await;
        assert!(matches!(status.as_u16(), 400 | 404 | 409), "{path}: {status} {problem}");
    }
    let problem = node.expect(400, "POST", &format!("/api/v1/tenants/t/legs/{id}/transfer"), Some(json!({}))).await;
    assert!(problem["detail"].as_str().unwrap().contains("`number` or `leg`"));
    node.expect(400, "POST", "/api/v1/tenants/t/calls/nonsense/release", None).await;
}

#[tokio::test]
async fn a_call_is_released_through_the_api() {
    let (node, tenant) = with_phone().await;
    offer(&node, &tenant, 5);
    node.state.settle().await;
    let live = node.expect(200, "GET", "/api/v1/tenants/t/calls", None).await;
    let call = live["items"][0]["call"].as_str().unwrap();
    node.expect(204, "POST", &format!("/api/v1/tenants/t/calls/{call}/release"), None).await;
    let live = node.expect(200, "GET", "/api/v1/tenants/t/calls", None).await;
    assert_eq!(live["items"][0]["legs"][0]["state"], "releasing", "{live}");
}
