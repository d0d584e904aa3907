#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::replay::Fold;
use super::*;
use crate::event::{ConfigEvent, Envelope, Event, PhoneAdded, TenantCreated, TenantSettings};
use crate::time::Timestamp;

fn envelope(tenant: &str, seq: u64) -> Envelope {
    let event: ConfigEvent = match seq {
        1 => TenantCreated { settings: TenantSettings::named(tenant) }.into(),
        seq => {
            let user = format!("p{seq}").parse().unwrap();
            PhoneAdded { phone: crate::Phone { user, display_name: None, max_contacts: 5, srtp: Default::default() } }.into()
        }
    };
    Envelope { tenant: TenantId::new(tenant).unwrap(), seq, time: Timestamp::default(), event: Event::Config(event) }
}

#[test]
fn what_comes_twice_or_early_is_put_in_its_place() {
    let mut fold = Fold::default();
    for (tenant, seq) in [("a", 1), ("b", 1), ("a", 2), ("a", 1), ("a", 2), ("a", 5), ("a", 5), ("a", 4), ("b", 2), ("a", 3), ("a", 4)] {
        assert!(fold.take(envelope(tenant, seq)));
    }
    let replayed = fold.finish("t").unwrap();
    assert_eq!((replayed.events, replayed.duplicates, replayed.out_of_order), (7, 4, 2));
    assert_eq!(replayed.tenants[&TenantId::new("a").unwrap()].phones().len(), 4);
}

#[test]
fn a_missing_event_is_named() {
    let mut fold = Fold::default();
    for seq in [1, 2, 4] {
        assert!(fold.take(envelope("a", seq)));
    }
    assert!(matches!(fold.finish("t"), Err(KafkaLogError::Gap { expected: 3, found: 4, .. })));
}

#[test]
fn secrets_are_not_shown() {
    let mut config = KafkaConfig::new("b:9092");
    for (key, value) in [("sasl.password", "hunter2"), ("ssl.key.pem", "BEGIN"), ("security.protocol", "sasl_plaintext")] {
        config.properties.insert(key.to_owned(), value.to_owned());
    }
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("BEGIN") && shown.contains("sasl_plaintext"), "{shown}");
}

#[test]
fn the_build_can_compress_and_says_what_else_it_can() {
    let features = builtin_features();
    for feature in ["lz4", "zstd", "gzip", "snappy", "sasl_plain"] {
        assert!(features.split(',').any(|have| have == feature), "{features}");
    }
}
