//! The forwarder against librdkafka's own mock brokers. (A real broker is met in the tests of the whole program.)
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tandem_core::event::{ConfigEvent, Event, PhoneAdded, TenantCreated, TenantSettings};
use tandem_core::log::kafka::{Forwarder, KafkaConfig, Replayed, replay};
use tandem_core::log::{Batch, Durability, EventLog, FileLog, LogConfig};
use tandem_core::{Envelope, Phone, TenantId, Timestamp};

const PATIENCE: Duration = Duration::from_secs(40);
const TENANTS: [&str; 3] = ["a", "b", "c"];

/// A log and how many events each tenant has in it.
struct World {
    log: FileLog,
    cluster: MockCluster<'static, DefaultProducerContext>,
    config: KafkaConfig,
    seqs: [u64; 3],
}

fn open(dir: &Path) -> FileLog {
    FileLog::open(LogConfig { segment_bytes: 64 << 10, durability: Durability::Os, ..LogConfig::new(dir) }).unwrap()
}

fn world(dir: &Path) -> World {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("tandem.events", 4, 1).unwrap();
    let mut config = KafkaConfig::new(cluster.bootstrap_servers());
    for (key, value) in [("reconnect.backoff.max.ms", "100"), ("retry.backoff.ms", "20")] {
        config.properties.insert(key.to_owned(), value.to_owned());
    }
    World { log: open(dir), cluster, config, seqs: [0; 3] }
}

impl World {
    fn write(&mut self, events: u64) {
        let mut batch = Batch::default();
        for number in 0..events {
            let place = (number % 3) as usize;
            self.seqs[place] += 1;
            let seq = self.seqs[place];
            let event: ConfigEvent = if seq == 1 {
                TenantCreated { settings: TenantSettings::named("x") }.into()
            } else {
                PhoneAdded {
                    phone: Phone {
                        user: format!("p{seq}").parse().unwrap(),
                        display_name: None,
                        max_contacts: 5,
                        srtp: Default::default(),
                    },
                }
                .into()
            };
            let envelope =
                Envelope { tenant: TenantId::new(TENANTS[place]).unwrap(), seq, time: Timestamp::default(), event: Event::Config(event) };
            batch.push(|bytes| envelope.encode(bytes));
        }
        self.log.append(&batch).unwrap();
    }

    fn forward(&self) -> Forwarder {
        Forwarder::start(&self.config, self.log.tail(), "test").unwrap()
    }

    fn end(&self) -> u64 {
        self.log.next_offset()
    }

    /// The topic holds everything, each tenant in order.
    fn check(&self) -> Replayed {
        let replayed = replay(&self.config).unwrap();
        assert_eq!(replayed.events, self.end());
        assert_eq!(replayed.out_of_order, 0);
        for (tenant, seq) in TENANTS.iter().zip(self.seqs) {
            assert_eq!(replayed.tenants[&TenantId::new(tenant).unwrap()].seq(), seq);
        }
        replayed
    }
}

fn arrives(forwarder: &Forwarder, end: u64) {
    let deadline = Instant::now() + PATIENCE;
    while forwarder.status().position < end {
        assert!(Instant::now() < deadline, "{:?}", forwarder.status());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn everything_arrives_in_order_with_its_attributes() {
    let home = tempfile::tempdir().unwrap();
    let mut world = world(home.path());
    world.write(300);
    let forwarder = world.forward();
    world.write(3_000);
    arrives(&forwarder, 3_300);
    let status = forwarder.status();
    assert_eq!((status.connected, status.lag, status.last_error, status.restarts), (true, 0, None, 0));
    forwarder.stop();
    assert_eq!(world.check().duplicates, 0);

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &world.config.bootstrap)
        .set("group.id", "look")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..4 {
        all.add_partition_offset("tandem.events", partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    // A poll that served something else than a message comes back without one.
    let message = (0..100).find_map(|_| consumer.poll(Duration::from_millis(200))).unwrap().unwrap();
    let envelope = Envelope::decode(message.payload().unwrap()).unwrap();
    assert_eq!(message.key().unwrap(), envelope.tenant.as_str().as_bytes());
    let headers: Vec<(String, String)> = message
        .headers()
        .unwrap()
        .iter()
        .map(|header| (header.key.to_owned(), String::from_utf8(header.value.unwrap().to_vec()).unwrap()))
        .collect();
    let expected = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("{}/{}", envelope.tenant, envelope.seq)),
        ("ce_source", "/tandem/test".to_owned()),
        ("ce_type", envelope.event.kind().to_owned()),
        ("ce_time", envelope.time.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    assert_eq!(headers, expected.map(|(key, value)| (key.to_owned(), value)));
}

#[test]
fn a_broker_that_is_absent_killed_and_back_gets_everything_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut world = world(home.path());
    world.cluster.broker_down(1).unwrap();
    let forwarder = world.forward();
    world.write(300);
    thread::sleep(Duration::from_millis(300));
    let status = forwarder.status();
    assert!(!status.connected && status.lag == 300, "{status:?}");
    world.cluster.broker_up(1).unwrap();
    arrives(&forwarder, 300);

    for round in 0..3 {
        world.write(600);
        if round == 1 {
            world.cluster.broker_down(1).unwrap();
            world.write(600);
            thread::sleep(Duration::from_millis(2_500));
            world.cluster.broker_up(1).unwrap();
        }
        world.cluster.broker_down(1).unwrap();
        thread::sleep(Duration::from_millis(50));
        world.write(30);
        world.cluster.broker_up(1).unwrap();
    }
    arrives(&forwarder, world.end());
    forwarder.stop();
    world.check();
}

#[test]
fn a_broker_that_refuses_for_a_while_gets_everything_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut world = world(home.path());
    world.write(30);
    let forwarder = world.forward();
    arrives(&forwarder, 30);
    let (again, fatal) =
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    for error in [again, fatal] {
        world.cluster.request_errors(RDKafkaApiKey::Produce, &[error; 3]);
        for _ in 0..10 {
            world.write(90);
            thread::sleep(Duration::from_millis(10));
        }
        arrives(&forwarder, world.end());
    }
    assert!(forwarder.status().restarts > 0, "no record was ever refused for good: {:?}", forwarder.status());
    forwarder.stop();
    world.check();
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let home = tempfile::tempdir().unwrap();
    let mut world = world(home.path());
    world.write(300);
    let forwarder = world.forward();
    arrives(&forwarder, 300);
    forwarder.stop();
    world.write(90);
    let forwarder = world.forward();
    arrives(&forwarder, 390);
    assert_eq!(forwarder.status().delivered, 90);
    forwarder.stop();
    assert_eq!(world.check().duplicates, 0);

    // After a crash the stored position may lie a little behind: what is sent again is known by its id.
    std::fs::write(home.path().join("kafka.position"), br#"{"topic":"tandem.events","offset":100}"#).unwrap();
    let forwarder = world.forward();
    arrives(&forwarder, 390);
    forwarder.stop();
    assert_eq!(world.check().duplicates, 290);
}

#[test]
fn settings_that_this_build_cannot_follow_are_refused_at_the_start() {
    let home = tempfile::tempdir().unwrap();
    let mut world = world(home.path());
    world.config.properties.insert("security.protocol".to_owned(), "ssl".to_owned());
    let error = Forwarder::start(&world.config, world.log.tail(), "test").map(drop).unwrap_err().to_string();
    assert!(error.contains("security.protocol"), "{error}");
    world.config.properties.clear();
    world.config.properties.insert("no.such.property".to_owned(), "1".to_owned());
    assert!(Forwarder::start(&world.config, world.log.tail(), "test").is_err());
}
