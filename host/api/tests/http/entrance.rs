//! Who may ask, over real sockets: users, TLS, client certificates, and files that change while the
//! server runs.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use narthex_web::{Entrance, WebConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::fixture::Api;
use crate::server::listen_behind;

/// An authority and the folder that its work lies in.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Writes `NAME.pem` and `NAME.key`, of a certificate for these names.
    fn sign(&self, name: &str, names: Vec<SanType>) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{name}.pem")), signed.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A client that trusts it, and shows a certificate where one is named.
    fn client(&self, shown: Option<(&Authority, &str)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.path("ca.pem")).unwrap();
        roots.add(own).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        match shown {
            None => builder.with_no_client_auth(),
            Some((authority, name)) => {
                let certificate = authority.path(&format!("{name}.pem"));
                let key = authority.path(&format!("{name}.key"));
                let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
                let key = PrivateKeyDer::from_pem_file(key).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }
}

fn localhost() -> Vec<SanType> {
    vec![SanType::DnsName("localhost".try_into().unwrap())]
}

fn write(folder: &Path, config: &Value) {
    fs::write(folder.join("web.json"), config.to_string()).unwrap();
}

fn load(folder: &Path) -> Arc<Entrance> {
    let read = |text: &str, _: &str| -> Result<WebConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    };
    let file = folder.join("web.json");
    Arc::new(Entrance::load(&file, read, |_, _| Ok(None)).unwrap())
}

/// The answer to a request that any user may make and that is no probe, or why there is none.
async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin, headers: &str) -> Result<String, String> {
    let mut stream = stream;
    let request = format!(
        "GET /api/v1/status/buildinfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
    );
    let written = stream.write_all(request.as_bytes()).await;
    written.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() {
        return Err(read.map_or_else(|error| error.to_string(), |_| "closed".to_owned()));
    }
    Ok(String::from_utf8_lossy(&answer).to_lowercase())
}

async fn ask_plainly(address: SocketAddr, headers: &str) -> Result<String, String> {
    ask(TcpStream::connect(address).await.unwrap(), headers).await
}

async fn ask_by_tls(address: SocketAddr, client: ClientConfig) -> Result<String, String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connected = TlsConnector::from(Arc::new(client)).connect(name, stream);
    ask(connected.await.map_err(|error| error.to_string())?, "").await
}

