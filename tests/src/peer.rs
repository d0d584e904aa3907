//! A SIP peer of our own over UDP, for what SIPp and baresip don't do: odd orders, odd messages, a look at every byte.
//!
//! It shares no code with the program: messages are text, taken apart by hand.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use md5::{Digest, Md5};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A socket that speaks SIP.
#[derive(Debug)]
pub struct SipPeer {
    socket: UdpSocket,
    /// Its address.
    pub local: SocketAddr,
    /// Its user name.
    pub user: String,
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// All of it.
    pub text: String,
    /// Who sent it.
    pub from: SocketAddr,
}

/// A dialog or transaction that this peer began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Whom it was sent to.
    pub server: SocketAddr,
    /// Request URI.
    pub target: String,
    /// Call-ID.
    pub call_id: String,
    /// Our From (with tag).
    pub from: String,
    /// The To, with a tag once it is known.
    pub to: String,
    /// CSeq of our last request.
    pub cseq: u32,
    /// Branch of our last request.
    pub branch: String,
}

impl Received {
    /// The status of a response; 0 for a request.
    pub fn status(&self) -> u16 {
        self.text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
    }

    /// The method of a request; empty for a response.
    pub fn method(&self) -> &str {
        if self.status() > 0 { "" } else { self.text.split(' ').next().unwrap_or_default() }
    }

    /// The first header of this name (in full).
    pub fn header(&self, name: &str) -> Option<&str> {
        headers(&self.text, name).next()
    }

    /// Every header of this name.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        headers(&self.text, name)
    }

    /// The URI of Contact.
    pub fn contact(&self) -> Option<&str> {
        let value = self.header("Contact")?;
        Some(value.split_once('<').map_or(value, |(_, rest)| rest.split('>').next().unwrap_or(rest)))
    }

    /// The body.
    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// Where the SDP in it wants audio.
    pub fn audio(&self) -> Option<SocketAddr> {
        let line = |start: &str| self.body().lines().find_map(|l| l.trim().strip_prefix(start));
        let ip = line("c=IN IP4 ").or_else(|| line("c=IN IP6 "))?.parse().ok()?;
        Some(SocketAddr::new(ip, line("m=audio ")?.split(' ').next()?.parse().ok()?))
    }
}

