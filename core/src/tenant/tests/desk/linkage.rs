//! What agents' phones do by themselves.

use super::*;

fn refer(s: &mut Stage, device: LegId, target: TransferTarget) {
    s.does(Command::TransferAsked { leg: device, target });
}

#[test]
fn a_phone_that_holds_puts_the_call_on_hold() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.does(Command::LegHeld { leg: device });
    assert_eq!(s.story(), ["leg.held B", "held 101", "legs.parted AB"]);
    s.hears_music(customer);
    assert!(matches!(s.refusal(101, AgentWish::Retrieve { call: None }), AgentRefusal::WrongCallState { .. }), "the phone holds");
    s.does(Command::LegResumed { leg: device });
    assert_eq!(s.story(), ["leg.resumed B", "retrieved 101", "legs.bridged AB"]);
    s.talk_together(customer, device);
}

#[test]
fn a_phone_that_hangs_up_leaves_the_call() {
    let mut s = Stage::office(&[101]);
    let (_, device, _) = s.at_desk();
    s.ends(device, 200);
    assert!(s.story().contains(&"left 101 released".into()), "{:?}", s.story());
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_phone_transfers_blind_by_refer() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    s.does(Command::LegHeld { leg: device });
    refer(&mut s, device, TransferTarget::Number("0123".into()));
    assert_eq!(s.story()[0], "handover 101 success");
    assert!(s.orders().contains(&"notify B 100".into()));
    let target = s.dialled();
    s.answers(target);
    assert!(s.orders().contains(&"notify B 200".into()), "{:?}", s.orders());
    assert!(s.story().contains(&"left 101 transferred".into()));
    s.talk_together(customer, target);
}

#[test]
fn a_phones_transfer_that_fails_gives_the_customer_back() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    refer(&mut s, device, TransferTarget::Number("0123".into()));
    let target = s.dialled();
    s.ends(target, 486);
    assert_eq!(s.orders(), ["notify B 486"]);
    s.talk_together(customer, device);
    refer(&mut s, device, TransferTarget::Number("no number".into()));
    assert_eq!(s.orders(), ["notify B 404"]);
}

#[test]
fn a_phone_transfers_to_a_colleague_by_work_number() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    refer(&mut s, device, TransferTarget::Number("102".into()));
    let target = s.dialled();
    s.takes(102, target);
    assert!(s.orders().contains(&"notify B 200".into()), "{:?}", s.orders());
    s.talk_together(customer, target);
}

#[test]
fn a_phone_connects_the_customer_with_whom_it_called_itself() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.does(Command::LegHeld { leg: device });
    let (own, asked) = s.talk("1001", "1003");
    refer(&mut s, device, TransferTarget::Leg(own));
    assert!(s.orders().contains(&"notify B 200".into()), "{:?}", s.orders());
    assert!(s.story().contains(&"left 101 transferred".into()));
    s.talk_together(customer, asked);
    s.confirm_releases();
    s.ends(asked, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn hanging_up_the_phone_is_no_answer_while_it_rings() {
    let mut s = Stage::office(&[101]);
    assert_eq!(s.refusal(101, AgentWish::HangUpPhone), AgentRefusal::NoCall("hang up"));
    s.offer("a", "95588");
    let device = s.dialled();
    s.rings(device);
    s.wish(101, AgentWish::HangUpPhone);
    assert!(s.story().contains(&"left 101 no_answer".into()), "{:?}", s.story());
    s.ends(device, 487);
    assert!(s.tenant.session(work(101)).unwrap().calls.is_empty());
}

#[test]
fn hanging_up_the_phone_ends_a_talk_and_a_kept_line() {
    let mut s = Stage::house();
    s.keeps_phone(101);
    let customer = s.offer("a", "95588");
    let device = s.dialled();
    s.answers(device);
    s.talk_together(customer, device);
    s.ends(customer, 200);
    assert!(s.tenant.device(work(101)).is_some(), "kept");
    s.wish(101, AgentWish::HangUpPhone);
    s.confirm_releases();
    s.all_over();
    let customer = s.offer("a", "95588");
    let device = s.dialled();
    s.answers(device);
    s.talk_together(customer, device);
    s.wish(101, AgentWish::HangUpPhone);
    assert!(s.story().contains(&"left 101 released".into()), "{:?}", s.story());
    s.confirm_releases();
    s.all_over();
}

#[test]
fn calls_of_agents_are_not_merged_from_outside() {
    let mut s = Stage::office(&[101]);
    let (_, _, call) = s.at_desk();
    let (_, other) = s.talk("1002", "1003");
    let other = s.call_of(other);
    assert!(s.tell(Command::Merge { call, other }).is_err());
    assert!(s.tell(Command::Merge { call: other, other: call }).is_err());
}

#[test]
fn a_phone_that_is_lost_on_hold_is_rung_again_to_retrieve() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    s.ends(device, 408);
    s.hears_music(customer);
    s.wish(101, AgentWish::Retrieve { call: None });
    let again = s.dialled();
    assert!(matches!(s.refusal(101, AgentWish::Retrieve { call: None }), AgentRefusal::WrongCallState { .. }), "it rings");
    s.answers(again);
    s.talk_together(customer, again);
}
