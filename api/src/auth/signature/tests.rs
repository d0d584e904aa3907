//! The vectors are those of auth.md, made by a script and reproduced with the signing classes of a public client.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use tandem_core::{TenantId, Timestamp};

use super::*;
use crate::auth::{CredentialStore, secret};
use crate::config::SignatureConfig;
use crate::http::testing::{node, node_with};

const AK: &str = "AKEXAMPLE0001";
const SK: &str = "skExample-Secret_2024~0001";
const HOST: (&str, &str) = ("Host", "cc.example.test:28443");
const FILE: &str = r#"{"request":{"version":"2.0"},"msgBody":{"billFileName":"20240506_00000000000000000000000000000001.zip"}}"#;
const CALL: &str = r#"{"ccId":1,"vdn":7,"callId":"1714979289-42","note":"café 电话 ~ok/*"}"#;

fn post<'a>(path: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a str) -> Signed<'a> {
    Signed { method: "POST", path, query: None, headers, body: body.as_bytes() }
}

fn check(request: &Signed<'_>, time: &str, names: &str, text: &str, expected: &str) {
    let canonical = canonical(request, names, EmptyQuery::NoLine).unwrap();
    assert_eq!(canonical, text);
    let prefix = format!("auth-v2/{AK}/{time}/{names}");
    assert_eq!(signature(SK, &prefix, &canonical), expected);
}

#[test]
fn vector_1_only_host_signed() {
    let request = post("/CCFS/resource/ccfs/downloadBillFile", &[HOST], FILE);
    let text = "POST\n/CCFS/resource/ccfs/downloadBillFile\nhost\nhost:cc.example.test%3A28443\n\
        %7B%22request%22%3A%7B%22version%22%3A%222.0%22%7D%2C%22msgBody%22%3A%7B%22billFileName%22%3A%2220240506_00000000000000000000000000000001.zip%22%7D%7D";
    let expected = "3c43bff6b8980eaec20b398851f9b13228ef7e788ad1fe5ebaef7402dc41e097";
    check(&request, "2024-05-06T07:08:09Z", "host", text, expected);
    let key = hmac_hex(SK.as_bytes(), format!("auth-v2/{AK}/2024-05-06T07:08:09Z/host").as_bytes());
    assert_eq!(key, "fb850669f6fb51aa23710887c9ffe147b4afd56725047561ee4a3dfa7fd6a5ed");
    // What we send ourselves is signed in the same way.
    let key = AccessKey { ak: AK.into(), sk: SK.into() };
    let header = sign(&key, "2024-05-06T07:08:09.5Z".parse().unwrap(), &request).unwrap();
    assert_eq!(header, format!("auth-v2/{AK}/2024-05-06T07:08:09Z/host/{expected}"));
}

#[test]
fn vector_2_three_headers_milliseconds_and_a_body_beyond_ascii() {
    let headers = [HOST, ("Content-Length", "71"), ("content-type", " application/json; charset=UTF-8 ")];
    let request = post("/rest/cmsapp/v1/openapi/calldata/querybasiccallinfo", &headers, CALL);
    let text = "POST\n/rest/cmsapp/v1/openapi/calldata/querybasiccallinfo\ncontent-length;content-type;host\ncontent-length:71\n\
        content-type:application%2Fjson%3B%20charset%3DUTF-8\nhost:cc.example.test%3A28443\n\
        %7B%22ccId%22%3A1%2C%22vdn%22%3A7%2C%22callId%22%3A%221714979289-42%22%2C%22note%22%3A%22caf%C3%A9%20%E7%94%B5%E8%AF%9D%20~ok%2F%2A%22%7D";
    let names = "content-length;content-type;host";
    check(&request, "2024-05-06T07:08:09.123Z", names, text, "11b07a12c952b3799d1bb99efd9733e06cba825dbb89f0b2ef9bc4281a36396c");
    check(&request, "2024-05-06T07:08:09Z", names, text, "04f115424af338f4717c65a891a86a527c902f6db78c45528c09d28eb5f34241");
}

