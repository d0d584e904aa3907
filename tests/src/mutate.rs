//! Broken SIP: valid messages, damaged in every way that a bad stack or a bad person damages them. Seeded, so that a
//! failure can be repeated.

/// A small random generator (xorshift64*): the same seed gives the same messages for ever.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator; any seed will do.
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end` (0 if `end` is 0).
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.bits() % end as u64) as usize }
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Texts that parsers stumble over.
const NASTY: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\r\n\r\n",
    b"\n",
    b"\"",
    b"<",
    b">",
    b"%00",
    b"%s%s%n",
    b"-1",
    b"4294967296",
    b"99999999999999999999",
    b";;;;",
    b",,,,",
    b"\r\n ",
    b"\t",
    b"::",
    b"[::1",
    b"sip:",
    b"=",
    b"\xc3\x28",
    b"\\",
    b"SIP/2.0",
    b"z9hG4bK",
    b"*",
];

/// Messages to damage: each has identifiers of its own, so that none belongs to a call in progress.
pub fn seed_message(random: &mut Random, server: &str, from: &str) -> Vec<u8> {
    let id = random.bits();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {from}\r\ns=-\r\nc=IN IP4 {from}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    );
    let common = |method: &str, more: &str, body: &str| {
        format!(
            "{method} sip:600@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {from}:5070;branch=z9hG4bK{id:x};rport\r\nMax-Forwards: 70\r\n\
             From: \"M\" <sip:m@{from}>;tag={id:x}\r\nTo: <sip:600@{server}>\r\nCall-ID: m{id:x}@{from}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:m@{from}:5070>\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let typed = "Content-Type: application/sdp\r\n";
    let digest = "Authorization: Digest username=\"1001\", realm=\"tests\", nonce=\"abc\", uri=\"sip:tests\", response=\"0\", nc=00000001, cnonce=\"x\", qop=auth\r\n";
    let text = match random.below(9) {
        0 | 1 => common("INVITE", typed, &sdp),
        2 => common("REGISTER", &format!("Expires: 60\r\n{digest}"), ""),
        3 => common("OPTIONS", "Accept: application/sdp\r\n", ""),
        4 => common("BYE", "", ""),
        5 => common("REFER", "Refer-To: <sip:600@x?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n", ""),
        6 => common("ACK", "", ""),
        7 => common("CANCEL", "", ""),
        _ => format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {server};branch=z9hG4bK{id:x}\r\nFrom: <sip:a@{server}>;tag=1\r\nTo: <sip:b@{from}>;tag=2\r\n\
             Call-ID: r{id:x}\r\nCSeq: 1 INVITE\r\nContact: <sip:b@{from}>\r\n{typed}Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        ),
    };
    text.into_bytes()
}

/// A damaged message: one to four blows.
pub fn broken_message(random: &mut Random, server: &str, from: &str) -> Vec<u8> {
    let mut bytes = seed_message(random, server, from);
    for _ in 0..=random.below(4) {
        hit(random, &mut bytes);
    }
    bytes.truncate(65_000);
    bytes
}

fn hit(random: &mut Random, bytes: &mut Vec<u8>) {
    let place = random.below(bytes.len());
    match random.below(10) {
        0 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => bytes.truncate(place),
        2 => {
            let end = (place + random.below(40)).min(bytes.len());
            bytes.drain(place..end);
        }
        3 => insert(bytes, place, random.pick(NASTY)),
        4 => {
            let one = random.pick(NASTY).to_vec();
            let many = one.repeat(1 + random.below(3000) / one.len().max(1));
            insert(bytes, place, &many);
        }
        5 => double_line(random, bytes),
        6 => drop_line(random, bytes),
        7 => replace_number(random, bytes),
        8 => {
            let header = format!("X-{}: {}\r\n", "a".repeat(random.below(300)), "b".repeat(random.below(9000)));
            let lines = line_starts(bytes);
            let at = lines.get(1 + random.below(lines.len().saturating_sub(1))).copied().unwrap_or(0);
            insert(bytes, at, &header.repeat(1 + random.below(6)).into_bytes());
        }
        _ => {
            for _ in 0..random.below(30) {
                let at = random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.bits() as u8;
                }
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, place: usize, what: &[u8]) {
    let place = place.min(bytes.len());
    bytes.splice(place..place, what.iter().copied());
}

fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place + 1);
    std::iter::once(0).chain(ends).collect()
}

fn a_line(random: &mut Random, bytes: &[u8]) -> (usize, usize) {
    let starts = line_starts(bytes);
    let which = random.below(starts.len());
    (starts[which], starts.get(which + 1).copied().unwrap_or(bytes.len()))
}

fn double_line(random: &mut Random, bytes: &mut Vec<u8>) {
    let (from, to) = a_line(random, bytes);
    let line = bytes[from..to].repeat(1 + random.below(200));
    insert(bytes, to, &line);
}

fn drop_line(random: &mut Random, bytes: &mut Vec<u8>) {
    let (from, to) = a_line(random, bytes);
    bytes.drain(from..to);
}

fn replace_number(random: &mut Random, bytes: &mut Vec<u8>) {
    let start = random.below(bytes.len());
    let Some(from) = bytes.iter().skip(start).position(u8::is_ascii_digit).map(|at| at + start) else { return };
    let to = bytes.iter().skip(from).position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |length| from + length);
    let with: &[&[u8]] = &[b"0", b"-1", b"65536", b"4294967295", b"4294967296", b"18446744073709551616", b"1e9", b"0x10", b""];
    let with = random.pick(with);
    bytes.splice(from..to, with.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_breaks_the_same_way() {
        let make = |seed| {
            let mut random = Random::new(seed);
            (0..500).map(|_| broken_message(&mut random, "10.0.0.1", "10.0.0.2")).collect::<Vec<_>>()
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
        assert!(make(7).iter().all(|message| message.len() <= 65_000));
    }
}
