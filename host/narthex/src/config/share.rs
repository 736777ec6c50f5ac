//! The share of a server in the targets of each job, as relabelling rules at the end of the job's own.
//!
//! It is not: the rules of monitors, whose translation has the Prometheus Operator's.

use std::sync::Arc;

use narthex_model::relabel::RelabelConfig;
use narthex_scrape::config::ScrapeConfig;
use serde_json::json;

use super::ConfigError;
use crate::flags::TargetShare;
use crate::monitors::KubernetesMonitorsConfig;

/// Leaves each job the targets of the share. Whose address and whose parameter `target` are the same
/// belong together, so all that is scraped at one address is one server's, and probes are spread.
///
/// # Errors
/// A rule is none, which is a fault of ours.
pub(super) fn of_jobs(
    share: TargetShare,
    jobs: &mut [Arc<ScrapeConfig>],
) -> Result<(), ConfigError> {
    if share.shards < 2 {
        return Ok(());
    }
    let rules = json!([
        {
            "source_labels": ["__address__", "__param_target"],
            "target_label": "__tmp_hash",
            "modulus": share.shards,
            "action": "hashmod",
        },
        {
            "source_labels": ["__tmp_hash", "__tmp_disable_sharding"],
            "regex": format!("{};|.+;.+", share.shard),
            "action": "keep",
        },
    ]);
    let rules: Vec<RelabelConfig> =
        serde_json::from_value(rules).map_err(|error| ConfigError::Print(error.to_string()))?;
    for job in jobs {
        let job = Arc::make_mut(job);
        job.relabel_configs.extend(rules.iter().cloned());
    }
    Ok(())
}

/// Leaves the objects of the cluster the same share, unless the section has one itself.
pub(super) fn of_monitors(share: TargetShare, monitors: &mut KubernetesMonitorsConfig) {
    if monitors.shards < 2 {
        monitors.shards = share.shards;
        monitors.shard = share.shard;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use narthex_model::{Labels, LabelsBuilder, relabel};

    use super::super::{Config, ConfigDefaults};
    use super::*;

    const CONFIG: &str = "scrape_configs:\n\
                          - {job_name: all}\n\
                          - job_name: mine\n\
                          \x20 relabel_configs: [{target_label: __tmp_disable_sharding, replacement: 'yes'}]\n\
                          kubernetes_monitors: {}\n";

    fn shared(shard: u64) -> Config {
        let defaults = ConfigDefaults {
            share: Some(TargetShare { shard, shards: 3 }),
            ..ConfigDefaults::default()
        };
        Config::parse_with(CONFIG, "prometheus.yml", defaults).unwrap()
    }

    /// Whether a job keeps a target.
    fn has(config: &Config, job: usize, address: &str, probed: &str) -> bool {
        let labels = [("__address__", address), ("__param_target", probed)];
        let mut labels = LabelsBuilder::from_labels(&Labels::from_pairs(labels));
        relabel::apply(&config.scrape.jobs[job].relabel_configs, &mut labels)
    }

    #[test]
    fn each_target_is_one_servers_and_what_is_everybodys_is_all_of_theirs() {
        let shards: Vec<Config> = (0..3).map(shared).collect();
        let mut busy = BTreeSet::new();
        for number in 0..30 {
            // Targets of their own addresses, and such that one exporter probes.
            for (address, probed) in [
                (format!("10.0.0.{number}:9100"), String::new()),
                ("blackbox:9115".to_owned(), format!("web{number}")),
            ] {
                let owners: Vec<usize> = (0..3)
                    .filter(|shard| has(&shards[*shard], 0, &address, &probed))
                    .collect();
                assert_eq!(owners.len(), 1, "{address} {probed}: {owners:?}");
                busy.extend(owners);
            }
            let own = "localhost:9090";
            assert!(shards.iter().all(|config| has(config, 1, own, "")));
        }
        assert_eq!(busy.len(), 3);
    }

    #[test]
    fn monitors_have_the_share_and_the_config_shows_it() {
        let config = shared(2);
        let monitors = config.monitors.unwrap();
        assert_eq!((monitors.shard, monitors.shards), (2, 3));
        assert!(config.yaml.contains("modulus: 3"), "{}", config.yaml);
        assert!(config.yaml.contains("shards: 3"), "{}", config.yaml);
    }
}
