//! The thread that brings the log to Kafka.
//!
//! It hands records to librdkafka in the order of the log and remembers which were acknowledged. The stored position is
//! the first offset that is not: never beyond the last contiguous acknowledgement. Whatever goes wrong (a record is
//! refused, the producer ends in a fatal error), it throws the producer away with all that is in flight and begins
//! again from there. So no later record of a tenant can be in the topic while an earlier one is missing for good.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Statistics};
use serde::Deserialize;

use super::limits::{FIRST_PAUSE, FLUSH, IN_FLIGHT_KIB, IN_FLIGHT_RECORDS, LONGEST_PAUSE, STORE_EVERY};
use super::position::Position;
use super::{KafkaConfig, KafkaLogError};
use crate::log::{Consumer, LogTail, Offset};

/// How forwarding is going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// A broker answers.
    pub connected: bool,
    /// Everything before it is in Kafka.
    pub position: Offset,
    /// Records in the log that are not known to be in Kafka.
    pub lag: u64,
    /// What went wrong last, since it last went well.
    pub last_error: Option<String>,
    /// Records acknowledged since the start; one that was sent again counts again.
    pub delivered: u64,
    /// Times that it began again from the last acknowledged record.
    pub restarts: u64,
}

/// What the thread, librdkafka's callbacks and whoever asks for the status share.
#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    connected: AtomicBool,
    position: AtomicU64,
    delivered: AtomicU64,
    restarts: AtomicU64,
    last_error: Mutex<Option<String>>,
    sleep: (Mutex<()>, Condvar),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn note(&self, error: Option<String>) {
        *lock(&self.last_error) = error;
    }

    fn connected(&self, yes: bool) {
        self.connected.store(yes, Ordering::Relaxed);
        metrics::gauge!("tandem_kafka_connected").set(f64::from(u8::from(yes)));
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Sleeps unless it is time to stop.
    fn pause(&self, span: Duration) {
        let guard = lock(&self.sleep.0);
        let waited = self.sleep.1.wait_timeout_while(guard, span, |()| !self.stopping());
        drop(waited);
    }
}

/// A running forwarder.
pub struct Forwarder {
    shared: Arc<Shared>,
    tail: LogTail,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder").field("status", &self.status()).finish()
    }
}

