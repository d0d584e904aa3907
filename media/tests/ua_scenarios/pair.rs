//! Two user agents and an emulated network. Its faults are plain fields.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tandem_core::{Flow, Ids, LegId, Timestamp, Transport};
use tandem_media::sip::header::NameAddr;
use tandem_media::sip::message::Message;
use tandem_media::sip::ua::{InviteParams, Offered, UaConfig, UaEvent, UserAgent};
use tandem_media::sip::wire;

pub const OFFER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
pub const ANSWER: &[u8] = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n";

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

/// A message on its way, or one that was sent.
#[derive(Debug, Clone)]
pub struct Packet {
    pub at: Timestamp,
    pub from: Side,
    pub message: Message,
    pub bytes: Bytes,
    pub lost: bool,
}

impl Packet {
    /// Start line: `INVITE` or `200 INVITE`.
    pub fn what(&self) -> String {
        match self.message.method() {
            Some(method) => method.to_string(),
            None => format!("{} {}", self.message.status().unwrap(), self.message.cseq().unwrap().method),
        }
    }
}

/// One end.
pub struct Peer {
    pub ua: UserAgent,
    pub flow: Flow,
    pub events: Vec<UaEvent>,
}

/// What decides whether a packet is lost.
pub type Loses = Box<dyn FnMut(&Packet) -> bool>;

pub struct Pair {
    pub now: Timestamp,
    pub a: Peer,
    pub b: Peer,
    /// One way.
    pub latency: Duration,
    /// Up to this much more, by chance: reorders.
    pub jitter: Duration,
    /// Part of packets lost by chance, 0 to 1.
    pub loss: f64,
    /// Part of packets that arrive twice, 0 to 1.
    pub duplication: f64,
    /// Packets lost by rule.
    pub loses: Loses,
    /// Everything that was sent, in order.
    pub wire: Vec<Packet>,
    /// Keep the log of sent packets.
    pub logging: bool,
    in_flight: BTreeMap<(Timestamp, u64), (Side, Bytes)>,
    serial: u64,
    random: StdRng,
    pub ids: Ids,
}

impl Pair {
    pub fn new() -> Pair {
        Pair::with(Transport::Udp, 1, UaConfig::default())
    }

    pub fn over(transport: Transport) -> Pair {
        Pair::with(transport, 1, UaConfig::default())
    }

    pub fn with(transport: Transport, seed: u64, config: UaConfig) -> Pair {
        let (a, b) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let peer = |local, remote, source| Peer {
            ua: UserAgent::new(config.clone(), Ids::new(1, source), StdRng::seed_from_u64(seed * 2 + u64::from(source))),
            flow: Flow { transport, local, remote },
            events: Vec::new(),
        };
        Pair {
            now: Timestamp::from_micros(1_795_369_320_000_000),
            a: peer(a, b, 0),
            b: peer(b, a, 1),
            latency: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            loses: Box::new(|_| false),
            wire: Vec::new(),
            logging: true,
            in_flight: BTreeMap::new(),
            serial: 0,
            random: StdRng::seed_from_u64(seed ^ 0x5eed),
            ids: Ids::new(1, 2),
        }
    }

    pub fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    /// A calls B.
    pub fn call(&mut self) -> LegId {
        self.call_with(|_| {})
    }

    /// A calls B, with changes.
    pub fn call_with(&mut self, change: impl FnOnce(&mut InviteParams)) -> LegId {
        let leg = self.ids.leg();
        let mut params = InviteParams {
            leg,
            uri: "sip:bob@192.0.2.2".to_owned(),
            flow: self.a.flow,
            routes: vec![],
            from: NameAddr::parse("\"Alice A.\" <sip:alice@tandem.example>").unwrap(),
            to: None,
            identity: None,
            headers: vec![],
            sdp: Some(Bytes::from_static(OFFER)),
            credentials: None,
            max_forwards: 70,
        };
        change(&mut params);
        self.a.ua.invite(self.now, params).unwrap();
        self.pump();
        leg
    }

    /// A calls B, B rings and answers, the ACK arrives: the legs of both.
    pub fn talk(&mut self) -> (LegId, LegId) {
        let a = self.call();
        self.run(Duration::from_millis(50));
        let b = self.offered(Side::B).leg;
        self.b.ua.ring(self.now, b).unwrap();
        self.run(Duration::from_millis(100));
        self.b.ua.answer(self.now, b, Bytes::from_static(ANSWER)).unwrap();
        self.run(Duration::from_millis(100));
        (a, b)
    }

