use std::time::Duration;

use tandem_core::{Cause, LegId, Party, TenantId};
use tandem_media::sip::Name;
use tandem_media::sip::auth::{Algorithm, Credentials, DigestServer, Ha1, ServerConfig, Verdict, ha1};
use tandem_media::sip::header::Method;
use tandem_media::sip::ua::{Login, UaEvent};

use crate::pair::{ANSWER, Pair, Side};

const SHORT: Duration = Duration::from_millis(50);
const REALM: &str = "carrier.example";

struct OneUser;

impl Credentials for OneUser {
    fn ha1(&self, _: &TenantId, user: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "line").then(|| ha1("line", REALM, "secret", algorithm))
    }
}

struct Carrier {
    digest: DigestServer,
    proxy: bool,
}

impl Carrier {
    fn new(lifetime: Duration) -> Carrier {
        let config = ServerConfig { nonce_lifetime: lifetime, ..ServerConfig::default() };
        Carrier { digest: DigestServer::new(config, [7; 32]), proxy: true }
    }

    /// Challenges or takes the INVITE that was offered to B.
    fn look(&mut self, pair: &mut Pair) -> (LegId, Verdict) {
        let offered = pair.offered(Side::B);
        let name = if self.proxy { Name::ProxyAuthorization } else { Name::Authorization };
        let tenant = TenantId::new("t").unwrap();
        let verdict = self.digest.check(pair.now, REALM, &tenant, &Method::Invite, offered.request.lines(name), &OneUser);
        if !matches!(verdict, Verdict::Accepted { .. }) {
            let challenges = self.digest.challenges(pair.now, REALM, verdict == Verdict::Stale);
            if self.proxy {
                let headers: Vec<(Name, &str)> = challenges.iter().map(|value| (Name::ProxyAuthenticate, value.as_str())).collect();
                pair.b.ua.refuse(pair.now, offered.leg, 407, &headers).unwrap();
            } else {
                pair.b.ua.challenge(pair.now, offered.leg, &challenges).unwrap();
            }
        }
        pair.run(SHORT);
        (offered.leg, verdict)
    }
}

fn call(pair: &mut Pair, password: &str) -> LegId {
    let credentials = Login { user: "line".into(), password: password.into() };
    let leg = pair.call_with(|params| params.credentials = Some(credentials));
    pair.run(SHORT);
    leg
}

#[test]
fn a_407_is_answered_with_credentials_in_the_same_call() {
    let mut pair = Pair::new();
    let mut carrier = Carrier::new(Duration::from_secs(300));
    let a = call(&mut pair, "secret");
    assert_eq!(carrier.look(&mut pair).1, Verdict::Missing);
    let (b, verdict) = carrier.look(&mut pair);
    assert_eq!(verdict, Verdict::Accepted { user: "line".into() });
    pair.b.ua.answer(pair.now, b, ANSWER.into()).unwrap();
    pair.run(SHORT);
    let invites: Vec<_> = pair.wire.iter().filter(|packet| packet.what() == "INVITE").map(|packet| packet.message.clone()).collect();
    assert_eq!(invites.len(), 2);
    assert_eq!(invites[0].call_id(), invites[1].call_id());
    assert_eq!(invites[0].from().unwrap().tag(), invites[1].from().unwrap().tag());
    assert_eq!(invites[0].cseq().unwrap().number + 1, invites[1].cseq().unwrap().number);
    assert_ne!(invites[0].via().unwrap().branch(), invites[1].via().unwrap().branch());
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    pair.run(SHORT);
    assert!(pair.last(Side::A, "BYE").header(Name::ProxyAuthorization).is_some(), "later requests carry them at once");
    pair.settle();
    pair.end(Side::A, a);
    pair.assert_idle();
}

#[test]
fn a_challenged_caller_is_no_leg_until_it_has_proven_itself() {
    let mut pair = Pair::new();
    let mut carrier = Carrier { proxy: false, ..Carrier::new(Duration::from_secs(300)) };
    let a = call(&mut pair, "secret");
    let (first, _) = carrier.look(&mut pair);
    assert!(pair.ends(Side::B, first).is_empty(), "as if it never was");
    let (b, verdict) = carrier.look(&mut pair);
    assert!(matches!(verdict, Verdict::Accepted { .. }));
    pair.b.ua.refuse(pair.now, b, 486, &[]).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A, a).sip, 486);
    assert_eq!(pair.count(Side::B, "401 INVITE"), 1);
    pair.assert_idle();
}

#[test]
fn a_nonce_that_went_stale_costs_one_more_try() {
    let mut pair = Pair::new();
    pair.latency = Duration::from_millis(400);
    let mut carrier = Carrier::new(Duration::from_millis(700));
    let a = call(&mut pair, "secret");
    pair.run(Duration::from_secs(1));
    assert_eq!(carrier.look(&mut pair).1, Verdict::Missing);
    pair.run(Duration::from_secs(1));
    assert_eq!(carrier.look(&mut pair).1, Verdict::Stale);
    pair.latency = SHORT;
    pair.run(Duration::from_millis(470));
    assert!(matches!(carrier.look(&mut pair).1, Verdict::Accepted { .. }));
    assert!(pair.ends(Side::A, a).is_empty());
}

#[test]
fn a_wrong_password_is_tried_once() {
    let mut pair = Pair::new();
    let mut carrier = Carrier::new(Duration::from_secs(300));
    let a = call(&mut pair, "guess");
    assert_eq!(carrier.look(&mut pair).1, Verdict::Missing);
    assert!(matches!(carrier.look(&mut pair).1, Verdict::Wrong { .. }));
    assert_eq!(pair.end(Side::A, a).sip, 407);
    assert_eq!(pair.count(Side::A, "INVITE"), 2);
    assert!(!pair.b.events.iter().any(|event| matches!(event, UaEvent::Offered(_))));
}

#[test]
fn a_call_released_while_it_is_challenged_ends() {
    let mut pair = Pair::new();
    let mut carrier = Carrier::new(Duration::from_secs(300));
    let a = call(&mut pair, "secret");
    pair.a.ua.release(pair.now, a, Cause::normal(Party::Peer)).unwrap();
    carrier.look(&mut pair);
    pair.settle();
    assert_eq!(pair.end(Side::A, a), Cause::normal(Party::Peer));
    assert_eq!(pair.count(Side::A, "INVITE"), 1);
    pair.assert_idle();
}
