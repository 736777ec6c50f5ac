//! `consul_sd_configs`: services of a Consul catalog.

use std::collections::BTreeMap;

use narthex_http::{BasicAuth, HttpConfig, HttpHeader, Secret, http_section};
use narthex_model::PromDuration;

use super::{Origin, REFRESH_INTERVAL_DEFAULT};

/// The header of an access token.
const TOKEN_HEADER: &str = "X-Consul-Token";

http_section! {
    /// One entry of `consul_sd_configs`.
    pub struct ConsulSdConfig {
        /// Host and port of the API.
        pub server: String = "localhost:8500".to_owned(),
        /// What stands before the paths of the API.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub path_prefix: String = String::new(),
        /// An access token.
        #[serde(skip_serializing_if = "Secret::is_empty")]
        pub token: Secret = Secret::default(),
        /// The data center; the one of the agent that is asked where it is empty.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub datacenter: String = String::new(),
        /// A namespace; only Consul Enterprise has them.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub namespace: String = String::new(),
        /// An admin partition; only Consul Enterprise has them.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub partition: String = String::new(),
        /// What stands between the tags in their label, and around all of them.
        pub tag_separator: String = ",".to_owned(),
        /// `http` or `https`.
        pub scheme: String = "http".to_owned(),
        /// Short for `basic_auth`.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub username: String = String::new(),
        /// Short for `basic_auth`.
        #[serde(skip_serializing_if = "Secret::is_empty")]
        pub password: Secret = Secret::default(),
        /// Whether servers that do not lead may answer.
        pub allow_stale: bool = true,
        /// How often a service is asked for at most.
        pub refresh_interval: PromDuration = REFRESH_INTERVAL_DEFAULT,
        /// The services; all where there are none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub services: Vec<String> = Vec::new(),
        /// Tags that an instance must have, all of them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub tags: Vec<String> = Vec::new(),
        /// Metadata that the node must have.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub node_meta: BTreeMap<String, String> = BTreeMap::new(),
        /// An expression over the catalog.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub filter: String = String::new(),
        /// An expression over the instances of a service.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub health_filter: String = String::new(),
    }
}

impl ConsulSdConfig {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let has_user = !self.username.is_empty() || !self.password.is_empty();
        for (wrong, text) in [
            (
                self.server.trim().is_empty(),
                "consul SD configuration requires a server address",
            ),
            (
                has_user && self.basic_auth.is_some(),
                "at most one of consul SD configuration username and password and basic auth can \
                 be configured",
            ),
            (
                !self.token.is_empty() && (self.authorization.is_some() || self.oauth2.is_some()),
                "at most one of consul SD token, authorization, or oauth2 can be configured",
            ),
        ] {
            if wrong {
                faults.push(text.to_owned());
            }
        }
        faults.extend(self.http_faults());
        faults
    }

    /// What the requests are sent with: a user and a token are what they are short for.
    pub(super) fn client(&self) -> HttpConfig {
        let mut config = self.http_config();
        if !self.username.is_empty() || !self.password.is_empty() {
            config.basic_auth = Some(BasicAuth {
                username: self.username.clone(),
                password: self.password.clone(),
                ..BasicAuth::default()
            });
        }
        if !self.token.is_empty() {
            let header = HttpHeader {
                secrets: vec![self.token.clone()],
                ..HttpHeader::default()
            };
            config.http_headers.insert(TOKEN_HEADER.to_owned(), header);
        }
        config
    }

    /// Where the API is: a scheme before the server counts more than `scheme`.
    pub(super) fn origin(&self) -> Origin {
        match self.server.split_once("://") {
            Some(("unix", path)) => Origin::Socket(path.into()),
            Some(_) => Origin::Url(self.server.clone()),
            None => Origin::Url(format!("{}://{}", self.scheme, self.server)),
        }
    }
}
