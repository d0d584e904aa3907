//! A slow disk under a storm of calls: those for whom there is no room get 503 with Retry-After at once, the sockets go on,
//! nothing is sent before it is in the log, and every caller gets exactly one final answer.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_core::config::{AccessNumber, Destination, Trunk, TrunkAuth};
use tandem_core::engine::{Engine, EngineConfig, SystemClock};
use tandem_core::event::TenantSettings;
use tandem_core::log::{Batch, EventLog, FileLog, LogConfig, LogError, Offset};
use tandem_core::{Command, Number, TenantId, Transport, TrunkName};
use tandem_media::rtp::{MediaPlane, RtpConfig};
use tandem_media::sip::auth::{Algorithm, Credentials, Ha1};
use tandem_media::sip::transport::{Listen, Transports};
use tandem_media::switch::{Secrets, Switch, SwitchConfig, SwitchInbox, SwitchParts};

const CALLS: usize = 200;
/// One commit takes this long: at most ten a second.
const SYNC: Duration = Duration::from_millis(100);

struct Slow(FileLog);

impl EventLog for Slow {
    fn append(&mut self, batch: &Batch) -> Result<Range<Offset>, LogError> {
        std::thread::sleep(SYNC);
        self.0.append(batch)
    }
}

struct Nobody;

impl Credentials for Nobody {
    fn ha1(&self, _: &TenantId, _: &str, _: Algorithm) -> Option<Ha1> {
        None
    }
}

impl Secrets for Nobody {
    fn trunk_password(&self, _: &TenantId, _: &TrunkName) -> Option<Arc<str>> {
        None
    }
}

struct Node {
    engine: Engine,
    switch: Switch,
    sip: SocketAddr,
    _folder: tempfile::TempDir,
}

/// A node with room for one command per mailbox, an echo number and a trunk at `carrier`.
fn node(carrier: SocketAddr) -> Node {
    let folder = tempfile::tempdir().unwrap();
    let transports = Transports::bind(&[Listen { transport: Transport::Udp, addr: "127.0.0.1:0".parse().unwrap() }]).unwrap();
    let sip = transports.listening()[0].addr;
    let inbox = SwitchInbox::new(transports.waker());
    let media =
        MediaPlane::start(RtpConfig { ports: 45_000..=46_999, workers: 1, ..RtpConfig::default() }, Arc::new(inbox.clone())).unwrap();
    let log = FileLog::open(LogConfig::new(folder.path())).unwrap();
    let config = EngineConfig { shards: 1, mailbox_batches: 1, batch_commands: 1, ..EngineConfig::default() };
    let engine = Engine::start_with(config, log, |log| Box::new(Slow(log)), Arc::new(inbox.clone()), Arc::new(SystemClock)).unwrap();
    let tenant = TenantId::new("storm").unwrap();
    let trunk = Trunk {
        name: TrunkName::new("carrier").unwrap(),
        host: carrier.ip().to_string().into(),
        port: Some(carrier.port()),
        transport: Transport::Udp,
        auth: TrunkAuth::Address,
        sources: Vec::new(),
        priority: 0,
        prefixes: Vec::new(),
        caller_number: None,
        max_calls: 10_000,
        options_interval_s: 0,
        srtp: Default::default(),
    };
    let number = AccessNumber { number: Number::new("600").unwrap(), destination: Destination::Echo };
    for command in [Command::CreateTenant(TenantSettings::named("Storm")), Command::AddTrunk(trunk), Command::AddNumber(number)] {
        let (answer, answered) = std::sync::mpsc::channel();
        engine.mailbox().request(&tenant, command, Box::new(move |result| answer.send(result).unwrap())).unwrap();
        answered.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    }
    let parts = SwitchParts {
        transports,
        media,
        inbox,
        mailbox: engine.mailbox(),
        directory: engine.directory(),
        secrets: Arc::new(Nobody),
        ids: engine.ids(32),
        clock: Arc::new(SystemClock),
    };
    let switch = Switch::start(SwitchConfig::default(), parts).unwrap();
    // The switch takes the trunk up in its first turn.
    std::thread::sleep(Duration::from_millis(200));
    Node { engine, switch, sip, _folder: folder }
}

fn request(method: &str, from: SocketAddr, call: usize, to_tag: &str) -> String {
    let body = match method {
        "INVITE" => format!("v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", from.ip()),
        _ => String::new(),
    };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:600@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{call}\r\nMax-Forwards: 70\r\n\
         From: <sip:{call}@carrier.example>;tag=f{call}\r\nTo: <sip:600@127.0.0.1>{to_tag}\r\nCall-ID: call-{call}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:{from}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_slow_disk_under_a_storm_of_calls_refuses_with_retry_after_and_answers_everybody_once() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let us = socket.local_addr().unwrap();
    let node = node(us);
    for call in 0..CALLS {
        socket.send_to(request("INVITE", us, call, "").as_bytes(), node.sip).unwrap();
    }
    let began = Instant::now();
    let mut finals: HashMap<usize, u16> = HashMap::new();
    let mut first_refusal = None;
    let mut buffer = [0; 4096];
    while finals.len() < CALLS && began.elapsed() < Duration::from_secs(30) {
        let Ok(read) = socket.recv(&mut buffer) else { continue };
        let message = String::from_utf8_lossy(&buffer[..read]).into_owned();
        let status: u16 = message.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let Some(call) = field(&message, "Call-ID").and_then(|id| id.strip_prefix("call-")?.parse().ok()) else { continue };
        if status < 200 {
            continue;
        }
        let tag = field(&message, "To").and_then(|to| to.split_once(";tag=")).map_or(String::new(), |(_, tag)| format!(";tag={tag}"));
        socket.send_to(request("ACK", us, call, &tag).as_bytes(), node.sip).unwrap();
        if status == 503 {
            first_refusal.get_or_insert_with(|| began.elapsed());
            assert!(field(&message, "Retry-After").is_some(), "{message}");
        }
        let before = finals.insert(call, status);
        assert!(before.is_none_or(|before| before == status), "call {call} got {before:?} and then {status}");
    }
    let count = |status| finals.values().filter(|found| **found == status).count();
    assert_eq!(finals.len(), CALLS, "every caller gets a final answer");
    assert_eq!(count(200) + count(503), CALLS, "{finals:?}");
    assert!(count(200) > 0, "those for whom there was room are answered");
    assert!(count(503) > CALLS / 2, "a commit takes {SYNC:?}: most can't have room, {} were refused", count(503));
    let first = first_refusal.unwrap();
    assert!(first < Duration::from_secs(2), "refusals don't wait for the disk: the first came after {first:?}");
    node.switch.stop();
    node.engine.shutdown();
}
