//! Who the guest talks with in the tests, what it is told to do, and what the host's log says.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use narthex_plugin::{Artifact, Lookup, PluginOptions};
use narthex_scrape::Collector;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UdpSocket};

use crate::harness::{Bench, MANIFEST, collect, guest};

/// Answers each line with itself; an HTTP request, which ends in an empty line, with a page of
/// its first line and its `authorization`. Returns the port on both loopback addresses' first.
pub(crate) async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

/// One conversation of [`echo`]; the other side may go at any time.
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let mut stream = BufReader::new(stream);
    let (mut first, mut seen) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let is_http = first.contains("HTTP/1.1");
        if first.is_empty() {
            first = line.trim().to_owned();
        }
        let header = line.to_ascii_lowercase();
        if header.starts_with("authorization:") || header.starts_with("x-") {
            seen = format!(" {}", line.trim());
        }
        let reply = match (first.contains("HTTP/1.1"), line.trim().is_empty()) {
            (false, _) => line,
            (true, false) => continue,
            (true, true) => {
                let page = format!("{first}{seen}");
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                    page.len()
                )
            }
        };
        if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if is_http {
            return;
        }
    }
}

/// Answers each datagram with itself.
pub(crate) async fn udp_echo() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            // The other side may be gone.
            let _ = socket.send_to(&buffer[..count], from).await;
        }
    });
    port
}

/// A resolver that answers as it was told, one list a question; the last stays.
#[derive(Debug)]
pub(crate) struct Told {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Told {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Lookup for Told {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        match answers.len() {
            0 => Err(io::Error::other("no such host")),
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.pop_front().unwrap()),
        }
    }
}

/// A runtime with the guest, whose manifest asks for these things.
pub(crate) async fn bench(request: &str, config: &str, options: PluginOptions) -> Bench {
    let manifest = MANIFEST.replace("[request]", &format!("[request]\n{request}"));
    Bench::start(PluginOptions {
        config: serde_json::from_str(config).unwrap(),
        embedded: vec![Artifact::embedded("guest", guest(), manifest.leak())],
        ..options
    })
    .await
}

/// What became of each step.
pub(crate) async fn steps(bench: &Bench, job: &str, steps: &Value) -> Vec<String> {
    let config = serde_json::json!({"do": "script", "steps": steps});
    let job: Arc<dyn Collector> = bench.runtime.collector("guest", job, &config).unwrap();
    let text = collect(&job).await.unwrap();
    let lines = text.lines().map(|line| {
        let text = line.strip_prefix("guest_step{text=").unwrap();
        let text = text.strip_suffix("} 1").unwrap();
        serde_json::from_str(text).unwrap()
    });
    lines.collect()
}

/// What the host has logged in this process so far.
pub(crate) fn logged() -> String {
    String::from_utf8_lossy(&lines().lock().unwrap()).into_owned()
}

/// Begins to keep what the host logs.
pub(crate) fn keep_log() {
    lines();
}

fn lines() -> &'static Arc<Mutex<Vec<u8>>> {
    static LINES: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || Kept(writer.clone()))
            .init();
        lines
    })
}

struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
