//! What is said to callers, as names of prompts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language that the built-in prompts speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Mandarin Chinese.
    Zh,
}
