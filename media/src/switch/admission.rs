//! Who is it? Calls and registrations are let in when their sender is known.
//!
//! * A call from a trunk's exact address is the trunk's. One from a trunk's host but another port is too, unless it claims
//!   to come from one of our phones: such a claim has to be proved.
//! * Everything else proves by digest that it is a phone. Whether a phone exists is never told: the unknown are challenged
//!   like everybody else.

use std::net::IpAddr;

use smol_str::SmolStr;
use tandem_core::{CallId, Command, Endpoint, Flow, Number, SrtpPolicy, TenantId, Timestamp, TrunkName, UserName};

use super::desk::Desk;
use super::legs::{Leg, Stage};
use super::negotiation::{Negotiation, known_codecs};
use crate::sip::Name;
use crate::sip::auth::{FirstChallenge, Verdict};
use crate::sip::header::{Method, NameAddr};
use crate::sip::message::Message;
use crate::sip::sdp::Security;
use crate::sip::ua::{Challenger, Offered, Registering};

/// Seconds after which whoever guessed too often may try again: the length of the window.
const LATER: &str = "60";

/// Tenants tried for a phone that gives a plain address as its domain. Its password fits one of them.
const CANDIDATES: usize = 16;

/// What a request's credentials came to.
enum Identity {
    /// A phone of this tenant.
    Phone(TenantId, UserName),
    /// Not proved: challenge, saying so if only the nonce is old.
    Unproved { stale: bool },
    /// Its source has guessed too often: not looked at.
    Held,
}

/// A REGISTER without credentials: half of all of them with phones that never use a nonce again, and all of a flood. It gets
/// its challenge before anything is kept for it, whatever it asks for.
#[derive(Debug)]
pub(super) struct Stranger(pub(super) FirstChallenge);

impl Challenger for Stranger {
    fn challenge(&mut self, now: Timestamp, _: &Flow, _: &str, lines: &mut Vec<u8>) -> bool {
        self.0.write(now, lines);
        true
    }
}

impl Desk {
    /// An INVITE that begins a dialog.
    pub(super) fn admit_call(&mut self, now: Timestamp, offered: Offered) {
        if let Some((tenant, trunk)) = self.trunk_of(&offered) {
            let (caller, name) = trunk_caller(&offered.request);
            self.let_in(now, offered, tenant, Endpoint::Trunk(trunk), caller, name);
            return;
        }
        let host = host_of(offered.request.from().ok().as_ref());
        let source = offered.flow.remote.ip();
        match self.identify(now, source, &offered.request, &Method::Invite, &host) {
            Identity::Phone(tenant, user) => {
                let shown = self.directory.phone(&tenant, user.as_str()).and_then(|phone| phone.display_name.clone());
                let caller = SmolStr::new(user.as_str());
                self.let_in(now, offered, tenant, Endpoint::Phone(user), caller, shown);
            }
            Identity::Unproved { stale } => {
                let challenges = self.digest.challenges(now, &self.config.realm, stale);
                let _ = self.ua.challenge(now, offered.leg, &challenges);
            }
            Identity::Held => {
                let _ = self.ua.refuse(now, offered.leg, 503, &[(Name::RetryAfter, LATER)]);
            }
        }
    }

    /// A REGISTER.
    pub(super) fn admit_registration(&mut self, now: Timestamp, registering: Registering) {
        let token = registering.token;
        let source = registering.register.flow.remote.ip();
        match self.identify(now, source, &registering.request, &Method::Register, &registering.host) {
            // One phone doesn't register for another (RFC 3261 §10.3 step 4).
            Identity::Phone(_, user) if user.as_str() != registering.user => {
                let _ = self.ua.register_refuse(now, token, 403, &[]);
            }
            Identity::Phone(tenant, user) => {
                self.registering.insert(token, tenant.clone());
                self.post.send(&tenant, Command::Register { user, request: token, register: registering.register });
            }
            Identity::Unproved { stale } => {
                let challenges = self.digest.challenges(now, &self.config.realm, stale);
                let _ = self.ua.challenge_register(now, token, &challenges);
            }
            Identity::Held => {
                let _ = self.ua.register_refuse(now, token, 503, &[(Name::RetryAfter, LATER)]);
            }
        }
    }

    fn trunk_of(&self, offered: &Offered) -> Option<(TenantId, TrunkName)> {
        let (tenant, trunk, exact) = self.trunks.owner_of(offered.flow.remote)?;
        if exact {
            return Some((tenant, trunk));
        }
        let from = offered.request.from().ok()?;
        let claims = claimed_user(&from).is_some_and(|user| self.directory.phone(&tenant, &user).is_some());
        (!claims).then_some((tenant, trunk))
    }

    fn identify(&mut self, now: Timestamp, source: IpAddr, request: &Message, method: &Method, host: &str) -> Identity {
        let claimed = request.from().ok().and_then(|from| claimed_user(&from)).unwrap_or_default();
        if self.brake.holds(now, source, &claimed) {
            metrics::counter!("tandem_sip_guesses_held_total").increment(1);
            return Identity::Held;
        }
        let mut guessed = false;
        let mut verdict = Identity::Unproved { stale: false };
        for tenant in self.candidates(request, host) {
            let lines = request.lines(Name::Authorization).chain(request.lines(Name::ProxyAuthorization));
            match self.digest.check(now, &self.config.realm, &tenant, method, lines, self.secrets.as_ref()) {
                Verdict::Accepted { user } => match UserName::new(&user) {
                    Ok(user) => return Identity::Phone(tenant, user),
                    Err(_) => return Identity::Unproved { stale: false },
                },
                Verdict::Stale => verdict = Identity::Unproved { stale: true },
                Verdict::Wrong { .. } => {
                    guessed = true;
                    metrics::counter!("tandem_sip_wrong_credentials_total").increment(1);
                }
                Verdict::Missing => break,
            }
        }
        if guessed {
            self.brake.note(now, source, &claimed);
        }
        verdict
    }