#[test]
fn vector_3_a_query_and_no_body() {
    for query in ["pageNum=2&name=a%20b%26c&empty=", "empty&name=a+b%26c&pageNum=2"] {
        let headers = [HOST];
        let request = Signed { method: "GET", path: "/rest/isales/v1/openapi/example", query: Some(query), headers: &headers, body: b"" };
        let text = "GET\n/rest/isales/v1/openapi/example\nempty=&name=a%20b%26c&pageNum=2\nhost\nhost:cc.example.test%3A28443\n";
        let expected = "751699396a22eb8e67840694b50005cc805164a29454aa3e6d9f9bfed34983b3";
        check(&request, "2024-05-06T07:08:09Z", "host", text, expected);
    }
}

#[test]
fn a_header_has_exactly_five_parts_and_signs_host_but_never_itself() {
    let good = Claim::parse("auth-v2/a/t/host/s").unwrap();
    assert_eq!((good.prefix, good.ak, good.timestamp, good.signed_headers, good.signature), ("auth-v2/a/t/host", "a", "t", "host", "s"));
    let long = "x".repeat(5000);
    for bad in ["", "Bearer x", "auth-v2/a/t/host", "auth-v2/a/t/host/s/", "auth-v3/a/t/host/s", "auth-v2//t/host/s", &long] {
        assert!(matches!(Claim::parse(bad), Err(SignatureError::Malformed(_))), "{bad}");
    }
    assert!(Claim::parse("auth-v2/a/t/Authorization;host/s").is_err());
    let twice = [HOST, ("host", "other"), ("x", "1")];
    let request = post("/", &twice, "");
    for names in ["x", "", "host;;x", "host;y", "host"] {
        assert!(canonical(&request, names, EmptyQuery::NoLine).is_err(), "{names}");
    }
}

#[test]
fn times_are_utc_with_or_without_milliseconds_and_near_ours() {
    let now: Timestamp = "2024-05-06T07:08:09Z".parse().unwrap();
    let window = Duration::from_secs(900);
    let at = |text: &str| {
        let header = format!("auth-v2/a/{text}/host/s");
        Claim::parse(&header).unwrap().check_time(now, window).is_ok()
    };
    for good in ["2024-05-06T07:08:09Z", "2024-05-06T07:23:09Z", "2024-05-06T06:53:09.000Z", "2024-05-06T07:23:09.000Z"] {
        assert!(at(good), "{good}");
    }
    for bad in [
        "2024-05-06T07:23:10Z",
        "2024-05-06T06:53:08.999Z",
        "2024-05-06T07:08:09",
        "2024-05-06T07:08:09+00:00",
        "2024-05-06 07:08:09Z",
        "20240506T070809Z",
        "2024-13-06T07:08:09Z",
        "1714979289",
        "",
    ] {
        assert!(!at(bad), "{bad}");
    }
}

/// A store with the vectors' key, a gate, and the time of the vectors.
async fn shop() -> (tempfile::TempDir, CredentialStore, SignatureGate, Timestamp) {
    let dir = tempfile::tempdir().unwrap();
    let store = CredentialStore::open(&dir.path().join("c.sqlite"), "tandem").await.unwrap();
    let now = "2024-05-06T07:08:09Z".parse().unwrap();
    store.add_access_key(&TenantId::new("shop").unwrap(), &AccessKey { ak: AK.into(), sk: SK.into() }, now).await.unwrap();
    (dir, store, SignatureGate::new(&SignatureConfig::default()), now)
}

