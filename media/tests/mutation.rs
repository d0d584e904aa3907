//! Broken messages: seeded mutations of the corpus through everything that reads what a peer wrote.
//!
//! `TANDEM_SEED=n` repeats a run, `TANDEM_MUTATIONS=n` makes it longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tandem_core::{TenantId, Timestamp};
use tandem_media::sip::auth::{Algorithm, Credentials, DigestClient, DigestServer, Ha1, ServerConfig, ha1};
use tandem_media::sip::build::Response;
use tandem_media::sip::header::{Name, Via};
use tandem_media::sip::sdp::{Choice, Description, KNOWN_CODECS, Session, known_codec};
use tandem_media::sip::wire::{self, Framer};
use tandem_media::sip::{Message, Uri, limits};

/// Far above what a slow, busy machine needs for one input (microseconds), far below what would hurt.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than any reader here may make of one message.
const OUTPUT: usize = 4 * limits::MESSAGE_BYTES;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

fn seeds() -> Vec<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = ["valid", "invalid", "semantic", "field"]
        .iter()
        .flat_map(|class| std::fs::read_dir(root.join(class)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Pieces that parsers trip over.
const PIECES: [&[u8]; 28] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"@",
    b"=",
    b"%",
    b"%0",
    b"?",
    b"[",
    b"]",
    b"/",
    b" ",
    b"\xff",
    b"\xc3\x28",
    b"4294967296",
    b"-1",
    b"\r\n ",
    b"\r\n\r\n",
    b";tag=",
    b"sip:",
];

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..=8) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..64)).min(bytes.len());
        match random.random_range(0..9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = random.random(),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 | 5 => drop(bytes.splice(at..at, PIECES[random.random_range(0..PIECES.len())].iter().copied())),
            6 => {
                let copy = bytes[at..end].repeat(random.random_range(1..200));
                drop(bytes.splice(at..at, copy));
            }
            7 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let from = random.random_range(0..other.len());
                bytes.splice(at..end, other[from..].iter().copied().take(400));
            }
            _ => {
                let line = PIECES[random.random_range(0..PIECES.len())].repeat(random.random_range(1..3000));
                drop(bytes.splice(at..at, line));
            }
        }
    }
    bytes.truncate(70_000);
    bytes
}

struct Everybody;
impl Credentials for Everybody {
    fn ha1(&self, _: &TenantId, user: &str, algorithm: Algorithm) -> Option<Ha1> {
        Some(ha1(user, "example.com", "secret", algorithm))
    }
}

/// Reads all that can be read; the length of what was made.
fn read_all(bytes: &[u8]) -> usize {
    let mut made = 0;
    if let Ok(message) = wire::parse(Bytes::copy_from_slice(bytes)) {
        made += read_message(&message);
    }
    let mut framer = Framer::default();
    for chunk in bytes.chunks(997) {
        framer.push(chunk);
        while let Ok(Some(frame)) = framer.next() {
            made += black_box(format!("{frame:?}").len().min(1));
        }
    }
    let text = String::from_utf8_lossy(bytes);
    made += read_sdp(text.split_once("\r\n\r\n").map_or(&text, |(_, body)| body));
    made
}

fn read_message(message: &Message) -> usize {
    let valid = message.validate();
    if valid.is_ok() {
        assert!(message.via().is_ok() && message.from().is_ok() && message.to().is_ok() && message.cseq().is_ok());
        assert!(message.contacts().is_ok() && message.routes().is_ok() && message.record_routes().is_ok() && !message.call_id().is_empty());
        assert!(!message.is_request() || message.uri().is_ok());
    }
    let mut made = format!("{message:?}{valid:?}").len();
    black_box((
        message.max_forwards(),
        message.expires(),
        message.min_expires(),
        message.min_se(),
        message.retry_after(),
        message.reasons(),
    ));
    black_box((message.refer_to(), message.replaces(), message.session_expires(), message.subscription_state(), message.event()));
    black_box((
        message.has_token(Name::Supported, "timer"),
        message.wants_privacy("id"),
        message.addresses(Name::PAssertedIdentity).is_ok(),
    ));
    let _ = black_box(message.refer_to().and_then(Result::ok).map(|refer| refer.target().is_ok()));
    for name in Name::KNOWN {
        for value in message.headers(*name) {
            if let Ok(via) = value.parse::<Via>() {
                // What is printed reads back as the same.
                assert_eq!(via.to_string().parse::<Via>().as_ref(), Ok(&via));
            }
            if let Ok(uri) = Uri::parse(value) {
                assert!(uri.same_as(&uri));
                made += uri.user_decoded().map_or(0, |user| user.len());
            }
        }
    }
    if let Some(sdp) = message.sdp() {
        made += read_sdp(&sdp);
    }
    made + read_back(message) + authenticate(message)
}

