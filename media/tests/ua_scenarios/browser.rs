//! Browsers over WebSocket (RFC 7118) and phones that ask for `sips:`, with literal messages.

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_core::{Cause, Flow, Ids, LegId, Party, Timestamp, Transport};
use tandem_media::sip::header::NameAddr;
use tandem_media::sip::message::Message;
use tandem_media::sip::ua::{InviteParams, UaConfig, UaEvent, UserAgent};
use tandem_media::sip::{Name, wire};

use crate::pair::{ANSWER, OFFER};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn agent() -> UserAgent {
    UserAgent::new(UaConfig::default(), Ids::new(1, 1), StdRng::seed_from_u64(1))
}

fn flow(transport: Transport) -> Flow {
    Flow { transport, local: "192.0.2.2:443".parse().unwrap(), remote: "198.51.100.7:50123".parse().unwrap() }
}

/// As JsSIP writes it: hosts that nobody can reach, so that all that counts is the connection.
fn from_browser(method: &str, uri: &str, via: &str, more: &str, body: &str) -> Bytes {
    Bytes::from(format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{via} df7jal23ls0d.invalid;branch=z9hG4bK5605035\r\nMax-Forwards: 69\r\n\
         To: <sip:1001@tandem.example>\r\nFrom: \"Ann\" <sip:1001@tandem.example>;tag=v2k2mj2g5b\r\nCall-ID: uh8vfj0j1e\r\n\
         CSeq: 1 {method}\r\nSupported: path,gruu,outbound\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn sent(agent: &mut UserAgent) -> Vec<(Flow, Message)> {
    std::iter::from_fn(|| agent.poll_transmit()).map(|out| (out.flow, wire::parse(out.bytes).unwrap())).collect()
}

#[test]
fn a_page_registers_a_contact_that_only_its_connection_reaches() {
    for (transport, via) in [(Transport::Ws, "WS"), (Transport::Wss, "WSS")] {
        let (mut agent, flow) = (agent(), flow(transport));
        let contact = "Contact: <sip:7c1gq2i4@df7jal23ls0d.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:a>\";expires=600\r\n";
        agent.receive(NOW, flow, from_browser("REGISTER", "sip:tandem.example", via, contact, ""));
        let Some(UaEvent::Register(asked)) = agent.poll_event() else { panic!("no REGISTER") };
        assert_eq!(asked.register.contacts[0].contact, "sip:7c1gq2i4@df7jal23ls0d.invalid;transport=ws");
        assert_eq!(asked.register.flow, flow);
        agent.register_refuse(NOW, asked.token, 403, &[]).unwrap();
        let answers = sent(&mut agent);
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].0, answers[0].1.status()), (flow, Some(403)));
    }
}

#[test]
fn a_page_is_called_over_its_connection() {
    let (mut agent, flow) = (agent(), flow(Transport::Wss));
    let from = NameAddr::parse("<sip:1002@tandem.example>").unwrap();
    let params = InviteParams {
        leg: LegId(9),
        uri: "sip:7c1gq2i4@df7jal23ls0d.invalid;transport=ws".to_owned(),
        flow,
        routes: vec![],
        from,
        to: None,
        identity: None,
        headers: vec![],
        sdp: Some(Bytes::from_static(OFFER)),
        credentials: None,
        max_forwards: 70,
    };
    agent.invite(NOW, params).unwrap();
    let invites = sent(&mut agent);
    let (along, invite) = &invites[0];
    assert_eq!(*along, flow);
    assert_eq!(invite.uri_text(), "sip:7c1gq2i4@df7jal23ls0d.invalid;transport=ws");
    assert!(invite.header(Name::Via).unwrap().starts_with("SIP/2.0/WSS 192.0.2.2:443;branch="));
    assert_eq!(invite.header(Name::Contact), Some("<sip:1002@192.0.2.2:443;transport=ws>"), "RFC 7118 has one value for both kinds");
}

#[test]
fn sips_is_answered_with_sips_where_the_way_is_secure() {
    for (transport, via, uri, contact) in [
        (Transport::Tls, "TLS", "sips:600@tandem.example", "<sips:600@192.0.2.2:443>"),
        (Transport::Tls, "TLS", "sip:600@tandem.example", "<sip:600@192.0.2.2:443;transport=tls>"),
        (Transport::Wss, "WSS", "sips:600@tandem.example", "<sips:600@192.0.2.2:443;transport=ws>"),
        (Transport::Tcp, "TCP", "sips:600@tandem.example", "<sip:600@192.0.2.2:443;transport=tcp>"),
    ] {
        let (mut agent, flow) = (agent(), flow(transport));
        let more = "Contact: <sips:1001@198.51.100.7>\r\nContent-Type: application/sdp\r\n";
        agent.receive(NOW, flow, from_browser("INVITE", uri, via, more, std::str::from_utf8(OFFER).unwrap()));
        let Some(UaEvent::Offered(offered)) = agent.poll_event() else { panic!("no INVITE") };
        agent.answer(NOW, offered.leg, Bytes::from_static(ANSWER)).unwrap();
        let answers = sent(&mut agent);
        let answer = answers.iter().find(|(_, message)| message.status() == Some(200)).unwrap();
        assert_eq!((answer.0, answer.1.header(Name::Contact)), (flow, Some(contact)));
        let _ = agent.release(NOW, offered.leg, Cause::sip(200, Party::System));
    }
}

#[test]
fn a_lost_connection_ends_what_waits_for_it() {
    let (mut agent, flow) = (agent(), flow(Transport::Wss));
    let more = "Contact: <sip:7c1gq2i4@df7jal23ls0d.invalid;transport=ws>\r\n";
    agent.receive(NOW, flow, from_browser("REGISTER", "sip:tandem.example", "WSS", more, ""));
    agent.flow_failed(NOW, flow);
    let events: Vec<UaEvent> = std::iter::from_fn(|| agent.poll_event()).collect();
    assert!(matches!(events.last(), Some(UaEvent::FlowClosed { flow: closed }) if *closed == flow), "{events:?}");
}

#[test]
fn session_descriptions_are_not_printed() {
    let (mut agent, flow) = (agent(), flow(Transport::Tls));
    let offer = String::from_utf8_lossy(OFFER).into_owned() + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:verysecret\r\n";
    let more = "Contact: <sip:1001@198.51.100.7>\r\nContent-Type: application/sdp\r\n";
    agent.receive(NOW, flow, from_browser("INVITE", "sip:600@tandem.example", "TLS", more, &offer));
    let shown = format!("{:?} {agent:?}", agent.poll_event());
    assert!(shown.contains("INVITE") && !shown.contains("verysecret") && !shown.contains("inline"), "{shown}");
}
