//! Sign-in, guids, polls, sign-out (cc-gateway.md §1.3, §1.4, §4.1, §5.3).

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::rig::{PASSWORD, Rig};
use crate::config::GuidMode;
use crate::gateway::{limits, sweep};

#[tokio::test]
async fn an_agent_signs_in_polls_and_signs_out() {
    let rig = Rig::new().await;
    let answer = rig.sign_in(4977, json!({})).await;
    let guid = answer.guid();
    let result = &answer.value()["result"];
    assert_eq!((result["vdnid"].as_i64(), result["workno"].as_str()), (Some(7), Some("4977")), "{answer:?}");
    assert_eq!((result["mediatype"].as_str(), result["isForceChange"].as_str()), (Some("TTF"), Some("true")));
    let poll = rig.call("GET", "/agentevent/4977", Some(&guid), "").await;
    let first = r#"{"message":"","retcode":"0","event":{"eventType":"AgentOther_InService","workNo":"4977","content":null}}"#;
    assert_eq!(poll.body, first);
    assert_eq!(rig.event(4977, &guid).await, "AgentState_Ready");
    let answer = rig.call("POST", "//onlineagent/4977/resetskill/True/", Some(&guid), "").await;
    assert_eq!(answer.body, r#"{"message":"","retcode":"0"}"#);
    assert_eq!(rig.call("POST", "/onlineagent/4977/saybusy?reason=201", Some(&guid), "").await.code(), "0");
    assert_eq!(rig.event(4977, &guid).await, "AgentState_SetNotReady_Success");
    let status = rig.call("GET", "/onlineagent/4977/agentstatus", Some(&guid), "").await;
    assert_eq!(status.body, r#"{"message":"","retcode":"0","result":{"agentState":3,"isWorking":false}}"#);
    assert_eq!(rig.call("DELETE", "/onlineagent/4977/logout", Some(&guid), "").await.body, r#"{"message":"","retcode":"0"}"#);
    assert_eq!(rig.call("GET", "/agentevent/4977", Some(&guid), "").await.body, r#"{"message":"","retcode":"100-006"}"#);
}

#[tokio::test]
async fn an_empty_poll_takes_its_time_and_is_byte_exact() {
    let rig = Rig::new().await;
    let guid = rig.sign_in(4977, json!({})).await.guid();
    rig.event(4977, &guid).await;
    rig.event(4977, &guid).await;
    let begun = Instant::now();
    let answer = rig.call("GET", "/agentevent/4977", Some(&guid), "").await;
    assert_eq!(answer.body, r#"{"message":"","retcode":"0"}"#);
    assert!(begun.elapsed() >= limits::POLL_WAIT, "held, not answered at once");
}

#[tokio::test]
async fn wrong_passwords_and_unknown_agents_are_told_apart_by_nothing() {
    let rig = Rig::new().await;
    let wrong = rig.sign_in(4977, json!({"password": "nonsense"})).await;
    let unknown = rig.sign_in(9999, json!({"password": "nonsense"})).await;
    assert_eq!(wrong.code(), "100-004");
    assert_eq!(wrong.body, unknown.body);
    assert!(!wrong.head.contains("Set-GUID"));
    for agent in [4977, 9999] {
        for _ in 1..limits::SIGN_IN_FAILURES_AGENT {
            rig.sign_in(agent, json!({"password": "nonsense"})).await;
        }
        assert_eq!(rig.sign_in(agent, json!({})).await.code(), "110-016", "locked, right or wrong: {agent}");
    }
}

#[tokio::test]
async fn a_second_sign_in_is_refused_and_a_forced_one_ends_the_first() {
    let rig = Rig::new().await;
    let first = rig.sign_in(4977, json!({})).await.guid();
    let again = rig.sign_in(4977, json!({})).await;
    assert_eq!(again.code(), "100-002");
    let body = json!({"password": PASSWORD, "phonenum": "74977"}).to_string();
    let forced = rig.call("PUT", "/onlineagent/4977/forcelogin", None, &body).await;
    let second = forced.guid();
    assert_eq!(rig.event(4977, &first).await, "100-006");
    assert_eq!(rig.event(4977, &second).await, "AgentOther_InService");
    assert_eq!(
        rig.call("PUT", "/onlineagent/4978/forcelogin", None, &body.replace("74977", "74978")).await.code(),
        "0",
        "nobody was signed in"
    );
}

#[tokio::test]
async fn the_same_number_in_two_tenants_is_told_apart_by_password_or_host() {
    let rig = Rig::new().await;
    let bank = rig.sign_in(4977, json!({"password": format!("{PASSWORD}-bank")})).await;
    assert_eq!(bank.value()["result"]["vdnid"], 8);
    let body = json!({"password": PASSWORD, "phonenum": "74977"}).to_string();
    let of_host = |host: &str| {
        let length = body.len();
        format!(
            "PUT /agentgateway/resource/onlineagent/4977 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    assert_eq!(rig.raw(&of_host("bank.example:8043")).await.code(), "100-004", "that is the other tenant's password");
    assert_eq!(rig.raw(&of_host("shop.example")).await.value()["result"]["vdnid"], 7);
}

#[tokio::test]
async fn a_guid_speaks_for_its_own_agent_only() {
    let rig = Rig::new().await;
    let guid = rig.sign_in(4977, json!({})).await.guid();
    rig.sign_in(4978, json!({})).await;
    assert_eq!(rig.call("GET", "/onlineagent/4978/agentstatus", Some(&guid), "").await.code(), "000-003");
    assert_eq!(rig.call("GET", "/onlineagent/4977/agentstatus", None, "").await.code(), "000-003");
    assert_eq!(rig.call("GET", "/onlineagent/4977/agentskills", None, "").await.code(), "0", "one integration asks without a guid");
    assert_eq!(rig.call("GET", "/onlineagent/4001/agentskills", None, "").await.code(), "000-003", "but not for who is not signed in");
}

#[tokio::test]
async fn dynamic_guids_come_with_polls() {
    let rig = Rig::with(|config| config.gateway.guid = GuidMode::Dynamic).await;
    let guid = rig.sign_in(4977, json!({})).await.guid();
    let young = rig.call("GET", "/agentevent/4977", Some(&guid), "").await;
    assert!(!young.head.contains("Set-GUID"));
    // The clock is the caller's: a minute later by the registry's account.
    let crate::gateway::session::Found::Open(session) = rig.gateway.sessions.find(&guid, Instant::now()) else { panic!("open") };
    let later = Instant::now() + limits::GUID_INTERVAL;
    let fresh = rig.gateway.sessions.touch(&session, later).unwrap();
    assert_eq!(rig.event(4977, &fresh).await, "AgentState_Ready");
    assert!(fresh != guid);
}

#[tokio::test]
async fn a_silent_program_is_signed_out() {
    let rig = Rig::new().await;
    let guid = rig.sign_in(4977, json!({})).await.guid();
    sweep::at(&rig.gateway, Instant::now() + limits::SILENCE - Duration::from_secs(1)).await;
    assert_eq!(rig.event(4977, &guid).await, "AgentOther_InService");
    sweep::at(&rig.gateway, Instant::now() + limits::SILENCE).await;
    assert_eq!(rig.event(4977, &guid).await, "100-006");
    assert_eq!(rig.sign_in(4977, json!({})).await.code(), "0", "and can sign in again");
}

#[tokio::test]
async fn keep_alives_answer_as_older_and_newer_clients_need() {
    let rig = Rig::new().await;
    let guid = rig.sign_in(4977, json!({})).await.guid();
    let beat = rig.call("PUT", "/onlineagent/4977/heartbeat", Some(&guid), "").await;
    assert!(beat.value()["result"]["loginTime"].is_string());
    assert_eq!(rig.call("POST", "/onlineagent/4977/handshake", Some(&guid), "").await.body, r#"{"message":"","retcode":"0"}"#);
}

#[tokio::test]
async fn events_are_pushed_in_order_and_again_after_a_failure() {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = receiver.local_addr().unwrap();
    let rig = Rig::with(|config| config.gateway.push_hosts = vec![place.to_string()]).await;
    let uri = format!("http://{place}/events");
    let answer = rig.sign_in(4977, json!({"callBackUri": uri, "serviceToken": "token-1"})).await;
    assert_eq!(answer.code(), "0");
    let mut heard = Vec::new();
    for round in 0..20 {
        let (mut stream, _) = receiver.accept().await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.windows(2).any(|window| window == b"]}") {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0);
            bytes.extend_from_slice(&buffer[..count]);
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("POST /events HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("service_token: token-1\r\n") && text.contains("content-length: ") && text.contains("guid: "), "{text}");
        // The first try fails.
        let reply = if round == 0 { r#"{"retcode":"1"}"# } else { r#"{"message":"success","retcode":"0"}"# };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
        stream.write_all((head + reply).as_bytes()).await.unwrap();
        if round > 0 {
            let body: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
            assert_eq!(body["workNo"], "4977");
            heard.extend(body["eventList"].as_array().unwrap().iter().map(|event| event["eventType"].as_str().unwrap().to_owned()));
        }
        if heard.len() >= 2 {
            break;
        }
    }
    assert_eq!(heard, ["AgentOther_InService", "AgentState_Ready"]);
}

#[tokio::test]
async fn the_configuration_family_has_a_sign_in_of_its_own() {
    let rig = Rig::new().await;
    let login = |account: u32, password: &str| json!({"agentId": account, "password": password}).to_string();
    let wrong = rig.call("POST", "/config/login", None, &login(100_007, "nonsense")).await;
    let unknown = rig.call("POST", "/config/login", None, &login(100_999, "nonsense")).await;
    assert_eq!((wrong.code().as_str(), &wrong.body), ("107-003", &unknown.body));
    let answer = rig.call("POST", "/config/login", None, &login(1_000_007, "interconnect")).await;
    let guid = answer.value()["result"]["guid"].as_str().unwrap().to_owned();
    assert_eq!(rig.call("GET", "/config/vdn/skill", None, "").await.code(), "107-000");
    let made = rig.call("POST", "/config/vdn/skill", Some(&guid), r#"{"name":"sales","mediaTypeId":5}"#).await;
    let id = made.value()["result"]["skillId"].as_u64().unwrap();
    let changed =
        rig.call("PUT", &format!("/config/vdn/skill?skillId={id}"), Some(&guid), r#"{"skillParameter":{"maxWaitTime":"90"}}"#).await;
    assert_eq!(changed.code(), "0");
    let shown = rig.call("GET", &format!("/config/vdn/skill?skillId={id}"), Some(&guid), "").await;
    assert_eq!(shown.value()["result"]["skillParameter"]["maxWaitTime"], 90);
    assert_eq!(rig.call("PUT", "/config/vdn/skill?skillId=4999", Some(&guid), "{}").await.code(), "107-002");
    let body = r#"{"subscribeType":"1","serviceCallBackUri":"https://crm.example/x","nlpFlag":false}"#;
    let subscribed = rig.call("POST", "/config/subscribe/register", Some(&guid), body).await;
    let server = subscribed.value()["result"]["serverId"].as_str().unwrap().to_owned();
    assert_eq!(rig.call("GET", &format!("/config/subscribe/handshake/{server}"), Some(&guid), "").await.code(), "0");
    assert_eq!(rig.call("PUT", "/config/subscribe/unregister", Some(&guid), &json!({"serverId": server}).to_string()).await.code(), "0");
    assert_eq!(rig.call("GET", &format!("/config/subscribe/handshake/{server}"), Some(&guid), "").await.code(), "107-002");
}

#[tokio::test]
async fn recordings_are_downloaded_whole_and_by_range() {
    let rig = Rig::new().await;
    let folder = rig.gateway.config.recordings_dir().join("shop/20261122/4977");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("1.wav"), b"RIFF0123456789").unwrap();
    let guid = rig.sign_in(4977, json!({})).await.guid();
    // As clients send it: nothing encoded.
    let path = r"/recordfile/4977?recordId=Y:\7\0\20261122\4977\1.V3";
    let whole = rig.call("GET", path, Some(&guid), "").await;
    assert_eq!(whole.body, "RIFF0123456789");
    assert!(whole.head.contains("application/octet-stream;charset=utf-8"), "{}", whole.head);
    let request =
        format!("GET /agentgateway/resource{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nguid: {guid}\r\nRange: bytes=4-6\r\n\r\n");
    let part = rig.raw(&request).await;
    assert!(part.head.starts_with("HTTP/1.1 206") && part.head.contains("bytes 4-6/14"), "{}", part.head);
    assert_eq!(part.body, "012");
    let code = |answer: super::rig::Answer| (answer.code(), answer.value()["result"].clone());
    let missing = code(rig.call("GET", "/recordfile/4977?recordId=Y:/7/0/20261122/4977/2.V3", Some(&guid), "").await);
    assert_eq!(missing, ("104-005".to_owned(), json!("")));
    assert_eq!(code(rig.call("GET", "/recordfile/4977?recordId=Y:/7/0/../../x.V3", Some(&guid), "").await).0, "104-003");
    assert_eq!(code(rig.call("GET", "/recordfile/4977?recordId=Y:/8/0/20261122/4977/1.V3", Some(&guid), "").await).0, "104-003", "foreign");
    let other = rig.sign_in(4978, json!({})).await.guid();
    assert_eq!(code(rig.call("GET", "/recordfile/4978?recordId=Y:/7/0/20261122/4977/1.V3", Some(&other), "").await).0, "104-002");
}
