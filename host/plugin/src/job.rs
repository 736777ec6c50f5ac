//! A plugin at work for one job: its warm instances, who may be asked when, and what came of it.
//!
//! It is not: what is asked. That differs from world to world (`collector`, `discoverer`,
//! `receiver`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::error::{CallError, PluginError};
use crate::instance::{Allowance, Answer, Instance, Request, Setup, setup_allowance};
use crate::limits::{IDLE_INSTANCES_PER_JOB_MAX, INSTANCES_PER_JOB_MAX, STRUCK_TARGETS_MAX};
use crate::metrics::JobMetrics;
use crate::plugin::Plugin;
use crate::sighting::Sighting;
use crate::status::{JobDetail, Quarantine};
use crate::strikes::Strikes;
use crate::version::Version;
use crate::world::World;

/// A plugin at work for one job. Calls that overlap run on instances of their own; as a rule
/// there is one, and it stays warm.
pub(crate) struct Job {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) world: World,
    setup: Setup,
    idle: Mutex<Vec<Instance>>,
    permits: Semaphore,
    /// How many permits there are; a new version may have more or fewer.
    concurrency: Mutex<usize>,
    /// Failures by target; "" is what no target is to blame for.
    struck: Mutex<HashMap<String, Struck>>,
    /// The last good collection.
    pub(crate) sighting: Sighting,
    pub(crate) metrics: JobMetrics,
    runtime: tokio::runtime::Handle,
}

/// The failures with one target, and what the last one was.
#[derive(Debug, Default)]
struct Struck {
    strikes: Strikes,
    error: String,
}

impl Job {
    pub(crate) fn new(
        plugin: Arc<Plugin>,
        world: World,
        setup: Setup,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let metrics = JobMetrics::of(&setup.identity, &setup.outside.metrics);
        Self {
            plugin,
            world,
            metrics,
            setup,
            idle: Mutex::default(),
            permits: Semaphore::new(INSTANCES_PER_JOB_MAX),
            concurrency: Mutex::new(INSTANCES_PER_JOB_MAX),
            struck: Mutex::default(),
            sighting: Sighting::default(),
            runtime,
        }
    }

    /// The job's name.
    pub(crate) fn name(&self) -> &str {
        &self.setup.identity.job
    }

    /// The job's configuration, as it was written.
    pub(crate) fn config(&self) -> &Value {
        &self.setup.config
    }

    /// Makes an instance of a version that is not at work yet.
    pub(crate) async fn prepare(&self, version: &Arc<Version>) -> Result<Instance, CallError> {
        Instance::start(version, &self.setup, setup_allowance()).await
    }

    /// Puts a prepared instance to work, in place of those of other versions. What its
    /// predecessors did wrong is forgotten.
    pub(crate) fn adopt(&self, instance: Instance) {
        let old = std::mem::replace(&mut *lock(&self.idle), vec![instance]);
        self.retire(old);
        self.forgive();
    }

    /// Takes over the warm instances of a job that it stands in for.
    pub(crate) fn inherit(&self, other: &Self) {
        let mut idle = std::mem::take(&mut *lock(&other.idle));
        lock(&self.idle).append(&mut idle);
    }

    /// Forgets all failures.
    pub(crate) fn forgive(&self) {
        lock(&self.struck).clear();
        self.metrics.quarantined.set(0);
    }

    /// Asks the plugin. `key` is the target that a failure counts for.
    pub(crate) async fn call(
        &self,
        key: &str,
        request: Request<'_>,
        allowance: Allowance,
    ) -> Result<Answer, CallError> {
        let span = tracing::info_span!("plugin", name = self.plugin.name(), job = self.name());
        let start = Instant::now();
        let answer = self.ask(key, request, allowance).instrument(span).await;
        self.metrics.observe(start.elapsed(), answer.as_ref().err());
        self.plugin
            .note_call(self.name(), answer.as_ref().err(), self.now_ms());
        answer
    }

