use tandem_core::Transport;

use super::*;

#[test]
fn addresses_in_all_forms_are_read() {
    let full = NameAddr::parse("\"Quoted \\\"s\\\" , <x>\"  <sip:j@example.com;lr?a=b> ; tag = abc;newparam=\"x;y\"").unwrap();
    assert_eq!(full.display.as_deref(), Some("Quoted \"s\" , <x>"));
    assert_eq!(full.uri.as_str(), "sip:j@example.com;lr?a=b");
    assert_eq!(full.tag(), Some("abc"));
    assert_eq!(full.params.get("NEWPARAM"), Some("x;y"));
    assert_eq!(full.to_string(), "\"Quoted \\\"s\\\" , <x>\" <sip:j@example.com;lr?a=b>;tag=abc;newparam=\"x;y\"");
    let bare = NameAddr::parse("sip:vivekg@chair-dnrc.example.com ;tag=1").unwrap();
    assert_eq!((bare.uri.as_str(), bare.tag()), ("sip:vivekg@chair-dnrc.example.com", Some("1")));
    assert_eq!(NameAddr::parse("T. A. Watson <sip:w@b>").unwrap().display.as_deref(), Some("T. A. Watson"));
    assert_eq!(NameAddr::parse("<sip:a>").unwrap().display, None);
    assert_eq!(NameAddr::parse("<sip:a>;").unwrap().params, Params::default());
}

#[test]
fn broken_addresses_are_refused() {
    for text in [
        "",
        "\"Mr. J. User <sip:j@e>",
        "Bell, A <sip:a@b>",
        "< sip:a@b>",
        "sip:a@b?Route=x",
        "<sip:a",
        "\"\"<>;",
        "<sip:a>;;x",
        "<sip:a>x",
        "<sip:a>;=x",
    ] {
        assert!(NameAddr::parse(text).is_err(), "{text}");
    }
}

#[test]
fn lists_are_split_outside_of_quotes_and_brackets_only() {
    let parts: Vec<_> = split_list("\"a,\\\"b\" <sip:x,y@z>;p=\"1,2\" , <sip:c>,, sip:d").collect();
    assert_eq!(parts, ["\"a,\\\"b\" <sip:x,y@z>;p=\"1,2\"", "<sip:c>", "sip:d"]);
}

