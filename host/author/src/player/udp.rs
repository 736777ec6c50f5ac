//! A server over UDP: each datagram gets the answer of the first exchange that has it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use crate::fixture::UdpExchange;
use crate::player::{Barrier, Complaints, Filling, PlayedServer, shown};

/// The largest datagram that there is.
const DATAGRAM_BYTES_MAX: usize = 65_536;

#[derive(Debug)]
struct Exchange {
    line: usize,
    receive: Vec<u8>,
    send: Option<Vec<u8>>,
    delay: Duration,
    is_optional: bool,
}

#[derive(Debug)]
struct Server {
    name: String,
    address: SocketAddr,
    exchanges: Vec<Exchange>,
    barrier: Barrier,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often each exchange was played.
    played: Vec<u32>,
    complaints: Complaints,
}

pub(super) fn start(
    filling: &Filling<'_>,
    exchanges: &[UdpExchange],
    socket: UdpSocket,
) -> Result<(Arc<dyn PlayedServer>, AbortHandle), String> {
    let exchanges = exchanges.iter().map(|exchange| {
        let send = exchange.send.as_ref().map(|content| filling.bytes(content));
        Ok::<_, String>(Exchange {
            line: exchange.line,
            receive: filling.bytes(&exchange.receive)?,
            send: send.transpose()?,
            delay: exchange.delay,
            is_optional: exchange.is_optional,
        })
    });
    let server = Arc::new(Server {
        name: filling.server.to_owned(),
        address: socket.local_addr().map_err(|error| error.to_string())?,
        exchanges: exchanges.collect::<Result<_, _>>()?,
        barrier: Barrier::default(),
        state: Mutex::default(),
    });
    server.begin_call();
    let task = tokio::spawn(serve(server.clone(), socket)).abort_handle();
    Ok((server, task))
}

async fn serve(server: Arc<Server>, socket: UdpSocket) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if server.barrier.is(peer) {
            continue;
        }
        let datagram = buffer.get(..length).unwrap_or_default();
        let Some(exchange) = server.choose(datagram) else {
            continue;
        };
        if let Some(answer) = &exchange.send {
            tokio::time::sleep(exchange.delay).await;
            let _ = socket.send_to(answer, peer).await;
        }
    }
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, datagram: &[u8]) -> Option<&Exchange> {
        let mut state = self.lock();
        let fitting = |(_, exchange): &(usize, &Exchange)| exchange.receive == datagram;
        let all = || self.exchanges.iter().enumerate().filter(fitting);
        let unused = all().find(|(index, _)| state.played.get(*index) == Some(&0));
        let Some((index, exchange)) = unused.or_else(|| all().next_back()) else {
            let text = format!("no exchange has the datagram {}", shown(datagram));
            state.complaints.add(&self.name, &text);
            return None;
        };
        if let Some(count) = state.played.get_mut(index) {
            *count += 1;
        }
        Some(exchange)
    }
}

#[async_trait::async_trait]
impl PlayedServer for Server {
    fn begin_call(&self) {
        *self.lock() = State {
            played: vec![0; self.exchanges.len()],
            complaints: Complaints::default(),
        };
    }

    async fn end_call(&self) -> Vec<String> {
        let _ = self.barrier.udp(self.address).await;
        let mut state = self.lock();
        for (index, exchange) in self.exchanges.iter().enumerate() {
            if !exchange.is_optional && state.played.get(index) == Some(&0) {
                let text = format!(
                    "the plugin did not send {} (line {})",
                    shown(&exchange.receive),
                    exchange.line
                );
                state.complaints.add(&self.name, &text);
            }
        }
        state.complaints.take()
    }
}
