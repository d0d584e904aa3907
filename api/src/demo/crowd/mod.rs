//! The crowd: a thread of its own with sockets, a user agent and a media plane of its own.
//!
//! * [`floor`]: the thread's loop and what it works with.
//! * [`seats`]: who is there, and their registrations.
//! * [`calls`]: placing calls and taking them. [`talk`]: what happens during one. [`agenda`]: when.

mod agenda;
mod calls;
mod floor;
mod seats;
mod talk;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tandem_media::sip::transport::Waker;

use super::stats::Counters;
use super::{CrowdConfig, CrowdStats};
use floor::Floor;

/// A crowd at work. Dropping it stops it.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    waker: Waker,
    counters: Arc<Counters>,
    carrier: Option<SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Opens all sockets and starts. Phones register and calls begin by themselves.
    pub fn start(config: CrowdConfig) -> io::Result<Crowd> {
        let counters = Arc::new(Counters::default());
        let floor = Floor::open(config, counters.clone())?;
        let (waker, carrier) = (floor.waker(), floor.carrier_addr());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("crowd".into()).spawn(move || floor.run(&stopped))?;
        Ok(Crowd { stop, waker, counters, carrier, thread: Some(thread) })
    }

    /// How it is doing.
    pub fn stats(&self) -> CrowdStats {
        self.counters.read()
    }

    /// Where the simulated carrier listens.
    pub fn carrier_addr(&self) -> Option<SocketAddr> {
        self.carrier
    }

    /// Ends all calls, unregisters all phones and closes all sockets. Waits for that, at most
    /// [`super::limits::GOODBYE`] if the server doesn't answer.
    pub fn stop(mut self) -> CrowdStats {
        self.end();
        self.stats()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the demo's crowd ended by panic");
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.end();
    }
}