fn headers<'a, 'n>(text: &'a str, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    head.split("\r\n").skip(1).filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl SipPeer {
    /// A peer at this address.
    pub fn bind(user: &str, local: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind(local)?;
        let local = socket.local_addr()?;
        Ok(SipPeer { socket, local, user: user.to_owned() })
    }

    /// Sends bytes as they are.
    pub fn send_raw(&self, to: SocketAddr, bytes: &[u8]) -> Result<()> {
        self.socket.send_to(bytes, to)?;
        Ok(())
    }

    /// The next message, whatever it is.
    pub fn receive(&self, limit: Duration) -> Option<Received> {
        self.socket.set_read_timeout(Some(limit.max(Duration::from_millis(1)))).ok()?;
        let mut buffer = vec![0_u8; 65_536];
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        Some(Received { text: String::from_utf8_lossy(&buffer[..length]).into_owned(), from })
    }

    /// The next message that `wanted` likes; others are dropped.
    pub fn wait(&self, limit: Duration, mut wanted: impl FnMut(&Received) -> bool) -> Option<Received> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(message) = self.receive(end.saturating_duration_since(Instant::now()))
                && wanted(&message)
            {
                return Some(message);
            }
        }
        None
    }

    /// The next request of this method.
    pub fn request(&self, method: &str, limit: Duration) -> Result<Received> {
        self.wait(limit, |m| m.method() == method).with_context(|| format!("{} got no {method}", self.user))
    }

    /// The next final response to `dialog`'s last request.
    pub fn answer(&self, dialog: &Dialog, limit: Duration) -> Result<Received> {
        let ours = |m: &Received| m.status() >= 200 && m.header("Via").is_some_and(|via| via.contains(&dialog.branch));
        self.wait(limit, ours).with_context(|| format!("{} got no answer", self.user))
    }

    /// Begins a dialog (or a lone transaction) with `user` at `server`; nothing is sent yet.
    pub fn dialog(&self, server: SocketAddr, user: &str) -> Dialog {
        let id = unique();
        let host = if user.is_empty() { server.to_string() } else { format!("{user}@{server}") };
        Dialog {
            server,
            target: format!("sip:{host}"),
            call_id: format!("{id}@{}", self.local.ip()),
            from: format!("<sip:{}@{}>;tag={id}", self.user, server.ip()),
            to: format!("<sip:{host}>"),
            cseq: 0,
            branch: String::new(),
        }
    }

    /// Sends a request in `dialog`. `headers` are whole lines with their ends.
    pub fn send(&self, dialog: &mut Dialog, method: &str, headers: &str, body: &str) -> Result<()> {
        if method != "ACK" && method != "CANCEL" {
            dialog.cseq += 1;
        }
        // An ACK to a 2xx is a transaction of its own; CANCEL has the branch of what it cancels (RFC 3261 §9.1).
        if method != "CANCEL" {
            dialog.branch = format!("z9hG4bK{}", unique());
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{user}@{local}>\r\n{headers}{kind}Content-Length: {length}\r\n\r\n{body}",
            target = dialog.target,
            local = self.local,
            branch = dialog.branch,
            from = dialog.from,
            to = dialog.to,
            id = dialog.call_id,
            cseq = dialog.cseq,
            user = self.user,
            length = body.len(),
        );
        self.send_raw(dialog.server, text.as_bytes())
    }

    /// Sends a request with this password if it is asked for, and gives the final answer. `headers` as in [`SipPeer::send`].
    pub fn ask(&self, dialog: &mut Dialog, method: &str, headers: &str, body: &str, password: &str) -> Result<Received> {
        self.send(dialog, method, headers, body)?;
        let answer = self.answer(dialog, Duration::from_secs(10))?;
        let (name, asked) = match answer.status() {
            401 => ("Authorization", "WWW-Authenticate"),
            407 => ("Proxy-Authorization", "Proxy-Authenticate"),
            _ => return Ok(answer),
        };
        if method == "INVITE" {
            self.ack_refusal(dialog, &answer)?;
        }
        let challenge = answer.headers(asked).find(|c| !c.contains("SHA-256")).context("no challenge that allows MD5")?;
        let credentials = digest(challenge, &self.user, password, method, &dialog.target);
        self.send(dialog, method, &format!("{headers}{name}: {credentials}\r\n"), body)?;
        self.answer(dialog, Duration::from_secs(10))
    }

    /// Registers this peer as a phone.
    pub fn register(&self, server: SocketAddr, password: &str) -> Result<()> {
        let mut dialog = self.dialog(server, &self.user);
        dialog.target = format!("sip:{server}");
        let answer = self.ask(&mut dialog, "REGISTER", "Expires: 300\r\n", "", password)?;
        if answer.status() == 200 { Ok(()) } else { bail!("REGISTER: {}", answer.text) }
    }

    /// Takes up what a 2xx to INVITE says and acknowledges it.
    pub fn ack(&self, dialog: &mut Dialog, answer: &Received) -> Result<()> {
        if let Some(to) = answer.header("To") {
            dialog.to = to.to_owned();
        }
        if let Some(contact) = answer.contact() {
            dialog.target = contact.to_owned();
        }
        self.send(dialog, "ACK", "", "")
    }

    /// Acknowledges a refusal of an INVITE.
    pub fn ack_refusal(&self, dialog: &Dialog, answer: &Received) -> Result<()> {
        let text = format!(
            "ACK {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
            dialog.target,
            self.local,
            dialog.branch,
            dialog.from,
            answer.header("To").unwrap_or(&dialog.to),
            dialog.call_id,
            dialog.cseq
        );
        self.send_raw(dialog.server, text.as_bytes())
    }

    /// Answers a request. `headers` are whole lines with their ends.
    pub fn respond(&self, request: &Received, status: &str, headers: &str, body: &str) -> Result<()> {
        let copy = |name: &str| request.headers(name).map(|value| format!("{name}: {value}\r\n")).collect::<String>();
        let to = request.header("To").unwrap_or_default();
        let tag = if to.contains(";tag=") { String::new() } else { format!(";tag={}", self.user) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 {status}\r\n{via}{routes}{from}To: {to}{tag}\r\n{id}{cseq}Contact: <sip:{user}@{local}>\r\n{headers}{kind}\
             Content-Length: {length}\r\n\r\n{body}",
            via = copy("Via"),
            routes = copy("Record-Route"),
            from = copy("From"),
            id = copy("Call-ID"),
            cseq = copy("CSeq"),
            user = self.user,
            local = self.local,
            length = body.len(),
        );
        self.send_raw(request.from, text.as_bytes())
    }
}

/// An SDP that offers or answers G.711 mu-law and telephone-event (101) at this address.
pub fn sdp(audio: SocketAddr) -> String {
    let ip = audio.ip();
    let kind = if ip.is_ipv6() { "IP6" } else { "IP4" };
    format!(
        "v=0\r\no=- 1 1 IN {kind} {ip}\r\ns=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
        audio.port()
    )
}

/// A text that nobody else uses: time, process and a counter.
pub fn unique() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
    format!("{time:x}-{:x}-{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Credentials for a challenge (RFC 2617 with MD5, `qop=auth` if it is offered).
fn digest(challenge: &str, user: &str, password: &str, method: &str, uri: &str) -> String {
    let value = |name: &str| {
        challenge.trim_start_matches("Digest").split(',').find_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
        })
    };
    let (realm, nonce) = (value("realm").unwrap_or_default(), value("nonce").unwrap_or_default());
    let first = hex_md5(&format!("{user}:{realm}:{password}"));
    let second = hex_md5(&format!("{method}:{uri}"));
    let start = format!("Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm=MD5");
    let opaque = value("opaque").map(|o| format!(", opaque=\"{o}\"")).unwrap_or_default();
    if value("qop").is_some() {
        let response = hex_md5(&format!("{first}:{nonce}:00000001:0a4f113b:auth:{second}"));
        format!("{start}{opaque}, qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"{response}\"")
    } else {
        format!("{start}{opaque}, response=\"{}\"", hex_md5(&format!("{first}:{nonce}:{second}")))
    }
}

fn hex_md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_the_rfc() {
        // RFC 2617 §3.5, with our nonce count and cnonce.
        let challenge = r#"Digest realm="testrealm@host.com", qop="auth", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let credentials = digest(challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html");
        assert!(credentials.contains(r#"response="6629fae49393a05397450978507c4ef1""#), "{credentials}");
    }
}
