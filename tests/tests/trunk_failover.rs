//! The first trunk dies: calls go by the second, and by the first again when it is back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;

use serde_json::json;
use tandem_tests::netns::{CARRIER, CARRIER_2};
use tandem_tests::peer::SipPeer;
use tandem_tests::sipp::Sipp;
use tandem_tests::tandem::Setup;
use tandem_tests::wait::{millis, pass, secs};
use tandem_tests::world::World;

const NUMBER: &str = "+15550142";

fn two_trunks(options_interval_s: u32) -> Option<(World, SocketAddr, SocketAddr)> {
    let world = match World::with(Setup::default().with("SIP__T1_MS", "50")) {
        Ok(world) => world,
        Err(missing) => {
            tandem_tests::skip(module_path!(), &missing.0);
            return None;
        }
    };
    let (first, second) = (SocketAddr::new(CARRIER, 5070), SocketAddr::new(CARRIER_2, 5070));
    for (name, carrier, priority) in [("first", first, 1), ("second", second, 2)] {
        let more = json!({ "priority": priority, "options_interval_s": options_interval_s });
        world.tenant().add_trunk(name, carrier, &more).unwrap();
    }
    Some((world, first, second))
}

/// One call that must go by the carrier at `by`.
fn call_by(world: &World, ada: &mut tandem_tests::baresip::Baresip, by: SocketAddr) {
    let sipp = Sipp::new("carrier_answers", by).start().unwrap();
    pass(millis(300));
    ada.dial(&world.uri(NUMBER));
    ada.established();
    ada.hangup();
    ada.closed();
    sipp.finish().unwrap().expect(1);
}

#[test]
fn a_carrier_that_is_gone_or_overloaded_is_passed_over_within_the_call() {
    let Some((mut world, first, second)) = two_trunks(0) else { return };
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    call_by(&world, &mut ada, first);
    // Nobody listens there any more.
    call_by(&world, &mut ada, second);
    // Somebody listens, and says nothing.
    let silent = SipPeer::bind("silent", first).unwrap();
    call_by(&world, &mut ada, second);
    drop(silent);
    // Somebody says 503.
    let overloaded = Sipp::new("carrier_refuses", first).key("status", "503 Service Unavailable").key("cause", "42").start().unwrap();
    call_by(&world, &mut ada, second);
    overloaded.finish().unwrap().expect(1);
    call_by(&world, &mut ada, first);
}

#[test]
fn a_busy_callee_is_not_tried_by_the_second_trunk() {
    let Some((mut world, first, second)) = two_trunks(0) else { return };
    let other = SipPeer::bind("second", second).unwrap();
    let mut ada = world.phone("1001", 440.0, |phone| phone);
    let busy = Sipp::new("carrier_refuses", first).key("status", "486 Busy Here").key("cause", "17").start().unwrap();
    pass(millis(300));
    ada.dial(&world.uri(NUMBER));
    assert!(ada.closed().starts_with("486"));
    busy.finish().unwrap().expect(1);
    assert!(other.request("INVITE", millis(500)).is_err(), "the second trunk was tried for a busy callee");
}

#[test]
fn pings_notice_a_dead_trunk_and_its_return() {
    let Some((world, first, _)) = two_trunks(1) else { return };
    let state = |wanted: &str| {
        tandem_tests::wait::until_true(&format!("the first trunk is {wanted}"), secs(15), || {
            let events = world.tenant().events_of("trunk.state").unwrap();
            let last = events.iter().rfind(|event| event["data"]["name"] == "first");
            last.is_some_and(|event| event["data"]["state"] == wanted)
        });
    };
    state("down");
    let alive = SipPeer::bind("first", first).unwrap();
    let options = alive.request("OPTIONS", secs(10)).unwrap();
    alive.respond(&options, "200 OK", "", "").unwrap();
    state("up");
}
