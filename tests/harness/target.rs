//! A target to scrape that serves what a test tells it to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one request gets: content type and body.
pub type Page = (String, String);

type Serve = dyn Fn(&str) -> Page + Send + Sync;

/// An HTTP server on a port of its own; it stops taking connections when it is dropped.
pub struct Target {
    port: u16,
    stopped: Arc<AtomicBool>,
}

impl Target {
    /// Serves what `serve` gives for a path, on a free port.
    pub fn serve(serve: impl Fn(&str) -> Page + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stopped = Arc::new(AtomicBool::new(false));
        let (serve, stop): (Arc<Serve>, _) = (Arc::new(serve), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || answer_all(stream, serve.as_ref()));
            }
        });
        Self { port, stopped }
    }

    /// Serves the classic text format on every path.
    pub fn serve_text(body: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self::serve(move |_| {
            (
                "text/plain; version=0.0.4; charset=utf-8".to_owned(),
                body(),
            )
        })
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers the requests of one connection until it ends. A client that sends nonsense is
/// dropped; this serves scrapers only.
fn answer_all(stream: TcpStream, serve: &Serve) {
    let Ok(mut out) = stream.try_clone() else {
        return;
    };
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(request)) = lines.next() {
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let path = request.split(' ').nth(1).unwrap_or("/");
        let (content_type, body) = serve(path);
        // In one piece: a body that waits for the head's acknowledgement is a late scrape.
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if out.write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
}
