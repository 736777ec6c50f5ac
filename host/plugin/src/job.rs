//! A plugin at work for one job: its warm instances, and the seam to the scrapes.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use narthex_scrape::{Collector, ScrapeError, Scraped, Target};
use tokio::sync::Semaphore;
use tokio::time::{Duration, Instant};

use crate::bindings::exporter::exports::narthex::plugin::collector::Target as GuestTarget;
use crate::error::CallError;
use crate::host::{Identity, Outside};
use crate::instance::{Allowance, Instance, setup_allowance};
use crate::limits::{IDLE_INSTANCES_PER_JOB_MAX, INSTANCES_PER_JOB_MAX};
use crate::metrics::{CallLabels, JobLabels};
use crate::plugin::Plugin;
use crate::version::Version;
use narthex_registry::Endpoint;

/// A guest is stopped so long before the scrape's own deadline, so that its error, which says
/// more, is the one that is shown.
const DEADLINE_MARGIN: Duration = Duration::from_millis(5);

/// A plugin at work for one job. Collections that overlap run on instances of their own; as a
/// rule there is one, and it stays warm.
pub(crate) struct Job {
    plugin: Arc<Plugin>,
    identity: Identity,
    config: String,
    outside: Outside,
    idle: Mutex<Vec<Instance>>,
    permits: Semaphore,
    runtime: tokio::runtime::Handle,
}

impl Job {
    pub(crate) fn new(
        plugin: Arc<Plugin>,
        job: &str,
        config: String,
        outside: Outside,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            identity: Identity {
                plugin: plugin.name().to_owned(),
                job: job.to_owned(),
            },
            plugin,
            config,
            outside,
            idle: Mutex::default(),
            permits: Semaphore::new(INSTANCES_PER_JOB_MAX),
            runtime,
        }
    }

    /// The job's name.
    pub(crate) fn name(&self) -> &str {
        &self.identity.job
    }

    /// Makes an instance of a version that is not at work yet.
    pub(crate) async fn prepare(&self, version: &Arc<Version>) -> Result<Instance, CallError> {
        self.start(version, setup_allowance()).await
    }

    /// Puts a prepared instance to work, in place of those of other versions.
    pub(crate) fn adopt(&self, instance: Instance) {
        let old = std::mem::replace(&mut *self.lock_idle(), vec![instance]);
        self.retire(old);
    }

    async fn start(
        &self,
        version: &Arc<Version>,
        allowance: Allowance,
    ) -> Result<Instance, CallError> {
        let (identity, outside) = (self.identity.clone(), self.outside.clone());
        Instance::start(version, identity, outside, &self.config, allowance).await
    }

    async fn scrape(&self, target: &Target, allowance: Allowance) -> Result<Scraped, CallError> {
        let permit = tokio::time::timeout_at(allowance.deadline, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| CallError::Deadline(allowance.length))?;
        let version = self.plugin.current();
        let version = version.ok_or_else(|| CallError::NotReady("it is not loaded".to_owned()))?;
        let mut instance = match self.take_idle(&version) {
            Some(instance) => instance,
            None => self.start(&version, allowance).await?,
        };

        let endpoint = Endpoint::parse(target.address(), version.manifest.defaults.port);
        let address = match &endpoint {
            Some(endpoint) => endpoint.to_string(),
            None => target.address().to_owned(),
        };
        let answer = instance
            .collect(guest_target(target, address), endpoint, allowance)
            .await;

        let memory = i64::try_from(instance.memory()).unwrap_or(i64::MAX);
        let labels = self.labels();
        self.outside
            .metrics
            .memory
            .get_or_create(&labels)
            .set(memory);
        match &answer {
            Err(error) if !error.leaves_instance() => {
                self.outside.metrics.restarts.get_or_create(&labels).inc();
                drop(instance);
            }
            _ => self.put_idle(instance),
        }
        answer
    }

    /// An instance of the version at work; those of others are retired.
    fn take_idle(&self, version: &Arc<Version>) -> Option<Instance> {
        let mut idle = self.lock_idle();
        let all = std::mem::take(&mut *idle);
        let (mut fresh, old): (Vec<_>, Vec<_>) = all.into_iter().partition(|i| i.is_of(version));
        let taken = fresh.pop();
        *idle = fresh;
        drop(idle);
        self.retire(old);
        taken
    }

    fn put_idle(&self, instance: Instance) {
        let is_current = self.plugin.current().is_some_and(|v| instance.is_of(&v));
        let mut idle = self.lock_idle();
        if is_current && !instance.is_worn() && idle.len() < IDLE_INSTANCES_PER_JOB_MAX {
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

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn labels(&self) -> JobLabels {
        JobLabels {
            plugin: self.identity.plugin.clone(),
            job: self.identity.job.clone(),
        }
    }
}

#[async_trait]
impl Collector for Job {
    async fn collect(&self, target: &Target, deadline: Instant) -> Result<Scraped, ScrapeError> {
        let start = Instant::now();
        let allowance = Allowance {
            deadline: deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(deadline),
            length: target.timeout(),
        };
        let answer = self.scrape(target, allowance).await;

        let metrics = &self.outside.metrics;
        let seconds = start.elapsed().as_secs_f64();
        metrics
            .call_duration
            .get_or_create(&self.labels())
            .observe(seconds);
        let labels = CallLabels {
            plugin: self.identity.plugin.clone(),
            job: self.identity.job.clone(),
            result: answer.as_ref().map_or_else(CallError::result, |_| "ok"),
        };
        metrics.calls.get_or_create(&labels).inc();
        let name = self.plugin.name();
        self.plugin.note_call(answer.as_ref().err());
        answer.map_err(|error| ScrapeError::Collect(format!("plugin {name}: {error}")))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.lock_idle());
        self.retire(idle);
    }
}

fn guest_target(target: &Target, address: String) -> GuestTarget {
    let pairs = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    GuestTarget {
        address,
        labels: target.labels().iter().map(pairs).collect(),
        params: target
            .params()
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |v| (name.clone(), v.clone())))
            .collect(),
    }
}
