//! Kafka, as the configuration says.

use std::sync::Arc;

use tandem_core::engine::Engine;
use tandem_core::log::kafka::{Forwarder, KafkaConfig, KafkaLogError};

use crate::config::{self, Config};
use crate::http::{KafkaProbe, KafkaStatus};

/// The section in the forwarder's words.
pub(crate) fn settings(section: &config::KafkaConfig) -> KafkaConfig {
    KafkaConfig { bootstrap: section.bootstrap.clone(), topic: section.topic.clone(), properties: section.properties.clone() }
}

/// Starts forwarding if it is configured, with what asks how it is doing.
pub(crate) fn start(config: &Config, engine: &Engine) -> Result<Option<(Arc<Forwarder>, KafkaProbe)>, KafkaLogError> {
    let Some(section) = &config.kafka else { return Ok(None) };
    let forwarder = Arc::new(Forwarder::start(&settings(section), engine.log(), &config.node.name)?);
    let asked = forwarder.clone();
    let probe: KafkaProbe = Arc::new(move || status(&asked));
    Ok(Some((forwarder, probe)))
}

fn status(forwarder: &Forwarder) -> KafkaStatus {
    let status = forwarder.status();
    KafkaStatus { enabled: true, connected: status.connected, position: status.position, lag: status.lag, trouble: status.last_error }
}
