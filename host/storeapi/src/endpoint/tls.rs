//! How an endpoint is spoken to by TLS.

use std::fmt;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// How an endpoint is spoken to by TLS. All texts are PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EndpointTls {
    /// The authorities that sign endpoints; `None` for those of the system.
    pub authorities: Option<Vec<u8>>,
    /// Our certificate and its key, where the endpoint asks for one.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The name that the endpoint's certificate must have; `None` for that of the address.
    pub server_name: Option<String>,
}

impl EndpointTls {
    pub(super) fn config(&self) -> ClientTlsConfig {
        let mut config = ClientTlsConfig::new();
        config = match &self.authorities {
            Some(pem) => config.ca_certificate(Certificate::from_pem(pem)),
            None => config.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificate, key));
        }
        if let Some(name) = &self.server_name {
            config = config.domain_name(name);
        }
        config
    }
}

impl fmt::Debug for EndpointTls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointTls")
            .field("has_authorities", &self.authorities.is_some())
            .field("has_identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}
