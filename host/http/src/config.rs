//! What a configuration says of an HTTP client, field for field as Prometheus' `http_config`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::proxy::ProxyConfig;
use crate::reserved::is_reserved_header;
use crate::{CloudAuth, OAuth2, Secret};

/// A user name and password.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BasicAuth {
    /// The user name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// A file with the user name, read before each request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username_file: String,
    /// The password.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub password: Secret,
    /// A file with the password, read before each request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password_file: String,
}

/// An `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authorization {
    /// The scheme; empty means `Bearer`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// What follows the scheme.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub credentials: Secret,
    /// A file with the credentials, read before each request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credentials_file: String,
}

impl BasicAuth {
    /// The files that it names; empty names among them.
    pub fn files(&mut self) -> [&mut String; 2] {
        [&mut self.username_file, &mut self.password_file]
    }
}

impl Authorization {
    /// What `bearer_token` and `bearer_token_file` are short for; `None` where neither is there.
    pub fn bearer(token: &Secret, file: &str) -> Option<Self> {
        let is_there = !token.is_empty() || !file.is_empty();
        is_there.then(|| Self {
            scheme: String::new(),
            credentials: token.clone(),
            credentials_file: file.to_owned(),
        })
    }

    /// What does not fit together about them, in Prometheus' words. `has_other`: there is another
    /// way to authenticate beside them.
    pub fn bearer_faults(token: &Secret, file: &str, has_other: bool) -> Vec<String> {
        let (token, file) = (!token.is_empty(), !file.is_empty());
        let mut faults = Vec::new();
        if token && file {
            let text = "at most one of bearer_token & bearer_token_file must be configured";
            faults.push(text.to_owned());
        }
        if (token || file) && has_other {
            let text = "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must \
                        be configured";
            faults.push(text.to_owned());
        }
        faults
    }
}

/// A version of TLS. The two oldest can be named, and are never spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TlsVersion {
    /// 1.0
    Tls10,
    /// 1.1
    Tls11,
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// How TLS is spoken. Files are read when the client is made, and again when they have changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// The certificates that sign servers, PEM; the system's where none is given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// The client's certificate, PEM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert: String,
    /// The key of the client's certificate, PEM.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub key: Secret,
    /// A file instead of `ca`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca_file: String,
    /// A file instead of `cert`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_file: String,
    /// A file instead of `key`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_file: String,
    /// The name that the server's certificate must have, instead of the URL's host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// Accepts every certificate.
    pub insecure_skip_verify: bool,
    /// The oldest version to speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,
}

/// The values of one header of every request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpHeader {
    /// Values that may be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Values that may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Files with a value each, read before each request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Basic authentication.
    pub basic_auth: Option<BasicAuth>,
    /// Any other `Authorization` header.
    pub authorization: Option<Authorization>,
    /// A token instead.
    pub oauth2: Option<OAuth2>,
    /// What a cloud wants to know instead, for sections that have it.
    pub cloud: Option<CloudAuth>,
    /// TLS.
    pub tls_config: Option<TlsConfig>,
    /// Whether to go where a 3xx answer points.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be agreed on over TLS.
    pub enable_http2: bool,
    /// A proxy for every request. It may hold a password.
    pub proxy_url: Option<Secret>,
    /// Hosts that are asked directly, comma-separated.
    pub no_proxy: String,
    /// Takes the proxy from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    pub proxy_from_environment: bool,
    /// Headers of the CONNECT request to the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Headers of every request.
    pub http_headers: BTreeMap<String, HttpHeader>,
    /// Whether each connection goes to any of the addresses of a name, in place of the first that
    /// answers; for sections that have it.
    pub round_robin_dns: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            cloud: None,
            tls_config: None,
            follow_redirects: true,
            enable_http2: true,
            proxy_url: None,
            no_proxy: String::new(),
            proxy_from_environment: false,
            proxy_connect_header: BTreeMap::new(),
            http_headers: BTreeMap::new(),
            round_robin_dns: false,
        }
    }
}

