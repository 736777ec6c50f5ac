//! Listens, reads requests within bounds, and stops without cutting an answer short.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// The head of a request, its URL included, may have this many bytes (Go's default); a longer
/// one is answered with 431 or 414.
pub const HEAD_BYTES_MAX: usize = 1 << 20;

/// A request may have this many headers; one with more is answered with 431.
pub const HEADERS_MAX: usize = 128;

/// Answers under way when the server stops have this long to finish; then they are cut.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to rest when the machine has no file descriptor left for a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// How the server treats its clients.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// `--web.read-timeout`: the head of a request must have arrived within this time, and an
    /// idle connection is closed after it.
    pub read_timeout: Duration,
    /// `--web.max-connections`: over all listeners; more wait until one is closed.
    pub connections_max: usize,
}

/// Serves on all listeners until `shutdown` resolves and the answers under way are written.
pub async fn serve(
    listeners: Vec<TcpListener>,
    app: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(options.connections_max));
    let (stop, stopped) = watch::channel(false);
    let mut listening = JoinSet::new();
    for listener in listeners {
        listening.spawn(listen(
            listener,
            app.clone(),
            options,
            places.clone(),
            stopped.clone(),
        ));
    }
    drop(stopped);
    shutdown.await;
    // Nobody listens any more only if every listener has ended already.
    let _ = stop.send(true);
    let drained = async { while listening.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!("connections were cut that did not finish in time");
    }
}

async fn listen(
    listener: TcpListener,
    app: Router,
    options: ServerOptions,
    places: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, place)) => {
                let connection = serve_connection(stream, app.clone(), options, stopped.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn serve_connection(
    stream: TcpStream,
    app: Router,
    options: ServerOptions,
    mut stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for the client's acknowledgements.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.read_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