impl Forwarder {
    /// Begins to forward from the stored position. Checks the settings, but waits for no broker. Until it is stopped,
    /// retention leaves what it has not delivered.
    pub fn start(config: &KafkaConfig, tail: LogTail, node: &str) -> Result<Forwarder, KafkaLogError> {
        let shared = Arc::new(Shared::default());
        let position = Position::open(tail.dir(), &config.topic)?;
        let from = first_wanted(&tail, position.stored())?;
        shared.position.store(from, Ordering::Release);
        // A wrong setting shows now, not on a thread.
        drop(producer(config, Deliveries::new(from, &shared))?);
        let worker = Worker {
            consumer: tail.consumer("kafka", from),
            config: config.clone(),
            source: format!("/tandem/{node}"),
            tail: tail.clone(),
            position,
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new().name("tandem-kafka".to_owned()).spawn(move || worker.run()).map_err(KafkaLogError::Thread)?;
        Ok(Forwarder { shared, tail, thread: Some(thread) })
    }

    /// How it is going.
    pub fn status(&self) -> Status {
        let position = self.shared.position.load(Ordering::Acquire);
        Status {
            connected: self.shared.connected.load(Ordering::Relaxed),
            position,
            lag: self.tail.end().unwrap_or(position).saturating_sub(position),
            last_error: lock(&self.shared.last_error).clone(),
            delivered: self.shared.delivered.load(Ordering::Relaxed),
            restarts: self.shared.restarts.load(Ordering::Relaxed),
        }
    }

    /// Waits a few seconds for what is in flight, stores the position, ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        {
            let _guard = lock(&self.shared.sleep.0);
            self.shared.sleep.1.notify_all();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where to begin: the stored position, moved to what the log has.
fn first_wanted(tail: &LogTail, stored: Option<Offset>) -> Result<Offset, KafkaLogError> {
    let (first, end) = (tail.first()?, tail.end()?);
    let wanted = stored.unwrap_or(first);
    if wanted < first {
        tracing::error!(wanted, first, "kafka: events before the log's begin were removed before they were forwarded");
    }
    if wanted > end {
        tracing::error!(wanted, end, "kafka: the log has lost events that were forwarded already");
    }
    Ok(wanted.clamp(first, end.max(first)))
}

/// Which records are acknowledged, from the first that is not.
struct Window {
    base: Offset,
    done: VecDeque<bool>,
    failed: Option<(Offset, String)>,
}

/// Receives librdkafka's reports. Called from `poll`, that is, on the forwarder's own thread.
struct Deliveries {
    window: Mutex<Window>,
    shared: Arc<Shared>,
}

impl Deliveries {
    fn new(base: Offset, shared: &Arc<Shared>) -> Deliveries {
        Deliveries { window: Mutex::new(Window { base, done: VecDeque::new(), failed: None }), shared: Arc::clone(shared) }
    }

    fn sent(&self) {
        lock(&self.window).done.push_back(false);
    }

    fn in_flight(&self) -> usize {
        lock(&self.window).done.len()
    }

    fn acknowledged(&self) -> Offset {
        lock(&self.window).base
    }

    fn failure(&self) -> Option<(Offset, String)> {
        lock(&self.window).failed.clone()
    }
}

impl ClientContext for Deliveries {
    fn stats(&self, statistics: Statistics) {
        self.shared.connected(statistics.brokers.values().any(|broker| broker.state == "UP"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure)) {
            self.shared.connected(false);
        }
        self.shared.note(Some(format!("{error}: {reason}")));
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, offset: usize) {
        let offset = offset as Offset;
        let mut window = lock(&self.window);
        match result {
            Ok(_) => {
                let place = usize::try_from(offset.wrapping_sub(window.base)).ok();
                if let Some(done) = place.and_then(|place| window.done.get_mut(place)) {
                    *done = true;
                }
                while window.done.front() == Some(&true) {
                    window.done.pop_front();
                    window.base += 1;
                }
                self.shared.delivered.fetch_add(1, Ordering::Relaxed);
                self.shared.position.store(window.base, Ordering::Release);
                if window.failed.is_none() {
                    self.shared.connected(true);
                    self.shared.note(None);
                }
            }
            Err((error, _)) => {
                window.failed.get_or_insert((offset, error.to_string()));
            }
        }
    }
}

fn producer(config: &KafkaConfig, deliveries: Deliveries) -> Result<BaseProducer<Deliveries>, KafkaError> {
    let defaults = [
        ("linger.ms", "5".to_owned()),
        ("compression.type", "lz4".to_owned()),
        ("queue.buffering.max.messages", IN_FLIGHT_RECORDS.to_string()),
        ("queue.buffering.max.kbytes", IN_FLIGHT_KIB.to_string()),
        ("statistics.interval.ms", "1000".to_owned()),
        ("reconnect.backoff.max.ms", "2000".to_owned()),
        ("client.id", "tandem".to_owned()),
    ];
    // A record never expires: librdkafka would send those behind it all the same, and a tenant's events would stand in the
    // topic before an earlier one. It is tried until the broker takes it or refuses it; then the gapless guarantee ends the
    // producer, and we begin anew from the gap.
    // A record may be as large as the log takes, plus its key and headers.
    let fixed = [
        ("enable.idempotence", "true"),
        ("enable.gapless.guarantee", "true"),
        ("message.timeout.ms", "0"),
        ("acks", "all"),
        ("message.max.bytes", "2000000"),
    ];
    config.client(&defaults, &fixed).create_with_context(deliveries)
}

/// What the headers say.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    tenant: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

impl Head<'_> {
    fn headers(&self, source: &str) -> OwnedHeaders {
        let id = format!("{}/{}", self.tenant, self.seq);
        let all: [(&str, &str); 6] = [
            ("ce_specversion", "1.0"),
            ("ce_id", &id),
            ("ce_source", source),
            ("ce_type", &self.kind),
            ("ce_time", &self.time),
            ("content-type", "application/json"),
        ];
        all.into_iter()
            .fold(OwnedHeaders::new_with_capacity(all.len()), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
    }
}

struct Worker {
    config: KafkaConfig,
    source: String,
    tail: LogTail,
    position: Position,
    consumer: Option<Consumer>,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.shared.stopping() {
            let before = self.shared.position.load(Ordering::Acquire);
            let Err(error) = self.session(before) else { break };
            let reached = self.shared.position.load(Ordering::Acquire);
            tracing::warn!(position = reached, "forwarding begins again from the last acknowledged record: {error}");
            self.shared.note(Some(error.to_string()));
            self.shared.connected(false);
            self.shared.restarts.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("tandem_kafka_restarts_total").increment(1);
            pause = if reached > before { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            self.shared.pause(pause);
        }
    }

    /// One producer's life. Ends well only if it is to stop.
    fn session(&mut self, from: Offset) -> Result<(), KafkaLogError> {
        let producer = producer(&self.config, Deliveries::new(from, &self.shared))?;
        let outcome = self.forward(&producer, from);
        if outcome.is_ok() {
            let _ = producer.flush(FLUSH);
        }
        // Purges what is left; its reports change nothing that counts as acknowledged.
        let acknowledged = producer.context().acknowledged();
        drop(producer);
        self.store(acknowledged)?;
        outcome
    }

    fn forward(&mut self, producer: &BaseProducer<Deliveries>, from: Offset) -> Result<(), KafkaLogError> {
        let tail = self.tail.clone();
        let mut reader = tail.reader(from);
        let deliveries = Arc::clone(producer.context());
        let mut stored = Instant::now();
        while !self.shared.stopping() {
            producer.poll(Duration::ZERO);
            check(producer, &deliveries)?;
            if stored.elapsed() >= STORE_EVERY {
                stored = Instant::now();
                self.store(deliveries.acknowledged())?;
            }
            let Some(record) = reader.next()? else {
                if deliveries.in_flight() > 0 {
                    producer.poll(Duration::from_millis(20));
                } else {
                    self.store(deliveries.acknowledged())?;
                    reader.wait(Duration::from_millis(200));
                }
                continue;
            };
            let head: Head<'_> =
                serde_json::from_slice(record.body).map_err(|source| KafkaLogError::NotAnEvent { offset: record.offset, source })?;
            let message = BaseRecord::with_opaque_to(&self.config.topic, record.offset as usize)
                .key(head.tenant.as_bytes())
                .payload(record.body)
                .headers(head.headers(&self.source));
            if !self.send(producer, &deliveries, message)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands one record over, waiting while librdkafka's queue is full; false if it is time to stop.
    fn send(
        &self,
        producer: &BaseProducer<Deliveries>,
        deliveries: &Deliveries,
        message: BaseRecord<'_, [u8], [u8], usize>,
    ) -> Result<bool, KafkaLogError> {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            match producer.send(message) {
                Ok(()) => deliveries.sent(),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), message)) => {
                    if self.shared.stopping() {
                        return Ok(false);
                    }
                    producer.poll(Duration::from_millis(50));
                    check(producer, deliveries)?;
                    next = Some(message);
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn store(&mut self, acknowledged: Offset) -> Result<(), KafkaLogError> {
        self.position.store(acknowledged)?;
        if let Some(consumer) = &self.consumer {
            consumer.advance(acknowledged);
        }
        metrics::gauge!("tandem_kafka_position").set(acknowledged as f64);
        metrics::gauge!("tandem_kafka_lag_records").set(self.tail.end().unwrap_or(acknowledged).saturating_sub(acknowledged) as f64);
        Ok(())
    }
}

/// Ends the session if a record was given up or the producer is beyond help.
fn check(producer: &BaseProducer<Deliveries>, deliveries: &Deliveries) -> Result<(), KafkaLogError> {
    if let Some((offset, what)) = deliveries.failure() {
        return Err(KafkaLogError::NotDelivered { offset, what });
    }
    if let Some((code, what)) = producer.client().fatal_error() {
        return Err(KafkaLogError::NotDelivered { offset: deliveries.acknowledged(), what: format!("{code}: {what}") });
    }
    Ok(())
}
