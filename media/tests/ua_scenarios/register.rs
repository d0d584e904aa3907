use std::time::Duration;

use tandem_core::registration::Binding;
use tandem_core::{Flow, Timestamp};
use tandem_media::sip::Name;
use tandem_media::sip::header::{Contacts, Method, NameAddr};
use tandem_media::sip::ua::{Challenger, Registering, RequestParams, UaConfig, UaEvent};

use crate::pair::{Pair, Side};

const SHORT: Duration = Duration::from_millis(100);

fn register(pair: &mut Pair, expires: u32, headers: &[(&str, &str)]) {
    let to = NameAddr::parse("<sip:101@tandem.example>").unwrap();
    let mut headers: Vec<(String, String)> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.push(("Expires".to_owned(), expires.to_string()));
    let params = RequestParams {
        token: 7,
        method: Method::Register,
        uri: "sip:tandem.example".to_owned(),
        flow: pair.a.flow,
        routes: vec![],
        from: to.clone(),
        to,
        call_id: Some("reg-1".to_owned()),
        cseq: 10,
        contact_user: Some("101".to_owned()),
        headers,
        credentials: None,
    };
    pair.a.ua.request_outside(pair.now, params).unwrap();
    pair.run(SHORT);
}

fn asked(pair: &mut Pair) -> Box<Registering> {
    let place = pair.b.events.iter().position(|event| matches!(event, UaEvent::Register(_))).expect("a REGISTER");
    match pair.b.events.remove(place) {
        UaEvent::Register(register) => register,
        _ => unreachable!(),
    }
}

fn done(pair: &Pair) -> Option<u16> {
    pair.a.events.iter().rev().find_map(|event| match event {
        UaEvent::RequestDone { token: 7, status, .. } => Some(*status),
        _ => None,
    })
}

fn binding(contact: &str, flow: Flow, expires: Timestamp, q: u16) -> Binding {
    Binding {
        contact: contact.into(),
        flow,
        expires,
        q,
        call_id: "c".into(),
        cseq: 1,
        instance: Some("urn:uuid:1".into()),
        path: vec![],
        user_agent: None,
    }
}

#[test]
fn a_phone_registers_and_hears_of_all_its_contacts() {
    let mut pair = Pair::new();
    register(&mut pair, 600, &[("Path", "<sip:edge.example;lr>")]);
    let asked = asked(&mut pair);
    assert_eq!((asked.user.as_str(), asked.host.as_str()), ("101", "tandem.example"));
    assert_eq!(asked.register.contacts.len(), 1);
    assert_eq!(asked.register.contacts[0].contact, "sip:101@192.0.2.1:5060");
    assert_eq!(asked.register.contacts[0].expires, Duration::from_secs(600));
    assert_eq!((asked.register.cseq, asked.register.path.as_slice()), (10, ["<sip:edge.example;lr>".to_owned()].as_slice()));
    let (flow, now) = (pair.b.flow, pair.now);
    let all = [
        binding("sip:101@192.0.2.1:5060", flow, now + Duration::from_secs(600), 1000),
        binding("sip:101@192.0.2.9", flow, now + Duration::from_millis(29_001), 500),
    ];
    pair.b.ua.register_reply(now, asked.token, &all).unwrap();
    assert!(pair.b.ua.register_reply(now, asked.token, &all).is_err(), "it is answered already");
    pair.run(SHORT);
    assert_eq!(done(&pair), Some(200));
    assert_eq!(pair.count(Side::B, "200 REGISTER"), 1);
    let answer = pair.last(Side::B, "200 REGISTER");
    let Contacts::List(list) = answer.contacts().unwrap() else { panic!("contacts") };
    assert_eq!(list.iter().map(|contact| (contact.expires, contact.q)).collect::<Vec<_>>(), [(Some(600), 1000), (Some(30), 500)]);
    assert_eq!(list[1].instance(), Some("urn:uuid:1"));
    assert_eq!(answer.header(Name::Path), Some("<sip:edge.example;lr>"));
    pair.settle();
    pair.assert_idle();
}

#[test]
fn a_registration_that_is_too_short_is_a_423_with_the_least() {
    let mut pair = Pair::new();
    register(&mut pair, 5, &[]);
    assert_eq!(done(&pair), Some(423));
    assert_eq!(pair.last(Side::B, "423 REGISTER").min_expires(), Some(60));
    register(&mut pair, 0, &[]);
    assert_eq!(asked(&mut pair).register.contacts[0].expires, Duration::ZERO, "leaving is never too short");
}

