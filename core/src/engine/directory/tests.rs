#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::event::{PhoneAdded, PhoneRemoved, TenantChanged, TenantCreated, TenantRemoved};
use crate::id::UserName;
use crate::time::Timestamp;

fn tell(directory: &Directory, tenant: &str, event: impl Into<ConfigEvent>) {
    let tenant = TenantId::new(tenant).unwrap();
    directory.apply(&Envelope { tenant, seq: 1, time: Timestamp::default(), event: Event::Config(event.into()) });
}

fn settings(domains: &[&str]) -> TenantSettings {
    TenantSettings { domains: domains.iter().map(SmolStr::new).collect(), ..TenantSettings::named("x") }
}

fn phone(user: &str) -> Phone {
    Phone { user: UserName::new(user).unwrap(), display_name: None, max_contacts: 5, srtp: Default::default() }
}

#[test]
fn a_domain_finds_its_tenant_in_any_case_and_only_while_it_is_claimed() {
    let directory = Directory::default();
    tell(&directory, "a", TenantCreated { settings: settings(&["shop.example", "old.example"]) });
    tell(&directory, "b", TenantCreated { settings: settings(&["shop.example"]) });
    assert_eq!(directory.tenant_of_domain("SHOP.example").unwrap().as_str(), "a", "first come, first served");
    tell(&directory, "a", TenantChanged { settings: settings(&["new.example"]) });
    assert_eq!(directory.tenant_of_domain("shop.example").unwrap().as_str(), "b");
    assert_eq!(directory.tenant_of_domain("old.example"), None);
}

#[test]
fn a_removed_tenant_leaves_nothing_behind() {
    let directory = Directory::default();
    for tenant in ["a", "b"] {
        tell(&directory, tenant, TenantCreated { settings: settings(&[]) });
        tell(&directory, tenant, PhoneAdded { phone: phone("101") });
    }
    assert_eq!(directory.tenants_of_user("101").len(), 2);
    tell(&directory, "a", TenantRemoved {});
    assert_eq!(directory.tenants_of_user("101"), [TenantId::new("b").unwrap()]);
    assert!(directory.phone(&TenantId::new("a").unwrap(), "101").is_none());
    tell(&directory, "b", PhoneRemoved { user: UserName::new("101").unwrap() });
    assert!(directory.users.is_empty() && directory.phones.is_empty());
}
