//! Who talks in a call, and to whom: the one answer behind what legs hear and what recordings take.
//!
//! | voice | heard by |
//! |---|---|
//! | party (customer, agent, helper, conference member) | all other parties and all supervisors |
//! | supervisor that joined | all parties and all other supervisors |
//! | supervisor that whispers | the agent it sits in with, nobody else |
//! | supervisor that listens | nobody |
//! | muted agent or supervisor | nobody; it hears as before |
//! | held leg, held part, held member | nobody; it hears nothing |
//!
//! While all who could hear a party have put the call aside, nobody hears it, no supervisor and no recording either: a
//! customer on hold talks in private.

use smallvec::SmallVec;

use super::Tenant;
use super::contact::{Recording, Stage};
use super::state::{Call, Leg};
use crate::agent::{PartRole, SuperviseMode, WorkNumber};
use crate::id::{CallId, LegId};
use crate::recording::RecordingPurpose;

/// As what a leg takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    Party,
    Supervisor { of: WorkNumber, mode: SuperviseMode },
}

/// A leg that takes part in a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    pub(super) leg: LegId,
    pub(super) agent: Option<WorkNumber>,
    pub(super) seat: Seat,
    /// It neither speaks nor hears for now.
    pub(super) aside: bool,
    pub(super) muted: bool,
}

impl Voice {
    /// It speaks to all.
    fn is_open(&self) -> bool {
        let at_the_table = matches!(self.seat, Seat::Party | Seat::Supervisor { mode: SuperviseMode::Join, .. });
        at_the_table && !self.aside
    }

    fn whispers_to(&self, agent: Option<WorkNumber>) -> bool {
        let Seat::Supervisor { of, mode: SuperviseMode::Whisper } = self.seat else { return false };
        Some(of) == agent && !self.aside
    }
}

/// Those who take part in a call's conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) voices: SmallVec<[Voice; 4]>,
    /// An agent has put the call aside: who is left alone hears music.
    pub(super) agent_aside: bool,
}

/// What two parties without anybody else leave each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ear {
    /// Nothing.
    Deaf,
    /// Nobody is there who could speak.
    Alone,
    /// These; nobody if all are muted.
    Hears(Vec<LegId>),
}

/// Whose voices a recording takes: left and right channel.
pub(super) type Channels = (Vec<LegId>, Vec<LegId>);

impl Conversation {
    pub(super) fn voice(&self, leg: LegId) -> Option<&Voice> {
        self.voices.iter().find(|voice| voice.leg == leg)
    }

    fn open(&self) -> impl Iterator<Item = &Voice> {
        self.voices.iter().filter(|voice| voice.is_open())
    }

    /// What a leg of the conversation hears.
    pub(super) fn heard_by(&self, me: &Voice) -> Ear {
        if me.aside {
            return Ear::Deaf;
        }
        let others = || self.open().filter(|other| other.leg != me.leg);
        let spoken =
            |voices: &mut dyn Iterator<Item = &Voice>| Ear::Hears(voices.filter(|voice| !voice.muted).map(|voice| voice.leg).collect());
        match me.seat {
            Seat::Party => {
                let whispers = || self.voices.iter().filter(|other| other.whispers_to(me.agent));
                if others().chain(whispers()).next().is_none() {
                    return Ear::Alone;
                }
                spoken(&mut others().chain(whispers()))
            }
            // A party that nobody at the table can hear is heard by no supervisor.
            Seat::Supervisor { .. } => {
                let company = self.open().nth(1).is_some();
                spoken(&mut others().filter(|other| company || other.agent.is_some()))
            }
        }
    }

    /// What a recording of this agent's talk takes: left the outside parties, right the agents. Among agents alone left
    /// are the others. Nothing while the agent has put the call aside or is alone.
    fn recorded_of(&self, agent: WorkNumber) -> Channels {
        let there = self.open().any(|voice| voice.agent == Some(agent));
        if !there || self.open().nth(1).is_none() {
            return Channels::default();
        }
        let outside = self.open().any(|voice| voice.agent.is_none());
        let (mut left, mut right) = Channels::default();
        for voice in self.open().filter(|voice| !voice.muted) {
            let is_left = if outside { voice.agent.is_none() } else { voice.agent != Some(agent) };
            if is_left { left.push(voice.leg) } else { right.push(voice.leg) }
        }
        (left, right)
    }
}

