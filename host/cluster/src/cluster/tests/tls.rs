//! Peers that know each other by certificates, and those that are none of them.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::*;
use crate::frame::{self, Said};

/// Who signs the peers of one cluster.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate of this machine, signed by it, for one that trusts another one or the same.
    fn peer(&self, trusted: &Self) -> Arc<Certified> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.0).unwrap();
        Arc::new(Certified {
            certificate: signed.pem(),
            key: key.serialize_pem(),
            trusted: trusted.0.pem(),
        })
    }
}

/// One that shows a certificate and asks for one. It is PEM.
#[derive(Debug)]
struct Certified {
    certificate: String,
    key: String,
    trusted: String,
}

impl Certified {
    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(self.trusted.as_bytes()).unwrap();
        roots.add(trusted).unwrap();
        Arc::new(roots)
    }

    fn own(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        (vec![certificate], key)
    }
}

impl PeerTls for Certified {
    fn server(&self) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots(), provider.clone());
        let (chain, key) = self.own();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key);
        Ok(Arc::new(config.unwrap()))
    }

    fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let (chain, key) = self.own();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(chain, key);
        Ok(Arc::new(config.unwrap()))
    }
}

async fn start(tls: &Arc<Certified>, peers: &[&Arc<Cluster>], lines: &[&str]) -> Bench {
    let options = ClusterOptions {
        tls: Some(tls.clone()),
        ..options("", peers)
    };
    Bench::with(options, lines).await
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_with_certificates_share_all_over_tls() {
    let authority = Authority::new();
    let certified = authority.peer(&authority);
    let one = start(&certified, &[], &["had"]).await;
    let two = start(&certified, &[&one.cluster], &["too"]).await;
    let three = start(&certified, &[&one.cluster], &[]).await;
    let all = [&one, &two, &three];
    until("all are there", || {
        all.iter().all(|peer| peer.cluster.peers().len() == 3)
    })
    .await;
    let large = "x".repeat(100_000);
    three.add("small");
    three.add(&large);
    for line in ["had", "too", "small", &large] {
        until("a line", || all.iter().all(|peer| peer.lines.has(line))).await;
    }
    for peer in all {
        until("datagrams", || {
            let text = peer.metrics();
            !text.contains("alertmanager_tls_transport_packet_bytes_sent_total 0\n")
                && !text.contains("alertmanager_tls_transport_packet_bytes_received_total 0\n")
        })
        .await;
        // Nothing listens for datagrams of others.
        let port = peer.cluster.me().address.port();
        assert!(!has_datagrams_at(port), "{port}");
    }
    for line in [
        "alertmanager_oversized_gossip_message_sent_total{key=\"lines\"} 2",
        "narthex_cluster_refused_total{reason=\"tls\"} 0",
    ] {
        until(line, || three.metrics().contains(line)).await;
    }
    // One that goes says so, although that waits for a connection.
    three.cluster.stop().await;
    for peer in [&one, &two] {
        until("one is gone", || peer.cluster.peers().len() == 2).await;
    }
    one.cluster.stop().await;
    two.cluster.stop().await;
}

/// Whether this process has a socket for datagrams at a port; another one may.
fn has_datagrams_at(port: u16) -> bool {
    let own = std::fs::read_dir("/proc/self/fd").unwrap();
    let own = own.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let own: BTreeSet<String> = own.map(|link| link.display().to_string()).collect();
    let table = std::fs::read_to_string("/proc/self/net/udp").unwrap();
    let mut sockets = table.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields[1].to_owned(), format!("socket:[{}]", fields[9]))
    });
    let at_port = format!(":{port:04X}");
    sockets.any(|(local, socket)| local.ends_with(&at_port) && own.contains(&socket))
}

