//! The section `narthex_access` of the web configuration.

use std::path::Path;

use narthex_http::http_section;
use narthex_kubernetes::Resource;
use serde::{Deserialize, Serialize};

use crate::limits::ISSUERS_MAX;
use crate::network::Network;
use crate::oidc::{RESERVED, url_fault};

/// What is open where nothing is said: the probes of a kubelet.
const OPEN_PATHS: [&str; 2] = ["/-/healthy", "/-/ready"];

/// The claim that names users where nothing is said.
const USERNAME_CLAIM: &str = "sub";

/// The claim that names groups where nothing is said.
const GROUPS_CLAIM: &str = "groups";

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// Paths, below the route prefix, that everybody may read.
    pub open_paths: Vec<String>,
    /// A cluster that says whose tokens are, and what somebody may.
    pub kubernetes: Option<KubernetesAccess>,
    /// Issuers of tokens.
    pub oidc: Vec<OidcConfig>,
    /// Proxies that say who asks.
    pub trusted_proxies: Option<TrustedProxies>,
    /// Who may what.
    pub roles: Roles,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            open_paths: OPEN_PATHS.map(str::to_owned).to_vec(),
            kubernetes: None,
            oidc: Vec::new(),
            trusted_proxies: None,
            roles: Roles::default(),
        }
    }
}

http_section! {
    /// The cluster.
    pub struct KubernetesAccess {
        /// The URL of the API; empty is the cluster that this server runs in.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub api_server: String = String::new(),
        /// A file that says where the API is and who asks.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub kubeconfig_file: String = String::new(),
        /// For whom tokens have to be meant; none is the cluster itself.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub audiences: Vec<String> = Vec::new(),
        /// Whether the cluster is asked what somebody may who has no role.
        pub subject_access_review: bool = true,
        /// What it is asked for in place of path and verb.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub resource_attributes: Option<Resource> = None,
    }
}

http_section! {
    /// An issuer of OpenID Connect.
    pub struct OidcConfig {
        /// As its tokens name it; its documents are found below.
        pub issuer_url: String = String::new(),
        /// For whom its tokens have to be meant: one of these.
        pub audiences: Vec<String> = Vec::new(),
        /// The claim that names the user.
        pub username_claim: String = USERNAME_CLAIM.to_owned(),
        /// Stands before the name.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub username_prefix: String = String::new(),
        /// The claim that names groups; empty is none.
        pub groups_claim: String = GROUPS_CLAIM.to_owned(),
        /// Stands before the name of each group.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub groups_prefix: String = String::new(),
    }
}

/// Proxies that have found out who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrustedProxies {
    /// Where they are; what comes from elsewhere is not believed.
    pub networks: Vec<String>,
    /// The header that names the user.
    pub user_header: String,
    /// The header that names groups, with commas between them.
    pub groups_header: String,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            user_header: "X-Forwarded-User".to_owned(),
            // A proxy that sets none would hand on what its clients say.
            groups_header: String::new(),
        }
    }
}

/// Who may what without that a cluster is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Roles {
    /// Ask.
    pub read: Members,
    /// Push.
    pub write: Members,
    /// Everything.
    pub admin: Members,
}

/// Who has a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Members {
    /// By name.
    pub users: Vec<String>,
    /// By a group that they are in.
    pub groups: Vec<String>,
}

impl Members {
    /// Whether somebody is one.
    pub(crate) fn has(&self, name: &str, groups: &[String]) -> bool {
        self.users.iter().any(|user| user == name)
            || self.groups.iter().any(|group| groups.contains(group))
    }

    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

impl AccessConfig {
    /// Relative files lie beside the configuration.
    pub fn set_directory(&mut self, directory: &Path) {
        let mut files: Vec<&mut String> = Vec::new();
        if let Some(kubernetes) = &mut self.kubernetes {
            let file = &mut kubernetes.kubeconfig_file;
            if !file.is_empty() {
                *file = directory.join(&*file).display().to_string();
            }
            files.extend(kubernetes.http_files());
        }
        files.extend(self.oidc.iter_mut().flat_map(OidcConfig::http_files));
        for file in files.into_iter().filter(|file| !file.is_empty()) {
            *file = directory.join(&*file).display().to_string();
        }
    }

