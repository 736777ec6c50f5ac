//! The discoverers of one job at work, and what they have found so far.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use crate::{
    BuildDiscoverer, Discoverer, DiscovererError, SdConfig, SdMetrics, TargetGroup, UPDATES_MAX,
};

/// So many groups of one discoverer are kept; those of further sources are left out, and the log
/// says so.
pub const GROUPS_MAX: usize = 65_536;

/// The discoverers of a job. They end when it is dropped.
pub struct Providers {
    running: Vec<Provider>,
    changed: Arc<Notify>,
}

struct Provider {
    id: Id,
    config: SdConfig,
    found: Arc<Mutex<Found>>,
    task: AbortHandle,
}

/// What has to be begun and what goes on, with nothing done yet.
pub struct Plan {
    job: String,
    steps: Vec<Step>,
}

enum Step {
    /// The provider in this place goes on.
    Keep(usize),
    Begin(Id, SdConfig, Arc<dyn Discoverer>),
}

/// `JOB/plugin_sd/0`: no other discoverer at work has it, and one keeps it wherever its entry is
/// moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Id(String);

impl Id {
    fn of(job: &str, config: &SdConfig, number: usize) -> Self {
        Self(format!("{job}/{}/{number}", config.mechanism()))
    }
}

#[derive(Default)]
struct Found {
    groups: BTreeMap<String, TargetGroup>,
    /// Whether they are the predecessor's still.
    is_inherited: bool,
    is_full: bool,
}

impl Providers {
    /// Compares the entries of a job with those at work, and makes the discoverers that are
    /// missing. An entry that has not changed goes on.
    ///
    /// # Errors
    /// Entries have no discoverer; all of them are named, and everything goes on as before.
    pub fn plan(
        job: &str,
        configs: Vec<SdConfig>,
        running: Option<&Self>,
        build: &BuildDiscoverer,
    ) -> Result<Plan, Vec<DiscovererError>> {
        let running = running.map_or(&[][..], |providers| &providers.running);
        let mut kept = vec![None; running.len()];
        for (index, config) in configs.iter().enumerate() {
            let mut places = running.iter().zip(&mut kept);
            let same = places.find(|(provider, to)| to.is_none() && provider.config == *config);
            if let Some((_, to)) = same {
                *to = Some(index);
            }
        }
        let mut taken: Vec<Id> = running
            .iter()
            .zip(&kept)
            .filter(|(_, to)| to.is_some())
            .map(|(provider, _)| provider.id.clone())
            .collect();
        let (mut steps, mut errors) = (Vec::with_capacity(configs.len()), Vec::new());
        for (index, config) in configs.into_iter().enumerate() {
            if let Some(place) = kept.iter().position(|to| *to == Some(index)) {
                steps.push(Step::Keep(place));
                continue;
            }
            let mut ids = (0..).map(|number| Id::of(job, &config, number));
            let Some(id) = ids.find(|id| !taken.contains(id)) else {
                continue;
            };
            taken.push(id.clone());
            match build(&id.0, &config) {
                Ok(discoverer) => steps.push(Step::Begin(id, config, discoverer)),
                Err(message) => errors.push(DiscovererError {
                    job: job.to_owned(),
                    entry: format!("{}/{index}", config.mechanism()),
                    message,
                }),
            }
        }
        match errors.is_empty() {
            true => Ok(Plan {
                job: job.to_owned(),
                steps,
            }),
            false => Err(errors),
        }
    }

    /// Does what was planned against `before`. A new discoverer takes over what one that is gone
    /// had found, the first from the first, until its own first message.
    pub fn start(plan: Plan, before: Option<Self>, metrics: &SdMetrics) -> Self {
        let (before, changed) = match before {
            Some(providers) => (providers.running, providers.changed),
            None => (Vec::new(), Arc::default()),
        };
        let mut before: Vec<_> = before.into_iter().map(Some).collect();
        let kept: Vec<_> = plan
            .steps
            .iter()
            .map(|step| match step {
                Step::Keep(place) => before.get_mut(*place).and_then(Option::take),
                Step::Begin(..) => None,
            })
            .collect();
        let mut gone = before.into_iter().flatten();
        let running = plan.steps.into_iter().zip(kept).filter_map(|(step, kept)| {
            let Step::Begin(id, config, discoverer) = step else {
                return kept;
            };
            let groups = gone
                .next()
                .map(|old| std::mem::take(&mut lock(&old.found).groups));
            let found = Arc::new(Mutex::new(Found {
                is_inherited: groups.is_some(),
                groups: groups.unwrap_or_default(),
                is_full: false,
            }));
            let task = Task {
                job: plan.job.clone(),
                found: found.clone(),
                changed: changed.clone(),
                metrics: metrics.clone(),
            };
            Some(Provider {
                id,
                config,
                found,
                task: tokio::spawn(task.run(discoverer)).abort_handle(),
            })
        });
        Self {
            running: running.collect(),
            changed,
        }
    }

    /// Whether there is anybody who could find something.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// All groups, each with a source that no other has: `JOB/plugin_sd/0/SOURCE`.
    pub fn groups(&self) -> Vec<TargetGroup> {
        let mut groups = Vec::new();
        for provider in &self.running {
            let found = lock(&provider.found);
            groups.extend(found.groups.values().map(|group| TargetGroup {
                source: format!("{}/{}", provider.id.0, group.source),
                ..group.clone()
            }));
        }
        groups
    }

    /// Is told whenever the groups may have changed; it stays the same over reloads of the job.
    pub fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    job: String,
    found: Arc<Mutex<Found>>,
    changed: Arc<Notify>,
    metrics: SdMetrics,
}

impl Task {
    async fn run(self, discoverer: Arc<dyn Discoverer>) {
        let (sender, mut receiver) = mpsc::channel(UPDATES_MAX);
        let receive = async {
            while let Some(groups) = receiver.recv().await {
                self.metrics.count_received();
                self.take(groups);
                self.changed.notify_one();
            }
        };
        tokio::join!(discoverer.run(sender), receive);
    }

    fn take(&self, groups: Vec<TargetGroup>) {
        let mut found = lock(&self.found);
        if std::mem::take(&mut found.is_inherited) {
            found.groups.clear();
        }
        let mut left_out = 0_usize;
        for group in groups {
            if group.targets.is_empty() {
                found.groups.remove(&group.source);
            } else if found.groups.len() >= GROUPS_MAX && !found.groups.contains_key(&group.source)
            {
                left_out += 1;
            } else {
                found.groups.insert(group.source.clone(), group);
            }
        }
        let was_full = std::mem::replace(&mut found.is_full, left_out > 0);
        if left_out > 0 && !was_full {
            let job = &self.job;
            tracing::error!(
                job,
                left_out,
                "target groups were left out: there are too many"
            );
        }
    }
}

fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
