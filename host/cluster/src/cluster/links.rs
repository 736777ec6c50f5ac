//! Datagrams over TLS: a connection to each peer for what is sent, and one of each peer for what is
//! heard. A datagram may be lost here as it may be by UDP: the protocol counts on that.
//!
//! It is not: whole states and large updates, which have connections of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Cluster, DATAGRAM_BUFFER_BYTES};
use crate::Refusal;
use crate::frame::{self, FrameError, Said};
use crate::gossip::PEERS_MAX;
use crate::metrics::{ConnectionKind, MessageKind};
use crate::transport::{Connection, Outgoing};

/// So many datagrams wait to be given to their connections. One more is lost.
pub(super) const OUTGOING_MAX: usize = 1024;

/// So many datagrams wait for one peer, until it is connected to or takes what was sent before. One
/// more is lost.
pub(super) const LINK_DATAGRAMS_MAX: usize = 64;

/// A connection that nothing was sent over for so long is ended; the next datagram opens one anew.
const LINK_IDLE: Duration = Duration::from_secs(60);

/// A connection that nothing came over for so long is ended: who opened it would have done so by now.
const HEARD_IDLE: Duration = Duration::from_secs(120);

/// Reads to the end of a connection. Who writes the last word waits so for the other one to have
/// read it: a connection that is dropped with something unread takes with it what is on its way.
pub(super) async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let mut rest = [0; 64];
    loop {
        match stream.read(&mut rest).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // It ended without saying so.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

impl Cluster {
    /// Gives each datagram to the connection of its peer, which is opened where there is none.
    /// Returns when no more can come and all are sent.
    pub(super) async fn send_datagrams(self: Arc<Self>, mut outgoing: mpsc::Receiver<Outgoing>) {
        let mut links: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
        let mut tasks = JoinSet::new();
        while let Some((to, datagram)) = outgoing.recv().await {
            while tasks.try_join_next().is_some() {}
            links.retain(|_, link| !link.is_closed());
            let has_room = links.len() < PEERS_MAX;
            if has_room && !links.contains_key(&to) {
                let (link, datagrams) = mpsc::channel(LINK_DATAGRAMS_MAX);
                links.insert(to, link);
                tasks.spawn(Arc::clone(&self).link(to, datagrams));
            }
            let link = links.get(&to);
            if link.is_none_or(|link| link.try_send(datagram).is_err()) {
                self.metrics.tls.write_failed(ConnectionKind::Packet);
            }
        }
        drop(links);
        while tasks.join_next().await.is_some() {}
    }

    /// Connects to a peer, and sends it what is to be sent until that ends or is idle.
    async fn link(self: Arc<Self>, to: SocketAddr, mut datagrams: mpsc::Receiver<Vec<u8>>) {
        let limit = self.options.tcp_timeout;
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        let connected = timeout(limit, self.transport.connect(to)).await;
        let stream = match connected.unwrap_or_else(|_| Err(late())) {
            Ok(stream) => stream,
            Err(error) => {
                self.metrics.tls.write_failed(ConnectionKind::Packet);
                tracing::debug!(%to, %error, "there is no connection for datagrams to a peer");
                return;
            }
        };
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut nothing = [0; 1];
        loop {
            let next = tokio::select! {
                next = timeout(LINK_IDLE, datagrams.recv()) => next,
                // The other side says nothing here: it ended it, or it refused this peer.
                read = reader.read(&mut nothing) => {
                    tracing::debug!(%to, ?read, "a peer ended the connection for datagrams");
                    return;
                }
            };
            let Ok(Some(datagram)) = next else {
                break;
            };
            let length = datagram.len();
            let label = &self.options.gossip.label;
            let Ok(bytes) = frame::encode(label, Said::Datagram(datagram)) else {
                continue;
            };
            let written = timeout(limit, frame::write(&mut writer, &bytes)).await;
            if let Err(error) = written.unwrap_or_else(|_| Err(late())) {
                self.metrics.tls.write_failed(ConnectionKind::Packet);
                tracing::debug!(%to, %error, "a datagram was not sent");
                return;
            }
            self.metrics.sent(MessageKind::Update, length);
            self.metrics.tls.packet_sent(length);
        }
        let ended = timeout(limit, async {
            writer.shutdown().await?;
            read_to_end(&mut reader).await
        });
        // What was said is all there was to say.
        let _ = ended.await;
    }

    /// Takes the datagrams of a peer, after the first one, until it ends.
    pub(super) async fn hear(&self, mut stream: Box<dyn Connection>, from: SocketAddr) {
        let Ok(_place) = self.hearing.try_acquire() else {
            return self.refuse(Refusal::TooManyPeers, from);
        };
        let label = &self.options.gossip.label;
        loop {
            let read = frame::read_within(&mut stream, label, DATAGRAM_BUFFER_BYTES);
            match timeout(HEARD_IDLE, read).await {
                Ok(Ok((Said::Datagram(datagram), _))) => self.receive_framed(&datagram, from),
                Ok(Ok(_)) => return self.refuse(Refusal::Malformed, from),
                Ok(Err(FrameError::Refused(refusal))) => return self.refuse(refusal, from),
                Ok(Err(FrameError::Io(error))) => {
                    if error.kind() != std::io::ErrorKind::UnexpectedEof {
                        self.metrics.tls.read_failed();
                        tracing::debug!(%from, %error, "datagrams of a peer broke off");
                    }
                    return;
                }
                Err(_) => return,
            }
        }
    }

    /// Takes a datagram that came over a connection.
    pub(super) fn receive_framed(&self, datagram: &[u8], from: SocketAddr) {
        self.metrics.tls.packet_received(datagram.len());
        self.receive(datagram, from);
        // What is due may be due sooner now.
        self.wake.notify_one();
    }
}
