//! Digest credentials (RFC 7616, RFC 8760): the client's half, MD5 and SHA-256, `qop=auth`.

use crate::put;
use crate::text::hex8;

/// Hash of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Algorithm {
    /// MD5 (RFC 3261).
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
}

impl Algorithm {
    fn hash(self, parts: &[&[u8]]) -> Hex {
        fn run<D: md5::Digest>(parts: &[&[u8]]) -> Hex {
            let mut hash = D::new();
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    hash.update(b":");
                }
                hash.update(part);
            }
            Hex::of(&hash.finalize())
        }
        match self {
            Algorithm::Md5 => run::<md5::Md5>(parts),
            Algorithm::Sha256 => run::<sha2::Sha256>(parts),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }
}

/// A hash in hexadecimal digits, without allocation.
#[derive(Debug, Clone, Copy)]
struct Hex([u8; 64], usize);

impl Hex {
    fn of(hash: &[u8]) -> Self {
        let mut digits = [0u8; 64];
        for (place, byte) in hash.iter().enumerate() {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            digits[2 * place] = DIGITS[usize::from(byte >> 4)];
            digits[2 * place + 1] = DIGITS[usize::from(byte & 15)];
        }
        Hex(digits, 2 * hash.len())
    }
}

impl AsRef<[u8]> for Hex {
    fn as_ref(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// What a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Realm.
    pub realm: Vec<u8>,
    /// Nonce.
    pub nonce: Vec<u8>,
    /// To be handed back as it is.
    pub opaque: Option<Vec<u8>>,
    /// Hash.
    pub algorithm: Algorithm,
    /// `qop=auth` is offered.
    pub qop: bool,
}

impl Challenge {
    /// Reads the value of WWW-Authenticate or Proxy-Authenticate; `None` if it is none that can be answered.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let rest = value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case(b"Digest")).map(|_| &value[6..])?;
        let (mut realm, mut nonce, mut opaque, mut algorithm, mut qop) = (None, None, None, Some(Algorithm::Md5), false);
        for (name, value) in Parameters(rest) {
            match name.to_ascii_lowercase().as_slice() {
                b"realm" => realm = Some(value.to_vec()),
                b"nonce" => nonce = Some(value.to_vec()),
                b"opaque" => opaque = Some(value.to_vec()),
                b"qop" => qop = value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"auth")),
                b"algorithm" => {
                    algorithm =
                        [Algorithm::Md5, Algorithm::Sha256].into_iter().find(|one| value.eq_ignore_ascii_case(one.name().as_bytes()));
                }
                _ => {}
            }
        }
        Some(Challenge { realm: realm?, nonce: nonce?, opaque, algorithm: algorithm?, qop })
    }
}

/// `name=value, name="value"`.
struct Parameters<'a>(&'a [u8]);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let equals = memchr::memchr(b'=', self.0)?;
        let name = self.0[..equals].trim_ascii().trim_ascii_start();
        let rest = self.0[equals + 1..].trim_ascii_start();
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = memchr::memchr(b'"', quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => rest.split_at(memchr::memchr(b',', rest).unwrap_or(rest.len())),
        };
        self.0 = memchr::memchr(b',', rest).map_or(&[], |comma| &rest[comma + 1..]);
        Some((name, value.trim_ascii()))
    }
}

/// One user's credentials for one challenge: the nonce is used again with a rising count until the server asks anew.
#[derive(Debug, Clone)]
pub struct Credentials {
    challenge: Challenge,
    ha1: Hex,
    count: u32,
}

impl Credentials {
    /// Hashes user, realm and password.
    pub fn new(challenge: Challenge, user: &[u8], password: &[u8]) -> Self {
        let ha1 = challenge.algorithm.hash(&[user, &challenge.realm, password]);
        Credentials { challenge, ha1, count: 0 }
    }

    /// Appends `Digest …` for one request.
    pub fn write(&mut self, out: &mut Vec<u8>, user: &[u8], method: &str, uri: &[u8], cnonce: &[u8]) {
        self.count += 1;
        let mut count = Vec::with_capacity(8);
        hex8(&mut count, self.count);
        let Challenge { realm, nonce, opaque, algorithm, qop } = &self.challenge;
        let ha2 = algorithm.hash(&[method.as_bytes(), uri]);
        let response = if *qop {
            algorithm.hash(&[self.ha1.as_ref(), nonce, &count, cnonce, b"auth", ha2.as_ref()])
        } else {
            algorithm.hash(&[self.ha1.as_ref(), nonce, ha2.as_ref()])
        };
        put!(out, "Digest username=\"", user, "\", realm=\"", realm, "\", nonce=\"", nonce, "\", uri=\"", uri);
        put!(out, "\", response=\"", response, "\", algorithm=", algorithm.name());
        if *qop {
            put!(out, ", qop=auth, nc=", count, ", cnonce=\"", cnonce, "\"");
        }
        if let Some(opaque) = opaque {
            put!(out, ", opaque=\"", opaque, "\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(challenge: &str) -> String {
        let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
        let mut credentials = Credentials::new(challenge, b"Mufasa", b"Circle of Life");
        let mut out = Vec::new();
        credentials.write(&mut out, b"Mufasa", "GET", b"/dir/index.html", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
        String::from_utf8(out).unwrap()
    }

    // RFC 7616 §3.9.1.
    const VECTOR: &str = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=ALG, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;

    #[test]
    fn the_vectors_of_rfc_7616_come_out() {
        let md5 = answer(&VECTOR.replace("ALG", "MD5"));
        assert!(md5.contains(r#"response="8ca523f5e9506fed4657c9700eebdbec""#), "{md5}");
        let sha = answer(&VECTOR.replace("ALG", "SHA-256"));
        assert!(sha.contains(r#"response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1""#), "{sha}");
        assert!(sha.contains("nc=00000001") && sha.contains(r#"opaque="FQhe"#));
    }

    #[test]
    fn a_nonce_is_used_again_with_a_rising_count() {
        let challenge = Challenge::parse(VECTOR.replace("ALG", "md5").as_bytes()).unwrap();
        let mut credentials = Credentials::new(challenge, b"u", b"p");
        for count in ["nc=00000001", "nc=00000002"] {
            let mut out = Vec::new();
            credentials.write(&mut out, b"u", "REGISTER", b"sip:x", b"c");
            assert!(String::from_utf8(out).unwrap().contains(count));
        }
    }

    #[test]
    fn what_cannot_be_answered_is_not_a_challenge() {
        for value in ["Basic realm=\"x\"", "Digest realm=\"x\"", "Digest realm=\"x\", nonce=\"y\", algorithm=AKAv1-MD5", "", "Dig"] {
            assert_eq!(Challenge::parse(value.as_bytes()), None, "{value}");
        }
    }
}
