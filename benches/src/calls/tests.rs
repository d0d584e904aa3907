//! The two sides against each other, with a network between them that loses, challenges or refuses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::account::numbered;
use crate::net::Sock;
use crate::responder;
use crate::scan::{Name, lines, method};

const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// What stands between caller and called.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    /// Every n-th packet is lost; 0 loses none.
    lose: u64,
    /// INVITEs without credentials get 407.
    challenge: bool,
    /// INVITEs get this.
    refuse: Option<&'static str>,
}

struct Between {
    faults: Faults,
    called: SocketAddrV4,
    caller: Option<SocketAddrV4>,
    seen: u64,
}

impl Handler for Between {
    fn packet(&mut self, io: &mut Io, _: usize, bytes: &[u8], from: SocketAddrV4) {
        self.seen += 1;
        if self.faults.lose > 0 && self.seen.is_multiple_of(self.faults.lose) {
            return;
        }
        let to = if from == self.called { self.caller.unwrap_or(ANY) } else { self.called };
        if from != self.called {
            self.caller = Some(from);
        }
        let bare = !lines(bytes).any(|line| line.name == Name::Credentials);
        match (method(bytes), self.faults.refuse) {
            (b"INVITE", Some(status_line)) => io.socks[0].push(from, |out| responder::plain(out, bytes, status_line, b"x")),
            (b"INVITE", None) if self.faults.challenge && bare => io.socks[0].push(from, |out| {
                put!(
                    out,
                    "SIP/2.0 407 Proxy Authentication Required\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"
                );
                repeat_headers(out, bytes, b"x");
                put!(out, "Content-Length: 0\r\n\r\n");
            }),
            _ => io.socks[0].push(to, |out| out.extend_from_slice(bytes)),
        }
    }
}

