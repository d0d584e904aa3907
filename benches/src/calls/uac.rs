//! The calling side: INVITE with or without credentials, ACK, hold, BYE.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::CallPlan;
use crate::account::{Account, AuthHabit};
use crate::histogram::Histogram;
use crate::limits::{T1_MS, T2_MS};
use crate::media::Media;
use crate::net::Io;
use crate::put;
use crate::responder;
use crate::scan::{BRANCH, Mark, Name, audio_address, body, lines, mark_behind, method, uri};
use crate::text::{decimal, hex8};
use crate::wheel::Wheel;

/// What happened to calls.
#[derive(Debug, Default)]
pub struct CallStats {
    /// INVITEs begun.
    pub started: u64,
    /// Answered with 200.
    pub answered: u64,
    /// Ended by our BYE, which was answered.
    pub completed: u64,
    /// Challenged.
    pub challenged: u64,
    /// Requests sent again.
    pub retransmissions: u64,
    /// 200 that came again: our ACK was lost or slow.
    pub repeated_answers: u64,
    /// Failed, by reason.
    pub failed: BTreeMap<String, u64>,
    /// From the first INVITE to 180 or 183.
    pub ringing: Histogram,
    /// From the first INVITE to 200.
    pub setup: Histogram,
    /// From BYE to its answer.
    pub teardown: Histogram,
}

impl CallStats {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Free,
    /// INVITE is sent.
    Inviting,
    /// A provisional answer came: no more retransmissions.
    Proceeding,
    Up,
    Ending,
    /// CANCEL is sent, the final answer is awaited.
    Cancelled,
}

#[derive(Debug, Default)]
struct Call {
    state: State,
    generation: u32,
    sock: usize,
    caller: u32,
    called: u32,
    leg: u32,
    cseq: u32,
    attempt: u8,
    rang: bool,
    began_us: u64,
    ending_us: u64,
    gap_ms: u64,
    /// The last request that may have to be sent again.
    request: Vec<u8>,
    /// The ACK of the 200.
    ack: Vec<u8>,
    /// To with the server's tag, its Contact, its route set as header lines.
    remote: Vec<u8>,
    target: Vec<u8>,
    routes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    Resend = 1,
    GiveUp = 2,
    HangUp = 3,
}

/// All calls of the calling side.
#[derive(Debug)]
pub struct Uac {
    /// Callers.
    pub callers: Vec<Account>,
    /// Numbers that are called, in turn.
    pub called: Vec<Box<str>>,
    /// Sockets with their addresses as text.
    socks: Vec<(usize, String)>,
    calls: Vec<Call>,
    free: Vec<u32>,
    next: u64,
    wheel: Wheel,
    due: Vec<u64>,
    cnonce: Vec<u8>,
    /// What happened.
    pub stats: CallStats,
}

impl Uac {
    /// `room` calls at once.
    pub fn new(plan: &CallPlan, callers: Vec<Account>, called: Vec<Box<str>>, socks: Vec<(usize, SocketAddrV4)>, room: u32) -> Self {
        let mut cnonce = Vec::new();
        hex8(&mut cnonce, plan.run);
        Uac {
            callers,
            called,
            socks: socks.into_iter().map(|(sock, local)| (sock, local.to_string())).collect(),
            calls: (0..room).map(|_| Call::default()).collect(),
            free: (0..room).rev().collect(),
            next: 0,
            wheel: Wheel::default(),
            due: Vec::new(),
            cnonce,
            stats: CallStats::default(),
        }
    }

    /// Calls that are not over.
    pub fn under_way(&self) -> u32 {
        (self.calls.len() - self.free.len()) as u32
    }

    /// How many more may begin.
    pub fn room(&self) -> u32 {
        self.free.len() as u32
    }

    /// Begins a call.
    pub fn begin(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media) {
        let Some(slot) = self.free.pop() else { return };
        let call = &mut self.calls[slot as usize];
        call.generation = (call.generation + 1) & 0x00ff_ffff;
        call.sock = self.next as usize % self.socks.len();
        call.caller = (self.next % self.callers.len() as u64) as u32;
        call.called = (self.next % self.called.len() as u64) as u32;
        call.leg = media.open();
        call.cseq = 0;
        call.attempt = 0;
        call.rang = false;
        call.began_us = io.now_us;
        call.remote.clear();
        self.next += 1;
        self.stats.started += 1;
        if plan.habit == AuthHabit::Fresh {
            self.callers[call.caller as usize].forget_challenge();
        }
        self.wheel.set(io.now_ms() + plan.timeout_ms, token(slot, call.generation, Alarm::GiveUp));
        self.invite(plan, io, media, slot);
    }

