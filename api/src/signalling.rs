//! The configuration in the words of the planes that carry: signalling and media.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smol_str::SmolStr;
use tandem_core::{TenantId, Transport, TrunkName};
use tandem_media::rtp::{LatchMode, RtpConfig};
use tandem_media::sip::auth::{Algorithm, ServerConfig};
use tandem_media::sip::registrar::ExpiryLimits;
use tandem_media::sip::transaction::TimerConfig;
use tandem_media::sip::transport::{Certificates, Listen, Security, Trust};
use tandem_media::sip::ua::{Advertised, SessionConfig, UaConfig};
use tandem_media::switch::{Secrets, SwitchConfig};

use crate::auth::CredentialStore;
use crate::config::{Config, DigestAlgorithm, Latch};

impl Secrets for CredentialStore {
    fn trunk_password(&self, tenant: &TenantId, trunk: &TrunkName) -> Option<Arc<str>> {
        self.trunk(tenant, trunk)
    }
}

/// Where signalling listens.
pub(crate) fn listen(config: &Config) -> Vec<Listen> {
    config.sip.listen.iter().map(|one| Listen { transport: one.transport, addr: one.addr }).collect()
}

/// Certificates and whom to believe. A certificate is made if none is configured and a listener needs one.
pub(crate) fn security(config: &Config) -> anyhow::Result<Security> {
    let sip = &config.sip;
    let needed = sip.listen.iter().any(|one| matches!(one.transport, Transport::Tls | Transport::Wss));
    let certificates = match (&sip.tls_certificate, &sip.tls_key) {
        (Some(certificate), Some(key)) => Some(Certificates::load(certificate, key)?),
        _ if needed => Some(own_certificate(config)?),
        _ => None,
    };
    Ok(Security {
        certificates: certificates.map(Arc::new),
        trust: Trust {
            authorities: sip.tls_authorities.clone(),
            wildcards: sip.tls_wildcards,
            insecure_hosts: sip.tls_insecure_trunk_hosts.iter().map(SmolStr::new).collect(),
        },
        origins: sip.websocket_origins.iter().map(SmolStr::new).collect(),
    })
}

/// The self-signed certificate in the data folder, for every name and address that we know of ourselves.
fn own_certificate(config: &Config) -> anyhow::Result<Certificates> {
    use std::os::unix::fs::DirBuilderExt as _;
    let dir = &config.node.data_dir;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| format!("folder {}", dir.display()))?;
    let mut names = vec!["localhost".to_owned()];
    let addresses = config.sip.listen.iter().map(|one| one.addr.ip()).chain(config.sip.public_address);
    for ip in addresses.filter(|ip| !ip.is_unspecified()) {
        if !names.contains(&ip.to_string()) {
            names.push(ip.to_string());
        }
    }
    Ok(Certificates::load_or_make(&dir.join("sip-cert.pem"), &dir.join("sip-key.pem"), names)?)
}

/// The switch's configuration; `listening` are the addresses that were bound, with their ports.
pub(crate) fn switch(config: &Config, listening: &[Listen]) -> SwitchConfig {
    SwitchConfig {
        realm: SmolStr::new(&config.sip.realm),
        ua: user_agent(config, listening),
        digest: ServerConfig {
            algorithms: config.sip.digest.iter().map(algorithm).collect(),
            nonce_lifetime: seconds(config.sip.nonce_lifetime_s),
            ..ServerConfig::default()
        },
        media_ip: config.rtp.ip,
        media_public: config.rtp.public_address,
        latch: match config.rtp.latch {
            Latch::Strict => LatchMode::Strict,
            Latch::Nat => LatchMode::Nat,
        },
        ..SwitchConfig::default()
    }
}

fn algorithm(configured: &DigestAlgorithm) -> Algorithm {
    match configured {
        DigestAlgorithm::Md5 => Algorithm::Md5,
        DigestAlgorithm::Sha256 => Algorithm::Sha256,
    }
}

fn user_agent(config: &Config, listening: &[Listen]) -> UaConfig {
    let sip = &config.sip;
    let advertised = sip.public_address.map(|ip| {
        let same_family = listening.iter().filter(move |one| one.addr.is_ipv4() == ip.is_ipv4());
        same_family.map(move |one| Advertised { transport: one.transport, address: SocketAddr::new(ip, one.addr.port()) }).collect()
    });
    UaConfig {
        timers: TimerConfig {
            t1: Duration::from_millis(sip.t1_ms),
            t2: Duration::from_millis(sip.t2_ms),
            t4: Duration::from_millis(sip.t4_ms),
        },
        product: SmolStr::new(&sip.user_agent),
        advertised: advertised.unwrap_or_default(),
        session: SessionConfig { interval: seconds(sip.session_expires_s), ..UaConfig::default().session },
        expiry: ExpiryLimits {
            least: seconds(sip.expires_min_s),
            default: seconds(sip.expires_default_s),
            most: seconds(sip.expires_max_s),
            ..ExpiryLimits::default()
        },
        transactions: sip.transactions_max as usize,
        legs: sip.legs_max as usize,
    }
}

/// The media plane's configuration.
pub(crate) fn media(config: &Config) -> RtpConfig {
    RtpConfig {
        ports: config.rtp.port_min..=config.rtp.port_max,
        workers: usize::from(config.rtp.workers),
        silence: if config.rtp.silence_s == 0 { NEVER } else { seconds(config.rtp.silence_s) },
        prompts: Some(config.prompts_dir()),
        recordings: Some(config.recordings_dir()),
        ..RtpConfig::default()
    }
}

/// Longer than any call.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

fn seconds(s: u32) -> Duration {
    Duration::from_secs(u64::from(s))
}
