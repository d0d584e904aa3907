//! baresip 1.0.0 as a phone: one process each, driven over its control socket.
//!
//! What this version does, as measured against itself:
//! * Call set-up over UDP and TCP, RFC 4733 digits both ways (`sndcode`; digits received come as `CALL_DTMF_START`), hold
//!   by re-INVITE with `a=sendonly` (`hold`, `resume`), several calls at once (`line N`), none held by itself.
//! * `transfer` sends REFER in the current call and ends it on the final answer or NOTIFY, also when that is a failure. There is no attended transfer, but its
//!   argument goes into Refer-To verbatim, so a `Replaces` built from the trace makes one ([`Baresip::transfer_to_call`]).
//! * An INVITE with Replaces is not understood: somebody in between must do the replacing.
//! * The recording of what was heard ends at the first re-INVITE; see [`crate::capture`].
//! * The control socket serves one client. Without a working player a call is never answered, only 180 is sent.
//! * The call's id in events is the SIP Call-ID.
//! * TLS for signalling, checked against a file of authorities, and SRTP with keys in the session description (`srtp.so`: suites
//!   AES_CM_128_HMAC_SHA1_32 and _80 and the two of AES-GCM): `srtp` offers RTP/AVP with keys and falls back, `srtp-mand` offers
//!   RTP/SAVP and does not. There is no WebSocket in it.

use std::io::{BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::Missing;
use crate::process::{Process, installed};
use crate::tone::Audio;
use crate::wait;

/// Where Debian keeps the modules.
const MODULES: &str = "/usr/lib/baresip/modules";
/// How long a command may take to be answered.
const ANSWER: Duration = Duration::from_secs(5);

/// How a phone is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its user name.
    pub user: String,
    /// Its address.
    pub ip: IpAddr,
    /// Its SIP port; the next one is taken as well (TLS).
    pub port: u16,
    /// Where it registers, and with what password; without it calls addresses directly.
    pub registrar: Option<(SocketAddr, String)>,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Media encryption: `srtp` if the other side can, `srtp-mand` always; none without it.
    pub encryption: Option<&'static str>,
    /// PEM file of who may vouch for the server; without it any certificate will do.
    pub authority: Option<PathBuf>,
    /// The tone it speaks, in Hz.
    pub tone: f64,
    /// Answers by itself.
    pub auto_answer: bool,
}

impl Setup {
    /// The phone number `index` (0, 1, …) in the test's network: ports of its own, speaks the tone, answers.
    pub fn new(user: &str, index: u16, tone: f64) -> Self {
        let port = 15100 + index * 4;
        Setup {
            user: user.to_owned(),
            ip: crate::netns::PHONES,
            port,
            registrar: None,
            transport: "udp",
            encryption: None,
            authority: None,
            tone,
            auto_answer: true,
        }
    }

    /// Registers at `server` with `password`.
    #[must_use]
    pub fn registered(mut self, server: SocketAddr, password: &str) -> Self {
        self.registrar = Some((server, password.to_owned()));
        self
    }

    /// Speaks SIP over TCP.
    #[must_use]
    pub fn over_tcp(mut self) -> Self {
        self.transport = "tcp";
        self
    }

    /// Speaks SIP over TLS, at the server's port for it.
    #[must_use]
    pub fn over_tls(mut self) -> Self {
        self.transport = "tls";
        if let Some((server, _)) = &mut self.registrar {
            server.set_port(crate::tandem::SIPS);
        }
        self
    }

    /// Encrypts its media: `srtp` or `srtp-mand`.
    #[must_use]
    pub fn encrypts(mut self, how: &'static str) -> Self {
        self.encryption = Some(how);
        self
    }

    /// Checks the server's certificate.
    #[must_use]
    pub fn trusts(mut self, authority: &std::path::Path) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Lets calls ring until [`Baresip::accept`].
    #[must_use]
    pub fn rings(mut self) -> Self {
        self.auto_answer = false;
        self
    }

    /// What must be in the path and on the disk.
    pub fn available() -> Result<(), Missing> {
        if installed("baresip") && PathBuf::from(MODULES).is_dir() {
            Ok(())
        } else {
            Err(Missing("no baresip (Debian package baresip-core)".to_owned()))
        }
    }

    /// Starts it and, if it is to register, waits until it has.
    pub fn start(self) -> Result<Baresip> {
        Baresip::start(self)
    }
}

#[derive(Debug, Default)]
struct Inbox {
    events: Vec<Value>,
    responses: Vec<Value>,
    closed: bool,
}