    fn invite(&mut self, plan: &CallPlan, io: &mut Io, media: &Media, slot: u32) {
        let call = &mut self.calls[slot as usize];
        call.state = State::Inviting;
        call.cseq += 1;
        call.attempt += 1;
        call.gap_ms = T1_MS;
        let account = &mut self.callers[call.caller as usize];
        let (sock, local) = &self.socks[call.sock];
        let mut target = Vec::with_capacity(64);
        put!(target, "sip:", *self.called[call.called as usize], "@", plan.domain);
        let out = &mut call.request;
        out.clear();
        start(out, "INVITE", &target, local, slot, call.generation, b'a' + call.attempt);
        put!(out, "From: <sip:", *account.user, "@", plan.domain, ">;tag=tl");
        mark(out, slot, call.generation);
        put!(out, "\r\nTo: <", target, ">\r\nCall-ID: ");
        call_id(out, plan.run, slot, call.generation);
        put!(out, "\r\nCSeq: ");
        decimal(out, u64::from(call.cseq));
        put!(out, " INVITE\r\nContact: <sip:", *account.user, "@", local, ">\r\n");
        let user_agent = "User-Agent: tandem-load\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY\r\n";
        account.authorize(out, plan.credentials_header(), "INVITE", &target, &self.cnonce);
        put!(out, user_agent, "Content-Type: application/sdp\r\nContent-Length: ");
        let sdp = media.description(call.leg);
        decimal(out, sdp.len() as u64);
        put!(out, "\r\n\r\n", sdp);
        let request = &call.request;
        io.socks[*sock].push(plan.server, |out| out.extend_from_slice(request));
        self.wheel.set(io.now_ms() + T1_MS, token(slot, call.generation, Alarm::Resend));
    }

    /// A request within the dialog, or a CANCEL or ACK that belongs to the INVITE.
    fn request(&mut self, plan: &CallPlan, slot: u32, method: &str, branch: u8, number: u32) -> Vec<u8> {
        let call = &self.calls[slot as usize];
        let (account, local) = (&self.callers[call.caller as usize], &self.socks[call.sock].1);
        let mut out = Vec::with_capacity(512);
        let mut initial = Vec::with_capacity(64);
        put!(initial, "sip:", *self.called[call.called as usize], "@", plan.domain);
        let in_dialog = matches!(call.state, State::Up | State::Ending);
        start(&mut out, method, if in_dialog { &call.target } else { &initial }, local, slot, call.generation, branch);
        if in_dialog {
            out.extend_from_slice(&call.routes);
        }
        put!(out, "From: <sip:", *account.user, "@", plan.domain, ">;tag=tl");
        mark(&mut out, slot, call.generation);
        if call.remote.is_empty() || method == "CANCEL" {
            put!(out, "\r\nTo: <", initial, ">");
        } else {
            put!(out, "\r\nTo: ", call.remote);
        }
        put!(out, "\r\nCall-ID: ");
        call_id(&mut out, plan.run, slot, call.generation);
        put!(out, "\r\nCSeq: ");
        decimal(&mut out, u64::from(number));
        put!(out, " ", method, "\r\nContent-Length: 0\r\n\r\n");
        out
    }

    fn send(&self, plan: &CallPlan, io: &mut Io, slot: u32, message: &[u8]) {
        let sock = self.socks[self.calls[slot as usize].sock].0;
        io.socks[sock].push(plan.server, |out| out.extend_from_slice(message));
    }

    /// Hangs up a call that is up.
    fn hang_up(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, slot: u32) {
        let number = self.calls[slot as usize].cseq + 1;
        media.close(self.calls[slot as usize].leg);
        let bye = self.request(plan, slot, "BYE", b'y', number);
        self.send(plan, io, slot, &bye);
        let call = &mut self.calls[slot as usize];
        call.cseq = number;
        call.state = State::Ending;
        call.ending_us = io.now_us;
        call.gap_ms = T1_MS;
        call.request = bye;
        self.wheel.set(io.now_ms() + T1_MS, token(slot, call.generation, Alarm::Resend));
        self.wheel.set(io.now_ms() + plan.timeout_ms, token(slot, call.generation, Alarm::GiveUp));
    }

    /// Hangs up as many of the calls that are up as asked for; returns how many were.
    pub fn hang_up_some(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, count: u32) -> u32 {
        let up: Vec<u32> =
            (0..self.calls.len() as u32).filter(|slot| self.calls[*slot as usize].state == State::Up).take(count as usize).collect();
        for slot in &up {
            self.hang_up(plan, io, media, *slot);
        }
        up.len() as u32
    }

    /// Calls that are up.
    pub fn up(&self) -> u32 {
        self.calls.iter().filter(|call| call.state == State::Up).count() as u32
    }

