//! The fields of [`HttpConfig`](crate::HttpConfig) within a section of the configuration that has
//! more: written once, and as flat as Prometheus has them.
//!
//! It is not: serde's `flatten`, which would take every unknown field and lose where a fault
//! stands.

/// Declares a section: the fields of its own, each with its default, and those of an HTTP client.
/// Behind the struct, `http = ...;` names a client whose fields are the defaults instead of
/// [`HttpConfig`](crate::HttpConfig)'s own.
///
/// The struct gets `Default`, serde's traits without unknown fields, and the methods
/// `http_config` (what the client is made of: a bearer token is the authorization that it is short
/// for), `http_faults` (what does not fit together, in Prometheus' words) and `http_files` (all
/// file names, for those who know from which folder they are meant).
#[macro_export]
macro_rules! http_section {
    (@defaults) => {
        $crate::HttpConfig::default()
    };
    (@defaults $http:expr) => {
        $http
    };
    (
        $(#[$attr:meta])*
        pub struct $name:ident {
            $(
                $(#[$field_attr:meta])*
                pub $field:ident: $kind:ty = $default:expr,
            )*
        }
        $(http = $http:expr;)?
    ) => {
        $(#[$attr])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                $(#[$field_attr])*
                pub $field: $kind,
            )*
            /// Basic authentication.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub basic_auth: Option<$crate::BasicAuth>,
            /// Any other `Authorization` header.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub authorization: Option<$crate::Authorization>,
            /// A token instead.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub oauth2: Option<$crate::OAuth2>,
            /// Short for an authorization of type `Bearer`.
            #[serde(skip_serializing_if = "narthex_http::Secret::is_empty")]
            pub bearer_token: $crate::Secret,
            /// The same with the token in a file.
            #[serde(skip_serializing_if = "String::is_empty")]
            pub bearer_token_file: String,
            /// TLS.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub tls_config: Option<$crate::TlsConfig>,
            /// Whether to go where a 3xx answer points.
            pub follow_redirects: bool,
            /// Whether HTTP/2 may be agreed on over TLS.
            pub enable_http2: bool,
            /// A proxy for every request. It may hold a password.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub proxy_url: Option<$crate::Secret>,
            /// Hosts that are asked directly, comma-separated.
            #[serde(skip_serializing_if = "String::is_empty")]
            pub no_proxy: String,
            /// Takes the proxy from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            pub proxy_from_environment: bool,
            /// Headers of the CONNECT request to the proxy.
            #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            pub proxy_connect_header: std::collections::BTreeMap<String, Vec<$crate::Secret>>,
            /// Headers of every request.
            #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            pub http_headers: std::collections::BTreeMap<String, $crate::HttpHeader>,
        }

        impl Default for $name {
            fn default() -> Self {
                let http = $crate::http_section!(@defaults $($http)?);
                Self {
                    $($field: $default,)*
                    basic_auth: http.basic_auth,
                    authorization: http.authorization,
                    oauth2: http.oauth2,
                    bearer_token: $crate::Secret::default(),
                    bearer_token_file: String::new(),
                    tls_config: http.tls_config,
                    follow_redirects: http.follow_redirects,
                    enable_http2: http.enable_http2,
                    proxy_url: http.proxy_url,
                    no_proxy: http.no_proxy,
                    proxy_from_environment: http.proxy_from_environment,
                    proxy_connect_header: http.proxy_connect_header,
                    http_headers: http.http_headers,
                }
            }
        }

        impl $name {
            /// What the section's HTTP client is made of.
            pub fn http_config(&self) -> $crate::HttpConfig {
                let bearer = $crate::Authorization::bearer(
                    &self.bearer_token,
                    &self.bearer_token_file,
                );
                $crate::HttpConfig {
                    basic_auth: self.basic_auth.clone(),
                    authorization: self.authorization.clone().or(bearer),
                    oauth2: self.oauth2.clone(),
                    cloud: None,
                    tls_config: self.tls_config.clone(),
                    follow_redirects: self.follow_redirects,
                    enable_http2: self.enable_http2,
                    proxy_url: self.proxy_url.clone(),
                    no_proxy: self.no_proxy.clone(),
                    proxy_from_environment: self.proxy_from_environment,
                    proxy_connect_header: self.proxy_connect_header.clone(),
                    http_headers: self.http_headers.clone(),
                    round_robin_dns: false,
                }
            }

            /// What does not fit together among the fields of the HTTP client; empty where all
            /// does.
            pub fn http_faults(&self) -> Vec<String> {
                let has_other = self.basic_auth.is_some()
                    || self.authorization.is_some()
                    || self.oauth2.is_some();
                let mut faults = $crate::Authorization::bearer_faults(
                    &self.bearer_token,
                    &self.bearer_token_file,
                    has_other,
                );
                // What the token is short for was looked at just now.
                let authorization = self.authorization.clone();
                let config = $crate::HttpConfig { authorization, ..self.http_config() };
                faults.extend(config.faults());
                faults
            }

            /// The files that the fields of the HTTP client name; empty names among them.
            pub fn http_files(&mut self) -> Vec<&mut String> {
                let mut files = vec![&mut self.bearer_token_file];
                files.extend(self.basic_auth.iter_mut().flat_map($crate::BasicAuth::files));
                let authorization = self.authorization.iter_mut();
                files.extend(authorization.map(|own| &mut own.credentials_file));
                files.extend(self.oauth2.iter_mut().flat_map($crate::OAuth2::files));
                files.extend(self.tls_config.iter_mut().flat_map($crate::TlsConfig::files));
                let headers = self.http_headers.values_mut();
                files.extend(headers.flat_map(|header| &mut header.files));
                files
            }
        }
    };
}

/// The names of those fields.
pub const HTTP_FIELDS: [&str; 13] = [
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "follow_redirects",
    "enable_http2",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
    "http_headers",
];

#[cfg(test)]
#[expect(
    unreachable_pub,
    reason = "what the macro declares is public elsewhere"
)]
mod tests {
    use super::*;
    use crate::{HttpConfig, Secret};

