//! One plugin by name: the version at work, and the jobs that it works for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwapOption;

use crate::error::{CallError, PluginError};
use crate::job::Job;
use crate::version::{Source, Version};

/// A plugin in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// The version at work, as its manifest has it; empty where none is.
    pub version: String,
    /// The SHA-256 of the component at work; empty where none is.
    pub digest: String,
    /// Where the version at work comes from; none where none is.
    pub source: Option<Source>,
    /// What it is for, in a sentence.
    pub description: String,
    /// How it is.
    pub state: PluginState,
    /// The last load or call that failed since the last one that did not.
    pub last_error: Option<String>,
    /// The jobs that it works for, by name.
    pub jobs: Vec<String>,
}

/// How a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    /// A version is at work, and it is the newest that was found.
    Running,
    /// A version is at work; a newer one was refused.
    Outdated,
    /// A version is at work whose file is gone.
    Orphaned,
    /// No version could be loaded.
    Failed,
}

impl PluginState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Outdated => "outdated",
            Self::Orphaned => "orphaned",
            Self::Failed => "failed",
        }
    }
}

/// A plugin.
pub(crate) struct Plugin {
    name: String,
    current: ArcSwapOption<Version>,
    jobs: Mutex<Vec<Weak<Job>>>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    /// Why the newest version found is not at work.
    load: Option<String>,
    call: Option<String>,
    is_orphaned: bool,
}

impl Plugin {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            current: ArcSwapOption::empty(),
            jobs: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The version at work.
    pub(crate) fn current(&self) -> Option<Arc<Version>> {
        self.current.load_full()
    }

    /// Keeps a job in mind for swaps, as long as somebody else keeps it.
    pub(crate) fn add_job(&self, job: &Arc<Job>) {
        let mut jobs = lock(&self.jobs);
        jobs.retain(|job| job.strong_count() > 0);
        jobs.push(Arc::downgrade(job));
    }

    fn jobs(&self) -> Vec<Arc<Job>> {
        lock(&self.jobs).iter().filter_map(Weak::upgrade).collect()
    }

    /// Makes an instance of the version for every job and then puts the version to work. Until
    /// then the old one serves; after it, calls under way end on their old instance. Where an
    /// instance cannot be made, nothing changes.
    pub(crate) async fn swap(&self, version: Version) -> Result<(), PluginError> {
        let version = Arc::new(version);
        let mut ready = Vec::new();
        for job in self.jobs() {
            match job.prepare(&version).await {
                Ok(instance) => ready.push((job, instance)),
                Err(error) => {
                    return Err(PluginError::Setup {
                        job: job.name().to_owned(),
                        reason: error.to_string(),
                    });
                }
            }
        }
        self.current.store(Some(version));
        for (job, instance) in ready {
            job.adopt(instance);
        }
        let mut faults = lock(&self.faults);
        faults.load = None;
        faults.is_orphaned = false;
        Ok(())
    }

    /// Puts the version at work to work under another configuration, at once and for every job:
    /// a grant that was taken away must not live on because one job's instance does not start.
    pub(crate) fn reconfigure(&self, version: Version) {
        self.current.store(Some(Arc::new(version)));
    }

    /// A version was found and cannot be used.
    pub(crate) fn note_load_error(&self, error: &PluginError) {
        lock(&self.faults).load = Some(error.to_string());
    }

    /// The file of the version at work is gone.
    pub(crate) fn note_orphaned(&self) {
        lock(&self.faults).is_orphaned = true;
    }

    /// A call ended.
    pub(crate) fn note_call(&self, error: Option<&CallError>) {
        lock(&self.faults).call = error.map(ToString::to_string);
    }

    pub(crate) fn status(&self) -> PluginStatus {
        let current = self.current();
        let faults = lock(&self.faults);
        let state = match (&current, &faults.load) {
            (None, _) => PluginState::Failed,
            (Some(_), Some(_)) => PluginState::Outdated,
            (Some(_), None) if faults.is_orphaned => PluginState::Orphaned,
            (Some(_), None) => PluginState::Running,
        };
        let mut jobs: Vec<String> = self.jobs().iter().map(|j| j.name().to_owned()).collect();
        jobs.sort_unstable();
        jobs.dedup();
        let of_version = |text: fn(&Version) -> &str| {
            current
                .as_deref()
                .map(|v| text(v).to_owned())
                .unwrap_or_default()
        };
        PluginStatus {
            name: self.name.clone(),
            version: of_version(|version| &version.manifest.version),
            digest: of_version(|version| &version.digest),
            description: of_version(|version| &version.manifest.description),
            source: current.as_deref().map(|version| version.source),
            state,
            last_error: faults.load.clone().or_else(|| faults.call.clone()),
            jobs,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