    fn end(&mut self, media: &mut Media, slot: u32, failure: Option<String>) {
        let call = &mut self.calls[slot as usize];
        call.state = State::Free;
        media.close(call.leg);
        self.free.push(slot);
        match failure {
            Some(reason) => *self.stats.failed.entry(reason).or_default() += 1,
            None => self.stats.completed += 1,
        }
    }

    /// Retransmits, gives up, hangs up.
    pub fn tick(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.due(io.now_ms(), &mut due);
        for alarm in due.drain(..) {
            let (slot, generation, kind) = ((alarm >> 32) as u32, alarm as u32 >> 8, alarm as u8);
            let call = &mut self.calls[slot as usize];
            if call.generation != generation {
                continue;
            }
            match (call.state, kind) {
                (State::Inviting | State::Ending, kind) if kind == Alarm::Resend as u8 => {
                    // RFC 3261 §17.1.1.2 timer A doubles without a cap, §17.1.2.2 timer E with one.
                    call.gap_ms = if call.state == State::Inviting { call.gap_ms * 2 } else { (call.gap_ms * 2).min(T2_MS) };
                    self.wheel.set(io.now_ms() + call.gap_ms, alarm);
                    self.stats.retransmissions += 1;
                    let request = &call.request;
                    io.socks[self.socks[call.sock].0].push(plan.server, |out| out.extend_from_slice(request));
                }
                (State::Inviting, kind) if kind == Alarm::GiveUp as u8 => self.end(media, slot, Some("no answer at all".into())),
                (State::Proceeding, kind) if kind == Alarm::GiveUp as u8 => {
                    let (branch, number) = (b'a' + call.attempt, call.cseq);
                    call.state = State::Cancelled;
                    self.wheel.set(io.now_ms() + 8 * T1_MS, alarm);
                    let cancel = self.request(plan, slot, "CANCEL", branch, number);
                    self.send(plan, io, slot, &cancel);
                }
                (State::Cancelled, kind) if kind == Alarm::GiveUp as u8 => self.end(media, slot, Some("no final answer".into())),
                (State::Ending, kind) if kind == Alarm::GiveUp as u8 && io.now_us - call.ending_us >= plan.timeout_ms * 900 => {
                    self.end(media, slot, Some("BYE not answered".into()));
                }
                (State::Up, kind) if kind == Alarm::HangUp as u8 => self.hang_up(plan, io, media, slot),
                _ => {}
            }
        }
        self.due = due;
    }

    /// A response came.
    pub fn response(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, status: u16, bytes: &[u8]) {
        let Some((Mark { slot, generation }, branch)) = mark_behind(bytes, BRANCH) else { return };
        let Some(call) = self.calls.get_mut(slot as usize).filter(|call| call.generation == generation) else { return };
        match (call.state, branch) {
            (State::Ending, b'y') if status >= 200 => {
                self.stats.teardown.add(io.now_us.saturating_sub(call.ending_us));
                let failure = (status >= 300).then(|| format!("BYE {status}"));
                self.end(media, slot, failure);
            }
            // An answer that comes again (our ACK was lost), also to a call that is already ending.
            (State::Up | State::Ending, branch) if branch == b'a' + call.attempt && (200..300).contains(&status) => {
                self.stats.repeated_answers += 1;
                let ack = &call.ack;
                io.socks[self.socks[call.sock].0].push(plan.server, |out| out.extend_from_slice(ack));
            }
            (State::Inviting | State::Proceeding | State::Cancelled, branch) if branch == b'a' + call.attempt => match status {
                ..200 => {
                    if call.state == State::Inviting {
                        call.state = State::Proceeding;
                    }
                    if status > 100 && !call.rang {
                        call.rang = true;
                        self.stats.ringing.add(io.now_us.saturating_sub(call.began_us));
                    }
                }
                200..300 => self.answered(plan, io, media, slot, bytes),
                _ => self.refused(plan, io, media, slot, status, bytes),
            },
            _ => {}
        }
    }

