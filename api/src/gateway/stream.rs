//! The same events over a WebSocket: `GET /agentgateway/resource/agentevent/{agentid}/stream?cursor=…`. Our own extension.
//!
//! Each message is `{"cursor":"12-0","event":{…}}`. A stream takes nothing from polls or pushes. Without a cursor it begins with what
//! comes next; with the cursor of the last event seen it goes on after it. `{"gap":true}` says that events after the cursor are not
//! kept any more; the stream goes on with what comes next. It ends with the session (close code 1000).

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};

use super::codes::Code;
use super::mailbox::{Cursor, Seen};
use super::params::Params;
use super::session::Session;
use super::{Gateway, answer, limits};

/// Opens a stream, if there is room.
pub(super) fn open(gateway: Arc<Gateway>, session: Arc<Session>, query: &str, upgrade: WebSocketUpgrade) -> Response {
    let refuse = |failure: answer::Failure| failure.into_response().map(axum::body::Body::new).into_response();
    let params = Params::new(Vec::new(), query, &[]);
    let cursor = match params.text("cursor", 64) {
        Ok(None) => session.mailbox.end_cursor(),
        Ok(Some(text)) => match text.parse() {
            Ok(cursor) => cursor,
            Err(_) => return refuse(answer::Failure::new(Code::BadParameter, "cursor")),
        },
        Err(failure) => return refuse(failure),
    };
    let Ok(permit) = session.mailbox.streams.clone().try_acquire_owned() else {
        return refuse(answer::Failure::new(Code::Repeated, "too many streams of this agent"));
    };
    upgrade.max_message_size(4096).on_upgrade(move |socket| async move {
        run(&gateway, &session, cursor, socket).await;
        drop(permit);
    })
}

async fn run(gateway: &Gateway, session: &Arc<Session>, mut cursor: Cursor, mut socket: WebSocket) {
    let mut ping = tokio::time::interval(limits::STREAM_PING);
    // A stream is a sign of life as a poll is, as long as its pings are answered.
    gateway.sessions.touch(session, gateway.now());
    loop {
        let sent = tokio::select! {
            seen = session.mailbox.after(cursor) => match seen {
                Seen::Events(events) => {
                    let mut sent = Ok(());
                    for event in events {
                        cursor = event.cursor;
                        let text = format!(r#"{{"cursor":"{cursor}","event":{}}}"#, event.text);
                        sent = send(&mut socket, Message::Text(text.into())).await;
                        if sent.is_err() {
                            break;
                        }
                    }
                    sent
                }
                Seen::Gap => {
                    cursor = session.mailbox.end_cursor();
                    send(&mut socket, Message::Text(r#"{"gap":true}"#.into())).await
                }
                Seen::Ended => {
                    let _ = send(&mut socket, Message::Close(Some(CloseFrame { code: 1000, reason: "signed out".into() }))).await;
                    return;
                }
            },
            _ = ping.tick() => send(&mut socket, Message::Ping(axum::body::Bytes::new())).await,
            received = socket.recv() => match received {
                // Nothing is expected from the client; pongs and pings are answered below us.
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {
                    gateway.sessions.touch(session, gateway.now());
                    Ok(())
                }
            },
            () = gateway.stopped() => {
                let _ = send(&mut socket, Message::Close(Some(CloseFrame { code: 1001, reason: "the node stops".into() }))).await;
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Sends, unless the client takes nothing.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match tokio::time::timeout(crate::limits::STREAM_STALL, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}
