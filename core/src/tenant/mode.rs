//! What agents do between calls: ready, busy, rest, wrap-up (the table of cc-gateway.md §1.5).
//!
//! During calls a wish is deferred and takes effect after the last of them. Where the table is silent: whoever is in
//! wrap-up may also become busy or rest; a rest can be asked for anew, which prolongs it; after a call an agent that was
//! busy or rested goes back to that; what is so already is granted without an event.

use std::time::Duration;

use super::agent::check_reason;
use super::contact::{Part, Session};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, AgentWish, Mode, ModeBy, PartEnd, PartRole, WorkNumber, busy};
use crate::effect::TimerKey;
use crate::event::{AgentModeChanged, AgentModeDeferred, AgentRestOverrun};
use crate::id::CallId;
use crate::time::Timestamp;

/// What a wish about the mode asks for.
enum Asked {
    /// This mode.
    Mode(Mode),
    /// The end of a mode of this kind.
    EndOf(fn(&Mode) -> bool, &'static str),
}

fn is_busy(mode: &Mode) -> bool {
    matches!(mode, Mode::NotReady { .. })
}

fn is_rest(mode: &Mode) -> bool {
    matches!(mode, Mode::Rest { .. })
}

fn is_wrap_up(mode: &Mode) -> bool {
    matches!(mode, Mode::WrapUp { .. })
}

impl Tenant {
    // ---- wishes ---------------------------------------------------------------------------------------------------

    pub(super) fn mode_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: &AgentWish) -> Outcome {
        let session = self.need_session(agent)?;
        match asked(desk.now, wish)? {
            Asked::Mode(mode) => {
                check_change(session, &mode)?;
                self.wish_mode(desk, agent, mode, ModeBy::Agent);
            }
            Asked::EndOf(kind, what) => {
                let free = session.is_free();
                if session.deferred.as_ref().is_some_and(kind) {
                    self.emit_agent(desk, agent, AgentModeDeferred { mode: None, by: ModeBy::Agent });
                } else if kind(&session.mode) {
                    self.wish_mode(desk, agent, Mode::Ready, ModeBy::Agent);
                } else {
                    return Err(AgentRefusal::WrongMode(if free { what } else { "in a call" }).into());
                }
            }
        }
        DONE
    }

    /// Takes effect at once, or after the agent's calls. Nothing if it is so already.
    pub(super) fn wish_mode(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, mode: Mode, by: ModeBy) {
        let Some(session) = self.session(agent) else { return };
        if !session.is_free() {
            if session.deferred != Some(mode) {
                self.emit_agent(desk, agent, AgentModeDeferred { mode: Some(mode), by });
            }
        } else if session.mode != mode {
            self.set_mode(desk, agent, mode, by, None);
        }
    }

    pub(super) fn set_mode(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, mode: Mode, by: ModeBy, call: Option<CallId>) {
        let Some(before) = self.session(agent).map(|session| session.mode) else { return };
        if before != mode {
            self.unwatch_mode(desk, agent, before);
            self.watch_mode(desk, agent, mode);
        }
        self.emit_agent(desk, agent, AgentModeChanged { mode, by, call });
    }

    // ---- time -----------------------------------------------------------------------------------------------------

    /// Sets the timer of a mode that ends by itself.
    pub(super) fn watch_mode(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, mode: Mode) {
        if let Some(until) = ends_at(&mode) {
            desk.set_timer(TimerKey::Mode(agent), until.max(desk.now));
        }
    }

    pub(super) fn unwatch_mode(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, mode: Mode) {
        if ends_at(&mode).is_some() {
            desk.cancel_timer(TimerKey::Mode(agent));
        }
    }

    /// The time of a wrap-up or a rest is over. Who is in a call then is ready after it ([`Tenant::mode_after`]).
    pub(super) fn mode_due(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) {
        let Some(session) = self.session(agent) else { return };
        let (mode, free) = (session.mode, session.is_free());
        if ends_at(&mode).is_none_or(|until| until > desk.now) {
            return;
        }
        let ready = match mode {
            Mode::Rest { .. } => {
                self.emit_agent(desk, agent, AgentRestOverrun {});
                self.settings().is_some_and(|settings| settings.force_rest_end)
            }
            _ => true,
        };
        if ready && free {
            self.set_mode(desk, agent, Mode::Ready, ModeBy::System, None);
        }
    }

    /// Sessions outlive a restart of the node, timers do not.
    pub(super) fn restart_modes(&mut self, desk: &mut Desk<'_>) {
        for agent in self.agents_signed_in() {
            let Some(mode) = self.session(agent).map(|session| session.mode) else { continue };
            let overrun = matches!(mode, Mode::Rest { until, .. } if until <= desk.now);
            // Of a rest that had run over before, the agent has heard already, or is told now: once more does no harm.
            if !overrun || self.settings().is_some_and(|settings| settings.force_rest_end) {
                self.watch_mode(desk, agent, mode);
            }
        }
    }

