//! Trunks: where they are, whether they are well, and what they need to be told.
//!
//! The directory says which trunks there are; each gets a machine ([`TrunkMachine`]) that asks for REGISTER and OPTIONS
//! requests. All of it follows the directory's version, so that a trunk that is added, changed or removed by an
//! administrator is taken up without a restart.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tandem_core::config::{Trunk, TrunkAuth};
use tandem_core::{Command, Flow, TenantId, Timestamp, Transport, TrunkName};

use super::desk::Desk;
use crate::sip::Name;
use crate::sip::header::{Method, NameAddr};
use crate::sip::message::Message;
use crate::sip::transport::resolve::{Answer, Lookup, Query};
use crate::sip::trunk::{TrunkConfig, TrunkMachine, TrunkOutput};
use crate::sip::ua::{Login, RequestParams};
use crate::sip::uri::{HostPort, Uri};

/// Names of hosts are asked for again after this long, so that a carrier that moves is followed.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);

type Key = (TenantId, TrunkName);

/// What a request of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Options,
    Register,
}

/// One trunk.
struct Line {
    /// Tells a changed trunk from the one of the same name before: answers to the old one's requests are not its own.
    serial: u64,
    trunk: Arc<Trunk>,
    machine: TrunkMachine,
    /// Its addresses in the order of preference; empty while its name is not resolved.
    addresses: Vec<SocketAddr>,
    resolve_at: Timestamp,
    /// Registrations keep their Call-ID (RFC 3261 §10.2.4).
    call_id: String,
    /// No longer in the directory: says goodbye, then goes.
    leaving: bool,
}

/// All trunks of all tenants. Ordered, because two tenants may use one carrier and the choice must not depend on a hash.
#[derive(Default)]
pub(super) struct Trunks {
    lines: BTreeMap<Key, Line>,
    /// Requests under way by token.
    asked: FxHashMap<u64, (Key, u64, Asked)>,
    tokens: u64,
    serials: u64,
    version: Option<u64>,
}

impl Trunks {
    /// When [`Desk::watch_trunks`] is next needed.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.lines.values().flat_map(|line| [line.machine.poll_timeout(), Some(line.resolve_at)]).flatten().min()
    }

    /// The trunk that calls from this address belong to, and whether the port fits as well.
    pub(super) fn owner_of(&self, remote: SocketAddr) -> Option<(TenantId, TrunkName, bool)> {
        let ip = remote.ip().to_canonical();
        let same_ip = |address: &&SocketAddr| address.ip().to_canonical() == ip;
        let live = || self.lines.iter().filter(|(_, line)| !line.leaving);
        let exact = live().find(|(_, line)| line.addresses.iter().filter(same_ip).any(|address| address.port() == remote.port()));
        let found =
            exact.or_else(|| live().find(|(_, line)| line.addresses.iter().any(|one| same_ip(&one)) || line.trunk.sources.contains(&ip)));
        found.map(|((tenant, name), _)| (tenant.clone(), name.clone(), exact.is_some()))
    }

    fn line(&self, tenant: &TenantId, name: &TrunkName) -> Option<&Line> {
        self.lines.get(&(tenant.clone(), name.clone()))
    }
}

impl Desk {
    /// Takes up changes of the directory and does what is due.
    pub(super) fn watch_trunks(&mut self, now: Timestamp) {
        let version = self.directory.version();
        if self.trunks.version != Some(version) {
            self.trunks.version = Some(version);
            self.take_up_trunks(now);
        }
        if self.trunks.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        let keys: Vec<Key> = self.trunks.lines.keys().cloned().collect();
        for key in keys {
            self.watch_trunk(now, &key);
        }
    }

