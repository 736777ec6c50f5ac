//! Servers in the place of clouds, and what a client sends that asks them for credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use narthex_model::SimulatedClock;
use reqwest::header::HeaderName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{Client, HttpConfig};

/// 2015-08-30T12:36:00Z
pub(super) const NOW_MS: i64 = 1_440_938_160_000;

/// Answers by the begin of the request's first line, and remembers what it was asked.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Each route is the begin of a first line, a status and a body; the first that fits counts.
    pub(super) async fn start(routes: &[(&str, &str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut answers = Vec::new();
        for (begin, status, body) in routes {
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            answers.push(((*begin).to_owned(), answer));
        }
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                let fits = answers.iter().find(|(begin, _)| request.starts_with(begin));
                log.lock().unwrap().push(request.clone());
                let nothing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                let answer = fits.map_or(nothing, |(_, answer)| answer.as_str());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, requests }
    }

    /// All requests whole.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a request whole.
async fn read(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.unwrap_or(0);
        request.push_str(&String::from_utf8_lossy(&part[..count]));
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            if count == 0 {
                return request;
            }
            continue;
        };
        let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
        if count == 0 || body.len() >= length {
            return request;
        }
    }
}

/// A header of a request.
pub(super) fn header(request: &str, name: &str) -> Option<String> {
    let mut lines = request.split("\r\n").skip(1);
    lines.find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

/// The fields of the form that a request posts.
pub(super) fn form(request: &str) -> BTreeMap<String, String> {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let url = Url::parse(&format!("http://a/?{body}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// A process with these variables only, whose clock stands still.
pub(super) fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let variable = move |name: &str| variables.get(name).cloned();
    Environment::new(Arc::new(variable), Arc::new(SimulatedClock::at(NOW_MS))).unwrap()
}

#[tokio::test]
async fn signatures_and_configured_headers_stay_with_their_host() {
    let other = Server::start(&[("POST /", "200 OK", "")]).await;
    let elsewhere = other.url.replace("127.0.0.1", "localhost");
    let moved = format!("307 Moved\r\nLocation: {elsewhere}/there");
    let server = Server::start(&[
        ("POST /first ", "307 Moved\r\nLocation: /second", ""),
        ("POST /second ", moved.as_str(), ""),
    ])
    .await;
    let config = SigV4Config {
        region: "eu-west-1".to_owned(),
        access_key: "AKID".to_owned(),
        secret_key: Secret::new("key"),
        ..SigV4Config::default()
    };
    let client = Client::new(&HttpConfig {
        cloud: Some(CloudAuth::SigV4(config)),
        ..HttpConfig::default()
    })
    .unwrap();
    let key = HeaderName::from_static("x-key");
    let headers = HeaderMap::from_iter([(key, HeaderValue::from_static("sesame"))]);
    let client = client.with_headers(headers);
    let url = format!("{}/first", server.url);
    let body = Bytes::from_static(b"x");
    let answer = client.post(&url, &HeaderMap::new(), body).await.unwrap();
    assert!(answer.status().is_success());
    let requests = server.requests();
    let signatures: Vec<String> = requests
        .iter()
        .map(|request| header(request, "authorization").unwrap())
        .collect();
    assert_eq!(signatures.len(), 2);
    // Each path has a signature of its own.
    assert_ne!(signatures[0], signatures[1]);
    assert!(signatures[0].contains("Credential=AKID/"), "{signatures:?}");
    for request in &requests {
        assert_eq!(header(request, "x-key").as_deref(), Some("sesame"));
    }
    let elsewhere = other.requests();
    assert_eq!(header(&elsewhere[0], "authorization"), None);
    assert_eq!(header(&elsewhere[0], "x-amz-date"), None);
    assert_eq!(header(&elsewhere[0], "x-key"), None);
}

#[tokio::test]
async fn who_has_no_credentials_sends_nothing() {
    let server = Server::start(&[("POST /", "200 OK", "")]).await;
    let config = GoogleIamConfig {
        credentials_file: "/nowhere/key.json".to_owned(),
    };
    let client = Client::new(&HttpConfig {
        cloud: Some(CloudAuth::GoogleIam(config)),
        ..HttpConfig::default()
    })
    .unwrap();
    let headers = HeaderMap::new();
    let sent = client.post(&server.url, &headers, Bytes::new()).await;
    let error = sent.unwrap_err().to_string();
    assert!(
        error.contains("google_iam: cannot fetch a token"),
        "{error}"
    );
    assert!(error.contains("/nowhere/key.json"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn one_way_to_authenticate_is_enough() {
    let config = HttpConfig {
        basic_auth: Some(crate::BasicAuth::default()),
        cloud: Some(CloudAuth::GoogleIam(GoogleIamConfig::default())),
        ..HttpConfig::default()
    };
    let faults = config.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("at most one of basic_auth,"),
        "{faults:?}"
    );
}