    /// Takes messages out of the user agents into the network and events into their lists.
    pub fn pump(&mut self) {
        for side in [Side::A, Side::B] {
            while let Some(transmit) = self.peer(side).ua.poll_transmit() {
                let message = wire::parse(transmit.bytes.clone()).expect("we send what we can read");
                message.validate().expect("we send valid messages");
                let mut packet = Packet { at: self.now, from: side, message, bytes: transmit.bytes, lost: false };
                packet.lost = (self.loses)(&packet) || (self.loss > 0.0 && self.random.random_bool(self.loss));
                if !packet.lost {
                    let twice = self.duplication > 0.0 && self.random.random_bool(self.duplication);
                    for _ in 0..=usize::from(twice) {
                        self.fly(side.other(), packet.bytes.clone());
                    }
                }
                if self.logging {
                    self.wire.push(packet);
                }
            }
            while let Some(event) = self.peer(side).ua.poll_event() {
                self.peer(side).events.push(event);
            }
        }
    }

    fn fly(&mut self, to: Side, bytes: Bytes) {
        let jitter = self.jitter.as_micros() as u64;
        let extra = if jitter > 0 { Duration::from_micros(self.random.random_range(0..jitter)) } else { Duration::ZERO };
        self.serial += 1;
        self.in_flight.insert((self.now + self.latency + extra, self.serial), (to, bytes));
    }

    /// Puts bytes before one end as if they had come from the other.
    pub fn inject(&mut self, to: Side, text: &str) {
        let (now, flow) = (self.now, self.peer(to).flow);
        self.peer(to).ua.receive(now, flow, Bytes::copy_from_slice(text.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes()));
        self.pump();
    }

    /// The next moment at which something happens.
    pub fn next(&self) -> Option<Timestamp> {
        let flight = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        [flight, self.a.ua.poll_timeout(), self.b.ua.poll_timeout()].into_iter().flatten().min()
    }

    /// Goes on to the next moment, if it is not after `end`.
    pub fn step(&mut self, end: Timestamp) -> bool {
        self.pump();
        let Some(next) = self.next().filter(|next| *next <= end) else { return false };
        self.now = self.now.max(next);
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= next) {
            let (to, bytes) = entry.remove();
            let (now, flow) = (self.now, self.peer(to).flow);
            self.peer(to).ua.receive(now, flow, bytes);
            self.pump();
        }
        for side in [Side::A, Side::B] {
            let now = self.now;
            self.peer(side).ua.handle_timeout(now);
        }
        self.pump();
        true
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets so much time pass that everything must be over.
    pub fn settle(&mut self) {
        self.run(Duration::from_secs(200));
    }

    /// The INVITE that was offered to a side; its event is taken.
    pub fn offered(&mut self, side: Side) -> Box<Offered> {
        let events = &mut self.peer(side).events;
        let place = events.iter().position(|event| matches!(event, UaEvent::Offered(_))).expect("an offer");
        match events.remove(place) {
            UaEvent::Offered(offered) => offered,
            _ => unreachable!(),
        }
    }

    /// Ends of a leg that a side was told.
    pub fn ends(&mut self, side: Side, leg: LegId) -> Vec<tandem_core::Cause> {
        let ended = |event: &UaEvent| match event {
            UaEvent::Ended { leg: ended, cause, .. } if *ended == leg => Some(cause.clone()),
            _ => None,
        };
        self.peer(side).events.iter().filter_map(ended).collect()
    }

    /// The only end of a leg.
    #[track_caller]
    pub fn end(&mut self, side: Side, leg: LegId) -> tandem_core::Cause {
        let ends = self.ends(side, leg);
        assert_eq!(ends.len(), 1, "one end: {ends:?}");
        ends.into_iter().next().unwrap()
    }

    /// What a side sent, as start lines.
    pub fn sent(&self, side: Side) -> Vec<String> {
        self.wire.iter().filter(|packet| packet.from == side).map(Packet::what).collect()
    }

    /// How often a side sent something.
    pub fn count(&self, side: Side, what: &str) -> usize {
        self.sent(side).iter().filter(|sent| *sent == what).count()
    }

    /// The last message of a kind that a side sent.
    #[track_caller]
    pub fn last(&self, side: Side, what: &str) -> Message {
        self.wire
            .iter()
            .rev()
            .find(|packet| packet.from == side && packet.what() == what)
            .unwrap_or_else(|| panic!("no {what}"))
            .message
            .clone()
    }

    /// Nothing is left on either side.
    #[track_caller]
    pub fn assert_idle(&self) {
        for (name, peer) in [("a", &self.a), ("b", &self.b)] {
            assert!(
                peer.ua.is_idle(),
                "{name}: {} legs, {:?} transactions, next timer {:?}",
                peer.ua.legs(),
                peer.ua.transactions(),
                peer.ua.poll_timeout()
            );
        }
    }
}
