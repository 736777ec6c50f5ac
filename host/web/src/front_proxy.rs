//! The proxy in front of an extension of Kubernetes' API: the API server itself, which says in headers
//! for whom it asks. It is believed where its certificate is by the authority that the cluster names. Who
//! comes by themselves with a certificate of a client of the cluster is who that names.

use std::sync::Arc;

use narthex_access::User;
use narthex_http::header::HeaderMap;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::Peer;

/// Groups, and values of what else is said, that are read of one request.
const HEADERS_MAX: usize = 500;

/// Which proxies are believed, and by which headers.
#[derive(Debug)]
pub struct FrontProxy {
    verifier: Arc<dyn ClientCertVerifier>,
    /// Common names; empty is any.
    names: Vec<String>,
    user_headers: Vec<String>,
    group_headers: Vec<String>,
    extra_prefixes: Vec<String>,
    /// Of those who come by themselves; none where the cluster names no authority for them.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl FrontProxy {
    /// As the ConfigMap `extension-apiserver-authentication` says; `data` are its texts.
    ///
    /// # Errors
    /// Something is missing, or is not what it should be.
    pub fn of_config_map(data: &Value) -> Result<Self, String> {
        let text = |key: &str| {
            let text = data[key].as_str();
            text.ok_or_else(|| format!("{key} is missing"))
        };
        let list = |key: &str, default: &[&str]| match data[key].as_str() {
            None => Ok(default.iter().map(|it| (*it).to_owned()).collect()),
            Some(json) => serde_json::from_str::<Vec<String>>(json)
                .map_err(|error| format!("{key} is no list: {error}")),
        };
        let verifier = |key: &str, authority: &str| {
            verifier(authority).map_err(|error| format!("{key}: {error}"))
        };
        let (proxy, clients) = ("requestheader-client-ca-file", "client-ca-file");
        let of_clients = data[clients].as_str().filter(|text| !text.is_empty());
        Ok(Self {
            verifier: verifier(proxy, text(proxy)?)?,
            clients: of_clients
                .map(|authority| verifier(clients, authority))
                .transpose()?,
            names: list("requestheader-allowed-names", &[])?,
            user_headers: list("requestheader-username-headers", &["X-Remote-User"])?,
            group_headers: list("requestheader-group-headers", &["X-Remote-Group"])?,
            extra_prefixes: list("requestheader-extra-headers-prefix", &["X-Remote-Extra-"])?,
        })
    }

    /// Who asks: whom a proxy names that is believed, or who the certificate is of.
    pub fn user(&self, peer: &Peer, headers: &HeaderMap) -> Option<User> {
        let proxied = self.proxied(peer, headers);
        proxied.or_else(|| self.client(peer))
    }

    /// Who has a certificate of the cluster: the common name is the user, the organizations are groups.
    fn client(&self, peer: &Peer) -> Option<User> {
        let (own, others) = peer.certificates.split_first()?;
        let verified = self.clients.as_ref()?;
        let verified = verified.verify_client_cert(own, others, UnixTime::now());
        verified.ok()?;
        let (_, parsed) = X509Certificate::from_der(own).ok()?;
        let groups = parsed.subject().iter_organization();
        let groups = groups.filter_map(|group| group.as_str().ok());
        let mut user = User {
            name: common_name(own)?,
            groups: groups.map(str::to_owned).collect(),
            ..User::default()
        };
        // As the cluster says of everybody whom it knows.
        user.groups.push("system:authenticated".to_owned());
        (!user.name.is_empty()).then_some(user)
    }

