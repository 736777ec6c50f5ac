//! What a TLS connection says of itself.

use narthex_sdk::tcp::{Connection, TlsSession};
use narthex_sdk::{Batch, Error};
use sha2::{Digest, Sha256};

use crate::certificate::Certificate;

/// What is known of a TLS connection.
#[derive(Debug)]
pub(crate) struct Seen {
    version: String,
    /// When the first of the certificates expires.
    expiry: i64,
    leaf: Certificate,
    fingerprint: String,
}

impl Seen {
    /// Looks at a connection; one in the clear has nothing to see.
    pub(crate) fn of(connection: &Connection) -> Result<Option<Self>, Error> {
        connection.session().map(Self::read).transpose()
    }

    fn read(session: TlsSession) -> Result<Self, Error> {
        let read = |der: &Vec<u8>| {
            let fault = || Error::Protocol("a certificate that is no X.509".to_owned());
            Certificate::parse(der).ok_or_else(fault)
        };
        let chain = session.certificates.iter().map(read);
        let chain: Vec<Certificate> = chain.collect::<Result<_, _>>()?;
        let expiry = chain.iter().map(|certificate| certificate.expiry).min();
        let leaf = chain.into_iter().next();
        let (Some(leaf), Some(expiry)) = (leaf, expiry) else {
            return Err(Error::Protocol("TLS without a certificate".to_owned()));
        };
        let digest = Sha256::digest(&session.certificates[0]);
        Ok(Self {
            version: session.version,
            expiry,
            leaf,
            fingerprint: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// Writes the families of TLS.
    pub(crate) fn write(&self, batch: &mut Batch) {
        let expiry = self.expiry as f64;
        for (name, help) in [
            (
                "probe_ssl_earliest_cert_expiry",
                "When the first of the certificates expires, since the Unix epoch.",
            ),
            (
                "probe_ssl_last_chain_expiry_timestamp_seconds",
                "When the chain that was shown expires, since the Unix epoch.",
            ),
        ] {
            batch.gauge(name, help).sample(&[], expiry);
        }
        let labels = [
            ("fingerprint_sha256", self.fingerprint.as_str()),
            ("issuer", &self.leaf.issuer),
            ("subject", &self.leaf.subject),
            ("subjectalternative", &self.leaf.names.join(",")),
        ];
        batch
            .gauge(
                "probe_ssl_last_chain_info",
                "The server's own certificate; the value is always 1.",
            )
            .sample(&labels, 1.0);
        batch
            .gauge(
                "probe_tls_version_info",
                "The version of TLS; the value is always 1.",
            )
            .sample(&[("version", &self.version)], 1.0);
    }
}