/// A running phone.
#[derive(Debug)]
pub struct Baresip {
    /// How it was set up.
    pub setup: Setup,
    process: Process,
    control: TcpStream,
    inbox: Arc<(Mutex<Inbox>, Condvar)>,
    token: u64,
    dir: tempfile::TempDir,
}

/// A dialog as this phone sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// This phone's tag.
    pub local_tag: String,
    /// The other side's tag.
    pub remote_tag: String,
}

impl Baresip {
    fn start(setup: Setup) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        write_config(&setup, &dir)?;
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(dir.path());
        let process = Process::spawn(&setup.user, &command, &dir.path().join("log"))?;
        let address = SocketAddr::new(setup.ip, control_port(&setup));
        let control = wait::poll(wait::secs(10), || TcpStream::connect_timeout(&address, wait::secs(1)).ok())
            .with_context(|| format!("control socket of {}: {}", setup.user, process.log()))?;
        let inbox = Arc::new((Mutex::new(Inbox::default()), Condvar::new()));
        std::thread::spawn({
            let (stream, inbox) = (control.try_clone()?, inbox.clone());
            move || read_netstrings(stream, &inbox)
        });
        let registers = setup.registrar.is_some();
        let mut phone = Baresip { setup, process, control, inbox, token: 0, dir };
        if registers {
            // The event may have gone out before the control socket was connected: ask for the state, too.
            wait::poll(wait::secs(10), || phone.is_registered().then_some(()))
                .ok_or_else(|| anyhow!("{} did not register:\n{}", phone.setup.user, phone.process.log()))?;
        }
        Ok(phone)
    }

    /// Whether its registration stands.
    pub fn is_registered(&mut self) -> bool {
        self.command("reginfo", "").is_ok_and(|text| text.contains("OK"))
    }

    /// Its own address as a SIP URI.
    pub fn uri(&self) -> String {
        format!("sip:{}@{}", self.setup.user, SocketAddr::new(self.setup.ip, self.setup.port))
    }

    /// Sends a command and gives the text that it answered.
    pub fn command(&mut self, command: &str, params: &str) -> Result<String> {
        self.token += 1;
        let token = self.token.to_string();
        let body = json!({ "command": command, "params": params, "token": token }).to_string();
        self.control.write_all(format!("{}:{},", body.len(), body).as_bytes())?;
        let answer = self.take(ANSWER, |inbox| {
            let place = inbox.responses.iter().position(|r| r["token"] == token.as_str())?;
            Some(inbox.responses.swap_remove(place))
        });
        let answer = answer.with_context(|| format!("{} did not answer `{command} {params}`", self.setup.user))?;
        let text = answer["data"].as_str().unwrap_or_default().to_owned();
        if answer["ok"].as_bool() == Some(true) { Ok(text) } else { bail!("`{command} {params}` refused: {text}") }
    }

    fn take<T>(&self, limit: Duration, mut pick: impl FnMut(&mut Inbox) -> Option<T>) -> Option<T> {
        let (lock, changed) = &*self.inbox;
        let end = Instant::now() + limit;
        let mut inbox = lock.lock().unwrap();
        loop {
            if let Some(found) = pick(&mut inbox) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || inbox.closed {
                return None;
            }
            inbox = changed.wait_timeout(inbox, left).unwrap().0;
        }
    }

    /// The next event of this kind, `CALL_ESTABLISHED` say; earlier events of the kind that nobody asked for count.
    ///
    /// # Panics
    /// If none comes within `limit`.
    #[track_caller]
    pub fn event(&self, kind: &str, limit: Duration) -> Value {
        let found = self.take(limit, |inbox| {
            let place = inbox.events.iter().position(|e| e["type"] == kind)?;
            Some(inbox.events.remove(place))
        });
        found.unwrap_or_else(|| panic!("{} saw no {kind} within {limit:?}; it saw {:?}", self.setup.user, self.kinds()))
    }

    fn kinds(&self) -> Vec<String> {
        let inbox = self.inbox.0.lock().unwrap();
        inbox.events.iter().map(|e| e["type"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Whether an event of this kind has come that nobody asked for.
    pub fn has_event(&self, kind: &str) -> bool {
        self.inbox.0.lock().unwrap().events.iter().any(|e| e["type"] == kind)
    }

    /// Calls; returns at once.
    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri).unwrap();
    }

    /// Waits until a call is up; gives its Call-ID.
    #[track_caller]
    pub fn established(&self) -> String {
        self.event("CALL_ESTABLISHED", wait::secs(10))["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a call is over; gives the reason.
    #[track_caller]
    pub fn closed(&self) -> String {
        self.event("CALL_CLOSED", wait::secs(15))["param"].as_str().unwrap_or_default().to_owned()
    }

    /// Answers a ringing call.
    pub fn accept(&mut self) {
        self.command("accept", "").unwrap();
    }

    /// Ends the current call.
    pub fn hangup(&mut self) {
        self.command("hangup", "").unwrap();
    }

    /// Puts the current call on hold.
    pub fn hold(&mut self) {
        self.command("hold", "").unwrap();
    }

    /// Takes the current call off hold.
    pub fn resume(&mut self) {
        self.command("resume", "").unwrap();
    }

    /// Makes call number `line` (1, 2, …) the current one.
    pub fn line(&mut self, line: u32) {
        self.command("line", &line.to_string()).unwrap();
    }

    /// Presses a key in the current call.
    pub fn press(&mut self, digit: char) {
        self.command("sndcode", &digit.to_string()).unwrap();
    }

    /// Keys that were received, in order, as far as nobody took them yet.
    pub fn digits(&self) -> String {
        let (lock, _) = &*self.inbox;
        let inbox = lock.lock().unwrap();
        inbox.events.iter().filter(|e| e["type"] == "CALL_DTMF_START").filter_map(|e| e["param"].as_str()).collect()
    }

    /// Hands the current call to `uri` (REFER, RFC 5589 §6).
    pub fn transfer(&mut self, uri: &str) {
        self.command("transfer", uri).unwrap();
    }

    /// Hands the current call to the far end of another call of this phone (REFER with Replaces, RFC 5589 §7).
    pub fn transfer_to_call(&mut self, uri: &str, other: &Dialog) {
        // RFC 3891 §3: to-tag is the tag of whom the replacing INVITE reaches, from-tag ours.
        let escape = |text: &str| text.replace('%', "%25").replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
        let replaces =
            format!("{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", escape(&other.call_id), escape(&other.remote_tag), escape(&other.local_tag));
        // A URI with headers must stand in brackets (RFC 3261 §20).
        self.transfer(&format!("<{uri}?Replaces={replaces}>"));
    }

    /// The dialog of a call that this phone made, read from its trace.
    pub fn dialog(&self, call_id: &str) -> Result<Dialog> {
        let trace = self.trace();
        let answer = messages(&trace)
            .find(|message| message.starts_with("SIP/2.0 2") && header(message, "Call-ID") == Some(call_id) && message.contains("INVITE"));
        let answer = answer.with_context(|| format!("no answered call {call_id} in the trace"))?;
        let tag = |name| {
            let value = header(answer, name)?;
            value.split(";tag=").nth(1).map(|tag| tag.split(';').next().unwrap_or(tag).to_owned())
        };
        let (local, remote) = tag("From").zip(tag("To")).context("an answer without tags")?;
        Ok(Dialog { call_id: call_id.to_owned(), local_tag: local, remote_tag: remote })
    }

    /// Where this phone receives the audio of a call: from the last SDP it sent in it.
    pub fn audio_address(&self, call_id: &str) -> Result<SocketAddr> {
        self.sdp_address(call_id, |owner| owner == self.setup.ip.to_string())
    }

    /// Where this phone sends the audio of a call: from the last SDP it got in it.
    pub fn audio_target(&self, call_id: &str) -> Result<SocketAddr> {
        self.sdp_address(call_id, |owner| owner != self.setup.ip.to_string())
    }

    fn sdp_address(&self, call_id: &str, wanted: impl Fn(&str) -> bool) -> Result<SocketAddr> {
        let trace = self.trace();
        let mut found = None;
        for message in messages(&trace).filter(|m| header(m, "Call-ID") == Some(call_id)) {
            let line = |start: &str| message.lines().find_map(|l| l.trim_end().strip_prefix(start));
            let Some(port) = line("m=audio ").and_then(|m| m.split(' ').next()?.parse().ok()) else { continue };
            let Some(ip) = line("c=IN IP4 ").or_else(|| line("c=IN IP6 ")) else { continue };
            if wanted(ip) {
                found = Some(SocketAddr::new(ip.parse()?, port));
            }
        }
        found.with_context(|| format!("no SDP of the call {call_id} in the trace of {}", self.setup.user))
    }

    /// Every SIP message and log line so far.
    pub fn trace(&self) -> String {
        self.process.log()
    }

    /// What this phone recorded: all it heard up to the first re-INVITE of its last call. Ask when the call is over: the file
    /// is written in large blocks.
    pub fn recording(&self) -> Result<Audio> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.dir.path().join("rec"))?.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with("-dec.wav"));
        files.sort();
        Audio::read(files.last().with_context(|| format!("{} recorded nothing", self.setup.user))?)
    }

    /// Kills the phone: it says goodbye to nobody.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }
}

