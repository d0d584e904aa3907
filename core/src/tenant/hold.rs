//! Hold: a leg neither speaks nor hears, its peer is told so by a tone.

use super::{DONE, Desk, Outcome, Tenant};
use crate::command::Rejection;
use crate::event::{Holder, LegHeld, LegResumed};
use crate::id::LegId;

impl Tenant {
    /// Phone and operator hold on their own: a leg speaks again once both have let go. What is so already makes no event.
    pub(super) fn set_hold(&mut self, desk: &mut Desk<'_>, id: LegId, by: Holder, hold: bool) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        if by == Holder::Operator && !leg.is_up() {
            return Err(Rejection::WrongState { action: "hold or resume", state: format!("leg {id} is not up") });
        }
        let held = match by {
            Holder::Phone => leg.held_by_phone,
            Holder::Operator => leg.held_by_operator,
        };
        let call = leg.call;
        if held == hold || !leg.is_live() {
            return DONE;
        }
        if hold {
            self.emit_call(desk, call, LegHeld { leg: id, by });
        } else {
            self.emit_call(desk, call, LegResumed { leg: id, by });
        }
        if by == Holder::Phone {
            self.phone_held(desk, id, hold);
        }
        DONE
    }
}
