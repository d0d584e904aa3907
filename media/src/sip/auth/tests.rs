use std::time::Duration;

use bytes::Bytes;
use tandem_core::{TenantId, Timestamp};

use super::hash::{Qop, hmac};
use super::*;
use crate::sip::header::Method;
use crate::sip::message::Message;
use crate::sip::{Name, wire};

const REALM: &str = "demo.example";

fn tenant() -> TenantId {
    "demo".parse().unwrap()
}

struct OnePhone;
impl Credentials for OnePhone {
    fn ha1(&self, _: &TenantId, user: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "al\"ice").then(|| ha1(user, REALM, "secret", algorithm))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
}

fn refusal(challenges: &[String]) -> Message {
    let lines: String = challenges.iter().map(|line| format!("WWW-Authenticate: {line}\r\n")).collect();
    wire::parse(Bytes::from(format!("SIP/2.0 401 Unauthorized\r\n{lines}\r\n"))).unwrap()
}

fn server(algorithms: &[Algorithm], allow_legacy: bool) -> DigestServer {
    DigestServer::new(ServerConfig { algorithms: algorithms.to_vec(), allow_legacy, ..ServerConfig::default() }, [7; 32])
}

const BOTH: &[Algorithm] = &[Algorithm::Md5, Algorithm::Sha256];

fn check(server: &mut DigestServer, now: Timestamp, lines: &[(Name, String)]) -> Verdict {
    server.check(now, REALM, &tenant(), &Method::Register, lines.iter().map(|(_, line)| line.as_str()), &OnePhone)
}

/// A client that was challenged once.
fn challenged(server: &mut DigestServer, user: &str, password: &str) -> DigestClient {
    let mut client = DigestClient::new(user, password);
    client.challenge(&refusal(&server.challenges(at(0), REALM, false)), 0).unwrap();
    client
}

#[test]
fn vectors_of_rfc_2617_and_7616_hold() {
    let response = |algorithm, realm, password, nonce, nc, cnonce| {
        ha1("Mufasa", realm, password, algorithm).response(nonce, Some(Qop { nc, cnonce }), "GET", "/dir/index.html").as_str().to_owned()
    };
    let old = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
    assert_eq!(
        response(Algorithm::Md5, "testrealm@host.com", "Circle Of Life", old, "00000001", "0a4f113b"),
        "6629fae49393a05397450978507c4ef1"
    );
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (algorithm, expected) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        assert_eq!(response(algorithm, "http-auth@example.org", "Circle of Life", nonce, "00000001", cnonce), expected);
    }
    let legacy = ha1("Mufasa", "testrealm@host.com", "Circle Of Life", Algorithm::Md5).response(old, None, "GET", "/dir/index.html");
    assert_eq!(legacy.as_str(), "670fd8c2df070c60b045671b8b24ff02");
}

#[test]
fn hmac_is_that_of_rfc_4231() {
    // Case 1, whose key of 20 bytes is padded with zeros as the function pads it anyway.
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
    assert_eq!(super::hash::Hex::new(&hmac(&key, &[b"Hi ", b"There"])).as_str(), expected);
}

#[test]
fn a_phone_gets_in_with_sha_256_preferred_and_each_count_once() {
    let mut server = server(BOTH, false);
    let mut client = challenged(&mut server, "al\"ice", "secret");
    let first = client.authorize(&Method::Register, "sip:demo.example", "c1");
    assert!(first[0].1.contains("algorithm=SHA-256") && first[0].1.contains("nc=00000001"), "{}", first[0].1);
    let user = "al\"ice".to_owned();
    assert_eq!(check(&mut server, at(1), &first), Verdict::Accepted { user: user.clone() });
    assert_eq!(check(&mut server, at(1), &first), Verdict::Stale, "replayed");
    let later: Vec<_> = (0..10).map(|_| client.authorize(&Method::Register, "sip:demo.example", "c2")).collect();
    for line in later.iter().rev() {
        assert_eq!(check(&mut server, at(2), line), Verdict::Accepted { user: user.clone() }, "out of order");
    }
    assert_eq!(check(&mut server, at(3), &later[4]), Verdict::Stale);
}

#[test]
fn an_old_nonce_is_stale_only_for_those_who_know_the_password() {
    let mut server = server(BOTH, false);
    let late = at(301);
    let right = challenged(&mut server, "al\"ice", "secret").authorize(&Method::Register, "sip:x", "c");
    let wrong = challenged(&mut server, "al\"ice", "wrong").authorize(&Method::Register, "sip:x", "c");
    assert_eq!(check(&mut server, late, &right), Verdict::Stale);
    assert!(matches!(check(&mut server, late, &wrong), Verdict::Wrong { .. }));
    let stale = server.challenges(late, REALM, true);
    assert!(stale[0].ends_with("stale=true"));
    let mut client = DigestClient::new("al\"ice", "secret");
    client.challenge(&refusal(&stale), 1).unwrap();
}

#[test]
fn unknown_users_wrong_passwords_methods_and_realms_are_refused() {
    let mut server = server(BOTH, false);
    for (user, password) in [("nobody", "secret"), ("al\"ice", "wrong")] {
        let lines = challenged(&mut server, user, password).authorize(&Method::Register, "sip:x", "c");
        assert_eq!(check(&mut server, at(1), &lines), Verdict::Wrong { user: user.to_owned() });
    }
    let other_method = challenged(&mut server, "al\"ice", "secret").authorize(&Method::Invite, "sip:x", "c");
    assert!(matches!(check(&mut server, at(1), &other_method), Verdict::Wrong { .. }));
    let lines = challenged(&mut server, "al\"ice", "secret").authorize(&Method::Register, "sip:x", "c");
    let elsewhere = server.check(at(1), "other", &tenant(), &Method::Register, lines.iter().map(|l| l.1.as_str()), &OnePhone);
    assert_eq!(elsewhere, Verdict::Missing);
    let mut restarted = DigestServer::new(ServerConfig::default(), [8; 32]);
    assert_eq!(check(&mut restarted, at(1), &lines), Verdict::Missing, "a nonce of another key");
    assert_eq!(check(&mut server, at(1), &[]), Verdict::Missing);
}

