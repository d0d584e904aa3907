//! The broker: it comes up, keeps what it acknowledged when it is killed, and can be frozen.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use tandem_tests::kafka::Kafka;
use tandem_tests::or_skip;
use tandem_tests::wait::millis;

#[test]
fn a_broker_that_is_killed_keeps_what_it_acknowledged() {
    let mut kafka = or_skip!(Kafka::started());
    let lines: String = (0..1000).map(|n| format!("key{}:{n}\n", n % 7)).collect();
    kafka.write("kept", &lines).unwrap();
    kafka.kill9();
    kafka.start().unwrap();
    let slow = kafka.slowed(millis(80), millis(160));
    let records = kafka.read("kept").unwrap();
    drop(slow);
    assert_eq!(records.len(), 1000);
    for key in 0..7 {
        let values: Vec<u32> = records.iter().filter(|r| r.key == format!("key{key}")).map(|r| r.value.parse().unwrap()).collect();
        assert!(values.is_sorted() && values.len() > 140, "key{key}: {values:?}");
    }
}
