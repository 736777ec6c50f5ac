//! `remote_write` of the config, field for field as Prometheus 3.14 reads and prints it.
//!
//! It is not: a reader of YAML. The binary reads the file into these types, and [`check`] says
//! what does not fit together.

use std::collections::{BTreeMap, BTreeSet};

use narthex_http::{
    AzureAdConfig, CloudAuth, GoogleIamConfig, HttpConfig, SigV4Config, remote_header_fault,
    shown_url,
};
use narthex_model::PromDuration;
use narthex_model::relabel::RelabelConfig;
use serde::{Deserialize, Serialize};

use crate::MessageKind;

narthex_http::http_section! {
    /// Where samples are sent, and how.
    #[allow(
        missing_docs,
        reason = "the names are those of Prometheus' configuration reference"
    )]
    pub struct RemoteWriteConfig {
        #[serde(serialize_with = "narthex_http::serialize_shown_url")]
        pub url: String = String::new(),
        pub remote_timeout: PromDuration = PromDuration::from_secs(30),
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub headers: BTreeMap<String, String> = BTreeMap::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub write_relabel_configs: Vec<RelabelConfig> = Vec::new(),
        #[serde(skip_serializing_if = "String::is_empty")]
        pub name: String = String::new(),
        #[serde(skip_serializing_if = "is_false")]
        pub send_exemplars: bool = false,
        #[serde(skip_serializing_if = "is_false")]
        pub send_native_histograms: bool = false,
        #[serde(skip_serializing_if = "is_false")]
        pub round_robin_dns: bool = false,
        pub protobuf_message: MessageKind = MessageKind::V1,
        #[serde(skip_serializing_if = "is_false")]
        pub failed_request_logging: bool = false,
        pub queue_config: QueueConfig = QueueConfig::default(),
        pub metadata_config: MetadataConfig = MetadataConfig::default(),
        #[serde(skip_serializing_if = "Option::is_none")]
        pub sigv4: Option<SigV4Config> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub azuread: Option<AzureAdConfig> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub google_iam: Option<GoogleIamConfig> = None,
    }
    // One connection a shard: with HTTP/2 all would share one.
    http = HttpConfig { enable_http2: false, ..HttpConfig::default() };
}

/// How samples wait and are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueConfig {
    /// So many samples wait in a shard at most; then the log is not read on.
    pub capacity: usize,
    /// So many requests are under way at the same time at most.
    pub max_shards: usize,
    /// And at least.
    pub min_shards: usize,
    /// A request has so many samples at most.
    pub max_samples_per_send: usize,
    /// A sample waits at most so long for others to be sent with it.
    pub batch_send_deadline: PromDuration,
    /// How long to wait after the first failure.
    pub min_backoff: PromDuration,
    /// After each further failure it is twice as long, up to this.
    pub max_backoff: PromDuration,
    /// Whether a receiver that answers 429 gets the request again.
    #[serde(skip_serializing_if = "is_false")]
    pub retry_on_http_429: bool,
    /// Samples that are older than this are not sent any more; zero sends all.
    #[serde(skip_serializing_if = "is_no_time")]
    pub sample_age_limit: PromDuration,
}

/// How metadata of metrics is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataConfig {
    /// Whether it is.
    pub send: bool,
    /// How often, in requests of their own; messages of 2.0 carry it with each series.
    pub send_interval: PromDuration,
    /// A request has so many metrics at most.
    pub max_samples_per_send: usize,
}

fn is_no_time(duration: &PromDuration) -> bool {
    duration.is_zero()
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            max_shards: 50,
            min_shards: 1,
            max_samples_per_send: 2_000,
            batch_send_deadline: PromDuration::from_secs(5),
            min_backoff: PromDuration::from_millis(30),
            max_backoff: PromDuration::from_secs(5),
            retry_on_http_429: false,
            sample_age_limit: PromDuration::default(),
        }
    }
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self {
            send: true,
            send_interval: PromDuration::from_secs(60),
            max_samples_per_send: 2_000,
        }
    }
}

impl RemoteWriteConfig {
    /// What its HTTP client is made of, with what a cloud wants to know.
    pub fn client_config(&self) -> HttpConfig {
        HttpConfig {
            cloud: self.clouds().into_iter().next(),
            round_robin_dns: self.round_robin_dns,
            ..self.http_config()
        }
    }

    /// The files that what it says of clouds names; empty names among them.
    pub fn cloud_files(&mut self) -> Vec<&mut String> {
        let mut files = Vec::new();
        if let Some(azuread) = &mut self.azuread {
            files.extend(azuread.files());
        }
        if let Some(google_iam) = &mut self.google_iam {
            files.push(&mut google_iam.credentials_file);
        }
        files
    }

    /// What it says of clouds: one of them at most, where it is sound.
    fn clouds(&self) -> Vec<CloudAuth> {
        let azuread = self.azuread.clone().map(Box::new);
        let clouds = [
            self.sigv4.clone().map(CloudAuth::SigV4),
            azuread.map(CloudAuth::AzureAd),
            self.google_iam.clone().map(CloudAuth::GoogleIam),
        ];
        clouds.into_iter().flatten().collect()
    }