    /// The tenant of the domain; for a plain address, those that have a phone of this name.
    fn candidates(&self, request: &Message, host: &str) -> Vec<TenantId> {
        if let Some(tenant) = self.directory.tenant_of_domain(host) {
            return vec![tenant];
        }
        let claimed = request.from().ok().and_then(|from| claimed_user(&from));
        let mut tenants = claimed.map(|user| self.directory.tenants_of_user(&user)).unwrap_or_default();
        tenants.truncate(CANDIDATES);
        tenants
    }

    fn let_in(&mut self, now: Timestamp, offered: Offered, tenant: TenantId, from: Endpoint, caller: SmolStr, name: Option<SmolStr>) {
        let leg = offered.leg;
        let called = offered.request.uri().ok().and_then(|uri| uri.user_decoded().map(SmolStr::from));
        // RFC 3261 §21.4.22: nobody can be found under an address without a user.
        let Some(called) = called.filter(|called| Number::new(called).is_ok()) else {
            let _ = self.ua.refuse(now, leg, 484, &[]);
            return;
        };
        let policy = self.srtp_policy(&tenant, &from);
        let state = match self.open_leg(&offered, tenant.clone(), policy) {
            Ok(state) => state,
            Err(status) => {
                let _ = self.ua.refuse(now, leg, status, &[]);
                return;
            }
        };
        self.legs.insert(leg, state);
        let command =
            Command::LegOffered { leg, from, caller, caller_name: name, called, dialog: offered.dialog, replaces: offered.replaces };
        self.post.send(&tenant, command);
    }

    /// Whether calls with this peer are encrypted.
    pub(super) fn srtp_policy(&self, tenant: &TenantId, peer: &Endpoint) -> SrtpPolicy {
        match peer {
            Endpoint::Phone(user) => self.directory.phone(tenant, user.as_str()).map(|phone| phone.srtp).unwrap_or_default(),
            Endpoint::Trunk(name) => self.directory.trunk(tenant, name).map(|trunk| trunk.srtp).unwrap_or_default(),
        }
    }

    /// Opens media for a caller and reads its offer, or says with which status to refuse.
    fn open_leg(&mut self, offered: &Offered, tenant: TenantId, policy: SrtpPolicy) -> Result<Leg, u16> {
        let leg = offered.leg;
        // The call has no name yet; its first leg's is as good to choose a media worker by.
        let group = CallId(leg.0);
        let bind = self.media_bind_ip(&offered.flow);
        let media = self.media.open(leg, group, bind).map_err(|error| {
            tracing::warn!(%leg, %error, "no media port for a call");
            503u16
        })?;
        let security = Security::new(policy, &mut self.random);
        let mut negotiation = Negotiation::new(leg, self.announced(media), known_codecs()).secured(security);
        if let Some(sdp) = &offered.sdp
            && let Err(error) = negotiation.take_offer(sdp)
        {
            let _ = self.media.close(leg);
            return Err(error.status());
        }
        Ok(Leg {
            tenant,
            flow: offered.flow,
            stage: Stage::Offered,
            media: Some(media),
            group,
            negotiation,
            held_by_peer: false,
            refer: None,
            over: None,
        })
    }
}

/// Number and name of a caller that a trunk vouches for (RFC 3325): asserted before claimed, nothing if it wants privacy.
fn trunk_caller(request: &Message) -> (SmolStr, Option<SmolStr>) {
    let anonymous = SmolStr::new_static("anonymous");
    if request.wants_privacy("id") || request.wants_privacy("user") {
        return (anonymous, None);
    }
    let asserted = request.addresses(Name::PAssertedIdentity).ok().and_then(|list| list.into_iter().next());
    let Some(address) = asserted.or_else(|| request.from().ok()) else { return (anonymous, None) };
    let number = address.uri.user_decoded().map(SmolStr::from).filter(|number| !number.is_empty());
    (number.unwrap_or(anonymous), address.display.as_deref().map(SmolStr::new))
}

/// Who a request says it is from. Escapes are undone first: `%31001` is 1001 (RFC 3261 §19.1.4).
fn claimed_user(from: &NameAddr) -> Option<SmolStr> {
    from.uri.user_decoded().map(SmolStr::from)
}

fn host_of(address: Option<&NameAddr>) -> String {
    address.and_then(|address| address.uri.host().map(ToString::to_string)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_in_disguise_is_the_same_claim() {
        for text in ["<sip:1001@a.example>;tag=1", "\"Eve\" <sip:%31%3001@a.example>", "<sip:1001:secret@a.example>"] {
            assert_eq!(claimed_user(&NameAddr::parse(text).unwrap()).as_deref(), Some("1001"), "{text}");
        }
        assert_eq!(claimed_user(&NameAddr::parse("<sip:a.example>").unwrap()), None);
    }
}