fn control_port(setup: &Setup) -> u16 {
    setup.port.saturating_sub(700)
}

fn write_config(setup: &Setup, dir: &tempfile::TempDir) -> Result<()> {
    let path = dir.path();
    std::fs::create_dir(path.join("rec"))?;
    Audio::sine(setup.tone, Duration::from_secs(120)).write(&path.join("voice.wav"))?;
    let Setup { ip, port, user, .. } = setup;
    let rtp = 20_000 + (port - 15_000) * 10;
    let media = setup.encryption.map(|_| "module srtp.so\n").unwrap_or_default();
    let trust = setup.authority.as_ref().map(|file| format!("sip_cafile {}\nsip_verify_server yes\n", file.display()));
    let secure = format!("{media}{}", trust.unwrap_or_default());
    let config = format!(
        "sip_listen {listen}\naudio_source aufile,{dir}/voice.wav\naudio_player aubridge,sink\nausrc_srate 8000\nauplay_srate 8000\n\
         rtp_ports {rtp}-{rtp_end}\ncall_max_calls 8\nmodule_path {MODULES}\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\n\
         module sndfile.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
         ctrl_tcp_listen {control}\nsnd_path {dir}/rec\nstatmode_default off\n{secure}",
        listen = SocketAddr::new(*ip, *port),
        dir = path.display(),
        rtp_end = rtp + 38,
        control = SocketAddr::new(*ip, control_port(setup)),
    );
    std::fs::write(path.join("config"), config)?;
    std::fs::write(path.join("contacts"), "")?;
    let encryption = setup.encryption.map(|how| format!(";mediaenc={how}")).unwrap_or_default();
    let answer = if setup.auto_answer { "auto" } else { "manual" };
    let account = match &setup.registrar {
        Some((server, password)) => {
            format!("<sip:{user}@{server};transport={}>;auth_pass={password};regint=60", setup.transport)
        }
        None => format!("<sip:{user}@{};transport={}>;regint=0", SocketAddr::new(*ip, *port), setup.transport),
    };
    std::fs::write(path.join("accounts"), format!("{account};audio_codecs=PCMU/8000/1;answermode={answer}{encryption}\n"))?;
    Ok(())
}

