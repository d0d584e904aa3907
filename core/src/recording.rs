//! Recordings of calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As what a recording is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingFormat {
    /// Two channels of 16-bit samples at 8 kHz: left the customer, right the agents.
    #[default]
    Wav,
    /// The same as Ogg Opus.
    Opus,
}

impl RecordingFormat {
    /// File extension.
    pub fn extension(self) -> &'static str {
        match self {
            RecordingFormat::Wav => "wav",
            RecordingFormat::Opus => "opus",
        }
    }
}

/// Why a recording is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingPurpose {
    /// The queue or the tenant wants calls recorded.
    Rule,
    /// An agent or a supervisor asked for it.
    Asked,
    /// A caller leaves a message.
    Voicemail,
}
