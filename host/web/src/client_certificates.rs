//! What is asked of clients' certificates: none, any, or one that an authority has signed and that
//! bears a name of a list.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::{TlsServerConfig, WebConfigError};

/// What Go calls `tls.ClientAuthType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// Clients are not asked.
    None,
    /// They are asked; what they show is not looked at.
    Request,
    /// They must show one; it is not looked at.
    RequireAny,
    /// They are asked; what they show must be signed by an authority.
    VerifyIfGiven,
    /// They must show one that is signed by an authority.
    RequireAndVerify,
}

impl ClientAuth {
    /// What the file says, where it goes together.
    pub(crate) fn of(config: &TlsServerConfig) -> Result<Self, WebConfigError> {
        let auth = match config.client_auth_type.as_str() {
            "" | "NoClientCert" => Self::None,
            "RequestClientCert" => Self::Request,
            "RequireAnyClientCert" | "RequireClientCert" => Self::RequireAny,
            "VerifyClientCertIfGiven" => Self::VerifyIfGiven,
            "RequireAndVerifyClientCert" => Self::RequireAndVerify,
            other => {
                let reason = format!("invalid ClientAuth: {other}");
                return Err(WebConfigError::value("client_auth_type", reason));
            }
        };
        let has_authority =
            !config.client_ca.is_empty() || !config.client_ca_file.as_os_str().is_empty();
        if auth == Self::None && has_authority {
            let reason = "client CA's have been configured without a Client Auth Policy";
            return Err(WebConfigError::value("client_auth_type", reason));
        }
        let must_show = matches!(auth, Self::RequireAny | Self::RequireAndVerify);
        if config.client_allowed_sans.is_some() && !must_show {
            let reason = "a client that need not show a certificate has no names to compare; \
                          client_auth_type must be RequireAnyClientCert or \
                          RequireAndVerifyClientCert";
            return Err(WebConfigError::value("client_allowed_sans", reason));
        }
        Ok(auth)
    }
}

/// Looks at the certificates of clients.
#[derive(Debug)]
pub(crate) struct ClientCertificates {
    provider: Arc<CryptoProvider>,
    /// Who verifies them, where somebody does.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    mandatory: bool,
    allowed_names: Option<Vec<String>>,
}

impl ClientCertificates {
    /// One that asks for what the file says.
    ///
    /// # Errors
    /// There is no authority among what the file names.
    pub(crate) fn verifier(
        auth: ClientAuth,
        roots: RootCertStore,
        allowed_names: Option<Vec<String>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, WebConfigError> {
        if auth == ClientAuth::None {
            return Ok(WebPkiClientVerifier::no_client_auth());
        }
        let verifies = matches!(
            auth,
            ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify
        );
        let verifier = verifies.then(|| {
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| WebConfigError::value("client_ca", error.to_string()))
        });
        Ok(Arc::new(Self {
            provider,
            verifier: verifier.transpose()?,
            mandatory: matches!(auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify),
            allowed_names,
        }))
    }
}

impl ClientCertVerifier for ClientCertificates {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let verifier = self.verifier.as_ref();
        verifier.map_or(&[], |verifier| verifier.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(verifier) = &self.verifier {
            verifier.verify_client_cert(end_entity, intermediates, now)?;
        }
        if let Some(allowed) = &self.allowed_names {
            let names = alternative_names(end_entity)?;
            if !names.iter().any(|name| allowed.contains(name)) {
                return Err(refused(format!(
                    "the client's certificate has none of the allowed names, but {names:?}"
                )));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Subject alternative names as text: of DNS, mail, addresses and URIs.
fn alternative_names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, Error> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let extension = parsed
        .subject_alternative_name()
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let names = extension
        .iter()
        .flat_map(|found| &found.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    Ok(names.collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| sixteen()).ok()
}

fn refused(reason: String) -> Error {
    let reason = Arc::new(std::io::Error::other(reason));
    Error::InvalidCertificate(CertificateError::Other(OtherError(reason)))
}
