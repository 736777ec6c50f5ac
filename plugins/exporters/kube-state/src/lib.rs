//! What is in a Kubernetes cluster, under the names and with the meanings of kube-state-metrics:
//! nodes, pods and whom they belong to, workloads, volumes, quotas.
//!
//! The host lists and watches, once for all who ask; the plugin keeps of each object what it
//! tells. The target of a job is only a name.
//!
//! It is not: a client of a cluster, and it reads no Secret and no ConfigMap.

mod config;
mod fields;
mod kept;
mod kinds;
mod metadata;
mod object;
mod quantity;
mod resources;
mod schedule;
mod time;

use narthex_sdk::{Batch, Error, Exporter, Target};

use config::{Selected, Shard};
use kept::{Counts, Kept};

pub use config::Config;

/// The exporter of one job.
pub struct KubeState {
    selected: Selected,
    shard: Shard,
    kinds: Vec<Box<dyn Kept>>,
}

narthex_sdk::export!(KubeState);

impl Exporter for KubeState {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        config.check()?;
        let shard = Shard {
            number: config.shard,
            total: config.total_shards,
        };
        let resources = config.resources.clone();
        let selected = Selected::from(config);
        let kinds = kinds::kept(&resources, &selected);
        Ok(Self {
            selected,
            shard,
            kinds,
        })
    }

    fn collect(&mut self, _: &Target, batch: &mut Batch) -> Result<(), Error> {
        for kind in &mut self.kinds {
            kind.update(self.shard)?;
        }
        if !self.kinds.iter().any(|kind| kind.is_complete()) {
            let text = "the cluster has not listed its objects yet, or refuses to: \
                        the log of the host says which";
            return Err(Error::Unavailable(text.to_owned()));
        }
        for kind in &self.kinds {
            kind.write(&self.selected, batch);
        }
        let counts: Vec<&Counts> = self.kinds.iter().map(|kind| kind.counts()).collect();
        self.write_own(&counts, batch);
        Ok(())
    }
}

impl KubeState {
    /// Writes what is told of the exporter itself.
    fn write_own(&self, counts: &[&Counts], batch: &mut Batch) {
        let mut family = batch.counter(
            "kube_state_metrics_list_total",
            "First lists of a resource that were complete, and collections without one.",
        );
        for count in counts {
            for (result, value) in [("success", count.lists), ("error", count.lists_missing)] {
                let labels = [("resource", &*count.resource), ("result", result)];
                family.sample(&labels, value);
            }
        }
        let mut family = batch.counter(
            "kube_state_metrics_watch_total",
            "Watches of a resource that the host opened, or did not.",
        );
        for count in counts {
            for (result, value) in [("success", count.watches), ("error", count.watches_refused)] {
                let labels = [("resource", &*count.resource), ("result", result)];
                family.sample(&labels, value);
            }
        }
        let number = self.shard.number.to_string();
        let mut family = batch.gauge(
            "kube_state_metrics_shard_ordinal",
            "Which of the shards this is, from 0.",
        );
        // Nobody has as many shards as a number of 53 bits counts.
        family.sample(&[("shard_ordinal", &*number)], self.shard.number as f64);
        let mut family = batch.gauge(
            "kube_state_metrics_total_shards",
            "How many jobs share the objects.",
        );
        family.sample(&[], self.shard.total as f64);
    }
}

#[cfg(test)]
mod tests;
