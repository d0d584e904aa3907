//! The header `Set-GUID`, spelled so on the wire.
//!
//! HTTP does not mind the case of header names; the vendor's Java clients do (cc-gateway.md §5.3, 1). hyper writes names in lower
//! case unless a response carries the spelling of a response that it has read before. So one is read, once, from memory.

use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::http::Extensions;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Names as clients compare them.
const SAMPLE: &[u8] = b"HTTP/1.1 200 OK\r\nSet-GUID: x\r\nContent-Type: x\r\nContent-Length: 0\r\nConnection: close\r\nDate: x\r\n\
    Cache-Control: x\r\nContent-Disposition: x\r\nContent-Range: x\r\nAccept-Ranges: x\r\n\r\n";

/// How header names are written.
#[derive(Clone)]
pub(super) struct Spelling(Arc<Extensions>);

impl std::fmt::Debug for Spelling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spelling")
    }
}

impl Spelling {
    /// Reads the sample.
    pub(super) async fn learn() -> std::io::Result<Spelling> {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let (mut client, connection) = hyper::client::conn::http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(ours))
            .await
            .map_err(std::io::Error::other)?;
        let driving = tokio::spawn(connection);
        let request = hyper::Request::get("/").body(Empty::<Bytes>::new()).map_err(std::io::Error::other)?;
        // An answer to no request would be an error: it is written once the request is there.
        let answer = async {
            // Any byte of it will do.
            theirs.read_u8().await?;
            theirs.write_all(SAMPLE).await
        };
        let (response, written) = tokio::join!(client.send_request(request), answer);
        driving.abort();
        written?;
        let response = response.map_err(std::io::Error::other)?;
        let (head, _) = response.into_parts();
        Ok(Spelling(Arc::new(head.extensions)))
    }

    /// Makes a response use it.
    pub(super) fn apply<B>(&self, response: &mut hyper::Response<B>) {
        response.extensions_mut().extend((*self.0).clone());
    }
}
