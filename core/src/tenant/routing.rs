//! Where a dialled number leads, and calling whoever that is.

use std::time::Duration;

use smol_str::{SmolStr, ToSmolStr};

use super::state::{Leg, TrunkEntry};
use super::{Desk, Tenant};
use crate::agent::WorkNumber;
use crate::call::{Endpoint, Flow};
use crate::cause::{Cause, Party};
use crate::config::{Destination, TrunkState};
use crate::effect::{DialTarget, Effect, TimerKey};
use crate::event::{CallRouted, LegDialled, Purpose, Route};
use crate::id::{CallId, LegId, Number, TrunkName, UserName};
use crate::time::Timestamp;

/// On whose account a number is dialled.
pub(super) struct Dialler<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// The path its request came by: a phone that dials itself doesn't ring at the same receiver.
    pub(super) flow: Option<Flow>,
}

/// Where a number leads right now, and whom to call at once: all contacts of a phone, or the first trunk, or nobody.
pub(super) struct Plan {
    pub(super) called: SmolStr,
    pub(super) route: Route,
    pub(super) targets: Vec<DialTarget>,
}

impl Plan {
    /// The switch itself answers: echo, tone, prompt.
    pub(super) fn is_service(&self) -> bool {
        matches!(self.route, Route::Number(Destination::Echo | Destination::Tone(_) | Destination::Prompt(_)))
    }

    /// The queue, agent or voicemail it leads to, if it does.
    pub(super) fn inside(&self) -> Option<Destination> {
        match &self.route {
            Route::Number(inside @ (Destination::Queue(_) | Destination::Agent(_) | Destination::Voicemail(_))) => Some(inside.clone()),
            _ => None,
        }
    }
}

/// Why and for whom a leg is dialled.
#[derive(Clone, Copy)]
pub(super) struct Errand {
    pub(super) call: CallId,
    pub(super) purpose: Purpose,
    pub(super) behalf: Option<LegId>,
}

fn refused(sip: u16, q850: u8, text: &'static str) -> Cause {
    Cause { sip, q850, by: Party::System, text: Some(SmolStr::new_static(text)) }
}

impl Tenant {
    /// The dial plan: access number, then phone, then, for phones only, trunks.
    pub(super) fn plan(&self, now: Timestamp, called: &str, dialler: &Dialler<'_>) -> Result<Plan, Cause> {
        self.plan_with(now, called, dialler, matches!(dialler.endpoint, Endpoint::Phone(_)))
    }

    /// The same for a number that the tenant or one of its agents chose: trunks are allowed, whoever is connected.
    pub(super) fn plan_for_tenant(&self, now: Timestamp, called: &str, dialler: &Dialler<'_>) -> Result<Plan, Cause> {
        self.plan_with(now, called, dialler, true)
    }

    fn plan_with(&self, now: Timestamp, called: &str, dialler: &Dialler<'_>, trunks_too: bool) -> Result<Plan, Cause> {
        let number = Number::new(called).map_err(|_| refused(404, 28, "not a number"))?;
        let called = SmolStr::new(called);
        if let Some(access) = self.state.numbers.get(&number) {
            let route = Route::Number(access.destination.clone());
            let targets = match &access.destination {
                Destination::Phone(user) => self.contacts_to_call(now, user, dialler)?,
                _ => Vec::new(),
            };
            return Ok(Plan { called, route, targets });
        }
        if let Some(user) = UserName::new(&called).ok().filter(|user| self.phone(user).is_some()) {
            let targets = self.contacts_to_call(now, &user, dialler)?;
            return Ok(Plan { called, route: Route::Phone(user), targets });
        }
        // From one trunk to another at a stranger's wish is what toll fraud lives on.
        if !trunks_too {
            return Err(refused(404, 1, "no such number"));
        }
        let trunks = self.trunks_for(&called)?;
        let targets = trunks.first().map(|name| DialTarget::Trunk { name: name.clone(), number: called.clone() });
        Ok(Plan { called, route: Route::Trunks(trunks), targets: targets.into_iter().collect() })
    }

    pub(super) fn contacts_to_call(&self, now: Timestamp, user: &UserName, dialler: &Dialler<'_>) -> Result<Vec<DialTarget>, Cause> {
        if self.phone(user).is_none() {
            return Err(refused(404, 1, "no such phone"));
        }
        let own_flow = match dialler.endpoint {
            Endpoint::Phone(own) if own == user => dialler.flow,
            _ => None,
        };
        let targets: Vec<DialTarget> = self
            .bindings(user)
            .iter()
            .filter(|binding| binding.expires > now && Some(binding.flow) != own_flow)
            .map(|binding| DialTarget::Contact {
                user: user.clone(),
                contact: binding.contact.clone(),
                flow: binding.flow,
                path: binding.path.clone(),
            })
            .collect();
        if targets.is_empty() { Err(refused(480, 20, "not registered")) } else { Ok(targets) }
    }

