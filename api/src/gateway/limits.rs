//! Every bound of the gateway that is not a setting, with unit and reason.

use std::time::Duration;

/// How long a poll waits for an event (cc-gateway.md §1.4: 100 tries of 100 ms). Clients give up after 20 s.
pub(super) const POLL_WAIT: Duration = Duration::from_secs(10);
/// Without poll or handshake for so long, an agent is signed out (§1.4).
pub(super) const SILENCE: Duration = Duration::from_secs(120);
/// Pause between two looks for silent agents: a sign-out comes at most this late.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// How long the guid of an ended session is remembered, so that it is answered 100-006 and not 000-003: a poll in flight, a client
/// that slept. Clients take 100-006 as "signed out" and stop.
pub(super) const ENDED_KEPT: Duration = Duration::from_secs(600);
/// Guids remembered, those of ended sessions included: 100 bytes each.
pub(super) const GUIDS: usize = 100_000;
/// Dynamic mode: age at which a poll answers with a new guid (auth.md C4, GUIDINTERVAL).
pub(super) const GUID_INTERVAL: Duration = Duration::from_secs(60);
/// Dynamic mode: how long after its issue an old guid is still good (auth.md C4, GUIDTIMEOUT).
pub(super) const GUID_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest guid looked at, in bytes: ours have 36 and the server's name.
pub(super) const GUID_BYTES: usize = 128;

/// Events that wait for an agent's program. A call makes about ten, so this is a quarter of an hour of busy work unread; a program
/// that reads nothing for two minutes is signed out anyway.
pub(super) const MAILBOX_EVENTS: usize = 256;
/// Events that a stream can go back by.
pub(super) const STREAM_EVENTS: usize = 256;
/// Streams (WebSockets) of one agent at once: a desktop, its reconnect, a second screen.
pub(super) const STREAMS_PER_AGENT: usize = 4;
/// Pause between pings on an idle stream: below the 30 to 60 s of proxies.
pub(super) const STREAM_PING: Duration = Duration::from_secs(20);

/// Largest request body, in bytes: call data of 16 KiB, escaped, twice over.
pub(super) const BODY_BYTES: usize = 256 * 1024;
/// Longest wait for a request body: it comes with its head.
pub(super) const BODY_WAIT: Duration = Duration::from_secs(30);
/// Query parameters looked at.
pub(super) const QUERY_PARAMETERS: usize = 64;
/// Longest request target passed on, in bytes; hyper's own bound on a head is larger.
pub(super) const TARGET_BYTES: usize = 16 * 1024;
/// Longest call data, in bytes (§2.3).
pub(super) const CALL_DATA_BYTES: usize = 16 * 1024;

/// Failed sign-ins of one agent number within [`SIGN_IN_WINDOW`] before it is turned away, whether it exists or not.
pub(super) const SIGN_IN_FAILURES_AGENT: u32 = 10;
/// Failed sign-ins of one source address: a centre behind one address has many agents who mistype.
pub(super) const SIGN_IN_FAILURES_SOURCE: u32 = 100;
/// The window of both.
pub(super) const SIGN_IN_WINDOW: Duration = Duration::from_secs(60);
/// Agents or sources remembered for it.
pub(super) const SIGN_IN_KEYS: usize = 10_000;
/// Tenants whose agent of the same number a sign-in without a tenant's host name is tried against; each costs an argon2 run.
pub(super) const SIGN_IN_TENANTS: usize = 8;

/// Longest wait for the answer to a pushed event.
pub(super) const PUSH_WAIT: Duration = Duration::from_secs(5);
/// Pause after a push that failed; doubles up to [`PUSH_PAUSE_MOST`].
pub(super) const PUSH_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between tries.
pub(super) const PUSH_PAUSE_MOST: Duration = Duration::from_secs(15);
/// Events in one push.
pub(super) const PUSH_EVENTS: usize = 50;
/// Largest answer to a push that is read, in bytes.
pub(super) const PUSH_ANSWER_BYTES: usize = 16 * 1024;

/// Configuration sessions (C5) at once.
pub(super) const CONFIG_SESSIONS: usize = 1000;
/// How long a configuration session lives without a request: not documented; ours.
pub(super) const CONFIG_SILENCE: Duration = Duration::from_secs(30 * 60);
/// Recognition subscriptions of one tenant.
pub(super) const SUBSCRIPTIONS: usize = 16;
/// A subscription dies without a handshake for so long (§2.14).
pub(super) const SUBSCRIPTION_SILENCE: Duration = Duration::from_secs(300);

/// Between two requests on one connection, at least: a program acts when its agent does, and one whose kept connection is closed
/// under it shows an error to the agent. Slow senders are bounded by the number of connections.
pub(super) const IDLE: Duration = Duration::from_secs(75);
