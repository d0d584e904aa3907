//! Kafka, fed from the log.
//!
//! The log is the truth and comes first; the [`Forwarder`] reads it on a thread of its own, like any other reader, and no
//! call ever waits for a broker. Topic `tandem.events`, key = tenant (so a tenant's order is Kafka's order), value = the
//! record's bytes, CloudEvents attributes as headers (CloudEvents Kafka binding 1.0.2, binary mode).
//!
//! Delivery is at least once: after a failure everything behind the last acknowledged record is sent again, so a record
//! may come twice, with the same `ce_id` (`tenant/seq`), and a consumer that passes over what it has seen gets each
//! tenant's events in order without gaps. [`replay`] is such a consumer.
//!
//! What librdkafka can do here: compression with gzip, snappy, lz4 and zstd; SASL PLAIN. It is built without OpenSSL,
//! Cyrus and curl, so `security.protocol` can be `plaintext` or `sasl_plaintext` only: to brokers beyond a trusted
//! network use a TLS tunnel, or build with rdkafka's `ssl` feature. [`builtin_features`] says what a build has.

mod forwarder;
mod position;
mod replay;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rdkafka::ClientConfig;

pub use self::forwarder::{Forwarder, Status};
pub use self::replay::{Replayed, replay};
use super::LogError;
use crate::event::DecodeError;
use crate::id::TenantId;

/// Every bound of the forwarder, with its unit and why it is so.
pub mod limits {
    use std::time::Duration;

    /// Records handed to librdkafka and not acknowledged yet: about 100,000 of 300 bytes fit into the next limit.
    pub const IN_FLIGHT_RECORDS: u32 = 100_000;
    /// KiB of them.
    pub const IN_FLIGHT_KIB: u32 = 32 << 10;
    /// Pause before the first new attempt after a failure; doubles up to the next limit.
    pub const FIRST_PAUSE: Duration = Duration::from_millis(250);
    /// Longest pause between attempts.
    pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);
    /// How often the position goes to disk while records flow: what is sent again after a crash.
    pub const STORE_EVERY: Duration = Duration::from_millis(500);
    /// How long the end waits for what is in flight.
    pub const FLUSH: Duration = Duration::from_secs(5);
    /// Events of a replay that wait for an earlier one of their tenant (a topic whose partitions were added to).
    pub const OUT_OF_ORDER: usize = 1_000_000;
    /// How long a replay waits for a broker's answer.
    pub const REPLAY_PATIENCE: Duration = Duration::from_secs(30);
}

/// Where Kafka is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Brokers, `host:port` separated by commas.
    pub bootstrap: String,
    /// Topic.
    pub topic: String,
    /// Further librdkafka properties. What order and safety rest on (`acks`, `enable.idempotence`) can't be changed.
    pub properties: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// These brokers, topic `tandem.events`.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        KafkaConfig { bootstrap: bootstrap.into(), topic: "tandem.events".to_owned(), properties: BTreeMap::new() }
    }

    /// Settings for producers and consumers alike; `defaults` may be overridden, `fixed` not.
    fn client(&self, defaults: &[(&str, String)], fixed: &[(&str, &str)]) -> ClientConfig {
        let mut client = ClientConfig::new();
        for (key, value) in defaults {
            client.set(*key, value);
        }
        for (key, value) in &self.properties {
            client.set(key, value);
        }
        for (key, value) in fixed {
            client.set(*key, *value);
        }
        client.set("bootstrap.servers", &self.bootstrap);
        client
    }
}

/// Properties are secrets unless known not to be: only a few keys show their values.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let harmless = |key: &str| {
            matches!(key, "security.protocol" | "sasl.mechanism" | "sasl.mechanisms" | "client.id")
                || key.ends_with(".ms")
                || key.ends_with(".bytes")
        };
        let shown: BTreeMap<&str, &str> =
            self.properties.iter().map(|(key, value)| (key.as_str(), if harmless(key) { value.as_str() } else { "…" })).collect();
        f.debug_struct("KafkaConfig").field("bootstrap", &self.bootstrap).field("topic", &self.topic).field("properties", &shown).finish()
    }
}

/// What the librdkafka of this build can do, as it says itself: `gzip,snappy,sasl,…`.
pub fn builtin_features() -> String {
    ClientConfig::new().create_native_config().and_then(|native| native.get("builtin.features")).unwrap_or_default()
}

/// What is wrong with Kafka, or with what it holds.
#[derive(Debug, thiserror::Error)]
pub enum KafkaLogError {
    /// librdkafka says so.
    #[error("kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// The embedded log can't be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The position file can't be used.
    #[error("kafka position {path}: {what}")]
    Position {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A record could not be delivered; what is behind the last acknowledged one is sent again.
    #[error("kafka: record {offset} was not delivered: {what}")]
    NotDelivered {
        /// Its offset in the embedded log.
        offset: u64,
        /// Why.
        what: String,
    },
    /// A record of the log is not an envelope.
    #[error("record {offset} of the event log is not an event: {source}")]
    NotAnEvent {
        /// Its offset.
        offset: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A message of the topic is not an event.
    #[error("kafka topic {topic}, partition {partition}, offset {offset}: {source}")]
    Decode {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// The message.
        offset: i64,
        /// What is wrong.
        source: DecodeError,
    },
    /// The topic does not hold all events of a tenant.
    #[error("kafka topic {topic}: of tenant `{tenant}` event {expected} is missing (event {found} is there)")]
    Gap {
        /// The topic.
        topic: String,
        /// The tenant.
        tenant: TenantId,
        /// `seq` of the missing event.
        expected: u64,
        /// The next `seq` that is there.
        found: u64,
    },
    /// Too much of the topic is out of order.
    #[error("kafka topic {topic}: more than {limit} events wait for an earlier one")]
    OutOfOrder {
        /// The topic.
        topic: String,
        /// How many may.
        limit: usize,
    },
    /// The topic is not there.
    #[error("there is no kafka topic {0}")]
    NoTopic(String),
    /// No answer in time.
    #[error("kafka topic {0}: no answer")]
    NoAnswer(String),
    /// The thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
}

#[cfg(test)]
mod tests;
