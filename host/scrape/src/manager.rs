//! All jobs: their targets' tasks, and what the HTTP API shows of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use narthex_discovery::static_groups;
use narthex_model::{Clock, Labels};
use narthex_storage::Appendable;
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::{ScrapeConfig, ScrapeConfigs};
use crate::groups::{self, Found};
use crate::metrics::{JobLabel, Metrics};
use crate::scheduler::{Assignment, Job, Shared, TargetLoop};
use crate::{BuildCollector, CollectorError, ScrapeError, Target};

/// Runs one task a target and follows the configuration.
pub struct ScrapeManager {
    shared: Arc<Shared>,
    build: Box<BuildCollector>,
    /// This machine's name.
    host: String,
    pools: RwLock<BTreeMap<String, Pool>>,
    /// Held through a reload, so that reloads do not meet.
    tasks: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
}

/// The targets of one job, as they are shown.
#[derive(Debug, Clone)]
pub struct ScrapePool {
    /// The job's name.
    pub job: String,
    /// The targets that are scraped, by URL.
    pub active: Vec<Arc<Target>>,
    /// The labels, before relabelling, of targets that relabelling dropped: as many as
    /// `keep_dropped_targets` allows.
    pub dropped: Vec<Labels>,
    /// How many targets relabelling dropped.
    pub dropped_count: usize,
}

struct Pool {
    job: Arc<Job>,
    running: HashMap<Identity, Running>,
    dropped: Vec<Labels>,
    dropped_count: usize,
}

/// A target's labels and its URL.
type Identity = (Labels, String);

struct Running {
    target: Arc<Target>,
    /// The target's task ends when this is dropped.
    assignment: watch::Sender<Assignment>,
}

