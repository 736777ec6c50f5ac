//! `tracing`: where spans are sent. It is read and checked as Prometheus does; none are sent yet,
//! which the server says.

use std::collections::BTreeMap;

use narthex_http::TlsConfig;
use narthex_model::PromDuration;
use serde::Deserialize;

use super::remote_read::reserved;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TracingConfig {
    #[serde(rename = "client_type")]
    _client_type: ClientType,
    endpoint: String,
    #[serde(rename = "sampling_fraction")]
    _sampling_fraction: f64,
    #[serde(rename = "insecure")]
    _insecure: bool,
    tls_config: Option<TlsConfig>,
    headers: BTreeMap<String, String>,
    compression: String,
    #[serde(rename = "timeout")]
    _timeout: PromDuration,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClientType {
    Http,
    #[default]
    Grpc,
}

impl TracingConfig {
    /// What does not fit together, in Prometheus' words.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.endpoint.is_empty() {
            faults.push("tracing endpoint must be set".to_owned());
        }
        if !matches!(self.compression.as_str(), "" | "gzip") {
            faults.push(format!(
                "invalid compression type {:?} provided, valid options: gzip",
                self.compression
            ));
        }
        for name in self.headers.keys() {
            if name.eq_ignore_ascii_case("authorization") {
                let text = "custom authorization header configuration is not yet supported";
                faults.push(text.to_owned());
            } else {
                faults.extend(reserved(name));
            }
        }
        faults.extend(self.tls_config.iter().flat_map(TlsConfig::faults));
        faults
    }
}
