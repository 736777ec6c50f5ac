//! Against a real server on the loopback interface.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use narthex_model::Labels;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;

use super::*;

/// What the server does with a connection once it has read the request's head.
#[derive(Clone)]
enum Script {
    Send(Vec<u8>),
    /// Sends without having read anything.
    SendAtOnce(Vec<u8>),
    /// Sends, and neither goes on nor closes.
    SendAndHang(Vec<u8>),
    /// Sends the first part and then the second for ever.
    Endless(Vec<u8>, Vec<u8>),
}

/// A server that does the same for every connection, and the heads it has read.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
    /// Told when it hangs, all that it has to say being sent.
    hangs: Arc<Notify>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let hangs = Arc::new(Notify::new());
        let (log, hung) = (Arc::clone(&requests), Arc::clone(&hangs));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, hung) = (Arc::clone(&log), Arc::clone(&hung));
                tokio::spawn(play(stream, script.clone(), log, hung));
            }
        });
        Self {
            address,
            requests,
            hangs,
        }
    }

    async fn answering(head: &str, body: &[u8]) -> Self {
        Self::start(Script::Send(answer(head, body))).await
    }

    fn request(&self) -> String {
        self.requests.lock().unwrap()[0].to_lowercase()
    }

    async fn scrape(&self, config: Value) -> Result<(String, Bytes), String> {
        scrape(&self.address, config).await
    }
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

async fn play(
    mut stream: TcpStream,
    script: Script,
    log: Arc<Mutex<Vec<String>>>,
    hangs: Arc<Notify>,
) {
    let mut head = Vec::new();
    if let Script::SendAtOnce(bytes) = &script {
        let _ = stream.write_all(bytes).await;
    }
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    log.lock().unwrap().push(String::from_utf8(head).unwrap());
    match script {
        Script::SendAtOnce(_) => {}
        Script::Send(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Script::SendAndHang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            hangs.notify_one();
            std::future::pending::<()>().await;
        }
        Script::Endless(first, again) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&again).await.is_ok() {}
        }
    }
}

/// Far more than any of these answers takes, so that a busy machine changes nothing.
const PATIENCE: Duration = Duration::from_secs(60);

