//! What is said to callers, as names of built-in prompts: one per word or digit, so that every number can be said.

use std::time::Duration;

use smol_str::SmolStr;

use crate::spoken::Language;

fn name(language: Language, word: &str) -> SmolStr {
    let folder = match language {
        Language::En => "en",
        Language::Zh => "zh",
    };
    SmolStr::new(format!("@{folder}/{word}"))
}

fn digits(language: Language, number: u32) -> impl Iterator<Item = SmolStr> {
    number.to_string().chars().map(move |digit| name(language, digit.encode_utf8(&mut [0; 4]))).collect::<Vec<_>>().into_iter()
}

/// "You are number … in the queue."
pub(super) fn position(language: Language, position: u32) -> Vec<SmolStr> {
    std::iter::once(name(language, "position")).chain(digits(language, position)).collect()
}

/// "The estimated wait is … minutes", rounded up.
pub(super) fn estimated_wait(language: Language, wait: Duration) -> Vec<SmolStr> {
    let minutes = u32::try_from(wait.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
    let words = std::iter::once(name(language, "estimated-wait")).chain(digits(language, minutes));
    words.chain(std::iter::once(name(language, "minutes"))).collect()
}

/// "You are served by agent …".
pub(super) fn agent_number(language: Language, number: u32) -> Vec<SmolStr> {
    std::iter::once(name(language, "agent")).chain(digits(language, number)).collect()
}
