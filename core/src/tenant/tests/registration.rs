use super::*;

fn contacts(s: &Stage, name: &str) -> Vec<String> {
    s.tenant.bindings(&user(name)).iter().map(|binding| binding.contact.clone()).collect()
}

/// A stage with phone 1001, which may have two contacts, not registered.
fn one_phone() -> Stage {
    let mut s = Stage::empty();
    s.does(Command::AddPhone(phone("1001")));
    s
}

fn request(cseq: u32, contacts: Vec<ContactUpdate>, remove_all: bool) -> Command {
    let call_id = "same".to_owned();
    let register = RegisterRequest { contacts, remove_all, call_id, cseq, path: Vec::new(), flow: flow(1), user_agent: None };
    Command::Register { user: user("1001"), request: RequestId(5), register }
}

#[test]
fn a_new_contact_is_added_and_a_known_one_refreshed() {
    let mut s = one_phone();
    s.register("1001", vec![contact("sip:x")], 1);
    assert_eq!(s.events(), ["registration.added"]);
    assert_eq!(s.orders(), ["registered sip:x"]);
    assert_eq!(s.timers(), ["+1001 sip:x 3600"]);
    s.register("1001", vec![contact("sip:x")], 2);
    assert_eq!(s.events(), ["registration.refreshed"]);
    assert_eq!(s.tenant.bindings(&user("1001"))[0].flow, flow(2), "it came by another path");
}

#[test]
fn an_unknown_phone_is_refused() {
    let mut s = one_phone();
    s.register("1009", vec![contact("sip:x")], 1);
    assert_eq!((s.orders(), s.out.events.len()), (vec!["register refused 404".to_owned()], 0));
}

#[test]
fn a_late_request_changes_nothing_at_all() {
    let mut s = one_phone();
    s.does(request(5, vec![contact("sip:x")], false));
    s.does(request(5, vec![contact("sip:new"), contact("sip:x")], false));
    assert_eq!((s.orders(), s.out.events.len()), (vec!["register refused 400".to_owned()], 0));
    s.does(request(4, Vec::new(), true));
    assert_eq!(s.orders(), ["register refused 400"]);
    assert_eq!(contacts(&s, "1001"), ["sip:x"]);
    s.does(request(6, vec![contact("sip:x")], false));
    assert_eq!(s.events(), ["registration.refreshed"]);
}

#[test]
fn expiry_zero_removes_one_and_a_star_removes_all() {
    let mut s = one_phone();
    s.does(request(1, vec![contact("sip:x"), contact("sip:y")], false));
    s.does(request(2, vec![ContactUpdate { expires: Duration::ZERO, ..contact("sip:x") }], false));
    assert_eq!((s.events(), s.orders()), (vec!["registration.removed".to_owned()], vec!["registered sip:y".to_owned()]));
    assert_eq!(s.timers(), ["-1001 sip:x"]);
    s.does(request(3, Vec::new(), true));
    assert_eq!((s.events(), s.orders()), (vec!["registration.removed".to_owned()], vec!["registered ".to_owned()]));
}

#[test]
fn a_query_lists_the_most_preferred_first_and_of_equals_the_newest() {
    let mut s = Stage::empty();
    s.does(Command::AddPhone(Phone { max_contacts: 5, ..phone("1001") }));
    let low = ContactUpdate { q: 200, ..contact("sip:low") };
    s.does(request(1, vec![contact("sip:old"), low, contact("sip:new")], false));
    s.does(request(2, Vec::new(), false));
    assert_eq!(s.orders(), ["registered sip:new sip:old sip:low"]);
    assert!(s.out.events.is_empty());
}

#[test]
fn a_restarted_phone_replaces_the_contact_of_its_instance() {
    let mut s = one_phone();
    let at = |uri: &str| ContactUpdate { instance: Some("<urn:uuid:1>".into()), ..contact(uri) };
    s.does(request(1, vec![at("sip:before")], false));
    s.does(request(2, vec![at("sip:after")], false));
    assert_eq!(s.events(), ["registration.removed", "registration.added"]);
    assert_eq!(contacts(&s, "1001"), ["sip:after"]);
}

#[test]
fn one_contact_too_many_takes_the_oldest_ones_place() {
    let mut s = one_phone();
    s.does(request(1, vec![contact("sip:1"), contact("sip:2")], false));
    s.does(request(2, vec![contact("sip:1")], false));
    s.does(request(3, vec![contact("sip:3")], false));
    assert_eq!(contacts(&s, "1001"), ["sip:1", "sip:3"], "the refreshed one is younger");
    assert_eq!(s.timers(), ["-1001 sip:2", "+1001 sip:3 3600"]);
}

#[test]
fn a_contact_expires_when_its_timer_says_so_and_not_before() {
    let mut s = one_phone();
    s.does(request(1, vec![contact("sip:x")], false));
    let due = Command::TimerFired(TimerKey::Registration(user("1001"), "sip:x".into()));
    s.passes(3599);
    s.does(due.clone());
    assert!(s.out.events.is_empty(), "a timer of before a refresh");
    s.passes(1);
    s.does(due);
    assert_eq!((s.events(), s.timers().len()), (vec!["registration.removed".to_owned()], 0));
}

#[test]
fn a_lost_connection_takes_only_its_own_contacts() {
    let mut s = one_phone();
    s.register("1001", vec![contact("sip:1")], 1);
    s.register("1001", vec![contact("sip:2")], 2);
    s.does(Command::ConnectionLost { user: user("1001"), flow: flow(1) });
    assert_eq!(contacts(&s, "1001"), ["sip:2"]);
    assert_eq!(s.timers(), ["-1001 sip:1"]);
}

#[test]
fn a_request_beyond_the_limits_is_refused() {
    let mut s = one_phone();
    s.does(request(1, vec![contact(&"x".repeat(limits::CONTACT_BYTES + 1))], false));
    assert_eq!(s.orders(), ["register refused 400"]);
    s.does(request(2, (0..21).map(|i| contact(&format!("sip:{i}"))).collect(), false));
    assert_eq!(s.orders(), ["register refused 400"]);
}
