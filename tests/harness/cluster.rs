//! An API server of Kubernetes as far as reading goes: lists in pages, watches with resource
//! versions and bookmarks, selectors, and the faults that a real one has.
//!
//! It is not: a store that checks what it is given, nor anything that can be written to over
//! HTTP, but for events. Reviews of tokens and access are answered by what a test has said.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster_query::{Asked, key_of, kinds_of, path_of};
use crate::cluster_review::Known;

/// A watch without news tells the version that it is at this often.
const BOOKMARK_INTERVAL: Duration = Duration::from_millis(200);

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection is closed without an answer.
    Close,
    /// 410 as the status of the answer.
    Gone,
    /// 429, with so many seconds in `Retry-After`.
    TooMany(u32),
    /// 500.
    Error,
    /// Something that is no JSON.
    Garbage,
    /// The answer ends in the middle of a line.
    HalfLine,
}

/// The server; it ends with its value.
#[derive(Debug)]
pub struct ClusterServer {
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    /// Changes up to this version are forgotten.
    compacted: u64,
    /// By the path of the kind, and by namespace and name.
    objects: BTreeMap<(String, String), Value>,
    log: Vec<Logged>,
    /// What is left of lists in pages, by what continues them.
    pages: HashMap<String, (u64, VecDeque<Value>)>,
    faults: VecDeque<Fault>,
    /// Watches that began in an earlier round end.
    round: u64,
    has_half_lines: bool,
    token: Option<String>,
    open: BTreeMap<String, usize>,
    requests: Vec<String>,
    /// What was written.
    events: Vec<Value>,
    /// Who is known, and what they may.
    known: Known,
    /// Kinds that the cluster does not have, by their path.
    absent: Vec<String>,
    bookmarks: usize,
    is_stopped: bool,
    /// What nobody may list or watch, as [`ClusterServer::watches`] names it.
    forbidden: Vec<String>,
}

#[derive(Debug, Clone)]
struct Logged {
    version: u64,
    path: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl ClusterServer {
    /// An empty cluster on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        // As in a real one, 0 is no version.
        shared.lock().version = 1;
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.lock().is_stopped {
                    break;
                }
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.answer_all(&stream));
            }
        });
        Self { shared, port }
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Puts an object there, or another in its place.
    pub fn put(&self, mut object: Value) {
        let path = path_of(&object);
        let mut state = self.shared.lock();
        state.version += 1;
        let version = state.version;
        object["metadata"]["resourceVersion"] = version.to_string().into();
        let key = (path.clone(), key_of(&object));
        let before = state.objects.insert(key, object.clone());
        let after = Some(object);
        state.log.push(Logged {
            version,
            path,
            before,
            after,
        });
        self.shared.changed.notify_all();
    }

    /// Takes the object of that kind and name away.
    pub fn delete(&self, object: &Value) {
        let path = path_of(object);
        let mut state = self.shared.lock();
        let before = state.objects.remove(&(path.clone(), key_of(object)));
        assert!(before.is_some(), "{path} has no {}", key_of(object));
        state.version += 1;
        let version = state.version;
        state.log.push(Logged {
            version,
            path,
            before,
            after: None,
        });
        self.shared.changed.notify_all();
    }

    /// The next requests meet these faults, one each.
    pub fn fail_next(&self, faults: &[Fault]) {
        self.shared.lock().faults.extend(faults);
    }

    /// Forgets all changes: a watch that goes on from an older version is gone.
    pub fn compact(&self) {
        let mut state = self.shared.lock();
        state.compacted = state.version;
        state.log.clear();
        state.pages.clear();
    }

    /// Ends all watches, in the middle of a line or between two.
    pub fn cut_watches(&self, has_half_lines: bool) {
        let mut state = self.shared.lock();
        state.round += 1;
        state.has_half_lines = has_half_lines;
        self.shared.changed.notify_all();
    }

    /// Answers only those who have this token.
    pub fn require_token(&self, token: &str) {
        self.shared.lock().token = Some(token.to_owned());
    }

    /// How many watches are open, by their path and selectors.
    pub fn watches(&self) -> BTreeMap<String, usize> {
        self.shared.lock().open.clone()
    }

    /// The events that were written so far.
    pub fn events(&self) -> Vec<Value> {
        self.shared.lock().events.clone()
    }

    /// Somebody has this token, meant for these audiences; without one, for the cluster itself.
    pub fn know(&self, token: &str, user: &str, groups: &[&str], audiences: &[&str]) {
        let mut state = self.shared.lock();
        state.known.token(token, user, groups, audiences);
    }

    /// A user or group may do this: `get /metrics`, `list metrics.k8s.io/pods`. A star at the end of
    /// the second word stands for anything.
    pub fn grant(&self, subject: &str, verb: &str, what: &str) {
        self.shared.lock().known.grant(subject, verb, what);
    }

    /// The cluster has no kinds of this group: `/apis/monitoring.coreos.com/v1`; or it does now.
    pub fn set_absent(&self, group: &str, is_absent: bool) {
        let mut state = self.shared.lock();
        state.absent.retain(|absent| absent != group);
        state.absent.extend(is_absent.then(|| group.to_owned()));
    }

    /// Nobody may list or watch this, as [`Self::watches`] names it.
    pub fn forbid(&self, what: &str) {
        self.shared.lock().forbidden.push(what.to_owned());
    }

    /// How many bookmarks were told so far.
    pub fn bookmarks(&self) -> usize {
        self.shared.lock().bookmarks
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.shared.lock().requests.clone()
    }
}