/// Waits until this was refused so often for its certificate, or more often.
async fn until_refused(peer: &Bench, times: u64) {
    until("a refusal", || {
        let text = peer.metrics();
        let mut lines = text.lines();
        let found = lines
            .find_map(|line| line.strip_prefix("narthex_cluster_refused_total{reason=\"tls\"} "));
        found.unwrap().parse::<u64>().unwrap() >= times
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_certificate_of_the_authority_is_no_peer() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let ours = start(&authority.peer(&authority), &[], &["ours"]).await;
    let address = ours.cluster.me().address;
    // It trusts ours, and is trusted by nobody.
    let theirs = start(&foreign.peer(&authority), &[&ours.cluster], &["theirs"]).await;
    until_refused(&ours, 1).await;
    until("a failed attempt", || {
        let text = theirs.metrics();
        !text.contains("alertmanager_cluster_refresh_join_failed_total 0")
    })
    .await;
    theirs.cluster.stop().await;

    // It is trusted, and trusts others: it does not talk to ours.
    let wary = start(&authority.peer(&foreign), &[&ours.cluster], &["wary"]).await;
    until("a failed connection", || {
        let text = wary.metrics();
        !text.contains("write_errors_total{connection_type=\"stream\"} 0")
    })
    .await;
    wary.cluster.stop().await;

    // One that speaks no TLS at all.
    let text = ours.metrics();
    let lines = text.lines();
    let refused = "narthex_cluster_refused_total{reason=\"tls\"} ";
    let before: u64 = lines
        .filter_map(|line| line.strip_prefix(refused))
        .find_map(|count| count.parse().ok())
        .unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    let hello = frame::encode("", Said::Changed(Vec::new())).unwrap();
    plain.write_all(&hello).await.unwrap();
    until_refused(&ours, before + 1).await;
    // The answer is an alert, if anything.
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(&crate::MAGIC), "{answer:?}");

    assert_eq!(ours.cluster.peers().len(), 1);
    for line in ["theirs", "wary"] {
        assert!(!ours.lines.has(line), "{line}");
    }
    assert!(!theirs.lines.has("ours") && !wary.lines.has("ours"));
    ours.cluster.stop().await;
}

#[tokio::test]
async fn what_is_no_ping_over_a_connection_is_refused_without_tls() {
    let plain = Bench::start("", &[], &[]).await;
    for (length, reason) in [(10, "malformed"), (DATAGRAM_BUFFER_BYTES + 1, "too_large")] {
        let mut stream = TcpStream::connect(plain.cluster.me().address)
            .await
            .unwrap();
        let datagram = frame::encode("", Said::Datagram(vec![0; length])).unwrap();
        stream.write_all(&datagram).await.unwrap();
        let line = format!("narthex_cluster_refused_total{{reason=\"{reason}\"}} 1");
        until(&line, || plain.metrics().contains(&line)).await;
    }
    plain.cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_do_not_answer_hold_up_a_bounded_number_of_datagrams() {
    const TOO_MANY: usize = 4;
    let authority = Authority::new();
    let options = ClusterOptions {
        tls: Some(authority.peer(&authority)),
        tcp_timeout: Duration::from_secs(600),
        ..options("", &[])
    };
    let peer = Bench::with(options, &[]).await;
    let send = |to: &TcpListener| {
        let sent = peer
            .cluster
            .transport
            .send(vec![0], to.local_addr().unwrap());
        assert_eq!(sent.unwrap(), None);
    };
    let until_lost = async |count: usize| {
        let line = format!("write_errors_total{{connection_type=\"packet\"}} {count}\n");
        until(&line, || peer.metrics().contains(&line)).await;
    };
    // They take connections and say nothing.
    let mut silent = Vec::new();
    for _ in 0..PEERS_MAX + TOO_MANY {
        silent.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    silent.iter().for_each(send);
    until_lost(TOO_MANY).await;
    // One waits for the first of them already.
    for _ in 0..links::LINK_DATAGRAMS_MAX + TOO_MANY {
        send(&silent[0]);
    }
    until_lost(TOO_MANY + 1 + TOO_MANY).await;
}
