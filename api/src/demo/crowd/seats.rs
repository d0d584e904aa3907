//! Who is in the crowd: phones with their registrations, and the carrier.

use std::net::SocketAddr;

use rand::rngs::StdRng;
use tandem_core::config::TrunkState;
use tandem_core::{Flow, Timestamp, Transport};
use tandem_media::sip::header::{Method, NameAddr};
use tandem_media::sip::trunk::{TrunkConfig, TrunkMachine, TrunkOutput};
use tandem_media::sip::ua::{Login, RequestParams};
use tandem_media::sip::{HostPort, Message, Name, Uri};

use super::floor::Floor;
use crate::demo::{SimPhone, limits};

/// What a phone needs besides its socket. A registration at a server is the same as one at a carrier, so the machine of
/// trunks does it.
pub(super) struct Line {
    pub(super) phone: SimPhone,
    pub(super) machine: TrunkMachine,
    pub(super) call_id: String,
    pub(super) gone: bool,
}

/// One endpoint.
pub(super) struct Seat {
    pub(super) local: SocketAddr,
    /// None for the carrier.
    pub(super) line: Option<Line>,
    /// Pitch of its voice in Hz.
    pub(super) voice: u16,
    /// Legs it has.
    pub(super) legs: usize,
}

impl Seat {
    pub(super) fn phone(phone: SimPhone, local: SocketAddr, begins: Timestamp, call_id: String, voice: u16, random: &mut StdRng) -> Seat {
        let config = TrunkConfig {
            register: Some(limits::REGISTER),
            options: None,
            first_wait: limits::FIRST_RETRY,
            longest_wait: limits::LONGEST_RETRY,
            ..TrunkConfig::default()
        };
        let machine = TrunkMachine::new(begins, config, random);
        Seat { local, line: Some(Line { phone, machine, call_id, gone: false }), voice, legs: 0 }
    }

    pub(super) fn carrier(local: SocketAddr, voice: u16) -> Seat {
        Seat { local, line: None, voice, legs: 0 }
    }

    pub(super) fn is_registered(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.machine.state() == TrunkState::Up)
    }

    /// An agent's phone.
    pub(super) fn is_agent(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.phone.agent)
    }

    /// Its path to the server.
    pub(super) fn flow(&self, server: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.local, remote: server }
    }

    pub(super) fn login(&self) -> Option<Login> {
        self.line.as_ref().map(|line| Login { user: line.phone.user.clone(), password: line.phone.password.clone() })
    }

    /// Its address in the domain, with its name.
    pub(super) fn address(&self, domain: &HostPort) -> Option<NameAddr> {
        let line = self.line.as_ref()?;
        let name = Some(line.phone.display_name.as_str()).filter(|name| !name.is_empty());
        Some(NameAddr::new(Uri::sip(Some(&line.phone.user), domain)).with_display(name))
    }
}

impl Floor {
    /// When a registration is next due.
    pub(super) fn registrations_due(&self) -> Option<Timestamp> {
        self.seats.iter().filter_map(|seat| seat.line.as_ref()?.machine.poll_timeout()).min()
    }

    pub(super) fn watch_registrations(&mut self, now: Timestamp) {
        for seat in 0..self.seats.len() {
            if let Some(line) = self.line(seat).filter(|line| line.machine.poll_timeout().is_some_and(|at| at <= now)) {
                line.machine.handle_timeout(now);
                self.obey_machine(now, seat);
            }
        }
    }

    fn line(&mut self, seat: usize) -> Option<&mut Line> {
        self.seats.get_mut(seat)?.line.as_mut()
    }

    fn obey_machine(&mut self, now: Timestamp, seat: usize) {
        while let Some(output) = self.line(seat).and_then(|line| line.machine.poll_output()) {
            match output {
                TrunkOutput::Register { expires, cseq } => {
                    let sent = self.register_params(seat, expires, cseq).is_some_and(|params| self.ua.request_outside(now, params).is_ok());
                    if !sent {
                        self.registered(now, seat as u64, 503, None);
                    }
                }
                TrunkOutput::State { state, reason } => tracing::debug!(seat, ?state, %reason, "demo phone"),
                TrunkOutput::Removed => {
                    if let Some(line) = self.line(seat) {
                        line.gone = true;
                    }
                }
                TrunkOutput::Options => {}
            }
        }
    }

    fn register_params(&self, seat: usize, expires: u32, cseq: u32) -> Option<RequestParams> {
        let at = self.seats.get(seat)?;
        let line = at.line.as_ref()?;
        let address = at.address(&self.domain)?;
        Some(RequestParams {
            token: seat as u64,
            method: Method::Register,
            uri: Uri::sip(None, &self.domain).as_str().to_owned(),
            flow: at.flow(self.config.server_udp),
            routes: Vec::new(),
            from: address.clone(),
            to: address,
            call_id: Some(line.call_id.clone()),
            cseq,
            contact_user: Some(line.phone.user.clone()),
            headers: vec![(Name::Expires.to_string(), expires.to_string())],
            credentials: at.login(),
        })
    }

    /// A REGISTER of this seat is through.
    pub(super) fn registered(&mut self, now: Timestamp, token: u64, status: u16, response: Option<&Message>) {
        let Some(at) = usize::try_from(token).ok().filter(|seat| *seat < self.seats.len()) else { return };
        let Floor { seats, random, .. } = self;
        if let Some(Seat { local, line: Some(line), .. }) = seats.get_mut(at) {
            let contact = Uri::sip(Some(&line.phone.user), &HostPort::from(*local));
            line.machine.registered(now, status, response, contact.as_str(), random);
        }
        self.obey_machine(now, at);
    }

    /// All phones take their registrations back.
    pub(super) fn unregister(&mut self, now: Timestamp) {
        for seat in 0..self.seats.len() {
            if let Some(line) = self.line(seat) {
                line.machine.remove();
            }
            self.obey_machine(now, seat);
        }
    }

    /// No registration is left.
    pub(super) fn all_unregistered(&self) -> bool {
        self.seats.iter().filter_map(|seat| seat.line.as_ref()).all(|line| line.gone)
    }
}