    /// For whom a proxy asks; `None` where who is connected is no proxy that is believed, or names
    /// nobody.
    fn proxied(&self, peer: &Peer, headers: &HeaderMap) -> Option<User> {
        let (own, others) = peer.certificates.split_first()?;
        let verified = self
            .verifier
            .verify_client_cert(own, others, UnixTime::now());
        if let Err(error) = verified {
            tracing::debug!(%error, "a client's certificate is not that of the cluster's proxy");
            return None;
        }
        if !self.names.is_empty() && !self.names.contains(&common_name(own)?) {
            return None;
        }
        let mut names = self.user_headers.iter();
        let name = names.find_map(|header| headers.get(header.as_str())?.to_str().ok())?;
        let mut user = User {
            name: name.to_owned(),
            ..User::default()
        };
        for header in &self.group_headers {
            let values = headers.get_all(header.as_str()).iter().take(HEADERS_MAX);
            let values = values.filter_map(|value| value.to_str().ok());
            user.groups.extend(values.map(str::to_owned));
        }
        for (header, value) in headers.iter().take(HEADERS_MAX) {
            let key = self.extra_prefixes.iter().find_map(|prefix| {
                let prefix = prefix.to_ascii_lowercase();
                header.as_str().strip_prefix(prefix.as_str())
            });
            if let (Some(key), Ok(value)) = (key, value.to_str()) {
                let values = user.extra.entry(unescaped(key)).or_default();
                values.push(value.to_owned());
            }
        }
        (!user.name.is_empty()).then_some(user)
    }
}

/// Who looks whether a certificate is by an authority, PEM.
fn verifier(authority: &str) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    verifier.build().map_err(|error| error.to_string())
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

/// A key of what else is said is percent-encoded, as it may have letters that a header has not.
fn unescaped(key: &str) -> String {
    let mut parts = key.split('%');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).and_then(|it| u8::from_str_radix(it, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use narthex_http::header::HeaderValue;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use serde_json::json;

    use super::*;

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn peer(issuer: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Peer {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        Peer {
            address: None,
            certificates: Arc::from([certificate.der().clone()]),
        }
    }

    #[test]
    fn only_the_cluster_s_proxy_says_for_whom_it_asks() {
        let (own, other) = (authority(), authority());
        let data = json!({
            "requestheader-client-ca-file": own.pem(),
            "requestheader-allowed-names": "[\"front-proxy-client\"]",
            "requestheader-username-headers": "[\"X-Remote-User\"]",
        });
        let proxy = FrontProxy::of_config_map(&data).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-remote-user", "ada"),
            ("x-remote-group", "dev"),
            ("x-remote-group", "system:authenticated"),
            ("x-remote-extra-example.org%2fscopes", "a"),
            ("x-remote-extra-example.org%2fscopes", "b"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let user = proxy.user(&peer(&own, "front-proxy-client"), &headers);
        let user = user.unwrap();
        assert_eq!(user.name, "ada");
        assert_eq!(user.groups, ["dev", "system:authenticated"]);
        assert_eq!(user.extra["example.org/scopes"], ["a", "b"]);
        for peer in [
            Peer::default(),
            peer(&own, "somebody"),
            peer(&other, "front-proxy-client"),
        ] {
            assert_eq!(proxy.user(&peer, &headers), None, "{peer:?}");
        }
        let nobody = proxy.user(&peer(&own, "front-proxy-client"), &HeaderMap::new());
        assert_eq!(nobody, None);
    }

    #[test]
    fn a_client_of_the_cluster_is_who_its_certificate_names() {
        let (proxy, clients) = (authority(), authority());
        let data = json!({
            "requestheader-client-ca-file": proxy.pem(),
            "requestheader-allowed-names": "[\"front-proxy-client\"]",
            "client-ca-file": clients.pem(),
        });
        let known = FrontProxy::of_config_map(&data).unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-remote-user", HeaderValue::from_static("root"));
        // The headers are the proxy's to write, whatever its name is.
        let user = known.user(&peer(&clients, "front-proxy-client"), &headers);
        let user = user.unwrap();
        assert_eq!(user.name, "front-proxy-client");
        assert_eq!(user.groups, ["system:authenticated"]);
        assert_eq!(known.user(&peer(&proxy, "ada"), &headers), None);
    }

    #[test]
    fn a_config_map_that_says_too_little_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        for (data, expected) in [
            (json!({}), "requestheader-client-ca-file is missing"),
            (
                json!({"requestheader-client-ca-file": ""}),
                "requestheader-client-ca-file: ",
            ),
            (
                json!({"requestheader-client-ca-file": broken}),
                "requestheader-client-ca-file: ",
            ),
            (
                json!({"requestheader-client-ca-file": authority().pem(),
                       "requestheader-allowed-names": "x"}),
                "requestheader-allowed-names is no list",
            ),
        ] {
            let error = FrontProxy::of_config_map(&data).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
