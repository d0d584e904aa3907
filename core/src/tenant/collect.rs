//! Playing prompts and collecting the keys a caller presses.
//!
//! The timer runs while no prompt plays: for the first key after the prompts, then for each further one. Every collection
//! ends with `call.collected`: by the terminator, by the last key that fits, by time, or because the leg has gone or talks
//! with somebody.

use std::time::Duration;

use smol_str::SmolStr;

use super::contact::Collecting;
use super::state::Leg;
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::command::{CollectRules, Rejection};
use crate::effect::TimerKey;
use crate::event::{CallAnnounced, CallCollected, CallCollecting};
use crate::id::{CallId, LegId};

fn invalid<T>(field: &'static str, value: impl ToString, rule: &'static str) -> Result<T, Rejection> {
    Err(Rejection::Invalid { field, value: value.to_string(), rule })
}

fn check_rules(rules: &CollectRules) -> Result<(), Rejection> {
    if !limits::COLLECT_KEYS.contains(&rules.max) {
        return invalid("max", rules.max, "1 to 64 keys");
    }
    if let Some(key) = rules.terminator.filter(|key| !matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')) {
        return invalid("terminator", key, "0-9, `*`, `#` or A-D");
    }
    for (field, value) in [("first_ms", rules.first_ms), ("next_ms", rules.next_ms)] {
        if !limits::COLLECT_MS.contains(&value) {
            return invalid(field, value, "100 to 120000 milliseconds");
        }
    }
    Ok(())
}

/// A prompt's name: a file of the tenant's prompt folder or a built-in, never a way out of the folder.
pub(super) fn check_prompt(name: &str) -> Result<(), Rejection> {
    let fits = !name.is_empty() && name.len() <= limits::PROMPT_NAME_BYTES;
    if fits && !name.starts_with('/') && !name.contains("..") && !name.contains(char::is_control) {
        return Ok(());
    }
    invalid("prompt", name.chars().take(80).collect::<String>(), "1 to 128 bytes, a name below the tenant's prompts")
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

impl Tenant {
    /// An operator's wish to collect keys.
    pub(super) fn collect(&mut self, desk: &mut Desk<'_>, leg: LegId, prompts: Vec<SmolStr>, rules: CollectRules) -> Outcome {
        let call = self.collectable(leg)?;
        check_rules(&rules)?;
        if prompts.len() > limits::PROMPTS {
            return invalid("prompts", prompts.len(), "at most 32");
        }
        prompts.iter().try_for_each(|name| check_prompt(name))?;
        let waits = prompts.is_empty();
        self.emit_call(desk, call, CallCollecting { leg, prompts, rules });
        if waits {
            desk.set_timer(TimerKey::Collect(leg), desk.now + millis(rules.first_ms));
        }
        DONE
    }

    /// The call of a leg that listens to nobody but us.
    fn collectable(&self, leg: LegId) -> Result<CallId, Rejection> {
        let wrong = |state: &str| Err(Rejection::WrongState { action: "collect keys", state: format!("leg {leg} {state}") });
        let it = self.leg(leg).ok_or(Rejection::NoSuchLeg(leg))?;
        let call = self.call(it.call).ok_or(Rejection::NoSuchCall(it.call))?;
        match () {
            () if !it.is_up() => wrong("is not up"),
            () if it.agent.is_some() => wrong("is an agent's phone"),
            () if call.bridge.contains(&leg) => wrong("talks with somebody"),
            () if call.collecting.is_some() => wrong("or another of its call is being asked already"),
            () if call.voicemail.is_some() => wrong("leaves a message"),
            () => Ok(it.call),
        }
    }

    fn collecting(&self, call: CallId, leg: LegId) -> Option<&Collecting> {
        self.call(call)?.collecting.as_ref().filter(|collecting| collecting.leg == leg)
    }

    /// A key was pressed; the event is applied.
    pub(super) fn digit_collected(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, digit: char) {
        self.voicemail_digit(desk, call, leg, digit);
        let Some(collecting) = self.collecting(call, leg).filter(|collecting| !collecting.playing) else { return };
        let (rules, digits) = (collecting.rules, collecting.digits.clone());
        let full = digits.chars().count() >= usize::from(rules.max);
        let ended = rules.terminator == Some(digit);
        if full || ended {
            // The first key may have interrupted the prompts: then no timer runs. One that does run is no longer true and
            // finds nothing when it is due.
            let timed = collecting.prompts.is_empty() || digits.chars().count() > usize::from(!ended);
            self.emit_call(desk, call, CallCollected { leg, digits, timed_out: false });
            if timed {
                desk.cancel_timer(TimerKey::Collect(leg));
            }
        } else {
            desk.set_timer(TimerKey::Collect(leg), desk.now + millis(rules.next_ms));
        }
    }

    /// The prompts before the keys are at their end. One that could not be played is not waited for.
    pub(super) fn collect_prompts_over(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, failed: Option<SmolStr>) {
        let Some(rules) = self.collecting(call, leg).map(|collecting| collecting.rules) else { return };
        self.emit_call(desk, call, CallAnnounced { leg, failed });
        desk.set_timer(TimerKey::Collect(leg), desk.now + millis(rules.first_ms));
    }

    /// Keys are awaited no longer.
    pub(super) fn collect_due(&mut self, desk: &mut Desk<'_>, leg: LegId) {
        let Some(call) = self.leg(leg).map(|leg| leg.call) else { return };
        let digits = self.collecting(call, leg).filter(|collecting| !collecting.playing).map(|collecting| collecting.digits.clone());
        if let Some(digits) = digits {
            self.emit_call(desk, call, CallCollected { leg, digits, timed_out: true });
        }
    }

    /// The leg that was asked has gone, or talks with somebody.
    pub(super) fn settle_collecting(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id) else { return };
        let Some(collecting) = &call.collecting else { return };
        let leg = collecting.leg;
        let asks = self.leg(leg).is_some_and(Leg::is_up) && self.is_live_in(leg, id) && !call.bridge.contains(&leg);
        if asks {
            return;
        }
        let (digits, timed) = (collecting.digits.clone(), !collecting.playing);
        self.emit_call(desk, id, CallCollected { leg, digits, timed_out: false });
        if timed {
            desk.cancel_timer(TimerKey::Collect(leg));
        }
    }
}
