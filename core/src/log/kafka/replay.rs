//! Tenants from the topic alone.

use std::collections::BTreeMap;
use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::limits::{OUT_OF_ORDER, REPLAY_PATIENCE};
use super::{KafkaConfig, KafkaLogError};
use crate::event::Envelope;
use crate::id::TenantId;
use crate::tenant::Tenant;

/// What the topic says.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Every tenant, as its events say.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// Events applied.
    pub events: u64,
    /// Messages that came again.
    pub duplicates: u64,
    /// Messages that came before an earlier one of their tenant; only in a topic whose partitions were added to.
    pub out_of_order: u64,
}

/// Events by tenant, put in order.
#[derive(Default)]
pub(super) struct Fold {
    replayed: Replayed,
    early: BTreeMap<(TenantId, u64), Envelope>,
}

impl Fold {
    /// Takes an event in; false if too many wait for an earlier one.
    pub(super) fn take(&mut self, envelope: Envelope) -> bool {
        let tenant = self.replayed.tenants.entry(envelope.tenant.clone()).or_insert_with(|| Tenant::new(envelope.tenant.clone()));
        if envelope.seq <= tenant.seq() {
            self.replayed.duplicates += 1;
            return true;
        }
        if envelope.seq > tenant.seq() + 1 {
            let place = (envelope.tenant.clone(), envelope.seq);
            match self.early.insert(place, envelope) {
                Some(_) => self.replayed.duplicates += 1,
                None => self.replayed.out_of_order += 1,
            }
            return self.early.len() <= OUT_OF_ORDER;
        }
        let mut next = Some(envelope);
        while let Some(envelope) = next {
            tenant.apply(&envelope);
            self.replayed.events += 1;
            next = if self.early.is_empty() { None } else { self.early.remove(&(envelope.tenant, envelope.seq + 1)) };
        }
        true
    }

    /// All events, if none is missing.
    pub(super) fn finish(self, topic: &str) -> Result<Replayed, KafkaLogError> {
        let Some(((tenant, found), _)) = self.early.into_iter().next() else { return Ok(self.replayed) };
        let expected = self.replayed.tenants.get(&tenant).map_or(0, Tenant::seq) + 1;
        Err(KafkaLogError::Gap { topic: topic.to_owned(), tenant, expected, found })
    }
}

/// Reads the whole topic up to its end as it is now, passes over what came twice, checks that nothing is missing.
pub fn replay(config: &KafkaConfig) -> Result<Replayed, KafkaLogError> {
    let defaults = [("client.id", "tandem-replay".to_owned()), ("group.id", "tandem-replay".to_owned())];
    let fixed = [("enable.auto.commit", "false"), ("enable.partition.eof", "true"), ("allow.auto.create.topics", "false")];
    let consumer: BaseConsumer = config.client(&defaults, &fixed).create()?;
    let topic = config.topic.as_str();
    let metadata = consumer.fetch_metadata(Some(topic), REPLAY_PATIENCE)?;
    let partitions: Vec<i32> = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
    if partitions.is_empty() {
        return Err(KafkaLogError::NoTopic(topic.to_owned()));
    }
    let mut all = TopicPartitionList::new();
    for partition in &partitions {
        all.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;

    let mut fold = Fold::default();
    let mut open = partitions;
    let mut heard = Instant::now();
    while !open.is_empty() {
        match consumer.poll(std::time::Duration::from_millis(500)) {
            None if heard.elapsed() > REPLAY_PATIENCE => return Err(KafkaLogError::NoAnswer(topic.to_owned())),
            None => continue,
            Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|other| *other != partition),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(message)) => {
                let decoded = Envelope::decode(message.payload().unwrap_or_default());
                let envelope = decoded.map_err(|source| KafkaLogError::Decode {
                    topic: topic.to_owned(),
                    partition: message.partition(),
                    offset: message.offset(),
                    source,
                })?;
                if !fold.take(envelope) {
                    return Err(KafkaLogError::OutOfOrder { topic: topic.to_owned(), limit: OUT_OF_ORDER });
                }
            }
        }
        heard = Instant::now();
    }
    fold.finish(topic)
}
