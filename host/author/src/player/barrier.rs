//! Waits until a server has seen everything that was sent to it.
//!
//! Sockets keep their order: what the player itself sends last is seen after all that the plugin
//! sent. So the end of a call is a fact and not a guess at how long things take.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::Notify;

/// So long the player waits for a server of its own; only a machine at its end takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The player's own last message.
#[derive(Debug, Default)]
pub(super) struct Barrier {
    from: Mutex<Option<SocketAddr>>,
    seen: Notify,
}

impl Barrier {
    /// Whether a peer is the player itself. Then everything before it has been seen.
    pub(super) fn is(&self, peer: SocketAddr) -> bool {
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = *from == Some(peer);
        if is_own {
            *from = None;
            self.seen.notify_one();
        }
        is_own
    }

    fn expect(&self, from: SocketAddr) {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
    }

    /// Waits until a listener has accepted all connections that there are.
    pub(super) async fn tcp(&self, server: SocketAddr) -> std::io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        self.expect(socket.local_addr()?);
        let connection = socket.connect(server).await?;
        self.wait().await;
        drop(connection);
        Ok(())
    }

    /// Waits until a socket has taken all datagrams that there are.
    pub(super) async fn udp(&self, server: SocketAddr) -> std::io::Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        self.expect(socket.local_addr()?);
        socket.send_to(&[], server).await?;
        self.wait().await;
        Ok(())
    }

    async fn wait(&self) {
        let _ = tokio::time::timeout(PATIENCE, self.seen.notified()).await;
    }
}
