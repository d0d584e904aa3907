//! How far Kafka has everything: one small file beside the segments, replaced as a whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::KafkaLogError;
use crate::log::{Offset, segment};

#[derive(Serialize, Deserialize)]
struct Content {
    topic: String,
    offset: Offset,
}

/// The stored position of one topic.
pub(super) struct Position {
    path: PathBuf,
    topic: String,
    stored: Option<Offset>,
}

impl Position {
    /// Reads it; another topic's position counts as none.
    pub(super) fn open(log_dir: &Path, topic: &str) -> Result<Position, KafkaLogError> {
        let path = log_dir.join("kafka.position");
        let stored = match fs::read(&path) {
            Ok(bytes) => {
                let content: Content =
                    serde_json::from_slice(&bytes).map_err(|e| KafkaLogError::Position { path: path.clone(), what: e.to_string() })?;
                (content.topic == topic).then_some(content.offset)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(KafkaLogError::Position { path, what: e.to_string() }),
        };
        Ok(Position { path, topic: topic.to_owned(), stored })
    }

    pub(super) fn stored(&self) -> Option<Offset> {
        self.stored
    }

    /// Everything before `offset` is in Kafka.
    pub(super) fn store(&mut self, offset: Offset) -> Result<(), KafkaLogError> {
        if self.stored == Some(offset) {
            return Ok(());
        }
        let wrong = |what: String| KafkaLogError::Position { path: self.path.clone(), what };
        let temporary = self.path.with_extension("position.tmp");
        let bytes = serde_json::to_vec(&Content { topic: self.topic.clone(), offset }).map_err(|e| wrong(e.to_string()))?;
        let attempt = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)
        };
        attempt().map_err(|e| wrong(e.to_string()))?;
        if let Some(dir) = self.path.parent() {
            segment::sync_dir(dir)?;
        }
        self.stored = Some(offset);
        Ok(())
    }
}
