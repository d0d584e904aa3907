//! Phones, trunks and access numbers, and the tenant itself.

use smol_str::SmolStr;

use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::SignOutReason;
use crate::call::Tone;
use crate::cause::{Cause, Party};
use crate::command::Rejection;
use crate::config::{AccessNumber, Destination, Phone, Trunk, TrunkState};
use crate::event::{self as fact, TenantSettings};
use crate::id::{Number, TrunkName, UserName};
use crate::registration::BindingEnd;

pub(super) fn not_found(what: &'static str, name: impl ToString) -> Rejection {
    Rejection::NotFound { what, name: name.to_string() }
}

pub(super) fn exists(what: &'static str, name: impl ToString) -> Rejection {
    Rejection::AlreadyExists { what, name: name.to_string() }
}

pub(super) fn invalid(field: &'static str, value: impl ToString, rule: &'static str) -> Rejection {
    Rejection::Invalid { field, value: value.to_string(), rule }
}

pub(super) fn room(count: usize, limit: usize, what: &'static str) -> Result<(), Rejection> {
    if count < limit { Ok(()) } else { Err(Rejection::LimitReached { what, limit: limit as u64 }) }
}

fn check_settings(settings: &TenantSettings) -> Result<(), Rejection> {
    if settings.name.is_empty() {
        return Err(invalid("name", &settings.name, "at least one character"));
    }
    if !limits::RING_TIMEOUT_S.contains(&settings.ring_timeout_s) {
        return Err(invalid("ring_timeout_s", settings.ring_timeout_s, "1 to 600 seconds"));
    }
    Ok(())
}

fn check_phone(phone: &Phone) -> Result<(), Rejection> {
    if !(1..=limits::MAX_CONTACTS).contains(&phone.max_contacts) {
        return Err(invalid("max_contacts", phone.max_contacts, "1 to 20"));
    }
    Ok(())
}

fn check_trunk(trunk: &Trunk) -> Result<(), Rejection> {
    if trunk.host.is_empty() || trunk.host.contains(char::is_whitespace) {
        return Err(invalid("host", &trunk.host, "a host name or an address"));
    }
    if trunk.port == Some(0) {
        return Err(invalid("port", 0, "1 to 65535"));
    }
    Ok(())
}

impl Tenant {
    // ---- the tenant -----------------------------------------------------------------------------------------------

    pub(super) fn create(&mut self, desk: &mut Desk<'_>, settings: TenantSettings) -> Outcome {
        if self.is_open() {
            return Err(exists("tenant", self.id()));
        }
        check_settings(&settings)?;
        self.emit_config(desk, fact::TenantCreated { settings });
        DONE
    }

    pub(super) fn change(&mut self, desk: &mut Desk<'_>, settings: TenantSettings) -> Outcome {
        check_settings(&settings)?;
        if self.settings() != Some(&settings) {
            self.emit_config(desk, fact::TenantChanged { settings });
        }
        DONE
    }

    /// Its legs are released and may take their time to end; everything else is gone at once.
    pub(super) fn remove(&mut self, desk: &mut Desk<'_>) -> Outcome {
        for agent in self.agents_signed_in() {
            self.end_session(desk, agent, SignOutReason::Removed);
        }
        let cause = Cause::sip(480, Party::System).because("tenant removed");
        for id in self.call_ids() {
            self.release_all(desk, id, &cause);
            desk.forget_hearing();
        }
        for user in self.state.phones.keys().cloned().collect::<Vec<_>>() {
            self.unbind_all(desk, &user, BindingEnd::PhoneRemoved);
        }
        self.emit_config(desk, fact::TenantRemoved {});
        DONE
    }

    // ---- phones ---------------------------------------------------------------------------------------------------

    pub(super) fn add_phone(&mut self, desk: &mut Desk<'_>, phone: Phone) -> Outcome {
        if self.phone(&phone.user).is_some() {
            return Err(exists("phone", &phone.user));
        }
        check_phone(&phone)?;
        room(self.state.phones.len(), limits::PHONES, "phones")?;
        self.emit_config(desk, fact::PhoneAdded { phone });
        DONE
    }

    pub(super) fn change_phone(&mut self, desk: &mut Desk<'_>, phone: Phone) -> Outcome {
        let old = self.phone(&phone.user).ok_or_else(|| not_found("phone", &phone.user))?;
        check_phone(&phone)?;
        if *old != phone {
            self.emit_config(desk, fact::PhoneChanged { phone });
        }
        DONE
    }

