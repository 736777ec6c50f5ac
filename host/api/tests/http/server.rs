//! The server itself, over a socket.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use narthex_api::{HEAD_BYTES_MAX, ServerOptions, router, serve};
use narthex_storage::{Queryable, SelectRequest, SeriesStream, StorageError};
use narthex_web::Entrance;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

use crate::fixture::Api;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store that never answers, and tells when a reader comes and when it is gone.
#[derive(Default)]
struct Stuck {
    asked: Arc<Notify>,
    gone: Arc<Notify>,
}

struct TellWhenDropped(Arc<Notify>);

impl Drop for TellWhenDropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Queryable for Stuck {
    fn select<'a>(
        &'a self,
        _: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        Box::pin(async {
            let _told = TellWhenDropped(self.gone.clone());
            self.asked.notify_one();
            std::future::pending().await
        })
    }
}

async fn listen(
    api: &Api,
) -> (
    std::net::SocketAddr,
    oneshot::Sender<()>,
    tokio::task::JoinHandle<()>,
) {
    listen_behind(api, Arc::new(Entrance::open())).await
}

pub(crate) async fn listen_behind(
    api: &Api,
    entrance: Arc<Entrance>,
) -> (
    std::net::SocketAddr,
    oneshot::Sender<()>,
    tokio::task::JoinHandle<()>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let options = ServerOptions {
        read_timeout: Duration::from_secs(60),
        connections_max: 8,
    };
    let app = router(api.state.clone());
    let served = serve(vec![listener], app, options, entrance, async {
        let _ = stopped.await;
    });
    (address, stop, tokio::spawn(served))
}

#[tokio::test]
async fn a_query_ends_when_its_client_leaves() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let stuck = Arc::new(Stuck::default());
    let (asked, gone) = (stuck.asked.clone(), stuck.gone.clone());
    let api = Api::over(stuck).await;
    let (address, _stop, _serving) = listen(&api).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = "GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    tokio::time::timeout(PATIENCE, asked.notified())
        .await
        .unwrap();
    drop(client);
    tokio::time::timeout(PATIENCE, gone.notified())
        .await
        .unwrap();
}

#[tokio::test]
async fn it_stops_when_it_is_told_and_bounds_the_head_of_a_request() {
    let api = Api::ready().await;
    let (address, stop, serving) = listen(&api).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /?{} HTTP/1.1\r\n", "x".repeat(HEAD_BYTES_MAX));
    // The server may close while we still write.
    let _ = client.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, client.read_to_end(&mut answer))
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    // An idle connection must not hold the server up.
    let _idle = TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, serving)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_url_may_have_quotes_and_angle_brackets_as_they_are() {
    let api = Api::ready().await;
    let (address, _stop, _serving) = listen(&api).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    // As curl sends what somebody types, twice on one connection.
    let requests = "GET /api/v1/query?query=up{job=\"a\"}&time=600 HTTP/1.1\r\nHost: x\r\n\r\n\
                    GET /api/v1/query?query=1>bool(2)&time=600 HTTP/1.1\r\nHost: x\r\n\
                    Connection: close\r\n\r\n";
    client.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    tokio::time::timeout(PATIENCE, client.read_to_end(&mut answers))
        .await
        .unwrap()
        .unwrap();
    let answers = String::from_utf8_lossy(&answers);
    for expected in [
        r#"{"metric":{"__name__":"up","instance":"i","job":"a"},"value":[600,"1"]}"#,
        r#""result":[600,"0"]"#,
    ] {
        assert!(answers.contains(expected), "{answers}");
    }
}
