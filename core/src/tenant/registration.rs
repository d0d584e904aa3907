//! The registrar: where each phone can be reached (RFC 3261 §10.3).

use std::time::Duration;

use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::call::Flow;
use crate::effect::{Effect, TimerKey};
use crate::event as fact;
use crate::id::{RequestId, UserName};
use crate::registration::{Binding, BindingEnd, ContactUpdate, RegisterRequest};

impl Tenant {
    /// All contacts of a request or none (RFC 3261 §10.3 step 7: atomic).
    pub(super) fn register(&mut self, desk: &mut Desk<'_>, user: UserName, request: RequestId, register: &RegisterRequest) -> Outcome {
        if let Err(status) = self.check_register(&user, register) {
            desk.order(Effect::RegisterRefused { request, status });
            return DONE;
        }
        if register.remove_all {
            self.unbind_all(desk, &user, BindingEnd::Unregistered);
        }
        for update in &register.contacts {
            self.update_contact(desk, &user, register, update);
        }
        let bindings = self.contacts_in_order(&user);
        desk.order(Effect::Registered { request, user, bindings });
        DONE
    }

    fn check_register(&self, user: &UserName, register: &RegisterRequest) -> Result<(), u16> {
        if self.phone(user).is_none() {
            return Err(404);
        }
        if register.contacts.len() > limits::CONTACTS_PER_REGISTER || register.path.len() > limits::PATH_ENTRIES {
            return Err(400);
        }
        if register.contacts.iter().any(|update| update.contact.is_empty() || update.contact.len() > limits::CONTACT_BYTES) {
            return Err(400);
        }
        // Late: a newer request of the same phone has been served already.
        let named = |binding: &Binding| register.remove_all || register.contacts.iter().any(|update| update.contact == binding.contact);
        let late = |binding: &Binding| binding.call_id == register.call_id && register.cseq <= binding.cseq;
        if self.bindings(user).iter().any(|binding| named(binding) && late(binding)) {
            return Err(400);
        }
        Ok(())
    }

    fn update_contact(&mut self, desk: &mut Desk<'_>, user: &UserName, register: &RegisterRequest, update: &ContactUpdate) {
        let known = self.bindings(user).iter().any(|binding| binding.contact == update.contact);
        if update.expires == Duration::ZERO {
            if known {
                self.unbind(desk, user, update.contact.clone(), BindingEnd::Unregistered);
            }
            return;
        }
        if !known {
            self.make_room(desk, user, update);
        }
        let binding = Binding {
            contact: update.contact.clone(),
            flow: register.flow,
            expires: desk.now + update.expires,
            q: update.q,
            call_id: register.call_id.clone(),
            cseq: register.cseq,
            instance: update.instance.clone(),
            path: register.path.clone(),
            user_agent: register.user_agent.clone(),
        };
        desk.set_timer(TimerKey::Registration(user.clone(), binding.contact.clone()), binding.expires);
        if known {
            self.emit_config(desk, fact::RegistrationRefreshed { user: user.clone(), binding });
        } else {
            self.emit_config(desk, fact::RegistrationAdded { user: user.clone(), binding });
        }
    }

    /// A phone that starts again comes with another contact but the same instance (RFC 5626 §4.1): its old contact would
    /// ring nowhere. Beyond the most contacts the oldest gives way.
    fn make_room(&mut self, desk: &mut Desk<'_>, user: &UserName, update: &ContactUpdate) {
        let same = |binding: &&Binding| update.instance.is_some() && binding.instance == update.instance;
        let replaced: Vec<String> = self.bindings(user).iter().filter(same).map(|binding| binding.contact.clone()).collect();
        for contact in replaced {
            self.unbind(desk, user, contact, BindingEnd::Replaced);
        }
        let most = self.phone(user).map_or(1, |phone| usize::from(phone.max_contacts.max(1)));
        while self.bindings(user).len() >= most {
            let Some(oldest) = self.bindings(user).first().map(|binding| binding.contact.clone()) else { break };
            self.unbind(desk, user, oldest, BindingEnd::Replaced);
        }
    }

    /// The most preferred first, of equals the newest.
    fn contacts_in_order(&self, user: &UserName) -> Vec<Binding> {
        let mut bindings: Vec<Binding> = self.bindings(user).iter().rev().cloned().collect();
        bindings.sort_by_key(|binding| std::cmp::Reverse(binding.q));
        bindings
    }

    pub(super) fn connection_lost(&mut self, desk: &mut Desk<'_>, user: &UserName, flow: Flow) -> Outcome {
        let lost: Vec<String> =
            self.bindings(user).iter().filter(|binding| binding.flow == flow).map(|binding| binding.contact.clone()).collect();
        for contact in lost {
            self.unbind(desk, user, contact, BindingEnd::ConnectionLost);
        }
        DONE
    }

    pub(super) fn registration_due(&mut self, desk: &mut Desk<'_>, user: UserName, contact: String) -> Outcome {
        let due = self.bindings(&user).iter().any(|binding| binding.contact == contact && binding.expires <= desk.now);
        if due {
            self.emit_config(desk, fact::RegistrationRemoved { user, contact, end: BindingEnd::Expired });
        }
        DONE
    }

    /// Timers are gone with the old process: what is still valid gets a new one.
    pub(super) fn restart_registrations(&mut self, desk: &mut Desk<'_>) {
        let mut all = Vec::new();
        for (user, entry) in &self.state.phones {
            all.extend(entry.bindings.iter().map(|binding| (user.clone(), binding.contact.clone(), binding.expires)));
        }
        for (user, contact, expires) in all {
            if expires > desk.now {
                desk.set_timer(TimerKey::Registration(user, contact), expires);
            } else {
                self.emit_config(desk, fact::RegistrationRemoved { user, contact, end: BindingEnd::Expired });
            }
        }
    }

    pub(super) fn unbind_all(&mut self, desk: &mut Desk<'_>, user: &UserName, end: BindingEnd) {
        let all: Vec<String> = self.bindings(user).iter().map(|binding| binding.contact.clone()).collect();
        for contact in all {
            self.unbind(desk, user, contact, end);
        }
    }

    fn unbind(&mut self, desk: &mut Desk<'_>, user: &UserName, contact: String, end: BindingEnd) {
        desk.cancel_timer(TimerKey::Registration(user.clone(), contact.clone()));
        self.emit_config(desk, fact::RegistrationRemoved { user: user.clone(), contact, end });
    }
}
