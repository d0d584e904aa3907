use super::*;
use crate::sip::header::NameAddr;
use crate::sip::wire;

fn invite() -> Message {
    let text = b"INVITE sip:echo@[::1];user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bKa, SIP/2.0/UDP b;branch=z9hG4bKb\r\n\
        To: Echo <sip:echo@[::1]>\r\nFrom: \"A\" <sip:a@b>;tag=1\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\r\n";
    let message = wire::parse(Bytes::from_static(text)).unwrap();
    message.validate().unwrap();
    message
}

#[test]
fn a_response_copies_what_the_peer_needs_and_notes_the_source() {
    let mut response = Response::to(&invite(), "192.0.2.1:777".parse().unwrap(), 486, Some("t7"));
    response.headers.copy(Name::RecordRoute, &invite());
    let text = String::from_utf8(response.encode().to_vec()).unwrap();
    assert_eq!(
        text,
        "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKa;rport=777;received=192.0.2.1\r\n\
         Via: SIP/2.0/UDP b;branch=z9hG4bKb\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\nFrom: \"A\" <sip:a@b>;tag=1\r\n\
         To: Echo <sip:echo@[::1]>;tag=t7\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_request_with_ipv6_and_extensions_reads_back_as_it_was_made() {
    let uri = Uri::parse("sip:bob@[2001:db8::2]:5070;transport=tcp?Subject=x").unwrap();
    let from = NameAddr::parse("\"O\\\"Neil\" <sip:o@[2001:db8::1]>").unwrap().with_tag("77");
    let request = Request::new(Method::Other("FANCY".into()), uri)
        .with(Name::CSeq, "4 FANCY")
        .with(Name::From, &from)
        .with(Name::To, "<tel:+1-201;phone-context=x>")
        .with(Name::CallId, "c")
        .with_extension("X-Tenant", "äö")
        .with(Name::Via, "SIP/2.0/TCP [2001:db8::1];branch=z9hG4bKq")
        .with_body("text/plain", "hello");
    let message = wire::parse(request.encode()).unwrap();
    message.validate().unwrap();
    assert_eq!(message.method().unwrap().as_str(), "FANCY");
    assert_eq!(message.uri_text(), "sip:bob@[2001:db8::2]:5070;transport=tcp");
    assert_eq!(message.from().unwrap(), from);
    assert_eq!(message.extension("x-tenant"), Some("äö"));
    assert_eq!(message.via().unwrap().sent_by.to_string(), "[2001:db8::1]");
    assert_eq!(message.body(), b"hello");
    assert!(request.encode().starts_with(b"FANCY sip:bob@[2001:db8::2]:5070;transport=tcp SIP/2.0\r\nVia: "));
}

#[test]
fn no_value_can_bring_a_header_of_its_own() {
    let evil = "x\r\nX-Evil: 1\n\r\n";
    let request = Request::new(Method::Options, Uri::parse("sip:a").unwrap())
        .with(Name::Subject, evil)
        .with_extension("X-A\r\nX-Evil", evil)
        .with(Name::From, NameAddr::new(Uri::parse("sip:a").unwrap()).with_display(Some(evil)).with_tag(evil))
        .with_body(evil, "");
    let response = Response::new(400).with_reason(evil).with(Name::Server, evil);
    for bytes in [request.encode(), response.encode()] {
        let message = wire::parse(bytes).unwrap();
        assert_eq!(message.extension("X-Evil"), None);
        assert!(message.body().is_empty());
    }
}

#[test]
fn messages_pass_through_rsip_unchanged_in_meaning() {
    let request = Request::new(Method::Invite, Uri::parse("sip:bob@[::1]:5070;lr").unwrap())
        .with(Name::ReferTo, "<sip:c@d>")
        .with(Name::Via, "SIP/2.0/UDP a;branch=z9hG4bKq")
        .with(Name::CallId, "1");
    let theirs = request.to_rsip().unwrap();
    assert_eq!(theirs.uri.to_string(), "sip:bob@[::1]:5070;lr");
    assert_eq!(Request::from_rsip(&theirs).unwrap().encode(), request.encode());
    let message = invite().to_rsip().unwrap();
    assert_eq!(rsip::Request::try_from(message).unwrap().headers.iter().count(), 8);
    let response = Response::new(486).with(Name::CallId, "1");
    assert_eq!(Response::from_rsip(&response.to_rsip()).encode(), response.encode());
    assert!(response.to_rsip().to_string().starts_with("SIP/2.0 486 BusyHere"), "rsip learnt reason phrases: use its serialiser?");
}
