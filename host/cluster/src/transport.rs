//! How bytes get from peer to peer: datagrams by UDP and connections by TCP, or all of it by TLS.
//!
//! It is not: whose certificates are good, and where they lie. Who builds a cluster says that
//! ([`PeerTls`]).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How peers prove to each other who they are. It is asked anew for each connection, so that
/// certificates that were replaced count from then on.
pub trait PeerTls: Send + Sync + fmt::Debug {
    /// What is shown to, and asked of, those who connect.
    ///
    /// # Errors
    /// A file cannot be used; nobody is answered then.
    fn server(&self) -> Result<Arc<ServerConfig>, String>;

    /// What is shown to, and asked of, those who are connected to. They are asked for a certificate
    /// of their address, unless this names another one.
    ///
    /// # Errors
    /// A file cannot be used; nobody is connected to then.
    fn client(&self) -> Result<Arc<ClientConfig>, String>;
}

/// A connection with a peer, with TLS or without.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A datagram, and to where.
pub(crate) type Outgoing = (SocketAddr, Vec<u8>);

/// What peers talk by.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Datagrams by UDP, connections by TCP.
    Plain(UdpSocket),
    /// Connections by TLS, and datagrams over such ones.
    Tls {
        /// Who is trusted.
        tls: Arc<dyn PeerTls>,
        /// Where datagrams wait to be sent; nowhere any more when the cluster stops.
        outgoing: Mutex<Option<mpsc::Sender<Outgoing>>>,
    },
}

impl Transport {
    /// Whether peers prove who they are.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }

    /// Sends a datagram, or lets it be sent. It may be lost on the way either way. `Some` are the
    /// bytes that have been sent by now.
    ///
    /// # Errors
    /// It is not sent.
    pub(crate) fn send(&self, datagram: Vec<u8>, to: SocketAddr) -> io::Result<Option<usize>> {
        match self {
            Self::Plain(socket) => socket.try_send_to(&datagram, to).map(Some),
            Self::Tls { outgoing, .. } => {
                let outgoing = outgoing.lock().unwrap_or_else(PoisonError::into_inner);
                let ended = || io::Error::other("the cluster has stopped");
                let outgoing = outgoing.as_ref().ok_or_else(ended)?;
                let full = |_| io::Error::other("too many datagrams wait to be sent");
                outgoing.try_send((to, datagram)).map_err(full)?;
                Ok(None)
            }
        }
    }

    /// Sends no more datagrams than those that wait already, where they wait at all.
    pub(crate) fn close(&self) {
        if let Self::Tls { outgoing, .. } = self {
            let mut outgoing = outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            drop(outgoing.take());
        }
    }

    /// The next datagram: its length, and where it is from. With TLS none comes here.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self {
            Self::Plain(socket) => socket.recv_from(buffer).await,
            Self::Tls { .. } => std::future::pending().await,
        }
    }

    /// Connects to a peer.
    ///
    /// # Errors
    /// It cannot be reached, or does not prove that it is a peer.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<Box<dyn Connection>> {
        let Self::Tls { tls, .. } = self else {
            return Ok(Box::new(TcpStream::connect(to).await?));
        };
        let config = tls.client().map_err(io::Error::other)?;
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::from(to.ip());
        let connected = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Box::new(connected))
    }

    /// Goes on with one who connected.
    ///
    /// # Errors
    /// It does not prove that it is a peer.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<Box<dyn Connection>> {
        let Self::Tls { tls, .. } = self else {
            return Ok(Box::new(stream));
        };
        let config = tls.server().map_err(io::Error::other)?;
        stream.set_nodelay(true)?;
        let accepted = TlsAcceptor::from(config).accept(stream).await?;
        Ok(Box::new(accepted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its files are gone.
    #[derive(Debug)]
    struct Gone;

    impl PeerTls for Gone {
        fn server(&self) -> Result<Arc<ServerConfig>, String> {
            Err("no certificate".to_owned())
        }

        fn client(&self) -> Result<Arc<ClientConfig>, String> {
            Err("no authority".to_owned())
        }
    }

    #[tokio::test]
    async fn what_waits_is_bounded_and_handed_over_before_the_end() {
        let (sender, mut waiting) = mpsc::channel(2);
        let transport = Transport::Tls {
            tls: Arc::new(Gone),
            outgoing: Mutex::new(Some(sender)),
        };
        let to: SocketAddr = "127.0.0.1:9".parse().unwrap();
        for (byte, is_taken) in [(1, true), (2, true), (3, false)] {
            assert_eq!(transport.send(vec![byte], to).is_ok(), is_taken, "{byte}");
        }
        assert_eq!(waiting.recv().await, Some((to, vec![1])));
        transport.send(vec![4], to).unwrap();
        transport.close();
        assert!(transport.send(vec![5], to).is_err());
        for byte in [2, 4] {
            assert_eq!(waiting.recv().await, Some((to, vec![byte])));
        }
        assert_eq!(waiting.recv().await, None);
        // Without its files it talks to nobody.
        let error = transport.connect(to).await.err().unwrap();
        assert_eq!(error.to_string(), "no authority");
    }
}
