//! Stands between a plugin and a live server, and writes down what both say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Bytes that are recorded in all; what is beyond goes through and makes the recording fail.
pub(super) const RECORDED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// So long connections may take to end once the plugin has its answer; those that are kept for
/// another request do not end at all.
const PATIENCE: Duration = Duration::from_millis(300);

/// What was said on one connection, in order.
pub(super) type Transcript = Vec<Said>;

/// Bytes that one side said before the other did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) by_plugin: bool,
    pub(super) bytes: Vec<u8>,
}

/// The proxy. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    recording: Arc<Recording>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Recording {
    state: Mutex<State>,
    open: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Transcript>,
    bytes: usize,
    fault: Option<String>,
}

impl Recording {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, connection: usize, by_plugin: bool, bytes: &[u8]) {
        self.with(|state| {
            state.bytes += bytes.len();
            if state.bytes > RECORDED_BYTES_MAX {
                let text = format!("more than {RECORDED_BYTES_MAX} bytes were said");
                state.fault = Some(text);
                return;
            }
            let Some(transcript) = state.connections.get_mut(connection) else {
                return;
            };
            match transcript.last_mut() {
                Some(last) if last.by_plugin == by_plugin => last.bytes.extend_from_slice(bytes),
                _ => transcript.push(Said {
                    by_plugin,
                    bytes: bytes.to_vec(),
                }),
            }
        });
    }
}

impl Proxy {
    /// Listens on a loopback port, and passes on to a server.
    pub(super) async fn start(server: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let recording = Arc::new(Recording::default());
        Ok(Self {
            address: listener.local_addr()?,
            task: tokio::spawn(serve(listener, server, recording.clone())).abort_handle(),
            recording,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was said so far, connection by connection.
    ///
    /// # Errors
    /// It was too much, or the server could not be reached.
    pub(super) async fn transcripts(&self) -> Result<Vec<Transcript>, String> {
        let mut open = self.recording.open.subscribe();
        let _ = tokio::time::timeout(PATIENCE, open.wait_for(|open| *open == 0)).await;
        self.recording.with(|state| match state.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(std::mem::take(&mut state.connections)),
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, server: String, recording: Arc<Recording>) {
    // The connections end with the listener's task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((plugin, _)) = accepted else {
            continue;
        };
        let number = recording.with(|state| {
            state.connections.push(Vec::new());
            state.connections.len() - 1
        });
        recording.open.send_modify(|open| *open += 1);
        let (server, recording) = (server.clone(), recording.clone());
        connections.spawn(async move {
            match TcpStream::connect(&server).await {
                Ok(upstream) => pass(plugin, upstream, number, &recording).await,
                Err(error) => {
                    let text = format!("connect {server}: {error}");
                    recording.with(|state| state.fault = Some(text));
                }
            }
            recording.open.send_modify(|open| *open -= 1);
        });
    }
}

async fn pass(plugin: TcpStream, server: TcpStream, number: usize, recording: &Recording) {
    let (from_plugin, to_plugin) = plugin.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pump(from_plugin, to_server, |bytes| recording
            .note(number, true, bytes)),
        pump(from_server, to_plugin, |bytes| recording
            .note(number, false, bytes)),
    );
}

/// Notes before it passes on: what the other side has read is in the transcript.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, note: impl Fn(&[u8])) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default();
        note(bytes);
        if to.write_all(bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