    http_section! {
        /// A section.
        pub struct Section {
            /// A field of its own.
            pub url: String = "http://a".to_owned(),
        }
    }

    http_section! {
        /// A section whose client is another one where nothing is said.
        pub struct Stubborn {}
        http = HttpConfig { enable_http2: false, ..HttpConfig::default() };
    }

    #[test]
    fn a_section_may_have_defaults_of_its_own() {
        let mut section: Stubborn = serde_json::from_str("{}").unwrap();
        assert!(!section.http_config().enable_http2);
        assert!(section.http_faults().is_empty());
        assert!(section.http_files().iter().all(|file| file.is_empty()));
        let asked: Stubborn = serde_json::from_str(r#"{"enable_http2": true}"#).unwrap();
        assert!(asked.http_config().enable_http2);
    }

    fn read(text: &str) -> Result<Section, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_section_is_flat_and_knows_its_fields() {
        let section = read(r#"{"url": "http://b", "bearer_token": "x"}"#).unwrap();
        assert_eq!(section.url, "http://b");
        let authorization = section.http_config().authorization.unwrap();
        assert_eq!(authorization.credentials, Secret::new("x"));
        let empty = read("{}").unwrap();
        assert_eq!(empty, Section::default());
        assert_eq!(empty.http_config(), HttpConfig::default());
        let error = read(r#"{"urls": ""}"#).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `urls`"), "{error}");
        for field in HTTP_FIELDS {
            assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let section = read(
            r#"{"bearer_token": "x", "bearer_token_file": "f", "basic_auth": {"username": "u"},
                "no_proxy": "a"}"#,
        );
        let faults = section.unwrap().http_faults();
        let parts = ["bearer_token &", "basic_auth, oauth2, bearer", "no_proxy"];
        assert_eq!(faults.len(), parts.len(), "{faults:?}");
        for (fault, part) in faults.iter().zip(parts) {
            assert!(fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn all_files_are_found() {
        let mut section = read(
            r#"{"bearer_token_file": "1", "basic_auth": {"username_file": "2", "password_file": "3"},
                "authorization": {"credentials_file": "4"},
                "oauth2": {"client_secret_file": "5", "tls_config": {"ca_file": "6"}},
                "tls_config": {"cert_file": "7", "key_file": "8"},
                "http_headers": {"a": {"files": ["9"]}}}"#,
        )
        .unwrap();
        let mut files: Vec<_> = section.http_files().into_iter().collect();
        files.retain(|file| !file.is_empty());
        assert_eq!(files, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}