    pub(super) fn remove_phone(&mut self, desk: &mut Desk<'_>, user: UserName) -> Outcome {
        if self.phone(&user).is_none() {
            return Err(not_found("phone", &user));
        }
        self.unbind_all(desk, &user, BindingEnd::PhoneRemoved);
        self.emit_config(desk, fact::PhoneRemoved { user });
        DONE
    }

    // ---- trunks ---------------------------------------------------------------------------------------------------

    pub(super) fn add_trunk(&mut self, desk: &mut Desk<'_>, trunk: Trunk) -> Outcome {
        if self.trunk(&trunk.name).is_some() {
            return Err(exists("trunk", &trunk.name));
        }
        check_trunk(&trunk)?;
        room(self.state.trunks.len(), limits::TRUNKS, "trunks")?;
        self.emit_config(desk, fact::TrunkAdded { trunk });
        DONE
    }

    pub(super) fn change_trunk(&mut self, desk: &mut Desk<'_>, trunk: Trunk) -> Outcome {
        let (old, _) = self.trunk(&trunk.name).ok_or_else(|| not_found("trunk", &trunk.name))?;
        check_trunk(&trunk)?;
        if *old != trunk {
            self.emit_config(desk, fact::TrunkChanged { trunk });
        }
        DONE
    }

    pub(super) fn remove_trunk(&mut self, desk: &mut Desk<'_>, name: TrunkName) -> Outcome {
        if self.trunk(&name).is_none() {
            return Err(not_found("trunk", &name));
        }
        self.emit_config(desk, fact::TrunkRemoved { name });
        DONE
    }

    pub(super) fn trunk_seen(&mut self, desk: &mut Desk<'_>, name: TrunkName, state: TrunkState, reason: SmolStr) -> Outcome {
        let (_, old) = self.trunk(&name).ok_or_else(|| not_found("trunk", &name))?;
        if old != state {
            self.emit_config(desk, fact::TrunkStateChanged { name, state, reason });
        }
        DONE
    }

    // ---- access numbers -------------------------------------------------------------------------------------------

    fn check_number(&self, number: &AccessNumber) -> Result<(), Rejection> {
        match &number.destination {
            Destination::Phone(user) if self.phone(user).is_none() => Err(invalid("destination", user, "a phone that is set up")),
            Destination::Queue(queue) | Destination::Voicemail(queue) if self.queue(*queue).is_none() => {
                Err(invalid("destination", queue, "a queue that is set up"))
            }
            Destination::Agent(agent) if self.agent(*agent).is_none() => Err(invalid("destination", agent, "an agent that is set up")),
            Destination::Tone(Tone::Sine(hz)) if !limits::SINE_HZ.contains(hz) => Err(invalid("destination", hz, "20 to 3400 Hz")),
            Destination::Prompt(name) if !is_file_name(name) => {
                Err(invalid("destination", name, "1 to 128 characters of A-Z, a-z, 0-9 and `-_`"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn add_number(&mut self, desk: &mut Desk<'_>, number: AccessNumber) -> Outcome {
        if self.state.numbers.contains_key(&number.number) {
            return Err(exists("number", &number.number));
        }
        self.check_number(&number)?;
        room(self.state.numbers.len(), limits::NUMBERS, "numbers")?;
        self.emit_config(desk, fact::NumberAdded { number });
        DONE
    }

    pub(super) fn change_number(&mut self, desk: &mut Desk<'_>, number: AccessNumber) -> Outcome {
        let old = self.state.numbers.get(&number.number).ok_or_else(|| not_found("number", &number.number))?;
        if *old == number {
            return DONE;
        }
        self.check_number(&number)?;
        self.emit_config(desk, fact::NumberChanged { number });
        DONE
    }

    pub(super) fn remove_number(&mut self, desk: &mut Desk<'_>, number: Number) -> Outcome {
        if !self.state.numbers.contains_key(&number) {
            return Err(not_found("number", &number));
        }
        self.emit_config(desk, fact::NumberRemoved { number });
        DONE
    }
}

/// A prompt's name becomes a path in the tenant's folder: nothing that could leave it.
pub(super) fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