#[tokio::test]
async fn users_ask_with_their_password_and_every_answer_has_the_headers() {
    let folder = tempfile::tempdir().unwrap();
    let hash = bcrypt::hash("open sesame", 4).unwrap();
    let headers = json!({"X-Frame-Options": "deny"});
    let config = json!({
        "basic_auth_users": {"ada": hash}, "http_server_config": {"headers": headers}
    });
    write(folder.path(), &config);
    let api = Api::ready().await;
    let (address, _stop, _serving) = listen_behind(&api, load(folder.path())).await;
    let table = [
        ("", "401 unauthorized"),
        // ada:open sesame
        ("Authorization: Basic YWRhOm9wZW4gc2VzYW1l\r\n", "200 ok"),
        // ada:open
        ("Authorization: Basic YWRhOm9wZW4=\r\n", "401 unauthorized"),
        ("Authorization: Bearer abc\r\n", "401 unauthorized"),
    ];
    for (headers, status) in table {
        let answer = ask_plainly(address, headers).await.unwrap();
        assert!(
            answer.starts_with(&format!("http/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains("x-frame-options: deny"), "{answer}");
        let challenged = answer.contains("www-authenticate: basic");
        assert_eq!(challenged, status.starts_with("401"), "{answer}");
    }
}

#[tokio::test]
async fn too_many_requests_are_told_so() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &json!({"rate_limit": {"interval": "1h", "burst": 2}}),
    );
    let api = Api::ready().await;
    let (address, _stop, _serving) = listen_behind(&api, load(folder.path())).await;
    for status in ["200", "200", "429"] {
        let answer = ask_plainly(address, "").await.unwrap();
        assert!(
            answer.starts_with(&format!("http/1.1 {status}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn clients_show_the_certificate_that_is_asked_of_them() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    ours.sign("server", localhost());
    let mail = SanType::Rfc822Name("ops@example.org".try_into().unwrap());
    ours.sign(
        "known",
        vec![mail, SanType::IpAddress("10.0.0.7".parse().unwrap())],
    );
    ours.sign("other", localhost());
    theirs.sign("strange", localhost());
    let shown = [
        None,
        Some((&ours, "known")),
        Some((&ours, "other")),
        Some((&theirs, "strange")),
    ];
    // Whether each of those above may ask.
    let table = [
        (json!({}), [true, true, true, true]),
        (json!({"client_auth_type": "NoClientCert"}), [true; 4]),
        (json!({"client_auth_type": "RequestClientCert"}), [true; 4]),
        (
            json!({"client_auth_type": "RequireAnyClientCert"}),
            [false, true, true, true],
        ),
        (
            json!({"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "ca.pem"}),
            [true, true, true, false],
        ),
        (
            json!({"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}),
            [false, true, true, false],
        ),
        (
            json!({
                "client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem",
                "client_allowed_sans": ["else.example.org", "10.0.0.7"]
            }),
            [false, true, false, false],
        ),
        (
            json!({
                "client_auth_type": "RequireAnyClientCert",
                "client_allowed_sans": ["ops@example.org"]
            }),
            [false, true, false, false],
        ),
        (
            json!({
                "min_version": "TLS12", "max_version": "TLS12",
                "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
                "curve_preferences": ["CurveP256"]
            }),
            [true; 4],
        ),
    ];
    let api = Api::ready().await;
    for (mut tls, allowed) in table {
        tls["cert_file"] = "server.pem".into();
        tls["key_file"] = "server.key".into();
        write(ours.folder.path(), &json!({"tls_server_config": tls}));
        let entrance = load(ours.folder.path());
        let (address, _stop, _serving) = listen_behind(&api, entrance).await;
        for (shown, allowed) in shown.into_iter().zip(allowed) {
            let name = shown.map(|(_, name)| name);
            let answer = ask_by_tls(address, ours.client(shown)).await;
            assert_eq!(answer.is_ok(), allowed, "{tls} {name:?}: {answer:?}");
        }
        let plain = ask_plainly(address, "").await.unwrap();
        assert!(plain.contains("http request to an https server"), "{plain}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_both_can_and_it_is_not_turned_off() {
    let ours = Authority::new();
    ours.sign("server", localhost());
    let api = Api::ready().await;
    for (http2, spoken) in [(true, "h2"), (false, "http/1.1")] {
        let tls = json!({"cert_file": "server.pem", "key_file": "server.key"});
        let config = json!({"tls_server_config": tls, "http_server_config": {"http2": http2}});
        write(ours.folder.path(), &config);
        let (address, _stop, _serving) = listen_behind(&api, load(ours.folder.path())).await;
        let mut client = ours.client(None);
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let mut stream = connector.connect(name, stream).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, Some(spoken.as_bytes()));
        if http2 {
            // The preface and empty settings; the server answers with its own.
            let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
            stream.write_all(hello).await.unwrap();
            let mut frame = [0; 9];
            stream.read_exact(&mut frame).await.unwrap();
            assert_eq!(frame[3], 4, "a frame of settings: {frame:?}");
        }
    }
}

#[tokio::test]
async fn a_changed_file_counts_and_a_broken_one_leaves_what_was() {
    let (ours, renewed) = (Authority::new(), Authority::new());
    ours.sign("server", localhost());
    renewed.sign("server", localhost());
    let tls = json!({"cert_file": "server.pem", "key_file": "server.key"});
    write(ours.folder.path(), &json!({"tls_server_config": tls}));
    let api = Api::ready().await;
    let entrance = load(ours.folder.path());
    let (address, _stop, _serving) = listen_behind(&api, Arc::clone(&entrance)).await;
    ask_by_tls(address, ours.client(None)).await.unwrap();

    fs::write(ours.path("server.pem"), "no certificate").unwrap();
    ask_by_tls(address, ours.client(None)).await.unwrap();
    assert!(!entrance.is_current());

    for file in ["server.key", "server.pem"] {
        fs::copy(renewed.path(file), ours.path(file)).unwrap();
    }
    ask_by_tls(address, renewed.client(None)).await.unwrap();
    ask_by_tls(address, ours.client(None)).await.unwrap_err();
    assert!(entrance.is_current());

    // TLS itself stays.
    write(ours.folder.path(), &json!({}));
    ask_by_tls(address, renewed.client(None)).await.unwrap();
    assert!(!entrance.is_current());
}
