//! A server over TCP: each connection plays its exchanges in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::fixture::{Expected, TcpExchange};
use crate::player::barrier::PATIENCE;
use crate::player::{Barrier, Complaints, Filling, PlayedServer, shown};

/// Bytes that a message may have before its end comes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16 * 1024;

#[derive(Debug)]
struct Step {
    line: usize,
    connection: Option<u32>,
    receive: Awaited,
    send: Vec<u8>,
    closes: bool,
    delay: Duration,
    is_optional: bool,
}

#[derive(Debug)]
enum Awaited {
    Nothing,
    Exactly(Vec<u8>),
    Until(Vec<u8>),
}

#[derive(Debug)]
struct Server {
    name: String,
    address: SocketAddr,
    steps: Vec<Step>,
    barrier: Barrier,
    state: Mutex<State>,
    /// How many connections are open.
    open: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    /// Connections since the call began.
    accepted: u32,
    complaints: Complaints,
}

pub(super) fn start(
    filling: &Filling<'_>,
    exchanges: &[TcpExchange],
    listener: TcpListener,
) -> Result<(Arc<dyn PlayedServer>, AbortHandle), String> {
    let steps = exchanges.iter().map(|exchange| {
        Ok::<_, String>(Step {
            line: exchange.line,
            connection: exchange.connection,
            receive: match &exchange.receive {
                Expected::Nothing => Awaited::Nothing,
                Expected::Exactly(content) => Awaited::Exactly(filling.bytes(content)?),
                Expected::Until(end) => Awaited::Until(end.clone().into_bytes()),
            },
            send: filling.bytes(&exchange.send)?,
            closes: exchange.closes,
            delay: exchange.delay,
            is_optional: exchange.is_optional,
        })
    });
    let server = Arc::new(Server {
        name: filling.server.to_owned(),
        address: listener.local_addr().map_err(|error| error.to_string())?,
        steps: steps.collect::<Result<_, _>>()?,
        barrier: Barrier::default(),
        state: Mutex::default(),
        open: watch::channel(0).0,
    });
    let task = tokio::spawn(serve(server.clone(), listener)).abort_handle();
    Ok((server, task))
}

async fn serve(server: Arc<Server>, listener: TcpListener) {
    // The connections end with the listener's task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, peer)) = accepted else {
            continue;
        };
        if server.barrier.is(peer) {
            continue;
        }
        let number = {
            let mut state = server.lock();
            state.accepted += 1;
            state.accepted
        };
        server.open.send_modify(|open| *open += 1);
        let server = server.clone();
        connections.spawn(async move {
            let played = Connection::new(stream).play(&server.steps, number).await;
            if let Err(complaint) = played {
                server.lock().complaints.add(&server.name, &complaint);
            }
            server.open.send_modify(|open| *open -= 1);
        });
    }
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl PlayedServer for Server {
    fn begin_call(&self) {
        *self.lock() = State::default();
    }

    async fn end_call(&self) -> Vec<String> {
        // What does not work here shows as complaints that are missing, never as false ones.
        let _ = self.barrier.tcp(self.address).await;
        let mut open = self.open.subscribe();
        let ended = tokio::time::timeout(PATIENCE, open.wait_for(|open| *open == 0)).await;
        let mut state = self.lock();
        if ended.is_err() {
            state
                .complaints
                .add(&self.name, "a connection outlives the call");
        }
        let awaited = self.steps.iter().find(|step| !step.is_optional);
        if let (0, Some(step)) = (state.accepted, awaited) {
            let text = format!("the plugin did not connect (line {})", step.line);
            state.complaints.add(&self.name, &text);
        }
        let numbered = self.steps.iter().filter(|step| !step.is_optional);
        let beyond = numbered
            .filter_map(|s| s.connection)
            .find(|n| *n > state.accepted);
        if let (1.., Some(number)) = (state.accepted, beyond) {
            let text = format!(
                "the plugin connected {} times, the dialogue has connection {number}",
                state.accepted
            );
            state.complaints.add(&self.name, &text);
        }
        state.complaints.take()
    }
}

