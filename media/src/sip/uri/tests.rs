use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_parts_of_a_full_uri_are_found() {
    let full = uri("sips:alice;day=tuesday:secret@[2001:db8::1]:5061;transport=TCP;lr;x=%20?Subject=hi&To=b");
    assert_eq!(full.scheme(), &Scheme::Sips);
    assert_eq!(full.user(), Some("alice;day=tuesday"));
    assert_eq!(full.password(), Some("secret"));
    assert_eq!(full.host().unwrap().to_string(), "[2001:db8::1]");
    assert_eq!(full.port(), Some(5061));
    assert_eq!(full.transport(), Some(Transport::Tcp));
    assert!(full.is_loose_router());
    assert_eq!(full.param("X"), Some(Some("%20")));
    assert_eq!(full.headers().collect::<Vec<_>>(), [("Subject", "hi"), ("To", "b")]);
}

#[test]
fn unusual_characters_of_rfc_4475_are_taken() {
    let odd = uri("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com");
    assert_eq!(odd.user(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(odd.host().unwrap().to_string(), "example.com");
    assert_eq!(uri("sip:sips%3Auser%40example.com@example.net").user_decoded().unwrap(), "sips:user@example.com");
}

#[test]
fn broken_uris_are_refused_with_what_was_wrong() {
    assert_eq!(Uri::parse("alice").unwrap_err(), UriError::NoScheme("alice".into()));
    assert_eq!(Uri::parse("sip:a b@c").unwrap_err(), UriError::Character(' '));
    assert_eq!(Uri::parse("<sip:a@b>").unwrap_err(), UriError::NoScheme("<sip:a@b>".into()));
    assert_eq!(Uri::parse("sip:a@").unwrap_err(), UriError::Host(String::new()));
    assert_eq!(Uri::parse("sip:a@b:99999").unwrap_err(), UriError::Port("99999".into()));
    assert_eq!(Uri::parse("sip:a@b@c").unwrap_err(), UriError::Host("b@c".into()));
    assert_eq!(Uri::parse("sip:@b").unwrap_err(), UriError::Character('@'));
    assert_eq!(Uri::parse("sip:a@[::1").unwrap_err(), UriError::Host("[::1".into()));
    assert_eq!(Uri::parse("sip:a@b;;c").unwrap_err(), UriError::Parameter(String::new()));
    assert_eq!(Uri::parse("sip:a\r\nb@c").unwrap_err(), UriError::Character('\r'));
    assert!(Uri::parse("tel:").is_err());
    assert!(Uri::parse("tel:+1 2").is_err());
}

#[test]
fn equal_uris_of_rfc_3261_are_equal() {
    for (a, b) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        ("sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x"),
        ("tel:+1-201-555-0123", "tel:+1(201)5550123"),
        ("sip:a@[::1]", "sip:a@[0:0::1]"),
    ] {
        assert!(uri(a).same_as(&uri(b)), "{a} {b}");
        assert!(uri(b).same_as(&uri(a)), "{b} {a}");
    }
}

#[test]
fn different_uris_of_rfc_3261_are_different() {
    for (a, b) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:a%2Cb@c", "sip:a,b@c"),
        ("sip:a@b", "sips:a@b"),
        ("tel:+12015550123", "tel:12015550123"),
    ] {
        assert!(!uri(a).same_as(&uri(b)), "{a} {b}");
        assert!(!uri(b).same_as(&uri(a)), "{b} {a}");
    }
}

#[test]
fn a_made_uri_is_what_it_would_be_read_as() {
    let host = HostPort::parse("[::1]:5060").unwrap();
    let made = Uri::sip(Some("#31#+49 1"), &host);
    assert_eq!(made.as_str(), "sip:%2331%23+49%201@[::1]:5060");
    assert_eq!(made, uri(made.as_str()));
    assert_eq!(made.user_decoded().unwrap(), "#31#+49 1");
    let with = made.with_param("transport", Some("tcp")).unwrap().with_param("lr", None).unwrap();
    assert_eq!(with.as_str(), "sip:%2331%23+49%201@[::1]:5060;transport=tcp;lr");
    assert_eq!(Uri::sip(None, &host), uri("sip:[::1]:5060"));
    assert!(made.with_param("x", Some("a>\r\nb")).is_err());
}
