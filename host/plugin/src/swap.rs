//! How a version comes to work: an instance for each job, a trial on a target that the old
//! version has read, and then one step for all. Until that step the old version serves, and where
//! anything goes wrong, it goes on.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use tokio::task::JoinSet;

use crate::batch::has_samples;
use crate::collector::into_scraped;
use crate::config::PluginsConfig;
use crate::error::{CallError, PluginError};
use crate::instance::{Allowance, Instance, Request};
use crate::job::Job;
use crate::limits::{PREPARED_AT_ONCE_MAX, SHADOW_TIMEOUT};
use crate::plugin::Plugin;
use crate::sighting::Seen;
use crate::version::Version;

impl Plugin {
    /// Puts a version to work, or says why not. [`Plugin::swapping`] has to be held.
    pub(crate) async fn swap(&self, version: Version) -> Result<(), PluginError> {
        let old = self.current();
        if let Some(old) = &old {
            let more = version.beyond(old);
            if !more.is_empty() {
                return Err(PluginError::Held {
                    name: self.name().to_owned(),
                    more: more.to_string(),
                });
            }
        }
        self.replace(Arc::new(version), old).await
    }

    /// Puts the version before the one at work to work again.
    pub(crate) async fn swap_back(&self, config: &PluginsConfig) -> Result<(), PluginError> {
        let missing = || PluginError::NoPrevious(self.name().to_owned());
        let previous = self.previous().ok_or_else(missing)?;
        let previous = Arc::new(previous.reconfigured(config)?);
        // What it asks for was approved when it was at work; what it finds need not be what the
        // version finds that somebody wants to be rid of.
        let newest = self.current().map(|v| v.manifest.version.clone());
        self.replace(previous, None).await?;
        self.note_rolled_back(&newest.unwrap_or_default());
        Ok(())
    }

    async fn replace(
        &self,
        version: Arc<Version>,
        old: Option<Arc<Version>>,
    ) -> Result<(), PluginError> {
        // Where nothing is at work, a job that cannot start must not keep the others from it; its
        // own scrapes say what is wrong.
        let is_first = self.current().is_none();
        let jobs = match is_first {
            true => Vec::new(),
            false => self.jobs(),
        };
        for job in &jobs {
            job.check(&version)?;
        }
        let mut ready = Vec::new();
        for some in jobs.chunks(PREPARED_AT_ONCE_MAX) {
            let mut preparing = JoinSet::new();
            for job in some {
                let (job, version, old) = (job.clone(), version.clone(), old.clone());
                preparing.spawn(async move {
                    let prepared = prepare(&job, &version, old.as_ref()).await;
                    (job, prepared)
                });
            }
            while let Some(prepared) = preparing.join_next().await {
                let failed = |error| PluginError::Engine(format!("a trial failed: {error}"));
                let (job, instance) = prepared.map_err(failed)?;
                let instance = instance.map_err(|error| PluginError::Setup {
                    job: job.name().to_owned(),
                    reason: error.to_string(),
                })?;
                ready.push((job, instance));
            }
        }
        self.put_to_work(version);
        for (job, instance) in ready {
            job.adopt(instance);
        }
        Ok(())
    }
}

/// Makes an instance and tries it on the target that was read last.
#[boxed]
async fn prepare(
    job: &Job,
    version: &Arc<Version>,
    old: Option<&Arc<Version>>,
) -> Result<Instance, CallError> {
    let mut instance = job.prepare(version).await?;
    let (Some(old), Some(seen)) = (old, job.sighting.last()) else {
        return Ok(instance);
    };
    let found = shadow(&mut instance, version, &seen).await;
    let error = match found {
        Ok(has_samples) if has_samples || !seen.had_samples => return Ok(instance),
        Ok(_) => CallError::NotReady(format!(
            "it finds nothing at {}, where the version at work finds samples",
            seen.address
        )),
        Err(error) => error,
    };
    if error.is_strike() {
        return Err(error);
    }
    // The target may be gone by now; then the old version does no better, and nothing is known.
    let mut other = job.prepare(old).await?;
    let still_has = shadow(&mut other, old, &seen).await;
    other.shut_down().await;
    match still_has {
        Ok(true) => Err(error),
        _ => Ok(instance),
    }
}

/// Reads a target, and says whether there were samples.
#[boxed]
async fn shadow(
    instance: &mut Instance,
    version: &Version,
    seen: &Seen,
) -> Result<bool, CallError> {
    let endpoint = seen.endpoint(version.manifest.defaults.port);
    let mut target = seen.target.clone();
    if let Some(endpoint) = &endpoint {
        target.address = endpoint.to_string();
    }
    let scrape = seen.timeout.as_std();
    let length = if scrape.is_zero() {
        SHADOW_TIMEOUT
    } else {
        scrape.min(SHADOW_TIMEOUT)
    };
    let allowance = Allowance::of(length).within(version.bounds.timeout);
    let request = Request::Collect {
        target: &target,
        endpoint,
    };
    let scraped = into_scraped(instance.call(request, allowance).await?)?;
    Ok(has_samples(&scraped))
}