impl HttpConfig {
    /// What does not fit together, in Prometheus' words; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, text: &str| {
            if wrong {
                faults.push(text.to_owned());
            }
        };
        if let Some(basic) = &self.basic_auth {
            fault(
                !basic.username.is_empty() && !basic.username_file.is_empty(),
                "at most one of basic_auth username, username_file & username_ref must be configured",
            );
            fault(
                !basic.password.is_empty() && !basic.password_file.is_empty(),
                "at most one of basic_auth password, password_file & password_ref must be configured",
            );
        }
        if let Some(authorization) = &self.authorization {
            fault(
                !authorization.credentials.is_empty() && !authorization.credentials_file.is_empty(),
                "at most one of authorization credentials & credentials_file must be configured",
            );
            fault(
                authorization.scheme.trim().eq_ignore_ascii_case("basic"),
                "authorization type cannot be set to \"basic\", use \"basic_auth\" instead",
            );
            fault(
                self.basic_auth.is_some() || self.oauth2.is_some(),
                "at most one of basic_auth, oauth2 & authorization must be configured",
            );
        }
        fault(
            self.basic_auth.is_some() && self.oauth2.is_some() && self.authorization.is_none(),
            "at most one of basic_auth, oauth2 & authorization must be configured",
        );
        let has_other =
            self.basic_auth.is_some() || self.authorization.is_some() || self.oauth2.is_some();
        fault(
            self.cloud.is_some() && has_other,
            "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must \
             be configured",
        );
        for name in self.http_headers.keys() {
            fault(
                is_reserved_header(name),
                &format!("setting header {name:?} is not allowed"),
            );
        }
        faults.extend(self.proxy().faults());
        faults.extend(self.oauth2.iter().flat_map(OAuth2::faults));
        faults.extend(self.cloud.iter().flat_map(CloudAuth::faults));
        faults.extend(self.tls_config.iter().flat_map(TlsConfig::faults));
        faults
    }

    pub(crate) fn proxy(&self) -> ProxyConfig {
        ProxyConfig {
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
        }
    }
}

impl TlsConfig {
    /// The files that it names; empty names among them.
    pub fn files(&mut self) -> [&mut String; 3] {
        [&mut self.ca_file, &mut self.cert_file, &mut self.key_file]
    }

    /// What does not fit together, in Prometheus' words; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let (cert, cert_file) = (!self.cert.is_empty(), !self.cert_file.is_empty());
        let (key, key_file) = (!self.key.is_empty(), !self.key_file.is_empty());
        for (wrong, text) in [
            (
                !self.ca.is_empty() && !self.ca_file.is_empty(),
                "at most one of ca, ca_file & ca_ref must be configured",
            ),
            (
                cert && cert_file,
                "at most one of cert, cert_file & cert_ref must be configured",
            ),
            (
                key && key_file,
                "at most one of key and key_file must be configured",
            ),
            (
                (cert || cert_file) && !(key || key_file),
                "exactly one of key or key_file must be configured when a client certificate is \
                 configured",
            ),
            (
                (key || key_file) && !(cert || cert_file),
                "exactly one of cert or cert_file must be configured when a client key is \
                 configured",
            ),
            (
                self.max_version.is_some_and(|max| max < TlsVersion::Tls12),
                "tls_config max_version must be TLS12 or TLS13: older versions are not supported",
            ),
            (
                matches!((self.min_version, self.max_version), (Some(min), Some(max)) if max < min),
                "tls_config.max_version must be greater than or equal to tls_config.min_version if \
                 both are specified",
            ),
        ] {
            if wrong {
                faults.push(text.to_owned());
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contradiction_is_named() {
        let config = HttpConfig {
            basic_auth: Some(BasicAuth {
                password: Secret::new("a"),
                password_file: "b".into(),
                ..BasicAuth::default()
            }),
            authorization: Some(Authorization {
                scheme: "Basic".into(),
                ..Authorization::default()
            }),
            tls_config: Some(TlsConfig {
                cert: "x".into(),
                max_version: Some(TlsVersion::Tls11),
                ..TlsConfig::default()
            }),
            no_proxy: "localhost".into(),
            http_headers: BTreeMap::from([("Host".into(), HttpHeader::default())]),
            ..HttpConfig::default()
        };
        assert_eq!(config.faults().len(), 7, "{:#?}", config.faults());
        assert_eq!(HttpConfig::default().faults(), Vec::<String>::new());
    }
}
