//! Probes over TCP: a peer that no datagram gets through to is not gone while it can be reached.
//!
//! A ping that was not answered by UDP in its time is said once more over a connection, and the answer
//! comes back over that (as memberlist does). With TLS there are no other ways than connections, and
//! nothing of this. It is not: who is probed when, which the protocol knows.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Cluster, DATAGRAM_BUFFER_BYTES, lock};
use crate::Refusal;
use crate::frame::{self, FrameError, Said};
use crate::gossip::PEERS_MAX;
use crate::metrics::MessageKind;
use crate::transport::{Connection, Outgoing};

/// So many pings wait to be said over a connection. One more is not: a peer is probed at a time, and the
/// one before has had its time.
const UNANSWERED_MAX: usize = 1;

/// Pings on their way to who says them again.
#[derive(Debug)]
pub(super) struct Unanswered {
    sender: mpsc::Sender<Outgoing>,
    receiver: Mutex<Option<mpsc::Receiver<Outgoing>>>,
}

impl Unanswered {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(UNANSWERED_MAX);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }

    /// Lets a ping be said again, where there is room for it.
    pub(super) fn offer(&self, ping: Outgoing) {
        if self.sender.try_send(ping).is_err() {
            tracing::debug!("a probe over TCP is left out: another one is under way");
        }
    }

    /// The end that is read, once.
    pub(super) fn take(&self) -> Option<mpsc::Receiver<Outgoing>> {
        lock(&self.receiver).take()
    }
}

impl Cluster {
    /// Says pings over connections that were not answered otherwise.
    pub(super) async fn ping_again(self: Arc<Self>, mut pings: mpsc::Receiver<Outgoing>) {
        let gossip = &self.options.gossip;
        // The answer counts until the next peer is probed.
        let limit = gossip.probe_interval.saturating_sub(gossip.probe_timeout);
        let mut only_by_tcp = BTreeSet::new();
        while let Some((to, ping)) = pings.recv().await {
            let answered = timeout(limit, self.ping(to, ping)).await;
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            let answered: Result<(), FrameError> = answered.unwrap_or_else(late);
            self.metrics.probed(answered.is_ok()).inc();
            match answered {
                Ok(()) => {
                    if only_by_tcp.len() >= PEERS_MAX {
                        only_by_tcp.clear();
                    }
                    if only_by_tcp.insert(to) {
                        tracing::warn!(peer = %to, "a peer answers over TCP and not by UDP");
                    }
                }
                Err(error) => {
                    only_by_tcp.remove(&to);
                    tracing::debug!(peer = %to, %error, "a peer does not answer over TCP either");
                }
            }
        }
    }

    /// Says one ping over a connection, and takes the answer.
    async fn ping(&self, to: SocketAddr, ping: Vec<u8>) -> Result<(), FrameError> {
        let (length, label) = (ping.len(), &self.options.gossip.label);
        let bytes = frame::encode(label, Said::Datagram(ping))?;
        let mut stream = self.connect(to).await?;
        frame::write(&mut stream, &bytes).await?;
        self.metrics.sent(MessageKind::Update, length);
        let read = frame::read_within(&mut stream, label, DATAGRAM_BUFFER_BYTES);
        let Said::Datagram(answer) = read.await?.0 else {
            return Err(Refusal::Malformed.into());
        };
        self.receive(&answer, to);
        // What is due may be due sooner now.
        self.wake.notify_one();
        Ok(())
    }

    /// Answers a ping that came over a connection over the same one.
    pub(super) async fn answer_ping(
        &self,
        ping: &[u8],
        stream: &mut Box<dyn Connection>,
    ) -> Result<(), FrameError> {
        self.metrics.received(MessageKind::Update, ping.len());
        let (updates, answer) = self.act(|gossip, now_ms| gossip.answer(ping, now_ms))?;
        self.offer(updates);
        self.wake.notify_one();
        if let Some(answer) = answer {
            let length = answer.len();
            let bytes = frame::encode(&self.options.gossip.label, Said::Datagram(answer))?;
            frame::write(stream, &bytes).await?;
            self.metrics.sent(MessageKind::Update, length);
        }
        // Who asked may have all it wants.
        let _ = stream.shutdown().await;
        Ok(())
    }
}
