//! The contract, generated from the list of the reference: every operation with good input, missing and wrong fields, in a wrong state,
//! for a foreign tenant, without a guid. The answer is always HTTP 200 with the documented envelope and a code of the table.

use serde_json::{Value, json};

use super::rig::Rig;
use crate::gateway::codes::Code;
use crate::gateway::routes::{Auth, REFERENCE, ROWS, Row, Run};

/// Values for the path of a row, good ones or bad ones.
fn path(row: &Row, good: bool) -> String {
    let value = |name: &str| match name {
        "agentid" => "4977",
        _ if !good => "%22nonsense%22",
        "workno" | "workNo" => "4978",
        "callid" => "1732290100-12",
        "autoflag" | "isautoanswer" | "flag" => "true",
        "skillid" => "12",
        "vdnid" => "7",
        "number" => "123",
        "skilltype" => "0",
        _ => "1",
    };
    let segments = row.path.split('/').map(|segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => value(name).to_owned(),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// One body that has every documented field, well formed: unknown ones are ignored.
fn good_body() -> Value {
    json!({
        "called": "4978", "caller": "", "skillid": "12", "skillId": 12, "callappdata": "x", "mediaability": 0, "dstaddress": "4978",
        "devicetype": "2", "mode": "2", "holdflag": "true", "address": "4978", "addressType": "9", "callid": "1732290100-12",
        "callId": "1732290100-12", "number": "12#", "calldata": "x", "skills": ["12"], "workNo": "4978", "whisperagentid": "4978",
        "switchtype": "1", "voicepath": "Y:/7/0/20261122/4977/1.V3", "recordId": "Y:/7/0/20261122/4977/1.V3", "data": "hello",
        "mediaType": "5", "callnums": "3", "memberNum": 3, "destAgentNo": 4978, "addresses": [{"addressType": "9", "address": "4978"}],
        "modifyType": 0, "modifyNum": 2, "voicePath": "tune", "groupid": "1", "agentIds": ["4978", 4001], "content": "hi",
        "oldPassword": "Secret#1", "newPassword": "Secret#2!", "destWorkNo": "4978", "addressinfo": "x", "confid": 1, "reason": 0,
    })
}

/// Every documented field with a value of a wrong type.
fn wrong_body() -> Value {
    let fields = good_body();
    let wrong = |(name, _): (&String, &Value)| (name.clone(), json!({"wrong": ["type"]}));
    Value::Object(fields.as_object().unwrap().iter().map(wrong).collect())
}

fn check(row: &Row, case: &str, answer: &super::rig::Answer) -> String {
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{} {} {case}: {}", row.methods[0], row.path, answer.head);
    assert!(answer.body.starts_with(r#"{"message":""#), "{} {case}: {}", row.path, answer.body);
    let code = answer.code();
    assert!(Code::ALL.iter().any(|known| known.code() == code), "{} {case}: {code}", row.path);
    code
}

/// Rows of the reference that can be asked for.
fn reachable() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().take(REFERENCE).filter(|row| matches!(row.run, Run::Handler(_)))
}

#[tokio::test]
async fn without_a_guid_nothing_is_told() {
    let rig = Rig::new().await;
    let foreign = rig.call("PUT", "/onlineagent/5001", None, r#"{"password":"Secret#1-bank","phonenum":"75001"}"#).await.guid();
    for row in reachable() {
        let expected = match row.auth {
            Auth::Open => continue,
            Auth::Agent | Auth::AgentOrSource => "000-003",
            Auth::Configuration => "107-000",
        };
        for method in row.methods {
            for (case, guid) in [("no guid", None), ("a made-up guid", Some("x")), ("a foreign tenant's guid", Some(foreign.as_str()))] {
                let answer = rig.call(method, &path(row, true), guid, &good_body().to_string()).await;
                assert_eq!(check(row, case, &answer), expected, "{} {case}", row.path);
            }
        }
    }
}

#[tokio::test]
async fn every_operation_answers_every_kind_of_input_in_the_documented_form() {
    let rig = Rig::new().await;
    let sign_in = async || rig.call("PUT", "/onlineagent/4977/forcelogin", None, r#"{"password":"Secret#1","phonenum":"74977"}"#).await;
    let mut guid = sign_in().await.guid();
    let mut good = 0;
    for row in reachable().filter(|row| row.auth == Auth::Agent || row.auth == Auth::AgentOrSource) {
        // The poll would wait, and changing the password would lock the test out.
        if row.path == "/agentevent/{agentid}" || row.path.ends_with("modifyaccountpwdex") {
            continue;
        }
        for method in row.methods {
            let wrong_body = wrong_body().to_string();
            for (case, path, body) in [
                ("missing fields", path(row, true), "{}"),
                ("no JSON", path(row, true), "{nonsense"),
                ("wrong types", path(row, true), wrong_body.as_str()),
                ("a wrong path", path(row, false), "{}"),
            ] {
                let answer = rig.call(method, &path, Some(&guid), body).await;
                let code = check(row, case, &answer);
                assert_ne!(code, "000-003", "{} {case}", row.path);
                if code == "100-006" || row.path.contains("logout") {
                    guid = sign_in().await.guid();
                }
            }
            let answer = rig.call(method, &path(row, true), Some(&guid), &good_body().to_string()).await;
            good += usize::from(check(row, "good input", &answer) == "0");
            // Signing out ends what the next operations need.
            if row.path.contains("logout") {
                guid = sign_in().await.guid();
            }
        }
    }
    assert!(good >= 20, "{good} operations succeed for an idle agent");
}

#[tokio::test]
async fn an_idle_agent_is_told_what_is_missing() {
    let rig = Rig::new().await;
    let guid = rig.sign_in(4977, json!({})).await.guid();
    for (method, path, body, code) in [
        ("PUT", "/voicecall/4977/answer", "", "200-002"),
        ("POST", "/voicecall/4977/hold", "", "200-013"),
        ("POST", "/voicecall/4977/gethold", "", "200-015"),
        ("POST", "/voicecall/4977/beginmute", "", "200-003"),
        ("POST", "/voicecall/4977/endmute", "", "200-007"),
        ("DELETE", "/voicecall/4977/release", "", "200-017"),
        ("POST", "/voicecall/4977/dropcall/1732290100-12", "", "200-025"),
        ("POST", "/voicecall/4977/confjoin", r#"{"callid":"1732290100-12"}"#, "200-011"),
        ("POST", "/voicecall/4977/transfer", r#"{"devicetype":"2","mode":"2","address":"4978"}"#, "200-012"),
        ("POST", "/voicecall/4977/transfer", r#"{"devicetype":"2","mode":"9","address":"4978"}"#, "000-002"),
        ("POST", "/voicecall/4977/innerhelp", r#"{"dstaddress":"4978"}"#, "200-018"),
        ("PUT", "/voicecall/4977/callout", r#"{"called":"not a number"}"#, "000-002"),
        ("PUT", "/voicecall/4977/callout", "", "000-002"),
        ("PUT", "/calldata/4977/setcalldataex", r#"{"calldata":"x"}"#, "400-001"),
        ("GET", "/calldata/4977/callinfobycallid/1732290100-12", "", "200-026"),
        ("GET", "/calldata/4977/holdlist", "", "0"),
        ("GET", "/queuedevice/4977/vdnskill/7", "", "0"),
        ("GET", "/queuedevice/4977/vdnskill/8", "", "600-002"),
        ("GET", "/queuedevice/4977/innoinfo", "", "0"),
        ("GET", "/queuedevice/4977/ivrinfo", "", "600-004"),
        ("POST", "/queuedevice/4977/queryacdstat", r#"{"skills":["12"]}"#, "0"),
        ("GET", "/agentgroup/4977/allagentstatus", "", "0"),
        ("GET", "/agentgroup/4977/grouponvdn", "", "300-004"),
        ("GET", "/agentgroup/4977/iscensor/", "", "0"),
        ("PUT", "/qualitycontrol/4977/addsupervise/4978", "", "900-002"),
        ("PUT", "/qualitycontrol/4977/addsupervise/4977", "", "000-005"),
        ("POST", "/recordplay/4977/pauseplay", "", "500-003"),
        ("DELETE", "/agentconf/4977/requestleaveagentconf", "", "101-001"),
        ("POST", "/mediacall/4977/sendmessage", r#"{"callid":"1-1","data":""}"#, "106-002"),
        ("PUT", "/textchat/4977/chatmessage/", "{}", "106-001"),
        ("POST", "/agentevent/4977", "", "000-001"),
        ("GET", "/tea/4977", "", "000-002"),
    ] {
        let answer = rig.call(method, path, Some(&guid), body).await;
        assert_eq!(answer.code(), code, "{method} {path} {body}: {}", answer.body);
    }
}
