//! One entry of `scrape_configs`.

use std::collections::BTreeMap;

use narthex_discovery::{PluginSdConfig, SdConfig, StaticConfig};
use narthex_http::{
    Authorization, BasicAuth, BodyLimit, HttpConfig, HttpHeader, OAuth2, Secret, TlsConfig,
};
use narthex_model::relabel::RelabelConfig;
use narthex_model::{ByteSize, PluginSettings, PromDuration};
use serde::{Deserialize, Serialize};

use super::{
    BODY_SIZE_LIMIT_DEFAULT, EscapingScheme, ScrapeProtocol, ValidationScheme, is_false, is_zero,
};

/// A job: which targets are scraped, how, and what becomes of their samples. The limits and the
/// other fields that `global` has too say there what they mean; what is left at its zero is taken
/// from `global` by [`super::resolve`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Prometheus' configuration reference"
)]
pub struct ScrapeConfig {
    pub job_name: String,
    /// The plugin that collects the targets instead of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// What the plugin is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_config: Option<PluginSettings>,
    #[serde(skip_serializing_if = "is_false")]
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub track_timestamps_staleness: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    pub scrape_interval: PromDuration,
    pub scrape_timeout: PromDuration,
    pub scrape_protocols: Vec<ScrapeProtocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_native_histograms: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_scrape_classic_histograms: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convert_classic_histograms_to_nhcb: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_scrape_metrics: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scrape_failure_log_file: String,
    pub metrics_path: String,
    pub scheme: String,
    pub enable_compression: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_size_limit: Option<ByteSize>,
    #[serde(skip_serializing_if = "is_zero")]
    pub sample_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub target_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub label_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub label_name_length_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub label_value_length_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub native_histogram_bucket_limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_histogram_min_bucket_factor: Option<f64>,
    #[serde(skip_serializing_if = "is_zero")]
    pub keep_dropped_targets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_validation_scheme: Option<ValidationScheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub bearer_token: Secret,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bearer_token_file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
    pub follow_redirects: bool,
    pub enable_http2: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<Secret>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub no_proxy: String,
    #[serde(skip_serializing_if = "is_false")]
    pub proxy_from_environment: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub http_headers: BTreeMap<String, HttpHeader>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<RelabelConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_relabel_configs: Vec<RelabelConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_configs: Vec<StaticConfig>,
    /// Plugins that find targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugin_sd_configs: Vec<PluginSdConfig>,
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        let http = HttpConfig::default();
        Self {
            job_name: String::new(),
            plugin: None,
            plugin_config: None,
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            params: BTreeMap::new(),
            scrape_interval: PromDuration::default(),
            scrape_timeout: PromDuration::default(),
            scrape_protocols: Vec::new(),
            fallback_scrape_protocol: None,
            scrape_native_histograms: None,
            always_scrape_classic_histograms: None,
            convert_classic_histograms_to_nhcb: None,
            extra_scrape_metrics: None,
            scrape_failure_log_file: String::new(),
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            enable_compression: true,
            body_size_limit: None,
            sample_limit: 0,
            target_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            native_histogram_bucket_limit: 0,
            native_histogram_min_bucket_factor: None,
            keep_dropped_targets: 0,
            metric_name_validation_scheme: None,
            metric_name_escaping_scheme: None,
            basic_auth: None,
            authorization: None,
            oauth2: None,
            bearer_token: Secret::default(),
            bearer_token_file: String::new(),
            tls_config: None,
            follow_redirects: http.follow_redirects,
            enable_http2: http.enable_http2,
            proxy_url: None,
            no_proxy: String::new(),
            proxy_from_environment: false,
            proxy_connect_header: BTreeMap::new(),
            http_headers: BTreeMap::new(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
            plugin_sd_configs: Vec::new(),
        }
    }
}

impl ScrapeConfig {
    /// What the job's HTTP client is made of. A bearer token becomes the authorization that it
    /// is short for.
    pub fn http_config(&self) -> HttpConfig {
        let bearer = !self.bearer_token.is_empty() || !self.bearer_token_file.is_empty();
        let bearer = bearer.then(|| Authorization {
            scheme: String::new(),
            credentials: self.bearer_token.clone(),
            credentials_file: self.bearer_token_file.clone(),
        });
        HttpConfig {
            basic_auth: self.basic_auth.clone(),
            authorization: self.authorization.clone().or(bearer),
            oauth2: self.oauth2.clone(),
            tls_config: self.tls_config.clone(),
            follow_redirects: self.follow_redirects,
            enable_http2: self.enable_http2,
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
            http_headers: self.http_headers.clone(),
        }
    }

    /// Every entry that finds targets while the server runs.
    pub fn sd_configs(&self) -> Vec<SdConfig> {
        let plugins = self.plugin_sd_configs.iter().cloned();
        plugins.map(SdConfig::Plugin).collect()
    }

    /// How large a body may be.
    pub fn body_limit(&self) -> BodyLimit {
        match self
            .body_size_limit
            .unwrap_or(BODY_SIZE_LIMIT_DEFAULT)
            .as_bytes()
        {
            0 => BodyLimit::Unlimited,
            bytes => BodyLimit::Bytes(bytes),
        }
    }
}
