//! Host names of trunks, looked up away from the signalling thread.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crossbeam::channel::{Receiver, Sender, bounded};
use smol_str::SmolStr;

use crate::sip::transport::Waker;

/// Questions that may wait; each trunk asks once a minute.
const QUESTIONS: usize = 1_024;

type Answer = (SmolStr, Option<u16>, Vec<SocketAddr>);

/// A thread that asks the system's resolver.
pub(super) struct Lookup {
    questions: Sender<(SmolStr, Option<u16>)>,
    answers: Receiver<Answer>,
}

impl Lookup {
    pub(super) fn new(waker: Waker) -> io::Result<Lookup> {
        let (questions, asked) = bounded::<(SmolStr, Option<u16>)>(QUESTIONS);
        let (answer, answers) = bounded(QUESTIONS);
        std::thread::Builder::new().name("dns".into()).spawn(move || {
            for (host, port) in asked {
                let found = (host.as_str(), port.unwrap_or(5060)).to_socket_addrs();
                let addresses = found.map(Iterator::collect).unwrap_or_default();
                if answer.send((host, port, addresses)).is_err() {
                    break;
                }
                waker.wake();
            }
        })?;
        Ok(Lookup { questions, answers })
    }

    /// Asks for a host's addresses; the answer comes from [`Lookup::next_answer`].
    pub(super) fn ask(&self, host: &SmolStr, port: Option<u16>) {
        let _ = self.questions.try_send((host.clone(), port));
    }

    pub(super) fn next_answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}