    fn answered(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, slot: u32, bytes: &[u8]) {
        let call = &mut self.calls[slot as usize];
        call.target.clear();
        call.routes.clear();
        let mut routes: Vec<&[u8]> = Vec::new();
        for line in lines(bytes) {
            match line.name {
                Name::To => call.remote = line.value.to_vec(),
                Name::Contact => call.target.extend_from_slice(uri(line.value)),
                Name::RecordRoute => routes.push(line.value),
                _ => {}
            }
        }
        // RFC 3261 §12.1.2: the caller's route set is the Record-Route in reverse.
        for route in routes.iter().rev() {
            put!(call.routes, "Route: ", route, "\r\n");
        }
        let was_cancelled = call.state == State::Cancelled;
        call.state = State::Up;
        let number = call.cseq;
        let ack = self.request(plan, slot, "ACK", b'k', number);
        self.send(plan, io, slot, &ack);
        let call = &mut self.calls[slot as usize];
        call.ack = ack;
        self.stats.answered += 1;
        self.stats.setup.add(io.now_us.saturating_sub(call.began_us));
        let Some(remote) = audio_address(body(bytes)).filter(|_| !was_cancelled) else {
            *self.stats.failed.entry(if was_cancelled { "answered too late" } else { "answer without audio" }.into()).or_default() += 1;
            self.hang_up(plan, io, media, slot);
            return;
        };
        let leg = call.leg;
        media.connect(leg, remote);
        if plan.talk {
            media.talk(leg);
        }
        if let Some(hold_ms) = plan.hold_ms {
            self.wheel.set(io.now_ms() + hold_ms, token(slot, call.generation, Alarm::HangUp));
        }
    }

    fn refused(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, slot: u32, status: u16, bytes: &[u8]) {
        let call = &mut self.calls[slot as usize];
        if let Some(to) = lines(bytes).find(|line| line.name == Name::To) {
            call.remote = to.value.to_vec();
        }
        // RFC 3261 §17.1.1.3: this ACK belongs to the INVITE's transaction and carries its branch.
        let (branch, number, caller, attempt) = (b'a' + call.attempt, call.cseq, call.caller as usize, call.attempt);
        let was_cancelled = call.state == State::Cancelled;
        let ack = self.request(plan, slot, "ACK", branch, number);
        self.send(plan, io, slot, &ack);
        self.calls[slot as usize].remote.clear();
        if matches!(status, 401 | 407) && !was_cancelled {
            self.stats.challenged += 1;
            // One stale nonce, one new challenge: the third is a refusal.
            if attempt < 3 && self.callers[caller].challenged(bytes, plan.algorithm) {
                self.invite(plan, io, media, slot);
                return;
            }
            self.callers[caller].forget_challenge();
        }
        self.end(media, slot, Some(if was_cancelled { "no final answer".to_owned() } else { status.to_string() }));
    }

    /// A request came at one of our sockets: the server hangs up, offers anew, or looks whether we are there.
    pub fn incoming(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, sock: usize, bytes: &[u8], from: SocketAddrV4) {
        let mut ours = Vec::with_capacity(16);
        put!(ours, "tlc-");
        hex8(&mut ours, plan.run);
        let known = mark_behind(bytes, &ours).map(|(mark, _)| mark).filter(|mark| {
            self.calls.get(mark.slot as usize).is_some_and(|call| call.generation == mark.generation && call.state != State::Free)
        });
        match (method(bytes), known) {
            (b"ACK" | b"", _) => {}
            (b"BYE", Some(mark)) => {
                io.socks[sock].push(from, |out| responder::plain(out, bytes, "200 OK", b""));
                // Both may hang up at the same moment: then our BYE decides.
                if self.calls[mark.slot as usize].state == State::Up {
                    self.end(media, mark.slot, Some("peer hung up".into()));
                }
            }
            (b"INVITE" | b"UPDATE", Some(mark)) => {
                let leg = self.calls[mark.slot as usize].leg;
                if let Some(remote) = audio_address(body(bytes)) {
                    media.connect(leg, remote);
                }
                let (sdp, local) = (media.description(leg), io.socks[sock].local().to_string());
                io.socks[sock].push(from, |out| super::answer_with(out, bytes, b"", &local, sdp));
            }
            _ => io.socks[sock].push(from, |out| responder::plain(out, bytes, "200 OK", b"tl")),
        }
    }
}

fn start(out: &mut Vec<u8>, method: &str, target: &[u8], local: &str, slot: u32, generation: u32, branch: u8) {
    put!(out, method, " ", target, " SIP/2.0\r\nVia: SIP/2.0/UDP ", local, ";rport;branch=", BRANCH);
    mark(out, slot, generation);
    out.push(branch);
    put!(out, "\r\nMax-Forwards: 70\r\n");
}

fn mark(out: &mut Vec<u8>, slot: u32, generation: u32) {
    hex8(out, slot);
    hex8(out, generation);
}

fn call_id(out: &mut Vec<u8>, run: u32, slot: u32, generation: u32) {
    put!(out, "tlc-");
    hex8(out, run);
    mark(out, slot, generation);
}

/// Slot, 24 bits of generation, kind.
fn token(slot: u32, generation: u32, alarm: Alarm) -> u64 {
    u64::from(slot) << 32 | u64::from(generation) << 8 | alarm as u64
}
