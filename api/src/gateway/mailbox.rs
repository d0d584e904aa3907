//! What an agent's program has not read yet. One mailbox per signed-in session, made and closed by committed events.
//!
//! Polls and pushes take events out; streams only look, and can go back a little by cursor. The mailbox is bounded: when a program
//! does not read, the oldest event that tells of no state gives way first, because a desktop can read calls again but shows the
//! state it was told last; state events go only when nothing else is left. [`limits::MAILBOX_EVENTS`] says how many fit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tandem_core::{TenantId, WorkNumber};
use tokio::sync::{Notify, Semaphore};

use super::limits;

/// A place in an agent's events: offset in the log, and which of the events that it made. Grows strictly; written `12-0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Cursor {
    /// Offset of the committed event.
    pub(super) offset: u64,
    /// Place among the events made from it.
    pub(super) index: u32,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.offset, self.index)
    }
}

impl std::str::FromStr for Cursor {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (offset, index) = text.split_once('-').unwrap_or((text, "0"));
        Ok(Cursor { offset: offset.parse()?, index: index.parse()? })
    }
}

/// An event, rendered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    /// Its place.
    pub(super) cursor: Cursor,
    /// It tells of the agent's state.
    pub(super) state: bool,
    /// As JSON.
    pub(super) text: Arc<str>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Posted>,
    recent: VecDeque<Posted>,
    /// The last event that a stream can't go back to any more.
    forgotten: Cursor,
    ended: bool,
    /// Which poll is the newest: an older one gives way, its connection is most likely gone.
    poll: u64,
    dropped: u64,
}

/// What a poll found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Polled {
    /// An event.
    Event(Arc<str>),
    /// Nothing in time, or a newer poll came.
    Nothing,
    /// The session is over.
    Ended,
}

/// What a stream found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// Events after the cursor.
    Events(Vec<Posted>),
    /// Some events after the cursor are gone.
    Gap,
    /// All were seen, and the session is over.
    Ended,
}

/// The mailbox of one session of one agent.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// Whose tenant.
    pub(super) tenant: TenantId,
    /// Whose.
    pub(super) agent: WorkNumber,
    /// When the session began, in milliseconds since 1970.
    pub(super) began_ms: i64,
    /// Permits for streams.
    pub(super) streams: Arc<Semaphore>,
    inner: Mutex<Inner>,
    wake: Notify,
}

impl Mailbox {
    /// An empty one.
    pub(super) fn new(tenant: TenantId, agent: WorkNumber, began_ms: i64) -> Mailbox {
        let streams = Arc::new(Semaphore::new(limits::STREAMS_PER_AGENT));
        Mailbox { tenant, agent, began_ms, streams, inner: Mutex::default(), wake: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the session is over.
    pub(super) fn ended(&self) -> bool {
        self.inner().ended
    }

    /// Events that were dropped because nobody read.
    #[cfg(test)]
    pub(super) fn dropped(&self) -> u64 {
        self.inner().dropped
    }

    /// Adds events.
    pub(super) fn post(&self, events: impl IntoIterator<Item = Posted>) {
        let mut inner = self.inner();
        for event in events {
            inner.put(event);
        }
        drop(inner);
        self.wake.notify_waiters();
    }

    /// Ends it with a last event, for those who wait right now; what was not read is dropped (cc-gateway.md §4.1: the poll after a
    /// sign-out reads 100-006).
    pub(super) fn end(&self, last: Option<Posted>) {
        let mut inner = self.inner();
        if inner.ended {
            return;
        }
        inner.waiting.clear();
        if let Some(last) = last {
            inner.put(last);
        }
        inner.ended = true;
        drop(inner);
        self.wake.notify_waiters();
    }

    /// Takes one event out, waiting for it up to `wait`. Holds no thread.
    pub(super) async fn poll(&self, wait: Duration) -> Polled {
        let mine = {
            let mut inner = self.inner();
            if inner.ended {
                return Polled::Ended;
            }
            inner.poll += 1;
            inner.poll
        };
        // Whoever waits already has to look again.
        self.wake.notify_waiters();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            {
                let mut inner = self.inner();
                if inner.poll != mine {
                    return Polled::Nothing;
                }
                if let Some(event) = inner.waiting.pop_front() {
                    return Polled::Event(event.text);
                }
                if inner.ended {
                    return Polled::Ended;
                }
            }
            if tokio::time::timeout_at(deadline, woken).await.is_err() {
                return Polled::Nothing;
            }
        }
    }

    /// Takes up to `most` events out, waiting for the first; empty once the session is over.
    pub(super) async fn take(&self, most: usize) -> Vec<Posted> {
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            {
                let mut inner = self.inner();
                let count = inner.waiting.len().min(most);
                if count > 0 || inner.ended {
                    return inner.waiting.drain(..count).collect();
                }
            }
            woken.await;
        }
    }

