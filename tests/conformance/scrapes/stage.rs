//! Exporters behind a stage: each page of an exporter is fetched once, and the n-th scrape of each
//! server gets the n-th page, so that both are told the same, whenever they come. Now and then the
//! page is spoiled, or does not come at all, by a fixed plan.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    /// It is handed on as it is.
    Plain,
    /// The connection is closed instead of an answer: the target has died.
    Dead,
    /// An answer of 503.
    Unavailable,
    /// An answer of 200 with nothing in it, as text: of OpenMetrics 2.42 misses its end.
    Empty,
    /// Bytes that are no format.
    Garbage,
    /// A line that is none, and then the page. With that line at the end 2.42 would not mark the
    /// series stale that stand before it, though nothing of the page is kept.
    Spoiled,
    /// A part of the page's families, another in each scene: series come and go.
    Fewer,
    /// The head promises more than comes.
    CutOff,
    /// The page with every sample line twice.
    Twice,
    /// A content type that nobody speaks.
    Foreign,
}

use Scene::{CutOff, Dead, Empty, Fewer, Foreign, Garbage, Plain, Spoiled, Twice, Unavailable};

/// One scrape after the other, over and over. Each target begins at another scene.
const PLAN: [Scene; 24] = [
    Plain,
    Plain,
    Fewer,
    Plain,
    Dead,
    Plain,
    Plain,
    Garbage,
    Garbage,
    Plain,
    Fewer,
    Fewer,
    Plain,
    Unavailable,
    Plain,
    Empty,
    Plain,
    Spoiled,
    Plain,
    Twice,
    CutOff,
    Plain,
    Foreign,
    Dead,
];

/// An exporter that both scrape.
#[derive(Debug, Clone)]
pub(super) struct Exporter {
    /// The name of the job.
    pub(super) name: &'static str,
    /// Where its page is.
    pub(super) url: String,
    /// The formats that it is asked for.
    pub(super) accept: &'static str,
}

/// A page as it came: its content type and its bytes. None, where nothing came.
type Page = Option<(String, Vec<u8>)>;

/// What has been handed out.
struct Book {
    exporters: Vec<Exporter>,
    /// After so many pages it is the last one over and over, in a scene of its own.
    length: usize,
    pages: Mutex<HashMap<(usize, usize), Page>>,
    /// Scrapes by server and exporter.
    scrapes: Mutex<HashMap<(String, usize), usize>>,
}

/// A server on a port of its own, that answers `/SERVER/EXPORTER`.
pub(super) struct Stage {
    port: u16,
    book: Arc<Book>,
}

impl Stage {
    /// Pages of these exporters, so many of each.
    pub(super) fn open(exporters: Vec<Exporter>, length: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let book = Arc::new(Book {
            exporters,
            length,
            pages: Mutex::default(),
            scrapes: Mutex::default(),
        });
        let served = Arc::clone(&book);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&served);
                std::thread::spawn(move || book.answer_one(stream));
            }
        });
        Self { port, book }
    }

    /// `127.0.0.1:port`.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How often a server has scraped each of the exporters at least.
    pub(super) fn scrapes(&self, server: &str) -> usize {
        let scrapes = self.book.scrapes.lock().unwrap();
        let of = |number| *scrapes.get(&(server.to_owned(), number)).unwrap_or(&0);
        (0..self.book.exporters.len()).map(of).min().unwrap_or(0)
    }
}

impl Book {
    /// Answers one request. Each has a connection of its own: where an old one is closed without an
    /// answer, Go's client asks again by itself, and that would be a scrape of its own here.
    fn answer_one(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(&stream).lines();
        let Some(Ok(request)) = lines.next() else {
            return;
        };
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let path = request.split(' ').nth(1).unwrap_or("/");
        if let Some(answer) = self.answer(path) {
            // Who scrapes may have gone: then there is nobody to tell.
            let _ = stream.write_all(&answer);
        }
    }

    /// The bytes of an answer; none closes the connection.
    fn answer(&self, path: &str) -> Option<Vec<u8>> {
        let (server, name) = path.strip_prefix('/')?.split_once('/')?;
        let number = self.exporters.iter().position(|it| it.name == name)?;
        let nth = {
            let mut scrapes = self.scrapes.lock().unwrap();
            let count = scrapes.entry((server.to_owned(), number)).or_default();
            *count += 1;
            *count - 1
        };
        let nth = nth.min(self.length);
        let page = {
            // Held while it is fetched: the other server waits for the same page.
            let mut pages = self.pages.lock().unwrap();
            let page = pages
                .entry((number, nth))
                .or_insert_with(|| fetch(&self.exporters[number]));
            page.clone()
        };
        let (content_type, body) = page?;
        let is_text = content_type.starts_with("text/plain");
        let respond = |content_type: &str, body: &[u8]| {
            let mut answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            answer.extend_from_slice(body);
            Some(answer)
        };
        match PLAN[(nth + number * 5) % PLAN.len()] {
            Dead => None,
            Unavailable => {
                Some(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec())
            }
            Empty => respond("text/plain", b""),
            Garbage => respond(&content_type, b"{{{ no format at all\n\xff\xfe\n"),
            CutOff => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                    body.len() + 100
                );
                Some([head.as_bytes(), &body, b"..."].concat())
            }
            Foreign => respond("text/html", &body),
            // These are made of lines.
            Spoiled if is_text => {
                respond(&content_type, &[b"no sample {\n", &body[..]].concat())
            }
            Fewer if is_text => respond(&content_type, &fewer(&body, nth)),
            Twice if is_text => respond(&content_type, &twice(&body)),
            Plain | Spoiled | Fewer | Twice => respond(&content_type, &body),
        }
    }
}

/// Asks an exporter for its page.
fn fetch(exporter: &Exporter) -> Page {
    let mut answer = ureq::get(&exporter.url)
        .header("Accept", exporter.accept)
        .call()
        .ok()?;
    let content_type = answer.headers().get("content-type")?.to_str().ok()?;
    let content_type = content_type.to_owned();
    let mut body = Vec::new();
    answer.body_mut().as_reader().read_to_end(&mut body).ok()?;
    Some((content_type, body))
}

/// Two thirds of the sample lines of a page, which ones depends on the name and the scrape.
fn fewer(page: &[u8], nth: usize) -> Vec<u8> {
    let lines = page.split_inclusive(|byte| *byte == b'\n');
    let stays = |line: &&[u8]| {
        let name = line.split(|byte| b" {".contains(byte)).next();
        let sum: usize = name
            .unwrap_or(b"")
            .iter()
            .map(|byte| usize::from(*byte))
            .sum();
        line.starts_with(b"#") || !(sum + nth).is_multiple_of(3)
    };
    lines.filter(stays).flatten().copied().collect()
}

/// Each sample line of a page twice, the second time with another value.
fn twice(page: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for line in page.split_inclusive(|byte| *byte == b'\n') {
        all.extend_from_slice(line);
        let series = line.iter().rposition(|byte| *byte == b' ');
        if let (false, Some(end)) = (line.starts_with(b"#"), series) {
            all.extend_from_slice(&line[..end]);
            all.extend_from_slice(b" 77\n");
        }
    }
    all
}
