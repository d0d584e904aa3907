//! Effects, carried out.

use smol_str::SmolStr;
use tandem_core::{CallId, Cause, Command, DialTarget, Effect, Flow, LegId, RequestId, TenantId, Timestamp, TrunkName, UserName};

use super::desk::Desk;
use super::legs::{Leg, Stage};
use super::negotiation::Negotiation;
use super::services::note;
use super::trunks::trunk_host;
use crate::rtp::RecordingPlan;
use crate::sip::header::NameAddr;
use crate::sip::ua::{InviteParams, Login};
use crate::sip::uri::{HostPort, Uri};

/// Hops an INVITE of ours may still make (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// A call to make, with all that the target decides.
struct Destination {
    uri: String,
    flow: Flow,
    routes: Vec<String>,
    /// Host part of From.
    from_host: HostPort,
    /// Caller number, if the trunk wants another one.
    caller: Option<SmolStr>,
    credentials: Option<Login>,
    trusted: bool,
}

/// Who calls, as the called side sees it.
struct Caller {
    number: SmolStr,
    name: Option<SmolStr>,
}

impl Desk {
    /// Carries out one effect. What can't be done any more (the leg ended meanwhile) is no error.
    pub(super) fn carry_out(&mut self, now: Timestamp, tenant: &TenantId, effect: Effect) {
        match effect {
            Effect::Ring { leg } => {
                let _ = self.ua.progress(now, leg, 180, None);
            }
            Effect::EarlyMedia { leg, with } => self.open_early_media(now, leg, with),
            Effect::Answer { leg, with } => self.answer(now, leg, with),
            Effect::Dial { leg, call, target, caller, caller_name, with } => {
                self.dial(now, tenant, leg, call, target, Caller { number: caller, name: caller_name }, with);
            }
            Effect::Release { leg, cause } => self.release(now, leg, cause),
            Effect::Hear { leg, audio } => self.let_hear(tenant, leg, audio),
            Effect::TransferAnswered { leg, status } => self.answer_transfer(now, leg, status),
            Effect::Registered { request, user, bindings } => self.registered(now, request, &user, &bindings),
            Effect::RegisterRefused { request, status } => {
                self.registering.remove(&request);
                let _ = self.ua.register_refuse(now, request, status, &[]);
            }
            Effect::SendDigits { .. } => {}
            Effect::StartRecording { recording, call: _, path, format, left, right } => {
                self.start_recording(tenant, recording, RecordingPlan { path, format, left, right });
            }
            Effect::RecordSources { recording, left, right } => {
                note(recording, self.media.record_sources(recording, left, right));
            }
            Effect::PauseRecording { recording } => note(recording, self.media.pause_recording(recording)),
            Effect::ResumeRecording { recording } => note(recording, self.media.resume_recording(recording)),
            Effect::StopRecording { recording } => note(recording, self.media.stop_recording(recording)),
            // The shard keeps these for itself.
            Effect::SetTimer { .. } | Effect::CancelTimer { .. } => {}
        }
    }

    fn open_early_media(&mut self, now: Timestamp, leg: LegId, with: LegId) {
        if let Some(sdp) = self.settle_for(leg, Some(with)) {
            let _ = self.ua.progress(now, leg, 183, Some(sdp));
        } else {
            let _ = self.ua.progress(now, leg, 180, None);
        }
    }

    fn answer(&mut self, now: Timestamp, leg: LegId, with: Option<LegId>) {
        let Some(sdp) = self.settle_for(leg, with) else {
            let _ = self.ua.release(now, leg, Desk::own_cause(488, "no codec that both sides speak"));
            return;
        };
        let Ok(dialog) = self.ua.answer(now, leg, sdp) else { return };
        let Some(state) = self.legs.get_mut(&leg) else { return };
        state.stage = Stage::Up;
        // After a late offer the media is known only with the ACK.
        if let Some(media) = state.negotiation.settled() {
            self.tell(leg, Command::LegMediaChanged { leg, dialog: Some(dialog), media });
        }
    }

    /// Our session description for a caller: an answer with the codec of `with`, or our offer if it made none.
    fn settle_for(&mut self, leg: LegId, with: Option<LegId>) -> Option<bytes::Bytes> {
        let wanted = with.and_then(|with| self.legs.get(&with)).and_then(|state| state.negotiation.codec());
        let sdp = self.legs.get_mut(&leg)?.negotiation.answer_caller(wanted.as_ref()).ok()?;
        self.point_media(leg);
        Some(sdp)
    }