#[test]
fn a_via_notes_where_it_came_from() {
    let mut via = Via::parse("SIP  / 2.0 /  udp   [2001:db8::9]:5061 ;  branch  =   z9hG4bK30239;rport").unwrap();
    assert_eq!(via.transport(), Some(Transport::Udp));
    assert_eq!(via.branch(), Some("z9hG4bK30239"));
    assert!(via.has_cookie() && via.wants_rport() && via.rport().is_none());
    via.note_source("[2001:db8::9]:6000".parse().unwrap());
    assert_eq!(via.to_string(), "SIP/2.0/UDP [2001:db8::9]:5061;branch=z9hG4bK30239;rport=6000;received=2001:db8::9");
    assert_eq!(via.received(), Some("2001:db8::9".parse().unwrap()));
    assert_eq!(via.rport(), Some(6000));
    let mut plain = Via::parse("SIP/2.0/TCP 192.0.2.1;branch=1").unwrap();
    plain.note_source("192.0.2.1:99".parse().unwrap());
    assert_eq!(plain.to_string(), "SIP/2.0/TCP 192.0.2.1;branch=1");
    assert!(!plain.has_cookie());
    let mut name = Via::parse("SIP/2.0/TCP host").unwrap();
    name.note_source("[::ffff:192.0.2.1]:99".parse().unwrap());
    assert_eq!(name.to_string(), "SIP/2.0/TCP host;received=192.0.2.1");
    for bad in
        ["SIP/2.0/UDP", "SIP/3.0/UDP a", "SIP/2.0/UDP a b", "SIP/2.0/UDP a;;b", "SIP/2.0/UDP a:x", "HTTP/2.0/UDP a", "SIP/2.0/UDP ;x"]
    {
        assert!(Via::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn contacts_carry_preference_expiry_and_instance() {
    let contact = Contact::parse("<sip:a@b>;q=0.33;expires=60;+sip.instance=\"<urn:uuid:0-1>\";reg-id=2").unwrap();
    assert_eq!((contact.q, contact.expires, contact.instance(), contact.reg_id()), (330, Some(60), Some("urn:uuid:0-1"), Some(2)));
    assert_eq!(Contact::parse("<sip:a@b>;expires=280297596632815").unwrap().expires, Some(3600));
    assert_eq!(Contact::parse("<sip:a@b>").unwrap().q, 1000);
    for (text, q) in [("1", 1000), ("1.000", 1000), ("0", 0), ("0.", 0), (".5", 500), ("0.05", 50)] {
        assert_eq!(Contact::parse(&format!("<sip:a>;q={text}")).unwrap().q, q);
    }
    for text in ["2", "0.1234", "-1", "1.001", "x", ""] {
        assert!(Contact::parse(&format!("<sip:a>;q={text}")).is_err(), "{text}");
    }
}

#[test]
fn a_transfer_names_its_target_and_the_dialog_to_replace() {
    let text = "<sip:bob@b;transport=tcp?Replaces=12%40x%3Bto-tag%3D7%3Bfrom-tag%3D8%3Bearly-only&Subject=x>";
    let refer = ReferTo::parse(text).unwrap();
    assert_eq!(refer.target().unwrap().as_str(), "sip:bob@b;transport=tcp");
    let replaces = refer.replaces.unwrap();
    assert_eq!(replaces.to_string(), "12@x;to-tag=7;from-tag=8;early-only");
    assert_eq!(Replaces::parse(&replaces.to_string()).unwrap(), replaces);
    assert!(ReferTo::parse("<sip:bob@b?Replaces=1>").is_err());
    assert!(Replaces::parse(";to-tag=1;from-tag=2").is_err());
    assert!(ReferTo::parse("<tel:+123>").unwrap().replaces.is_none());
}

#[test]
fn small_headers_read_and_print() {
    assert_eq!(CSeq::parse("0009  INVITE").unwrap().to_string(), "9 INVITE");
    assert!(CSeq::parse("36893488147419103232 REGISTER").is_err());
    assert_eq!(SessionExpires::parse("1800 ;refresher=UAC").unwrap().to_string(), "1800;refresher=uac");
    assert_eq!(Reason::parse("Q.850 ;cause=16;text=\"Normal \\\"x\\\"\"").unwrap().to_string(), "Q.850;cause=16;text=\"Normal \\\"x\\\"\"");
    assert_eq!(Reason::sip(487, Some("a\r\nb")).to_string(), "SIP;cause=487;text=\"a  b\"");
    let state = SubscriptionState::parse("Terminated;reason=noresource;retry-after=5").unwrap();
    assert!(state.is_terminated());
    assert_eq!(state.to_string(), "terminated;reason=noresource;retry-after=5");
    assert_eq!(Event::parse("refer;id=93809824").unwrap().to_string(), "refer;id=93809824");
    assert_eq!(RetryAfter::parse("18000 (I'm in a meeting);duration=3600").unwrap().seconds, 18000);
    assert!(RetryAfter::parse("949302838503028349304023988").is_err());
    assert_eq!(Method::parse("invite"), Some(Method::Other("invite".into())));
    assert_eq!(Method::parse("IN VITE"), None);
}

#[test]
fn every_name_is_found_in_any_case_and_by_its_letter() {
    for name in Name::KNOWN {
        assert_eq!(Name::parse(name.as_str().to_ascii_uppercase().as_bytes()), *name);
    }
    for (letter, name) in [("V", Name::Via), ("x", Name::SessionExpires), ("r", Name::ReferTo), ("b", Name::ReferredBy), ("q", Name::Other)]
    {
        assert_eq!(Name::parse(letter.as_bytes()), name);
    }
}

#[test]
fn params_can_be_set_and_removed() {
    let mut params = Params::parse(";a=1;B;c=\"x y\"").unwrap();
    params.set("b", Some("2"));
    params.set("d", Some("needs quotes; yes"));
    params.remove("A");
    assert_eq!(params.as_str(), ";c=\"x y\";b=2;d=\"needs quotes; yes\"");
    assert!(Params::parse(&";a".repeat(100)).is_err());
}
