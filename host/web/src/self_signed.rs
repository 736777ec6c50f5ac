//! A certificate for a server that was given none: whoever connects has to trust it unseen, as an
//! `APIService` with `insecureSkipTLSVerify` does.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use crate::WebConfigError;

/// Certificate and key, both PEM. They are made anew at each start and lie nowhere.
///
/// # Errors
/// A name cannot stand in a certificate.
pub(crate) fn pair(name: &str) -> Result<(String, String), WebConfigError> {
    let fault = |error: rcgen::Error| WebConfigError::value("cert", error.to_string());
    let names = vec![name.to_owned(), "localhost".to_owned()];
    let mut params = CertificateParams::new(names).map_err(fault)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    let key = KeyPair::generate().map_err(fault)?;
    let certificate = params.self_signed(&key).map_err(fault)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
