//! `kubernetes_monitors`: which objects are read, from which cluster, and what holds for all of
//! them.

use std::collections::{BTreeMap, BTreeSet};

use narthex_discovery::{KubernetesRole, KubernetesSdConfig};
use narthex_http::http_section;
use narthex_model::{PromDuration, is_classic_label_name};
use narthex_operator::{Excluded, Kind, Limits, Options, Role, ScrapeClass};
use narthex_scrape::config::ScrapeProtocol;

/// What is read where nothing is said: all but routes of alerts, which only some servers have.
const KINDS_DEFAULT: [Kind; 5] = [
    Kind::ServiceMonitor,
    Kind::PodMonitor,
    Kind::Probe,
    Kind::ScrapeConfig,
    Kind::PrometheusRule,
];

/// Secrets are asked for again after this.
const REFRESH_DEFAULT: PromDuration = PromDuration::from_secs(60);

/// So many namespaces may be named: each is a watch a kind.
const NAMESPACES_MAX: usize = 50;

http_section! {
    /// The section.
    pub struct KubernetesMonitorsConfig {
        /// The URL of the API; empty is the cluster that this server runs in.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub api_server: String = String::new(),
        /// A file that says where the API is and who asks.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub kubeconfig_file: String = String::new(),
        /// What is read.
        pub kinds: Vec<Kind> = KINDS_DEFAULT.to_vec(),
        /// Where objects are read; all where none is named.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub namespaces: Vec<String> = Vec::new(),
        /// Labels that their namespaces must have, as kubectl takes them.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub namespace_selector: String = String::new(),
        /// Labels that objects of a kind must have, as kubectl takes them.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub selectors: BTreeMap<String, String> = BTreeMap::new(),
        /// What targets behind services are found by.
        pub service_discovery_role: Role = Role::default(),
        /// Objects select in their own namespace alone.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub ignore_namespace_selectors: bool = false,
        /// No object may take labels from its targets.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub override_honor_labels: bool = false,
        /// No object may take timestamps from its targets.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub override_honor_timestamps: bool = false,
        /// Objects may name files and sockets of this machine.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub allow_files: bool = false,
        /// Labels of pods that all targets get.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub pod_target_labels: Vec<String> = Vec::new(),
        /// The most that an object may ask for.
        #[serde(skip_serializing_if = "is_none")]
        pub enforced_limits: Limits = Limits::default(),
        /// A label that the series, alerts and queries of each object get, with its namespace.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub enforced_namespace_label: String = String::new(),
        /// Objects that do not get it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub excluded_from_enforcement: Vec<Excluded> = Vec::new(),
        /// How objects are scraped that name one of these.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub scrape_classes: Vec<ScrapeClass> = Vec::new(),
        /// So many servers share the targets.
        pub shards: u64 = 1,
        /// Which of them this one is, from 0 on.
        pub shard: u64 = 0,
        /// How often secrets are asked for again.
        pub secrets_refresh_interval: PromDuration = REFRESH_DEFAULT,
        /// Whether an event is written on an object that is wrong.
        pub events: bool = true,
    }
}

fn is_none(limits: &Limits) -> bool {
    *limits == Limits::default()
}

impl KubernetesMonitorsConfig {
    /// An entry of discovery on the same cluster.
    pub(crate) fn discovery(&self) -> KubernetesSdConfig {
        KubernetesSdConfig {
            api_server: self.api_server.clone(),
            role: Some(KubernetesRole::Pod),
            kubeconfig_file: self.kubeconfig_file.clone(),
            basic_auth: self.basic_auth.clone(),
            authorization: self.authorization.clone(),
            oauth2: self.oauth2.clone(),
            bearer_token: self.bearer_token.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            tls_config: self.tls_config.clone(),
            follow_redirects: self.follow_redirects,
            enable_http2: self.enable_http2,
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
            http_headers: self.http_headers.clone(),
            ..KubernetesSdConfig::default()
        }
    }

    /// What holds for all objects.
    pub(crate) fn options(&self) -> Options {
        Options {
            service_discovery_role: self.service_discovery_role,
            ignore_namespace_selectors: self.ignore_namespace_selectors,
            override_honor_labels: self.override_honor_labels,
            override_honor_timestamps: self.override_honor_timestamps,
            allow_files: self.allow_files,
            pod_target_labels: self.pod_target_labels.clone(),
            enforced_limits: self.enforced_limits,
            enforced_namespace_label: self.enforced_namespace_label.clone(),
            excluded_from_enforcement: self.excluded_from_enforcement.clone(),
            scrape_classes: self.scrape_classes.clone(),
            shards: self.shards,
            shard: self.shard,
        }
    }