    fn take_up_trunks(&mut self, now: Timestamp) {
        let wanted = self.directory.trunks();
        let mut leaving = Vec::new();
        for (key, line) in &mut self.trunks.lines {
            let kept = wanted.iter().find(|(tenant, trunk)| *tenant == key.0 && trunk.name == key.1);
            if kept.is_none_or(|(_, trunk)| **trunk != *line.trunk) && !line.leaving {
                line.leaving = true;
                line.machine.remove();
                leaving.push(key.clone());
            }
        }
        for key in leaving {
            self.obey_machine(now, &key);
        }
        self.name_trunks();
        // A changed trunk is a new one: the old line's goodbye is not waited for.
        for (tenant, trunk) in wanted.iter() {
            let key = (tenant.clone(), trunk.name.clone());
            if self.trunks.lines.get(&key).is_some_and(|line| !line.leaving) {
                continue;
            }
            self.trunks.serials += 1;
            let line = Line {
                serial: self.trunks.serials,
                machine: TrunkMachine::new(now, machine_config(trunk), &mut self.random),
                addresses: Vec::new(),
                resolve_at: now,
                call_id: self.fresh_call_id(),
                leaving: false,
                trunk: trunk.clone(),
            };
            self.trunks.lines.insert(key, line);
        }
    }

    fn watch_trunk(&mut self, now: Timestamp, key: &Key) {
        let Some(line) = self.trunks.lines.get_mut(key) else { return };
        if line.resolve_at <= now {
            line.resolve_at = now + RESOLVE_EVERY;
            let serial = line.serial;
            let query = trunk_host(&line.trunk).map(|host| Query { host, transport: Some(line.trunk.transport) });
            if let Some(Lookup::Now(answer)) = query.map(|query| self.resolver.lookup(serial, query)) {
                self.trunk_resolved(serial, answer);
            }
        }
        let Some(line) = self.trunks.lines.get_mut(key) else { return };
        line.machine.handle_timeout(now);
        self.obey_machine(now, key);
    }

    fn obey_machine(&mut self, now: Timestamp, key: &Key) {
        while let Some(output) = self.trunks.lines.get_mut(key).and_then(|line| line.machine.poll_output()) {
            match output {
                TrunkOutput::Options => self.ask_trunk(now, key, Asked::Options, None),
                TrunkOutput::Register { expires, cseq } => self.ask_trunk(now, key, Asked::Register, Some((expires, cseq))),
                TrunkOutput::State { state, reason } => {
                    self.post.send(&key.0, Command::TrunkSeen { name: key.1.clone(), state, reason });
                }
                TrunkOutput::Removed => {
                    self.trunks.lines.remove(key);
                }
            }
        }
    }

    fn ask_trunk(&mut self, now: Timestamp, key: &Key, asked: Asked, register: Option<(u32, u32)>) {
        let Some(line) = self.trunks.lines.get(key) else { return };
        self.trunks.tokens += 1;
        let token = self.trunks.tokens;
        self.trunks.asked.insert(token, (key.clone(), line.serial, asked));
        let sent = self.request_of(key, token, register).is_some_and(|params| self.ua.request_outside(now, params).is_ok());
        if !sent {
            // No address, or no room: for the machine that is the same as no answer.
            self.trunk_answered(now, token, 503, None);
        }
    }

    fn request_of(&self, key: &Key, token: u64, register: Option<(u32, u32)>) -> Option<RequestParams> {
        let line = self.trunks.lines.get(key)?;
        let flow = self.trunk_flow(&key.0, &key.1)?;
        let host = trunk_host(&line.trunk)?;
        let user = match &line.trunk.auth {
            TrunkAuth::Register { user, .. } => Some(user.clone()),
            TrunkAuth::Address => None,
        };
        let own = HostPort::from(self.config.ua.advertised(&flow));
        let (from, to) = match (&user, register) {
            (Some(user), Some(_)) => (Uri::sip(Some(user), &host), Uri::sip(Some(user), &host)),
            _ => (Uri::sip(Some("tandem"), &own), Uri::sip(None, &host)),
        };
        let headers = match register {
            Some((expires, _)) => vec![(Name::Expires.to_string(), expires.to_string())],
            None => Vec::new(),
        };
        Some(RequestParams {
            token,
            method: if register.is_some() { Method::Register } else { Method::Options },
            uri: Uri::sip(None, &host).as_str().to_owned(),
            flow,
            routes: Vec::new(),
            from: NameAddr::new(from),
            to: NameAddr::new(to),
            call_id: register.is_some().then(|| line.call_id.clone()),
            cseq: register.map_or(1, |(_, cseq)| cseq),
            contact_user: register.and(user).map(String::from),
            headers,
            credentials: self.trunk_credentials(&key.0, &line.trunk),
        })
    }