#[tokio::test]
async fn the_variants_that_are_wrong_are_refused() {
    let (_dir, store, gate, now) = shop().await;
    let headers = [HOST];
    let request = post("/x", &headers, "a b");
    let prefix = format!("auth-v2/{AK}/2024-05-06T07:08:09Z/host");
    let text = canonical(&request, "host", EmptyQuery::NoLine).unwrap();
    let verdict = |header: String, request: &Signed<'_>| Claim::parse(&header).and_then(|claim| gate.check(&store, &claim, request, now));
    let right = signature(SK, &prefix, &text);
    assert_eq!(verdict(format!("{prefix}/{right}"), &request).unwrap().as_str(), "shop");

    let raw = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes()
    };
    let digest_key = secret::hex(&raw(&raw(SK.as_bytes(), &prefix), &text));
    let hex_key = hmac_hex(SK.as_bytes(), prefix.as_bytes());
    let base64 = base64::engine::general_purpose::STANDARD.encode(raw(hex_key.as_bytes(), &text)).replace('/', "_");
    let plus = signature(SK, &prefix, &text.replace("%20", "+"));
    let hashed = signature(SK, &prefix, &text.replace("a%20b", &secret::hex(&secret::fingerprint("a b"))));
    for (what, wrong) in [
        ("raw digest as key", digest_key),
        ("base64", base64),
        ("plus for space", plus),
        ("hash of the body", hashed),
        ("upper case", right.to_uppercase()),
        ("cut", right[..63].to_owned()),
        ("other key", signature("another secret of somebody", &prefix, &text)),
    ] {
        assert_eq!(verdict(format!("{prefix}/{wrong}"), &request), Err(SignatureError::Wrong(AK.to_owned())), "{what}");
    }
    assert!(verdict(format!("SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host, Signature={right}"), &request).is_err());
    let header = format!("{prefix}/{right}");
    for changed in [
        post("/y", &headers, "a b"),
        post("/x", &headers, "a c"),
        post("/x", &[("Host", "evil.example")], "a b"),
        Signed { query: Some("vdn=2"), ..request },
        Signed { method: "PUT", ..request },
    ] {
        assert!(verdict(header.clone(), &changed).is_err(), "{changed:?}");
    }
    let nobody = format!("auth-v2/NOBODY/2024-05-06T07:08:09Z/host/{right}");
    assert_eq!(verdict(nobody, &request), Err(SignatureError::Unknown("NOBODY".to_owned())));
}

#[tokio::test]
async fn the_empty_query_line_is_taken_only_if_it_is_switched_on() {
    let (_dir, store, _, now) = shop().await;
    let headers = [HOST];
    let request = post("/x", &headers, "{}");
    let prefix = format!("auth-v2/{AK}/2024-05-06T07:08:09Z/host");
    let header = format!("{prefix}/{}", signature(SK, &prefix, &canonical(&request, "host", EmptyQuery::EmptyLine).unwrap()));
    for (on, expected) in [(true, true), (false, false)] {
        let gate = SignatureGate::new(&SignatureConfig { empty_query_line: on, ..SignatureConfig::default() });
        assert_eq!(gate.check(&store, &Claim::parse(&header).unwrap(), &request, now).is_ok(), expected);
    }
}

#[tokio::test]
async fn keys_belong_to_one_tenant_survive_a_restart_and_go_with_it() {
    let (dir, store, _, now) = shop().await;
    let (shop, other) = (TenantId::new("shop").unwrap(), TenantId::new("other").unwrap());
    let made = store.create_access_key(&other, now).await.unwrap();
    assert!(!format!("{made:?}").contains(&made.sk), "a secret is not printed by accident");
    let again = AccessKey { ak: AK.into(), sk: "x".repeat(20) };
    assert!(matches!(store.add_access_key(&other, &again, now).await, Err(KeyError::Taken(_))));
    for bad in ["", "a/b", "a b", "ä"] {
        let key = AccessKey { ak: bad.into(), sk: "x".repeat(20) };
        assert!(matches!(store.add_access_key(&other, &key, now).await, Err(KeyError::Invalid { what: "AK", .. })), "{bad}");
    }
    assert!(!store.remove_access_key(&shop, &made.ak).await.unwrap(), "not another tenant's");
    store.close().await;
    let store = CredentialStore::open(&dir.path().join("c.sqlite"), "tandem").await.unwrap();
    assert_eq!(store.access_key(&made.ak), Some((other.clone(), made.sk.as_str().into())));
    assert_eq!(store.access_keys(&other), [KeyRecord { ak: made.ak.clone(), created: now }]);
    assert!(store.remove_access_key(&other, &made.ak).await.unwrap());
    store.remove_tenant(&shop).await.unwrap();
    assert!(store.access_key(AK).is_none());
    for _ in 0..crate::limits::ACCESS_KEYS {
        store.create_access_key(&other, now).await.unwrap();
    }
    assert!(matches!(store.create_access_key(&other, now).await, Err(KeyError::TooMany { .. })));
}

