//! `--web.config.file`: reads its YAML, and shows whether what is in force is what the file says.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use narthex_web::{Entrance, WebConfigError};

use crate::yaml;

/// The entrance that the flag asks for.
///
/// # Errors
/// The file cannot be used; the sentence says where and why.
pub(crate) fn load(path: Option<&Path>) -> Result<Entrance, WebConfigError> {
    let Some(path) = path else {
        return Ok(Entrance::open());
    };
    Entrance::load(path, |text, file| {
        // An empty file is an empty configuration.
        let read: Result<Option<_>, _> = yaml::read(text, file);
        let read = read.map_err(|error| error.to_string())?;
        Ok(read.unwrap_or_default())
    })
}

/// Says whether the files as they are now are in force.
#[derive(Debug)]
pub(crate) struct WebConfigCollector(pub(crate) Arc<Entrance>);

impl Collector for WebConfigCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let metric = encoder.encode_descriptor(
            "narthex_web_config_last_reload_successful",
            "Whether the last look at the web configuration found it sound.",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(i64::from(self.0.is_current())).encode(metric)
    }
}
