//! What follows when the part of a supervisor, a conference member or a listener ends, for whatever reason; and which legs
//! stay in a call for something else than a talk.

use super::contact::Part;
use super::state::Call;
use super::{Desk, Tenant};
use crate::agent::{PartEnd, PartRole};
use crate::id::{CallId, LegId};

impl Tenant {
    /// Called once the part is gone, whether it ever began or its phone could not be brought in, before the rest of the call
    /// is settled.
    pub(super) fn seat_lost(&mut self, desk: &mut Desk<'_>, call: CallId, part: &Part, end: &PartEnd) {
        match part.role {
            PartRole::Supervisor(_) => self.supervisor_gone(desk, call, part),
            PartRole::Member => self.member_gone(desk, call, part, end),
            PartRole::Listener => self.listener_gone(desk, call, part, end),
            PartRole::Handler | PartRole::Caller | PartRole::Helper => {}
        }
    }

    /// Puts in order what hangs on legs of a call: keys that are awaited, a message, a conference, a playback.
    pub(super) fn settle_seats(&mut self, desk: &mut Desk<'_>, id: CallId) {
        self.settle_collecting(desk, id);
        self.settle_voicemail(desk, id);
        self.settle_conference(desk, id);
    }

    /// A leg that leaves a message, or is a member of a conference, or is called into one.
    pub(super) fn is_seated(&self, leg: LegId, id: CallId, call: &Call) -> bool {
        let member = || {
            let members = call.conference.iter().flat_map(|conference| &conference.members);
            members.into_iter().any(|member| member.leg == Some(leg) || member.ringing.contains(&leg))
        };
        self.message_leg(id, call) == Some(leg) || member()
    }
}
