//! What a real Prometheus says of itself in protobuf is what it says in text.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use narthex_exposition::{Entry, Format, Parser, ProtobufEntry, ProtobufParser};
use narthex_model::{Labels, METRIC_NAME};

/// Far more than a start takes, so that a busy machine changes nothing.
const PATIENCE: Duration = Duration::from_secs(60);

const PROTOBUF: &str = "application/vnd.google.protobuf;\
    proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// A Prometheus that scrapes nothing; it ends with this.
struct Peer {
    process: Child,
    folder: PathBuf,
    address: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already, and a folder that stays does no harm.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Peer {
    /// `None` where there is none on this machine.
    fn start() -> Option<Self> {
        let address = format!("127.0.0.1:{}", free_port());
        let name = format!("narthex-exposition-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // One that was killed may have left its own, under the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            let _ = std::fs::remove_dir_all(&folder);
            return None;
        };
        Some(Self {
            process,
            folder,
            address,
        })
    }

    fn get(&self, path: &str, accept: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nAccept: {accept}\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let is_good = answer.starts_with(b"HTTP/1.0 200 ");
        is_good.then(|| answer.split_off(end + 4))
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while self.get("/-/ready", "*/*").is_none() {
            assert!(start.elapsed() < PATIENCE, "the peer does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A port of a range that systems give to nobody who asks for any, and other tests do not choose
/// from; the first that is tried is this process' own.
fn free_port() -> u16 {
    let first = u16::try_from(std::process::id() % 4000).unwrap();
    let mut ports = (0..4000).map(|next| 10_000 + (first + next) % 4000);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.unwrap()
}

/// The series of a page, and the families with their types and help texts.
type Said = (BTreeSet<Labels>, BTreeSet<(String, String)>);

fn said_in_text(page: &[u8]) -> Said {
    let mut said = Said::default();
    for entry in Parser::new(page, Format::PrometheusText) {
        match entry.unwrap() {
            Entry::Series(series) => {
                said.0.insert(series.labels().unwrap());
            }
            Entry::Type { metric, kind } => {
                said.1
                    .insert((metric.into_owned(), kind.as_str().to_owned()));
            }
            Entry::Help { metric, help } => {
                said.1.insert((metric.into_owned(), help.into_owned()));
            }
            Entry::Unit { .. } => {}
        }
    }
    said
}

fn said_in_protobuf(page: &[u8]) -> Said {
    let mut said = Said::default();
    let mut parser = ProtobufParser::new(page);
    while let Some(entry) = parser.next_entry().unwrap() {
        match entry {
            ProtobufEntry::Family(family) => {
                let name = family.name.to_owned();
                said.1
                    .insert((name.clone(), family.kind.as_str().to_owned()));
                said.1.insert((name, family.help.to_owned()));
            }
            ProtobufEntry::Metric(family, metric) => {
                for sample in metric.samples() {
                    let name = format!("{}{}", family.name, sample.suffix);
                    let mut pairs = vec![(METRIC_NAME.to_owned(), name)];
                    let labels = metric.label_pairs().iter();
                    pairs.extend(labels.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
                    let number = sample.number_label();
                    pairs.extend(number.map(|(label, text)| (label.to_owned(), text)));
                    let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
                    said.0.insert(Labels::from_pairs(pairs));
                }
            }
        }
    }
    said
}

#[test]
fn prometheus_says_the_same_in_protobuf_and_in_text() {
    let Some(peer) = Peer::start() else {
        return;
    };
    peer.wait_until_ready();
    // What counts requests has seen both formats before it is looked at.
    for _ in 0..2 {
        peer.get("/metrics", PROTOBUF).unwrap();
        peer.get("/metrics", "text/plain").unwrap();
    }
    let text = said_in_text(&peer.get("/metrics", "text/plain").unwrap());
    let protobuf = said_in_protobuf(&peer.get("/metrics", PROTOBUF).unwrap());
    assert!(text.0.len() > 300, "{}", text.0.len());
    assert_eq!(text.0, protobuf.0);
    assert_eq!(text.1, protobuf.1);
}