    /// Longest matching prefix first, then those not known to be down, then by priority, then by name.
    pub(super) fn trunks_for(&self, called: &str) -> Result<Vec<TrunkName>, Cause> {
        let mut matching: Vec<(usize, &TrunkEntry)> = Vec::new();
        for entry in self.state.trunks.values() {
            let prefixes = &entry.trunk.prefixes;
            let longest = prefixes.iter().filter(|prefix| called.starts_with(prefix.as_str())).map(|prefix| prefix.len()).max();
            if let Some(longest) = longest.or(prefixes.is_empty().then_some(0)) {
                matching.push((longest, entry));
            }
        }
        if matching.is_empty() {
            return Err(refused(404, 1, "no such number"));
        }
        matching.retain(|(_, entry)| self.trunk_has_room(entry));
        if matching.is_empty() {
            return Err(refused(503, 34, "all trunks are busy"));
        }
        // Stable: trunks come by name.
        matching.sort_by_key(|(longest, entry)| (std::cmp::Reverse(*longest), entry.state == TrunkState::Down, entry.trunk.priority));
        Ok(matching.into_iter().map(|(_, entry)| entry.trunk.name.clone()).collect())
    }

    pub(super) fn trunk_has_room(&self, entry: &TrunkEntry) -> bool {
        self.trunk_legs(&entry.trunk.name) < entry.trunk.max_calls
    }

    // ---- calling --------------------------------------------------------------------------------------------------

    /// Notes the route and calls all its targets.
    pub(super) fn follow(&mut self, desk: &mut Desk<'_>, errand: Errand, plan: Plan) {
        self.emit_call(desk, errand.call, CallRouted { called: plan.called.clone(), route: plan.route });
        for target in plan.targets {
            self.dial(desk, errand, &plan.called, target);
        }
    }

    pub(super) fn dial(&mut self, desk: &mut Desk<'_>, errand: Errand, called: &SmolStr, target: DialTarget) {
        self.dial_for(desk, errand, None, called, target);
    }

    /// Dials; `agent` is whose phone it is, for a part of that agent in the call.
    pub(super) fn dial_for(
        &mut self,
        desk: &mut Desk<'_>,
        errand: Errand,
        agent: Option<WorkNumber>,
        called: &SmolStr,
        target: DialTarget,
    ) {
        let Errand { call, purpose, behalf } = errand;
        let (to, uri) = match &target {
            DialTarget::Contact { user, contact, .. } => (Endpoint::Phone(user.clone()), contact.clone()),
            DialTarget::Trunk { name, number } => (Endpoint::Trunk(name.clone()), self.trunk_uri(name, number)),
        };
        let (caller, caller_name) = self.caller_shown(call, behalf, &to);
        let leg = desk.ids.leg();
        let rings = self.settings().map_or(60, |settings| settings.ring_timeout_s);
        let gives_up = desk.now + Duration::from_secs(u64::from(rings));
        let dialled = LegDialled { leg, to, target: uri, purpose, on_behalf_of: behalf, called: called.clone(), agent, gives_up };
        self.emit_call(desk, call, dialled);
        desk.set_timer(TimerKey::NoAnswer(leg), gives_up);
        desk.order(Effect::Dial { leg, call, target, caller, caller_name, with: behalf });
    }

    fn trunk_uri(&self, name: &TrunkName, number: &str) -> String {
        match self.trunk(name) {
            Some((trunk, _)) => match trunk.port {
                Some(port) => format!("sip:{number}@{}:{port}", trunk.host),
                None => format!("sip:{number}@{}", trunk.host),
            },
            None => format!("sip:{number}"),
        }
    }

    /// Number and name that the called party sees: those of the leg on whose behalf we call. A phone that we call for
    /// itself (originate) sees whom it will talk with. A trunk may insist on a number of its own.
    fn caller_shown(&self, call: CallId, behalf: Option<LegId>, to: &Endpoint) -> (SmolStr, Option<SmolStr>) {
        if let Some(shown) = self.call(call).and_then(|call| call.shown.clone().or(call.handover.as_ref().and_then(|it| it.caller.clone())))
        {
            return (shown, None);
        }
        if let Endpoint::Trunk(name) = to
            && let Some(number) = self.trunk(name).and_then(|(trunk, _)| trunk.caller_number.as_ref())
        {
            return (number.as_str().into(), None);
        }
        match behalf.and_then(|leg| self.leg(leg)) {
            // The number of the phone at which an agent works at home is the agent's own business.
            Some(Leg { agent: Some(agent), endpoint: Endpoint::Trunk(_), .. }) => (agent.to_smolstr(), None),
            Some(leg) => {
                let display_name = match &leg.endpoint {
                    Endpoint::Phone(user) => self.phone(user).and_then(|phone| phone.display_name.clone()),
                    Endpoint::Trunk(_) => None,
                };
                (leg.number.clone(), leg.name.clone().or(display_name))
            }
            None => (self.call(call).map(|call| call.called.clone()).unwrap_or_default(), None),
        }
    }

    /// Calls through the next trunk of the route that is still there and has room; says whether there was one.
    pub(super) fn dial_next_trunk(&mut self, desk: &mut Desk<'_>, id: CallId) -> bool {
        let Some(attempt) = self.call(id).and_then(|call| call.attempt.as_ref()) else { return false };
        let Route::Trunks(order) = &attempt.route else { return false };
        let tried = order.iter().position(|name| Some(name) == attempt.trunk.as_ref()).map_or(0, |place| place + 1);
        let has_room = |name: &&TrunkName| self.state.trunks.get(*name).is_some_and(|entry| self.trunk_has_room(entry));
        let Some(name) = order.iter().skip(tried).find(has_room).cloned() else { return false };
        let errand = Errand { call: id, purpose: attempt.purpose, behalf: attempt.behalf };
        let number = attempt.called.clone();
        self.dial(desk, errand, &number.clone(), DialTarget::Trunk { name, number });
        true
    }
}