#[test]
fn a_source_is_locked_after_its_failures_and_free_again_after_the_lock() {
    let (window, long) = (Duration::from_secs(60), Duration::from_secs(300));
    let lock = SourceLock::new(3, window, long);
    let source: IpAddr = "2001:db8::1".parse().unwrap();
    let start = Instant::now();
    for n in 0..3 {
        assert!(!lock.locked(source, start));
        lock.failed(source, start + Duration::from_secs(n));
    }
    let locked = start + Duration::from_secs(2);
    assert!(lock.locked("2001:db8::2".parse().unwrap(), locked), "same /64");
    assert!(!lock.locked("127.0.0.1".parse().unwrap(), locked));
    assert!(lock.locked(source, locked + long - Duration::from_secs(1)));
    assert!(!lock.locked(source, locked + long));
    let slow: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    for n in 0..10 {
        lock.failed(slow, start + window * n);
        assert!(!lock.locked("192.0.2.1".parse().unwrap(), start + window * n), "one failure per window is a mistake, not an attack");
    }
}

fn now() -> Timestamp {
    Timestamp::from_micros(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64)
}

const PING: &str = "/rest/cmsapp/v1/ping";

#[tokio::test]
async fn over_http_a_signed_request_passes_and_refusals_have_the_documented_body_until_the_source_is_locked() {
    let node = node_with(|config| config.signature.lock_failures = 3).await;
    let key = node.state.parts.credentials.create_access_key(&TenantId::new("shop").unwrap(), now()).await.unwrap();
    let body = r#"{"say":"Hello world!"}"#;
    let headers = [HOST, ("content-type", "application/json; charset=UTF-8")];
    let good = sign(&key, now(), &post(PING, &headers, body)).unwrap();
    let send = async |authorization: &str, host: &str, body: &str| {
        let headers = [("authorization", authorization), ("host", host), ("content-type", "application/json; charset=UTF-8")];
        node.raw("POST", PING, &headers, Some(body)).await
    };
    let (status, _, text) = send(&good, HOST.1, body).await;
    assert_eq!(status, 200, "{text}");
    let (status, _, text) = send(&good, HOST.1, "{\"say\":\"hello world!\"}").await;
    assert_eq!(status, 401);
    let refusal: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut members: Vec<&String> = refusal.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["error", "message", "path", "status", "timestamp"]);
    assert_eq!((&refusal["status"], &refusal["error"], &refusal["path"]), (&401.into(), &"Unauthorized".into(), &PING.into()));
    assert_eq!(refusal["message"], "No message available");
    assert!(refusal["timestamp"].as_i64().unwrap() > 1_700_000_000_000, "milliseconds");

    let old = sign(&key, now() - Duration::from_secs(1000), &post(PING, &headers, body)).unwrap();
    assert_eq!(send(&old, HOST.1, body).await.0, 401, "too old");
    assert_eq!(send(&good, "elsewhere", body).await.0, 401, "another host");
    let (status, _, text) = send(&good, HOST.1, body).await;
    assert_eq!(status, 403, "locked, even with a good signature: {text}");
    assert!(text.contains("\"Forbidden\"") && text.contains("\"status\":403"), "{text}");
}

#[tokio::test]
async fn a_forwarded_host_counts_only_from_a_trusted_proxy() {
    for (trusted, expected) in [(true, 200), (false, 401)] {
        let node = node_with(|config| {
            if trusted {
                config.signature.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
            }
        })
        .await;
        let key = node.state.parts.credentials.create_access_key(&TenantId::new("shop").unwrap(), now()).await.unwrap();
        let good = sign(&key, now(), &post(PING, &[HOST], "{}")).unwrap();
        let headers = [("authorization", good.as_str()), ("host", "10.0.0.7:8080"), ("x-forwarded-host", HOST.1)];
        assert_eq!(node.raw("POST", PING, &headers, Some("{}")).await.0, expected, "trusted: {trusted}");
    }
    let node = node().await;
    let (status, ..) = node.raw("POST", PING, &[], Some("{}")).await;
    assert_eq!(status, 401, "no header at all");
}
