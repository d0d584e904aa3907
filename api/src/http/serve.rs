//! The accept loop: limits what axum's own does not (head read time, connections at once), and ends gently.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::AppState;
use crate::limits;

/// A running server.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens: with port 0 configured, the port taken.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections, ends the streams, lets open requests finish for a moment.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

/// Binds the configured address and serves the router until [`Server::stop`].
pub async fn serve_http(state: AppState) -> std::io::Result<Server> {
    let config = state.parts.config.http.clone();
    let listener = TcpListener::bind(config.listen).await?;
    let addr = listener.local_addr()?;
    let router = super::router(state.clone());
    let (stop, stopped) = watch::channel(false);
    let connections = Arc::new(Semaphore::new(config.connections_max as usize));
    let head = Duration::from_secs(u64::from(config.header_timeout_s));
    let task = tokio::spawn(accept(listener, router, connections, head, stopped, state));
    Ok(Server { addr, stop, task })
}

async fn accept(
    listener: TcpListener,
    router: Router,
    connections: Arc<Semaphore>,
    head: Duration,
    mut stopped: watch::Receiver<bool>,
    state: AppState,
) {
    let graceful = GracefulShutdown::new();
    loop {
        // A place first, then a connection: beyond the limit they wait in the system's queue.
        let (permit, accepted) = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            both = async {
                let permit = connections.clone().acquire_owned().await;
                (permit, listener.accept().await)
            } => both,
        };
        let (Ok(permit), Ok((stream, peer))) = (permit, accepted) else {
            // Out of descriptors, most likely: connections end meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head)
            .max_headers(64)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    state.stopping.send_replace(true);
    let _ = tokio::time::timeout(limits::SHUTDOWN_WAIT, graceful.shutdown()).await;
}
