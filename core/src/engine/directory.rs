//! What other threads may know of the configuration, folded from committed events.
//!
//! Written by the log thread alone. Readers get `Arc`s; no guard of a map leaves this file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use smol_str::SmolStr;

use crate::config::{Phone, Trunk};
use crate::event::{ConfigEvent, Envelope, Event, TenantSettings};
use crate::id::{TenantId, TrunkName};
use crate::tenant::Tenant;

/// All trunks of all tenants.
pub type Trunks = Vec<(TenantId, Arc<Trunk>)>;

/// Tenants, phones and trunks, for signalling and adapters to look up. Without locks for readers of trunks, with a
/// shard lock of a few nanoseconds inside each map for the rest.
#[derive(Debug, Default)]
pub struct Directory {
    tenants: DashMap<TenantId, Arc<TenantSettings>>,
    /// Who claims a domain, first come first served.
    domains: DashMap<SmolStr, Vec<TenantId>>,
    phones: DashMap<(TenantId, SmolStr), Arc<Phone>>,
    users: DashMap<SmolStr, Vec<TenantId>>,
    trunks: ArcSwap<Trunks>,
    version: AtomicU64,
}

impl Directory {
    /// All tenants, by name.
    pub fn tenants(&self) -> Vec<(TenantId, Arc<TenantSettings>)> {
        let mut all: Vec<_> = self.tenants.iter().map(|entry| (entry.key().clone(), Arc::clone(entry.value()))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// A tenant's settings.
    pub fn tenant(&self, tenant: &TenantId) -> Option<Arc<TenantSettings>> {
        self.tenants.get(tenant).map(|entry| Arc::clone(&entry))
    }

    /// The tenant whose phones have addresses at this host (any case).
    pub fn tenant_of_domain(&self, host: &str) -> Option<TenantId> {
        let found = |host: &str| self.domains.get(host).and_then(|claims| claims.first().cloned());
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) { found(&host.to_ascii_lowercase()) } else { found(host) }
    }

    /// A phone.
    pub fn phone(&self, tenant: &TenantId, user: &str) -> Option<Arc<Phone>> {
        self.phones.get(&(tenant.clone(), SmolStr::new(user))).map(|entry| Arc::clone(&entry))
    }

    /// Tenants with a phone of this name: for hosts that are plain addresses.
    pub fn tenants_of_user(&self, user: &str) -> Vec<TenantId> {
        self.users.get(user).map(|entry| entry.clone()).unwrap_or_default()
    }

    /// A trunk.
    pub fn trunk(&self, tenant: &TenantId, name: &TrunkName) -> Option<Arc<Trunk>> {
        let trunks = self.trunks.load();
        trunks.iter().find(|(owner, trunk)| owner == tenant && trunk.name == *name).map(|(_, trunk)| Arc::clone(trunk))
    }

    /// All trunks.
    pub fn trunks(&self) -> Arc<Trunks> {
        self.trunks.load_full()
    }

    /// Changes whenever trunks do.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes a committed fact in. Everything that is not configuration is passed over.
    pub fn apply(&self, envelope: &Envelope) {
        let Event::Config(event) = &envelope.event else { return };
        let tenant = &envelope.tenant;
        match event {
            ConfigEvent::TenantCreated(body) => self.put_tenant(tenant, &body.settings),
            ConfigEvent::TenantChanged(body) => self.put_tenant(tenant, &body.settings),
            ConfigEvent::TenantRemoved(_) => self.remove_tenant(tenant),
            ConfigEvent::PhoneAdded(body) => self.put_phone(tenant, &body.phone),
            ConfigEvent::PhoneChanged(body) => self.put_phone(tenant, &body.phone),
            ConfigEvent::PhoneRemoved(body) => self.remove_phone(tenant, body.user.as_str()),
            ConfigEvent::TrunkAdded(body) => self.put_trunk(tenant, &body.trunk),
            ConfigEvent::TrunkChanged(body) => self.put_trunk(tenant, &body.trunk),
            ConfigEvent::TrunkRemoved(body) => {
                self.change_trunks(|all| all.retain(|(owner, trunk)| owner != tenant || trunk.name != body.name))
            }
            // Everything else is looked up by nobody but the tenant.
            _ => {}
        }
    }

    /// Whether [`Directory::apply`] would look at it.
    pub(super) fn concerns(event: &Event) -> bool {
        use ConfigEvent as E;
        matches!(
            event,
            Event::Config(
                E::TenantCreated(_)
                    | E::TenantChanged(_)
                    | E::TenantRemoved(_)
                    | E::PhoneAdded(_)
                    | E::PhoneChanged(_)
                    | E::PhoneRemoved(_)
                    | E::TrunkAdded(_)
                    | E::TrunkChanged(_)
                    | E::TrunkRemoved(_)
            )
        )
    }

    /// Takes a whole tenant in, at start.
    pub(super) fn load(&self, tenant: &Tenant) {
        let Some(settings) = tenant.settings() else { return };
        self.put_tenant(tenant.id(), settings);
        tenant.phones().for_each(|phone| self.put_phone(tenant.id(), phone));
        tenant.trunks().for_each(|(trunk, _)| self.put_trunk(tenant.id(), trunk));
    }

    fn put_tenant(&self, tenant: &TenantId, settings: &TenantSettings) {
        self.drop_domains(tenant);
        for domain in &settings.domains {
            self.domains.entry(domain.to_ascii_lowercase().into()).or_default().push(tenant.clone());
        }
        self.tenants.insert(tenant.clone(), Arc::new(settings.clone()));
    }

    fn drop_domains(&self, tenant: &TenantId) {
        let Some(settings) = self.tenant(tenant) else { return };
        for domain in &settings.domains {
            let domain = domain.to_ascii_lowercase();
            if let Some(mut claims) = self.domains.get_mut(domain.as_str()) {
                claims.retain(|claim| claim != tenant);
            }
            self.domains.remove_if(domain.as_str(), |_, claims| claims.is_empty());
        }
    }

    fn remove_tenant(&self, tenant: &TenantId) {
        self.drop_domains(tenant);
        self.tenants.remove(tenant);
        let users: Vec<SmolStr> = self.phones.iter().filter(|e| e.key().0 == *tenant).map(|e| e.key().1.clone()).collect();
        for user in users {
            self.remove_phone(tenant, &user);
        }
        self.change_trunks(|all| all.retain(|(owner, _)| owner != tenant));
    }

    fn put_phone(&self, tenant: &TenantId, phone: &Phone) {
        let user = SmolStr::new(phone.user.as_str());
        if self.phones.insert((tenant.clone(), user.clone()), Arc::new(phone.clone())).is_none() {
            self.users.entry(user).or_default().push(tenant.clone());
        }
    }

    fn remove_phone(&self, tenant: &TenantId, user: &str) {
        self.phones.remove(&(tenant.clone(), SmolStr::new(user)));
        if let Some(mut owners) = self.users.get_mut(user) {
            owners.retain(|owner| owner != tenant);
        }
        self.users.remove_if(user, |_, owners| owners.is_empty());
    }

    fn put_trunk(&self, tenant: &TenantId, trunk: &Trunk) {
        let new = Arc::new(trunk.clone());
        self.change_trunks(|all| match all.iter_mut().find(|(owner, old)| owner == tenant && old.name == trunk.name) {
            Some((_, old)) => *old = new,
            None => all.push((tenant.clone(), new)),
        });
    }

    fn change_trunks(&self, change: impl FnOnce(&mut Trunks)) {
        let mut all = Trunks::clone(&self.trunks.load());
        change(&mut all);
        self.trunks.store(Arc::new(all));
        self.version.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
