//! The recorder's thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use smol_str::SmolStr;
use tandem_core::recording::RecordingFormat;
use tandem_core::{LegId, RecordingId};

use super::place::Placer;
use super::recording::Recording;
use super::tap::{TapQueue, Voice};
use crate::audio::record::{Channel, FileError, Recovered, recover};
use crate::rtp::config::MediaError;
use crate::rtp::limits;
use crate::rtp::report::{Report, ReportSink};

/// What is to become of a recording.
#[derive(Debug)]
pub(crate) enum What {
    Start { path: SmolStr, format: RecordingFormat, left: Vec<LegId>, right: Vec<LegId> },
    Sources { left: Vec<LegId>, right: Vec<LegId> },
    Pause,
    Resume,
    Stop,
}

/// An order, with the moment at which it was given: sound that waits in a queue still falls on the right side of it.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) recording: RecordingId,
    pub(crate) at: Instant,
    pub(crate) what: What,
}

/// The plane's end. Dropping it ends every recording properly.
pub(crate) struct Recorder {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread: it first makes whole what a crash left in `root`.
    pub(crate) fn start(root: PathBuf, epoch: Instant, taps: Vec<TapQueue>, sink: Arc<dyn ReportSink>) -> std::io::Result<Recorder> {
        // Room for the end of every recording beyond the orders that may wait.
        let (sender, orders) = bounded(limits::RECORD_ORDERS + limits::RECORDINGS);
        let desk = Desk::new(root, epoch, taps, sink);
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || desk.run(&orders))?;
        Ok(Recorder { orders: Some(sender), thread: Some(thread) })
    }

    /// Gives an order. A [`What::Stop`] is always taken.
    pub(crate) fn order(&self, order: Order) -> Result<(), MediaError> {
        let orders = self.orders.as_ref().ok_or(MediaError::NoRecorder)?;
        if !matches!(order.what, What::Stop) && orders.len() >= limits::RECORD_ORDERS {
            return Err(MediaError::RecorderBusy);
        }
        orders.try_send(order).map_err(|_| MediaError::RecorderBusy)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recorder ended by panic");
        }
    }
}

/// What the thread owns.
pub(super) struct Desk {
    root: PathBuf,
    epoch: Instant,
    taps: Vec<TapQueue>,
    sink: Arc<dyn ReportSink>,
    recordings: FxHashMap<RecordingId, Under>,
    sources: FxHashMap<LegId, Source>,
}

/// A recording under way.
struct Under {
    recording: Recording,
    path: SmolStr,
}

/// A leg that is recorded.
#[derive(Default)]
struct Source {
    placer: Placer,
    uses: SmallVec<[(RecordingId, Channel); 2]>,
}

impl Desk {
    pub(super) fn new(root: PathBuf, epoch: Instant, taps: Vec<TapQueue>, sink: Arc<dyn ReportSink>) -> Desk {
        Desk { root, epoch, taps, sink, recordings: FxHashMap::default(), sources: FxHashMap::default() }
    }