    async fn ask(
        &self,
        key: &str,
        request: Request<'_>,
        allowance: Allowance,
    ) -> Result<Answer, CallError> {
        self.admit(key)?;
        let version = self.plugin.ready(allowance.deadline).await?;
        let allowance = allowance.within(version.bounds.timeout);
        self.fit(&version);
        let late = CallError::Deadline {
            length: allowance.length,
            is_busy: false,
        };
        // A timer lets through what is ready, be it late: a guest is not begun with no time left.
        if Instant::now() >= allowance.deadline {
            return Err(late);
        }
        let permit = tokio::time::timeout_at(allowance.deadline, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| late)?;
        let mut instance = match self.take(&version, allowance).await {
            Ok(instance) => instance,
            Err(error) => {
                self.judge(key, Some(&error));
                return Err(error);
            }
        };
        let answer = instance.call(request, allowance).await;
        let memory = i64::try_from(instance.memory()).unwrap_or(i64::MAX);
        self.metrics.memory.set(memory);
        self.judge(key, answer.as_ref().err());
        match &answer {
            Err(error) if !error.leaves_instance() => {
                self.metrics.restarts.inc();
                drop(instance);
            }
            _ => self.put(instance),
        }
        answer
    }

    /// What is notified when one of the warm instances' watches has events.
    pub(crate) fn watch_changes(&self) -> Vec<Arc<Notify>> {
        let idle = lock(&self.idle);
        idle.iter().flat_map(Instance::watch_changes).collect()
    }

    /// Lets the warm instances go: what they have told was not taken.
    pub(crate) fn begin_anew(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        self.retire(idle);
    }

    /// Whether an instance is kept for the next call.
    pub(crate) fn is_warm(&self) -> bool {
        !lock(&self.idle).is_empty()
    }

    /// A warm instance of the version, or a new one.
    async fn take(
        &self,
        version: &Arc<Version>,
        allowance: Allowance,
    ) -> Result<Instance, CallError> {
        while let Some(mut instance) = self.take_idle(version) {
            match instance.adjust(&self.setup, allowance).await {
                Ok(true) => return Ok(instance),
                Ok(false) => self.retire(vec![instance]),
                // It was another job's instance until now; a new one says whether the
                // configuration is at fault.
                Err(error) => {
                    tracing::debug!(plugin = self.plugin.name(), %error, "not reconfigured");
                }
            }
        }
        Instance::start(version, &self.setup, allowance).await
    }

    /// An instance of the version at work; those of others are retired.
    fn take_idle(&self, version: &Arc<Version>) -> Option<Instance> {
        let mut idle = lock(&self.idle);
        let all = std::mem::take(&mut *idle);
        let (mut fresh, old): (Vec<_>, Vec<_>) = all.into_iter().partition(|i| i.is_of(version));
        let taken = fresh.pop();
        *idle = fresh;
        drop(idle);
        self.retire(old);
        taken
    }

    fn put(&self, instance: Instance) {
        let is_current = self.plugin.current().is_some_and(|v| instance.is_of(&v));
        // A discovery's watches are read by one instance.
        let most = match self.world {
            World::Discovery => 1,
            _ => IDLE_INSTANCES_PER_JOB_MAX,
        };
        let mut idle = lock(&self.idle);
        if is_current && !instance.is_worn() && idle.len() < most {
            idle.push(instance);
        } else {
            drop(idle);
            self.retire(vec![instance]);
        }
    }

    /// Lets instances say farewell, away from whoever is waiting.
    fn retire(&self, instances: Vec<Instance>) {
        for instance in instances {
            self.runtime.spawn(instance.shut_down());
        }
    }

    /// Lets as many calls run at once as the version takes.
    fn fit(&self, version: &Version) {
        let wanted = version.bounds.concurrency;
        let mut have = lock(&self.concurrency);
        if *have < wanted {
            self.permits.add_permits(wanted - *have);
            *have = wanted;
        } else if *have > wanted {
            // Those in use are taken back by a later call.
            *have -= self.permits.forget_permits(*have - wanted);
        }
    }