    /// What does not fit together, in Prometheus' words where it has any.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let queue = &self.queue_config;
        for (wrong, text) in [
            (self.url.is_empty(), "url for remote_write is empty"),
            (
                !self.url.is_empty()
                    && !self.url.starts_with("http://")
                    && !self.url.starts_with("https://"),
                "url for remote_write must begin with http:// or https://",
            ),
            (
                queue.max_shards == 0 || queue.min_shards == 0,
                "queue_config: min_shards and max_shards must be greater than 0",
            ),
            (
                queue.min_shards > queue.max_shards,
                "queue_config: min_shards must not be greater than max_shards",
            ),
            (
                queue.capacity == 0 || queue.max_samples_per_send == 0,
                "queue_config: capacity and max_samples_per_send must be greater than 0",
            ),
            (
                queue.batch_send_deadline.is_zero(),
                "queue_config: batch_send_deadline must be greater than 0",
            ),
            (
                self.metadata_config.send
                    && (self.metadata_config.send_interval.is_zero()
                        || self.metadata_config.max_samples_per_send == 0),
                "metadata_config: send_interval and max_samples_per_send must be greater than 0",
            ),
        ] {
            if wrong {
                faults.push(text.to_owned());
            }
        }
        let ways = "basic_auth, authorization, oauth2, sigv4, azuread or google_iam";
        let clouds = self.clouds();
        let has_other = self.basic_auth.is_some()
            || self.authorization.is_some()
            || self.oauth2.is_some()
            || !self.bearer_token.is_empty()
            || !self.bearer_token_file.is_empty();
        if clouds.len() + usize::from(has_other && !clouds.is_empty()) > 1 {
            faults.push(format!("at most one of {ways} must be configured"));
        }
        faults.extend(clouds.iter().flat_map(CloudAuth::faults));
        let headers = self.headers.keys();
        faults.extend(headers.filter_map(|name| remote_header_fault(name, ways)));
        faults.extend(self.http_faults());
        faults
    }
}

/// What does not fit together in all entries: which entry, and what.
pub fn check(configs: &[RemoteWriteConfig]) -> Vec<(usize, String)> {
    let mut names = BTreeSet::new();
    let mut faults = Vec::new();
    for (at, config) in configs.iter().enumerate() {
        faults.extend(config.faults().into_iter().map(|fault| (at, fault)));
        if !config.name.is_empty() && !names.insert(&config.name) {
            let name = &config.name;
            let text = format!("found multiple remote write configs with job name {name:?}");
            faults.push((at, text));
        }
        if configs[..at].contains(config) {
            let text = "duplicate remote write configs are not allowed, found duplicate for URL: ";
            faults.push((at, format!("{text}{}", shown_url(&config.url))));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RemoteReadConfig;

    #[test]
    fn what_does_not_fit_together_is_named() {
        let sound = RemoteWriteConfig {
            url: "http://a".to_owned(),
            name: "a".to_owned(),
            ..RemoteWriteConfig::default()
        };
        assert!(check(std::slice::from_ref(&sound)).is_empty());
        type Change = fn(&mut RemoteWriteConfig);
        let cases: [(&str, Change); 12] = [
            ("url for remote_write is empty", |c| c.url.clear()),
            ("must begin with http", |c| c.url = "a:9090".to_owned()),
            ("must be greater than 0", |c| c.queue_config.max_shards = 0),
            ("must not be greater than max_shards", |c| {
                c.queue_config.min_shards = 51
            }),
            ("capacity", |c| c.queue_config.capacity = 0),
            ("metadata_config", |c| {
                c.metadata_config.max_samples_per_send = 0
            }),
            ("authorization header must be changed", |c| {
                c.headers.insert("Authorization".to_owned(), "x".to_owned());
            }),
            ("Content-Type is a reserved header", |c| {
                c.headers.insert("Content-Type".to_owned(), "x".to_owned());
            }),
            ("no_proxy", |c| c.no_proxy = "x".to_owned()),
            (
                "at most one of basic_auth, authorization, oauth2, sigv4",
                |c| {
                    c.bearer_token_file = "t".to_owned();
                    c.google_iam = Some(GoogleIamConfig::default());
                },
            ),
            (
                "at most one of basic_auth, authorization, oauth2, sigv4",
                |c| {
                    c.sigv4 = Some(SigV4Config::default());
                    c.google_iam = Some(GoogleIamConfig::default());
                },
            ),
            ("must provide an Azure Managed Identity", |c| {
                c.azuread = Some(AzureAdConfig::default());
            }),
        ];
        for (expected, change) in cases {
            let mut broken = sound.clone();
            change(&mut broken);
            let faults = check(&[broken]);
            assert!(faults[0].1.contains(expected), "{expected}: {faults:?}");
        }
        let twice = check(&[sound.clone(), sound]);
        assert_eq!(twice.len(), 2, "{twice:?}");
        assert!(twice.iter().all(|(at, _)| *at == 1));
    }

    #[test]
    fn a_password_in_a_url_is_not_printed() {
        let config = RemoteWriteConfig {
            url: "http://u:hunter2@h/w".to_owned(),
            ..RemoteWriteConfig::default()
        };
        let read = RemoteReadConfig {
            url: config.url.clone(),
            ..RemoteReadConfig::default()
        };
        let printed = [
            serde_json::to_value(&config).unwrap(),
            serde_json::to_value(&read).unwrap(),
        ];
        for printed in printed {
            assert_eq!(printed["url"], "http://u:xxxxx@h/w");
        }
        for (_, fault) in check(&[config.clone(), config]) {
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
