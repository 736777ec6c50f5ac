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

#[cfg(test)]
mod tests {
    use crate::Entrance;

    #[test]
    fn a_server_speaks_tls_by_files_or_by_what_is_made() {
        let made = Entrance::with_certificate(None, "narthex.svc").unwrap();
        assert!(made.speaks_tls());
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = super::pair("narthex.svc").unwrap();
        let files = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], cert).unwrap();
        std::fs::write(&files[1], key).unwrap();
        let [cert, key] = files;
        let given = Entrance::with_certificate(Some((cert.clone(), key)), "");
        assert!(given.unwrap().speaks_tls());
        let missing = folder.path().join("none");
        let error = Entrance::with_certificate(Some((cert, missing)), "").unwrap_err();
        assert!(
            error.to_string().starts_with("failed to read key_file"),
            "{error}"
        );
        assert!(Entrance::with_certificate(None, "\u{e4}").is_err());
    }
}
