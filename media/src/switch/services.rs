//! Sound and recordings: names and paths of a tenant lie in a folder of its own, and come back without it.

use smol_str::SmolStr;
use tandem_core::{Audio, Command, LegId, RecordingId, TenantId};

use super::desk::Desk;
use crate::rtp::{MediaError, RecordingPlan};

impl Desk {
    pub(super) fn let_hear(&mut self, tenant: &TenantId, leg: LegId, audio: Audio) {
        let audio = match audio {
            Audio::Prompt { name, repeat } => Audio::Prompt { name: below(tenant, &name), repeat },
            Audio::Sequence { names, repeat } => Audio::Sequence { names: names.iter().map(|name| below(tenant, name)).collect(), repeat },
            Audio::Music { name } => Audio::Music { name: below(tenant, &name) },
            Audio::Recording { path, from_ms } => Audio::Recording { path: below(tenant, &path), from_ms },
            other => other,
        };
        match self.media.hear(leg, audio) {
            Ok(()) => {}
            // Nobody may wait for the end of what never begins.
            Err(error @ (MediaError::Prompt { .. } | MediaError::NoRecorder)) => {
                self.tell(leg, Command::PromptFailed { leg, reason: SmolStr::new(error.to_string()) });
            }
            Err(error) => tracing::debug!(%leg, %error, "a leg can't hear what it should"),
        }
    }

    pub(super) fn start_recording(&mut self, tenant: &TenantId, recording: RecordingId, plan: RecordingPlan) {
        let plan = RecordingPlan { path: below(tenant, &plan.path), ..plan };
        if let Err(error) = self.media.start_recording(recording, plan) {
            tracing::warn!(%recording, %error, "a recording can't begin");
            self.post.send(tenant, Command::RecordingFailed { recording, reason: SmolStr::new(error.to_string()) });
        }
    }

    /// Tells the tenant in whose folder `path` lies, in terms of its own.
    pub(super) fn tell_owner(&mut self, path: &str, command: impl FnOnce(&str) -> Command) {
        let owner = path.split_once('/').and_then(|(tenant, rest)| Some((TenantId::new(tenant).ok()?, rest)));
        match owner {
            Some((tenant, rest)) => self.post.send(&tenant, command(rest)),
            None => tracing::warn!(path, "a recording that belongs to no tenant"),
        }
    }
}

fn below(tenant: &TenantId, name: &str) -> SmolStr {
    SmolStr::new(format!("{tenant}/{name}"))
}

/// An order about a recording that ended by itself meanwhile comes late, which is no fault.
pub(super) fn note(recording: RecordingId, done: Result<(), MediaError>) {
    match done {
        Ok(()) => {}
        Err(MediaError::NoSuchRecording(_)) => tracing::debug!(%recording, "an order for a recording that is over"),
        Err(error) => tracing::warn!(%recording, %error, "a recording can't be changed"),
    }
}
