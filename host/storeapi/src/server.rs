//! The server of the StoreAPI: connections, TLS, the methods, and how it stops.
//!
//! It is not: what the methods answer, which is the endpoint's.

mod arrival;
mod deadline;
mod door;
mod metrics;
mod parts;
mod service;
mod unread;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use narthex_web::Entrance;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use self::door::Door;
use self::service::Service;
use crate::StoreApi;

pub use self::metrics::GrpcMetrics;
pub use self::parts::REQUEST_PARTS_MAX;

/// So many connections are taken; more wait until one is closed. A querier has one, or a few.
pub const CONNECTIONS_MAX: usize = 256;

/// A client may have so many requests under way on one connection; it is told so.
pub const STREAMS_MAX: u32 = 250;

/// The handshake of TLS must be done within this time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// An idle connection is asked so often whether it still stands.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// How long to rest when the machine has no file descriptor left for a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Serves until `shutdown` resolves; then answers under way have the time of `grace`. The entrance says
/// how connections are encrypted, and of each request whether it may go on.
pub async fn serve(
    listener: TcpListener,
    api: Arc<StoreApi>,
    metrics: GrpcMetrics,
    entrance: Arc<Entrance>,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let service = Service::new(api, metrics);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = shutdown.as_mut() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, place)) => {
                let (service, stopped) = (service.clone(), stopped.clone());
                let entrance = Arc::clone(&entrance);
                connections.spawn(async move {
                    serve_connection(stream, entrance, service, stopped).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a gRPC connection cannot be accepted");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
    drop((listener, stopped));
    // Nobody listens any more only if every connection has ended already.
    let _ = stop.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, drained).await.is_err() {
        tracing::warn!("gRPC connections were cut that did not finish in time");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

#[boxed]
async fn serve_connection(
    stream: TcpStream,
    entrance: Arc<Entrance>,
    service: Service,
    stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for the client's acknowledgements.
    let _ = stream.set_nodelay(true);
    let tls = entrance.tls();
    let door = Door::new(entrance, stream.peer_addr().ok());
    let Some(config) = tls else {
        return serve_requests(stream, door, service, stopped).await;
    };
    let handshake = TlsAcceptor::from(http2_only(config)).accept(stream);
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => serve_requests(stream, door, service, stopped).await,
        Ok(Err(error)) => tracing::debug!(%error, "the handshake of TLS failed"),
        Err(_) => tracing::debug!("the handshake of TLS took too long"),
    }
}

/// gRPC is HTTP/2, also where the file that is the pages' too has `http2: false` for these: clients would
/// be refused that ask for nothing else.
fn http2_only(config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

async fn serve_requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    door: Door,
    service: Service,
    mut stopped: watch::Receiver<bool>,
) {
    // Who connects and says nothing must not keep one of the places.
    let mut stream = BufReader::new(stream);
    let begun = tokio::select! {
        begun = tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.fill_buf()) => begun,
        _ = stopped.changed() => return,
    };
    if !matches!(begun, Ok(Ok([_, ..]))) {
        return;
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .max_concurrent_streams(STREAMS_MAX);
    let builder = builder.http2_only();
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let (door, service) = (door.clone(), service.clone());
        async move {
            let admitted = door.admit(request.uri().path(), request.headers()).await;
            let answer = match admitted {
                Ok(()) => service.answer(request).await,
                Err(status) => service.refuse(request.uri().path(), &status),
            };
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a gRPC connection broke");
    }
}
