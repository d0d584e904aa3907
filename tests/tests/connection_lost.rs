//! A phone on TCP whose connection breaks can't be reached: its registration goes with the connection, not minutes later.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use tandem_tests::baresip::Setup;
use tandem_tests::or_skip;
use tandem_tests::wait::secs;
use tandem_tests::world::World;

#[test]
fn a_phone_whose_connection_breaks_is_no_longer_registered() {
    let mut world = or_skip!(World::open());
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let mut bob = world.phone("1002", 1000.0, Setup::over_tcp);
    assert_eq!(world.tenant().list("registrations").unwrap().len(), 2);
    bob.kill9();
    let removed = world.tenant().wait_event("registration.removed", secs(5));
    assert_eq!((&removed["data"]["user"], &removed["data"]["end"]), (&"1002".into(), &"connection_lost".into()), "{removed}");
    ada.dial(&world.uri("1002"));
    let told = ada.closed();
    assert!(told.starts_with("480"), "{told}");
}