    fn run(mut self, orders: &Receiver<Order>) {
        self.recover();
        loop {
            let idle = self.recordings.is_empty();
            let first =
                if idle { orders.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { orders.recv_timeout(limits::RECORD_TURN) };
            self.take_voices();
            match first {
                Ok(order) => {
                    self.carry_out(order);
                    for order in orders.try_iter().take(limits::RECORD_ORDERS) {
                        self.carry_out(order);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.advance(Instant::now());
        }
        let open: Vec<RecordingId> = self.recordings.keys().copied().collect();
        open.into_iter().for_each(|recording| self.finish(recording, self.micros(Instant::now())));
    }

    fn recover(&mut self) {
        let sink = Arc::clone(&self.sink);
        let found = recover(&self.root, |Recovered { recording, path, result }| {
            let path = SmolStr::new(path);
            sink.report(match result {
                Ok(finished) => {
                    tracing::info!(%recording, %path, duration_ms = finished.duration_ms, "a recording that a crash cut off is whole again");
                    Report::RecordingEnded { recording, path, duration_ms: finished.duration_ms, bytes: finished.bytes }
                }
                Err(reason) => Report::RecordingFailed { recording, path, reason },
            });
        });
        if let Err(error) = found {
            tracing::error!(folder = %self.root.display(), %error, "recordings of before could not be looked through");
        }
    }

    /// Takes what the workers have handed on, a turn's worth: more comes while we work.
    pub(super) fn take_voices(&mut self) {
        for place in 0..self.taps.len() {
            for _ in 0..limits::TAP_QUEUE {
                let Some(voice) = self.taps.get(place).and_then(TapQueue::next) else { break };
                self.voice(&voice);
            }
            let dropped = self.taps.get(place).map_or(0, TapQueue::take_dropped);
            if dropped > 0 {
                metrics::counter!("tandem_recording_packets_dropped_total").increment(dropped);
                tracing::warn!(dropped, "packets were not recorded: the recorder is behind");
            }
        }
    }

    fn voice(&mut self, voice: &Voice) {
        let Some(source) = self.sources.get_mut(&voice.leg) else { return };
        // A codec without a decoder here is silent; G.711 is all that legs have today.
        let Some(law) = voice.coding.law() else { return };
        let mut samples = [0i16; limits::TAP_PAYLOAD];
        let length = law.decode_into(voice.payload(), &mut samples);
        let Some(position) = source.placer.place(voice, length) else { return };
        let samples = samples.get(..length).unwrap_or_default();
        let mut failed: SmallVec<[(RecordingId, FileError); 2]> = SmallVec::new();
        for (recording, channel) in &source.uses {
            let Some(under) = self.recordings.get_mut(recording) else { continue };
            if let Err(error) = under.recording.voice(*channel, voice.at, position, samples) {
                failed.push((*recording, error));
            }
        }
        failed.into_iter().for_each(|(recording, error)| self.fail(recording, &error));
    }

    pub(super) fn carry_out(&mut self, order: Order) {
        let (recording, at) = (order.recording, self.micros(order.at));
        match order.what {
            What::Start { path, format, left, right } => self.start(recording, path, format, at, &left, &right),
            What::Sources { left, right } => self.set_sources(recording, &left, &right),
            What::Pause => {
                let paused = self.recordings.get_mut(&recording).map(|under| under.recording.pause(at));
                if let Some(Err(error)) = paused {
                    self.fail(recording, &error);
                }
            }
            What::Resume => {
                if let Some(under) = self.recordings.get_mut(&recording) {
                    under.recording.resume(at);
                }
            }
            What::Stop => self.finish(recording, at),
        }
    }

    fn start(&mut self, recording: RecordingId, path: SmolStr, format: RecordingFormat, at: u64, left: &[LegId], right: &[LegId]) {
        if self.recordings.contains_key(&recording) {
            return;
        }
        match Recording::begin(&self.root, &path, format, recording, at) {
            Ok(begun) => {
                self.recordings.insert(recording, Under { recording: begun, path: path.clone() });
                self.set_sources(recording, left, right);
                self.sink.report(Report::RecordingStarted { recording, path });
            }
            Err(error) => self.report_failure(recording, path, &error),
        }
    }

    fn set_sources(&mut self, recording: RecordingId, left: &[LegId], right: &[LegId]) {
        self.forget_sources(recording);
        if !self.recordings.contains_key(&recording) {
            return;
        }
        for (legs, channel) in [(left, Channel::Left), (right, Channel::Right)] {
            for leg in legs {
                self.sources.entry(*leg).or_default().uses.push((recording, channel));
            }
        }
        self.sources.retain(|_, source| !source.uses.is_empty());
    }

    /// Takes its legs from a recording. A leg without one is kept until the next change, so that it keeps its place in time.
    fn forget_sources(&mut self, recording: RecordingId) {
        self.sources.values_mut().for_each(|source| source.uses.retain(|(other, _)| *other != recording));
    }

    /// Samples per channel in all files that are under way.
    pub(super) fn written(&self) -> u64 {
        self.recordings.values().map(|under| under.recording.written()).sum()
    }

    pub(super) fn advance(&mut self, now: Instant) {
        let now = self.micros(now);
        let mut failed = Vec::new();
        let mut full = Vec::new();
        for (recording, under) in &mut self.recordings {
            match under.recording.advance(now) {
                Ok(false) => {}
                Ok(true) => full.push(*recording),
                Err(error) => failed.push((*recording, error)),
            }
        }
        failed.into_iter().for_each(|(recording, error)| self.fail(recording, &error));
        full.into_iter().for_each(|recording| self.finish(recording, now));
    }

    fn finish(&mut self, recording: RecordingId, at: u64) {
        let Some(under) = self.remove(recording) else { return };
        match under.recording.finish(at) {
            Ok(finished) => self.sink.report(Report::RecordingEnded {
                recording,
                path: SmolStr::new(finished.path),
                duration_ms: finished.duration_ms,
                bytes: finished.bytes,
            }),
            Err(error) => self.report_failure(recording, under.path, &error),
        }
    }

    /// Gives a recording up. What it has written stays as a part, which the next start makes whole.
    fn fail(&mut self, recording: RecordingId, error: &FileError) {
        if let Some(under) = self.remove(recording) {
            self.report_failure(recording, under.path, error);
        }
    }

    fn remove(&mut self, recording: RecordingId) -> Option<Under> {
        self.forget_sources(recording);
        self.sources.retain(|_, source| !source.uses.is_empty());
        self.recordings.remove(&recording)
    }

    fn report_failure(&self, recording: RecordingId, path: SmolStr, error: &FileError) {
        tracing::error!(%recording, %error, "a recording failed");
        self.sink.report(Report::RecordingFailed { recording, path, reason: error.to_string() });
    }

    fn micros(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_micros() as u64
    }
}
