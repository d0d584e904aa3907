use tandem_core::Transport;

use super::*;
use crate::sip::wire;

fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.2:5060".parse().unwrap(), remote: "192.0.2.1:5060".parse().unwrap() }
}

fn message(start: &str, to_tag: &str, headers: &str) -> Message {
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: \"A\" <sip:a@x>;tag=f\r\nTo: <sip:b@y>{to_tag}\r\nCall-ID: c\r\nCSeq: 5 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    wire::parse(text.into()).unwrap()
}

const INVITE: &str = "INVITE sip:b@y SIP/2.0";
const ROUTES: &str = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\nContact: <sip:peer@z>\r\n";

#[test]
fn the_server_keeps_the_order_of_record_route_and_the_client_turns_it_round() {
    let server = Dialog::from_request(&message(INVITE, "", ROUTES), "t".into(), 1, flow()).unwrap();
    assert_eq!(server.routes, ["<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>"]);
    assert_eq!(server.path(), ("sip:peer@z".to_owned(), server.routes.clone()));
    let client = server.from_response(&message("SIP/2.0 200 OK", ";tag=far", ROUTES)).unwrap();
    assert_eq!(client.routes, ["<sip:p3;lr>", "<sip:p2;lr>", "<sip:p1;lr>"]);
    assert_eq!(client.remote_tag.as_deref(), Some("far"));
}

#[test]
fn a_strict_router_stands_in_the_request_uri_and_the_target_behind_all_routes() {
    let strict = ROUTES.replace("<sip:p1;lr>", "<sip:p1>");
    let dialog = Dialog::from_request(&message(INVITE, "", &strict), "t".into(), 1, flow()).unwrap();
    assert_eq!(dialog.path(), ("sip:p1".to_owned(), vec!["<sip:p2;lr>".into(), "<sip:p3;lr>".into(), "<sip:peer@z>".into()]));
}

#[test]
fn numbers_of_the_peer_only_grow_and_ours_stay_below_2_31() {
    let mut dialog = Dialog::from_request(&message(INVITE, "", ROUTES), "t".into(), (1 << 31) - 2, flow()).unwrap();
    assert_eq!(dialog.take_cseq(5), Err(DialogError::OutOfOrder { got: 5, last: 5 }));
    assert_eq!(dialog.take_cseq(9), Ok(()));
    assert_eq!(dialog.take_cseq(8), Err(DialogError::OutOfOrder { got: 8, last: 9 }));
    assert_eq!([dialog.next_cseq(), dialog.next_cseq()], [(1 << 31) - 1, 1]);
}

#[test]
fn an_invite_without_contact_begins_no_dialog() {
    assert_eq!(Dialog::from_request(&message(INVITE, "", ""), "t".into(), 1, flow()), Err(DialogError::Missing("Contact")));
}

#[test]
fn a_new_contact_is_the_new_target_and_tags_are_not_doubled() {
    let mut dialog = Dialog::from_request(&message(INVITE, "", ROUTES), "t".into(), 1, flow()).unwrap();
    dialog.refresh_target(&message(INVITE, ";tag=t", "Contact: <sip:moved@q>\r\n"));
    assert_eq!(dialog.target, "sip:moved@q");
    dialog.refresh_target(&message(INVITE, ";tag=t", ""));
    assert_eq!(dialog.target, "sip:moved@q");
    assert_eq!((dialog.local_with_tag().as_str(), dialog.remote_with_tag().as_str()), ("<sip:b@y>;tag=t", "A <sip:a@x>;tag=f"));
}
