//! Listening to recordings on one's own phone. The agent is occupied meanwhile: the playback is a call of its own.
//!
//! Where a playback is follows from the clock: it was at `at_ms` when it last began to play, was paused or jumped.

use smol_str::SmolStr;

use super::contact::{Part, Playback};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, PartEnd, PartRole, WorkNumber};
use crate::command::{Accepted, Rejection};
use crate::event::{self as fact, AgentJoined, CallKind, PlaybackAsked, PlaybackEnded, PlaybackMoved, PlaybackStarted};
use crate::id::{CallId, LegId};
use crate::time::Timestamp;

impl Playback {
    /// Where it is now, in milliseconds from the recording's begin.
    pub fn position_ms(&self, now: Timestamp) -> u64 {
        let played = if self.playing { u64::try_from(now.since(self.since).as_millis()).unwrap_or(u64::MAX) } else { 0 };
        self.at_ms.saturating_add(played)
    }
}

fn check(path: &str, times: u16) -> Result<(), AgentRefusal> {
    let fits = !path.is_empty() && path.len() <= limits::RECORDING_PATH_BYTES && !path.starts_with('/');
    if !fits || path.split('/').any(|part| part == "..") || path.contains(char::is_control) {
        let value = path.chars().take(80).collect();
        return Err(AgentRefusal::Invalid { field: "path", value, rule: "1 to 255 bytes, a file below the tenant's recordings" });
    }
    if !limits::PLAY_TIMES.contains(&times) {
        return Err(AgentRefusal::Invalid { field: "times", value: times.to_string(), rule: "1 to 100" });
    }
    Ok(())
}

impl Tenant {
    /// Plays a recording to the agent's phone.
    pub(super) fn play(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, path: SmolStr, from_ms: u64, times: u16) -> Outcome {
        if !self.need_session(agent)?.is_free() {
            return Err(AgentRefusal::WrongPlayState("start").into());
        }
        check(&path, times)?;
        let call = self.begin_agent_call(desk, agent, CallKind::Playback, path.clone(), PartRole::Listener)?;
        self.emit_call(desk, call, PlaybackAsked { agent, path, from_ms, times });
        self.ring_agent(desk, call, agent);
        Ok(Accepted { call: Some(call) })
    }

    /// Begins a call of an agent's own and gives it its part; its phone is brought in next.
    pub(super) fn begin_agent_call(
        &mut self,
        desk: &mut Desk<'_>,
        agent: WorkNumber,
        kind: CallKind,
        called: SmolStr,
        role: PartRole,
    ) -> Result<CallId, Rejection> {
        let limit = self.settings().map_or(0, |settings| settings.max_calls);
        if self.live_calls() >= limit {
            return Err(Rejection::LimitReached { what: "calls", limit: u64::from(limit) });
        }
        let from = self.agent_endpoint(agent)?;
        let id = desk.ids.call();
        self.emit_call(desk, id, fact::CallOriginated { from, called, kind, agent: Some(agent), caller: None, reach: None });
        self.emit_call(desk, id, fact::CallOffered { agent, role, queue: None, choice: None, until: None });
        Ok(id)
    }

    /// The playback that the agent listens to.
    fn playback_of(&self, agent: WorkNumber) -> Option<(CallId, &Playback)> {
        let calls = &self.session(agent)?.calls;
        let mut own = calls.iter().filter_map(|id| Some((*id, self.call(*id)?.playback.as_ref()?)));
        own.find(|(_, playback)| playback.agent == agent && playback.begun)
    }

    /// Pauses it.
    pub(super) fn pause_play(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let playing = self.playback_of(agent).filter(|(_, playback)| playback.playing);
        let (call, playback) = playing.ok_or(AgentRefusal::WrongPlayState("pause"))?;
        let (at_ms, again) = (playback.position_ms(desk.now), playback.again);
        self.emit_call(desk, call, PlaybackMoved { agent, at_ms, playing: false, jumped: false, again });
        DONE
    }

