//! TLS over connections that are not HTTP.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::io_cause;
use crate::{BuildError, TlsConfig, tls};

/// Speaks TLS as one configuration says.
#[derive(Clone)]
pub struct TlsClient(TlsConnector);

/// What was agreed with the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSession {
    /// `TLS 1.3`
    pub version: String,
    /// The cipher suite, as its registry names it.
    pub cipher: String,
    /// The other side's certificates in DER, its own first.
    pub certificates: Vec<Vec<u8>>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Makes one; files are read now.
    ///
    /// # Errors
    /// The configuration contradicts itself, or a file that it names cannot be used.
    pub fn new(config: &TlsConfig) -> Result<Self, BuildError> {
        Ok(Self(TlsConnector::from(tls_client(config)?)))
    }

    /// Goes on in TLS with a server of this name (or address), over an open connection.
    ///
    /// # Errors
    /// In Go's words: the certificate is not one for that name, or something else went wrong.
    pub async fn connect<S>(&self, stream: S, server_name: &str) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(server_name.to_owned())
            .map_err(|_| format!("tls: {server_name:?} cannot be a server's name"))?;
        let connected = self.0.connect(name, stream).await;
        connected.map_err(|error: io::Error| io_cause(&error, None))
    }
}

/// The TLS of connections that are not HTTP, for who opens them himself; files are read now.
///
/// # Errors
/// As [`TlsClient::new`].
pub fn tls_client(config: &TlsConfig) -> Result<Arc<ClientConfig>, BuildError> {
    let mut config = tls::client_config(config, false)?;
    config.alpn_protocols.clear();
    Ok(Arc::new(config))
}

/// What was agreed on a connection.
pub fn session<S>(stream: &TlsStream<S>) -> TlsSession {
    let (_, connection) = stream.get_ref();
    let version = connection.protocol_version();
    let version = version.and_then(|version| version.as_str()).unwrap_or("");
    let cipher = connection.negotiated_cipher_suite();
    let cipher = cipher.and_then(|suite| suite.suite().as_str());
    let certificates = connection.peer_certificates().unwrap_or_default();
    TlsSession {
        // `TLSv1_3`
        version: version.replace("TLSv", "TLS ").replace('_', "."),
        // rustls puts the version into the names of those of TLS 1.3.
        cipher: cipher.unwrap_or_default().replace("TLS13_", "TLS_"),
        certificates: certificates.iter().map(|c| c.to_vec()).collect(),
    }
}