    #[allow(clippy::too_many_arguments)]
    fn dial(
        &mut self,
        now: Timestamp,
        tenant: &TenantId,
        leg: LegId,
        call: CallId,
        target: DialTarget,
        caller: Caller,
        with: Option<LegId>,
    ) {
        match self.try_dial(now, tenant, leg, call, target, &caller, with) {
            Ok(state) => {
                self.legs.insert(leg, state);
            }
            Err(cause) => self.post.send(tenant, Command::LegEnded { leg, cause, stats: None }),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn try_dial(
        &mut self,
        now: Timestamp,
        tenant: &TenantId,
        leg: LegId,
        call: CallId,
        target: DialTarget,
        caller: &Caller,
        with: Option<LegId>,
    ) -> Result<Leg, Cause> {
        let to = self.destination(tenant, target)?;
        let peer = with.and_then(|with| self.legs.get(&with));
        // Legs of one conversation share a media worker, so that no packet has to change threads.
        let group = peer.map_or(call, |peer| peer.group);
        let codecs = match peer.map(|peer| peer.negotiation.codecs_for_peer()) {
            Some(codecs) if !codecs.is_empty() => codecs,
            _ => self.config.codecs.clone(),
        };
        let bind = self.media_bind_ip(&to.flow);
        let media = self.media.open(leg, group, bind).map_err(|error| Desk::own_cause(503, &error.to_string()))?;
        let mut negotiation = Negotiation::new(leg, self.announced(media), Vec::new());
        let sdp = negotiation.offer(codecs).map_err(|error| Desk::own_cause(488, &error.to_string()))?;
        let params = InviteParams {
            leg,
            uri: to.uri,
            flow: to.flow,
            routes: to.routes,
            from: from_address(caller, to.caller.as_ref(), &to.from_host),
            to: None,
            identity: to.trusted.then(|| from_address(caller, to.caller.as_ref(), &to.from_host)),
            headers: Vec::new(),
            sdp: Some(sdp),
            credentials: to.credentials,
            max_forwards: MAX_FORWARDS,
        };
        if let Err(error) = self.ua.invite(now, params) {
            let _ = self.media.close(leg);
            return Err(Desk::own_cause(503, &error.to_string()));
        }
        Ok(Leg {
            tenant: tenant.clone(),
            flow: to.flow,
            stage: Stage::Dialled,
            media: Some(media),
            group,
            negotiation,
            held_by_peer: false,
            refer: None,
            over: None,
        })
    }

    fn destination(&self, tenant: &TenantId, target: DialTarget) -> Result<Destination, Cause> {
        match target {
            DialTarget::Contact { contact, flow, path, .. } => Ok(Destination {
                uri: contact,
                from_host: self.own_host(tenant, &flow),
                flow,
                routes: path,
                caller: None,
                credentials: None,
                trusted: false,
            }),
            DialTarget::Trunk { name, number } => self.trunk_destination(tenant, &name, &number),
        }
    }

    fn trunk_destination(&self, tenant: &TenantId, name: &TrunkName, number: &str) -> Result<Destination, Cause> {
        let gone = || Desk::own_cause(503, "the trunk can't be reached");
        let trunk = self.directory.trunk(tenant, name).ok_or_else(gone)?;
        let flow = self.trunk_flow(tenant, name).ok_or_else(gone)?;
        let host = trunk_host(&trunk).ok_or_else(gone)?;
        let credentials = self.trunk_credentials(tenant, &trunk);
        Ok(Destination {
            uri: Uri::sip(Some(number), &host).as_str().to_owned(),
            from_host: if credentials.is_some() { host } else { self.own_host(tenant, &flow) },
            flow,
            routes: Vec::new(),
            caller: trunk.caller_number.as_ref().map(|number| SmolStr::new(number.as_str())),
            credentials,
            trusted: true,
        })
    }

    /// The tenant's domain, or our address on this flow: what a phone's call list can call back.
    fn own_host(&self, tenant: &TenantId, flow: &Flow) -> HostPort {
        let domain = self.directory.tenant(tenant).and_then(|settings| settings.domains.first().cloned());
        domain.and_then(|domain| HostPort::parse(&domain).ok()).unwrap_or_else(|| HostPort::from(self.config.ua.advertised(flow)))
    }

    fn release(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        if self.ua.release(now, leg, cause.clone()).is_err() {
            // The user agent has no such leg: it ended while this order was on its way, and its end is reported already,
            // or only its media statistics are awaited.
            tracing::debug!(%leg, ?cause, "release of a leg that is over");
        }
    }

    fn answer_transfer(&mut self, now: Timestamp, leg: LegId, status: u16) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        let Some(refer) = state.refer else { return };
        if status >= 200 {
            state.refer = None;
        }
        let _ = self.ua.notify_transfer(now, leg, Some(refer), status);
    }

    fn registered(&mut self, now: Timestamp, request: RequestId, user: &UserName, bindings: &[tandem_core::registration::Binding]) {
        let Some(tenant) = self.registering.remove(&request) else { return };
        for flow in bindings.iter().map(|binding| binding.flow).filter(is_stream) {
            let users = self.connections.entry(flow).or_default();
            if !users.iter().any(|(known, name)| *known == tenant && name == user) {
                users.push((tenant.clone(), user.clone()));
            }
        }
        let _ = self.ua.register_reply(now, request, bindings);
    }
}

/// Datagrams have no connection that could break.
fn is_stream(flow: &Flow) -> bool {
    flow.transport != tandem_core::Transport::Udp
}

fn from_address(caller: &Caller, instead: Option<&SmolStr>, host: &HostPort) -> NameAddr {
    let number = instead.unwrap_or(&caller.number);
    NameAddr::new(Uri::sip(Some(number), host)).with_display(caller.name.as_deref())
}
