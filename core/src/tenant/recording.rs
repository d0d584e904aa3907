//! Recording calls: by rule, by wish, and callers' messages.
//!
//! A recording belongs to one agent's part in one call; two agents of a call have one each. It takes the voices that
//! `voices` names and follows them; no handler says so. It ends with the part. On disk it is complete later, maybe after
//! its call is over or after a restart that repaired it: then, exactly once, `recording.ended` is written.

use smol_str::SmolStr;

use super::contact::{Recording, Stage};
use super::state::Call;
use super::voices::{Channels, Conversation};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, PartRole, WorkNumber};
use crate::effect::{Effect, TimerKey};
use crate::event as fact;
use crate::id::{CallId, RecordingId};
use crate::recording::RecordingPurpose;
use crate::time::Timestamp;

/// A recording as it lies on disk.
pub(super) struct RecordingOnDisk {
    pub(super) recording: RecordingId,
    pub(super) duration_ms: u64,
    pub(super) bytes: u64,
    pub(super) path: SmolStr,
}

/// A recording as it was before a command.
pub(super) struct Recorded {
    id: RecordingId,
    call: CallId,
    paused: bool,
    channels: Channels,
}

/// Where a recording lies, without extension: by day (UTC), then by whose it is. The id makes it unique.
fn path(now: Timestamp, whose: &str, recording: RecordingId) -> SmolStr {
    let utc = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    SmolStr::new(format!("{}/{whose}/{}-{recording}", utc.strftime("%Y%m%d"), utc.strftime("%H%M%S")))
}

impl Tenant {
    // ---- by rule and by wish --------------------------------------------------------------------------------------

    /// An agent talks in a call: its queue may want it recorded.
    pub(super) fn record_by_rule(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let Some(its) = self.call(call) else { return };
        let Some(part) = its.part(agent) else { return };
        let queue = part.queue.or(its.last_queue).and_then(|queue| self.queue(queue));
        let wanted = queue.is_some_and(|entry| entry.queue.record) && !its.recordings.iter().any(|it| it.agent == Some(agent));
        if wanted {
            self.begin_recording(desk, call, RecordingPurpose::Rule, Some(agent));
        }
    }

    pub(super) fn begin_recording(&mut self, desk: &mut Desk<'_>, call: CallId, purpose: RecordingPurpose, agent: Option<WorkNumber>) {
        let recording = desk.ids.recording();
        let queue = self.call(call).and_then(|call| call.voicemail).map_or(0, |(_, queue)| queue.get());
        let whose = agent.map_or_else(|| format!("voicemail-{queue}"), |agent| agent.to_string());
        let path = path(desk.now, &whose, recording);
        let format = self.settings().map(|settings| settings.recording_format).unwrap_or_default();
        self.emit_call(desk, call, fact::RecordingStarted { recording, purpose, agent, path, format });
    }

    /// The agent whose talk is meant and the call: one's own, or for a supervisor that of the agent it sits in with.
    fn recordable(&self, agent: WorkNumber) -> Option<(CallId, WorkNumber)> {
        let (_, id) = self.device(agent)?;
        let part = self.call(id)?.part(agent).filter(|part| matches!(part.stage, Stage::Talking | Stage::Held))?;
        match part.role {
            PartRole::Listener => None,
            PartRole::Supervisor(of) => Some((id, of)),
            _ => Some((id, agent)),
        }
    }

    fn recording_of(&self, agent: WorkNumber) -> Option<(CallId, &Recording)> {
        let (id, whose) = self.recordable(agent)?;
        Some((id, self.call(id)?.recordings.iter().find(|recording| recording.agent == Some(whose))?))
    }

    /// Records the talking call.
    pub(super) fn start_recording(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let (call, whose) = self.recordable(agent).ok_or(AgentRefusal::NoCall("record"))?;
        if self.recording_of(agent).is_some() {
            return Err(AgentRefusal::WrongRecordingState("start").into());
        }
        self.begin_recording(desk, call, RecordingPurpose::Asked, Some(whose));
        DONE
    }

    /// Leaves a gap.
    pub(super) fn pause_recording(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let running = self.recording_of(agent).filter(|(_, recording)| !recording.paused);
        let (call, recording) = running.map(|(call, it)| (call, it.id)).ok_or(AgentRefusal::WrongRecordingState("pause"))?;
        self.emit_call(desk, call, fact::RecordingPaused { recording });
        DONE
    }

    /// Goes on after a gap.
    pub(super) fn resume_recording(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let paused = self.recording_of(agent).filter(|(_, recording)| recording.paused);
        let (call, recording) = paused.map(|(call, it)| (call, it.id)).ok_or(AgentRefusal::WrongRecordingState("resume"))?;
        self.emit_call(desk, call, fact::RecordingResumed { recording });
        DONE
    }

    /// Ends it.
    pub(super) fn stop_recording(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let running = self.recording_of(agent).map(|(call, it)| (call, it.id));
        let (call, recording) = running.ok_or(AgentRefusal::WrongRecordingState("stop"))?;
        self.emit_call(desk, call, fact::RecordingStopped { recording });
        DONE
    }

