//! Against a real server that hands out tokens.

use std::sync::Mutex as Log;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use ring::signature::RSA_PKCS1_2048_8192_SHA384;

use super::*;
use crate::Client;
use crate::jwt::tests::{make_key, verified};
use reqwest::header::HeaderMap;

/// Answers requests in turn, the last answer for ever, and remembers what it was asked.
struct Server {
    url: String,
    requests: Arc<Log<Vec<String>>>,
}

impl Server {
    async fn start(answers: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let requests = Arc::new(Log::new(Vec::new()));
        let answers: Vec<_> = answers
            .iter()
            .map(|(status, body)| {
                let length = body.len();
                format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
            })
            .collect();
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let asked = log.lock().unwrap().len();
                let answer = &answers[asked.min(answers.len() - 1)];
                let request = serve(stream, answer).await;
                log.lock().unwrap().push(request);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a request whole before it answers.
async fn serve(mut stream: TcpStream, answer: &str) -> String {
    let mut request = String::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.unwrap_or(0);
        request.push_str(std::str::from_utf8(&part[..count]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            if count == 0 {
                return request;
            }
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if count == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break;
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    request
}

fn config(server: &Server) -> OAuth2 {
    OAuth2 {
        client_id: "narthex".to_owned(),
        client_secret: Secret::new("s e:cret"),
        scopes: vec!["read".to_owned(), "metrics/all".to_owned()],
        endpoint_params: BTreeMap::from([("audience".to_owned(), "a&b".to_owned())]),
        token_url: server.url.clone(),
        ..OAuth2::default()
    }
}

async fn authorization(source: &TokenSource) -> Result<String, String> {
    let found = source.authorization().await;
    found.map(|secret| secret.expose().to_owned())
}

const TOKEN: &str = r#"{"access_token": "abc", "token_type": "bearer"}"#;

#[tokio::test]
async fn a_token_is_fetched_once_and_goes_with_every_request() {
    let server = Server::start(&[("200 OK", TOKEN)]).await;
    let target = Server::start(&[("200 OK", "up 1\n")]).await;
    let http = HttpConfig {
        oauth2: Some(config(&server)),
        ..HttpConfig::default()
    };
    let client = Client::new(&http).unwrap();
    for _ in 0..2 {
        client.get(&target.url, &HeaderMap::new()).await.unwrap();
    }
    let asked = server.requests();
    assert_eq!(asked.len(), 1);
    let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /token HTTP/1.1"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/x-www-form-urlencoded"));
    // `narthex:s+e%3Acret`, as RFC 6749 wants it.
    let user = basic_authorization("narthex", "s+e%3Acret");
    assert!(head.contains(&format!("authorization: {}", user.to_ascii_lowercase())));
    assert_eq!(
        body,
        "grant_type=client_credentials&scope=read+metrics%2Fall&audience=a%26b"
    );
    for request in target.requests() {
        assert!(
            request
                .to_ascii_lowercase()
                .contains("authorization: bearer abc"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn one_who_wants_parameters_gets_them() {
    let ending = r#"{"access_token": "abc", "expires_in": 1}"#;
    let answers = [("401 Unauthorized", ""), ("200 OK", ending)];
    let server = Server::start(&answers).await;
    let source = TokenSource::new(&config(&server)).unwrap();
    assert_eq!(authorization(&source).await.unwrap(), "Bearer abc");
    let asked = server.requests();
    assert!(asked[1].ends_with("&client_id=narthex&client_secret=s+e%3Acret"));
    assert!(!asked[1].to_ascii_lowercase().contains("authorization:"));
    // From then on it is asked so at once.
    authorization(&source).await.unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_token_that_ends_and_a_secret_that_changes_ask_for_another() {
    let lasting = r#"{"access_token": "long", "token_type": "Bearer", "expires_in": 3600}"#;
    let ending = r#"{"access_token": "short", "token_type": "Bearer", "expires_in": "10"}"#;
    let answers = [("200 OK", ending), ("200 OK", lasting)];
    let server = Server::start(&answers).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "one\n").unwrap();
    let source = TokenSource::new(&OAuth2 {
        client_secret: Secret::default(),
        client_secret_file: file.to_str().unwrap().to_owned(),
        ..config(&server)
    })
    .unwrap();
    // What lasts ten seconds is about to end.
    for (expected, asked) in [("Bearer short", 1), ("Bearer long", 2), ("Bearer long", 2)] {
        assert_eq!(authorization(&source).await.unwrap(), expected);
        assert_eq!(server.requests().len(), asked);
    }
    std::fs::write(&file, "two\n").unwrap();
    authorization(&source).await.unwrap();
    let user = basic_authorization("narthex", "two");
    assert!(server.requests()[2].contains(&user));
}

#[test]
fn a_token_lasts_as_long_as_is_said_in_whatever_number() {
    for (expires_in, is_held) in [
        (json!(null), true),
        (json!(0), true),
        (json!(3600), true),
        (json!("3600"), true),
        (json!(3600.5), true),
        (json!(1e300), true),
        (json!(5), false),
        (json!(5.0), false),
        (json!("5.0"), false),
    ] {
        let answer: Answer = serde_json::from_value(json!({
            "access_token": "abc",
            "expires_in": expires_in,
        }))
        .unwrap();
        assert_eq!(answer.lease().is_held(), is_held, "{expires_in}");
    }
}

/// A connection to it is made, and nobody answers.
#[tokio::test(start_paused = true)]
async fn one_token_endpoint_that_is_stuck_holds_nobody_until_its_own_deadline() {
    let stuck = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = TokenSource::new(&OAuth2 {
        client_id: "narthex".to_owned(),
        token_url: format!("http://{}/token", stuck.local_addr().unwrap()),
        ..OAuth2::default()
    })
    .unwrap();
    let begun = Instant::now();
    let both = tokio::join!(authorization(&source), authorization(&source));
    let error = Err("oauth2: nobody handed out credentials within 8 s".to_owned());
    assert_eq!(both, (error.clone(), error.clone()));
    assert!(begun.elapsed() < Duration::from_secs(10));
    // The next one is told at once.
    let asked = Instant::now();
    assert_eq!(authorization(&source).await, error);
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn who_has_a_key_signs_what_it_asks_for() {
    let server = Server::start(&[("200 OK", TOKEN)]).await;
    let folder = tempfile::tempdir().unwrap();
    make_key(folder.path());
    let file = folder.path().join("key.pem");
    let source = TokenSource::new(&OAuth2 {
        client_secret: Secret::default(),
        client_certificate_key_file: file.to_str().unwrap().to_owned(),
        client_certificate_key_id: "k1".to_owned(),
        grant_type: JWT_BEARER.to_owned(),
        signature_algorithm: "RS384".to_owned(),
        claims: BTreeMap::from([("tenant".to_owned(), json!({"id": 7}))]),
        ..config(&server)
    })
    .unwrap();
    for _ in 0..2 {
        assert_eq!(authorization(&source).await.unwrap(), "Bearer abc");
    }
    let asked = server.requests();
    assert_eq!(asked.len(), 1);
    let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
    assert!(
        !head.to_ascii_lowercase().contains("authorization:"),
        "{head}"
    );
    let (before, assertion) = body.split_once("&assertion=").unwrap();
    assert_eq!(
        before,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&audience=a%26b"
    );
    let [header, claims] = verified(assertion, &file, &RSA_PKCS1_2048_8192_SHA384);
    assert_eq!(header, json!({"alg": "RS384", "kid": "k1", "typ": "JWT"}));
    for (name, value) in [
        ("iss", json!("narthex")),
        ("sub", json!("narthex")),
        ("aud", json!(server.url)),
        ("scope", json!("read metrics/all")),
        ("tenant", json!({"id": 7})),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 600);
    // Another key asks for another token.
    std::fs::write(&file, "nonsense").unwrap();
    assert_eq!(
        authorization(&source).await.unwrap_err(),
        "oauth2: cannot fetch token: the private key is no PEM"
    );
}

#[tokio::test]
async fn what_goes_wrong_is_one_line_without_the_secret() {
    for (status, body, expected) in [
        (
            "400 Bad Request",
            r#"{"error": "invalid_client", "error_description": "who\nare you?"}"#,
            "oauth2: \"invalid_client\" \"who\\nare you?\"",
        ),
        (
            "500 Internal Server Error",
            "<html>",
            "oauth2: cannot fetch token: 500 Internal Server Error",
        ),
        (
            "200 OK",
            "{}",
            "oauth2: cannot fetch token: server response missing access_token",
        ),
        (
            "200 OK",
            "no json",
            "oauth2: cannot fetch token: server response missing access_token",
        ),
    ] {
        let server = Server::start(&[(status, body)]).await;
        let source = TokenSource::new(&config(&server)).unwrap();
        assert_eq!(authorization(&source).await.unwrap_err(), expected);
    }
    let large = "x".repeat(1 << 20);
    let server = Server::start(&[("200 OK", &large)]).await;
    let source = TokenSource::new(&config(&server)).unwrap();
    assert_eq!(
        authorization(&source).await.unwrap_err(),
        "oauth2: cannot fetch token: body size limit exceeded"
    );
}

#[test]
fn every_contradiction_is_named() {
    let config = OAuth2 {
        client_secret: Secret::new("a"),
        client_secret_file: "b".to_owned(),
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
        no_proxy: "x".to_owned(),
        ..OAuth2::default()
    };
    assert_eq!(config.faults().len(), 5, "{:#?}", config.faults());
    let both = OAuth2 {
        client_id: "a".to_owned(),
        token_url: "http://a".to_owned(),
        client_certificate_key: Secret::new("a"),
        client_certificate_key_file: "b".to_owned(),
        grant_type: JWT_BEARER.to_owned(),
        signature_algorithm: "HS256".to_owned(),
        ..OAuth2::default()
    };
    assert_eq!(both.faults().len(), 2, "{:#?}", both.faults());
    let shown = serde_json::to_string(&config).unwrap();
    assert!(
        shown.contains("<secret>") && !shown.contains("\"a\""),
        "{shown}"
    );
}
