//! The targets of one job at work.

use std::collections::HashMap;
use std::sync::Arc;

use narthex_discovery::{Providers, static_groups};
use narthex_model::Labels;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Discovery, Inner, ScrapePool, Tasks};
use crate::config::ScrapeConfig;
use crate::groups::{self, Found};
use crate::metrics::JobLabel;
use crate::scheduler::{Assignment, Job, TargetLoop};
use crate::{ScrapeError, Target};

/// A job and its targets. The empty one is that of a job that was not there before.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) job: Option<Arc<Job>>,
    /// Those who find targets, where there are any.
    pub(super) discovery: Option<Discovery>,
    pub(super) running: HashMap<Identity, Running>,
    dropped: Vec<Labels>,
    dropped_count: usize,
}

/// A target's labels and its URL.
type Identity = (Labels, String);

pub(super) struct Running {
    pub(super) target: Arc<Target>,
    /// The target's task ends when this is dropped.
    pub(super) assignment: watch::Sender<Assignment>,
}

impl Pool {
    pub(super) fn providers(&self) -> Option<&Providers> {
        self.discovery.as_ref().map(|held| &held.providers)
    }

    /// How many metrics its targets have said something of, each target by itself.
    pub(super) fn metadata_entries(&self) -> usize {
        let targets = self.running.values();
        targets.map(|held| held.target.metadata().len()).sum()
    }

    /// What is shown of it.
    pub(super) fn view(&self, name: &str) -> ScrapePool {
        let running = self.running.values();
        let mut active: Vec<_> = running.map(|held| Arc::clone(&held.target)).collect();
        active.sort_by(|a, b| {
            a.identity()
                .1
                .cmp(b.identity().1)
                .then_with(|| a.labels().cmp(b.labels()))
        });
        ScrapePool {
            job: name.to_owned(),
            active,
            dropped: self.dropped.clone(),
            dropped_count: self.dropped_count,
        }
    }
}

impl Inner {
    /// Makes a job's tasks what its configuration says and its discoverers have found.
    pub(super) fn sync(
        &self,
        job: Arc<Job>,
        discovery: Option<Discovery>,
        mut before: HashMap<Identity, Running>,
        tasks: &mut Tasks,
    ) -> Pool {
        while tasks.running.try_join_next().is_some() {}
        let start = Instant::now();
        let config = &job.config;
        let mut groups = static_groups(&config.static_configs);
        if let Some(discovery) = &discovery {
            groups.extend(discovery.providers.groups());
        }
        let targets = groups.iter().map(|group| group.targets.len()).sum();
        self.discovery.set_targets(&config.job_name, targets);
        let found = groups::targets(&groups, config);
        for failure in &found.failures {
            tracing::error!(job = config.job_name, error = failure, "target not created");
        }
        let label = JobLabel::new(&config.job_name);
        let failed = self.shared.metrics.syncs_failed.get_or_create_owned(&label);
        failed.inc_by(found.failures.len() as u64);
        let assignment = Assignment {
            refused: self.over_target_limit(config, &found),
            job: Arc::clone(&job),
        };
        let mut running = HashMap::with_capacity(found.active.len());
        for target in found.active {
            let (labels, url) = target.identity();
            let identity = (labels.clone(), url.to_owned());
            let held = match before.remove(&identity) {
                Some(held) => {
                    held.target
                        .set_discovered_labels(target.discovered_labels());
                    held.assign(&assignment);
                    held
                }
                None => self.spawn(target, assignment.clone(), tasks),
            };
            running.insert(identity, held);
        }
        self.measure(config, running.len(), start);
        Pool {
            job: Some(job),
            discovery,
            running,
            dropped: found.dropped,
            dropped_count: found.dropped_count,
        }
    }

    fn measure(&self, config: &ScrapeConfig, targets: usize, start: Instant) {
        let label = JobLabel::new(&config.job_name);
        let metrics = &self.shared.metrics;
        metrics
            .pool_targets
            .get_or_create_owned(&label)
            .set(i64::try_from(targets).unwrap_or(i64::MAX));
        let limit = i64::try_from(config.target_limit).unwrap_or(i64::MAX);
        metrics
            .pool_target_limit
            .get_or_create_owned(&label)
            .set(limit);
        metrics.syncs.get_or_create_owned(&label).inc();
        let length = metrics.sync_length.get_or_create_owned(&label);
        length.observe(start.elapsed().as_secs_f64());
    }

    fn over_target_limit(&self, config: &ScrapeConfig, found: &Found) -> Option<ScrapeError> {
        let (targets, limit) = (found.active.len(), config.target_limit);
        if limit == 0 || targets as u64 <= limit {
            return None;
        }
        self.shared.metrics.exceeded_target_limit.inc();
        Some(ScrapeError::TargetLimit { targets, limit })
    }

    fn spawn(&self, target: Target, assignment: Assignment, tasks: &mut Tasks) -> Running {
        let target = Arc::new(target);
        let (assignment, receiver) = watch::channel(assignment);
        let task = TargetLoop {
            shared: Arc::clone(&self.shared),
            target: Arc::clone(&target),
            assignment: receiver,
            stop: self.stop.subscribe(),
            seed: tasks.seed,
        };
        tasks.running.spawn(task.run());
        Running { target, assignment }
    }
}

impl Running {
    fn assign(&self, new: &Assignment) {
        self.assignment.send_if_modified(|held| {
            let is_same = Arc::ptr_eq(&held.job, &new.job) && held.refused == new.refused;
            if !is_same {
                *held = new.clone();
            }
            !is_same
        });
    }
}
