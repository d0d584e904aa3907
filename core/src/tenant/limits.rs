//! Every bound of a tenant's state, with its unit and its reason.

use std::time::Duration;

/// How long we wait for a released leg to confirm. RFC 3261 timers B, F and H give up after 64*T1 = 32 s; the rest is
/// slack, so that the switch's own answer comes first whenever there is one.
pub const RELEASE_GUARD: Duration = Duration::from_secs(40);

/// Seconds a called party may ring, at least and at most: RFC 3261 timer C is at least 180 s, ten minutes is patience enough.
pub const RING_TIMEOUT_S: std::ops::RangeInclusive<u32> = 1..=600;

/// Contacts a phone may have: each rings at once when it is called.
pub const MAX_CONTACTS: u8 = 20;

/// Contacts in one REGISTER; a phone has no reason to name more than it may have.
pub const CONTACTS_PER_REGISTER: usize = MAX_CONTACTS as usize;

/// Bytes of a contact URI: it is a key of the state and is copied into every INVITE.
pub const CONTACT_BYTES: usize = 1024;

/// Entries of a Path vector (RFC 3327): proxies between a phone and us.
pub const PATH_ENTRIES: usize = 10;

/// Parties that hear each other: a mixer's work grows with each.
pub const PARTIES: usize = 32;

/// Refused calls that may wait for their last message beyond the tenant's own limit: above it an offer is turned away
/// without an event, so that a flood costs neither memory nor disk.
pub const REFUSED_CALLS: usize = 1000;

/// Phones of a tenant.
pub const PHONES: usize = 100_000;

/// Trunks of a tenant: all are looked at for each call that goes out.
pub const TRUNKS: usize = 200;

/// Access numbers of a tenant.
pub const NUMBERS: usize = 100_000;

/// Hz of a tone that a narrow-band telephone carries.
pub const SINE_HZ: std::ops::RangeInclusive<u16> = 20..=3400;

/// How long a recording that was ordered to end may take to reach the disk, and one that a crash cut off to be repaired: a
/// whole day's recordings are looked through at a start. After it the recording counts as lost.
pub const RECORDING_GUARD: Duration = Duration::from_secs(3600);

/// Bytes of a recording's path: what a file name may have on every file system we know.
pub const RECORDING_PATH_BYTES: usize = 255;

/// Longest message that a caller leaves: who says more calls again.
pub const VOICEMAIL: Duration = Duration::from_secs(180);

/// How often a recording may be played in a row.
pub const PLAY_TIMES: std::ops::RangeInclusive<u16> = 1..=100;

/// Keys that are collected at once.
pub const COLLECT_KEYS: std::ops::RangeInclusive<u8> = 1..=64;

/// Milliseconds that a key may be waited for: less than a tenth of a second can't be met, more than two minutes is a leg forgotten.
pub const COLLECT_MS: std::ops::RangeInclusive<u32> = 100..=120_000;

/// Prompts said one after the other: a number of ten digits in a sentence takes about as many.
pub const PROMPTS: usize = 32;

/// Bytes of a prompt's name.
pub const PROMPT_NAME_BYTES: usize = 128;

/// Minutes that a conference may last in all.
pub const CONFERENCE_MINUTES: std::ops::RangeInclusive<u32> = 1..=1440;

/// How long before its end a conference is told so.
pub const CONFERENCE_WARNING: Duration = Duration::from_secs(60);

/// Agents of a tenant that may be set up: as many as there are phones for.
pub const AGENTS: usize = 100_000;

/// Queues of a tenant: their numbers end here.
pub const QUEUES: usize = crate::queue::QueueId::LAST as usize;

/// Groups of agents of a tenant (tenant-admin.md: 1 to 2000).
pub const GROUPS: std::ops::RangeInclusive<u16> = 1..=2000;

/// Queues an agent may serve: each change of the agent is noted in each.
pub const SKILLS: usize = 200;

/// Level of a skill (tenant-admin.md §2: 1 to 100).
pub const SKILL_LEVEL: std::ops::RangeInclusive<u8> = 1..=100;

/// Bytes of a name for people (tenant-admin.md §5: 100).
pub const NAME_BYTES: usize = 100;

/// Bytes of a cause's text (tenant-admin.md §6: 64 characters, of up to four bytes).
pub const CAUSE_BYTES: usize = 256;

/// Callers whose last agent a queue remembers.
pub const REMEMBERED_CALLERS: usize = 10_000;

/// Agents that did not take a waiting call and that others go before.
pub const REFUSALS: usize = 8;

/// How often a call may overflow: further on it stays where it is, so that two queues can't send it round for ever.
pub const OVERFLOW_HOPS: u8 = 8;

/// Seconds a rest may last (cc-gateway.md §1.5).
pub const REST_S: std::ops::RangeInclusive<u32> = 1..=86_399;

/// Receivers of one note.
pub const NOTE_RECEIVERS: usize = 1000;

/// Bytes of a note: the published interface has 1000 characters at most for any of them.
pub const NOTE_BYTES: usize = 4000;

/// Waiting calls in a queue (tenant-admin.md §3).
pub const MAX_WAITING: u32 = 10_000;

/// Seconds of the longest wait (tenant-admin.md §3).
pub const MAX_WAIT_S: std::ops::RangeInclusive<u32> = 1..=60_000;

/// Seconds an agent may take to answer.
pub const ANSWER_S: std::ops::RangeInclusive<u16> = 5..=120;

/// Seconds of after-call work (tenant-admin.md §3).
pub const WRAP_UP_S: u16 = 3600;

/// Priorities of waiting calls.
pub const PRIORITY: std::ops::RangeInclusive<u8> = 1..=254;

/// Seconds for which a caller's last agent is remembered: thirty days.
pub const STICKY_S: u32 = 2_592_000;

/// Calls of one agent at once: one it talks in, the others on hold.
pub const AGENT_CALLS: usize = 8;

/// Bytes of the data attached to a call (cc-gateway.md §2.4: 16K); it is in the state and in every answer about the call.
pub const CALL_DATA_BYTES: usize = 16 * 1024;

/// Keys that an agent may send at once.
pub const DIGITS: usize = 64;

/// Seconds an agent may take to answer a call that comes from no queue.
pub const DIRECT_ANSWER_S: u16 = 20;
