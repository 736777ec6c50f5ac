//! rustls as the file wants it; what Go can do and rustls does not is refused by its name.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use crate::client_certificates::{ClientAuth, ClientCertificates};
use crate::{TlsServerConfig, WebConfigError, files};

/// Suites of TLS 1.2 in Go's names and rustls'.
const SUITES: [(&str, CipherSuite); 6] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Suites that Go has and rustls has not: they lack forward secrecy or seal after they authenticate.
const SUITES_NOT_SPOKEN: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// Suites of TLS 1.3, all of which are always offered, as in Go.
const SUITES_13: [&str; 3] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];

/// The TLS of connections that are not HTTP: as [`WebConfig`](crate::WebConfig) has it, with files as
/// they are now.
///
/// # Errors
/// A file or a value that cannot be used, by its key.
pub fn tls_server(config: &TlsServerConfig) -> Result<Arc<ServerConfig>, WebConfigError> {
    let mut made = server_config(config, false)?;
    made.alpn_protocols.clear();
    Ok(Arc::new(made))
}

/// Makes the TLS half of the server, and reads the files that it needs.
///
/// # Errors
/// A file or a value that cannot be used, by its key.
pub(crate) fn server_config(
    config: &TlsServerConfig,
    http2: bool,
) -> Result<ServerConfig, WebConfigError> {
    let auth = ClientAuth::of(config)?;
    let provider = Arc::new(provider(config)?);
    let chain = pem(("cert_file", &config.cert_file), &config.cert)?
        .ok_or_else(|| WebConfigError::value("cert", "missing one of cert or cert_file"))?;
    let key = pem(("key_file", &config.key_file), config.key.expose())?
        .ok_or_else(|| WebConfigError::value("key", "missing one of key or key_file"))?;
    let chain = certificates("cert", &chain)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| WebConfigError::value("key", error.to_string()))?;
    let verifier = ClientCertificates::verifier(
        auth,
        roots(config, auth)?,
        config.client_allowed_sans.clone(),
        Arc::clone(&provider),
    )?;
    let mut made = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(config)?)
        .map_err(|error| WebConfigError::value("tls_server_config", error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| WebConfigError::value("cert", error.to_string()))?;
    made.ignore_client_order = config.prefer_server_cipher_suites;
    made.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok(made)
}

/// The text of a file, or that which stands in the configuration; none where neither is.
fn pem((key, file): (&'static str, &Path), text: &str) -> Result<Option<Vec<u8>>, WebConfigError> {
    if file.as_os_str().is_empty() {
        return Ok((!text.is_empty()).then(|| text.as_bytes().to_vec()));
    }
    let read = files::read(file).map_err(|reason| WebConfigError::File {
        key,
        path: file.to_owned(),
        reason,
    })?;
    Ok(Some(read))
}

fn certificates(
    key: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| WebConfigError::value(key, error.to_string()))?;
    match found.is_empty() {
        true => Err(WebConfigError::value(key, "there is no certificate in it")),
        false => Ok(found),
    }
}

/// The authorities that sign clients: those of the file, or the system's.
fn roots(config: &TlsServerConfig, auth: ClientAuth) -> Result<RootCertStore, WebConfigError> {
    let mut roots = RootCertStore::empty();
    if !matches!(
        auth,
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify
    ) {
        return Ok(roots);
    }
    match pem(
        ("client_ca_file", &config.client_ca_file),
        &config.client_ca,
    )? {
        Some(text) => {
            for certificate in certificates("client_ca", &text)? {
                roots
                    .add(certificate)
                    .map_err(|error| WebConfigError::value("client_ca", error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn versions(
    config: &TlsServerConfig,
) -> Result<Vec<&'static SupportedProtocolVersion>, WebConfigError> {
    let min = number("min_version", &config.min_version)?;
    let max = number("max_version", &config.max_version)?;
    let all = [(12, &version::TLS12), (13, &version::TLS13)];
    let asked = all.iter().filter(|(it, _)| (min..=max).contains(it));
    let asked: Vec<_> = asked.map(|(_, version)| *version).collect();
    match asked.is_empty() {
        true => Err(WebConfigError::value(
            "min_version",
            "it is above max_version",
        )),
        false => Ok(asked),
    }
}

fn number(key: &'static str, version: &str) -> Result<u8, WebConfigError> {
    match version {
        "TLS12" => Ok(12),
        "TLS13" => Ok(13),
        "TLS10" | "TLS11" => {
            let reason = format!("{version} is not spoken: it is broken; the oldest is TLS12");
            Err(WebConfigError::value(key, reason))
        }
        other => {
            let reason = format!("unknown TLS version: {other}");
            Err(WebConfigError::value(key, reason))
        }
    }
}

/// *ring*, with the suites and groups that the file leaves.
fn provider(config: &TlsServerConfig) -> Result<CryptoProvider, WebConfigError> {
    let mut provider = ring::default_provider();
    let mut suites = Vec::new();
    for name in &config.cipher_suites {
        let name = name.as_str();
        if let Some((_, suite)) = SUITES.iter().find(|(known, _)| *known == name) {
            suites.push(*suite);
        } else if SUITES_NOT_SPOKEN.contains(&name) || name.starts_with("TLS_RSA_") {
            let reason = format!("{name} is not spoken: it is too weak");
            return Err(WebConfigError::value("cipher_suites", reason));
        } else if !SUITES_13.contains(&name) {
            let reason = format!("unknown cipher: {name}");
            return Err(WebConfigError::value("cipher_suites", reason));
        }
    }
    if !config.cipher_suites.is_empty() {
        provider
            .cipher_suites
            .retain(|offered| offered.tls13().is_some() || suites.contains(&offered.suite()));
    }
    if !config.curve_preferences.is_empty() {
        let names = config.curve_preferences.iter();
        let groups: Result<Vec<_>, _> = names.map(|name| group(name)).collect();
        provider.kx_groups = groups?;
    }
    Ok(provider)
}

fn group(name: &str) -> Result<&'static dyn SupportedKxGroup, WebConfigError> {
    let reason = match name {
        "CurveP256" => return Ok(ring::kx_group::SECP256R1),
        "CurveP384" => return Ok(ring::kx_group::SECP384R1),
        "X25519" => return Ok(ring::kx_group::X25519),
        "CurveP521" => "CurveP521 is not spoken; CurveP256, CurveP384 and X25519 are".to_owned(),
        other => format!("unknown curve: {other}"),
    };
    Err(WebConfigError::value("curve_preferences", reason))
}