    /// A request to a trunk is through.
    pub(super) fn trunk_answered(&mut self, now: Timestamp, token: u64, status: u16, response: Option<&Message>) {
        let Some((key, serial, asked)) = self.trunks.asked.remove(&token) else { return };
        let contact = self.trunk_contact(&key).unwrap_or_default();
        let Some(line) = self.trunks.lines.get_mut(&key).filter(|line| line.serial == serial) else { return };
        match asked {
            Asked::Options => line.machine.options_answered(status),
            Asked::Register => line.machine.registered(now, status, response, &contact, &mut self.random),
        }
        self.obey_machine(now, &key);
    }

    /// The Contact that a registration of ours carries, as far as the machine compares it.
    fn trunk_contact(&self, key: &Key) -> Option<String> {
        let flow = self.trunk_flow(&key.0, &key.1)?;
        let line = self.trunks.lines.get(key)?;
        let TrunkAuth::Register { user, .. } = &line.trunk.auth else { return None };
        Some(Uri::sip(Some(user), &HostPort::from(self.config.ua.advertised(&flow))).as_str().to_owned())
    }

    /// The way to a trunk: its first address, from a socket of ours of that transport and family.
    pub(super) fn trunk_flow(&self, tenant: &TenantId, name: &TrunkName) -> Option<Flow> {
        let line = self.trunks.line(tenant, name)?;
        let remote = line.addresses.first()?;
        self.flow_to(line.trunk.transport, *remote)
    }

    /// A resolver's answer. What was known before stays in use when a name can't be looked up for a while.
    pub(super) fn trunk_resolved(&mut self, serial: u64, answer: Answer) {
        let Some(line) = self.trunks.lines.values_mut().find(|line| line.serial == serial) else { return };
        match answer {
            Ok(targets) => line.addresses = targets.iter().map(|target| target.addr).collect(),
            Err(error) => tracing::warn!(trunk = %line.trunk.name, %error, "a trunk's host can't be resolved"),
        }
        self.name_trunks();
    }

    /// Says which names trunks have to prove by their certificate: their hosts, as they are configured and not as DNS led on
    /// from there (RFC 5922 §4).
    fn name_trunks(&mut self) {
        let secure = self.trunks.lines.values().filter(|line| line.trunk.transport == Transport::Tls);
        let name = |line: &Line| SmolStr::new(line.trunk.host.trim_matches(['[', ']']).to_ascii_lowercase());
        let peers: Vec<(SocketAddr, SmolStr)> =
            secure.flat_map(|line| line.addresses.iter().map(move |address| (*address, name(line)))).collect();
        self.name_peers(peers);
    }

    /// What to answer a trunk's challenge with.
    pub(super) fn trunk_credentials(&self, tenant: &TenantId, trunk: &Trunk) -> Option<Login> {
        let TrunkAuth::Register { user, .. } = &trunk.auth else { return None };
        let password = self.secrets.trunk_password(tenant, &trunk.name)?;
        Some(Login { user: user.to_string(), password: password.to_string() })
    }

    /// Says goodbye where we are registered; nobody waits for the answer.
    pub(super) fn leave_trunks(&mut self, now: Timestamp) {
        let keys: Vec<Key> = self.trunks.lines.keys().cloned().collect();
        for key in keys {
            if let Some(line) = self.trunks.lines.get_mut(&key) {
                line.machine.remove();
            }
            self.obey_machine(now, &key);
        }
    }
}

fn machine_config(trunk: &Trunk) -> TrunkConfig {
    let seconds = |s: u32| Duration::from_secs(u64::from(s));
    TrunkConfig {
        register: match &trunk.auth {
            TrunkAuth::Register { expires_s, .. } => Some(seconds(*expires_s)),
            TrunkAuth::Address => None,
        },
        options: (trunk.options_interval_s > 0).then(|| seconds(trunk.options_interval_s)),
        ..TrunkConfig::default()
    }
}

/// Host and port as they stand in URIs.
pub(super) fn trunk_host(trunk: &Trunk) -> Option<HostPort> {
    let host = if trunk.host.contains(':') && !trunk.host.starts_with('[') {
        SmolStr::new(format!("[{}]", trunk.host))
    } else {
        trunk.host.clone()
    };
    let text = trunk.port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    HostPort::parse(&text).ok()
}
