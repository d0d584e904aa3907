//! Somebody who calls from the telephone network and whose every packet is at hand: SIP by [`SipPeer`], audio by [`RtpPeer`].
//!
//! SIPp callers make the crowd; these are the ones whose ears are asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::netns::CARRIER;
use crate::peer::{Dialog, Received, SipPeer, sdp};
use crate::rtp::RtpPeer;
use crate::tone::Audio;
use crate::wait;

/// Its first SIP port; each caller of a test has its own.
const SIP_PORT: u16 = 6100;
/// Its first port for audio.
const AUDIO_PORT: u16 = 42_000;
/// How long it listens for a message before it looks whether it should hang up.
const LOOK: Duration = Duration::from_millis(30);

#[derive(Debug, Default)]
struct Progress {
    audio: Option<SocketAddr>,
    answered: bool,
    refused: Option<u16>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    progress: Mutex<Progress>,
    hang_up: AtomicBool,
    stop: AtomicBool,
}

/// A caller. It hangs up when dropped.
#[derive(Debug)]
pub struct Caller {
    /// Its number.
    pub number: String,
    shared: Arc<Shared>,
    rtp: RtpPeer,
    tone: f64,
    thread: Option<JoinHandle<()>>,
}

impl Caller {
    /// The caller `index` (0, 1, …) of the test, with this number, calls `called` at `server`; it speaks the tone once there is
    /// somebody or something to listen.
    pub fn call(index: u16, number: &str, tone: f64, server: SocketAddr, called: &str) -> Result<Self> {
        let peer = SipPeer::bind(number, SocketAddr::new(CARRIER, SIP_PORT + index))?;
        let rtp = RtpPeer::bind(SocketAddr::new(CARRIER, AUDIO_PORT + 2 * index))?;
        let shared = Arc::new(Shared::default());
        let mut dialog = peer.dialog(server, called);
        let offer = sdp(rtp.local);
        peer.send(&mut dialog, "INVITE", "", &offer)?;
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || live(&peer, dialog, &offer, &shared)
        });
        Ok(Caller { number: number.to_owned(), shared, rtp, tone, thread: Some(thread) })
    }

    /// Waits until it hears something and speaks: in a queue, or with somebody.
    ///
    /// # Panics
    /// If that takes more than 10 s.
    #[track_caller]
    pub fn connected(&mut self) {
        let shared = self.shared.clone();
        let audio = wait::until(&format!("{} was connected", self.number), wait::secs(10), || shared.progress.lock().unwrap().audio);
        self.rtp.speak(audio, self.tone, u32::from(self.rtp.local.port())).unwrap();
    }

    /// What it heard since `since`.
    pub fn heard(&self, since: Instant) -> Audio {
        self.rtp.heard(since)
    }

    /// Hangs up.
    pub fn hang_up(&self) {
        self.shared.hang_up.store(true, Ordering::Relaxed);
    }

    /// Waits until its call is over.
    ///
    /// # Panics
    /// If that takes longer than `limit`.
    #[track_caller]
    pub fn ended(&self, limit: Duration) {
        wait::until_true(&format!("the call of {} was over", self.number), limit, || self.is_over());
    }

    /// Whether its call is over.
    pub fn is_over(&self) -> bool {
        self.shared.progress.lock().unwrap().ended
    }

    /// The status with which it was refused.
    pub fn refused(&self) -> Option<u16> {
        self.shared.progress.lock().unwrap().refused
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.hang_up();
        let _ = wait::poll(wait::millis(200), || self.is_over().then_some(()));
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn live(peer: &SipPeer, mut dialog: Dialog, offer: &str, shared: &Shared) {
    let mut leaving = false;
    while !shared.stop.load(Ordering::Relaxed) {
        if shared.hang_up.load(Ordering::Relaxed) && !leaving {
            leaving = true;
            let answered = shared.progress.lock().unwrap().answered;
            let _ = peer.send(&mut dialog, if answered { "BYE" } else { "CANCEL" }, "", "");
        }
        let Some(message) = peer.receive(LOOK) else { continue };
        if message.status() == 0 {
            serve(peer, &message, offer, shared);
        } else {
            follow(peer, &mut dialog, &message, shared);
        }
    }
}

/// What the other side asks for.
fn serve(peer: &SipPeer, request: &Received, offer: &str, shared: &Shared) {
    let _ = match request.method() {
        "ACK" => Ok(()),
        "INVITE" | "UPDATE" => {
            peer.respond(request, "200 OK", "", if request.body().is_empty() && request.method() == "UPDATE" { "" } else { offer })
        }
        "BYE" => {
            shared.progress.lock().unwrap().ended = true;
            peer.respond(request, "200 OK", "", "")
        }
        _ => peer.respond(request, "200 OK", "", ""),
    };
}

/// How the call goes on.
fn follow(peer: &SipPeer, dialog: &mut Dialog, message: &Received, shared: &Shared) {
    let asked = message.header("CSeq").unwrap_or_default();
    let mut progress = shared.progress.lock().unwrap();
    if asked.ends_with("BYE") && message.status() >= 200 {
        progress.ended = true;
        return;
    }
    if !asked.ends_with("INVITE") {
        return;
    }
    if let Some(audio) = message.audio() {
        progress.audio = Some(audio);
    }
    match message.status() {
        100..=199 => {}
        200..=299 => {
            progress.answered = true;
            let _ = peer.ack(dialog, message);
        }
        status => {
            progress.refused = Some(status);
            progress.ended = true;
            let _ = peer.ack_refusal(dialog, message);
        }
    }
}