/// A connection, and what came before it was asked for.
struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            pending: Vec::new(),
        }
    }

    async fn play(mut self, steps: &[Step], number: u32) -> Result<(), String> {
        let is_own = |step: &&Step| step.connection.is_none_or(|own| own == number);
        let own: Vec<&Step> = steps.iter().filter(is_own).collect();
        if own.is_empty() {
            return Err(format!("connection {number} is not in the dialogue"));
        }
        for (index, step) in own.iter().enumerate() {
            let is_last_needed = own.iter().skip(index).all(|step| step.is_optional);
            if !self.receive(step).await? {
                return match is_last_needed {
                    true => Ok(()),
                    false => Err(format!(
                        "the plugin closed the connection before it sent {} (line {})",
                        step.receive.shown(),
                        step.line
                    )),
                };
            }
            if !step.delay.is_zero() && self.is_gone_within(step.delay).await {
                // Whoever does not wait has a deadline; the call says that itself.
                return Ok(());
            }
            if self.stream.write_all(&step.send).await.is_err() {
                return Err(format!(
                    "the plugin closed the connection before the answer in line {}",
                    step.line
                ));
            }
            if step.closes {
                let _ = self.stream.shutdown().await;
                return Ok(());
            }
        }
        while self.pending.is_empty() {
            if !self.fill().await {
                return Ok(());
            }
        }
        let more = shown(&self.pending);
        Err(format!(
            "the plugin sent more than the dialogue has: {more}"
        ))
    }

    /// Takes what a step waits for; false where the connection ends first.
    async fn receive(&mut self, step: &Step) -> Result<bool, String> {
        match &step.receive {
            Awaited::Nothing => Ok(true),
            Awaited::Exactly(expected) => loop {
                let common = expected.len().min(self.pending.len());
                if self.pending.get(..common) != expected.get(..common) {
                    return Err(format!(
                        "expected {} (line {}), the plugin sent {}",
                        shown(expected),
                        step.line,
                        shown(&self.pending)
                    ));
                }
                if common == expected.len() {
                    self.pending.drain(..common);
                    return Ok(true);
                }
                if !self.fill().await {
                    return self.ended(step);
                }
            },
            Awaited::Until(end) => loop {
                let found = self.pending.windows(end.len()).position(|w| w == end);
                if let Some(at) = found {
                    self.pending.drain(..at + end.len());
                    return Ok(true);
                }
                if self.pending.len() > MESSAGE_BYTES_MAX {
                    return Err(format!("a message of over {MESSAGE_BYTES_MAX} bytes"));
                }
                if !self.fill().await {
                    return self.ended(step);
                }
            },
        }
    }

    fn ended(&self, step: &Step) -> Result<bool, String> {
        match self.pending.is_empty() {
            true => Ok(false),
            false => Err(format!(
                "expected {} (line {}), the plugin sent {} and closed the connection",
                step.receive.shown(),
                step.line,
                shown(&self.pending)
            )),
        }
    }

    /// Reads some; false at the end.
    async fn fill(&mut self) -> bool {
        let mut chunk = vec![0; CHUNK_BYTES];
        match self.stream.read(&mut chunk).await {
            Ok(count @ 1..) => {
                self.pending
                    .extend_from_slice(chunk.get(..count).unwrap_or_default());
                true
            }
            Ok(0) | Err(_) => false,
        }
    }

    /// Waits, and says whether the other side went away meanwhile.
    async fn is_gone_within(&mut self, delay: Duration) -> bool {
        let end = async { while self.fill().await {} };
        tokio::time::timeout(delay, end).await.is_ok()
    }
}

impl Awaited {
    fn shown(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Exactly(bytes) => shown(bytes),
            Self::Until(end) => format!("what ends with {}", shown(end)),
        }
    }
}
