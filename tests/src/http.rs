//! As much of an HTTP client as an administrator's script needs: one request per connection, JSON in and out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read at most.
const MOST_BODY: u64 = 64 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON; `null` if it isn't.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The body as JSON, if the status says success.
    pub fn ok(&self) -> Result<Value> {
        if (200..300).contains(&self.status) { Ok(self.json()) } else { bail!("HTTP {}: {}", self.status, self.body) }
    }
}

/// Sends a request and reads the answer.
pub fn request(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Result<Answer> {
    let mut reader = send(server, method, path, token, body)?;
    let (status, length, chunked) = read_head(&mut reader)?;
    let mut bytes = Vec::new();
    if chunked {
        while let Some(chunk) = read_chunk(&mut reader)? {
            bytes.extend(chunk);
        }
    } else {
        reader.take(length.unwrap_or(MOST_BODY)).read_to_end(&mut bytes)?;
    }
    Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() })
}

/// Opens an event stream (SSE) and gives its `data:` lines, until the server or `limit` ends it.
pub fn stream(server: SocketAddr, path: &str, token: Option<&str>, limit: Duration) -> Result<impl Iterator<Item = String> + use<>> {
    let mut reader = send(server, "GET", path, token, None)?;
    reader.get_ref().set_read_timeout(Some(limit))?;
    let (status, _, chunked) = read_head(&mut reader)?;
    if status != 200 {
        bail!("HTTP {status} for the stream {path}");
    }
    let mut pending = String::new();
    Ok(std::iter::from_fn(move || {
        loop {
            if let Some(end) = pending.find('\n') {
                let line: String = pending.drain(..=end).collect();
                if let Some(data) = line.trim_end().strip_prefix("data:") {
                    return Some(data.trim_start().to_owned());
                }
                continue;
            }
            if chunked {
                pending.push_str(&String::from_utf8_lossy(&read_chunk(&mut reader).ok()??));
            } else if reader.read_line(&mut pending).ok()? == 0 {
                return None;
            }
        }
    }))
}

fn send(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).with_context(|| format!("connecting to {server}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{bearer}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(BufReader::new(stream))
}

fn read_head(reader: &mut impl BufRead) -> Result<(u16, Option<u64>, bool)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).with_context(|| format!("not HTTP: {line:?}"))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
        chunked |= name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked");
    }
    Ok((status, length, chunked))
}

fn read_chunk(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let size = u64::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16).context("chunk size")?;
    let mut bytes = Vec::new();
    reader.take(size.min(MOST_BODY)).read_to_end(&mut bytes)?;
    reader.read_line(&mut line)?;
    Ok((size > 0).then_some(bytes))
}
