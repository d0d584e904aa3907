//! The called side: 180, 200 until it is acknowledged, and an answer to everything else.

use std::collections::HashMap;
use std::net::SocketAddrV4;

use super::{CallPlan, answer_with};
use crate::limits::{CALLS, T1_MS, T2_MS};
use crate::media::Media;
use crate::net::Io;
use crate::put;
use crate::responder::{plain, repeat_headers};
use crate::scan::{Mark, Name, audio_address, body, lines, mark_behind, method};
use crate::text::hex8;
use crate::wheel::Wheel;

/// What the called side saw.
#[derive(Debug, Default)]
pub struct AnswerStats {
    /// New calls.
    pub offered: u64,
    /// INVITEs that came again.
    pub repeated: u64,
    /// 200s sent again for want of an ACK.
    pub retransmissions: u64,
    /// Cancelled before the answer.
    pub cancelled: u64,
    /// Given up because no ACK ever came.
    pub not_acknowledged: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Free,
    Ringing,
    /// 200 is sent, the ACK is awaited.
    Answered,
    Up,
}

#[derive(Debug, Default)]
struct Dialog {
    state: State,
    generation: u32,
    /// The server's Call-ID.
    key: Vec<u8>,
    /// The INVITE, for the headers of the answer.
    invite: Vec<u8>,
    /// The last answer, to be sent again.
    answer: Vec<u8>,
    peer: Option<SocketAddrV4>,
    leg: u32,
    gap_ms: u64,
    answered_us: u64,
}

/// All dialogs of the called side.
#[derive(Debug)]
pub struct Uas {
    sock: usize,
    local: String,
    dialogs: Vec<Dialog>,
    free: Vec<u32>,
    by_call_id: HashMap<Vec<u8>, u32>,
    wheel: Wheel,
    due: Vec<u64>,
    /// What happened.
    pub stats: AnswerStats,
}

impl Uas {
    /// Answers at this socket.
    pub fn new(sock: usize, local: SocketAddrV4) -> Self {
        Uas {
            sock,
            local: local.to_string(),
            dialogs: Vec::new(),
            free: Vec::new(),
            by_call_id: HashMap::new(),
            wheel: Wheel::default(),
            due: Vec::new(),
            stats: AnswerStats::default(),
        }
    }

    /// Dialogs that are not over.
    pub fn under_way(&self) -> u32 {
        (self.dialogs.len() - self.free.len()) as u32
    }

    /// A request came.
    pub fn request(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, bytes: &[u8], from: SocketAddrV4) {
        match method(bytes) {
            b"INVITE" => self.invite(plan, io, media, bytes, from),
            b"ACK" => {
                if let Some(slot) = self.dialog_of(bytes) {
                    let dialog = &mut self.dialogs[slot as usize];
                    if dialog.state == State::Answered {
                        dialog.state = State::Up;
                        if plan.talk {
                            media.talk(dialog.leg);
                        }
                    }
                }
            }
            b"BYE" => {
                io.socks[self.sock].push(from, |out| plain(out, bytes, "200 OK", b"tl"));
                if let Some(slot) = self.dialog_of(bytes) {
                    self.end(media, slot);
                }
            }
            b"CANCEL" => {
                io.socks[self.sock].push(from, |out| plain(out, bytes, "200 OK", b"tl"));
                let found = lines(bytes).find(|line| line.name == Name::CallId).and_then(|line| self.by_call_id.get(line.value).copied());
                if let Some(slot) = found.filter(|slot| self.dialogs[*slot as usize].state == State::Ringing) {
                    self.stats.cancelled += 1;
                    let dialog = &self.dialogs[slot as usize];
                    io.socks[self.sock]
                        .push(from, |out| plain(out, &dialog.invite, "487 Request Terminated", &tag(slot, dialog.generation)));
                    self.end(media, slot);
                }
            }
            b"" => {}
            // OPTIONS of a trunk's health check, NOTIFY, INFO.
            _ => io.socks[self.sock].push(from, |out| plain(out, bytes, "200 OK", b"tl")),
        }
    }

    /// The dialog of our tag in To.
    fn dialog_of(&self, bytes: &[u8]) -> Option<u32> {
        let to = lines(bytes).find(|line| line.name == Name::To)?;
        let (Mark { slot, generation }, _) = mark_behind(to.value, b"tag=tl")?;
        let dialog = self.dialogs.get(slot as usize)?;
        (dialog.state != State::Free && dialog.generation == generation).then_some(slot)
    }