    /// What does not hold; `has_users` says whether there are users with passwords.
    pub fn faults(&self, has_users: bool) -> Vec<String> {
        let mut faults = Vec::new();
        if self.kubernetes.is_none()
            && self.oidc.is_empty()
            && self.trusted_proxies.is_none()
            && !has_users
        {
            let text = "nobody could ask: it needs kubernetes, oidc, trusted_proxies or \
                        basic_auth_users";
            faults.push(text.to_owned());
        }
        let roles = [&self.roles.read, &self.roles.write, &self.roles.admin];
        let asks_cluster = self
            .kubernetes
            .as_ref()
            .is_some_and(|it| it.subject_access_review);
        if roles.iter().all(|members| members.is_empty()) && !asks_cluster {
            faults.push("roles: nobody has one, and no cluster is asked what they may".to_owned());
        }
        for path in &self.open_paths {
            if !path.starts_with('/') {
                faults.push(format!("open_paths: {path:?} must begin with a slash"));
            }
        }
        if let Some(kubernetes) = &self.kubernetes {
            faults.extend(kubernetes.faults());
        }
        if self.oidc.len() > ISSUERS_MAX {
            faults.push(format!("oidc: more than {ISSUERS_MAX} issuers"));
        }
        for issuer in &self.oidc {
            faults.extend(issuer.faults());
        }
        let proxies = self.trusted_proxies.iter();
        faults.extend(proxies.flat_map(TrustedProxies::faults));
        faults
    }
}

impl KubernetesAccess {
    fn faults(&self) -> Vec<String> {
        let mut faults = self.http_faults();
        if !self.api_server.is_empty() && !self.kubeconfig_file.is_empty() {
            faults.push("api_server and kubeconfig_file cannot both be said".to_owned());
        }
        if self.audiences.iter().any(String::is_empty) {
            faults.push("audiences: one is empty".to_owned());
        }
        let faults = faults.into_iter();
        faults.map(|text| format!("kubernetes: {text}")).collect()
    }
}

impl OidcConfig {
    fn faults(&self) -> Vec<String> {
        let mut faults = self.http_faults();
        faults.extend(url_fault(&self.issuer_url).map(|text| format!("issuer_url: {text}")));
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            let text = "audiences: it must say for whom tokens are meant, or those for others \
                        would count";
            faults.push(text.to_owned());
        }
        if self.username_claim.is_empty() {
            faults.push("username_claim: must be set".to_owned());
        }
        for (field, prefix) in [
            ("username_prefix", &self.username_prefix),
            ("groups_prefix", &self.groups_prefix),
        ] {
            if prefix.starts_with(RESERVED) {
                faults.push(format!(
                    "{field}: {RESERVED} stands before names of a cluster"
                ));
            }
        }
        let faults = faults.into_iter();
        faults.map(|text| format!("oidc: {text}")).collect()
    }
}

impl TrustedProxies {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.networks.is_empty() {
            faults.push("networks: must name where the proxies are".to_owned());
        }
        for network in &self.networks {
            faults.extend(
                network
                    .parse::<Network>()
                    .err()
                    .map(|it| format!("networks: {it}")),
            );
        }
        if self.user_header.is_empty() {
            faults.push("user_header: must be set".to_owned());
        }
        let faults = faults.into_iter();
        faults
            .map(|text| format!("trusted_proxies: {text}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_hold_is_named() {
        let roles = json!({"read": {"groups": ["dev"]}});
        let issuer = json!({"issuer_url": "https://a", "audiences": ["n"]});
        for (section, has_users, expected) in [
            (json!({"kubernetes": {}}), false, ""),
            (json!({"roles": roles}), true, ""),
            (json!({"roles": roles}), false, "nobody could ask"),
            (json!({"oidc": [issuer], "roles": roles}), false, ""),
            (json!({"oidc": [issuer]}), false, "roles: nobody has one"),
            (
                json!({"kubernetes": {"subject_access_review": false}}),
                false,
                "roles: nobody has one",
            ),
            (
                json!({"oidc": [{"issuer_url": "http://a", "audiences": ["n"]}], "roles": roles}),
                false,
                "oidc: issuer_url: ",
            ),
            (
                json!({"oidc": [{"issuer_url": "https://a"}], "roles": roles}),
                false,
                "oidc: audiences: ",
            ),
            (
                json!({"trusted_proxies": {}, "roles": roles}),
                false,
                "trusted_proxies: networks: ",
            ),
            (
                json!({"trusted_proxies": {"networks": ["10/8"]}, "roles": roles}),
                false,
                "trusted_proxies: networks: \"10/8\" is no network",
            ),
            (
                json!({"kubernetes": {"api_server": "http://a", "kubeconfig_file": "b"}}),
                false,
                "kubernetes: api_server and",
            ),
            (
                json!({"kubernetes": {}, "open_paths": ["metrics"]}),
                false,
                "open_paths: ",
            ),
        ] {
            let config: AccessConfig = serde_json::from_value(section.clone()).unwrap();
            let faults = config.faults(has_users);
            match expected {
                "" => assert_eq!(faults, [""; 0], "{section}"),
                expected => {
                    assert_eq!(faults.len(), 1, "{section}: {faults:?}");
                    assert!(faults[0].starts_with(expected), "{section}: {faults:?}");
                }
            }
        }
    }

    #[test]
    fn there_are_so_many_issuers_and_no_more() {
        let issuer = json!({"issuer_url": "https://a", "audiences": ["n"]});
        let section = json!({"oidc": vec![issuer; ISSUERS_MAX + 1],
                             "roles": {"read": {"users": ["a"]}}});
        let config: AccessConfig = serde_json::from_value(section).unwrap();
        assert_eq!(config.faults(false), ["oidc: more than 16 issuers"]);
    }

    #[test]
    fn files_lie_beside_the_configuration() {
        let section = json!({"kubernetes": {"kubeconfig_file": "k", "tls_config": {"ca_file": "/c"}},
                             "oidc": [{"tls_config": {"ca_file": "ca"}}]});
        let mut config: AccessConfig = serde_json::from_value(section).unwrap();
        config.set_directory(Path::new("/etc/n"));
        let kubernetes = config.kubernetes.unwrap();
        assert_eq!(kubernetes.kubeconfig_file, "/etc/n/k");
        assert_eq!(kubernetes.tls_config.unwrap().ca_file, "/c");
        let tls = config.oidc.remove(0).tls_config.unwrap();
        assert_eq!(tls.ca_file, "/etc/n/ca");
    }
}
