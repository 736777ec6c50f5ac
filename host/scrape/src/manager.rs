//! All jobs: their targets' tasks, and what the HTTP API shows of them.

mod discovery;
mod metadata_entries;
mod pool;
mod preview;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use narthex_discovery::{BuildDiscoverer, DiscovererError, Plan, Providers, SdMetrics};
use narthex_model::{Clock, Labels};
use narthex_storage::Appendable;
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::{ScrapeConfig, ScrapeConfigs};
use crate::failure_log::FailureLog;
use crate::metrics::Metrics;
use crate::pipeline::MetadataPool;
use crate::scheduler::{Job, Shared};
use crate::{BuildCollector, CollectorError, ScrapeOptions, Target};

use self::discovery::Discovery;
pub use self::discovery::UPDATE_INTERVAL;
use self::metadata_entries::MetadataEntries;
use self::pool::Pool;
pub use self::preview::{PREVIEW_PAGE_BYTES_MAX, PREVIEWS_MAX, PreviewError, ScrapePreview};

/// Runs one task a target and follows the configuration and what is discovered.
pub struct ScrapeManager(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    build: Box<BuildCollector>,
    build_discoverer: Box<BuildDiscoverer>,
    discovery: SdMetrics,
    /// This machine's name.
    host: String,
    pools: Arc<Pools>,
    /// Held through a reload, so that reloads do not meet.
    tasks: Mutex<Tasks>,
    /// Turns of those who look at a target.
    previews: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

/// The tasks of all targets.
#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    /// See [`seed`].
    seed: u64,
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

/// Why a job of a new configuration cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Nobody can read its targets.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// There is nowhere to write that a scrape failed.
    #[error("opening the scrape failure log of job {job:?}: {path}: {reason}")]
    FailureLog {
        /// The job.
        job: String,
        /// Its `scrape_failure_log_file`.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Nobody can find them.
    #[error(transparent)]
    Discoverer(#[from] DiscovererError),
}

/// The jobs' pools by their names.
type Pools = RwLock<BTreeMap<String, Pool>>;

/// A job of a new configuration, with nothing changed yet.
struct Prepared {
    job: Arc<Job>,
    /// What becomes of its discoverers; `None` where the job is the same as before.
    plan: Option<Plan>,
}

impl ScrapeManager {
    /// A manager without a job. `build` makes the collector of each job whose configuration is
    /// new or changed, `build_discoverer` what finds the targets of each entry that is.
    pub fn new(
        store: Arc<dyn Appendable>,
        clock: Arc<dyn Clock>,
        build: Box<BuildCollector>,
        build_discoverer: Box<BuildDiscoverer>,
        registry: &mut Registry,
    ) -> Self {
        let options = ScrapeOptions::default();
        Self::with_options(options, store, clock, build, build_discoverer, registry)
    }

    /// The same, with what feature flags say.
    pub fn with_options(
        options: ScrapeOptions,
        store: Arc<dyn Appendable>,
        clock: Arc<dyn Clock>,
        build: Box<BuildCollector>,
        build_discoverer: Box<BuildDiscoverer>,
        registry: &mut Registry,
    ) -> Self {
        let pools = Arc::<Pools>::default();
        registry.register_collector(Box::new(MetadataEntries(Arc::clone(&pools))));
        Self(Arc::new(Inner {
            shared: Arc::new(Shared {
                store,
                clock,
                metrics: Metrics::new(registry),
                metadata: MetadataPool::default(),
                options,
            }),
            build,
            build_discoverer,
            discovery: SdMetrics::register("scrape", registry),
            // Where the name cannot be read, the external labels alone have to do.
            host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default(),
            pools,
            tasks: Mutex::default(),
            previews: Arc::new(Semaphore::new(PREVIEWS_MAX)),
            stop: watch::Sender::new(false),
        }))
    }

    /// Follows a new configuration. Targets that are the same go on without missing a scrape;
    /// where only their job's settings changed they take them over with the next one. Targets
    /// that are gone end, the others begin. What was discovered stays until the discoverers of
    /// the new configuration have said something. After [`Self::stop`] nothing begins any more.
    ///
    /// # Errors
    /// A job cannot run; all of them are named, and everything goes on as before.
    pub async fn reload(&self, configs: ScrapeConfigs) -> Result<(), Vec<ReloadError>> {
        let inner = &self.0;
        let mut tasks = inner.tasks.lock().await;
        if *inner.stop.borrow() {
            return Ok(());
        }
        let jobs = inner.prepare(&configs)?;
        tasks.seed = seed(&inner.host, &configs);
        let mut pools = inner.pools.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *pools);
        for Prepared { job, plan } in jobs {
            let name = job.config.job_name.clone();
            let old = before.remove(&name).unwrap_or_default();
            let discovery = match plan {
                Some(plan) => Discovery::follow(inner, &name, plan, old.discovery),
                None => old.discovery,
            };
            let pool = inner.sync(job, discovery, old.running, &mut tasks);
            pools.insert(name, pool);
        }
        for name in before.keys() {
            inner.shared.metrics.forget(name);
            inner.discovery.forget(name);
        }
        Ok(())
    }

    /// The jobs, by name, with what is shown of their targets.
    pub fn pools(&self) -> Vec<ScrapePool> {
        let pools = self.0.read();
        pools.iter().map(|(name, pool)| pool.view(name)).collect()
    }

    /// The configuration of a job, with what it takes from `global`.
    pub fn job_config(&self, job: &str) -> Option<ScrapeConfig> {
        let pools = self.0.read();
        let pool = pools.get(job)?;
        pool.job.as_ref().map(|job| job.config.clone())
    }

    /// Ends every task. A scrape under way is given up, one that is being stored is stored; no
    /// stale marks are written.
    pub async fn stop(&self) {
        self.0.stop.send_replace(true);
        let mut tasks = self.0.tasks.lock().await;
        while tasks.running.join_next().await.is_some() {}
        let mut pools = self.0.pools.write().unwrap_or_else(PoisonError::into_inner);
        for pool in pools.values_mut() {
            pool.discovery = None;
        }
    }

    /// What is shown of service discovery, for other parts of the server that discover.
    pub fn discovery_metrics(&self) -> &SdMetrics {
        &self.0.discovery
    }
}

impl Inner {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Pool>> {
        self.pools.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The jobs of a configuration: those that did not change are the same as before.
    fn prepare(&self, configs: &ScrapeConfigs) -> Result<Vec<Prepared>, Vec<ReloadError>> {
        let pools = self.read();
        let metrics = &self.shared.metrics;
        let (mut jobs, mut errors) = (Vec::new(), Vec::new());
        let mut failure_logs = HashMap::new();
        let mut failed_entries = 0;
        for config in &configs.jobs {
            let old = pools.get(&config.job_name);
            let job = old.and_then(|pool| pool.job.as_ref());
            if let Some(job) = job.filter(|job| job.config == **config) {
                let job = Arc::clone(job);
                jobs.push(Prepared { job, plan: None });
                continue;
            }
            let (tried, failed) = match job {
                Some(_) => (&metrics.pool_reloads, &metrics.pool_reloads_failed),
                None => (&metrics.pools, &metrics.pools_failed),
            };
            tried.inc();
            let job = self.job(config, job, &mut failure_logs);
            let providers = old.and_then(Pool::providers);
            let (name, entries) = (&config.job_name, config.sd_configs());
            let plan = Providers::plan(name, entries, providers, &self.build_discoverer);
            match (job, plan) {
                (Ok(job), Ok(plan)) => jobs.push(Prepared {
                    job,
                    plan: Some(plan),
                }),
                (job, plan) => {
                    failed.inc();
                    errors.extend(job.err());
                    let of_entries = plan.err().unwrap_or_default();
                    failed_entries += of_entries.len();
                    errors.extend(of_entries.into_iter().map(ReloadError::from));
                }
            }
        }
        self.discovery.set_failed(failed_entries);
        match errors.is_empty() {
            true => Ok(jobs),
            false => Err(errors),
        }
    }

    /// A job of a new configuration, in the place of one `before`. Jobs that write to the same file
    /// share it.
    fn job(
        &self,
        config: &ScrapeConfig,
        before: Option<&Arc<Job>>,
        failure_logs: &mut HashMap<String, Arc<FailureLog>>,
    ) -> Result<Arc<Job>, ReloadError> {
        let path = &config.scrape_failure_log_file;
        let failure_log = match failure_logs.get(path) {
            _ if path.is_empty() => None,
            Some(open) => Some(Arc::clone(open)),
            None => {
                let log = FailureLog::open(path).map_err(|error| ReloadError::FailureLog {
                    job: config.job_name.clone(),
                    path: path.clone(),
                    reason: error.to_string(),
                })?;
                let log = Arc::new(log);
                failure_logs.insert(path.clone(), Arc::clone(&log));
                Some(log)
            }
        };
        Ok(Arc::new(Job {
            collector: (self.build)(config)?,
            config: config.clone(),
            failure_log,
            samples: before.map_or_else(Arc::default, |job| Arc::clone(&job.samples)),
        }))
    }

    /// Takes over what a job's discoverers have found.
    async fn update(&self, name: &str) {
        let mut tasks = self.tasks.lock().await;
        if *self.stop.borrow() {
            return;
        }
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = pools.remove(name) else {
            return;
        };
        if let Some(job) = old.job {
            let pool = self.sync(job, old.discovery, old.running, &mut tasks);
            pools.insert(name.to_owned(), pool);
            self.discovery.count_update();
        }
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