    /// Goes on.
    pub(super) fn resume_play(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let paused = self.playback_of(agent).filter(|(_, playback)| !playback.playing);
        let (call, playback) = paused.ok_or(AgentRefusal::WrongPlayState("resume"))?;
        let (at_ms, again) = (playback.at_ms, playback.again);
        self.emit_call(desk, call, PlaybackMoved { agent, at_ms, playing: true, jumped: false, again });
        DONE
    }

    /// Jumps, in milliseconds: not before the begin; beyond the end the switch says that there is no more. What is paused
    /// stays so.
    pub(super) fn jump_play(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, by_ms: i64) -> Outcome {
        let (call, playback) = self.playback_of(agent).ok_or(AgentRefusal::WrongPlayState(if by_ms < 0 { "rewind" } else { "forward" }))?;
        let at_ms = playback.position_ms(desk.now).saturating_add_signed(by_ms);
        let (playing, again) = (playback.playing, playback.again);
        self.play_again(desk, call, agent);
        self.emit_call(desk, call, PlaybackMoved { agent, at_ms, playing, jumped: true, again });
        DONE
    }

    /// What plays next is to be ordered even if it is the same place as before.
    fn play_again(&self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        if let Some((leg, _)) = self.device(agent) {
            self.hear_again(desk, call, leg);
        }
    }

    /// Ends it.
    pub(super) fn stop_play(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let calls = &self.need_session(agent)?.calls;
        let own = calls.iter().copied().find(|id| self.call(*id).is_some_and(|call| call.playback.is_some()));
        self.end_playback(desk, own.ok_or(AgentRefusal::WrongPlayState("stop"))?, agent, None);
        DONE
    }

    fn end_playback(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, failed: Option<SmolStr>) {
        self.emit_call(desk, call, PlaybackEnded { agent, failed });
        self.end_part(desk, call, agent, PartEnd::Over);
    }

    /// The listener's phone is up.
    pub(super) fn listener_up(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let Some((leg, _)) = self.device(agent).filter(|(_, at)| *at == call) else { return };
        let Some(playback) = self.call(call).and_then(|call| call.playback.clone()).filter(|playback| !playback.begun) else { return };
        self.emit_call(desk, call, AgentJoined { agent, leg, auto: true });
        let times = playback.again.saturating_add(1);
        self.emit_call(desk, call, PlaybackStarted { agent, path: playback.path, from_ms: playback.at_ms, times });
    }

    /// The recording is at its end, or could not be played. Each further time it plays from its very begin.
    pub(super) fn playback_over(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, failed: Option<SmolStr>) {
        let Some(playback) = self.call(call).and_then(|call| call.playback.as_ref()).filter(|playback| playback.playing) else { return };
        let (agent, again) = (playback.agent, playback.again);
        if self.leg(leg).is_none_or(|leg| leg.agent != Some(agent)) {
            return;
        }
        if failed.is_none() && again > 0 {
            self.hear_again(desk, call, leg);
            self.emit_call(desk, call, PlaybackMoved { agent, at_ms: 0, playing: true, jumped: false, again: again - 1 });
        } else {
            self.end_playback(desk, call, agent, failed);
        }
    }

    /// The listener has hung up, or its phone did not come.
    pub(super) fn listener_gone(&mut self, desk: &mut Desk<'_>, id: CallId, part: &Part, end: &PartEnd) {
        let Some(playback) = self.call(id).and_then(|call| call.playback.as_ref()).filter(|it| it.agent == part.agent) else { return };
        let missed = !playback.begun && matches!(end, PartEnd::NoAnswer | PartEnd::Rejected | PartEnd::PhoneFailed);
        let failed = missed.then(|| SmolStr::new_static("the phone did not come"));
        self.emit_call(desk, id, PlaybackEnded { agent: part.agent, failed });
    }
}