#[test]
fn star_removes_all_but_only_with_expires_zero() {
    let mut pair = Pair::new();
    let raw = |expires: u32, branch: u32| {
        format!(
            "REGISTER sip:tandem.example SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch};rport\nMax-Forwards: 70\nFrom: <sip:101@tandem.example>;tag=1\nTo: <sip:101@tandem.example>\nCall-ID: star\nCSeq: {branch} REGISTER\nContact: *\nExpires: {expires}\nContent-Length: 0\n\n"
        )
    };
    pair.inject(Side::B, &raw(60, 1));
    assert_eq!(pair.sent(Side::B), ["400 REGISTER"]);
    pair.inject(Side::B, &raw(0, 2));
    assert!(asked(&mut pair).register.remove_all);
}

#[test]
fn a_register_that_nobody_answers_is_forgotten() {
    let mut pair = Pair::new();
    register(&mut pair, 600, &[]);
    let token = asked(&mut pair).token;
    pair.settle();
    assert_eq!(done(&pair), Some(408));
    assert!(pair.b.ua.register_reply(pair.now, token, &[]).is_err());
    pair.assert_idle();
}

#[test]
fn answered_requests_make_room_in_a_full_table_but_those_that_wait_do_not() {
    let mut pair = Pair::with(tandem_core::Transport::Udp, 1, UaConfig { transactions: 3, ..Default::default() });
    let raw = |branch: u32| {
        format!(
            "REGISTER sip:tandem.example SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch};rport\nMax-Forwards: 70\nFrom: <sip:101@tandem.example>;tag=1\nTo: <sip:101@tandem.example>\nCall-ID: storm\nCSeq: {branch} REGISTER\nContact: <sip:101@192.0.2.1>\nContent-Length: 0\n\n"
        )
    };
    for branch in 1..=10 {
        pair.inject(Side::B, &raw(branch));
        let token = asked(&mut pair).token;
        pair.b.ua.register_reply(pair.now, token, &[]).unwrap();
    }
    pair.inject(Side::B, &raw(10));
    assert_eq!(pair.b.ua.transactions(), (0, 3));
    assert!(pair.b.events.is_empty(), "the latest are still known when they come again");
    for branch in 11..=14 {
        pair.inject(Side::B, &raw(branch));
    }
    assert_eq!(pair.b.events.len(), 3, "what waits for its answer is not forgotten for what comes later");
    assert_eq!(pair.sent(Side::B).last().map(String::as_str), Some("503 REGISTER"));
    pair.settle();
    pair.assert_idle();
}

#[derive(Debug)]
struct Always;

impl Challenger for Always {
    fn challenge(&mut self, _: Timestamp, _: &Flow, host: &str, lines: &mut Vec<u8>) -> bool {
        assert_eq!(host, "tandem.example");
        lines.extend_from_slice(b"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        true
    }
}

#[test]
fn a_register_without_credentials_is_challenged_without_keeping_anything() {
    let mut pair = Pair::new();
    pair.b.ua.set_challenger(Box::new(Always));
    register(&mut pair, 600, &[]);
    assert_eq!(done(&pair), Some(401));
    let answer = pair.last(Side::B, "401 REGISTER");
    assert_eq!(answer.header(Name::WwwAuthenticate), Some("Digest realm=\"r\", nonce=\"n\""));
    assert!(answer.to().unwrap().tag().is_some());
    assert_eq!(pair.b.ua.transactions(), (0, 0));
    assert!(pair.b.events.is_empty());
}

#[test]
fn a_trunk_that_answers_options_is_there() {
    let mut pair = Pair::new();
    let to = NameAddr::parse("<sip:192.0.2.2>").unwrap();
    let params = RequestParams {
        token: 7,
        method: Method::Options,
        uri: "sip:192.0.2.2".to_owned(),
        flow: pair.a.flow,
        routes: vec![],
        from: to.clone(),
        to,
        call_id: None,
        cseq: 1,
        contact_user: None,
        headers: vec![],
        credentials: None,
    };
    pair.a.ua.request_outside(pair.now, params.clone()).unwrap();
    pair.run(SHORT);
    assert_eq!(done(&pair), Some(200));
    pair.loses = Box::new(|_| true);
    pair.a.ua.request_outside(pair.now, params).unwrap();
    pair.settle();
    assert_eq!(done(&pair), Some(408));
    assert_eq!(pair.count(Side::A, "OPTIONS"), 1 + 11, "at 0, .5, 1.5, 3.5 s, then every 4 s");
    pair.assert_idle();
}
