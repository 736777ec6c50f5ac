//! rustls as a configuration wants it, always with the *ring* provider.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::credentials::read_bounded;
use crate::{BuildError, TlsConfig, TlsVersion};

/// Makes *ring* the process' provider where none is installed yet, for clients that are made by
/// others and ask for it.
pub fn install_tls_provider() {
    // An error means that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Makes the TLS half of a client.
pub(crate) fn client_config(tls: &TlsConfig, http2: bool) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: Vec<_> = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ]
    .into_iter()
    .filter(|(version, _)| tls.min_version.is_none_or(|min| *version >= min))
    .filter(|(version, _)| tls.max_version.is_none_or(|max| *version <= max))
    .map(|(_, supported)| supported)
    .collect();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| BuildError::Tls(error.to_string()))?;
    let verifier = verifier(tls, provider)?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity(tls)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            BuildError::Tls(format!("unable to use specified client cert: {error}"))
        })?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok(config)
}

fn verifier(
    tls: &TlsConfig,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, BuildError> {
    if tls.insecure_skip_verify {
        return Ok(Arc::new(AcceptAll { provider }));
    }
    let roots = roots(tls)?;
    if roots.is_empty() {
        // Plain HTTP must work on a machine without certificates.
        return Ok(Arc::new(RefuseAll { provider }));
    }
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| BuildError::Tls(error.to_string()))?;
    if tls.server_name.is_empty() {
        return Ok(inner);
    }
    let name = ServerName::try_from(tls.server_name.clone()).map_err(|_| {
        BuildError::Tls(format!(
            "invalid tls_config server_name {:?}",
            tls.server_name
        ))
    })?;
    Ok(Arc::new(Named { inner, name }))
}

fn roots(tls: &TlsConfig) -> Result<Arc<RootCertStore>, BuildError> {
    let Some(pem) = text("CA cert", &tls.ca, &tls.ca_file)? else {
        return Ok(system_roots());
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&pem)? {
        roots.add(certificate).map_err(|error| {
            BuildError::Tls(format!("unable to use specified CA cert: {error}"))
        })?;
    }
    match roots.is_empty() {
        true => Err(BuildError::Tls(
            "unable to use specified CA cert: no certificate in it".into(),
        )),
        false => Ok(Arc::new(roots)),
    }
}

/// The machine's certificates, read once; those that cannot be read are left out, as Go does.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(read))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(tls: &TlsConfig) -> Result<Option<Identity>, BuildError> {
    let cert = text("client cert", &tls.cert, &tls.cert_file)?;
    let key = text("client key", tls.key.expose(), &tls.key_file)?;
    let (Some(cert), Some(key)) = (cert, key) else {
        return Ok(None);
    };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| BuildError::Tls(format!("unable to use specified client key: {error}")))?;
    Ok(Some((certificates(&cert)?, key)))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| BuildError::Tls(format!("unable to read certificates: {error}")))
}

/// What is written in the configuration or in the file that it names.
fn text(what: &'static str, inline: &str, file: &str) -> Result<Option<String>, BuildError> {
    match (inline, file) {
        ("", "") => Ok(None),
        ("", path) => match read_bounded(Path::new(path)) {
            Ok(text) => Ok(Some(text)),
            Err(source) => Err(file_error(what, path, source)),
        },
        (text, _) => Ok(Some(text.to_owned())),
    }
}

fn file_error(what: &'static str, path: &str, source: io::Error) -> BuildError {
    BuildError::File {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Checks a certificate for a configured name instead of the URL's host.
#[derive(Debug)]
struct Named {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

/// `insecure_skip_verify`: any certificate will do; signatures are still checked.
#[derive(Debug)]
struct AcceptAll {
    provider: Arc<CryptoProvider>,
}

/// No certificate will do, because there is none to sign it.
#[derive(Debug)]
struct RefuseAll {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

macro_rules! verify_signatures_only {
    ($verifier:ty, $verdict:expr) => {
        impl ServerCertVerifier for $verifier {
            fn verify_server_cert(
                &self,
                _: &CertificateDer<'_>,
                _: &[CertificateDer<'_>],
                _: &ServerName<'_>,
                _: &[u8],
                _: UnixTime,
            ) -> Result<ServerCertVerified, rustls::Error> {
                $verdict
            }

            fn verify_tls12_signature(
                &self,
                message: &[u8],
                cert: &CertificateDer<'_>,
                dss: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                let algorithms = &self.provider.signature_verification_algorithms;
                rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
            }

            fn verify_tls13_signature(
                &self,
                message: &[u8],
                cert: &CertificateDer<'_>,
                dss: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                let algorithms = &self.provider.signature_verification_algorithms;
                rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
            }

            fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
                self.provider
                    .signature_verification_algorithms
                    .supported_schemes()
            }
        }
    };
}

verify_signatures_only!(AcceptAll, Ok(ServerCertVerified::assertion()));
verify_signatures_only!(
    RefuseAll,
    Err(rustls::Error::InvalidCertificate(
        rustls::CertificateError::UnknownIssuer
    ))
);
