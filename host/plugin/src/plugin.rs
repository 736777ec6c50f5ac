//! One plugin by name: the version at work, the one before, the one that waits, and the jobs.
//!
//! It is not: how a version comes to work (`swap`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use narthex_registry::Manifest;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::artifact::Artifact;
use crate::error::{CallError, PluginError};
use crate::job::Job;
use crate::limits::BACKTRACES_MAX;
use crate::log_ring::LogRing;
use crate::status::{Failure, PluginDetail, PluginState, PluginStatus};
use crate::version::Version;

/// A plugin.
pub(crate) struct Plugin {
    name: String,
    current: ArcSwapOption<Version>,
    previous: ArcSwapOption<Version>,
    jobs: Mutex<Vec<Weak<Job>>>,
    state: Mutex<State>,
    pub(crate) log: LogRing,
    /// Notified when a load has come to an end.
    loaded: Notify,
    /// Notified when another version is at work.
    pub(crate) swapped: Notify,
    /// Held while versions change, so that swaps do not overlap.
    pub(crate) swapping: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Found, and not asked for yet.
    waiting: Option<Artifact>,
    /// Tells the newest artifact found from those before.
    generation: u64,
    /// Loads under way.
    loading: u32,
    /// Of the newest artifact that has one which can be read.
    manifest: Option<Arc<Manifest>>,
    /// Why the newest version found is not at work.
    load: Option<PluginError>,
    /// Somebody asked for a version that is not the newest.
    rolled_back: Option<String>,
    call: Option<String>,
    is_orphaned: bool,
    /// The jobs are others than when a version was refused.
    jobs_changed: bool,
    calls: BTreeMap<&'static str, u64>,
    failures: VecDeque<Failure>,
}

impl Plugin {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            current: ArcSwapOption::empty(),
            previous: ArcSwapOption::empty(),
            jobs: Mutex::default(),
            state: Mutex::default(),
            log: LogRing::default(),
            loaded: Notify::new(),
            swapped: Notify::new(),
            swapping: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The version at work.
    pub(crate) fn current(&self) -> Option<Arc<Version>> {
        self.current.load_full()
    }

    /// The version that was at work before.
    pub(crate) fn previous(&self) -> Option<Arc<Version>> {
        self.previous.load_full()
    }

    /// The port of targets without one.
    pub(crate) fn default_port(&self) -> Option<u16> {
        let current = self.current.load();
        current.as_ref().and_then(|v| v.manifest.defaults.port)
    }

    /// The version at work, or the one that is being loaded, once it is.
    pub(crate) async fn ready(&self, deadline: Instant) -> Result<Arc<Version>, CallError> {
        if let Some(version) = self.current() {
            return Ok(version);
        }
        loop {
            let mut loaded = std::pin::pin!(self.loaded.notified());
            loaded.as_mut().enable();
            if let Some(version) = self.current() {
                return Ok(version);
            }
            let status = self.status();
            if !matches!(status.state, PluginState::Loading | PluginState::Waiting) {
                let reason = status.last_error.unwrap_or_default();
                return Err(CallError::NotReady(format!("it cannot be used: {reason}")));
            }
            if tokio::time::timeout_at(deadline, loaded).await.is_err() {
                return Err(CallError::NotReady("it is still being compiled".to_owned()));
            }
        }
    }

    /// Waits until no load is under way.
    pub(crate) async fn settled(&self) {
        loop {
            let mut loaded = std::pin::pin!(self.loaded.notified());
            loaded.as_mut().enable();
            if lock(&self.state).loading == 0 {
                return;
            }
            loaded.await;
        }
    }

    /// Something is known of the plugin that no job has asked for yet.
    pub(crate) fn announce(&self, artifact: Artifact) {
        let manifest = Manifest::parse(&artifact.manifest).ok().map(Arc::new);
        let mut state = lock(&self.state);
        state.generation += 1;
        state.manifest = manifest.or(state.manifest.take());
        state.waiting = Some(artifact);
        state.load = None;
        state.is_orphaned = false;
    }

