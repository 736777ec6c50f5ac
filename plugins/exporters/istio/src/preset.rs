//! Choices of families to begin with.

use narthex_sdk::text::{Filter, Pattern, Rule};
use serde::Deserialize;

/// Which families are kept before the job's own filter is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// All of them.
    #[default]
    Full,
    /// What Istio's dashboards and our rules read: Istio's own metrics without labels that repeat
    /// each other, with fewer buckets, and a proxy's health.
    Standard,
}

/// The families of [`Preset::Standard`].
const FAMILIES: &[&str] = &[
    "istio_*",
    "istiod_*",
    "pilot_*",
    "galley_*",
    "citadel_*",
    "sidecar_injection_*",
    "webhook_*",
    "xds_*",
    "workload_manager_*",
    "go_goroutines",
    "go_memstats_*_bytes",
    "process_*",
    "envoy_cluster_membership_healthy",
    "envoy_cluster_membership_total",
    "envoy_cluster_upstream_cx_active",
    "envoy_cluster_upstream_cx_connect_fail",
    "envoy_cluster_upstream_rq_pending_overflow",
    "envoy_cluster_upstream_rq_retry",
    "envoy_cluster_upstream_rq_timeout",
    "envoy_cluster_manager_*_clusters",
    "envoy_listener_manager_total_listeners_active",
    "envoy_server_concurrency",
    "envoy_server_days_until_first_cert_expiring",
    "envoy_server_live",
    "envoy_server_memory_*",
    "envoy_server_uptime",
];

/// Labels that say again what others say: the workload and its service are there already.
const LABELS: &[&str] = &[
    "*_principal",
    "*_app",
    "*_version",
    "*_cluster",
    "*_canonical_revision",
    "destination_service",
];

/// Milliseconds; Istio's own histograms have 20 bounds.
const DURATIONS_MS: [f64; 9] = [1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 30_000.0];

/// Bytes, a decade each.
const SIZES_BYTES: [f64; 5] = [100.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0];

impl Preset {
    /// The preset and the job's own filter in one: what the job keeps comes on top, its rules
    /// come first.
    pub(crate) fn with(self, mut filter: Filter) -> Filter {
        if self == Self::Full {
            return filter;
        }
        filter.keep.extend(patterns(FAMILIES));
        let rule = |families: &[&str], buckets: Option<&[f64]>| Rule {
            families: patterns(families).collect(),
            drop_labels: patterns(LABELS).collect(),
            buckets: buckets.map(<[f64]>::to_vec),
            ..Rule::default()
        };
        filter.rules.extend([
            // The one Istio metric that is about versions.
            Rule {
                families: patterns(&["istio_build"]).collect(),
                ..Rule::default()
            },
            rule(&["istio_*_milliseconds"], Some(&DURATIONS_MS)),
            rule(&["istio_*_bytes"], Some(&SIZES_BYTES)),
            rule(&["istio_*"], None),
        ]);
        filter
    }
}

fn patterns(texts: &[&str]) -> impl Iterator<Item = Pattern> {
    texts.iter().map(|text| Pattern::new(text))
}