    /// Recordings end with the part, or the message, that they are of.
    pub(super) fn settle_recordings(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id).filter(|call| !call.recordings.is_empty()) else { return };
        let leaves_message = self.message_leg(id, call).is_some();
        let over = |recording: &&Recording| match recording.agent {
            Some(agent) => call.part(agent).is_none(),
            None => !leaves_message,
        };
        let over: Vec<RecordingId> = call.recordings.iter().filter(over).map(|recording| recording.id).collect();
        for recording in over {
            self.emit_call(desk, id, fact::RecordingStopped { recording });
        }
    }

    // ---- what the switch says -------------------------------------------------------------------------------------

    /// The switch has begun a recording: nothing that was not known.
    #[allow(clippy::unused_self)]
    pub(super) fn recording_started(&mut self, _desk: &mut Desk<'_>, _recording: RecordingId) -> Outcome {
        DONE
    }

    /// A recording could not begin, or broke off.
    pub(super) fn recording_failed(&mut self, desk: &mut Desk<'_>, recording: RecordingId, reason: SmolStr) -> Outcome {
        let path = self.state.contact.recordings.get(&recording).map(|(_, path)| path.clone()).unwrap_or_default();
        self.recording_over(desk, RecordingOnDisk { recording, duration_ms: 0, bytes: 0, path }, Some(reason));
        DONE
    }

    /// A recording is complete on disk.
    pub(super) fn recording_ended(&mut self, desk: &mut Desk<'_>, ended: RecordingOnDisk) -> Outcome {
        self.recording_over(desk, ended, None);
        DONE
    }

    /// A recording that was ordered to end has not been heard of.
    pub(super) fn recording_lost(&mut self, desk: &mut Desk<'_>, recording: RecordingId) {
        let _ = self.recording_failed(desk, recording, SmolStr::new_static("lost"));
    }

    /// Once for each recording, whenever it comes.
    fn recording_over(&mut self, desk: &mut Desk<'_>, it: RecordingOnDisk, failed: Option<SmolStr>) {
        let recording = it.recording;
        let Some(call) = self.state.contact.recordings.get(&recording).map(|(call, _)| *call) else { return };
        let running = self.call(call).is_some_and(|call| call.recordings.iter().any(|it| it.id == recording));
        let message = self.call(call).and_then(|its| self.message_leg(call, its)).filter(|_| running);
        if !running {
            desk.cancel_timer(TimerKey::Recording(recording));
        }
        let RecordingOnDisk { duration_ms, bytes, path, .. } = it;
        self.emit_call(desk, call, fact::RecordingEnded { recording, path, duration_ms, bytes, failed });
        if let Some(leg) = message {
            self.message_broke_off(desk, call, leg);
        }
    }

    /// What a crash cut off is repaired and reported, or counts as lost.
    pub(super) fn restart_recordings(&self, desk: &mut Desk<'_>) {
        let mut open: Vec<RecordingId> = self.state.contact.recordings.keys().copied().collect();
        open.sort_unstable();
        for recording in open {
            desk.set_timer(TimerKey::Recording(recording), desk.now + limits::RECORDING_GUARD);
        }
    }

    // ---- telling the switch ---------------------------------------------------------------------------------------

    pub(super) fn note_recordings(&self, desk: &mut Desk<'_>, id: CallId, call: &Call, talk: &Conversation) {
        for recording in &call.recordings {
            let channels = self.recorded(call, talk, recording);
            desk.recorded.push(Recorded { id: recording.id, call: id, paused: recording.paused, channels });
        }
    }

    /// Orders what has changed in the recordings of the touched calls.
    pub(super) fn order_recordings(&self, desk: &mut Desk<'_>) {
        let before = std::mem::take(&mut desk.recorded);
        for id in desk.touched.clone() {
            let Some(call) = self.call(id).filter(|call| !call.recordings.is_empty()) else { continue };
            let talk = self.conversation(id, call);
            for recording in &call.recordings {
                let channels = self.recorded(call, &talk, recording);
                let was = before.iter().find(|was| was.id == recording.id);
                order_recording(desk, id, recording, channels, was);
            }
        }
        for was in before {
            let runs = self.call(was.call).is_some_and(|call| call.recordings.iter().any(|it| it.id == was.id));
            if !runs && self.state.contact.recordings.contains_key(&was.id) {
                desk.order(Effect::StopRecording { recording: was.id });
                desk.set_timer(TimerKey::Recording(was.id), desk.now + limits::RECORDING_GUARD);
            }
        }
    }
}

fn order_recording(desk: &mut Desk<'_>, call: CallId, it: &Recording, (left, right): Channels, was: Option<&Recorded>) {
    let recording = it.id;
    let Some(was) = was else {
        let (path, format) = (it.path.clone(), it.format);
        return desk.order(Effect::StartRecording { recording, call, path, format, left, right });
    };
    if was.channels.0 != left || was.channels.1 != right {
        desk.order(Effect::RecordSources { recording, left, right });
    }
    match (was.paused, it.paused) {
        (false, true) => desk.order(Effect::PauseRecording { recording }),
        (true, false) => desk.order(Effect::ResumeRecording { recording }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_day_agent_and_time() {
        let now = Timestamp::from_micros(1_795_369_320_000_000);
        assert_eq!(path(now, "101", RecordingId(0)), "20261122/101/174200-0000000000000");
    }
}
