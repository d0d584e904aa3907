//! How messages find their transaction (RFC 3261 §17.1.3, §17.2.3).

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// The cookie that says a branch is unique (RFC 3261 §8.1.1.7).
pub const COOKIE: &str = "z9hG4bK";

/// A branch of ours: the cookie and 64 random bits as hexadecimal digits. CANCEL has its INVITE's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Branch {
    token: u64,
    cancel: bool,
}

impl Branch {
    /// From random bits.
    pub fn new(token: u64) -> Self {
        Branch { token, cancel: false }
    }

    /// The key of the CANCEL for this INVITE.
    #[must_use]
    pub fn for_cancel(self) -> Self {
        Branch { cancel: true, ..self }
    }

    /// The branch parameter.
    pub fn text(self) -> String {
        format!("{COOKIE}{:016x}", self.token)
    }

    /// Reads a branch that came back in a response; `None` if it never was ours.
    pub fn read(text: &str, cancel: bool) -> Option<Self> {
        let digits = text.strip_prefix(COOKIE)?;
        if digits.len() != 16 {
            return None;
        }
        u64::from_str_radix(digits, 16).ok().map(|token| Branch { token, cancel })
    }
}

/// A server transaction's name: a keyed 128-bit hash of the parts that RFC 3261 compares. The key is random, so a peer
/// can't make two transactions meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerKey(u128);

/// Parts of a request that name its server transaction.
#[derive(Debug, Clone, Copy)]
pub struct KeyParts<'a> {
    /// Top Via's branch.
    pub branch: Option<&'a str>,
    /// Top Via's host, any case.
    pub sent_by: &'a str,
    /// Top Via's port as written.
    pub port: Option<u16>,
    /// Method; INVITE for ACK, and for a CANCEL that looks for its INVITE.
    pub method: &'a str,
    /// Request-URI.
    pub uri: &'a str,
    /// Call-ID.
    pub call_id: &'a str,
    /// From tag.
    pub from_tag: Option<&'a str>,
    /// CSeq number.
    pub cseq: u32,
}

/// Makes keys. One per user agent.
#[derive(Debug, Default)]
pub struct KeyMaker {
    high: RandomState,
    low: RandomState,
}

impl KeyMaker {
    /// The key of a request. Without the cookie it is that of RFC 2543 (RFC 3261 §17.2.3): Request-URI, From tag,
    /// Call-ID, CSeq number and top Via; the To tag is left out, because an ACK has ours and its INVITE has none.
    pub fn key(&self, parts: &KeyParts<'_>) -> ServerKey {
        let sent_by = (Lower(parts.sent_by), parts.port.unwrap_or(5060));
        match parts.branch.filter(|branch| branch.starts_with(COOKIE)) {
            Some(branch) => self.hash(&(0u8, branch, sent_by, parts.method)),
            None => {
                let headers = (parts.uri, parts.call_id, parts.from_tag, parts.cseq);
                self.hash(&(1u8, parts.branch, sent_by, parts.method, headers))
            }
        }
    }

    /// Names a request whatever path it took (RFC 3261 §8.2.2.2).
    pub fn merge_key(&self, method: &str, call_id: &str, from_tag: Option<&str>, cseq: u32) -> ServerKey {
        self.hash(&(2u8, method, call_id, from_tag, cseq))
    }

    /// A tag for a response that is made without any state: the same for each repetition of a request (RFC 3261 §8.2.7).
    pub fn stateless_tag(&self, call_id: &str, from_tag: Option<&str>, cseq: u32) -> u64 {
        self.low.hash_one((3u8, call_id, from_tag, cseq))
    }

    fn hash(&self, parts: &impl Hash) -> ServerKey {
        ServerKey((u128::from(self.high.hash_one(parts)) << 64) | u128::from(self.low.hash_one(parts)))
    }
}

/// Hashes without regard to case.
struct Lower<'a>(&'a str);

impl Hash for Lower<'_> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        for byte in self.0.bytes() {
            to.write_u8(byte.to_ascii_lowercase());
        }
        to.write_u8(0xff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: KeyParts<'static> = KeyParts {
        branch: Some("z9hG4bK1"),
        sent_by: "Phone.example",
        port: None,
        method: "INVITE",
        uri: "sip:a@b",
        call_id: "c",
        from_tag: Some("f"),
        cseq: 1,
    };

    #[test]
    fn with_the_cookie_branch_sent_by_and_method_decide() {
        let maker = KeyMaker::default();
        let key = maker.key(&PARTS);
        assert_eq!(key, maker.key(&KeyParts { sent_by: "phone.EXAMPLE", port: Some(5060), cseq: 2, uri: "sip:other", ..PARTS }));
        assert_ne!(key, maker.key(&KeyParts { branch: Some("z9hG4bK2"), ..PARTS }));
        assert_ne!(key, maker.key(&KeyParts { port: Some(5061), ..PARTS }));
        assert_ne!(key, maker.key(&KeyParts { method: "BYE", ..PARTS }));
    }

    #[test]
    fn without_the_cookie_the_headers_decide() {
        let maker = KeyMaker::default();
        let old = KeyParts { branch: Some("1"), ..PARTS };
        assert_eq!(maker.key(&old), maker.key(&old));
        assert_ne!(maker.key(&old), maker.key(&KeyParts { cseq: 2, ..old }));
        assert_ne!(maker.key(&old), maker.key(&KeyParts { call_id: "d", ..old }));
    }

    #[test]
    fn our_branch_survives_the_wire_and_no_other_is_taken_for_ours() {
        let branch = Branch::new(0x0123);
        assert_eq!(Branch::read(&branch.text(), false), Some(branch));
        assert_eq!(Branch::read(&branch.text(), true), Some(branch.for_cancel()));
        assert_eq!(Branch::read("z9hG4bK-else", false), None);
        assert_eq!(Branch::read("0123", false), None);
    }
}
