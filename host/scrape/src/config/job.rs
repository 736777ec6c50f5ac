//! One entry of `scrape_configs`.

use std::collections::BTreeMap;

use narthex_discovery::{
    ConsulSdConfig, DnsSdConfig, DockerSdConfig, FileSdConfig, HttpSdConfig, KubernetesSdConfig,
    PluginSdConfig, SdConfig, StaticConfig,
};
use narthex_http::{BodyLimit, http_section};
use narthex_model::relabel::RelabelConfig;
use narthex_model::{ByteSize, PluginSettings, PromDuration};

use super::{
    BODY_SIZE_LIMIT_DEFAULT, EscapingScheme, ScrapeProtocol, ValidationScheme, is_false, is_zero,
};

http_section! {
    /// A job: which targets are scraped, how, and what becomes of their samples. The limits and the
    /// other fields that `global` has too say there what they mean; what is left at its zero is taken
    /// from `global` by [`super::resolve`].
    #[allow(
        missing_docs,
        reason = "the names are those of Prometheus' configuration reference"
    )]
    pub struct ScrapeConfig {
        pub job_name: String = String::new(),
        /// The plugin that collects the targets instead of HTTP.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub plugin: Option<String> = None,
        /// What the plugin is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub plugin_config: Option<PluginSettings> = None,
        #[serde(skip_serializing_if = "is_false")]
        pub honor_labels: bool = false,
        pub honor_timestamps: bool = true,
        pub track_timestamps_staleness: bool = false,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub params: BTreeMap<String, Vec<String>> = BTreeMap::new(),
        pub scrape_interval: PromDuration = PromDuration::default(),
        pub scrape_timeout: PromDuration = PromDuration::default(),
        pub scrape_protocols: Vec<ScrapeProtocol> = Vec::new(),
        #[serde(skip_serializing_if = "Option::is_none")]
        pub fallback_scrape_protocol: Option<ScrapeProtocol> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scrape_native_histograms: Option<bool> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub always_scrape_classic_histograms: Option<bool> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub convert_classic_histograms_to_nhcb: Option<bool> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub extra_scrape_metrics: Option<bool> = None,
        #[serde(skip_serializing_if = "String::is_empty")]
        pub scrape_failure_log_file: String = String::new(),
        pub metrics_path: String = "/metrics".to_owned(),
        pub scheme: String = "http".to_owned(),
        pub enable_compression: bool = true,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub body_size_limit: Option<ByteSize> = None,
        #[serde(skip_serializing_if = "is_zero")]
        pub sample_limit: u64 = 0,
        /// So many samples all targets of the job may have between them; 0 is no limit.
        #[serde(skip_serializing_if = "is_zero")]
        pub job_sample_limit: u64 = 0,
        #[serde(skip_serializing_if = "is_zero")]
        pub target_limit: u64 = 0,
        #[serde(skip_serializing_if = "is_zero")]
        pub label_limit: u64 = 0,
        #[serde(skip_serializing_if = "is_zero")]
        pub label_name_length_limit: u64 = 0,
        #[serde(skip_serializing_if = "is_zero")]
        pub label_value_length_limit: u64 = 0,
        #[serde(skip_serializing_if = "is_zero")]
        pub native_histogram_bucket_limit: u64 = 0,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub native_histogram_min_bucket_factor: Option<f64> = None,
        #[serde(skip_serializing_if = "is_zero")]
        pub keep_dropped_targets: u64 = 0,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub metric_name_validation_scheme: Option<ValidationScheme> = None,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub metric_name_escaping_scheme: Option<EscapingScheme> = None,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub relabel_configs: Vec<RelabelConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub metric_relabel_configs: Vec<RelabelConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub static_configs: Vec<StaticConfig> = Vec::new(),
        /// Plugins that find targets, by name.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub plugin_sd_configs: Vec<PluginSdConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub file_sd_configs: Vec<FileSdConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub consul_sd_configs: Vec<ConsulSdConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub dns_sd_configs: Vec<DnsSdConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub http_sd_configs: Vec<HttpSdConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub docker_sd_configs: Vec<DockerSdConfig> = Vec::new(),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub kubernetes_sd_configs: Vec<KubernetesSdConfig> = Vec::new(),
    }
}

impl ScrapeConfig {
    /// Every entry that finds targets while the server runs.
    pub fn sd_configs(&self) -> Vec<SdConfig> {
        fn all<T: Clone>(of: &[T], entry: fn(T) -> SdConfig) -> impl Iterator<Item = SdConfig> {
            of.iter().cloned().map(entry)
        }
        all(&self.plugin_sd_configs, SdConfig::Plugin)
            .chain(all(&self.file_sd_configs, SdConfig::File))
            .chain(all(&self.consul_sd_configs, |entry| {
                SdConfig::Consul(Box::new(entry))
            }))
            .chain(all(&self.dns_sd_configs, SdConfig::Dns))
            .chain(all(&self.http_sd_configs, |entry| {
                SdConfig::Http(Box::new(entry))
            }))
            .chain(all(&self.docker_sd_configs, |entry| {
                SdConfig::Docker(Box::new(entry))
            }))
            .chain(all(&self.kubernetes_sd_configs, |entry| {
                SdConfig::Kubernetes(Box::new(entry))
            }))
            .collect()
    }

    /// Shows all files that the job names, patterns and empty names among them.
    pub fn visit_files(&mut self, mut visit: impl FnMut(&mut String)) {
        visit(&mut self.scrape_failure_log_file);
        let found = self.file_sd_configs.iter_mut();
        found
            .flat_map(|entry| &mut entry.files)
            .for_each(&mut visit);
        for entry in &mut self.kubernetes_sd_configs {
            visit(&mut entry.kubeconfig_file);
            entry.http_files().into_iter().for_each(&mut visit);
        }
        let consul = self.consul_sd_configs.iter_mut();
        let consul = consul.flat_map(ConsulSdConfig::http_files);
        let http = self.http_sd_configs.iter_mut();
        let http = http.flat_map(HttpSdConfig::http_files);
        let docker = self.docker_sd_configs.iter_mut();
        let docker = docker.flat_map(DockerSdConfig::http_files);
        consul.chain(http).chain(docker).for_each(&mut visit);
        self.http_files().into_iter().for_each(visit);
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
