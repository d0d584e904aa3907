//! One recording: its voices on its timeline, its time without the pauses, its file.

use std::path::Path;

use tandem_core::RecordingId;
use tandem_core::recording::RecordingFormat;

use super::place::samples_at;
use crate::audio::limits;
use crate::audio::record::{Channel, FileError, Finished, RecordingFile, Timeline};

/// A recording under way. Moments are microseconds, positions are samples of the recorder's time.
pub(super) struct Recording {
    file: RecordingFile,
    timeline: Timeline,
    pending: Vec<i16>,
    /// Position of the recording's first sample; moves on by every pause.
    origin: i64,
    /// What came before this moment is none of ours.
    since: u64,
    paused: Option<u64>,
    /// Samples that came too late for their place.
    late: u64,
}

impl Recording {
    pub(super) fn begin(root: &Path, path: &str, format: RecordingFormat, recording: RecordingId, at: u64) -> Result<Recording, FileError> {
        let file = RecordingFile::create(root, path, format, recording)?;
        Ok(Recording { file, timeline: Timeline::default(), pending: Vec::new(), origin: samples_at(at), since: at, paused: None, late: 0 })
    }

    /// Adds a voice that came at `at` and belongs to `position`.
    pub(super) fn voice(&mut self, channel: Channel, at: u64, position: i64, samples: &[i16]) -> Result<(), FileError> {
        if self.paused.is_some() || at < self.since {
            return Ok(());
        }
        let position = position - self.origin;
        let end = u64::try_from(position.saturating_add(samples.len() as i64)).unwrap_or(0);
        // After a stall everything comes at once, in order: what is old enough makes room.
        if end > self.timeline.end() {
            self.write_until(end - limits::RECORD_WINDOW as u64)?;
        }
        self.late += self.timeline.add(channel, position, samples) as u64;
        Ok(())
    }

    /// Samples per channel in the file.
    pub(super) fn written(&self) -> u64 {
        self.file.samples()
    }

    /// Writes what nothing can be added to any more. Answers whether the recording is as long as one may be.
    pub(super) fn advance(&mut self, now: u64) -> Result<bool, FileError> {
        if self.paused.is_none() {
            let until = samples_at(now) - self.origin - limits::RECORD_HOLD as i64;
            self.write_until(u64::try_from(until).unwrap_or(0))?;
        }
        Ok(self.timeline.taken() >= limits::RECORD_LONGEST)
    }

    /// Leaves out what comes from now on: the file goes on with the next sound after it, without a gap.
    pub(super) fn pause(&mut self, at: u64) -> Result<(), FileError> {
        if self.paused.is_none() {
            self.write_to_end(at)?;
            self.timeline.clear();
            self.paused = Some(at);
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, at: u64) {
        if let Some(paused) = self.paused.take() {
            self.origin += samples_at(at) - samples_at(paused);
            self.since = at;
        }
    }

    pub(super) fn finish(mut self, at: u64) -> Result<Finished, FileError> {
        if self.paused.is_none() {
            self.write_to_end(at)?;
        }
        if self.late > 0 {
            metrics::counter!("tandem_recording_late_samples_total").increment(self.late);
        }
        self.flush()?;
        self.file.finish()
    }

    fn write_to_end(&mut self, at: u64) -> Result<(), FileError> {
        self.write_until(u64::try_from(samples_at(at) - self.origin).unwrap_or(0))
    }

    fn write_until(&mut self, until: u64) -> Result<(), FileError> {
        while self.timeline.taken() < until {
            self.timeline.take(until, &mut self.pending);
            if self.pending.len() >= 2 * limits::RECORD_PIECE {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), FileError> {
        if !self.pending.is_empty() {
            self.file.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }
}