    /// The place after the last event.
    pub(super) fn end_cursor(&self) -> Cursor {
        let inner = self.inner();
        inner.recent.back().map_or(inner.forgotten, |event| event.cursor)
    }

    /// Looks at the events after a cursor, waiting for one. Takes nothing out.
    pub(super) async fn after(&self, cursor: Cursor) -> Seen {
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            {
                let inner = self.inner();
                if cursor < inner.forgotten {
                    return Seen::Gap;
                }
                let events: Vec<Posted> = inner.recent.iter().filter(|event| event.cursor > cursor).cloned().collect();
                if !events.is_empty() {
                    return Seen::Events(events);
                }
                if inner.ended {
                    return Seen::Ended;
                }
            }
            woken.await;
        }
    }
}

impl Inner {
    fn put(&mut self, event: Posted) {
        if self.ended {
            return;
        }
        if self.recent.len() >= limits::STREAM_EVENTS
            && let Some(gone) = self.recent.pop_front()
        {
            self.forgotten = gone.cursor;
        }
        self.recent.push_back(event.clone());
        if self.waiting.len() >= limits::MAILBOX_EVENTS {
            let victim = self.waiting.iter().position(|waiting| !waiting.state).unwrap_or(0);
            self.waiting.remove(victim);
            self.dropped += 1;
            metrics::counter!("tandem_gateway_events_dropped_total").increment(1);
        }
        self.waiting.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox() -> Mailbox {
        Mailbox::new(TenantId::new("t").unwrap(), WorkNumber::new(101).unwrap(), 0)
    }

    fn event(offset: u64, state: bool) -> Posted {
        Posted { cursor: Cursor { offset, index: 0 }, state, text: format!("{offset}").into() }
    }

    fn polled(text: &str) -> Polled {
        Polled::Event(text.into())
    }

    #[tokio::test]
    async fn one_event_per_poll_in_order() {
        let mailbox = mailbox();
        mailbox.post([event(1, true), event(2, false)]);
        assert_eq!(mailbox.poll(Duration::ZERO).await, polled("1"));
        assert_eq!(mailbox.poll(Duration::ZERO).await, polled("2"));
        assert_eq!(mailbox.poll(Duration::ZERO).await, Polled::Nothing);
    }

    #[tokio::test]
    async fn a_waiting_poll_wakes_and_a_newer_poll_takes_its_place() {
        let mailbox = Arc::new(mailbox());
        let poll = |mailbox: &Arc<Mailbox>| {
            let mailbox = mailbox.clone();
            tokio::spawn(async move { mailbox.poll(Duration::from_secs(60)).await })
        };
        let first = poll(&mailbox);
        tokio::task::yield_now().await;
        let second = poll(&mailbox);
        assert_eq!(first.await.unwrap(), Polled::Nothing);
        mailbox.post([event(1, true)]);
        assert_eq!(second.await.unwrap(), polled("1"));
    }

    #[tokio::test]
    async fn state_events_are_dropped_last() {
        let mailbox = mailbox();
        mailbox.post([event(1, true), event(2, false)]);
        mailbox.post((3..).take(limits::MAILBOX_EVENTS).map(|offset| event(offset, true)));
        assert_eq!(mailbox.dropped(), 2);
        // The call's event went first, then the oldest state.
        assert_eq!(mailbox.poll(Duration::ZERO).await, polled("3"));
    }

    #[tokio::test]
    async fn the_end_is_told_to_who_waits_and_then_reads_as_over() {
        let mailbox = Arc::new(mailbox());
        mailbox.post([event(1, false)]);
        mailbox.end(None);
        assert_eq!(mailbox.poll(Duration::ZERO).await, Polled::Ended);
        let mailbox = Arc::new(self::mailbox());
        let waiting = tokio::spawn({
            let mailbox = mailbox.clone();
            async move { mailbox.poll(Duration::from_secs(60)).await }
        });
        while mailbox.inner().poll == 0 {
            tokio::task::yield_now().await;
        }
        mailbox.end(Some(event(9, true)));
        assert_eq!(waiting.await.unwrap(), polled("9"));
        assert_eq!(mailbox.poll(Duration::ZERO).await, Polled::Ended);
    }

    #[tokio::test]
    async fn a_stream_goes_back_by_cursor_and_is_told_of_a_gap() {
        let mailbox = mailbox();
        mailbox.post([event(1, true), event(2, false)]);
        assert_eq!(mailbox.poll(Duration::ZERO).await, polled("1"));
        assert_eq!(mailbox.after("1-0".parse().unwrap()).await, Seen::Events(vec![event(2, false)]));
        mailbox.post((3..).take(limits::STREAM_EVENTS).map(|offset| event(offset, false)));
        assert_eq!(mailbox.after("1-0".parse().unwrap()).await, Seen::Gap);
        mailbox.end(None);
        assert_eq!(mailbox.after(mailbox.end_cursor()).await, Seen::Ended);
    }
}
