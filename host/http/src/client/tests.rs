//! TLS against a real server with certificates made on the spot.

mod bodies;
mod proxies;
mod reuse;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{TlsConfig, TlsVersion};

/// An authority, and a certificate and key of its making, PEM.
struct Certificates {
    ca: String,
    cert: String,
    key: String,
}

/// Certificates for one name.
fn certificates(name: &str) -> Certificates {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    Certificates {
        ca: ca.pem(),
        cert: params.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// Starts a server that answers each request with an empty page; gives its address.
async fn server(certificates: &Certificates, asks_for_certificate: bool) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pem = |text: &str| CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks_for_certificate {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(pem(&certificates.ca)).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).unwrap();
    let config = builder
        .with_single_cert(vec![pem(&certificates.cert)], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    let _ = stream.write_all(answer).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    address
}

/// Asks the server; "" where it answered.
async fn check(address: &str, tls: TlsConfig) -> String {
    let config = HttpConfig {
        tls_config: Some(tls),
        ..HttpConfig::default()
    };
    let client = match Client::new(&config) {
        Ok(client) => client,
        Err(error) => return error.to_string(),
    };
    let url = format!("https://{address}/");
    match client.get(&url, &HeaderMap::new()).await {
        Ok(response) => {
            assert_eq!(response.status(), StatusCode::OK);
            String::new()
        }
        Err(error) => error.cause,
    }
}

#[tokio::test]
async fn a_certificate_must_be_signed_and_have_the_right_name() {
    let certificates = certificates("server.test");
    let address = server(&certificates, false).await;
    let ca = TlsConfig {
        ca: certificates.ca.clone(),
        ..TlsConfig::default()
    };
    let named = |name: &str| TlsConfig {
        server_name: name.to_owned(),
        ..ca.clone()
    };
    let insecure = TlsConfig {
        insecure_skip_verify: true,
        ..TlsConfig::default()
    };
    let start = "tls: failed to verify certificate: x509: certificate";
    for (tls, expected) in [
        (named("server.test"), String::new()),
        (insecure, String::new()),
        (
            TlsConfig::default(),
            format!("{start} signed by unknown authority"),
        ),
        (
            named("other.test"),
            format!("{start} is valid for server.test, not other.test"),
        ),
        (
            ca.clone(),
            format!("{start} is valid for server.test, not 127.0.0.1"),
        ),
    ] {
        let name = format!("{tls:?}");
        assert_eq!(check(&address, tls).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_changes_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let (old, new) = (certificates("127.0.0.1"), certificates("127.0.0.1"));
    let (before, after) = (server(&old, false).await, server(&new, false).await);
    std::fs::write(&file, &old.ca).unwrap();
    let client = Client::new(&HttpConfig {
        tls_config: Some(TlsConfig {
            ca_file: file.to_str().unwrap().to_owned(),
            ..TlsConfig::default()
        }),
        ..HttpConfig::default()
    })
    .unwrap();
    let error = async |address: &str| {
        let url = format!("https://{address}/");
        let answer = client.get(&url, &HeaderMap::new()).await;
        answer.map_or_else(|error| error.cause, |_| String::new())
    };
    let unknown =
        "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    assert_eq!(error(&before).await, "");
    assert_eq!(error(&after).await, unknown);
    // As a tool does that renews certificates: another file in its place.
    let renewed = folder.path().join("renewed.pem");
    std::fs::write(&renewed, &new.ca).unwrap();
    std::fs::rename(&renewed, &file).unwrap();
    assert_eq!(error(&after).await, "");
    assert_eq!(error(&before).await, unknown);
    std::fs::remove_file(&file).unwrap();
    let gone = error(&after).await;
    assert!(gone.starts_with("unable to read CA cert "), "{gone}");
    std::fs::write(&file, &old.ca).unwrap();
    assert_eq!(error(&before).await, "");
}

#[tokio::test]
async fn a_client_certificate_that_is_swapped_with_its_authority_is_used_at_once() {
    let mount = tempfile::tempdir().unwrap();
    // As the kubelet swaps a Secret: all files at once, behind names that stay.
    let swap = |version: &str, certificates: &Certificates| {
        let folder = mount.path().join(version);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in [
            ("ca.pem", &certificates.ca),
            ("cert.pem", &certificates.cert),
            ("key.pem", &certificates.key),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let next = mount.path().join("..data_tmp");
        std::os::unix::fs::symlink(version, &next).unwrap();
        std::fs::rename(next, mount.path().join("..data")).unwrap();
    };
    let (old, new) = (certificates("127.0.0.1"), certificates("127.0.0.1"));
    let (before, after) = (server(&old, true).await, server(&new, true).await);
    swap("..1", &old);
    let file = |name: &str| {
        let link = mount.path().join(name);
        std::os::unix::fs::symlink(format!("..data/{name}"), &link).unwrap();
        link.display().to_string()
    };
    let client = Client::new(&HttpConfig {
        tls_config: Some(TlsConfig {
            ca_file: file("ca.pem"),
            cert_file: file("cert.pem"),
            key_file: file("key.pem"),
            ..TlsConfig::default()
        }),
        ..HttpConfig::default()
    })
    .unwrap();
    let answers = async |address: &str| {
        let url = format!("https://{address}/");
        client.get(&url, &HeaderMap::new()).await.is_ok()
    };
    assert!(answers(&before).await && !answers(&after).await);
    swap("..2", &new);
    assert!(answers(&after).await && !answers(&before).await);
}

#[tokio::test]
async fn versions_and_client_certificates() {
    let certificates = certificates("127.0.0.1");
    let address = server(&certificates, true).await;
    let ca = TlsConfig {
        ca: certificates.ca.clone(),
        ..TlsConfig::default()
    };
    assert_ne!(check(&address, ca.clone()).await, "");
    let identified = TlsConfig {
        cert: certificates.cert.clone(),
        key: Secret::new(certificates.key.as_str()),
        ..ca
    };
    for version in [None, Some(TlsVersion::Tls12), Some(TlsVersion::Tls13)] {
        let tls = TlsConfig {
            min_version: version,
            max_version: version,
            ..identified.clone()
        };
        assert_eq!(check(&address, tls).await, "", "{version:?}");
    }
    let broken = TlsConfig {
        key: Secret::new("-----BEGIN PRIVATE KEY-----\ncanary"),
        ..identified
    };
    let error = check(&address, broken).await;
    assert!(
        error.starts_with("unable to use specified client key"),
        "{error}"
    );
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test]
async fn what_is_to_end_is_named_wherever_a_redirect_leads() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/silence/5", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in [
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /other/5\r\n",
            "HTTP/1.1 204 No Content\r\n",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = format!("{answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            heads.push(String::from_utf8(head).unwrap());
        }
        heads
    });
    let client = Client::new(&HttpConfig::default()).unwrap();
    let response = client.delete(&url, &HeaderMap::new()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let heads = asked.await.unwrap();
    assert!(
        heads[0].starts_with("DELETE /silence/5 HTTP/1.1\r\n"),
        "{heads:?}"
    );
    assert!(
        heads[1].starts_with("DELETE /other/5 HTTP/1.1\r\n"),
        "{heads:?}"
    );
    // The port is taken, so that nobody else gets it, and nobody listens there.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/silence/5", deaf.local_addr().unwrap());
    let error = client.delete(&url, &HeaderMap::new()).await.unwrap_err();
    assert_eq!((error.method, error.url.as_str()), ("Delete", url.as_str()));
}