#[test]
fn malformed_credentials_are_missing_credentials() {
    let mut server = server(BOTH, false);
    let good = challenged(&mut server, "al\"ice", "secret").authorize(&Method::Register, "sip:x", "c").remove(0).1;
    for (from, to) in [
        ("Digest ", "Basic "),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("qop=auth,", "qop=auth-int,"),
        ("qop=auth,", ""),
        ("algorithm=SHA-256", "algorithm=SHA-256-sess"),
        ("uri=\"sip:x\"", "uri=\"sip:x\", uri=\"sip:y\""),
        ("uri=\"sip:x\"", "uri=\"sip:x"),
        ("nonce=\"", "nonce=\"é"),
    ] {
        assert!(good.contains(from));
        let lines = [(Name::Authorization, good.replace(from, to))];
        assert_eq!(check(&mut server, at(1), &lines), Verdict::Missing, "{to}");
    }
}

#[test]
fn answers_without_qop_are_taken_only_if_configured_and_with_md5() {
    let challenge =
        |server: &mut DigestServer| server.challenges(at(0), REALM, false).into_iter().map(|line| line.replace(", qop=\"auth\"", ""));
    for (algorithms, allow, taken) in [(&BOTH[..1], true, true), (&BOTH[..1], false, false), (&BOTH[1..], true, false)] {
        let mut server = server(algorithms, allow);
        let mut client = DigestClient::new("al\"ice", "secret");
        let challenges: Vec<_> = challenge(&mut server).collect();
        client.challenge(&refusal(&challenges), 0).unwrap();
        let lines = client.authorize(&Method::Register, "sip:x", "c");
        assert_eq!(matches!(check(&mut server, at(1), &lines), Verdict::Accepted { .. }), taken);
    }
}

#[test]
fn a_client_gives_up_when_its_answer_is_refused() {
    let mut server = server(BOTH, false);
    let mut client = challenged(&mut server, "al\"ice", "wrong");
    let again = refusal(&server.challenges(at(1), REALM, false));
    assert_eq!(client.challenge(&again, 1), Err(ClientError::Refused(REALM.into())));
    let strange = refusal(&["Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256".into(), "Basic realm=\"x\"".into()]);
    assert_eq!(client.challenge(&strange, 0), Err(ClientError::NoChallenge(401)));
}

#[test]
fn a_client_with_hashes_answers_what_it_has_a_hash_for() {
    let mut server = server(BOTH, false);
    let mut client = DigestClient::with_hashes("al\"ice", vec![ha1("al\"ice", REALM, "secret", Algorithm::Md5)]);
    client.challenge(&refusal(&server.challenges(at(0), REALM, false)), 0).unwrap();
    let lines = client.authorize(&Method::Register, "sip:x", "c");
    assert!(lines[0].1.contains("algorithm=MD5"));
    assert!(matches!(check(&mut server, at(1), &lines), Verdict::Accepted { .. }));
}

#[test]
fn forgotten_nonces_cannot_be_replayed() {
    let mut nonces = super::nonce::Nonces::new([1; 32], Duration::from_secs(1));
    let many = u64::try_from(crate::sip::limits::NONCES).unwrap() + 10;
    for serial in 1..=many {
        assert!(nonces.use_once(serial, 1));
    }
    assert!(!nonces.use_once(1, 1), "forgotten, so taken for used");
    assert!(!nonces.use_once(many, 1));
    assert!(nonces.use_once(many, 2));
    assert!(nonces.use_once(many, u32::MAX));
    assert!(!nonces.use_once(many, 2), "below the window");
    assert!(!nonces.use_once(many, 0));
}

#[test]
fn secrets_do_not_print() {
    let secret = ha1("a", "b", "c", Algorithm::Md5);
    assert_eq!(format!("{secret:?}"), "Ha1(MD5)");
    assert_eq!(Ha1::from_hex(Algorithm::Md5, &secret.to_hex().to_uppercase()), Some(secret));
    assert_eq!(Ha1::from_hex(Algorithm::Sha256, &secret.to_hex()), None);
    assert!(!format!("{:?}", DigestClient::new("u", "hunter2")).contains("hunter2"));
}

/// A client that was challenged by somebody else.
fn challenged_first(challenge: &FirstChallenge) -> DigestClient {
    let mut lines = Vec::new();
    challenge.write(at(0), &mut lines);
    let text = String::from_utf8(lines).unwrap();
    let response = wire::parse(Bytes::from(format!("SIP/2.0 401 Unauthorized\r\n{text}\r\n"))).unwrap();
    let mut client = DigestClient::new("al\"ice", "secret");
    client.challenge(&response, 0).unwrap();
    client
}

#[test]
fn answers_to_a_first_challenge_are_taken_by_the_server_that_it_came_from_only() {
    let mut server = server(BOTH, false);
    let foreign = DigestServer::new(ServerConfig::default(), [8; 32]).challenger(REALM);
    let own = server.challenger(REALM);
    for (challenge, verdict) in [
        (&own, Verdict::Accepted { user: "al\"ice".to_owned() }),
        (&foreign, Verdict::Missing),
        (&own, Verdict::Accepted { user: "al\"ice".to_owned() }),
    ] {
        let lines = challenged_first(challenge).authorize(&Method::Register, "sip:demo.example", "c");
        assert_eq!(check(&mut server, at(1), &lines), verdict);
    }
}