    /// Refuses a call that comes too soon after failures.
    fn admit(&self, key: &str) -> Result<(), CallError> {
        let struck = lock(&self.struck);
        let Some(found) = struck.get(key) else {
            return Ok(());
        };
        match found.strikes.barred(self.now_ms()) {
            None => Ok(()),
            Some(barred) => Err(CallError::Barred(format!("{barred}: {}", found.error))),
        }
    }

    /// Counts what a call did.
    fn judge(&self, key: &str, error: Option<&CallError>) {
        let now_ms = self.now_ms();
        let mut struck = lock(&self.struck);
        match error {
            Some(error) if error.is_strike() => {
                if !struck.contains_key(key) && struck.len() >= STRUCK_TARGETS_MAX {
                    struck.retain(|_, struck| !struck.strikes.is_clean(now_ms));
                }
                let is_full = struck.len() >= STRUCK_TARGETS_MAX && !struck.contains_key(key);
                let key = if is_full { "" } else { key };
                let entry = struck.entry(key.to_owned()).or_default();
                entry.error = error.to_string();
                let (plugin, job) = (self.plugin.name(), self.name());
                // Said once, not with every scrape.
                if !entry.strikes.is_failing() {
                    tracing::warn!(plugin, job, target = key, %error, "plugin was stopped");
                }
                let barred = entry.strikes.fail(now_ms);
                if let Some(barred) = barred.filter(|barred| barred.is_quarantine) {
                    let until = barred.until();
                    tracing::warn!(plugin, job, target = key, until, %error, "plugin is quarantined");
                }
            }
            // What the guest met says nothing of the guest. A quarantine may be over all the same.
            Some(_) => {}
            None => match struck.get_mut(key) {
                Some(entry) => {
                    entry.strikes.succeed();
                    if entry.strikes.is_clean(now_ms) {
                        struck.remove(key);
                    }
                }
                None => return,
            },
        }
        let quarantined = struck.values().filter_map(|s| s.strikes.barred(now_ms));
        let quarantined = quarantined.filter(|barred| barred.is_quarantine).count();
        drop(struck);
        let quarantined = i64::try_from(quarantined).unwrap_or(i64::MAX);
        self.metrics.quarantined.set(quarantined);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.setup.outside.clock.now_ms()
    }

    pub(crate) fn detail(&self) -> JobDetail {
        let now_ms = self.now_ms();
        let struck = lock(&self.struck);
        let quarantined = struck.iter().filter_map(|(target, struck)| {
            let barred = struck.strikes.barred(now_ms)?;
            barred.is_quarantine.then(|| Quarantine {
                target: target.clone(),
                until_ms: barred.until_ms,
                error: struck.error.clone(),
            })
        });
        JobDetail {
            name: self.name().to_owned(),
            quarantined: quarantined.collect(),
            warm_instances: lock(&self.idle).len(),
            running: lock(&self.concurrency).saturating_sub(self.permits.available_permits()),
            memory_bytes: self.metrics.memory.get(),
        }
    }

    /// What is wrong with this job for a version's manifest.
    pub(crate) fn check(&self, version: &Version) -> Result<(), PluginError> {
        if version.world != self.world {
            return Err(PluginError::OtherWorld {
                name: self.plugin.name().to_owned(),
                found: version.world.to_string(),
                needed: self.world.to_string(),
            });
        }
        let checked = version.manifest.check_config(self.config());
        match checked.err().unwrap_or_default().first() {
            None => Ok(()),
            Some(fault) => Err(PluginError::Setup {
                job: self.name().to_owned(),
                reason: fault.to_string(),
            }),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        self.retire(idle);
        self.metrics.quarantined.set(0);
        // A version that did not start for this job may start for those that are left.
        self.plugin.note_jobs_changed();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
