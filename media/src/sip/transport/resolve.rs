//! Where a SIP name leads (RFC 3263): NAPTR, SRV, A and AAAA, on a thread of its own.
//!
//! [`Resolver::lookup`] never waits: what needs no DNS is answered at once, the rest comes through [`Resolver::answers`] after the
//! waker was called. How many look-ups are under way and how much is kept are bounded.

mod order;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::channel::{Receiver, Sender, bounded};
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query as DnsQuery;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use smol_str::SmolStr;
use tandem_core::Transport;

use crate::sip::limits;
use crate::sip::uri::{Host, HostPort};
use order::{Service, services, sorted};

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Host and maybe port, of a URI or of a trunk.
    pub host: HostPort,
    /// The transport, if it is given; else DNS says which (RFC 3263 §4.1).
    pub transport: Option<Transport>,
}

/// One place to try, in the order of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Transport.
    pub transport: Transport,
    /// Address.
    pub addr: SocketAddr,
}

/// Why there is no place to try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// DNS knows nothing of it.
    #[error("no address for `{0}`")]
    NotFound(String),
    /// DNS did not answer in time or not well.
    #[error("cannot look up `{name}`: {reason}")]
    Failed {
        /// The name.
        name: String,
        /// What the resolver said.
        reason: String,
    },
    /// More than [`limits::LOOKUPS`] at once.
    #[error("too many look-ups under way")]
    Busy,
}

/// The answer to one look-up.
pub type Answer = Result<Vec<Target>, ResolveError>;

/// What [`Resolver::lookup`] found without waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The answer.
    Now(Answer),
    /// It will come through [`Resolver::answers`] with the token.
    Later,
}

/// Looks names up. Its thread ends with it.
pub struct Resolver {
    requests: tokio::sync::mpsc::Sender<(u64, Query)>,
    answers: Receiver<(u64, Answer)>,
    under_way: Arc<AtomicUsize>,
    /// The machine's own names, read at start.
    hosts: Hosts,
}

/// The port where none is given (RFC 3261 §19.1.2).
pub fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Tls => 5061,
        Transport::Ws => 80,
        Transport::Wss => 443,
        Transport::Udp | Transport::Tcp => 5060,
    }
}

impl Resolver {
    /// Starts the thread. `config`: the name servers, or those of the machine. `wake` is called after each answer.
    pub fn start(config: Option<ResolverConfig>, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Resolver> {
        let (requests, incoming) = tokio::sync::mpsc::channel(limits::LOOKUPS);
        // One place for each look-up that may be under way: sending an answer never waits.
        let (outgoing, answers) = bounded(limits::LOOKUPS);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let under_way = Arc::new(AtomicUsize::new(0));
        std::thread::Builder::new().name("sip-resolver".to_owned()).spawn(move || {
            runtime.block_on(serve(config, incoming, outgoing, Arc::new(wake)));
        })?;
        Ok(Resolver { requests, answers, under_way, hosts: Hosts::from_system().unwrap_or_default() })
    }

    /// Looks for the places to try. `token` comes back with an answer that has to be waited for.
    pub fn lookup(&self, token: u64, query: Query) -> Lookup {
        if let Some(ip) = query.host.host.ip() {
            return Lookup::Now(Ok(vec![literal(&query, ip)]));
        }
        let local = self.local_name(&query);
        if !local.is_empty() {
            return Lookup::Now(Ok(local));
        }
        if self.under_way.load(Ordering::Relaxed) >= limits::LOOKUPS {
            return Lookup::Now(Err(ResolveError::Busy));
        }
        match self.requests.try_send((token, query)) {
            Ok(()) => {
                self.under_way.fetch_add(1, Ordering::Relaxed);
                Lookup::Later
            }
            Err(_) => Lookup::Now(Err(ResolveError::Busy)),
        }
    }

    /// The addresses of a name of the hosts file: what the administrator wrote there goes before DNS.
    fn local_name(&self, query: &Query) -> Vec<Target> {
        let Host::Name(name) = &query.host.host else { return Vec::new() };
        let Ok(name) = Name::from_ascii(name) else { return Vec::new() };
        let found = [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&DnsQuery::query(name.clone(), kind)));
        let ips = found.flat_map(|lookup| lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<IpAddr>>());
        ips.take(limits::TARGETS).map(|ip| literal(query, ip)).collect()
    }

    /// Answers that have come.
    pub fn answers(&self) -> impl Iterator<Item = (u64, Answer)> {
        self.answers.try_iter().inspect(|_| {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
        })
    }
}

fn literal(query: &Query, ip: IpAddr) -> Target {
    let transport = query.transport.unwrap_or(Transport::Udp);
    Target { transport, addr: SocketAddr::new(ip, query.host.port.unwrap_or_else(|| default_port(transport))) }
}

type Wake = Arc<dyn Fn() + Send + Sync>;

