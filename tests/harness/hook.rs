//! A receiver of webhooks that keeps what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A path and what was posted there.
type Post = (String, Value);

#[derive(Debug, Default)]
struct Kept {
    posts: Mutex<Vec<Post>>,
    is_stopped: AtomicBool,
    /// 0 is 200.
    status: AtomicU16,
    /// What is said in an answer.
    said: Mutex<String>,
}

/// An HTTP server on a port of its own; it stops taking connections when it is dropped.
#[derive(Debug)]
pub struct Hook {
    port: u16,
    kept: Arc<Kept>,
}

impl Hook {
    /// Listens.
    pub fn listen() -> Self {
        Self::listen_at(0)
    }

    /// Listens at a port of the test's choice.
    pub fn listen_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Kept::default());
        let hook = Self {
            port,
            kept: Arc::clone(&kept),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if kept.is_stopped.load(Ordering::Relaxed) {
                    break;
                }
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer_all(stream, &kept));
            }
        });
        hook
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was posted so far and was answered with 200, each with its path.
    pub fn posts(&self) -> Vec<Post> {
        self.kept.posts.lock().unwrap().clone()
    }

    /// From here on this answers; what is answered with another status than 200 is not kept.
    pub fn answer_with(&self, status: u16) {
        self.kept.status.store(status, Ordering::Relaxed);
    }

    /// From here on its answers have this body.
    pub fn say(&self, text: &str) {
        *self.kept.said.lock().unwrap() = text.to_owned();
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.kept.is_stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers the requests of one connection until it ends.
fn answer_all(stream: TcpStream, kept: &Kept) {
    let Ok(mut out) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = read(&mut reader) {
        let status = match kept.status.load(Ordering::Relaxed) {
            0 => 200,
            status => status,
        };
        if status == 200 {
            kept.posts.lock().unwrap().push((path, body));
        }
        let said = kept.said.lock().unwrap().clone();
        let length = said.len();
        let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{said}");
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Post> {
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let path = request.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).ok()?))
}