impl Drop for ClusterServer {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_stopped = true;
        state.round += 1;
        drop(state);
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request after the other; the other side may leave at any time.
    fn answer_all(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_line(&mut reader) {
            let (mut token, mut length) = (None, 0);
            loop {
                let Some(header) = read_line(&mut reader) else {
                    return;
                };
                if header.is_empty() {
                    break;
                }
                let Some((name, value)) = header.split_once(": ") else {
                    continue;
                };
                if name.eq_ignore_ascii_case("authorization") {
                    token = value.strip_prefix("Bearer ").map(str::to_owned);
                } else if name.eq_ignore_ascii_case("content-length") {
                    length = value.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            let target = request.split(' ').nth(1).unwrap_or("/").to_owned();
            let answered = match request.starts_with("POST ") {
                true => self.take(stream, &target, token, &body),
                false => self.answer(stream, &target, token),
            };
            if answered.is_err() {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    /// What is posted: an event, or a review.
    fn take(
        &self,
        stream: &TcpStream,
        target: &str,
        token: Option<String>,
        body: &[u8],
    ) -> Result<(), std::io::Error> {
        if target.ends_with("reviews") {
            let mut state = self.lock();
            state.requests.push(target.to_owned());
            let is_known = state.token.is_none() || state.token == token;
            let fault = state.faults.pop_front().filter(|it| *it != Fault::None);
            let answer = state.known.review(target, body);
            drop(state);
            return match (is_known, fault, answer) {
                (false, ..) => write_status(stream, 401, "Unauthorized", ""),
                (true, Some(_), _) => write_status(stream, 500, "etcd is not well", ""),
                (true, None, answer) => write_body(stream, 201, "", &answer.to_string()),
            };
        }
        assert!(target.ends_with("/events"), "{target}");
        let event: Value = serde_json::from_slice(body).unwrap();
        let text = event.to_string();
        self.lock().events.push(event);
        write_body(stream, 201, "", &text)
    }

    /// An error is the end of the connection.
    fn answer(
        &self,
        mut stream: &TcpStream,
        target: &str,
        token: Option<String>,
    ) -> Result<(), std::io::Error> {
        let ended = || Err(std::io::ErrorKind::ConnectionAborted.into());
        let fault = {
            let mut state = self.lock();
            state.requests.push(target.to_owned());
            if state.token.is_some() && state.token != token {
                drop(state);
                return write_status(stream, 401, "Unauthorized", "");
            }
            state.faults.pop_front()
        };
        match fault {
            None | Some(Fault::None) => {}
            Some(Fault::Close) => return ended(),
            Some(Fault::Gone) => return write_status(stream, 410, "too old resource version", ""),
            Some(Fault::Error) => return write_status(stream, 500, "etcd is not well", ""),
            Some(Fault::TooMany(seconds)) => {
                let header = format!("Retry-After: {seconds}\r\n");
                return write_status(stream, 429, "too many requests", &header);
            }
            Some(Fault::Garbage) => return write_body(stream, 200, "", "{{{ garbage\n"),
            Some(Fault::HalfLine) => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                            Content-Length: 1000\r\n\r\n{\"type\":\"ADDED\",\"obj";
                stream.write_all(head.as_bytes())?;
                return ended();
            }
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path == "/version" {
            let version = json!({"major": "1", "minor": "30", "gitVersion": "v1.30.0"});
            return write_body(stream, 200, "", &version.to_string());
        }
        let is_absent = self
            .lock()
            .absent
            .iter()
            .any(|group| path.starts_with(group));
        if let Some(kinds) = kinds_of(path).filter(|_| !is_absent) {
            return write_body(stream, 200, "", &kinds.to_string());
        }
        if let Some(key) = Asked::object(path).filter(|_| !is_absent)
            && let Some(object) = self.lock().objects.get(&key).cloned()
        {
            return write_body(stream, 200, "", &object.to_string());
        }
        let asked = Asked::parse(path, query).filter(|_| !is_absent);
        let Some(asked) = asked else {
            return write_status(
                stream,
                404,
                "the server could not find the requested resource",
                "",
            );
        };
        if self.lock().forbidden.contains(&asked.shown()) {
            return write_status(stream, 403, "you may not do that", "");
        }
        match asked.parameters.get("watch").map(String::as_str) {
            Some("true" | "1") => self.watch(stream, &asked),
            _ => self.list(stream, &asked),
        }
    }

    fn list(&self, stream: &TcpStream, asked: &Asked) -> Result<(), std::io::Error> {
        let mut state = self.lock();
        let number = |name: &str| {
            asked
                .parameters
                .get(name)
                .and_then(|text| text.parse().ok())
        };
        let limit: usize = number("limit")
            .filter(|limit| *limit > 0)
            .unwrap_or(usize::MAX);
        let (version, mut items) = match asked.parameters.get("continue") {
            Some(token) => match state.pages.remove(token) {
                Some(rest) => rest,
                None => {
                    drop(state);
                    return write_status(
                        stream,
                        410,
                        "The provided continue parameter is too old",
                        "",
                    );
                }
            },
            None => {
                let all = state.objects.iter();
                let all = all.filter(|((path, _), object)| asked.selects(path, object));
                (
                    state.version,
                    all.map(|(_, object)| object.clone()).collect(),
                )
            }
        };
        let rest = items.split_off(items.len().min(limit));
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if !rest.is_empty() {
            let token = format!("{version}-{}", state.requests.len());
            metadata["continue"] = token.clone().into();
            state.pages.insert(token, (version, rest));
        }
        drop(state);
        // A list says once what all its objects have in common.
        for item in &mut items {
            let fields = item.as_object_mut().unwrap();
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        let list = json!({
            "kind": format!("{}List", asked.kind),
            "apiVersion": asked.api_version,
            "metadata": metadata,
            "items": items,
        });
        write_body(stream, 200, "", &list.to_string())
    }

    fn watch(&self, mut stream: &TcpStream, asked: &Asked) -> Result<(), std::io::Error> {
        let parameter = |name: &str| asked.parameters.get(name).map_or("", String::as_str);
        let shown = asked.shown();
        let mut state = self.lock();
        let round = state.round;
        let mut at = parameter("resourceVersion")
            .parse()
            .unwrap_or(state.version);
        *state.open.entry(shown.clone()).or_default() += 1;
        drop(state);
        let seconds = parameter("timeoutSeconds").parse().unwrap_or(300);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        let mut result = stream.write_all(head.as_bytes());
        while result.is_ok() {
            let (mut text, end) = self.next_lines(asked, &mut at, round);
            if end == End::HalfLine {
                text.push_str("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"na");
            }
            if !text.is_empty() {
                let chunk = format!("{:x}\r\n{text}\r\n", text.len());
                result = stream.write_all(chunk.as_bytes());
            }
            match end {
                End::No if Instant::now() < deadline => {}
                End::No | End::Line => {
                    result = result.and_then(|()| stream.write_all(b"0\r\n\r\n"));
                    break;
                }
                End::HalfLine => {
                    result = Err(std::io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        let mut state = self.lock();
        if let Some(count) = state.open.get_mut(&shown) {
            *count -= 1;
            if *count == 0 {
                state.open.remove(&shown);
            }
        }
        result
    }

    /// What happened after a version, which moves along; nothing and a bookmark after a while.
    fn next_lines(&self, asked: &Asked, at: &mut u64, round: u64) -> (String, End) {
        let state = self.lock();
        let is_quiet = |state: &mut State| state.round == round && state.version == *at;
        let waited = self
            .changed
            .wait_timeout_while(state, BOOKMARK_INTERVAL, is_quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.round != round {
            let end = if state.has_half_lines {
                End::HalfLine
            } else {
                End::Line
            };
            return (String::new(), end);
        }
        if *at < state.compacted {
            let status = json!({"kind": "Status", "code": 410, "reason": "Expired",
                                "message": format!("too old resource version: {at}")});
            return (line("ERROR", &status), End::Line);
        }
        let mut text = String::new();
        for logged in state.log.iter().filter(|logged| logged.version > *at) {
            let of = |object: &Option<Value>| {
                let object = object.as_ref();
                object
                    .filter(|object| asked.selects(&logged.path, object))
                    .cloned()
            };
            match (of(&logged.before), of(&logged.after)) {
                (None, Some(after)) => text.push_str(&line("ADDED", &after)),
                (Some(_), Some(after)) => text.push_str(&line("MODIFIED", &after)),
                (Some(mut before), None) => {
                    before["metadata"]["resourceVersion"] = logged.version.to_string().into();
                    text.push_str(&line("DELETED", &before));
                }
                (None, None) => {}
            }
        }
        *at = state.version;
        if text.is_empty() && asked.parameters.contains_key("allowWatchBookmarks") {
            let version = at.to_string();
            let bookmark = json!({"kind": asked.kind, "apiVersion": asked.api_version,
                                  "metadata": {"resourceVersion": version}});
            text = line("BOOKMARK", &bookmark);
            state.bookmarks += 1;
        }
        (text, End::No)
    }
}

/// Whether a watch ends now, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    No,
    Line,
    HalfLine,
}

/// A line without its end; none, where the other side has left.
fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    match reader.read_line(&mut line) {
        Ok(1..) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}

fn line(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

fn write_status(
    stream: &TcpStream,
    code: u16,
    message: &str,
    header: &str,
) -> Result<(), std::io::Error> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                        "message": message, "code": code});
    write_body(stream, code, header, &status.to_string())
}

fn write_body(
    mut stream: &TcpStream,
    code: u16,
    header: &str,
    body: &str,
) -> Result<(), std::io::Error> {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {code} Answer\r\nContent-Type: application/json\r\n{header}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes())
}
