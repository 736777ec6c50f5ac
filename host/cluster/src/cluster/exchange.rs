//! Connections: whole states both ways, and updates that are too large for a datagram.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Cluster, DATAGRAM_BUFFER_BYTES, ERROR_PAUSE, links};
use crate::frame::{self, FrameError, Said};
use crate::metrics::{ConnectionKind, MessageKind};
use crate::transport::Connection;
use crate::{Refusal, Update};

/// So many connections of others are answered at a time; more wait.
const CONNECTIONS_MAX: usize = 16;

impl Cluster {
    /// Answers those who connect.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut answers = JoinSet::new();
        loop {
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                return;
            };
            while answers.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, from)) => {
                    let cluster = Arc::clone(&self);
                    answers.spawn(async move {
                        let answered =
                            timeout(cluster.options.tcp_timeout, cluster.answer(stream, from));
                        let answered = answered.await;
                        drop(turn);
                        match answered {
                            Ok(Ok(None)) => {}
                            Ok(Ok(Some(stream))) => cluster.hear(stream, from).await,
                            Ok(Err(FrameError::Refused(refusal))) => cluster.refuse(refusal, from),
                            Ok(Err(FrameError::Io(error))) => {
                                tracing::debug!(%from, %error, "an exchange with a peer broke off");
                            }
                            Err(_) => {
                                tracing::debug!(%from, "an exchange with a peer took too long")
                            }
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of a peer cannot be taken");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            }
        }
    }

    /// Answers what is said first over a connection. One that goes on with datagrams comes back.
    async fn answer(
        self: &Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
    ) -> Result<Option<Box<dyn Connection>>, FrameError> {
        let mut stream = match self.transport.accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                self.metrics.tls.read_failed();
                self.refuse_with(Refusal::Tls, from, Some(&error));
                return Ok(None);
            }
        };
        let (said, bytes) = frame::read(&mut stream, &self.options.gossip.label).await?;
        match said {
            Said::Whole(hello, states) => {
                self.metrics.tls.stream_received();
                self.metrics.received(MessageKind::FullState, bytes);
                self.act(|gossip, now_ms| gossip.greet(hello, now_ms))?;
                self.wake.notify_one();
                let whole = self.whole().await?;
                frame::write(&mut stream, &whole).await?;
                self.metrics.sent(MessageKind::FullState, whole.len());
                // Who asked may have all it wants.
                let _ = stream.shutdown().await;
                self.merge(states, true).await;
            }
            Said::Changed(updates) => {
                self.metrics.tls.stream_received();
                self.metrics.received(MessageKind::Update, bytes);
                tracing::debug!(%from, bytes, "large updates came");
                self.offer(updates);
                links::read_to_end(&mut stream).await?;
                // Who sent it has nothing more to hear.
                let _ = stream.shutdown().await;
            }
            // A frame may be larger; no datagram is.
            Said::Datagram(datagram) if datagram.len() > DATAGRAM_BUFFER_BYTES => {
                return Err(Refusal::TooLarge.into());
            }
            Said::Datagram(datagram) if self.transport.is_tls() => {
                self.receive_framed(&datagram, from);
                return Ok(Some(stream));
            }
            // Others come by UDP.
            Said::Datagram(ping) => self.answer_ping(&ping, &mut stream).await?,
        }
        Ok(None)
    }

    /// What is known of peers, and all states.
    async fn whole(self: &Arc<Self>) -> Result<Vec<u8>, FrameError> {
        let hello = self.act(|gossip, _| gossip.hello());
        let cluster = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            let states = cluster.states.get().into_iter().flatten();
            let states = states.map(|(name, state)| Update {
                state: (*name).to_owned(),
                data: state.whole(),
            });
            let said = Said::Whole(hello, states.collect());
            frame::encode(&cluster.options.gossip.label, said)
        });
        let made = made.await.map_err(std::io::Error::other)?;
        made.map_err(|refusal| {
            tracing::error!(
                bytes_max = frame::FRAME_BYTES_MAX,
                "silences and the notification log are too large to be sent to a peer"
            );
            FrameError::Refused(refusal)
        })
    }

    /// Exchanges whole states with a peer.
    pub(super) async fn exchange(self: &Arc<Self>, to: SocketAddr) -> Result<(), FrameError> {
        let exchanged = timeout(self.options.tcp_timeout, async {
            let mut stream = self.connect(to).await?;
            let whole = self.whole().await?;
            frame::write(&mut stream, &whole).await?;
            self.metrics.sent(MessageKind::FullState, whole.len());
            frame::read(&mut stream, &self.options.gossip.label).await
        });
        let late = |_| FrameError::Io(std::io::ErrorKind::TimedOut.into());
        let (said, bytes) = exchanged.await.map_err(late)??;
        let Said::Whole(hello, states) = said else {
            return Err(Refusal::Malformed.into());
        };
        self.metrics.received(MessageKind::FullState, bytes);
        self.act(|gossip, now_ms| gossip.greet(hello, now_ms))?;
        self.wake.notify_one();
        self.merge(states, true).await;
        Ok(())
    }

    /// Merges what gossip and others' updates brought.
    pub(super) async fn merge_incoming(self: Arc<Self>, mut incoming: mpsc::Receiver<Update>) {
        while let Some(update) = incoming.recv().await {
            // It goes from peer to peer on its own.
            self.merge(vec![update], false).await;
        }
    }

    /// Merges, and tells the others of what was new where they may not know it.
    async fn merge(self: &Arc<Self>, updates: Vec<Update>, is_told_on: bool) {
        let cluster = Arc::clone(self);
        let merged = tokio::task::spawn_blocking(move || {
            for update in updates {
                let Some((name, state)) = cluster.state(&update.state) else {
                    continue;
                };
                match state.merge(&update.data) {
                    Ok(Some(new)) if is_told_on => cluster.tell(name, new),
                    Ok(_) => {}
                    Err(error) => {
                        cluster.metrics.merge_failed(name).inc();
                        tracing::warn!(state = name, error, "what a peer knows cannot be merged");
                    }
                }
            }
        });
        if let Err(error) = merged.await {
            tracing::error!(%error, "what a peer knows was not merged");
        }
    }

    /// Sends updates that are too large for a datagram to each peer.
    pub(super) async fn send_oversized(self: Arc<Self>, mut oversized: mpsc::Receiver<Update>) {
        while let Some(update) = oversized.recv().await {
            let name = update.state.clone();
            let label = &self.options.gossip.label;
            let Ok(bytes) = frame::encode(label, Said::Changed(vec![update])) else {
                self.metrics.oversized_failed(&name).inc();
                continue;
            };
            let bytes: Arc<[u8]> = bytes.into();
            let mut sends = JoinSet::new();
            for peer in self.peers().into_iter().filter(|peer| *peer != self.me) {
                let (bytes, cluster) = (Arc::clone(&bytes), Arc::clone(&self));
                sends.spawn(async move {
                    let limit = cluster.options.tcp_timeout;
                    let sent = timeout(limit, cluster.send(peer.address, &bytes)).await;
                    let sent = sent.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
                    (peer, sent)
                });
            }
            while let Some(sent) = sends.join_next().await {
                match sent {
                    Ok((_, Ok(()))) => {
                        self.metrics.oversized_sent(&name).inc();
                        self.metrics.sent(MessageKind::Update, bytes.len());
                    }
                    Ok((peer, Err(error))) => {
                        self.metrics.oversized_failed(&name).inc();
                        tracing::debug!(peer = peer.name, %error, "a large update was not sent");
                    }
                    Err(_) => {
                        self.metrics.oversized_failed(&name).inc();
                    }
                }
            }
        }
    }

    /// Sends a frame that has no answer, and waits until the other side has read it.
    async fn send(&self, to: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
        let mut stream = self.connect(to).await?;
        frame::write(&mut stream, bytes).await?;
        stream.shutdown().await?;
        links::read_to_end(&mut stream).await
    }

    /// Connects to a peer for one exchange.
    pub(super) async fn connect(&self, to: SocketAddr) -> std::io::Result<Box<dyn Connection>> {
        let connected = self.transport.connect(to).await;
        match &connected {
            Ok(_) => self.metrics.tls.stream_sent(),
            Err(_) => self.metrics.tls.write_failed(ConnectionKind::Stream),
        }
        connected
    }
}
