//! Equality of URIs as RFC 3261 §19.1.4 defines it.

use super::{Scheme, Uri};

/// One byte of a URI component after unescaping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) byte: u8,
    /// It was an escape of a reserved character, which is not the same as that character.
    reserved: bool,
}

/// The bytes of a component with `%HH` resolved once.
pub(super) fn units(text: &str) -> impl Iterator<Item = Unit> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        if first == b'%'
            && let [high, low, tail @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = tail;
            let byte = high << 4 | low;
            return Some(Unit { byte, reserved: b";/?:@&=+$,".contains(&byte) });
        }
        rest = tail;
        Some(Unit { byte: first, reserved: false })
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn same_text(a: Option<&str>, b: Option<&str>) -> bool {
    units(a.unwrap_or_default()).eq(units(b.unwrap_or_default())) && a.is_some() == b.is_some()
}

fn same_text_any_case(a: &str, b: &str) -> bool {
    let lower = |unit: Unit| Unit { byte: unit.byte.to_ascii_lowercase(), ..unit };
    units(a).map(lower).eq(units(b).map(lower))
}

pub(super) fn same(a: &Uri, b: &Uri) -> bool {
    // Also makes a URI that has a parameter twice, which it may not, equal to itself.
    if a.text == b.text {
        return true;
    }
    if a.scheme != b.scheme {
        return false;
    }
    match a.scheme {
        Scheme::Tel => same_number(a, b),
        Scheme::Other(_) => a.text == b.text,
        Scheme::Sip | Scheme::Sips => {
            same_text(a.user(), b.user())
                && same_text(a.password(), b.password())
                && match (&a.host, &b.host) {
                    (Some(x), Some(y)) => x.host.same(&y.host) && x.port == y.port,
                    _ => false,
                }
                && params_agree(a, b)
                && params_agree(b, a)
                && headers_agree(a, b)
        }
    }
}

/// RFC 3966 §4: visual separators don't count, parameters do.
fn same_number(a: &Uri, b: &Uri) -> bool {
    fn digits(uri: &Uri) -> impl Iterator<Item = u8> {
        let bytes = uri.user().unwrap_or_default().bytes();
        bytes.filter(|b| !matches!(b, b'-' | b'.' | b'(' | b')')).map(|b| b.to_ascii_lowercase())
    }
    let holds = |x: &Uri, y: &Uri| x.params().all(|(name, value)| y.param(name).is_some_and(|other| same_value(value, other)));
    digits(a).eq(digits(b)) && holds(a, b) && holds(b, a)
}

fn same_value(a: Option<&str>, b: Option<&str>) -> bool {
    same_text_any_case(a.unwrap_or_default(), b.unwrap_or_default())
}

/// These count even if only one of the URIs has them.
const COUNTING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

fn params_agree(a: &Uri, b: &Uri) -> bool {
    a.params().all(|(name, value)| match b.param(name) {
        Some(other) => same_value(value, other),
        None => !COUNTING.iter().any(|counting| name.eq_ignore_ascii_case(counting)),
    })
}

fn headers_agree(a: &Uri, b: &Uri) -> bool {
    let holds = |x: &Uri, y: &Uri| {
        x.headers()
            .all(|(name, value)| y.headers().any(|(other, theirs)| name.eq_ignore_ascii_case(other) && units(value).eq(units(theirs))))
    };
    a.headers().count() == b.headers().count() && holds(a, b) && holds(b, a)
}
