//! The formats that are asked for, and how names that are not classic are treated.

use serde::{Deserialize, Serialize};

/// A format of a scrape's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScrapeProtocol {
    /// Delimited protobuf.
    PrometheusProto,
    /// OpenMetrics 0.0.1.
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.0.
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText1_0_0,
    /// The Prometheus text format 0.0.4.
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText0_0_4,
    /// The Prometheus text format 1.0.0, with quoted names.
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText1_0_0,
}

/// Weights in an `Accept` header count down from here, as in Prometheus.
const FIRST_WEIGHT: usize = 6;

impl ScrapeProtocol {
    /// What is asked for where the configuration says nothing.
    pub const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// What is asked for where the configuration says nothing but that native histograms are
    /// wanted, or a feature flag wants start timestamps: only protobuf has them.
    pub const PROTO_FIRST: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited"
            }
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0",
        }
    }

    fn has_escaping(self) -> bool {
        matches!(self, Self::OpenMetricsText1_0_0 | Self::PrometheusText1_0_0)
    }

    /// The `Accept` header for these protocols, the preferred one first, with anything last.
    pub fn accept(protocols: &[Self], escaping: EscapingScheme) -> String {
        let mut weight = FIRST_WEIGHT;
        let mut accept = String::new();
        for protocol in protocols {
            accept.push_str(protocol.media_type());
            if protocol.has_escaping() {
                accept.push_str(";escaping=");
                accept.push_str(escaping.as_str());
            }
            accept.push_str(&format!(";q=0.{weight},"));
            weight = weight.saturating_sub(1).max(1);
        }
        accept + &format!("*/*;q=0.{weight}")
    }
}

/// Which metric and label names are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ValidationScheme {
    /// Any UTF-8 text.
    #[default]
    Utf8,
    /// Only the classic alphabet.
    Legacy,
}

/// How a target is asked to write names that are not classic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum EscapingScheme {
    /// As they are.
    #[default]
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// Other characters as underscores.
    Underscores,
    /// Dots as `_dot_`.
    Dots,
    /// Other characters as their code points.
    Values,
}

impl EscapingScheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_is_that_of_prometheus() {
        let accept = |protocols: &[_]| ScrapeProtocol::accept(protocols, EscapingScheme::AllowUtf8);
        assert_eq!(
            accept(&ScrapeProtocol::DEFAULT),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert!(accept(&ScrapeProtocol::PROTO_FIRST).ends_with(
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,\
             */*;q=0.1"
        ));
        let protocols = [
            ScrapeProtocol::PrometheusProto,
            ScrapeProtocol::PrometheusText0_0_4,
        ];
        assert_eq!(
            accept(&protocols),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
             encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
        );
    }
}
