//! What a worker owns: a leg with its sockets and what it hears.

use std::sync::Arc;
use std::time::Instant;

use mio::net::UdpSocket;
use smallvec::SmallVec;
use smol_str::SmolStr;
use tandem_core::LegId;

use crate::audio::Clip;
use crate::rtp::MediaRemote;
use crate::rtp::leg::Leg;
use crate::rtp::mix::MixQueue;
use crate::rtp::ports::Lease;

/// A leg with everything that belongs to it. Boxed where it is kept, so that it can move between workers.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) leg: Leg,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    pub(super) hears: Hears,
    /// Slots of the legs that hear this one, by relay or in a mix.
    pub(super) listeners: Listeners,
    /// This leg's sound for mixes, once one listens.
    pub(super) queue: Option<Box<MixQueue>>,
    /// Whether its voice goes to the recorder.
    pub(crate) tapped: bool,
    /// Whether it is in the worker's list of legs that need the tick.
    pub(super) ticking: bool,
    /// Whether RTP and RTCP are noted as not read to their end: a flood must not note them twice.
    pub(super) unread: [bool; 2],
    /// When the next RTCP report goes.
    pub(super) report_due: Option<Instant>,
    /// Last, so that the sockets are closed before the ports are free.
    _ports: Lease,
}

pub(super) type Listeners = SmallVec<[u32; 4]>;

impl Entry {
    pub(crate) fn new(leg: Leg, rtp: UdpSocket, rtcp: UdpSocket, ports: Lease) -> Entry {
        Entry {
            leg,
            rtp,
            rtcp,
            hears: Hears::Silence,
            listeners: Listeners::new(),
            queue: None,
            tapped: false,
            ticking: false,
            unread: [false; 2],
            report_due: None,
            _ports: ports,
        }
    }
}

/// What a leg hears, with all that is needed to make it.
#[derive(Debug)]
pub(crate) enum Hears {
    Silence,
    Leg(LegId),
    Echo,
    Mix(Box<[LegId]>),
    Play(Player),
}

impl Hears {
    /// The legs it takes packets from.
    pub(super) fn sources(&self) -> &[LegId] {
        match self {
            Hears::Leg(source) => std::slice::from_ref(source),
            Hears::Mix(sources) => sources,
            _ => &[],
        }
    }

    /// Whether `next` is the same, and nothing has to begin anew for it.
    pub(super) fn goes_on_as(&self, next: &Hears) -> bool {
        match (self, next) {
            (Hears::Silence, Hears::Silence) | (Hears::Echo, Hears::Echo) => true,
            (Hears::Leg(old), Hears::Leg(new)) => old == new,
            (Hears::Mix(old), Hears::Mix(new)) => old == new,
            _ => false,
        }
    }

    pub(super) fn needs_tick(&self) -> bool {
        matches!(self, Hears::Mix(_) | Hears::Play(_))
    }
}

pub(crate) use crate::audio::library::Loading;

/// A clip at some point of being played.
#[derive(Debug)]
pub(crate) struct Player {
    pub(super) clip: Loading,
    pub(super) next: usize,
    pub(super) repeat: bool,
    /// Name, if it is a prompt whose end is worth a report.
    pub(super) prompt: Option<SmolStr>,
}

impl Player {
    pub(crate) fn tone(clip: Arc<Clip>) -> Player {
        Player { clip: Arc::new(Ok(clip).into()), next: 0, repeat: true, prompt: None }
    }

    pub(crate) fn prompt(name: SmolStr, clip: Loading, repeat: bool) -> Player {
        Player { clip, next: 0, repeat, prompt: Some(name) }
    }
}

/// What the plane tells a worker.
#[derive(Debug)]
pub(crate) enum Command {
    Open(Box<Entry>),
    Remote(LegId, Box<MediaRemote>),
    Hear(LegId, Hears),
    /// Whether the leg's voice goes to the recorder.
    Tap(LegId, bool),
    /// Give the leg to another worker.
    Move(LegId, usize),
    /// The leg is on its way here: keep what is said about it until it comes.
    Expect(LegId),
    Close(LegId),
}
