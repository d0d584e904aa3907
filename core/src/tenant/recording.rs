//! Recording calls: by rule and by wish.

use smol_str::SmolStr;

use super::{DONE, Desk, Outcome, Tenant, not_built};
use crate::agent::WorkNumber;
use crate::id::{CallId, RecordingId};

/// A recording as it lies on disk.
pub(super) struct RecordingOnDisk {
    pub(super) recording: RecordingId,
    pub(super) duration_ms: u64,
    pub(super) bytes: u64,
    pub(super) path: SmolStr,
}

impl Tenant {
    /// Records the talking call.
    pub(super) fn start_recording(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("start_recording")
    }

    /// Leaves a gap.
    pub(super) fn pause_recording(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("pause_recording")
    }

    /// Goes on after a gap.
    pub(super) fn resume_recording(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("resume_recording")
    }

    /// Ends it.
    pub(super) fn stop_recording(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("stop_recording")
    }

    /// An agent talks in a call: its queue may want it recorded.
    pub(super) fn record_by_rule(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The switch has begun a recording.
    pub(super) fn recording_started(&mut self, _desk: &mut Desk<'_>, _recording: RecordingId) -> Outcome {
        DONE
    }

    /// A recording could not begin, or broke off.
    pub(super) fn recording_failed(&mut self, _desk: &mut Desk<'_>, _recording: RecordingId, _reason: SmolStr) -> Outcome {
        DONE
    }

    /// A recording is complete on disk.
    pub(super) fn recording_ended(&mut self, _desk: &mut Desk<'_>, _ended: RecordingOnDisk) -> Outcome {
        DONE
    }
}
