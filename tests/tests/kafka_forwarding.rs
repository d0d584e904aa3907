//! Calls under load while the broker is absent, up, slow, frozen, killed and back: no call notices; then every tenant's events
//! are in the topic, in order, without gaps, and the state rebuilt from there is the state.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tandem_tests::kafka::Kafka;
use tandem_tests::netns::{CARRIER_2, Net};
use tandem_tests::or_skip;
use tandem_tests::sipp::Sipp;
use tandem_tests::tandem::Setup;
use tandem_tests::wait::{millis, secs, until_true};
use tandem_tests::world::{TENANT, World};

const TOPIC: &str = "tandem.events";

#[test]
fn a_bad_broker_touches_no_call_and_gets_everything_in_the_end() {
    let mut world = or_skip!(World::open());
    // The broker lives in this test's network, too; it is only prepared yet.
    let mut kafka = or_skip!(Kafka::prepared());
    world.tandem.reconfigure(Setup::default().with_kafka(&kafka.bootstrap())).unwrap();
    world.carrier();
    world.tenant().add_number("600", &json!("echo")).unwrap();
    world.tandem.post("/tenants", &json!({ "tenant": "other" })).unwrap();
    let second = std::net::SocketAddr::new(CARRIER_2, 5070);
    world.tandem.tenant("other").add_trunk("carrier", second, &json!({})).unwrap();
    world.tandem.tenant("other").add_number("700", &json!("echo")).unwrap();

    let absent = load(&world);
    kafka.start().unwrap();
    let up = load(&world);
    let slowed = kafka.slowed(millis(400), millis(500));
    let slow = load(&world);
    drop(slowed);
    kafka.freeze();
    let frozen = load(&world);
    kafka.thaw();
    kafka.kill9();
    let killed = load(&world);
    kafka.start().unwrap();
    let back = load(&world);
    // A restart of ours, too: it resumes from the stored position.
    world.tandem.kill9();
    world.tandem.start().unwrap();
    let restarted = load(&world);

    eprintln!(
        "set-up: absent {absent:?}, up {up:?}, slow {slow:?}, frozen {frozen:?}, killed {killed:?}, back {back:?}, restarted {restarted:?}"
    );
    for (state, setup) in [("absent", absent), ("slow", slow), ("frozen", frozen), ("killed", killed), ("back", back)] {
        // A broker that were waited for would cost 400 ms and more; a busy machine costs some tens.
        assert!(setup < up * 2 + millis(100), "calls took {setup:?} with the broker {state}, {up:?} with it up");
    }
    check_topic(&world, &kafka);
    let from = |source: &str| world.tandem.cli_ok(&["events", "replay", "--from", source]).unwrap();
    assert_eq!(from("kafka"), from("log"), "the state rebuilt from the topic differs");
}

/// 100 calls to the echo, half of them the other tenant's; gives the mean set-up time.
fn load(world: &World) -> Duration {
    let sipp = |sipp: Sipp, number: &str| sipp.service(number).calls(50).rate(10).lasting(secs(1)).start().unwrap();
    let one = sipp(world.sipp("carrier_calls"), "600");
    let other = sipp(Sipp::new("carrier_calls", std::net::SocketAddr::new(CARRIER_2, 5070)).to(world.tandem.sip()), "700");
    let (one, other) = (one.finish().unwrap(), other.finish().unwrap());
    one.expect(50);
    other.expect(50);
    (one.setup + other.setup) / 2
}

fn check_topic(world: &World, kafka: &Kafka) {
    let wanted: BTreeMap<&str, Vec<Value>> = [TENANT, "other"].map(|tenant| (tenant, world.tandem.tenant(tenant).events().unwrap())).into();
    let mut got: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    until_true("everything is in the topic", secs(60), || {
        got = BTreeMap::new();
        for record in kafka.read(TOPIC).unwrap_or_default() {
            let Some((tenant, _)) = wanted.get_key_value(record.key.as_str()) else { continue };
            assert!(record.headers.contains("ce_id=") && record.headers.contains("ce_type="), "headers: {}", record.headers);
            got.entry(tenant).or_default().push(serde_json::from_str(&record.value).unwrap());
        }
        wanted.iter().all(|(tenant, events)| got.get(tenant).and_then(|g| g.last()) == events.last())
    });
    for (tenant, events) in wanted {
        // At least once: what comes again is dropped by its number; what comes first comes in order.
        let mut next = 1;
        for event in &got[tenant] {
            let seq = event["seq"].as_u64().unwrap();
            assert!(seq <= next, "{tenant}: {seq} came before {next}");
            assert_eq!(event, &events[seq as usize - 1], "{tenant}: the record of {seq} is another");
            next = next.max(seq + 1);
        }
        assert_eq!(next, events.len() as u64 + 1, "{tenant}: events are missing");
    }
}

#[test]
fn without_a_broker_for_ever_the_program_starts_and_stops() {
    let _net = or_skip!(Net::enter());
    let mut tandem = Setup::default().with_kafka("127.0.0.1:9").start().unwrap();
    assert!(tandem.is_ready());
    tandem.stop();
}
