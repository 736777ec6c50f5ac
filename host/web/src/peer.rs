//! Who is at the other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// The other end of a connection; each request that comes in by it has it among its extensions.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Where it is.
    pub address: Option<SocketAddr>,
    /// The certificate that it has shown and those after it. That it has the key is known; whether
    /// somebody has signed it, only where the entrance asks for that.
    pub certificates: Arc<[CertificateDer<'static>]>,
}
