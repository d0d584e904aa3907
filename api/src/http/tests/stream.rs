//! The event stream over a real port.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::testing::{Node, node};
use crate::http::{Server, serve_http};

/// Opens a stream and reads until `enough` says so; gives `(id, kind, data)` of each event.
async fn listen(server: &Server, node: &Node, path: &str, last: Option<u64>, count: usize) -> Vec<(u64, String, serde_json::Value)> {
    let mut socket = TcpStream::connect(server.addr()).await.unwrap();
    let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{last}\r\n", node.token);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0u8; 16 * 1024];
    let read = async {
        loop {
            let got = events(&text);
            if got.len() >= count {
                return got;
            }
            let n = socket.read(&mut buffer).await.unwrap();
            assert!(n > 0, "the server closed: {text}");
            text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("events in time")
}

/// Parses what came, chunk headers of the transfer coding included.
fn events(text: &str) -> Vec<(u64, String, serde_json::Value)> {
    let (mut id, mut kind, mut all) = (None, None, Vec::new());
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("id: ") {
            id = value.parse().ok();
        } else if let Some(value) = line.strip_prefix("event: ") {
            kind = Some(value.to_owned());
        } else if let Some(data) = line.strip_prefix("data: ")
            && let Ok(value) = serde_json::from_str(data)
        {
            all.push((id.unwrap(), kind.take().unwrap(), value));
        }
    }
    all
}

async fn fill(node: &Node, tenant: &str, count: usize) {
    node.call("POST", "/api/v1/tenants", Some(json!({ "tenant": tenant }))).await;
    let rows: Vec<_> = (0..count).map(|n| json!({"user": format!("{}", 1000 + n)})).collect();
    node.expect(200, "POST", &format!("/api/v1/tenants/{tenant}/phones:import"), Some(json!({ "phones": rows }))).await;
}

#[tokio::test]
async fn a_stream_resumes_without_loss_or_doubles() {
    let node = node().await;
    fill(&node, "a", 300).await;
    fill(&node, "b", 300).await;
    let server = serve_http(node.state.clone()).await.unwrap();

    let first = listen(&server, &node, "/api/v1/tenants/a/events?from_start=true", None, 100).await;
    let (last, ..) = first[99];
    let rest = listen(&server, &node, "/api/v1/tenants/a/events", Some(last), 201).await;
    let seqs: Vec<u64> = first[..100].iter().chain(&rest[..201]).map(|(_, _, data)| data["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=301).collect::<Vec<_>>());
    assert!(rest.iter().all(|(_, _, data)| data["tenant"] == "a"));

    // Tenants, phones, and a note of each import.
    let last = node.engine.log.envelopes().len() - 1;
    assert!(last > 601, "{last}");
    let all = listen(&server, &node, "/api/v1/events?after=0", None, last).await;
    let ids: Vec<u64> = all.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, (1..=last as u64).collect::<Vec<_>>(), "every offset once");
    server.stop().await;
}

#[tokio::test]
async fn a_stream_follows_and_filters_what_is_committed_meanwhile() {
    let node = node().await;
    fill(&node, "a", 1).await;
    let server = serve_http(node.state.clone()).await.unwrap();
    let path = "/api/v1/tenants/a/events?kinds=number.";
    let (events, ()) = tokio::join!(listen(&server, &node, path, None, 2), async {
        // The stream begins with what comes after it was opened.
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.expect(201, "POST", "/api/v1/tenants/a/numbers", Some(json!({"number": "1", "destination": "echo"}))).await;
        fill(&node, "b", 3).await;
        node.expect(204, "DELETE", "/api/v1/tenants/a/numbers/1", None).await;
    });
    let kinds: Vec<_> = events.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["number.added", "number.removed"]);
    server.stop().await;
}

#[tokio::test]
async fn a_cursor_beyond_the_log_is_refused() {
    let node = node().await;
    fill(&node, "a", 1).await;
    let problem = node.expect(400, "GET", "/api/v1/events?after=1000", None).await;
    assert!(problem["detail"].as_str().unwrap().contains("1000"), "{problem}");
    node.expect(404, "GET", "/api/v1/tenants/none/events", None).await;
}

#[tokio::test]
async fn streams_are_limited_and_end_with_the_server() {
    let node = crate::http::testing::node_with(|config| config.http.streams_max = 1).await;
    fill(&node, "a", 1).await;
    let server = serve_http(node.state.clone()).await.unwrap();
    let mut socket = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", node.token);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = [0u8; 4096];
    assert!(socket.read(&mut buffer).await.unwrap() > 0);
    node.expect(503, "GET", "/api/v1/events", None).await;
    tokio::time::timeout(Duration::from_secs(3), server.stop()).await.expect("streams do not hold the server up");
    let rest = tokio::time::timeout(Duration::from_secs(1), async {
        let mut all = Vec::new();
        socket.read_to_end(&mut all).await
    });
    assert!(rest.await.is_ok(), "the stream is closed");
}
