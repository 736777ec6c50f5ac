//! A Debian Prometheus that scrapes native histograms of integers and floats and writes a block of
//! them, with staleness markers at the end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Scrapes that are answered; later ones fail, and the series end.
pub(crate) const SCRAPES: u64 = 140;

/// From this scrape on the histograms have a bucket more.
const WIDER_FROM: u64 = 30;

/// At this scrape the counters begin anew.
pub(crate) const RESET_AT: u64 = 60;

/// How long any one step may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A field of a protobuf message, with a varint.
fn number(field: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![field << 3];
    let mut value = value;
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn signed(field: u8, value: i64) -> Vec<u8> {
    number(field, ((value << 1) ^ (value >> 63)) as u64)
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn message(field: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let len = number(0, body.len() as u64);
    [&[field << 3 | 2][..], &len[1..], &body].concat()
}

fn text(field: u8, text: &str) -> Vec<u8> {
    message(field, &[text.as_bytes().to_vec()])
}

/// What the counters count at a scrape.
fn counted(scrape: u64) -> u64 {
    if scrape < RESET_AT {
        3 * scrape + 1
    } else {
        scrape - RESET_AT
    }
}

/// The counts of the buckets -1, 0, from some scrape on 2, and 4; and the one below zero.
pub(crate) fn buckets(scrape: u64) -> (Vec<(i32, u64)>, u64) {
    let n = counted(scrape);
    let middle = (scrape >= WIDER_FROM).then_some((2, n / 2));
    let positive = [(-1, n), (0, n + 1)]
        .into_iter()
        .chain(middle)
        .chain([(4, 2 * n)]);
    (positive.collect(), n + 7)
}

/// Spans, as protobuf and chunks have them, of single buckets.
fn spans(field: u8, indexes: impl Iterator<Item = i32>) -> Vec<u8> {
    let mut next = 0;
    let spans = indexes.map(|index| {
        let gap = i64::from(index - next);
        next = index + 1;
        message(field, &[signed(1, gap), number(2, 1)])
    });
    spans.collect::<Vec<_>>().concat()
}

/// All of a histogram but its counts.
fn shape(scrape: u64) -> Vec<Vec<u8>> {
    let (positive, _) = buckets(scrape);
    vec![
        double(2, scrape as f64 / 4.0),
        signed(5, 1),
        double(6, 2.0_f64.powi(-128)),
        spans(9, [0].into_iter()),
        spans(12, positive.iter().map(|(index, _)| *index)),
    ]
}

pub(crate) fn total(scrape: u64) -> u64 {
    let (positive, negative) = buckets(scrape);
    positive.iter().map(|(_, count)| count).sum::<u64>() + negative + 5
}

fn integers(scrape: u64) -> Vec<Vec<u8>> {
    let (positive, negative) = buckets(scrape);
    let mut before = 0;
    let deltas = positive.iter().map(|(_, count)| {
        let count = i64::try_from(*count).unwrap();
        let delta = signed(13, count - before);
        before = count;
        delta
    });
    let mut parts = shape(scrape);
    parts.extend([number(1, total(scrape)), number(7, 5)]);
    parts.extend([signed(10, i64::try_from(negative).unwrap())]);
    parts.extend(deltas);
    parts
}

/// Half of everything.
fn floats(scrape: u64) -> Vec<Vec<u8>> {
    let (positive, negative) = buckets(scrape);
    let half = |count: u64| count as f64 / 2.0;
    let mut parts = shape(scrape);
    parts.extend([double(4, half(total(scrape))), double(8, 2.5)]);
    parts.extend([double(11, half(negative))]);
    parts.extend(positive.iter().map(|(_, count)| double(14, half(*count))));
    parts
}

fn family(name: &str, kind: u64, metric: Vec<u8>) -> Vec<u8> {
    let family = message(0, &[text(1, name), number(3, kind), message(4, &[metric])]);
    // A message of its own has a length in front and no field.
    family[1..].to_vec()
}

fn page(scrape: u64) -> Vec<u8> {
    const GAUGE: u64 = 1;
    const HISTOGRAM: u64 = 4;
    [
        family(
            "scrape_number",
            GAUGE,
            message(2, &[double(1, scrape as f64)]),
        ),
        family("sizes", HISTOGRAM, message(7, &integers(scrape))),
        family("weights", HISTOGRAM, message(7, &floats(scrape))),
    ]
    .concat()
}

/// Answers scrapes with pages, then with errors, and tells of each.
fn serve(listener: TcpListener, answered: mpsc::Sender<u64>) {
    for (scrape, stream) in listener.incoming().enumerate() {
        let (scrape, mut stream) = (scrape as u64, stream.unwrap());
        let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
        while request
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let (status, body) = if scrape < SCRAPES {
            ("200 OK", page(scrape))
        } else {
            ("500 No", Vec::new())
        };
        let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        if answered.send(scrape).is_err() {
            return;
        }
    }
}

/// A process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts Prometheus and returns where it listens.
fn prometheus(folder: &Path, target: &str) -> (Running, String) {
    let config = format!(
        "scrape_configs: [{{job_name: t, scrape_interval: 100ms, scrape_timeout: 100ms, \
         static_configs: [{{targets: ['{target}']}}]}}]"
    );
    let file = folder.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!(
        "--storage.tsdb.path={}",
        folder.join("data").display()
    ));
    command.args(["--web.listen-address=127.0.0.1:0", "--web.enable-admin-api"]);
    command.args(["--enable-feature=native-histograms", "--log.format=logfmt"]);
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!("this test needs prometheus of the Debian package of that name: {error}")
    });
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let (tell, told) = mpsc::channel();
    // The log is read to its end, so that Prometheus never waits for a reader.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let address = line.split_once("address=").map(|(_, rest)| rest.to_owned());
            if let Some(address) = address.filter(|address| !address.ends_with(":0")) {
                let _ = tell.send(address);
            }
        }
    });
    let address = told
        .recv_timeout(PATIENCE)
        .expect("Prometheus does not listen");
    (running, address)
}

/// Asks Prometheus to write a block of what it has in memory, and returns its folder's name.
fn snapshot(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /api/v1/admin/tsdb/snapshot HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let name = answer
        .split_once(r#""name":""#)
        .and_then(|(_, rest)| rest.split_once('"'));
    name.unwrap_or_else(|| panic!("no snapshot: {answer}"))
        .0
        .to_owned()
}

/// Has a Prometheus scrape until all series have ended, and write a block below a folder.
pub(crate) fn block(folder: &Path) -> PathBuf {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let (answered, answers) = mpsc::channel();
    std::thread::spawn(move || serve(listener, answered));
    let (running, address) = prometheus(folder, &target);
    // When a later scrape comes, what the first that failed left is stored.
    while answers
        .recv_timeout(PATIENCE)
        .expect("Prometheus does not scrape")
        < SCRAPES + 2
    {}
    let name = snapshot(&address);
    drop(running);
    let snapshot = folder.join("data/snapshots").join(name);
    let mut blocks = std::fs::read_dir(snapshot).unwrap();
    blocks.next().unwrap().unwrap().path()
}
