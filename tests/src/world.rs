//! The usual beginning of a scenario: a network, a listener in it, the program, and the tenant `acme`.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::baresip::{self, Baresip};
use crate::capture::Capture;
use crate::netns::{CARRIER, Net};
use crate::peer::SipPeer;
use crate::sipp::{self, Sipp};
use crate::tandem::{Setup, Tandem, Tenant};
use crate::{Missing, wait};

/// The tenant of most scenarios.
pub const TENANT: &str = "acme";
/// Where the carrier of most scenarios speaks SIP.
pub const CARRIER_PORT: u16 = 5070;

/// All of it. Dropped from top to bottom, the network last.
#[derive(Debug)]
pub struct World {
    /// The program.
    pub tandem: Tandem,
    /// What goes over the wire.
    pub capture: Capture,
    phones: u16,
    _net: Net,
}

impl World {
    /// A world with the program's usual configuration.
    pub fn open() -> Result<World, Missing> {
        Self::with(Setup::default())
    }

    /// A world with a configuration of its own.
    ///
    /// # Panics
    /// If the program does not start.
    pub fn with(setup: Setup) -> Result<World, Missing> {
        baresip::Setup::available()?;
        sipp::available()?;
        let net = Net::enter()?;
        let capture = Capture::start().map_err(|error| Missing(format!("{error:#}")))?;
        let tandem = setup.start().unwrap();
        tandem.add_tenant(TENANT).unwrap();
        Ok(World { tandem, capture, phones: 0, _net: net })
    }

    /// The tenant.
    pub fn tenant(&self) -> Tenant<'_> {
        self.tandem.tenant(TENANT)
    }

    /// Sets up a phone for the tenant and registers it; it speaks this tone. `change` may change how it is started.
    ///
    /// # Panics
    /// If it can't be set up or doesn't register.
    #[track_caller]
    pub fn phone(&mut self, user: &str, tone: f64, change: impl FnOnce(baresip::Setup) -> baresip::Setup) -> Baresip {
        self.phone_with(user, tone, &json!({}), change)
    }

    /// The same, with further settings of the phone: `{"srtp": "required"}`.
    ///
    /// # Panics
    /// If it can't be set up or doesn't register.
    #[track_caller]
    pub fn phone_with(
        &mut self,
        user: &str,
        tone: f64,
        settings: &serde_json::Value,
        change: impl FnOnce(baresip::Setup) -> baresip::Setup,
    ) -> Baresip {
        let password = self.tenant().add_phone_with(user, settings).unwrap();
        let setup = baresip::Setup::new(user, self.phones, tone).registered(self.tandem.sip(), &password);
        self.phones += 1;
        change(setup).start().unwrap()
    }

    /// A phone of our own making, registered.
    ///
    /// # Panics
    /// If it can't be set up or doesn't register.
    #[track_caller]
    pub fn plain_phone(&self, user: &str, address: SocketAddr) -> (SipPeer, String) {
        let password = self.tenant().add_phone(user).unwrap();
        let peer = SipPeer::bind(user, address).unwrap();
        peer.register(self.tandem.sip(), &password).unwrap();
        (peer, password)
    }

    /// What a phone dials to reach this number.
    pub fn uri(&self, number: &str) -> String {
        format!("sip:{number}@{}", self.tandem.sip())
    }

    /// Sets up the trunk `carrier`, which takes every number, and gives the carrier's address.
    ///
    /// # Panics
    /// If it can't be set up.
    #[track_caller]
    pub fn carrier(&self) -> SocketAddr {
        let carrier = SocketAddr::new(CARRIER, CARRIER_PORT);
        self.tenant().add_trunk("carrier", carrier, &json!({})).unwrap();
        carrier
    }

    /// SIPp as that carrier, calling us or waiting for our calls.
    pub fn sipp(&self, scenario: &str) -> Sipp {
        Sipp::new(scenario, SocketAddr::new(CARRIER, CARRIER_PORT)).to(self.tandem.sip())
    }

    /// Waits until so many calls have ended and none is up; gives their `call.ended` events.
    ///
    /// # Panics
    /// If they don't end in time.
    #[track_caller]
    pub fn ended(&self, calls: usize, limit: Duration) -> Vec<serde_json::Value> {
        wait::until(&format!("{calls} calls had ended"), limit, || {
            let ended = self.tenant().events_of("call.ended").ok()?;
            (ended.len() >= calls).then_some(ended)
        })
    }
}