    /// The labels that objects of a kind must have.
    pub(crate) fn selector(&self, kind: Kind) -> String {
        self.selectors
            .get(kind.as_str())
            .cloned()
            .unwrap_or_default()
    }

    fn class_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        for class in &self.scrape_classes {
            faults.extend(class.faults());
            if !names.insert(&class.name) {
                faults.push(format!("{:?} is there twice", class.name));
            }
            let protocol = class.fallback_scrape_protocol.as_str();
            let read = serde_json::from_value::<ScrapeProtocol>(protocol.into());
            if !protocol.is_empty() && read.is_err() {
                faults.push(format!("{}: {protocol:?} is no protocol", class.name));
            }
        }
        let defaults = self.scrape_classes.iter().filter(|class| class.is_default);
        if defaults.count() > 1 {
            faults.push("only one can be the default".to_owned());
        }
        faults
    }

    /// What does not hold, each with the field that it is about.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let mut faults: Vec<(String, String)> = Vec::new();
        for fault in narthex_discovery::SdConfig::Kubernetes(Box::new(self.discovery())).faults() {
            faults.push((String::new(), fault));
        }
        for kind in self.selectors.keys() {
            if !Kind::ALL.iter().any(|known| known.as_str() == kind) {
                let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                let text = format!("{kind:?} is none of {}", kinds.join(", "));
                faults.push(("selectors".to_owned(), text));
            }
        }
        if self.namespaces.len() > NAMESPACES_MAX {
            let text = format!(
                "more than {NAMESPACES_MAX} namespaces: name none and use namespace_selector"
            );
            faults.push(("namespaces".to_owned(), text));
        }
        if self.namespaces.iter().any(String::is_empty) {
            let text = "a namespace has a name".to_owned();
            faults.push(("namespaces".to_owned(), text));
        }
        let label = &self.enforced_namespace_label;
        if !label.is_empty() && (!is_classic_label_name(label) || label.starts_with("__")) {
            let text = format!("{label:?} is no name of a label that can be kept");
            faults.push(("enforced_namespace_label".to_owned(), text));
        }
        faults.extend(
            self.class_faults()
                .into_iter()
                .map(|text| ("scrape_classes".to_owned(), text)),
        );
        if self.shard >= self.shards.max(1) {
            let text = format!(
                "with {} shards they are 0 to {}",
                self.shards,
                self.shards.max(1) - 1
            );
            faults.push(("shard".to_owned(), text));
        }
        if self.secrets_refresh_interval.is_zero() {
            let text = "must be longer than nothing".to_owned();
            faults.push(("secrets_refresh_interval".to_owned(), text));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> KubernetesMonitorsConfig {
        crate::yaml::read(text, "f.yml").unwrap()
    }

    #[test]
    fn an_empty_section_is_the_cluster_around_with_all_kinds_but_routes() {
        let section = read("{}");
        assert_eq!(section, KubernetesMonitorsConfig::default());
        assert_eq!(section.kinds.len(), 5);
        assert!(section.faults().is_empty());
        let written = serde_json::to_value(&section).unwrap();
        assert_eq!(written["kinds"][0], "ServiceMonitor");
    }

    #[test]
    fn what_does_not_hold_is_named() {
        let section = read(
            "kinds: [Probe]\nselectors: {Prober: a=b}\nnamespaces: ['']\nshards: 2\nshard: 2\n\
             api_server: http://a\nkubeconfig_file: b\nsecrets_refresh_interval: 0s\n\
             enforced_namespace_label: __name__\nscrape_classes:\n\
             - {name: a, default: true, fallback_scrape_protocol: Smoke}\n\
             - {name: a, default: true, authorization: {type: Basic},\n\
             \x20  relabel_configs: [{action: burn}]}\n- {}\n",
        );
        let faults = section.faults();
        let fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
        let expected = [
            "",
            "selectors",
            "namespaces",
            "enforced_namespace_label",
            "scrape_classes",
            "scrape_classes",
            "scrape_classes",
            "scrape_classes",
            "scrape_classes",
            "scrape_classes",
            "shard",
            "secrets_refresh_interval",
        ];
        assert_eq!(fields, expected, "{faults:?}");
    }
}