impl Tenant {
    pub(super) fn conversation(&self, id: CallId, call: &Call) -> Conversation {
        let mut voices = SmallVec::new();
        let held_part = call.parts.iter().any(|part| part.stage == Stage::Held && !matches!(part.role, PartRole::Supervisor(_)));
        if call.bridge.is_empty() {
            // All but one have put the call aside: the one is still in it.
            let alone = call.legs.iter().filter(|leg| held_part && self.is_left_alone(**leg, call));
            voices.extend(alone.filter_map(|leg| self.party(*leg, call)));
        } else {
            voices.extend(call.bridge.iter().filter_map(|leg| self.party(*leg, call)));
        }
        if call.parts.iter().any(|part| matches!(part.role, PartRole::Supervisor(_))) {
            voices.extend(call.legs.iter().filter_map(|leg| self.supervisor(*leg, id, call)));
        }
        let agent_aside = held_part || voices.iter().any(|voice: &Voice| voice.aside && voice.agent.is_some());
        Conversation { voices, agent_aside }
    }

    fn party(&self, id: LegId, call: &Call) -> Option<Voice> {
        let leg = self.leg(id).filter(|leg| leg.is_live())?;
        let part = leg.agent.and_then(|agent| call.part(agent));
        if part.is_some_and(|part| matches!(part.role, PartRole::Supervisor(_))) {
            return None;
        }
        let member = call.conference.as_ref().and_then(|conference| conference.members.iter().find(|member| member.leg == Some(id)));
        let aside = leg.is_held() || part.is_some_and(|part| part.stage == Stage::Held) || member.is_some_and(|member| member.held);
        Some(Voice { leg: id, agent: leg.agent, seat: Seat::Party, aside, muted: part.is_some_and(|part| part.muted) })
    }

    fn supervisor(&self, id: LegId, in_call: CallId, call: &Call) -> Option<Voice> {
        let leg = self.leg(id).filter(|leg| leg.is_up() && leg.call == in_call)?;
        let part = call.part(leg.agent?).filter(|part| part.stage == Stage::Talking)?;
        let (PartRole::Supervisor(of), Some(mode)) = (part.role, part.supervise) else { return None };
        Some(Voice { leg: id, agent: leg.agent, seat: Seat::Supervisor { of, mode }, aside: leg.is_held(), muted: part.muted })
    }

    /// Up in a call without a bridge, and there for nothing else than to talk.
    fn is_left_alone(&self, id: LegId, call: &Call) -> bool {
        let talks = |leg: &Leg| leg.agent.is_none_or(|agent| call.part(agent).is_some_and(|part| part.stage == Stage::Talking));
        let wanted = call.waiting.as_ref().is_some_and(|waiting| waiting.leg == id)
            || call.service.as_ref().is_some_and(|service| service.leg == id)
            || call.transfer.as_ref().is_some_and(|transfer| transfer.transferee == id || transfer.by == id)
            || call.attempt.as_ref().is_some_and(|attempt| attempt.behalf == Some(id) && self.is_calling(call));
        self.leg(id).is_some_and(|leg| leg.is_up() && talks(leg)) && !wanted
    }

    /// Whose voices a recording of a call takes now.
    pub(super) fn recorded(&self, call: &Call, talk: &Conversation, recording: &Recording) -> Channels {
        match (recording.agent, &call.voicemail) {
            (Some(agent), _) => talk.recorded_of(agent),
            (None, Some((leg, _))) if recording.purpose == RecordingPurpose::Voicemail && self.is_live(*leg) => (vec![*leg], Vec::new()),
            _ => Channels::default(),
        }
    }
}