fn read_netstrings(stream: TcpStream, inbox: &(Mutex<Inbox>, Condvar)) {
    let mut reader = BufReader::new(stream);
    while let Some(value) = read_netstring(&mut reader) {
        let mut inbox_now = inbox.0.lock().unwrap();
        if value["event"].as_bool() == Some(true) {
            // Sent several times a second and of no interest here.
            if value["type"] != "CALL_RTCP" {
                inbox_now.events.push(value);
            }
        } else {
            inbox_now.responses.push(value);
        }
        inbox.1.notify_all();
    }
    inbox.0.lock().unwrap().closed = true;
    inbox.1.notify_all();
}

fn read_netstring(reader: &mut impl Read) -> Option<Value> {
    let mut length = 0_usize;
    loop {
        let mut byte = [0_u8];
        reader.read_exact(&mut byte).ok()?;
        match byte[0] {
            b':' => break,
            digit if digit.is_ascii_digit() => length = length * 10 + usize::from(digit - b'0'),
            _ => return None,
        }
    }
    let mut body = vec![0; length.min(1 << 20) + 1];
    reader.read_exact(&mut body).ok()?;
    body.pop();
    Some(serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The SIP messages of a trace; each begins with its start line.
fn messages(trace: &str) -> impl Iterator<Item = &str> {
    let is_start = |line: &str| {
        let line = line.trim_end();
        line.starts_with("SIP/2.0 ") || line.ends_with(" SIP/2.0")
    };
    let mut starts: Vec<usize> = Vec::new();
    let mut place = 0;
    for line in trace.split_inclusive('\n') {
        if is_start(line) {
            starts.push(place);
        }
        place += line.len();
    }
    starts.push(trace.len());
    let ranges: Vec<(usize, usize)> = starts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    ranges.into_iter().map(move |(from, to)| &trace[from..to])
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}
