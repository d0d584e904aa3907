//! Call ids as the interface writes them: `"{unix seconds}-{number}"`, the number of a voice call below 2^24 (cc-gateway.md §1.1).
//!
//! A [`CallId`] has 30 bits of seconds since 2024, 6 of source and 28 of counter. The low 18 bits of the counter and the source make
//! the number (24 bits); the high 10 bits of the counter are added to the seconds. So a text is made without looking anything up, and
//! reading it gives 1024 candidates of which the caller keeps the one that is there. Two of them could be there only if a node made
//! more than 2^18 ids and was started again within 17 minutes, and then only among calls of both starts.

use tandem_core::{CallId, Ids};

/// Counter bits that go into the number.
const LOW: u32 = 18;
/// Counter bits that go into the seconds.
const HIGH: u64 = 1 << (28 - LOW);

/// As written on the wire.
pub(crate) fn text(call: CallId) -> String {
    let seconds = u64::from(Ids::base_of(call.0)) + Ids::ORIGIN;
    let counter = call.0 & ((1 << 28) - 1);
    let number = (u64::from(Ids::source_of(call.0)) << LOW) | (counter & ((1 << LOW) - 1));
    format!("{}-{number}", seconds + (counter >> LOW))
}

/// The calls that a text can mean, the likeliest first. None if it is no call id.
pub(super) fn candidates(text: &str) -> impl Iterator<Item = CallId> {
    let parsed = text.trim().split_once('-').and_then(|(seconds, number)| {
        let seconds: u64 = seconds.parse().ok()?;
        let number: u64 = number.parse().ok()?;
        let base = seconds.checked_sub(Ids::ORIGIN).filter(|base| *base < 1 << 30)?;
        (number < 1 << 24).then_some((base, number))
    });
    parsed.into_iter().flat_map(|(base, number)| {
        let (source, low) = (number >> LOW, number & ((1 << LOW) - 1));
        (0..HIGH.min(base + 1)).map(move |high| CallId(((base - high) << 34) | (source << 28) | (high << LOW) | low))
    })
}

/// Whether a text is written like a call id at all.
pub(super) fn is_one(text: &str) -> bool {
    candidates(text).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_among_the_candidates_of_its_text() {
        for (base, source, counter) in [(0, 0, 0), (90_000_000, 3, 12), (90_000_000, 63, (1 << 28) - 1), (1023, 1, 1 << 27)] {
            let call = CallId((base << 34) | (source << 28) | counter);
            let text = text(call);
            let (_, number) = text.split_once('-').unwrap();
            assert!(number.parse::<u64>().unwrap() < 1 << 24, "{text}: at 2^24 media calls begin");
            assert!(candidates(&text).any(|one| one == call), "{text}");
        }
        let first = CallId((28_223_100 << 34) | 12);
        assert_eq!(text(first), "1732290300-12");
        assert_eq!(candidates("1732290300-12").next(), Some(first));
    }

    #[test]
    fn foreign_texts_are_no_calls() {
        for text in ["", "-", "1456401416", "a-b", "5-1", "1732290100-16777216", "99999999999-1", "-1--1"] {
            assert!(!is_one(text), "{text}");
        }
    }
}
