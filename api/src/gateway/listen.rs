//! The listeners: HTTPS, and HTTP if it is switched on. HTTP/1.1 only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::spelling::Spelling;
use super::target::Forgiving;
use super::{Gateway, certificate, serve};
use crate::limits;

/// Running listeners.
#[derive(Debug)]
pub struct Listeners {
    /// Where HTTPS listens.
    pub https: Option<SocketAddr>,
    /// Where HTTP listens.
    pub http: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listeners {
    /// Takes no more connections, ends polls and streams, lets open requests finish for a moment.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Door {
    gateway: Arc<Gateway>,
    tls: Option<TlsAcceptor>,
    spelling: Spelling,
    head: Duration,
    places: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

/// Binds what the configuration names.
pub(super) async fn start(gateway: Arc<Gateway>) -> anyhow::Result<Listeners> {
    let config = gateway.config.clone();
    let own = &config.gateway;
    let spelling = Spelling::learn().await?;
    let (stop, stopped) = watch::channel(false);
    let mut listeners = Listeners { https: None, http: None, stop, tasks: Vec::new() };
    let door = Door {
        gateway,
        tls: None,
        spelling,
        head: Duration::from_secs(u64::from(config.http.header_timeout_s)),
        places: Arc::new(Semaphore::new(own.connections_max as usize)),
        stopped,
    };
    if own.https {
        let tls = TlsAcceptor::from(certificate::server_config(&config)?);
        let listener = bind("gateway.listen", own.listen).await?;
        listeners.https = Some(listener.local_addr()?);
        let door = Door { tls: Some(tls), ..door.clone() };
        listeners.tasks.push(tokio::spawn(accept(listener, door)));
    }
    if let Some(address) = own.http_listen {
        let listener = bind("gateway.http_listen", address).await?;
        listeners.http = Some(listener.local_addr()?);
        listeners.tasks.push(tokio::spawn(accept(listener, door)));
    }
    Ok(listeners)
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    use anyhow::Context;
    TcpListener::bind(address).await.with_context(|| format!("{key} = \"{address}\""))
}

async fn accept(listener: TcpListener, door: Door) {
    let mut stopped = door.stopped.clone();
    // Closed once every connection has dropped its end.
    let (alive, up) = watch::channel(());
    loop {
        // A place first, then a connection: beyond the limit they wait in the system's queue.
        let (permit, accepted) = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            both = async {
                let permit = door.places.clone().acquire_owned().await;
                (permit, listener.accept().await)
            } => both,
        };
        let (Ok(permit), Ok((stream, peer))) = (permit, accepted) else {
            // Out of descriptors, most likely: connections end meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(connection(stream, peer, door.clone(), up.clone(), permit));
    }
    drop(listener);
    door.gateway.stopping.send_replace(true);
    drop(up);
    let _ = tokio::time::timeout(limits::SHUTDOWN_WAIT, alive.closed()).await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, door: Door, up: watch::Receiver<()>, permit: OwnedSemaphorePermit) {
    let _ = stream.set_nodelay(true);
    match door.tls.clone() {
        Some(tls) => match tokio::time::timeout(door.head, tls.accept(stream)).await {
            Ok(Ok(stream)) => http(stream, peer, door).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
            Err(_) => tracing::debug!(%peer, "no TLS in time"),
        },
        None => http(stream, peer, door).await,
    }
    drop((permit, up));
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr, door: Door) {
    let (gateway, spelling, mut stopped) = (door.gateway, door.spelling, door.stopped);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (gateway, spelling) = (gateway.clone(), spelling.clone());
        async move {
            let mut response = serve::answer(&gateway, peer, request).await;
            spelling.apply(&mut response);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(door.head.max(super::limits::IDLE))
        .max_headers(64)
        .serve_connection(TokioIo::new(Forgiving::new(stream)), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(stopped.wait_for(|stop| *stop).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}
