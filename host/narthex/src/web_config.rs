//! `--web.config.file`: reads its YAML, and shows whether what is in force is what the file says.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use narthex_access::{Access, AccessConfig, AccessMetrics, AccessParts, KubernetesAccess};
use narthex_model::Clock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use narthex_web::{Entrance, WebConfig, WebConfigError};

use crate::kubernetes;
use crate::yaml::{self, YamlError};

/// What the section `narthex_access` is followed with.
#[derive(Debug, Clone)]
pub(crate) struct AccessSetting {
    /// `--web.route-prefix`
    pub(crate) prefix: String,
    /// Says whether tokens still count.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where is counted who asked.
    pub(crate) metrics: AccessMetrics,
}

/// The entrance that the flag asks for. Without a setting, the file is looked at and nothing of it is
/// followed.
///
/// # Errors
/// The file cannot be used; the sentence says where and why.
pub(crate) fn load(
    path: Option<&Path>,
    setting: Option<AccessSetting>,
) -> Result<Entrance, WebConfigError> {
    let Some(path) = path else {
        return Ok(Entrance::open());
    };
    let read = |text: &str, file: &str| -> Result<WebConfig, String> {
        // An empty file is an empty configuration.
        let read: Result<Option<_>, _> = yaml::read(text, file);
        let read = read.map_err(|error| error.to_string())?;
        Ok(read.unwrap_or_default())
    };
    Entrance::load(path, read, move |config, has_users| match &setting {
        Some(setting) => follow(config, has_users, setting).map(Some),
        None => {
            let faults = config.faults(has_users);
            match faults.is_empty() {
                true => Ok(None),
                false => Err(faults.join("; ")),
            }
        }
    })
}

/// What is wrong with how a file is written, each fault with its place; none where that is sound, or
/// nobody can read it, which [`load`] says.
pub(crate) fn misread(path: &Path) -> Option<YamlError> {
    let text = std::fs::read_to_string(path).ok()?;
    yaml::read::<Option<WebConfig>>(&text, &path.display().to_string()).err()
}

fn follow(
    config: &AccessConfig,
    has_users: bool,
    setting: &AccessSetting,
) -> Result<Access, String> {
    let connect = |section: &KubernetesAccess| {
        let (server, file) = (&section.api_server, &section.kubeconfig_file);
        kubernetes::connect(server, file, section.http_config())
    };
    let parts = AccessParts {
        connect: &connect,
        clock: Arc::clone(&setting.clock),
        metrics: setting.metrics.clone(),
    };
    Access::new(config, &setting.prefix, has_users, &parts)
}

/// Says whether the files as they are now are in force.
#[derive(Debug)]
pub(crate) struct WebConfigCollector {
    name: &'static str,
    help: &'static str,
    entrance: Arc<Entrance>,
}

impl WebConfigCollector {
    /// Of the file of `--web.config.file`.
    pub(crate) fn web(entrance: Arc<Entrance>) -> Self {
        Self {
            name: "narthex_web_config_last_reload_successful",
            help: "Whether the last look at the web configuration found it sound.",
            entrance,
        }
    }

    /// Of the file of `--grpc.config.file`.
    pub(crate) fn grpc(entrance: Arc<Entrance>) -> Self {
        Self {
            name: "narthex_grpc_config_last_reload_successful",
            help: "Whether the last look at the configuration of gRPC found it sound.",
            entrance,
        }
    }
}

impl Collector for WebConfigCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(self.entrance.is_current())).encode(metric)
    }
}