    /// Takes what waits, to load it; [`Self::end_load`] has to follow.
    pub(crate) fn begin_load(&self) -> Option<(Artifact, u64)> {
        let mut state = lock(&self.state);
        let artifact = state.waiting.take()?;
        state.loading += 1;
        Some((artifact, state.generation))
    }

    /// Whether a load is under way.
    pub(crate) fn is_loading(&self) -> bool {
        lock(&self.state).loading > 0
    }

    /// Whether nothing newer was found since.
    pub(crate) fn is_newest(&self, generation: u64) -> bool {
        lock(&self.state).generation == generation
    }

    /// Notes what became of a load, which [`Self::end_load`] ends.
    pub(crate) fn note_load(&self, generation: u64, result: &Result<(), PluginError>) {
        let mut state = lock(&self.state);
        if state.generation == generation {
            state.load = result.as_ref().err().cloned();
            state.rolled_back = None;
            state.jobs_changed = false;
        }
    }

    /// A load is over, and who waits for that finds all that it did noted.
    pub(crate) fn end_load(&self) {
        let mut state = lock(&self.state);
        state.loading = state.loading.saturating_sub(1);
        drop(state);
        self.loaded.notify_waiters();
    }

    /// What was found cannot even be read.
    pub(crate) fn note_broken(&self, error: PluginError) {
        let mut state = lock(&self.state);
        state.generation += 1;
        state.waiting = None;
        state.load = Some(error);
        drop(state);
        self.loaded.notify_waiters();
    }

    /// Puts a version to work; the one before is kept for a roll-back.
    pub(crate) fn put_to_work(&self, version: Arc<Version>) {
        let old = self.current.swap(Some(version));
        if let Some(old) = old {
            self.previous.store(Some(old));
        }
        lock(&self.state).is_orphaned = false;
        self.swapped.notify_waiters();
    }

    /// Puts the version at work to work under another configuration, at once and for every job:
    /// a grant that was taken away must not live on because one job's instance does not start.
    pub(crate) fn reconfigure(&self, version: Version) {
        self.current.store(Some(Arc::new(version)));
        self.forgive();
    }

    /// Forgets what the plugin did wrong.
    pub(crate) fn forgive(&self) {
        for job in self.jobs() {
            job.forgive();
        }
    }

    /// A roll-back put another version to work than the newest.
    pub(crate) fn note_rolled_back(&self, newest: &str) {
        let mut state = lock(&self.state);
        state.load = None;
        state.rolled_back = Some(format!("version {newest} was rolled back"));
    }

    /// The file of the version at work is gone.
    pub(crate) fn note_orphaned(&self) {
        lock(&self.state).is_orphaned = true;
    }

    /// Keeps a job in mind for swaps, as long as somebody else keeps it. Of a job of the same
    /// name it takes the warm instances over.
    pub(crate) fn add_job(&self, job: &Arc<Job>) {
        let mut jobs = lock(&self.jobs);
        jobs.retain(|job| job.strong_count() > 0);
        let others: Vec<Arc<Job>> = jobs.iter().filter_map(Weak::upgrade).collect();
        jobs.push(Arc::downgrade(job));
        drop(jobs);
        for other in others.iter().filter(|other| other.name() == job.name()) {
            job.inherit(other);
        }
        self.note_jobs_changed();
    }

    pub(crate) fn jobs(&self) -> Vec<Arc<Job>> {
        lock(&self.jobs).iter().filter_map(Weak::upgrade).collect()
    }

    /// A job came or went.
    pub(crate) fn note_jobs_changed(&self) {
        lock(&self.state).jobs_changed = true;
    }

    /// Whether a version that was refused may do better now. True once.
    pub(crate) fn take_second_chance(&self) -> bool {
        let mut state = lock(&self.state);
        let was_for_a_job = matches!(state.load, Some(PluginError::Setup { .. }));
        was_for_a_job && std::mem::take(&mut state.jobs_changed)
    }

