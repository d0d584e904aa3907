//! Settings and errors of the media plane.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use smol_str::SmolStr;
use tandem_core::{LegId, RecordingId};

use super::limits;

/// How the media plane runs.
#[derive(Debug, Clone)]
pub struct RtpConfig {
    /// Ports for RTP (even) and RTCP (odd): two per leg. Default 20000 to 29999, 5,000 legs.
    pub ports: RangeInclusive<u16>,
    /// Address to bind; default: the one that `open` is asked for. Set it when that is a public address which the machine itself does not have.
    pub bind: Option<IpAddr>,
    /// Worker threads; 0: half the cores, at least one.
    pub workers: usize,
    /// An active leg without a packet for so long is reported silent.
    pub silence: Duration,
    /// Mean time between RTCP reports; each is drawn from half to one and a half of it.
    pub rtcp_interval: Duration,
    /// How long a port rests after a leg before the next one gets it.
    pub port_rest: Duration,
    /// Differentiated services code point of RTP and RTCP (RFC 4594: EF = 46 for telephony).
    pub dscp: u8,
    /// Kernel receive buffer per RTP socket in bytes.
    pub receive_buffer: usize,
    /// Legs at most, whatever the ports allow.
    pub max_legs: usize,
    /// Folder of WAV prompts; without it there are none.
    pub prompts: Option<PathBuf>,
    /// Folder of recordings; without it nothing is recorded. What a crash cut off in there is made whole at the start.
    pub recordings: Option<PathBuf>,
}

impl Default for RtpConfig {
    fn default() -> RtpConfig {
        RtpConfig {
            ports: 20_000..=29_999,
            bind: None,
            workers: 0,
            silence: Duration::from_secs(30),
            rtcp_interval: limits::RTCP_INTERVAL,
            port_rest: Duration::from_secs(3),
            dscp: 46,
            receive_buffer: limits::RECEIVE_BUFFER,
            max_legs: usize::MAX,
            prompts: None,
            recordings: None,
        }
    }
}

/// Why the media plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port pair in the range.
    #[error("port range {}-{} holds no even-odd pair", .0.start(), .0.end())]
    NoPorts(RangeInclusive<u16>),
    /// The system refused an event loop or a thread.
    #[error("worker {worker} could not be started: {error}")]
    Worker {
        /// Its number.
        worker: usize,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused the recorder's thread.
    #[error("the recorder could not be started: {0}")]
    Recorder(io::Error),
}

/// Why a leg got no port.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The id is in use.
    #[error("leg {0} is open already")]
    AlreadyOpen(LegId),
    /// The configured number of legs is reached.
    #[error("{0} legs are open, more are not allowed")]
    TooManyLegs(usize),
    /// Every port pair is taken or resting.
    #[error("all {0} port pairs are in use or resting")]
    NoPorts(usize),
    /// The system refused a socket.
    #[error("no socket at {address}: {error}")]
    Socket {
        /// Where it was to be bound.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The worker has more commands waiting than it may.
    #[error("media worker {0} is overloaded")]
    Busy(usize),
}

/// Why a command about a leg was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Not open, or closed already.
    #[error("no media for leg {0}")]
    NoSuchLeg(LegId),
    /// The worker has more commands waiting than it may.
    #[error("media worker {0} is overloaded")]
    Busy(usize),
    /// More legs in one mix than allowed.
    #[error("a mix of {0} legs; at most {max}", max = limits::MIX_LEGS)]
    MixTooLarge(usize),
    /// The far end's address is of another family than the leg's socket.
    #[error("far end {remote} cannot be reached from {local}")]
    AddressFamily {
        /// The leg's own address.
        local: SocketAddr,
        /// The far end's.
        remote: SocketAddr,
    },
    /// Nothing can be recorded: no folder is configured.
    #[error("recordings have no folder: none is configured")]
    NoRecorder,
    /// The recorder has more orders waiting than it may.
    #[error("the recorder is overloaded")]
    RecorderBusy,
    /// No more recordings at once than allowed.
    #[error("{0} recordings are under way, more are not allowed")]
    TooManyRecordings(usize),
    /// More legs in one recording than allowed.
    #[error("a recording of {0} legs; at most {max}", max = limits::RECORD_LEGS)]
    TooManySources(usize),
    /// It is under way already.
    #[error("recording {0} is under way already")]
    AlreadyRecording(RecordingId),
    /// Not under way, or over.
    #[error("no recording {0}")]
    NoSuchRecording(RecordingId),
    /// A prompt name with characters that are not allowed, or no prompt folder is configured.
    #[error("`{name}` is no prompt: {reason}")]
    Prompt {
        /// The name.
        name: SmolStr,
        /// Why.
        reason: &'static str,
    },
}