/// A response to whatever it was is one message of ours and stays one.
fn read_back(message: &Message) -> usize {
    let _ = black_box(message.to_rsip().is_ok());
    if !message.is_request() {
        return 0;
    }
    let bytes = Response::to(message, "192.0.2.1:5060".parse().unwrap(), 400, Some("tag")).encode();
    let response = wire::parse(bytes.clone()).unwrap_or_else(|error| panic!("our own response: {error}: {bytes:?}"));
    assert_eq!(response.status(), Some(400));
    assert!(response.body().is_empty());
    let extra = response
        .all_lines()
        .find(|(name, ..)| !matches!(name, Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq | Name::ContentLength));
    assert_eq!(extra, None, "a header came in through a value");
    bytes.len()
}

fn authenticate(message: &Message) -> usize {
    let tenant: TenantId = "demo".parse().unwrap();
    let mut server = DigestServer::new(ServerConfig::default(), [1; 32]);
    let now = Timestamp::from_micros(0);
    if let Some(method) = message.method() {
        let verdict = server.check(now, "example.com", &tenant, method, message.lines(Name::Authorization), &Everybody);
        return format!("{verdict:?}").len();
    }
    let mut client = DigestClient::new("user", "secret");
    let _ = client.challenge(message, 0);
    client.authorize(&tandem_media::sip::Method::Invite, "sip:a", "c").iter().map(|(_, line)| line.len()).sum()
}

fn read_sdp(text: &str) -> usize {
    let codecs: Vec<_> = KNOWN_CODECS.iter().filter_map(|known| known_codec(known.0)).collect();
    let mut made = Description::parse(text).map_or(0, |description| description.codecs().len());
    let mut session = Session::new(1, "192.0.2.1:4000".parse().unwrap(), codecs);
    if session.receive_offer(text).is_ok()
        && let Ok((answer, agreed)) = session.answer(Choice::Ours)
    {
        let back = Description::parse(&answer).expect("our own answer");
        assert!(back.streams.len() <= limits::SDP_MEDIA);
        made += answer.len() + agreed.record(&session).codec.name.len();
        made += session.offer().map_or(0, |offer| offer.len());
    }
    session.roll_back();
    let _ = session.offer();
    made + session.receive_answer(text).map_or(0, |agreed| agreed.codec.name.len())
}

#[test]
fn broken_messages_neither_panic_nor_take_time_or_memory() {
    let seed = setting("TANDEM_SEED", rand::random());
    let count = setting("TANDEM_MUTATIONS", 12_000);
    let seeds = seeds();
    let (mut slowest, mut accepted) = ((Duration::ZERO, 0), 0);
    for round in 0..count {
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(round));
        let bytes = mutate(&mut random, &seeds);
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| read_all(&bytes)));
        let took = started.elapsed();
        slowest = slowest.max((took, seed.wrapping_add(round)));
        let again = format!("repeat with TANDEM_SEED={} TANDEM_MUTATIONS=1", seed.wrapping_add(round));
        let Ok(made) = result else { panic!("{again}\n{}", bytes.escape_ascii()) };
        assert!(took < PATIENCE, "{took:?} for {} bytes; {again}", bytes.len());
        assert!(made < OUTPUT, "{made} bytes out of {}; {again}", bytes.len());
        accepted += u64::from(wire::parse(bytes.into()).is_ok_and(|message| message.validate().is_ok()));
    }
    println!("{count} mutations from seed {seed}, {accepted} of them valid, slowest {slowest:?}");
    if count < 1000 {
        return;
    }
    assert!(accepted > count / 100, "the mutations are too wild to reach what lies behind validation: {accepted}");
    assert!(accepted < count * 9 / 10, "the mutations are too tame: {accepted}");
}