async fn scrape(address: &str, config: Value) -> Result<(String, Bytes), String> {
    let mut config: ScrapeConfig = serde_json::from_value(config).unwrap();
    config.scrape_protocols = ScrapeProtocol::DEFAULT.to_vec();
    let collector = HttpCollector::new(&config).map_err(|error| error.to_string())?;
    let labels = Labels::from_pairs([
        ("__address__", address),
        ("__scheme__", &config.scheme),
        ("__metrics_path__", &config.metrics_path),
        ("__scrape_timeout__", "2500ms"),
    ]);
    let target = Target::new(labels, Labels::empty(), &config.params);
    let deadline = Instant::now() + PATIENCE;
    match collector.collect(&target, deadline).await {
        Ok(Scraped::Text { content_type, body }) => Ok((content_type, body)),
        Ok(Scraped::Families(_)) => Err("not a text".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const TEXT: &str = "200 OK\r\nContent-Type: text/plain";

#[tokio::test]
async fn a_page_comes_as_it_was_sent_and_the_request_is_prometheus_own() {
    let server = Server::answering(TEXT, b"up 1\n").await;
    let config =
        json!({"params": {"m": ["a b"]}, "basic_auth": {"username": "u", "password": "p"}});
    let (content_type, body) = server.scrape(config).await.unwrap();
    assert_eq!(
        (content_type.as_str(), &body[..]),
        ("text/plain", &b"up 1\n"[..])
    );
    let request = server.request();
    for line in [
        "get /metrics?m=a+b http/1.1",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 2.5",
        "authorization: basic dtpw",
    ] {
        assert!(
            request.lines().any(|found| found == line),
            "{line} is not in\n{request}"
        );
    }
    assert!(
        request.contains("accept: application/openmetrics-text;version=1.0.0;"),
        "{request}"
    );
    assert!(request.contains("user-agent: narthex/"), "{request}");
}

#[tokio::test]
async fn a_packed_page_is_unpacked() {
    let body = gzip(b"up 1\n");
    let head = format!("{TEXT}\r\nContent-Encoding: gzip");
    let server = Server::answering(&head, &body).await;
    assert_eq!(&server.scrape(json!({})).await.unwrap().1[..], b"up 1\n");
    let server = Server::answering(&head, b"not packed").await;
    assert!(
        server
            .scrape(json!({}))
            .await
            .unwrap_err()
            .starts_with("gzip: ")
    );
    let server = Server::answering(&head, &body[..body.len() - 6]).await;
    assert!(server.scrape(json!({})).await.is_err());
}

#[tokio::test]
async fn an_answer_that_is_an_error_says_which() {
    for (head, message) in [
        (
            "500 Internal Server Error",
            "server returned HTTP status 500 Internal Server Error",
        ),
        ("404 Not Found", "server returned HTTP status 404 Not Found"),
        (
            "204 No Content",
            "server returned HTTP status 204 No Content",
        ),
    ] {
        let server = Server::answering(head, b"").await;
        assert_eq!(server.scrape(json!({})).await.unwrap_err(), message);
    }
    let server = Server::answering("302 Found\r\nLocation: /other", b"").await;
    let error = server
        .scrape(json!({"follow_redirects": false}))
        .await
        .unwrap_err();
    assert_eq!(error, "server returned HTTP status 302 Found");
}

#[tokio::test]
async fn nobody_there_reads_as_in_prometheus() {
    // The port is taken, so that nobody else gets it, and nobody listens there.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    let error = scrape(&address, json!({})).await.unwrap_err();
    let expected = format!(
        "Get \"http://{address}/metrics\": dial tcp {address}: connect: connection refused"
    );
    assert_eq!(error, expected);
    let error = scrape("nosuch.invalid:80", json!({})).await.unwrap_err();
    let expected =
        "Get \"http://nosuch.invalid:80/metrics\": dial tcp: lookup nosuch.invalid: no such host";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_server_that_breaks_off_or_talks_nonsense() {
    for (bytes, expected) in [
        (&b""[..], "EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "EOF"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "malformed HTTP response"),
    ] {
        let server = Server::start(Script::Send(bytes.to_vec())).await;
        let error = server.scrape(json!({})).await.unwrap_err();
        assert!(error.starts_with("Get \"http://127.0.0.1:"), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let short = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nup 1\n";
    let server = Server::start(Script::Send(short.to_vec())).await;
    assert_eq!(
        server.scrape(json!({})).await.unwrap_err(),
        "unexpected EOF"
    );
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nup 1\n\r\nzz\r\n";
    let server = Server::start(Script::Send(chunks.to_vec())).await;
    assert!(server.scrape(json!({})).await.is_err());
}

#[tokio::test]
async fn a_body_ends_at_its_limit_packed_or_not() {
    let limit = json!({"body_size_limit": "1KB"});
    for (size, fits) in [(1023, true), (1024, false)] {
        let body = vec![b'#'; size];
        let plain = Server::answering(TEXT, &body).await;
        let packed =
            Server::answering(&format!("{TEXT}\r\nContent-Encoding: gzip"), &gzip(&body)).await;
        for server in [plain, packed] {
            let found = server
                .scrape(limit.clone())
                .await
                .map(|(_, body)| body.len());
            let expected = match fits {
                true => Ok(size),
                false => Err("body size limit exceeded".to_owned()),
            };
            assert_eq!(found, expected);
        }
    }
    let server = Server::answering(TEXT, &[b'#'; 2000]).await;
    assert_eq!(
        server
            .scrape(json!({"body_size_limit": "0"}))
            .await
            .unwrap()
            .1
            .len(),
        2000
    );
}

#[tokio::test]
async fn bombs_and_endless_bodies_end_at_the_default_limit() {
    // 1 GB of zeros in 1 MB, and members of nothing for ever.
    let block = gzip(&vec![0; 1 << 20]);
    let head = format!("HTTP/1.1 {TEXT}\r\nConnection: close\r\n");
    let packed = format!("{head}Content-Encoding: gzip\r\n\r\n").into_bytes();
    let plain = format!("{head}\r\n").into_bytes();
    for script in [
        Script::Endless(packed.clone(), block),
        Script::Endless(plain, vec![b'#'; 1 << 16]),
    ] {
        let server = Server::start(script).await;
        assert_eq!(
            server.scrape(json!({})).await.unwrap_err(),
            "body size limit exceeded"
        );
    }
    let nothing = Script::Endless(packed, gzip(b"").repeat(1000));
    let server = Server::start(nothing).await;
    let limit = json!({"body_size_limit": "1MB"});
    assert_eq!(
        server.scrape(limit).await.unwrap_err(),
        "body size limit exceeded"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hang_ends_at_the_deadline_and_says_where_it_was() {
    let server = Server::start(Script::SendAndHang(Vec::new())).await;
    let error = server.scrape(json!({})).await.unwrap_err();
    let address = &server.address;
    assert_eq!(
        error,
        format!("Get \"http://{address}/metrics\": context deadline exceeded")
    );
}

#[tokio::test]
async fn a_body_that_stops_ends_at_the_deadline() {
    // More than is under way at any time: who has been sent it has read the head long ago.
    let mut page = format!("HTTP/1.1 {TEXT}\r\nContent-Length: 99999999\r\n\r\n").into_bytes();
    page.resize(32 << 20, b'#');
    let server = Server::start(Script::SendAndHang(page)).await;
    let time_passes = async {
        server.hangs.notified().await;
        tokio::time::pause();
        tokio::time::advance(PATIENCE).await;
    };
    let (error, ()) = tokio::join!(server.scrape(json!({"body_size_limit": "0"})), time_passes);
    assert_eq!(error.unwrap_err(), "context deadline exceeded");
}

#[tokio::test]
async fn redirects_are_followed_so_far_and_no_further() {
    let page = Server::answering(TEXT, b"up 1\n").await;
    let head = format!(
        "307 Temporary Redirect\r\nLocation: http://{}/moved",
        page.address
    );
    let first = Server::answering(&head, b"").await;
    assert_eq!(&first.scrape(json!({})).await.unwrap().1[..], b"up 1\n");
    assert!(page.request().starts_with("get /moved "));

    let circle = Server::answering("302 Found\r\nLocation: /metrics", b"").await;
    let error = circle.scrape(json!({})).await.unwrap_err();
    assert_eq!(error, "Get \"/metrics\": stopped after 10 redirects");
    assert_eq!(circle.requests.lock().unwrap().len(), 11);
}

#[tokio::test]
async fn credentials_stay_with_the_first_host() {
    let credentials = json!({
        "authorization": {"credentials": "canary"},
        "http_headers": {"X-Key": {"secrets": ["canary"]}},
    });
    for (host, is_same) in [("127.0.0.1", true), ("localhost", false)] {
        let page = Server::answering(TEXT, b"up 1\n").await;
        let port = page.address.rsplit(':').next().unwrap();
        let head = format!("302 Found\r\nLocation: http://{host}:{port}/");
        let first = Server::answering(&head, b"").await;
        first.scrape(credentials.clone()).await.unwrap();
        assert_eq!(first.request().matches("canary").count(), 2);
        let forwarded = page.request().matches("canary").count();
        assert_eq!(forwarded, if is_same { 2 } else { 0 }, "{host}");
    }
}

#[tokio::test]
async fn a_plain_server_behind_https_and_a_missing_file_say_so() {
    let server = Server::start(Script::SendAtOnce(answer(TEXT, b""))).await;
    let error = server.scrape(json!({"scheme": "https"})).await.unwrap_err();
    assert!(
        error.ends_with(": http: server gave HTTP response to HTTPS client"),
        "{error}"
    );
    let error = server
        .scrape(json!({"tls_config": {"ca_file": "/nonexistent"}}))
        .await
        .unwrap_err();
    assert!(
        error.contains("unable to read CA cert /nonexistent"),
        "{error}"
    );
    let file = json!({"authorization": {"credentials_file": "/nonexistent"}});
    let error = server.scrape(file).await.unwrap_err();
    assert!(
        error.contains("unable to read file /nonexistent"),
        "{error}"
    );
}