impl ScrapeManager {
    /// A manager without a job. `build` makes the collector of each job whose configuration is
    /// new or changed.
    pub fn new(
        store: Arc<dyn Appendable>,
        clock: Arc<dyn Clock>,
        build: Box<BuildCollector>,
        registry: &mut Registry,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                clock,
                metrics: Metrics::new(registry),
            }),
            build,
            // Where the name cannot be read, the external labels alone have to do.
            host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default(),
            pools: RwLock::default(),
            tasks: Mutex::default(),
            stop: watch::Sender::new(false),
        }
    }

    /// Follows a new configuration. Targets that are the same go on without missing a scrape;
    /// where only their job's settings changed they take them over with the next one. Targets
    /// that are gone end, the others begin. After [`Self::stop`] nothing begins any more.
    ///
    /// # Errors
    /// A job has no collector; all of them are named, and everything goes on as before.
    pub async fn reload(&self, configs: ScrapeConfigs) -> Result<(), Vec<CollectorError>> {
        let mut tasks = self.tasks.lock().await;
        if *self.stop.borrow() {
            return Ok(());
        }
        while tasks.try_join_next().is_some() {}
        let jobs = self.jobs(&configs)?;
        let seed = seed(&self.host, &configs);
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *pools);
        for job in jobs {
            let name = job.config.job_name.clone();
            let old = before.remove(&name);
            let pool = self.sync(job, old, seed, &mut tasks);
            pools.insert(name, pool);
        }
        for name in before.keys() {
            self.shared.metrics.forget(name);
        }
        Ok(())
    }

    /// The jobs, by name, with what is shown of their targets.
    pub fn pools(&self) -> Vec<ScrapePool> {
        let pools = self.read();
        let views = pools.iter().map(|(name, pool)| {
            let running = pool.running.values();
            let mut active: Vec<_> = running.map(|held| Arc::clone(&held.target)).collect();
            active.sort_by(|a, b| {
                a.identity()
                    .1
                    .cmp(b.identity().1)
                    .then_with(|| a.labels().cmp(b.labels()))
            });
            ScrapePool {
                job: name.clone(),
                active,
                dropped: pool.dropped.clone(),
                dropped_count: pool.dropped_count,
            }
        });
        views.collect()
    }

    /// Ends every task. A scrape under way is given up, one that is being stored is stored; no
    /// stale marks are written.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Pool>> {
        self.pools.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The jobs of a configuration: those that did not change are the same as before.
    fn jobs(&self, configs: &ScrapeConfigs) -> Result<Vec<Arc<Job>>, Vec<CollectorError>> {
        let pools = self.read();
        let metrics = &self.shared.metrics;
        let (mut jobs, mut errors) = (Vec::new(), Vec::new());
        for config in &configs.jobs {
            let old = pools.get(&config.job_name).map(|pool| &pool.job);
            if let Some(job) = old.filter(|job| job.config == **config) {
                jobs.push(Arc::clone(job));
                continue;
            }
            let (tried, failed) = match old {
                Some(_) => (&metrics.pool_reloads, &metrics.pool_reloads_failed),
                None => (&metrics.pools, &metrics.pools_failed),
            };
            tried.inc();
            match self.job(config) {
                Ok(job) => jobs.push(job),
                Err(error) => {
                    failed.inc();
                    errors.push(error);
                }
            }
        }
        match errors.is_empty() {
            true => Ok(jobs),
            false => Err(errors),
        }
    }

    fn job(&self, config: &ScrapeConfig) -> Result<Arc<Job>, CollectorError> {
        Ok(Arc::new(Job {
            collector: (self.build)(config)?,
            config: config.clone(),
        }))
    }

    /// Makes a job's tasks what its configuration says.
    fn sync(&self, job: Arc<Job>, old: Option<Pool>, seed: u64, tasks: &mut JoinSet<()>) -> Pool {
        let start = Instant::now();
        let config = &job.config;
        let found = groups::targets(&static_groups(&config.static_configs), config);
        for failure in &found.failures {
            tracing::error!(job = config.job_name, error = failure, "target not created");
        }
        let assignment = Assignment {
            refused: self.over_target_limit(config, &found),
            job: Arc::clone(&job),
        };
        let mut before = old.map(|pool| pool.running).unwrap_or_default();
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
                None => self.spawn(target, assignment.clone(), seed, tasks),
            };
            running.insert(identity, held);
        }
        let label = JobLabel::new(&config.job_name);
        let metrics = &self.shared.metrics;
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        metrics
            .pool_targets
            .get_or_create_owned(&label)
            .set(count(running.len()));
        let limit = i64::try_from(config.target_limit).unwrap_or(i64::MAX);
        metrics
            .pool_target_limit
            .get_or_create_owned(&label)
            .set(limit);
        metrics.syncs.get_or_create_owned(&label).inc();
        let length = metrics.sync_length.get_or_create_owned(&label);
        length.observe(start.elapsed().as_secs_f64());
        Pool {
            job,
            running,
            dropped: found.dropped,
            dropped_count: found.dropped_count,
        }
    }

    fn over_target_limit(&self, config: &ScrapeConfig, found: &Found) -> Option<ScrapeError> {
        let (targets, limit) = (found.active.len(), config.target_limit);
        if limit == 0 || targets as u64 <= limit {
            return None;
        }
        self.shared.metrics.exceeded_target_limit.inc();
        Some(ScrapeError::TargetLimit { targets, limit })
    }

    fn spawn(
        &self,
        target: Target,
        assignment: Assignment,
        seed: u64,
        tasks: &mut JoinSet<()>,
    ) -> Running {
        let target = Arc::new(target);
        let (assignment, receiver) = watch::channel(assignment);
        let task = TargetLoop {
            shared: Arc::clone(&self.shared),
            target: Arc::clone(&target),
            assignment: receiver,
            stop: self.stop.subscribe(),
            seed,
        };
        tasks.spawn(task.run());
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

/// What makes this server scrape at other moments than its replicas: its name and its external
/// labels.
fn seed(host: &str, configs: &ScrapeConfigs) -> u64 {
    let labels = Labels::from_pairs(&configs.global.external_labels);
    xxh3_64(host.trim().as_bytes()) ^ labels.stable_hash()
}

#[cfg(test)]
mod tests;
