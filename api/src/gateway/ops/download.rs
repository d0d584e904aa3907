//! Recordings as downloads (cc-gateway.md §2.9), whole or by byte range (RFC 9110 §14).

use std::ops::RangeInclusive;
use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::gateway::answer::{Answer, Body, Failure, Outcome};
use crate::gateway::callid;
use crate::gateway::codes::Code;
use crate::gateway::render;
use crate::gateway::serve::Call;

/// Bytes read from a file at once, and chunks on the way to a client: what a slow client holds of memory.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 4;

/// Extensions of recordings.
const EXTENSIONS: [&str; 2] = ["wav", "opus"];

fn empty(failure: impl Into<Failure>) -> Failure {
    Failure { empty_result: true, ..failure.into() }
}

/// The folder of the tenant's recordings.
fn folder(call: &Call) -> Result<PathBuf, Failure> {
    Ok(call.gateway.config.recordings_dir().join(call.tenant()?.as_str()))
}

/// The path with extension of a recording that is there, below the tenant's folder.
pub(super) async fn existing(call: &Call, stem: &str) -> Option<String> {
    let folder = folder(call).ok()?;
    for extension in EXTENSIONS {
        let path = format!("{stem}.{extension}");
        if tokio::fs::metadata(folder.join(&path)).await.is_ok_and(|data| data.is_file()) {
            return Some(path);
        }
    }
    None
}

/// `GET recordfile/{agentid}?recordId=…`.
pub(in crate::gateway) async fn recording(call: Call) -> Outcome {
    let name = call.params.needed("recordId", 260).map_err(empty)?;
    let kind = call.params.int("filetype").map_err(empty)?.unwrap_or(1);
    if !(1..=2).contains(&kind) {
        return Err(empty(Failure::new(Code::BadParameter, format_args!("filetype `{kind}` is not 1 or 2"))));
    }
    let stem = call.read(|tenant| render::path_of_file(tenant, &name)).map_err(empty)?;
    let stem = stem.ok_or_else(|| empty(Code::DownloadName))?;
    // One's own recordings have one's number in their path; an inspector hears all.
    let agent = call.agent().map_err(empty)?;
    let own = stem.split('/').any(|part| part == agent.to_string());
    if !own && !call.read(|tenant| super::groups::supervises(tenant, agent)).map_err(empty)? {
        return Err(empty(Code::DownloadRight));
    }
    send(&call, &stem).await.map_err(empty)
}

/// `GET …/recordfiledownloadEx?callId=…`: the agent's own recording of a call.
pub(in crate::gateway) async fn by_call(call: Call) -> Outcome {
    let text = call.params.needed("callId", 40).map_err(empty)?;
    if !callid::is_one(&text) {
        return Err(empty(Failure::new(Code::BadParameter, "callId")));
    }
    if call.params.text("hwFileName", 260).map_err(empty)?.is_some() {
        return Err(empty(Failure::new(Code::DownloadMissing, "there are no video files")));
    }
    let agent = call.agent().map_err(empty)?;
    let of = match call.params.text("workNo", 10).map_err(empty)? {
        Some(other) => super::agent("workNo", &other).map_err(empty)?,
        None => agent,
    };
    if of != agent && !call.read(|tenant| super::groups::supervises(tenant, agent)).map_err(empty)? {
        return Err(empty(Code::DownloadRight));
    }
    // Running calls are known to the mirror. Complete recordings of calls that are over are looked up by their file name.
    Err(empty(Failure::new(
        Code::DownloadMissing,
        "no recording is found by this call; use recordId, which is fileName of AgentMediaEvent_Record",
    )))
}

/// `GET …/videofiledownload` and `…/videofiledownloadEx`.
pub(in crate::gateway) async fn video(call: Call) -> Outcome {
    call.session()?;
    Err(empty(Failure::new(Code::DownloadMissing, "there are no video files")))
}

async fn send(call: &Call, stem: &str) -> Result<Answer, Failure> {
    let path = existing(call, stem).await.ok_or(Code::DownloadMissing)?;
    let missing = |_| Failure::from(Code::DownloadMissing);
    let mut file = File::open(folder(call)?.join(&path)).await.map_err(missing)?;
    let size = file.metadata().await.map_err(missing)?.len();
    let range = match call.header("range").map(|text| range(text, size)) {
        None | Some(Asked::All) => None,
        Some(Asked::Part(range)) => Some(range),
        Some(Asked::Impossible) => return Ok(Answer::File(impossible(size))),
    };
    let (first, length) = range.as_ref().map_or((0, size), |range| (*range.start(), range.end() - range.start() + 1));
    file.seek(SeekFrom::Start(first)).await.map_err(missing)?;
    let mut response = Response::new(stream(file, length));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream;charset=utf-8"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let name = path.rsplit('/').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    if let Some(range) = range {
        if let Ok(value) = HeaderValue::try_from(format!("bytes {}-{}/{size}", range.start(), range.end())) {
            headers.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(Answer::File(response))
}

fn impossible(size: u64) -> Response<Body> {
    let mut response = Response::new(super::super::answer::whole(Bytes::new()));
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

fn stream(mut file: File, mut left: u64) -> Body {
    let (chunks, body) = mpsc::channel::<std::io::Result<Bytes>>(CHUNKS);
    tokio::spawn(async move {
        while left > 0 {
            let mut buffer = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
            let read = match file.read(&mut buffer).await {
                Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    buffer.truncate(count);
                    left = left.saturating_sub(count as u64);
                    Ok(Bytes::from(buffer))
                }
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            // The client has gone, or the file ended early.
            if chunks.send(read).await.is_err() || failed {
                return;
            }
        }
    });
    StreamBody::new(ReceiverStream::new(body).map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Part(RangeInclusive<u64>),
    Impossible,
}

/// One range; several, and what is no range, give the whole (RFC 9110 §14.2 allows it).
fn range(text: &str, size: u64) -> Asked {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return Asked::All };
    let (first, last) = (first.trim(), last.trim());
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last),
        (Ok(first), _) if last.is_empty() => (first, u64::MAX),
        (_, Ok(count)) if first.is_empty() && count > 0 => (size.saturating_sub(count), u64::MAX),
        _ => return Asked::All,
    };
    if start >= size { Asked::Impossible } else { Asked::Part(start..=end.min(size - 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=0-9", 100), Asked::Part(0..=9));
        assert_eq!(range("bytes=90-", 100), Asked::Part(90..=99));
        assert_eq!(range("bytes=-10", 100), Asked::Part(90..=99));
        assert_eq!(range("bytes=-1000", 100), Asked::Part(0..=99));
        assert_eq!(range("bytes=100-", 100), Asked::Impossible);
        assert_eq!(range("bytes=0-", 0), Asked::Impossible);
        for odd in ["", "bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,3-4", "lines=1-2", "bytes=-0"] {
            assert_eq!(range(odd, 100), Asked::All, "{odd}");
        }
    }
}