async fn serve(
    config: Option<ResolverConfig>,
    mut incoming: tokio::sync::mpsc::Receiver<(u64, Query)>,
    outgoing: Sender<(u64, Answer)>,
    wake: Wake,
) {
    let dns = build(config).map(Arc::new).map_err(|error| error.to_string());
    if let Err(error) = &dns {
        tracing::warn!(%error, "names cannot be looked up");
    }
    while let Some((token, query)) = incoming.recv().await {
        let (dns, outgoing, wake) = (dns.clone(), outgoing.clone(), wake.clone());
        tokio::spawn(async move {
            let name = query.host.to_string();
            let answer = match dns {
                Ok(dns) => match tokio::time::timeout(limits::LOOKUP, find(&dns, &query)).await {
                    Ok(answer) => answer,
                    Err(_) => Err(ResolveError::Failed { name, reason: "no answer in time".to_owned() }),
                },
                Err(reason) => Err(ResolveError::Failed { name, reason }),
            };
            // Full it is never; gone it is when the program ends.
            if outgoing.try_send((token, answer)).is_ok() {
                wake();
            }
        });
    }
}

fn build(config: Option<ResolverConfig>) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    let mut builder = match config {
        Some(config) => TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()),
        None => TokioResolver::builder_tokio()?,
    };
    let options = builder.options_mut();
    options.cache_size = limits::LOOKUP_CACHE as u64;
    options.timeout = limits::LOOKUP / 3;
    options.attempts = 1;
    // Trunks whose name has both kinds are run and tested over IPv4 first.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // A name with a dot is whole: search domains would send a carrier's name to somebody else.
    options.ndots = 1;
    builder.build()
}

/// RFC 3263 §4: the transport, then port and address.
async fn find(dns: &TokioResolver, query: &Query) -> Answer {
    let Host::Name(name) = &query.host.host else { return Err(ResolveError::NotFound(query.host.to_string())) };
    let mut targets = Vec::new();
    if let Some(port) = query.host.port {
        // With a port there is nothing but addresses to find (§4.2).
        addresses(dns, name, query.transport.unwrap_or(Transport::Udp), port, &mut targets).await?;
        return finish(targets, name);
    }
    for service in services_of(dns, name, query.transport).await {
        let Ok(found) = dns.lookup(service.name.as_str(), RecordType::SRV).await else { continue };
        let records = found.answers().iter().filter_map(|record| match &record.data {
            RData::SRV(srv) => Some((srv.priority, srv.weight, srv.port, SmolStr::new(srv.target.to_ascii()))),
            _ => None,
        });
        for (_, _, port, target) in sorted(records.take(limits::TARGETS).collect(), random) {
            // A target that can't be found is one to skip; others may do.
            let _ = addresses(dns, &target, service.transport, port, &mut targets).await;
        }
    }
    if targets.is_empty() {
        let transport = query.transport.unwrap_or(Transport::Udp);
        addresses(dns, name, transport, default_port(transport), &mut targets).await?;
    }
    finish(targets, name)
}

/// The SRV names to ask, best first: by NAPTR if the domain has any, else all that we speak.
async fn services_of(dns: &TokioResolver, name: &str, transport: Option<Transport>) -> Vec<Service> {
    let usual = |transports: &[Transport]| transports.iter().filter_map(|transport| Service::usual(*transport, name)).collect();
    if let Some(transport) = transport {
        return usual(&[transport]);
    }
    let Ok(found) = dns.lookup(name, RecordType::NAPTR).await else { return usual(&[Transport::Udp, Transport::Tcp]) };
    let records = found.answers().iter().filter_map(|record| match &record.data {
        RData::NAPTR(naptr) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((naptr.order, naptr.preference, text(&naptr.flags), text(&naptr.services), naptr.replacement.to_ascii()))
        }
        _ => None,
    });
    let found = services(records.take(limits::TARGETS).collect());
    if found.is_empty() { usual(&[Transport::Udp, Transport::Tcp]) } else { found }
}

async fn addresses(
    dns: &TokioResolver,
    name: &str,
    transport: Transport,
    port: u16,
    targets: &mut Vec<Target>,
) -> Result<(), ResolveError> {
    let found = dns.lookup_ip(name).await.map_err(|error| {
        if error.is_no_records_found() || error.is_nx_domain() {
            ResolveError::NotFound(name.to_owned())
        } else {
            ResolveError::Failed { name: name.to_owned(), reason: error.to_string() }
        }
    })?;
    let room = limits::TARGETS.saturating_sub(targets.len());
    for ip in found.iter().take(room) {
        let target = Target { transport, addr: SocketAddr::new(ip, port) };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(())
}

fn finish(targets: Vec<Target>, name: &str) -> Answer {
    if targets.is_empty() { Err(ResolveError::NotFound(name.to_owned())) } else { Ok(targets) }
}

/// A number below `bound` (or 0), for weights.
fn random(bound: u32) -> u32 {
    getrandom::u32().unwrap_or_default().checked_rem(bound).unwrap_or_default()
}
