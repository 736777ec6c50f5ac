//! What is looked up for `dns_sd_configs`, under Prometheus' names.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// The metrics of all `dns_sd_configs`.
#[derive(Debug, Clone, Default)]
pub struct DnsMetrics {
    lookups: Counter,
    failures: Counter,
}

impl DnsMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "prometheus_sd_dns_lookups",
            "The number of DNS-SD lookups.",
            self.lookups.clone(),
        );
        registry.register(
            "prometheus_sd_dns_lookup_failures",
            "The number of DNS-SD lookup failures.",
            self.failures.clone(),
        );
    }

    /// So many names were looked up, and so many of these in vain.
    pub fn count(&self, names: u32, failed: u32) {
        self.lookups.inc_by(names.into());
        self.failures.inc_by(failed.min(names).into());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn no_more_lookups_fail_than_there_are() {
        let metrics = DnsMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        for (names, failed) in [(0, 0), (3, 1), (2, 5)] {
            metrics.count(names, failed);
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "prometheus_sd_dns_lookups_total 5",
            "prometheus_sd_dns_lookup_failures_total 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
