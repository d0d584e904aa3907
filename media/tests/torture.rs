//! The torture messages of RFC 4475: what each leads to. A changed count is a changed parser.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use bytes::Bytes;
use tandem_media::sip::header::Name;
use tandem_media::sip::wire::{self, Frame, Framer};
use tandem_media::sip::{Message, Method};

/// What a message leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    Answered(u16),
    /// A response, or no message at all.
    Dropped,
}

use Fate::{Accepted, Answered, Dropped};

const VALID: [(&str, Fate); 13] = [
    ("wsinv", Accepted),
    ("intmeth", Accepted),
    ("esc01", Accepted),
    ("escnull", Accepted),
    ("esc02", Accepted),
    ("lwsdisp", Accepted),
    ("longreq", Accepted),
    ("dblreq", Accepted),
    ("semiuri", Accepted),
    ("transports", Accepted),
    ("mpart01", Accepted),
    ("unreason", Accepted),
    ("noreason", Accepted),
];

const INVALID: [(&str, Fate); 19] = [
    ("badinv01", Answered(400)),
    ("clerr", Answered(400)),
    ("ncl", Answered(400)),
    ("scalar02", Answered(400)),
    ("scalarlg", Dropped),
    ("quotbal", Answered(400)),
    ("ltgtruri", Answered(400)),
    ("lwsruri", Answered(400)),
    ("lwsstart", Answered(400)),
    ("trws", Answered(400)),
    ("escruri", Answered(400)),
    // A date that nobody needs is no reason to refuse a call; the RFC leaves it open.
    ("baddate", Accepted),
    ("regbadct", Answered(400)),
    ("badaspec", Answered(400)),
    ("baddn", Answered(400)),
    ("badvers", Answered(505)),
    ("mismatch01", Answered(400)),
    ("mismatch02", Answered(400)),
    ("bigcode", Dropped),
];

/// Well-formed, so accepted here; most are for the user agent to refuse (416, 420, 415, 483, …).
const SEMANTIC: [(&str, Fate); 17] = [
    ("badbranch", Accepted),
    ("insuf", Answered(400)),
    ("unkscm", Accepted),
    ("novelsc", Accepted),
    ("unksm2", Accepted),
    ("bext01", Accepted),
    ("invut", Accepted),
    ("regaut01", Accepted),
    ("multi01", Answered(400)),
    ("mcl01", Answered(400)),
    ("bcast", Accepted),
    ("zeromf", Accepted),
    ("cparam01", Accepted),
    ("cparam02", Accepted),
    ("regescrt", Accepted),
    ("sdp01", Accepted),
    ("inv2543", Accepted),
];

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn bytes(class: &str, name: &str) -> Bytes {
    let path = corpus().join(class).join(format!("{name}.sip"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

fn message(class: &str, name: &str) -> Message {
    wire::parse(bytes(class, name)).unwrap()
}

fn fate(bytes: Bytes) -> Fate {
    let Ok(message) = wire::parse(bytes) else { return Dropped };
    match message.validate() {
        Ok(()) => Accepted,
        Err(refusal) => refusal.status.map_or(Dropped, Answered),
    }
}

fn check(class: &str, expected: &[(&str, Fate)]) {
    let files = std::fs::read_dir(corpus().join(class)).unwrap().count();
    assert_eq!(files, expected.len(), "every {class} message has a line here");
    let found: Vec<_> = expected.iter().map(|(name, _)| (*name, fate(bytes(class, name)))).collect();
    assert_eq!(found, expected);
}

#[test]
fn all_13_valid_messages_are_accepted() {
    check("valid", &VALID);
    assert_eq!(VALID.iter().filter(|(_, fate)| *fate == Accepted).count(), 13);
}

#[test]
fn of_19_invalid_messages_18_are_refused() {
    check("invalid", &INVALID);
    assert_eq!(INVALID.iter().filter(|(_, fate)| *fate != Accepted).count(), 18);
}

#[test]
fn of_17_messages_with_semantic_trouble_14_are_well_formed() {
    check("semantic", &SEMANTIC);
    assert_eq!(SEMANTIC.iter().filter(|(_, fate)| *fate == Accepted).count(), 14);
}

#[test]
fn odd_blanks_and_folds_do_not_change_values() {
    let message = message("valid", "wsinv");
    assert_eq!(message.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(message.from().unwrap().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!((message.max_forwards(), message.cseq().unwrap().number), (Some(68), 9));
    let branches: Vec<_> = message.headers(Name::Via).map(|via| via.parse::<tandem_media::sip::header::Via>().unwrap()).collect();
    assert_eq!(branches.iter().filter_map(|via| via.branch()).collect::<Vec<_>>(), ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    let contact = message.contact().unwrap().unwrap();
    assert_eq!(
        (contact.q, contact.address.params.get("newparam"), contact.address.params.has("secondparam")),
        (330, Some("newvalue"), true)
    );
    assert_eq!(message.routes().unwrap()[0].uri.param("unknownwith"), Some(Some("value")));
    assert_eq!(message.header(Name::Subject), Some(""));
    assert!(message.sdp().unwrap().starts_with("v=0"));
}

#[test]
fn unusual_characters_survive() {
    let message = message("valid", "intmeth");
    assert!(matches!(message.method(), Some(Method::Other(name)) if name.starts_with("!interesting")));
    assert_eq!(message.to().unwrap().display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    assert_eq!(message.from().unwrap().tag(), Some("_token~1'+`*%!-."));
    assert_eq!(message.call_id(), "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    assert_eq!(message.extension("extensionHeader-!.%*+_`'~"), Some("\u{feff}大停電"));
}

#[test]
fn escapes_are_resolved_once_and_only_in_uris() {
    assert_eq!(message("valid", "esc01").uri().unwrap().user_decoded().unwrap(), "sips:user@example.com");
    let registration = message("valid", "esc02");
    assert!(matches!(registration.method(), Some(Method::Other(_))), "RE%47IST%45R is not REGISTER");
    assert_eq!(registration.headers(Name::Contact).count(), 2, "C%6Fntact is not Contact");
    assert_eq!(registration.to().unwrap().display.as_deref(), Some("%Z%45"));
    let nulls = message("valid", "escnull");
    assert_eq!(nulls.headers(Name::Contact).count(), 2);
    assert_eq!(nulls.to().unwrap().uri.user_decoded().unwrap(), "null-\0-null");
}

#[test]
fn a_second_request_in_a_datagram_is_ignored_but_found_on_a_stream() {
    assert!(message("valid", "dblreq").body().is_empty());
    let mut framer = Framer::default();
    framer.push(&bytes("valid", "dblreq"));
    let mut methods = Vec::new();
    while let Some(frame) = framer.next().unwrap() {
        if let Frame::Message(bytes) = frame {
            methods.push(wire::parse(bytes).unwrap().method().cloned().unwrap());
        }
    }
    assert_eq!(methods, [Method::Register, Method::Invite]);
}

#[test]
fn unbracketed_contact_parameters_belong_to_the_header_and_bracketed_to_the_uri() {
    let contact = |name| message("semantic", name).contact().unwrap().unwrap().address;
    assert!(contact("cparam01").params.has("unknownparam"));
    assert!(contact("cparam02").uri.param("unknownparam").is_some());
    assert!(contact("regescrt").uri.has_headers());
}