    // ---- after a call ---------------------------------------------------------------------------------------------

    /// What the agent does once its last part is over. Always an event, also when the mode stays: it says that the agent
    /// is out of its calls.
    pub(super) fn mode_after(&mut self, desk: &mut Desk<'_>, part: &Part, call: CallId, end: &PartEnd) {
        let Some(session) = self.session(part.agent).filter(|session| session.is_free()) else { return };
        if *end == PartEnd::SignedOut {
            return;
        }
        let mode = match session.deferred {
            Some(deferred) => taking_effect(deferred, session.deferred_since, desk.now),
            None if *end == PartEnd::NodeRestarted => session.mode,
            // Its customer was taken from it: it has nothing to wrap up and is idle, whatever it does after calls (cc-gateway.md §2.7, §4.3).
            None if matches!(end, PartEnd::Intercepted(_)) => session.mode,
            None if part.joined.is_some() => self.mode_after_talk(desk.now, session, part),
            None => self.mode_after_offer(session, part, end),
        };
        let mode = match mode {
            Mode::WrapUp { until: Some(until) } if until <= desk.now => Mode::Ready,
            mode => mode,
        };
        self.set_mode(desk, part.agent, mode, ModeBy::System, Some(call));
    }

    fn mode_after_talk(&self, now: Timestamp, session: &Session, part: &Part) -> Mode {
        let works = matches!(part.role, PartRole::Handler | PartRole::Caller | PartRole::Helper);
        match session.mode {
            Mode::Ready if works && !session.auto_ready => {
                let seconds = part.queue.and_then(|queue| self.queue(queue)).map_or(0, |entry| entry.queue.wrap_up_s);
                Mode::WrapUp { until: (seconds > 0).then(|| now + Duration::from_secs(u64::from(seconds))) }
            }
            mode => mode,
        }
    }

    /// Who was asked and did not take the call.
    fn mode_after_offer(&self, session: &Session, part: &Part, end: &PartEnd) -> Mode {
        let asked = part.until.is_some() && matches!(part.role, PartRole::Handler | PartRole::Helper);
        let busy_after_no_answer = self.settings().is_some_and(|settings| settings.busy_after_no_answer);
        match end {
            PartEnd::NoAnswer if asked && busy_after_no_answer => Mode::NotReady { reason: busy::NO_ANSWER },
            PartEnd::Rejected if asked => Mode::NotReady { reason: busy::REJECTED },
            PartEnd::PhoneFailed if asked => Mode::NotReady { reason: busy::PHONE_UNAVAILABLE },
            _ => session.mode,
        }
    }
}

fn asked(now: Timestamp, wish: &AgentWish) -> Result<Asked, AgentRefusal> {
    Ok(match wish {
        AgentWish::NotReady { reason } => {
            check_reason(*reason)?;
            Asked::Mode(Mode::NotReady { reason: *reason })
        }
        AgentWish::Rest { cause, seconds } => {
            if !limits::REST_S.contains(seconds) {
                return Err(AgentRefusal::Invalid { field: "seconds", value: seconds.to_string(), rule: "1 to 86399" });
            }
            Asked::Mode(Mode::Rest { cause: *cause, until: now + Duration::from_secs(u64::from(*seconds)) })
        }
        AgentWish::WrapUp => Asked::Mode(Mode::WrapUp { until: None }),
        AgentWish::EndNotReady => Asked::EndOf(is_busy, "not busy"),
        AgentWish::EndRest => Asked::EndOf(is_rest, "not resting"),
        AgentWish::EndWrapUp => Asked::EndOf(is_wrap_up, "not in wrap-up"),
        _ => Asked::Mode(Mode::Ready),
    })
}

/// A rest must be ended before the agent is busy or in wrap-up.
fn check_change(session: &Session, wanted: &Mode) -> Result<(), AgentRefusal> {
    if session.is_free() && is_rest(&session.mode) && (is_busy(wanted) || is_wrap_up(wanted)) {
        return Err(AgentRefusal::WrongMode("resting"));
    }
    Ok(())
}

/// When a mode ends by itself.
fn ends_at(mode: &Mode) -> Option<Timestamp> {
    match mode {
        Mode::Rest { until, .. } => Some(*until),
        Mode::WrapUp { until } => *until,
        Mode::Ready | Mode::NotReady { .. } => None,
    }
}

/// A rest that was asked for during a call begins after it, in full length.
fn taking_effect(mode: Mode, asked: Timestamp, now: Timestamp) -> Mode {
    match mode {
        Mode::Rest { cause, until } => Mode::Rest { cause, until: now + until.since(asked) },
        mode => mode,
    }
}