    fn invite(&mut self, plan: &CallPlan, io: &mut Io, media: &mut Media, bytes: &[u8], from: SocketAddrV4) {
        if let Some(slot) = self.dialog_of(bytes) {
            let leg = self.dialogs[slot as usize].leg;
            if let Some(remote) = audio_address(body(bytes)) {
                media.connect(leg, remote);
            }
            io.socks[self.sock].push(from, |out| answer_with(out, bytes, b"", &self.local, media.description(leg)));
            return;
        }
        let Some(call_id) = lines(bytes).find(|line| line.name == Name::CallId).map(|line| line.value) else { return };
        if let Some(slot) = self.by_call_id.get(call_id) {
            self.stats.repeated += 1;
            let answer = &self.dialogs[*slot as usize].answer;
            io.socks[self.sock].push(from, |out| out.extend_from_slice(answer));
            return;
        }
        let Some(remote) = audio_address(body(bytes)) else {
            // A late offer (RFC 3264 §5) is nothing that a load is made of.
            io.socks[self.sock].push(from, |out| plain(out, bytes, "488 Not Acceptable Here", b"tl"));
            return;
        };
        let Some(slot) = self.take_slot() else {
            io.socks[self.sock].push(from, |out| plain(out, bytes, "503 Service Unavailable", b"tl"));
            return;
        };
        self.stats.offered += 1;
        self.by_call_id.insert(call_id.to_vec(), slot);
        let dialog = &mut self.dialogs[slot as usize];
        dialog.key.clear();
        dialog.key.extend_from_slice(call_id);
        dialog.invite.clear();
        dialog.invite.extend_from_slice(bytes);
        dialog.peer = Some(from);
        dialog.leg = media.open();
        dialog.state = State::Ringing;
        media.connect(dialog.leg, remote);
        let tag = tag(slot, dialog.generation);
        dialog.answer.clear();
        put!(dialog.answer, "SIP/2.0 180 Ringing\r\n");
        repeat_headers(&mut dialog.answer, bytes, &tag);
        put!(dialog.answer, "Contact: <sip:", self.local, ">\r\nContent-Length: 0\r\n\r\n");
        let answer = &dialog.answer;
        io.socks[self.sock].push(from, |out| out.extend_from_slice(answer));
        if plan.ring_ms == 0 {
            self.answer(io, media, slot);
        } else {
            self.wheel.set(io.now_ms() + plan.ring_ms, token(slot, dialog.generation));
        }
    }

    fn take_slot(&mut self) -> Option<u32> {
        let slot = self.free.pop().or_else(|| {
            (self.dialogs.len() < CALLS as usize).then(|| {
                self.dialogs.push(Dialog::default());
                self.dialogs.len() as u32 - 1
            })
        })?;
        let dialog = &mut self.dialogs[slot as usize];
        dialog.generation = dialog.generation.wrapping_add(1);
        Some(slot)
    }

    fn answer(&mut self, io: &mut Io, media: &Media, slot: u32) {
        let dialog = &mut self.dialogs[slot as usize];
        let Some(peer) = dialog.peer else { return };
        dialog.answer.clear();
        answer_with(&mut dialog.answer, &dialog.invite, &tag(slot, dialog.generation), &self.local, media.description(dialog.leg));
        dialog.state = State::Answered;
        dialog.answered_us = io.now_us;
        dialog.gap_ms = T1_MS;
        let answer = &dialog.answer;
        io.socks[self.sock].push(peer, |out| out.extend_from_slice(answer));
        self.wheel.set(io.now_ms() + T1_MS, token(slot, dialog.generation));
    }

    /// Answers what has rung long enough, and repeats answers that were not acknowledged (RFC 3261 §13.3.1.4).
    pub fn tick(&mut self, io: &mut Io, media: &mut Media) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.due(io.now_ms(), &mut due);
        for alarm in due.drain(..) {
            let (slot, generation) = ((alarm >> 32) as u32, alarm as u32);
            let dialog = &mut self.dialogs[slot as usize];
            if dialog.generation != generation {
                continue;
            }
            match dialog.state {
                State::Ringing => self.answer(io, media, slot),
                State::Answered if io.now_us.saturating_sub(dialog.answered_us) > 64 * T1_MS * 1000 => {
                    self.stats.not_acknowledged += 1;
                    self.end(media, slot);
                }
                State::Answered => {
                    dialog.gap_ms = (dialog.gap_ms * 2).min(T2_MS);
                    self.stats.retransmissions += 1;
                    let (answer, gap_ms) = (&dialog.answer, dialog.gap_ms);
                    if let Some(peer) = dialog.peer {
                        io.socks[self.sock].push(peer, |out| out.extend_from_slice(answer));
                    }
                    self.wheel.set(io.now_ms() + gap_ms, alarm);
                }
                State::Free | State::Up => {}
            }
        }
        self.due = due;
    }

    fn end(&mut self, media: &mut Media, slot: u32) {
        let dialog = &mut self.dialogs[slot as usize];
        dialog.state = State::Free;
        media.close(dialog.leg);
        self.by_call_id.remove(&dialog.key);
        self.free.push(slot);
    }
}

fn tag(slot: u32, generation: u32) -> Vec<u8> {
    let mut tag = Vec::with_capacity(18);
    put!(tag, "tl");
    hex8(&mut tag, slot);
    hex8(&mut tag, generation);
    tag
}

fn token(slot: u32, generation: u32) -> u64 {
    u64::from(slot) << 32 | u64::from(generation)
}
