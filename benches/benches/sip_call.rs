//! What does a call cost in the SIP layers, without sockets?
//!
//! Two user agents hand each other their bytes: INVITE, 180, 200, ACK, BYE, 200, with all transaction and dialog state,
//! on a virtual clock that goes on until both are idle again. The figure is for both ends: what a switch spends on a
//! call with two legs.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_core::{Cause, Flow, Ids, LegId, Party, Timestamp, Transport};
use tandem_media::sip::header::NameAddr;
use tandem_media::sip::ua::{InviteParams, UaConfig, UaEvent, UserAgent};

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\n\
a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

struct Pair {
    now: Timestamp,
    ends: [(UserAgent, Flow); 2],
    ids: Ids,
    from: NameAddr,
}

impl Pair {
    fn new() -> Self {
        let (a, b) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let end = |local, remote, source| {
            let agent = UserAgent::new(UaConfig::default(), Ids::new(1, source), StdRng::seed_from_u64(u64::from(source)));
            (agent, Flow { transport: Transport::Udp, local, remote })
        };
        Pair {
            now: Timestamp::from_micros(1_795_369_320_000_000),
            ends: [end(a, b, 0), end(b, a, 1)],
            ids: Ids::new(1, 2),
            from: NameAddr::parse("\"Alice A.\" <sip:alice@tandem.example>").unwrap(),
        }
    }

    /// Hands bytes over until nobody has any; returns the leg that was offered, if one was.
    fn exchange(&mut self) -> Option<LegId> {
        let (mut offered, mut moved) = (None, true);
        while std::mem::take(&mut moved) {
            for from in 0..2 {
                while let Some(transmit) = self.ends[from].0.poll_transmit() {
                    let (agent, flow) = &mut self.ends[1 - from];
                    agent.receive(self.now, *flow, transmit.bytes);
                    moved = true;
                }
                while let Some(event) = self.ends[from].0.poll_event() {
                    if let UaEvent::Offered(offer) = event {
                        offered = Some(offer.leg);
                    }
                }
            }
        }
        offered
    }

    fn call(&mut self) {
        let leg = self.ids.leg();
        let params = InviteParams {
            leg,
            uri: "sip:bob@192.0.2.2".to_owned(),
            flow: self.ends[0].1,
            routes: Vec::new(),
            from: self.from.clone(),
            to: None,
            identity: None,
            headers: Vec::new(),
            sdp: Some(Bytes::from_static(SDP)),
            credentials: None,
            max_forwards: 70,
        };
        self.ends[0].0.invite(self.now, params).unwrap();
        let called = self.exchange().expect("an offer");
        self.ends[1].0.ring(self.now, called).unwrap();
        self.exchange();
        self.ends[1].0.answer(self.now, called, Bytes::from_static(SDP)).unwrap();
        self.exchange();
        self.ends[0].0.release(self.now, leg, Cause::normal(Party::Peer)).unwrap();
        self.exchange();
    }

    /// Goes from timer to timer until both ends are idle (transactions linger 32 s, RFC 3261 timers H, I, J).
    fn settle(&mut self) {
        while let Some(next) = self.ends.iter().filter_map(|(agent, _)| agent.poll_timeout()).min() {
            self.now = self.now.max(next);
            for (agent, _) in &mut self.ends {
                agent.handle_timeout(self.now);
            }
            self.exchange();
        }
        assert!(self.ends.iter().all(|(agent, _)| agent.is_idle()), "something is left over");
    }
}

fn calls(criterion: &mut Criterion) {
    const CALLS: u64 = 1000;
    let mut group = criterion.benchmark_group("sip_call");
    group.throughput(Throughput::Elements(CALLS));
    group.sample_size(20);
    group.bench_function(format!("{CALLS} calls, both ends, until idle"), |bencher| {
        let mut pair = Pair::new();
        bencher.iter(|| {
            // All at once, so that the tables hold what they hold under load.
            (0..CALLS).for_each(|_| pair.call());
            pair.settle();
        });
    });
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
