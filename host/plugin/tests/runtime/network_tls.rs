//! TLS and secrets that the operator lends by name: they work, and do not enter the guest.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::harness::{Bench, config};
use crate::peers::{answer, bench, echo, steps};

/// A server for `localhost` whose certificate is written as PEM to a file.
pub(crate) fn acceptor(certificate: &Path) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(certificate, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers in TLS, from the start or after a line in the clear that is answered with `after`.
pub(crate) async fn tls_echo(acceptor: TlsAcceptor, after: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Some(after) = after {
                    let mut line = String::new();
                    BufReader::new(&mut stream)
                        .read_line(&mut line)
                        .await
                        .unwrap();
                    stream.write_all(after.as_bytes()).await.unwrap();
                }
                // A client that does not trust the certificate goes.
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer(stream).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn tls_by_profile_from_the_start_and_later() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (
        folder.path().join("own.pem"),
        folder.path().join("other.pem"),
    );
    let server = acceptor(&own);
    acceptor(&other);
    let port = tls_echo(server.clone(), None).await;
    let later = tls_echo(server.clone(), Some("go\r\n")).await;
    let hasty = tls_echo(server, Some("go\r\nand more\r\n")).await;
    let text = format!(
        r#"{{"grants": {{"guest": {{"tcp": ["localhost:*"], "http": ["localhost:*"],
            "tls": ["own", "other", "any", "gone"]}}}},
            "tls": {{"own": {{"ca_file": {own:?}}}, "other": {{"ca_file": {other:?}}},
            "any": {{"insecure_skip_verify": true}}}}}}"#
    );
    let bench = bench("", &text, Bench::options()).await;
    let at = |port: u16| format!("localhost:{port}");
    let url = format!("https://localhost:{port}/");
    let script = json!([
        {"op": "tcp", "address": at(port), "tls": "own"},
        {"op": "tcp", "address": at(later), "start_tls": "own"},
        {"op": "tcp", "address": at(port), "tls": "any"},
        {"op": "http", "url": url, "tls": "own"},
        {"op": "tcp", "address": at(port), "tls": "other"},
        {"op": "tcp", "address": at(port), "tls": ""},
        {"op": "http", "url": url, "tls": "other"},
        {"op": "http", "url": url},
        {"op": "tcp", "address": at(hasty), "start_tls": "own"},
        {"op": "tcp", "address": at(port), "tls": "gone"},
    ]);
    let answers = steps(&bench, "tls", &script).await;
    let refused = "tls: failed to verify certificate: x509: ";
    let unknown = "certificate signed by unknown authority";
    for (answer, expected) in answers.iter().zip([
        "hello 127.0.0.1 TLS 1.3",
        "hello 127.0.0.1 TLS 1.3",
        "hello 127.0.0.1 TLS 1.3",
        "200 GET / HTTP/1.1",
        refused,
        unknown,
        refused,
        unknown,
        "protocol: the other side sent more before TLS began",
        "config: TLS profile \"gone\": it is not in plugins.tls",
    ]) {
        assert!(answer.contains(expected), "{expected}: {answers:#?}");
    }
    // Another certificate in the file counts from the next connection on.
    fs::copy(&other, &own).unwrap();
    let answers = steps(
        &bench,
        "tls",
        &json!([
            {"op": "tcp", "address": at(port), "tls": "own"},
        ]),
    )
    .await;
    assert!(answers[0].contains(refused), "{answers:?}");
}

#[tokio::test]
async fn secrets_reach_the_other_side_and_not_the_guest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "Zm9v\n").unwrap();
    let port = echo().await;
    let text = format!(
        r#"{{"grants": {{"guest": {{"tcp": ["localhost:*"], "http": ["localhost:*"],
            "secrets": ["one", "two", "gone"]}}}},
            "secrets": {{"one": {{"file": {file:?}}}, "two": {{"value": "open sesame"}}}}}}"#
    );
    let bench = bench("", &text, Bench::options()).await;
    let url = format!("http://localhost:{port}/");
    let script = json!([
        {"op": "tcp", "address": format!("localhost:{port}"), "secret": "one"},
        {"op": "http", "url": url, "bearer": "one"},
        {"op": "http", "url": url, "basic": ["Aladdin", "two"]},
        {"op": "secret", "name": "gone"},
    ]);
    // The other side of this test tells what it was sent; that is how they are seen here.
    let answers = steps(&bench, "secrets", &script).await;
    for (answer, expected) in answers.iter().zip([
        "<Zm9v> 127.0.0.1",
        "authorization: Bearer Zm9v",
        "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "config: secret \"gone\": it is not in plugins.secrets",
    ]) {
        assert!(answer.contains(expected), "{answers:#?}");
    }
    let reveals = "narthex_plugin_secret_reveals_total{plugin=\"guest\"} 1";
    assert!(
        !bench
            .metrics()
            .contains("narthex_plugin_secret_reveals_total{")
    );
    let reveal = json!([{"op": "reveal", "name": "one"}]);
    assert_eq!(steps(&bench, "secrets", &reveal).await, ["Zm9v"]);
    bench.assert_metrics(&[reveals]);
    // A file that changes counts at once, one that is gone is an error that names it.
    fs::write(&file, "YmFy").unwrap();
    assert_eq!(steps(&bench, "secrets", &reveal).await, ["YmFy"]);
    fs::remove_file(&file).unwrap();
    let answers = steps(&bench, "secrets", &reveal).await;
    assert!(
        answers[0].starts_with("config: secret \"one\": "),
        "{answers:?}"
    );
    // What is taken away is gone for handles that were given out before, too.
    bench.runtime.reload(config("{}")).await.unwrap();
    let answers = steps(&bench, "secrets", &reveal).await;
    assert!(
        answers[0].starts_with("denied: secrets one is not granted"),
        "{answers:?}"
    );
}
