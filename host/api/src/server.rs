//! Listens, reads requests within bounds, and stops without cutting an answer short. How
//! connections are encrypted and who may ask is the entrance's to say.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use axum::Router;
use axum::middleware::from_fn_with_state;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use narthex_web::{Entrance, Peer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::entrance;
use crate::request_line::RequestLines;

/// The head of a request, its URL included, may have this many bytes (Go's default); a longer
/// one is answered with 431 or 414.
pub const HEAD_BYTES_MAX: usize = 1 << 20;

/// The same of HTTP/2, where a header counts 32 bytes more than its text.
const HEAD_LIST_MAX: u32 = 1 << 20;

/// A request may have this many headers; one with more is answered with 431.
pub const HEADERS_MAX: usize = 128;

/// A client of HTTP/2 may have this many requests under way on one connection (Go's default); it
/// is told so, and one that does not listen is cut off.
pub const STREAMS_MAX: u32 = 250;

/// What who speaks plain HTTP where TLS is spoken reads.
const NOT_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// So much of such a request is read before it is answered.
const REFUSED_BYTES: usize = 8 << 10;

/// How a message of TLS begins when it opens a connection.
const HANDSHAKE: u8 = 0x16;

/// Answers under way when the server stops have this long to finish; then they are cut.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to rest when the machine has no file descriptor left for a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// How the server treats its clients.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// `--web.read-timeout`: the handshake of TLS and the head of a request must have arrived
    /// within this time, and an idle connection is closed after it.
    pub read_timeout: Duration,
    /// `--web.max-connections`: over all listeners; more wait until one is closed.
    pub connections_max: usize,
}

/// Serves on all listeners until `shutdown` resolves and the answers under way are written.
pub async fn serve(
    listeners: Vec<TcpListener>,
    app: Router,
    options: ServerOptions,
    entrance: Arc<Entrance>,
    shutdown: impl Future<Output = ()>,
) {
    let app = app.layer(from_fn_with_state(Arc::clone(&entrance), entrance::admit));
    let places = Arc::new(Semaphore::new(options.connections_max));
    let (stop, stopped) = watch::channel(false);
    let mut listening = JoinSet::new();
    for listener in listeners {
        listening.spawn(listen(
            listener,
            app.clone(),
            options,
            Arc::clone(&entrance),
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
    entrance: Arc<Entrance>,
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
                let (app, stopped) = (app.clone(), stopped.clone());
                let entrance = Arc::clone(&entrance);
                connections.spawn(async move {
                    serve_connection(stream, &entrance, app, options, stopped).await;
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

#[boxed]
async fn serve_connection(
    stream: TcpStream,
    entrance: &Entrance,
    app: Router,
    options: ServerOptions,
    stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for the client's acknowledgements.
    let _ = stream.set_nodelay(true);
    let mut peer = Peer {
        // Who has left already asks for nothing.
        address: stream.peer_addr().ok(),
        ..Peer::default()
    };
    let Some(config) = entrance.tls() else {
        return serve_requests(stream, false, peer, app, options, stopped).await;
    };
    let handshake = async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
            let mut stream = stream;
            // A socket that is closed over bytes that nobody read takes the answer with it.
            let length = stream.read(&mut [0; REFUSED_BYTES]).await?;
            tracing::debug!(length, "a request by plain HTTP");
            stream.write_all(NOT_TLS).await?;
            stream.shutdown().await?;
            return Err(io::Error::other("plain HTTP where TLS is spoken"));
        }
        TlsAcceptor::from(config).accept(stream).await
    };
    match tokio::time::timeout(options.read_timeout, handshake).await {
        Ok(Ok(stream)) => {
            let session = stream.get_ref().1;
            let http2 = session.alpn_protocol() == Some(b"h2");
            peer.certificates = session.peer_certificates().unwrap_or_default().into();
            serve_requests(stream, http2, peer, app, options, stopped).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "the handshake of TLS failed"),
        Err(_) => tracing::debug!("the handshake of TLS took too long"),
    }
}

async fn serve_requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
    peer: Peer,
    app: Router,
    options: ServerOptions,
    mut stopped: watch::Receiver<bool>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.read_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(options.read_timeout)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_LIST_MAX);
    let builder = match http2 {
        true => builder.http2_only(),
        false => builder.http1_only(),
    };
    let app = TowerToHyperService::new(app);
    let app = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        app.call(request)
    });
    let stream = TokioIo::new(RequestLines::new(stream, http2));
    let connection = builder.serve_connection(stream, app);
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
