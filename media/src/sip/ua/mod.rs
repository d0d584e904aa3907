//! The user agent: both ends of calls as one sans-I/O machine, in the style of quinn and str0m.
//!
//! Messages and time go in ([`UserAgent::receive`], [`UserAgent::handle_timeout`]), wishes too ([`UserAgent::invite`],
//! [`UserAgent::answer`], [`UserAgent::release`], ...); bytes and events come out ([`UserAgent::poll_transmit`],
//! [`UserAgent::poll_event`]). It has no clock, no socket and no randomness of its own, and decides nothing that is the
//! contact centre's business: who may call whom, what is answered, when it is over.
//!
//! * `receive`: what a message means and who deals with it
//! * `uas`, `uac`: being invited, inviting
//! * `reliable`: provisional responses that are acknowledged
//! * `modify`: re-INVITE and UPDATE both ways, session timers
//! * `refer`: transfers; `info`: keys
//! * `outside`: OPTIONS, REGISTER and what else stands outside of dialogs
//! * `send`: how messages are made

mod action;
mod ask;
mod auth;
mod config;
mod event;
mod info;
mod leg;
pub mod limits;
mod modify;
mod outside;
mod reason;
mod receive;
mod refer;
mod reliable;
mod send;
mod uac;
mod uas;

use std::collections::VecDeque;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use smol_str::{SmolStr, format_smolstr};
use tandem_core::{Cause, DialogRecord, Flow, Ids, LegId, Party, Timestamp};

pub use action::{InviteParams, Login, RequestParams};
pub use config::{Advertised, SessionConfig, UaConfig};
pub use event::{ActionError, Offered, ReferToken, Registering, UaEvent};
pub use outside::Challenger;

use self::leg::{Leg, LegTimer, Stage};
use self::outside::Own;
use self::send::InDialog;
use super::dialog::Dialog;
use super::message::Message;
use super::transaction::{Branch, ClientId, KeyMaker, News, ServerId, TimerQueue, Transactions, Transmit};

/// What a client transaction is for.
#[derive(Debug)]
enum ClientUse {
    /// An INVITE, first or in a dialog.
    Invite(Box<InviteUse>),
    /// Nobody waits for its answer.
    Cancel,
    /// Another request in a dialog.
    Request(Box<InDialog>),
    /// A request outside of dialogs.
    Own(Box<Own>),
}

#[derive(Debug)]
struct InviteUse {
    leg: LegId,
    /// The first INVITE: each 2xx makes a dialog, and all but the first are hung up.
    initial: bool,
    /// What the ACK is made from, even when the leg is over.
    dialog: Dialog,
    cseq: u32,
    /// Sent ACKs by remote tag, repeated for each 2xx.
    acks: SmallVec<[(SmolStr, Flow, Bytes); 1]>,
}

/// What a server transaction is for.
#[derive(Debug)]
enum ServerUse {
    /// Answered at once.
    Nothing,
    /// A leg answers it.
    Leg(LegId),
    /// A REGISTER that the owner answers.
    Held(Box<Message>),
}

/// The user agent.
pub struct UserAgent {
    config: UaConfig,
    ids: Ids,
    random: StdRng,
    keys: KeyMaker,
    tx: Transactions<ClientUse, ServerUse>,
    // Keys of both maps are of our own making, so the fast hasher is safe.
    legs: FxHashMap<LegId, Box<Leg>>,
    by_tag: FxHashMap<SmolStr, LegId>,
    timers: TimerQueue<(LegId, LegTimer)>,
    events: VecDeque<UaEvent>,
    challenger: Option<Box<dyn Challenger>>,
}

/// Numbers only: legs and transactions hold session descriptions with keys, and credentials.
impl std::fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserAgent({} legs, transactions {:?})", self.legs.len(), self.tx.len())
    }
}

impl UserAgent {
    /// A user agent without legs. `ids` names the legs of incoming calls; `random` makes tags, branches and Call-IDs and
    /// has to be seeded from the operating system, except in tests.
    pub fn new(config: UaConfig, ids: Ids, random: StdRng) -> Self {
        let tx = Transactions::new(config.timers, config.transactions);
        UserAgent {
            config,
            ids,
            random,
            keys: KeyMaker::default(),
            tx,
            legs: FxHashMap::default(),
            by_tag: FxHashMap::default(),
            timers: TimerQueue::default(),
            events: VecDeque::new(),
            challenger: None,
        }
    }