/// The network's thread, until it is dropped.
struct Network {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Rig {
    bench: CallBench,
    _network: Network,
}

impl Rig {
    fn new(faults: Faults, room: u32, hold_ms: Option<u64>, talk: bool) -> Rig {
        let socks: Vec<Sock> = (0..4).map(|_| Sock::bind(ANY).unwrap()).collect();
        let local: Vec<(usize, SocketAddrV4)> = socks.iter().map(Sock::local).enumerate().collect();
        let middle = Sock::bind(ANY).unwrap();
        let plan = CallPlan {
            server: middle.local(),
            domain: "test.example".into(),
            proxy_credentials: true,
            habit: AuthHabit::Fresh,
            algorithm: None,
            hold_ms,
            ring_ms: 5,
            timeout_ms: 10_000,
            talk,
            run: 0xabcd,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (asked, called) = (Arc::clone(&stop), local[1].1);
        let thread = std::thread::spawn(move || {
            let mut between = Between { faults, called, caller: None, seen: 0 };
            let mut net = Net::new(vec![middle]).unwrap();
            while !asked.load(Ordering::Relaxed) {
                net.turn(Duration::from_millis(5), &mut between).unwrap();
            }
        });
        let calls = Calls {
            uac: Uac::new(&plan, numbered(1000, 5, "x").unwrap(), vec!["2000".into()], vec![local[0]], room),
            uas: Uas::new(local[1].0, local[1].1),
            media: Media::new(plan.run, local[2..].to_vec(), true),
            plan,
            roles: vec![Role::Calls, Role::Answers, Role::Audio, Role::Audio],
        };
        let meter = Meter::new(None, Vec::new()).unwrap();
        let bench = CallBench { net: Net::new(socks).unwrap(), calls, meter, warm_up: Duration::ZERO, span: Duration::from_millis(500) };
        Rig { bench, _network: Network { stop, thread: Some(thread) } }
    }

    /// Begins `count` calls and waits until they are over.
    fn calls(&mut self, count: u32) -> &CallStats {
        let mut left = count;
        self.bench.run(Duration::from_millis(10), |_, _| std::mem::take(&mut left)).unwrap();
        for _ in 0..150 {
            if self.bench.calls.uac.under_way() == 0 {
                break;
            }
            self.bench.run(Duration::from_millis(100), |_, _| 0).unwrap();
        }
        &self.bench.calls.uac.stats
    }
}

#[test]
fn every_call_is_set_up_and_ended_on_a_network_that_loses_nothing() {
    let mut rig = Rig::new(Faults::default(), 200, Some(20), false);
    let stats = rig.calls(200);
    assert_eq!((stats.started, stats.answered, stats.completed), (200, 200, 200), "{:?}", stats.failed);
    assert!(stats.ringing.quantile(0.5) < stats.setup.quantile(0.5), "180 comes 5 ms before 200");
    assert!(stats.setup.quantile(0.01) >= 5_000);
    assert_eq!(rig.bench.calls.uas.stats.offered, 200);
    assert_eq!((rig.bench.calls.uas.under_way(), rig.bench.calls.media.talking()), (0, 0));
}

#[test]
fn lost_messages_are_sent_again_until_every_call_is_through() {
    let mut rig = Rig::new(Faults { lose: 9, ..Faults::default() }, 100, Some(20), false);
    let stats = rig.calls(100);
    assert_eq!((stats.completed, stats.failures()), (100, 0), "{:?}", stats.failed);
    assert!(stats.retransmissions > 5, "{stats:?}");
    let answers = &rig.bench.calls.uas.stats;
    assert!(answers.retransmissions + answers.repeated > 0, "{answers:?}");
    assert_eq!((answers.offered, rig.bench.calls.uas.under_way()), (100, 0), "a repeated INVITE is no new call");
}

#[test]
fn a_challenge_is_answered() {
    let mut rig = Rig::new(Faults { challenge: true, ..Faults::default() }, 20, Some(0), false);
    let stats = rig.calls(20);
    assert_eq!((stats.challenged, stats.completed, stats.failures()), (20, 20, 0), "{:?}", stats.failed);
}

#[test]
fn refusals_are_counted_by_status() {
    let mut rig = Rig::new(Faults { refuse: Some("486 Busy Here"), ..Faults::default() }, 20, Some(0), false);
    let stats = rig.calls(20);
    assert_eq!(stats.failed, BTreeMap::from([("486".to_owned(), 20)]));
    assert_eq!((stats.answered, rig.bench.calls.media.talking()), (0, 0));
}

#[test]
fn a_search_sees_a_bad_step_as_bad() {
    let rig = Rig::new(Faults { refuse: Some("503 Service Unavailable"), ..Faults::default() }, 20, Some(0), false);
    let (mut load, _network) = (CallLoad(rig.bench), rig._network);
    let step = load.step(Some(50.0)).unwrap();
    assert!(step.faults.iter().any(|fault| fault.contains("503")), "{:?}", step.faults);
}

#[test]
fn calls_that_stay_up_talk_without_loss_and_hang_up_at_the_end() {
    let rig = Rig::new(Faults::default(), 50, None, true);
    let (mut load, _network) = (AnchoredLoad { bench: rig.bench, ramp: 500.0 }, rig._network);
    let step = load.step(Some(30.0)).unwrap();
    // How late packets are on a busy machine is no matter of right and wrong.
    assert!(step.faults.iter().all(|fault| fault.contains("delay")), "{:?}", step.faults);
    assert_eq!((load.bench.calls.uac.up(), load.bench.calls.media.talking()), (30, 60));
    let step = load.step(Some(20.0)).unwrap();
    assert!(step.faults.iter().all(|fault| fault.contains("delay")), "{:?}", step.faults);
    assert_eq!(load.bench.calls.uac.up(), 20, "fewer calls: some hang up");
    load.settle().unwrap();
    assert_eq!((load.bench.calls.uac.under_way(), load.bench.calls.uas.under_way(), load.bench.calls.media.talking()), (0, 0, 0));
}
