//! Recordings as the plane's owner orders them: which legs are tapped follows from which recordings want them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tandem_core::recording::RecordingFormat;
use tandem_core::{LegId, RecordingId};

use super::config::MediaError;
use super::limits;
use super::plane::MediaPlane;
use super::record::{Order, Recorder, TapQueue, What};
use super::report::ReportSink;

/// What to record, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingPlan {
    /// Path below the folder of recordings, without extension.
    pub path: SmolStr,
    /// Kind of file.
    pub format: RecordingFormat,
    /// Legs whose voices are added up on the left channel: the customer.
    pub left: Vec<LegId>,
    /// Legs on the right channel: agents.
    pub right: Vec<LegId>,
}

/// What the plane knows about recordings.
#[derive(Default)]
pub(super) struct Recordings {
    recorder: Option<Recorder>,
    under_way: FxHashMap<RecordingId, Vec<LegId>>,
    /// In how many recordings a leg is.
    wanted: FxHashMap<LegId, usize>,
}

impl Recordings {
    pub(super) fn start(&mut self, root: PathBuf, epoch: Instant, taps: Vec<TapQueue>, sink: Arc<dyn ReportSink>) -> std::io::Result<()> {
        self.recorder = Some(Recorder::start(root, epoch, taps, sink)?);
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        self.recorder = None;
    }

    pub(super) fn wants(&self, leg: LegId) -> bool {
        self.wanted.contains_key(&leg)
    }

    /// The leg is gone and its id never comes again.
    pub(super) fn closed(&mut self, leg: LegId) {
        if self.wanted.remove(&leg).is_some() {
            self.under_way.values_mut().for_each(|legs| legs.retain(|other| *other != leg));
        }
    }

    fn order(&self, recording: RecordingId, what: What) -> Result<(), MediaError> {
        let recorder = self.recorder.as_ref().ok_or(MediaError::NoRecorder)?;
        recorder.order(Order { recording, at: Instant::now(), what })
    }

    /// Sets the legs of a recording; answers those whose tap opens (true) or closes (false).
    fn set(&mut self, recording: RecordingId, legs: Vec<LegId>) -> Vec<(LegId, bool)> {
        let mut changed = Vec::new();
        for leg in &legs {
            let uses = self.wanted.entry(*leg).or_default();
            *uses += 1;
            if *uses == 1 {
                changed.push((*leg, true));
            }
        }
        changed.extend(self.release(recording));
        self.under_way.insert(recording, legs);
        changed
    }

    fn release(&mut self, recording: RecordingId) -> Vec<(LegId, bool)> {
        let mut closed = Vec::new();
        for leg in self.under_way.remove(&recording).unwrap_or_default() {
            let Some(uses) = self.wanted.get_mut(&leg) else { continue };
            *uses -= 1;
            if *uses == 0 {
                self.wanted.remove(&leg);
                closed.push((leg, false));
            }
        }
        closed
    }
}

impl MediaPlane {
    /// Begins a recording. [`super::Report::RecordingStarted`] or [`super::Report::RecordingFailed`] follows. Legs may come
    /// later: one that is not open is recorded from the moment it opens.
    pub fn start_recording(&mut self, recording: RecordingId, plan: RecordingPlan) -> Result<(), MediaError> {
        if self.recordings.under_way.contains_key(&recording) {
            return Err(MediaError::AlreadyRecording(recording));
        }
        if self.recordings.under_way.len() >= limits::RECORDINGS {
            return Err(MediaError::TooManyRecordings(limits::RECORDINGS));
        }
        let legs = legs_of(&plan.left, &plan.right)?;
        let RecordingPlan { path, format, left, right } = plan;
        self.recordings.order(recording, What::Start { path, format, left, right })?;
        let changed = self.recordings.set(recording, legs);
        self.change_taps(changed)
    }

    /// Says who is on which channel from now on.
    pub fn record_sources(&mut self, recording: RecordingId, left: Vec<LegId>, right: Vec<LegId>) -> Result<(), MediaError> {
        self.known_recording(recording)?;
        let legs = legs_of(&left, &right)?;
        self.recordings.order(recording, What::Sources { left, right })?;
        let changed = self.recordings.set(recording, legs);
        self.change_taps(changed)
    }

    /// Leaves out what is said from now on: recorded time stands still.
    pub fn pause_recording(&mut self, recording: RecordingId) -> Result<(), MediaError> {
        self.known_recording(recording)?;
        self.recordings.order(recording, What::Pause)
    }

    /// Ends a pause.
    pub fn resume_recording(&mut self, recording: RecordingId) -> Result<(), MediaError> {
        self.known_recording(recording)?;
        self.recordings.order(recording, What::Resume)
    }

    /// Ends a recording; [`super::Report::RecordingEnded`] follows.
    pub fn stop_recording(&mut self, recording: RecordingId) -> Result<(), MediaError> {
        self.known_recording(recording)?;
        let ordered = self.recordings.order(recording, What::Stop);
        self.recording_over(recording);
        ordered
    }

    /// Forgets a recording that ended by itself, as its last report said.
    pub fn recording_over(&mut self, recording: RecordingId) {
        let closed = self.recordings.release(recording);
        // A worker too busy to be told goes on tapping; the recorder does not know the leg and drops what comes.
        let _ = self.change_taps(closed);
    }

    fn known_recording(&self, recording: RecordingId) -> Result<(), MediaError> {
        self.recordings.under_way.contains_key(&recording).then_some(()).ok_or(MediaError::NoSuchRecording(recording))
    }

    fn change_taps(&mut self, changed: Vec<(LegId, bool)>) -> Result<(), MediaError> {
        changed.into_iter().map(|(leg, tapped)| self.tap(leg, tapped)).fold(Ok(()), Result::and)
    }
}

/// All legs of a recording, each once.
fn legs_of(left: &[LegId], right: &[LegId]) -> Result<Vec<LegId>, MediaError> {
    let mut legs: Vec<LegId> = left.iter().chain(right).copied().collect();
    legs.sort_unstable();
    legs.dedup();
    if legs.len() > limits::RECORD_LEGS {
        return Err(MediaError::TooManySources(legs.len()));
    }
    Ok(legs)
}