    /// When [`UserAgent::handle_timeout`] is next needed.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match (self.tx.poll_timeout(), self.timers.next()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next message to send. Ask until there is none, after each call of anything else.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.tx.poll_transmit()
    }

    /// The next event. Ask until there is none, after each call of anything else.
    pub fn poll_event(&mut self) -> Option<UaEvent> {
        self.events.pop_front()
    }

    /// Does what is due by now.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while self.tx.handle_timeout(now) {
            self.settle(now);
        }
        while let Some((leg, timer)) = self.timers.take_due(now) {
            self.with(leg, |ua, leg| {
                leg.timers.retain(|(set, _)| *set != timer);
                ua.leg_timer(now, leg, timer);
            });
            self.settle(now);
        }
    }

    /// A connection is gone, or nothing can be sent to a peer: what waits for an answer on it fails with 503.
    pub fn flow_failed(&mut self, now: Timestamp, flow: Flow) {
        self.tx.flow_failed(now, flow);
        self.settle(now);
        self.events.push_back(UaEvent::FlowClosed { flow });
    }

    /// What continues a leg's dialog.
    pub fn dialog_record(&self, leg: LegId) -> Option<DialogRecord> {
        self.legs.get(&leg).map(|leg| leg.dialog.record())
    }

    /// Sends a leg's next requests along another flow, until the peer sends one itself: a phone has registered anew over
    /// another connection, a carrier's answer named another address.
    pub fn reroute(&mut self, leg: LegId, flow: Flow) -> Result<(), ActionError> {
        let leg = self.legs.get_mut(&leg).ok_or(ActionError::NoSuchLeg(leg))?;
        leg.dialog.flow = flow;
        Ok(())
    }

    /// Legs alive.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Client and server transactions alive.
    pub fn transactions(&self) -> (usize, usize) {
        self.tx.len()
    }

    /// Nothing is kept: no leg, no transaction, no timer.
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty() && self.by_tag.is_empty() && self.timers.is_empty() && self.tx.is_empty()
    }

    /// Deals with what the transaction tables have to say, then forgets what is over there.
    fn settle(&mut self, now: Timestamp) {
        while let Some(news) = self.tx.poll_news() {
            match news {
                News::TimedOut(id) => self.request_failed(now, id, 408),
                News::TransportFailed(id) => self.request_failed(now, id, 503),
                News::Trying(id) => self.send_trying(now, id),
                // The peer has our refusal or is gone; the leg is over either way.
                News::Unacknowledged(_) => {}
            }
        }
        self.tx.bury();
    }

    /// A request of ours has no answer: as if the peer had sent this status (RFC 3261 §8.1.3.1).
    fn request_failed(&mut self, now: Timestamp, id: ClientId, status: u16) {
        match self.tx.client(id) {
            Some(ClientUse::Invite(_)) => self.invite_refused(now, id, status, None),
            Some(ClientUse::Request(_)) => self.request_done(now, id, status, None),
            Some(ClientUse::Own(_)) => self.own_done(now, id, status, None),
            Some(ClientUse::Cancel) | None => {}
        }
    }

    fn leg_timer(&mut self, now: Timestamp, leg: &mut Leg, timer: LegTimer) {
        match timer {
            LegTimer::RepeatAnswer => self.repeat_answer(now, leg),
            LegTimer::StillRinging => self.still_ringing(now, leg),
            LegTimer::Setup => self.release_leg(now, leg, Cause::sip(408, Party::System).because("set-up took too long")),
            LegTimer::Cancelled => self.cancel_unanswered(now, leg),
            LegTimer::Glare => self.try_ours(now, leg),
            LegTimer::Session => self.session_due(now, leg),
            LegTimer::Change => self.change_unanswered(now, leg),
            LegTimer::RepeatProvisional => self.repeat_provisional(now, leg),
        }
    }

    /// Works on a leg that is out of its map meanwhile, so that everything else is at hand too.
    fn with<R>(&mut self, id: LegId, work: impl FnOnce(&mut Self, &mut Leg) -> R) -> Option<R> {
        let mut leg = self.legs.remove(&id)?;
        let result = work(self, &mut leg);
        if !leg.over {
            self.legs.insert(id, leg);
        }
        Some(result)
    }

    /// An action on a leg.
    fn act<R>(
        &mut self,
        now: Timestamp,
        id: LegId,
        work: impl FnOnce(&mut Self, &mut Leg) -> Result<R, ActionError>,
    ) -> Result<R, ActionError> {
        let result = self.with(id, work).unwrap_or(Err(ActionError::NoSuchLeg(id)));
        self.settle(now);
        result
    }

    fn adopt(&mut self, leg: Leg) {
        self.by_tag.insert(leg.dialog.local_tag.clone(), leg.id);
        self.legs.insert(leg.id, Box::new(leg));
    }

    /// The leg is over: the one place where a leg ends.
    fn end(&mut self, now: Timestamp, leg: &mut Leg, cause: Cause, retry_after: Option<u32>) {
        if std::mem::replace(&mut leg.over, true) {
            return;
        }
        for (_, token) in leg.timers.drain(..) {
            self.timers.cancel(token);
        }
        self.by_tag.remove(&leg.dialog.local_tag);
        self.leave_nothing_open(now, leg);
        match (&leg.stage, leg.ours.take().and_then(|ours| ours.client)) {
            (Stage::Inviting(inviting), _) => self.tx.forsake(now, inviting.client),
            (_, Some(client)) => self.tx.forsake(now, client),
            _ => {}
        }
        self.events.push_back(UaEvent::Ended { leg: leg.id, cause, retry_after });
    }

    /// Requests of the peer that still wait for this leg are answered, so that nobody waits for a time-out.
    fn leave_nothing_open(&mut self, now: Timestamp, leg: &mut Leg) {
        if let Stage::Offered(offering) = &leg.stage {
            let (server, request) = (offering.server, offering.request.clone());
            self.reply(now, server, &request, 487, Some(&leg.dialog.local_tag));
        }
        if let Some(theirs) = leg.theirs.take() {
            self.reply(now, theirs.server, &theirs.request, 487, None);
        }
        for (server, request) in leg.refers.drain(..).filter_map(|refer| refer.request) {
            self.reply(now, server, &request, 487, None);
        }
    }

    fn arm(&mut self, leg: &mut Leg, timer: LegTimer, at: Timestamp) {
        self.disarm(leg, timer);
        leg.timers.push((timer, self.timers.set(at, (leg.id, timer))));
    }

    fn disarm(&mut self, leg: &mut Leg, timer: LegTimer) {
        if let Some(place) = leg.timers.iter().position(|(set, _)| *set == timer) {
            let (_, token) = leg.timers.swap_remove(place);
            self.timers.cancel(token);
        }
    }

    fn new_tag(&mut self) -> SmolStr {
        format_smolstr!("{:016x}", self.random.next_u64())
    }

    fn new_branch(&mut self) -> Branch {
        Branch::new(self.random.next_u64())
    }

    fn new_call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }

    /// First CSeq number: any below 2^31 will do (RFC 3261 §8.1.1.5); a small one leaves room.
    fn first_cseq(&mut self) -> u32 {
        self.random.random_range(1..=0xffff)
    }

    fn server_leg(&mut self, id: ServerId) -> Option<LegId> {
        match self.tx.server(id)? {
            ServerUse::Leg(leg) => Some(*leg),
            ServerUse::Nothing | ServerUse::Held(_) => None,
        }
    }

    /// The 100 that the transaction asks for when nobody has answered for 200 ms.
    fn send_trying(&mut self, now: Timestamp, id: ServerId) {
        let Some(leg) = self.server_leg(id) else { return };
        let Some(leg) = self.legs.get(&leg) else { return };
        let request: Option<Message> = match (&leg.stage, &leg.theirs) {
            (Stage::Offered(offering), _) if offering.server == id => Some(offering.request.clone()),
            (_, Some(theirs)) if theirs.server == id => Some(theirs.request.clone()),
            _ => None,
        };
        if let Some(request) = request {
            self.reply(now, id, &request, 100, None);
        }
    }
}
