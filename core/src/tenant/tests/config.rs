use super::*;
use crate::config::TrunkState;
use crate::registration::BindingEnd;

#[test]
fn nothing_happens_before_a_tenant_is_created() {
    let mut tenant = Tenant::new(TenantId::new("demo").unwrap());
    let mut out = Decision::default();
    let refused = tenant.handle(Timestamp::default(), &mut Ids::new(0, 0), Command::AddPhone(phone("1001")), &mut out);
    assert_eq!(refused, Err(Rejection::NoSuchTenant("demo".into())));
    assert_eq!((tenant.seq(), out.events.len()), (0, 0));
}

#[test]
fn a_second_of_the_same_name_is_refused() {
    let mut s = Stage::new();
    let again = [
        Command::CreateTenant(TenantSettings::named("Demo")),
        Command::AddPhone(phone("1001")),
        Command::AddTrunk(trunk("a", 9)),
        Command::AddNumber(number("600", Destination::Echo)),
    ];
    for command in again {
        assert!(matches!(s.tell(command.clone()), Err(Rejection::AlreadyExists { .. })), "{command:?}");
    }
}

#[test]
fn a_change_that_changes_nothing_makes_no_event() {
    let mut s = Stage::new();
    let same = [
        Command::ChangeTenant(s.tenant.settings().unwrap().clone()),
        Command::ChangePhone(phone("1001")),
        Command::ChangeTrunk(trunk("a", 1)),
        Command::ChangeNumber(number("600", Destination::Echo)),
    ];
    for command in same {
        s.does(command);
        assert!(s.out.events.is_empty());
    }
    s.does(Command::ChangePhone(Phone { max_contacts: 3, ..phone("1001") }));
    assert_eq!(s.events(), ["phone.changed"]);
    s.does(Command::ChangeTrunk(trunk("a", 7)));
    assert_eq!(s.events(), ["trunk.changed"]);
    s.does(Command::ChangeNumber(number("600", Destination::Phone(user("1001")))));
    assert_eq!(s.events(), ["number.changed"]);
}

#[test]
fn what_is_missing_can_be_neither_changed_nor_removed() {
    let mut s = Stage::new();
    let missing = [
        Command::ChangePhone(phone("9")),
        Command::RemovePhone(user("9")),
        Command::ChangeTrunk(trunk("z", 1)),
        Command::RemoveTrunk(trunk_name("z")),
        Command::ChangeNumber(number("9", Destination::Echo)),
        Command::RemoveNumber(Number::new("9").unwrap()),
        Command::TrunkSeen { name: trunk_name("z"), state: TrunkState::Up, reason: "".into() },
    ];
    for command in missing {
        assert!(matches!(s.tell(command.clone()), Err(Rejection::NotFound { .. })), "{command:?}");
    }
}

#[test]
fn values_that_cannot_work_are_refused_with_their_rule() {
    let mut s = Stage::new();
    let wrong = [
        Command::AddPhone(Phone { max_contacts: 0, ..phone("9") }),
        Command::AddPhone(Phone { max_contacts: 21, ..phone("9") }),
        Command::AddTrunk(Trunk { host: "".into(), ..trunk("z", 1) }),
        Command::AddNumber(number("9", Destination::Phone(user("nobody")))),
        Command::AddNumber(number("9", Destination::Tone(Tone::Sine(9000)))),
        Command::AddNumber(number("9", Destination::Prompt("../secret".into()))),
        Command::ChangeTenant(TenantSettings { ring_timeout_s: 0, ..TenantSettings::named("Demo") }),
    ];
    for command in wrong {
        assert!(matches!(s.tell(command.clone()), Err(Rejection::Invalid { .. })), "{command:?}");
    }
}

#[test]
fn a_removed_phone_loses_its_registrations_and_keeps_its_calls() {
    let mut s = Stage::new();
    let (_, callee) = s.talk("1001", "1002");
    s.does(Command::RemovePhone(user("1002")));
    assert_eq!(s.events(), ["registration.removed", "phone.removed"]);
    assert_eq!(s.timers(), ["-1002 sip:1002@phone"]);
    let Event::Config(ConfigEvent::RegistrationRemoved(removed)) = &s.out.events[0].event else { panic!() };
    assert_eq!(removed.end, BindingEnd::PhoneRemoved);
    assert!(s.tenant.leg(callee).unwrap().is_up());
}

#[test]
fn a_trunks_state_is_told_once() {
    let mut s = Stage::new();
    let seen = |state| Command::TrunkSeen { name: trunk_name("a"), state, reason: "ping".into() };
    s.does(seen(TrunkState::Up));
    assert_eq!(s.events(), ["trunk.state"]);
    s.does(seen(TrunkState::Up));
    assert!(s.out.events.is_empty());
    s.does(Command::ChangeTrunk(trunk("a", 7)));
    assert_eq!(s.tenant.trunk(&trunk_name("a")).unwrap().1, TrunkState::Up, "a change of settings is no news of the state");
}

#[test]
fn a_removed_tenant_releases_its_calls_and_still_sees_them_end() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.does(Command::RemoveTenant);
    assert_eq!(
        s.events(),
        [
            "leg.releasing A 480",
            "leg.releasing B 480",
            "legs.parted AB",
            "registration.removed",
            "registration.removed",
            "registration.removed",
            "tenant.removed"
        ]
    );
    assert!(!s.tenant.is_open());
    assert!(matches!(s.tell(Command::Hold { leg: caller }), Err(Rejection::NoSuchTenant(_))));
    s.ends(caller, 200);
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 480", "call.ended 480"]);
    s.does(Command::CreateTenant(TenantSettings::named("Again")));
    assert_eq!((s.tenant.phones().len(), s.tenant.calls().len()), (0, 0));
}

#[test]
fn a_restart_ends_every_call_and_sets_registration_timers_again() {
    let mut s = Stage::new();
    s.talk("1001", "1002");
    s.offer("1003", "0123");
    s.passes(10);
    s.does(Command::NodeRestarted);
    let ended = ["leg.ended A 503", "leg.ended B 503", "call.ended 503", "leg.ended C 503", "leg.ended D 503", "call.ended 503"];
    assert_eq!(s.events(), ended);
    assert_eq!(s.orders(), [""; 0]);
    assert_eq!(s.timers(), ["+1001 sip:1001@phone 3590", "+1002 sip:1002@phone 3590", "+1003 sip:1003@phone 3590"]);
    assert_eq!((s.last_cause().q850, s.tenant.live_calls()), (41, 0));
    s.passes(3590);
    s.does(Command::NodeRestarted);
    assert_eq!(s.events(), ["registration.removed"; 3]);
}

#[test]
fn a_removed_tenant_gives_no_more_orders_about_audio() {
    let mut s = Stage::new();
    let consulting = s.offer("1001", "1003");
    let (first, _) = s.talk("1001", "1002");
    s.does(Command::TransferAsked { leg: first, target: TransferTarget::Leg(consulting) });
    s.does(Command::RemoveTenant);
    assert!(s.events().contains(&"transfer.failed C 480".to_owned()), "{:?}", s.events());
    assert_eq!(s.orders(), ["release A 480", "release B 480", "notify C 480", "release C 480", "release D 480"]);
}
