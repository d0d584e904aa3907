//! The one door between core and packets.
//!
//! One thread drives the signalling sockets, the SIP user agent and the switch itself, and speaks with the other
//! planes over bounded queues:
//!
//! ```text
//!   sockets ⇄ Transports ⇄ UserAgent ──UaEvent──▶ Switch ──Command──▶ mailboxes of the core
//!                                ▲                  │  ▲
//!                                └────actions───────┘  └──Effect── the core's committer (after the commit)
//!                                                   │  ▲
//!                                  MediaPlane ◀─────┘  └──Report── media workers
//! ```
//!
//! It decides nothing. What it adds is translation: a message becomes a command once its sender is known
//! (`admission`), an effect becomes SIP and RTP (`orders`), what a dialog or a media worker reports becomes a command
//! again (`reports`), sound and recordings find their tenant's folder (`services`), session descriptions are matched (`negotiation`), trunks are registered and watched (`trunks`).

mod admission;
mod brake;
mod desk;
mod inbox;
mod legs;
mod negotiation;
mod orders;
mod post;
mod reports;
mod services;
mod trunks;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use smol_str::SmolStr;
use tandem_core::engine::{Clock, Directory, Mailbox};
use tandem_core::{Codec, Ids, TenantId, TrunkName};

pub use self::inbox::SwitchInbox;
use crate::rtp::{LatchMode, MediaPlane};
use crate::sip::auth::{Credentials, ServerConfig};
use crate::sip::transport::Transports;
use crate::sip::ua::UaConfig;

/// What the switch is told once.
#[derive(Debug, Clone)]
pub struct SwitchConfig {
    /// Digest realm, and the domain in From of calls to phones whose tenant has none.
    pub realm: SmolStr,
    /// The user agent's settings.
    pub ua: UaConfig,
    /// Digest algorithms and nonces.
    pub digest: ServerConfig,
    /// Address that media ports are opened on; unspecified means the local address of the signalling flow.
    pub media_ip: IpAddr,
    /// Address in session descriptions, where it differs (1:1 NAT).
    pub media_public: Option<IpAddr>,
    /// What is offered when no peer's wish is known, in order of preference.
    pub codecs: Vec<Codec>,
    /// Whose media packets are taken.
    pub latch: LatchMode,
    /// Retry-After in seconds when a mailbox is full.
    pub retry_after_s: u32,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        SwitchConfig {
            realm: SmolStr::new_static("tandem"),
            ua: UaConfig::default(),
            digest: ServerConfig::default(),
            media_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            media_public: None,
            codecs: negotiation::usual_codecs(),
            latch: LatchMode::default(),
            retry_after_s: 2,
        }
    }
}

/// Where secrets are.
pub trait Secrets: Credentials + Send + Sync {
    /// The password we have at a trunk's carrier.
    fn trunk_password(&self, tenant: &TenantId, trunk: &TrunkName) -> Option<Arc<str>>;
}

/// Everything the switch works with. Sockets are bound already, so that a port in use is an error at start.
pub struct SwitchParts {
    /// Signalling sockets.
    pub transports: Transports,
    /// Media workers, reporting to `inbox`.
    pub media: MediaPlane,
    /// Where effects and reports come in.
    pub inbox: SwitchInbox,
    /// Where commands go.
    pub mailbox: Mailbox,
    /// Names of tenants, phones and trunks.
    pub directory: Arc<Directory>,
    /// Passwords of trunks and digest secrets of phones.
    pub secrets: Arc<dyn Secrets>,
    /// Names for legs that come in.
    pub ids: Ids,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A running switch.
pub struct Switch {
    stop: Arc<AtomicBool>,
    waker: crate::sip::transport::Waker,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Starts the signalling thread.
    pub fn start(config: SwitchConfig, parts: SwitchParts) -> io::Result<Switch> {
        let stop = Arc::new(AtomicBool::new(false));
        let waker = parts.transports.waker();
        let flag = stop.clone();
        let mut desk = desk::Desk::new(config, parts)?;
        let thread = std::thread::Builder::new().name("sip-0".into()).spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                desk.turn(Duration::from_millis(500));
            }
            desk.close();
        })?;
        Ok(Switch { stop, waker, thread: Some(thread) })
    }

    /// Stops taking messages and ends the thread. Calls that are up stay up at their far ends until those notice.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the signalling thread had panicked");
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.halt();
    }
}