    /// A call ended.
    pub(crate) fn note_call(&self, job: &str, error: Option<&CallError>, now_ms: i64) {
        let mut state = lock(&self.state);
        let result = error.map_or("ok", CallError::result);
        *state.calls.entry(result).or_default() += 1;
        match error {
            None => state.call = None,
            Some(error) => state.call = Some(error.to_string()),
        }
        let Some(error) = error.filter(|error| error.is_strike()) else {
            return;
        };
        if state.failures.len() >= BACKTRACES_MAX {
            state.failures.pop_front();
        }
        state.failures.push_back(Failure {
            time_ms: now_ms,
            job: job.to_owned(),
            error: error.to_string(),
            backtrace: match error {
                CallError::Trap { backtrace, .. } => backtrace.clone(),
                _ => String::new(),
            },
        });
    }

    /// What the newest manifest says.
    pub(crate) fn manifest(&self) -> Option<Arc<Manifest>> {
        let current = self.current().map(|version| version.manifest.clone());
        current.or_else(|| lock(&self.state).manifest.clone())
    }

    /// Why the newest version is not at work.
    pub(crate) fn load_error(&self) -> Option<PluginError> {
        lock(&self.state).load.clone()
    }

    pub(crate) fn status(&self) -> PluginStatus {
        let current = self.current();
        let manifest = self.manifest();
        let state = lock(&self.state);
        let word = match (&current, &state.load) {
            (None, Some(_)) => PluginState::Failed,
            (None, None) if state.loading > 0 => PluginState::Loading,
            (None, None) if state.waiting.is_some() => PluginState::Waiting,
            (None, None) => PluginState::Failed,
            (Some(_), Some(PluginError::Held { .. })) => PluginState::Held,
            (Some(_), Some(_)) => PluginState::Outdated,
            (Some(_), None) if state.rolled_back.is_some() => PluginState::RolledBack,
            (Some(_), None) if state.is_orphaned => PluginState::Orphaned,
            (Some(_), None) => PluginState::Running,
        };
        let load = state.load.as_ref().map(ToString::to_string);
        let load = load.or_else(|| state.rolled_back.clone());
        let last_error = load.or_else(|| state.call.clone());
        drop(state);
        let mut jobs: Vec<String> = self.jobs().iter().map(|j| j.name().to_owned()).collect();
        jobs.sort_unstable();
        jobs.dedup();
        let text = |text: fn(&Manifest) -> &str| {
            let text = manifest.as_deref().map(text);
            text.unwrap_or_default().to_owned()
        };
        PluginStatus {
            name: self.name.clone(),
            version: text(|manifest| &manifest.version),
            world: text(|manifest| &manifest.world),
            description: text(|manifest| &manifest.description),
            digest: current
                .as_ref()
                .map(|v| v.digest.clone())
                .unwrap_or_default(),
            source: current.as_deref().map(|version| version.source),
            state: word,
            last_error,
            jobs,
        }
    }

    pub(crate) fn detail(&self) -> PluginDetail {
        let status = self.status();
        let current = self.current();
        let bounds = current.as_ref().map(|version| version.bounds);
        let grant = current.as_ref().and_then(|version| version.grant.clone());
        let jobs = self.jobs();
        let state = lock(&self.state);
        let calls = state
            .calls
            .iter()
            .map(|(word, count)| ((*word).to_owned(), *count));
        let requests = current.as_ref().map(|v| v.manifest.request.clone());
        PluginDetail {
            name: status.name,
            description: status.description,
            world: status.world,
            state: status.state,
            version: status.version,
            digest: status.digest,
            source: status
                .source
                .map_or("", |source| source.as_str())
                .to_owned(),
            signed_by: current.as_ref().and_then(|v| v.signed_by.clone()),
            previous_version: self.previous().map(|v| v.manifest.version.clone()),
            requests: requests.unwrap_or_default(),
            grant: serde_json::to_value(grant).unwrap_or_default(),
            denied: BTreeMap::new(),
            memory_limit_bytes: bounds.map_or(0, |bounds| bounds.memory.0),
            timeout_seconds: bounds.and_then(|b| b.timeout).map(|t| t.as_secs_f64()),
            concurrency: bounds.map_or(0, |bounds| bounds.concurrency),
            calls: calls.collect(),
            failures: state.failures.iter().cloned().collect(),
            jobs: jobs.iter().map(|job| job.detail()).collect(),
            last_error: status.last_error,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
