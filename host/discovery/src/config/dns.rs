//! `dns_sd_configs`: names that are looked up.

use narthex_model::PromDuration;
use serde::{Deserialize, Serialize};

use super::REFRESH_INTERVAL_DEFAULT;

/// One entry of `dns_sd_configs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsSdConfig {
    /// The names.
    pub names: Vec<String>,
    /// How often they are looked up.
    pub refresh_interval: PromDuration,
    /// `SRV`, `A`, `AAAA`, `MX` or `NS`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// The port of targets, where the records have none.
    pub port: u16,
}

impl Default for DnsSdConfig {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            refresh_interval: REFRESH_INTERVAL_DEFAULT,
            record_type: "SRV".to_owned(),
            port: 0,
        }
    }
}

impl DnsSdConfig {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.names.is_empty() {
            faults.push("DNS-SD config must contain at least one SRV record name".to_owned());
        }
        match self.record_type.to_uppercase().as_str() {
            "SRV" => {}
            "A" | "AAAA" | "MX" | "NS" if self.port == 0 => {
                let text = "a port is required in DNS-SD configs for all record types except SRV";
                faults.push(text.to_owned());
            }
            "A" | "AAAA" | "MX" | "NS" => {}
            _ => faults.push(format!("invalid DNS-SD records type {}", self.record_type)),
        }
        faults
    }
}
