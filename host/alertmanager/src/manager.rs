//! The Alertmanager that runs: the pipeline with a clock, a disk, and those who deliver.
//!
//! What was answered is kept: a silence is on the disk before its name is given out. The
//! notification log is written as receivers are told; what a power cut loses of it is told once more.
//! Alerts are not kept, as in Alertmanager: who sends them repeats them.
//!
//! As a peer of a cluster it tells the others of both, tells nobody before the cluster has settled, and
//! waits for its turn before it tells a receiver: one that comes before it may have done so.

mod delivery;
mod log_writer;
mod state;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use narthex_cluster::{Cluster, ClusterStatus};
use narthex_disk::Disk;
use narthex_model::Clock;
use prometheus_client::registry::Registry;
use tokio::sync::{Notify as Wake, watch};
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigFault, Resolved};
use crate::matchers::MatcherMode;
use crate::metrics::Metrics;
use crate::notification::BuildNotify;
use crate::notification_log::NotificationLog;
use crate::notification_log::store::LogStore;
use crate::pipeline::Pipeline;
use crate::replication;
use crate::silences::{Silence, SilenceLimits, Silences};
use crate::snapshot;

use delivery::Deliverer;
pub(crate) use state::State;

/// The file of silences.
const SILENCES_FILE: &str = "silences.json";

/// How often groups without alerts are forgotten; until then a group keeps its timers.
const GROUPS_CLEAN_INTERVAL_MS: i64 = 30_000;

/// How often alerts, silences, groups and entries are counted for the metrics. Each alert is
/// compared with all that may mute it.
const COUNT_INTERVAL_MS: i64 = 15_000;

/// The longest that the wall clock is not looked at: it may be set forward.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// What does not change while it runs.
#[derive(Debug)]
pub struct AlertmanagerOptions {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The folder of silences and the notification log.
    pub disk: Arc<dyn Disk>,
    /// How long the notification log is kept.
    pub retention_ms: i64,
    /// What bounds silences.
    pub silence_limits: SilenceLimits,
    /// How often alerts that are resolved are forgotten.
    pub alerts_gc_interval_ms: i64,
    /// How often silences and log entries that have expired are forgotten.
    pub maintenance_interval_ms: i64,
    /// Which grammar matchers have.
    pub matcher_mode: MatcherMode,
    /// Where users reach this server, for notifications.
    pub external_url: String,
    /// Makes who delivers.
    pub integrations: Arc<dyn BuildNotify>,
    /// The others that tell the same receivers, where there are any. It is started and stopped with
    /// the Alertmanager.
    pub cluster: Option<Arc<Cluster>>,
}

/// Why it cannot start, or not take a config.
#[derive(Debug, thiserror::Error)]
pub enum AlertmanagerError {
    /// What was kept cannot be read.
    #[error("{file} cannot be read")]
    Kept {
        /// The file.
        file: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The config is wrong.
    #[error("{}", lines(.0))]
    Config(Vec<ConfigFault>),
    /// An integration cannot be made.
    #[error("receiver {receiver:?}: {integration}: {reason}")]
    Integration {
        /// Its receiver.
        receiver: String,
        /// `webhook[0]`
        integration: String,
        /// Why not.
        reason: String,
    },
}

fn lines(faults: &[ConfigFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A config that was checked and whose integrations were made; nothing follows it yet.
#[derive(Debug)]
pub struct PreparedConfig {
    resolved: Resolved,
    deliverers: Vec<Vec<Arc<Deliverer>>>,
    yaml: String,
}

/// An Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    pub(crate) options: AlertmanagerOptions,
    pub(crate) state: Mutex<State>,
    pub(crate) metrics: Metrics,
    pub(crate) started_ms: i64,
    /// Held while silences change, so that files are written in the order of the changes.
    pub(crate) silences_turn: Mutex<()>,
    log_store: Arc<Mutex<LogStore>>,
    /// Wakes who writes the notification log.
    log_changes: Wake,
    wake: Wake,
    /// Grows with each config that is taken.
    generation: watch::Sender<u64>,
    is_stopping: watch::Sender<bool>,
    /// Set after [`Self::is_stopping`], once nobody is told any more.
    has_told_all: watch::Sender<bool>,
    tasks: Mutex<Option<Tasks>>,
}

/// What goes on until it is stopped, in the order in which it ends.
#[derive(Debug)]
struct Tasks {
    dispatcher: JoinHandle<()>,
    log_keeper: JoinHandle<()>,
}

impl Alertmanager {
    /// Checks a config, and makes its integrations. `yaml` is the config as its users may see it.
    ///
    /// # Errors
    /// It is wrong, or an integration cannot be made.
    #[boxed]
    pub async fn prepare(
        config: &Config,
        yaml: String,
        matcher_mode: MatcherMode,
        integrations: &dyn BuildNotify,
    ) -> Result<PreparedConfig, AlertmanagerError> {
        let resolved = config.resolve(matcher_mode);
        let resolved = resolved.map_err(AlertmanagerError::Config)?;
        let mut deliverers = Vec::new();
        for (receiver, list) in &resolved.receivers {
            let mut of_receiver = Vec::new();
            for integration in list {
                let built = integrations.build(receiver, integration).await;
                let notify = built.map_err(|reason| AlertmanagerError::Integration {
                    receiver: receiver.clone(),
                    integration: integration.shown(),
                    reason,
                })?;
                of_receiver.push(Arc::new(Deliverer::new(receiver, integration, notify)));
            }
            deliverers.push(of_receiver);
        }
        Ok(PreparedConfig {
            resolved,
            deliverers,
            yaml,
        })
    }

    /// As [`Self::prepare`], of another config for this one.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    #[boxed]
    pub async fn prepare_next(
        &self,
        config: &Config,
        yaml: String,
    ) -> Result<PreparedConfig, AlertmanagerError> {
        let (mode, integrations) = (self.options.matcher_mode, &*self.options.integrations);
        Self::prepare(config, yaml, mode, integrations).await
    }

    /// Reads what was kept, and starts.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn start(
        options: AlertmanagerOptions,
        config: PreparedConfig,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, AlertmanagerError> {
        let kept = |file, error| AlertmanagerError::Kept {
            file,
            source: error,
        };
        let disk = &options.disk;
        disk.create_folder("")
            .map_err(|error| kept(SILENCES_FILE, error))?;
        let silences: Option<Vec<Silence>> =
            snapshot::read(disk, SILENCES_FILE).map_err(|error| kept(SILENCES_FILE, error))?;
        let opened = LogStore::open(Arc::clone(disk));
        let (log_store, told) = opened.map_err(|(file, error)| kept(file, error))?;
        let (silences, faults) =
            Silences::new(options.silence_limits, silences.unwrap_or_default());
        for fault in faults {
            tracing::error!(fault, "a silence that was kept cannot be read");
        }
        let log = NotificationLog::new(options.retention_ms, told);
        let url = options.external_url.clone();
        let pipeline = Pipeline::new(config.resolved, silences, log, url);
        let metrics = Metrics::register(registry);
        let started_ms = options.clock.now_ms();
        let manager = Arc::new(Self {
            state: Mutex::new(State {
                pipeline,
                generation: 0,
                deliverers: config.deliverers,
                yaml: config.yaml,
            }),
            options,
            metrics,
            started_ms,
            silences_turn: Mutex::default(),
            log_store: Arc::new(Mutex::new(log_store)),
            log_changes: Wake::new(),
            wake: Wake::new(),
            generation: watch::Sender::new(0),
            is_stopping: watch::Sender::new(false),
            has_told_all: watch::Sender::new(false),
            tasks: Mutex::default(),
        });
        manager.took_config();
        if let Some(cluster) = &manager.options.cluster {
            manager.metrics.cluster_enabled.set(1);
            cluster.start(replication::states(&manager));
        }
        let tasks = Tasks {
            dispatcher: tokio::spawn(Arc::clone(&manager).dispatch()),
            log_keeper: tokio::spawn(Arc::clone(&manager).keep_log()),
        };
        *manager.tasks.lock().unwrap_or_else(PoisonError::into_inner) = Some(tasks);
        Ok(manager)
    }

    /// Takes another config. What is being delivered by the old one is dropped, and told anew where
    /// it was not delivered.
    pub fn follow(&self, config: PreparedConfig) {
        let now_ms = self.now_ms();
        let refused = self.with_state(|state| {
            state.generation += 1;
            state.deliverers = config.deliverers;
            state.yaml = config.yaml;
            self.generation.send_replace(state.generation);
            state.pipeline.follow(config.resolved, now_ms)
        });
        self.refused_groups(refused);
        self.took_config();
        self.wake.notify_one();
    }

    /// Which grammar its matchers have.
    pub fn matcher_mode(&self) -> MatcherMode {
        self.options.matcher_mode
    }

    /// A config was offered and refused; the one that there is goes on.
    pub fn refused_config(&self) {
        self.metrics.config_successful.set(0);
    }

    fn took_config(&self) {
        let now_ms = self.now_ms();
        let (receivers, kinds) = self.with_state(|state| {
            let receivers = &state.pipeline.resolved.receivers;
            let kinds = receivers.iter().flat_map(|(_, list)| list);
            let kinds: Vec<String> = kinds.map(|integration| integration.kind.clone()).collect();
            (receivers.len(), kinds)
        });
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.receivers.set(count(receivers));
        self.metrics.integrations.set(count(kinds.len()));
        for kind in &kinds {
            self.metrics.begin(kind);
        }
        self.metrics.config_successful.set(1);
        self.metrics.config_seconds.set(now_ms as f64 / 1000.0);
    }

    /// Stops. What is being delivered has until the timeout. What is told until then is written down
    /// at once as ever, and all of it at the end.
    #[boxed]
    pub async fn stop(&self, timeout: Duration) {
        self.is_stopping.send_replace(true);
        let tasks = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(tasks) = tasks {
            end(tasks.dispatcher, timeout).await;
            self.has_told_all.send_replace(true);
            end(tasks.log_keeper, timeout).await;
        }
        self.close_log().await;
        if let Some(cluster) = &self.options.cluster {
            cluster.stop().await;
        }
    }

    /// Whether groups may be told: a peer knows all others first.
    fn has_settled(&self) -> bool {
        let cluster = self.options.cluster.as_ref();
        cluster.is_none_or(|cluster| cluster.status() == ClusterStatus::Ready)
    }

    /// Returns when groups may be told.
    async fn settled(&self) {
        if let Some(cluster) = &self.options.cluster {
            cluster.ready().await;
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    /// Looks at or changes the state. Nothing is waited for while it is held.
    pub(crate) fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A panic while it was held left no half of a change that matters more than going on.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut state)
    }

    /// Lets the groups be looked at: there may be one that is due.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) fn refused_groups(&self, count: usize) {
        if count > 0 {
            self.metrics.groups_refused.inc_by(count as u64);
            tracing::error!(
                count,
                "there are too many groups of alerts; these alerts are not told"
            );
        }
    }

    /// Writes all silences down.
    pub(crate) fn write_silences(&self) -> io::Result<()> {
        let all = self.with_state(|state| {
            let all = state.pipeline.silences.all();
            all.cloned().collect::<Vec<Silence>>()
        });
        let written = snapshot::write(&self.options.disk, SILENCES_FILE, &all);
        if let Err(error) = &written {
            self.metrics.snapshots_failed.inc();
            tracing::error!(%error, "silences cannot be written to disk");
        }
        written
    }

    /// Tells each group when it is due.
    async fn dispatch(self: Arc<Self>) {
        let mut stopping = self.is_stopping.subscribe();
        let mut tellings = tokio::task::JoinSet::new();
        let start_ms = self.now_ms();
        let mut groups_clean_ms = start_ms + GROUPS_CLEAN_INTERVAL_MS;
        let mut gc_ms = start_ms + self.options.alerts_gc_interval_ms;
        let mut maintenance_ms = start_ms + self.options.maintenance_interval_ms;
        let mut count_ms = start_ms;
        while !*stopping.borrow() {
            let now_ms = self.now_ms();
            let has_settled = self.has_settled();
            let (due, generation) = self.with_state(|state| {
                let due = match has_settled {
                    true => state.pipeline.take_due(now_ms),
                    false => Vec::new(),
                };
                (due, state.generation)
            });
            for telling in due {
                tellings.spawn(Arc::clone(&self).tell(telling, generation));
            }
            while tellings.try_join_next().is_some() {}
            if is_due(now_ms, groups_clean_ms, GROUPS_CLEAN_INTERVAL_MS) {
                self.with_state(|state| state.pipeline.dispatcher.clean());
                groups_clean_ms = now_ms + GROUPS_CLEAN_INTERVAL_MS;
            }
            if is_due(now_ms, gc_ms, self.options.alerts_gc_interval_ms) {
                self.with_state(|state| state.pipeline.clean_alerts(now_ms));
                gc_ms = now_ms + self.options.alerts_gc_interval_ms;
            }
            if is_due(now_ms, maintenance_ms, self.options.maintenance_interval_ms) {
                self.maintain(now_ms).await;
                maintenance_ms = now_ms + self.options.maintenance_interval_ms;
            }
            if is_due(now_ms, count_ms, COUNT_INTERVAL_MS) {
                self.count(now_ms);
                count_ms = now_ms + COUNT_INTERVAL_MS;
            }
            let next_ms = self.with_state(|state| state.pipeline.dispatcher.next_due_ms());
            let until = next_ms
                .filter(|_| has_settled)
                .map_or(LOOK_INTERVAL_MAX, |next_ms| {
                    let left_ms = next_ms.saturating_sub(self.now_ms()).max(0);
                    Duration::from_millis(left_ms.unsigned_abs()).min(LOOK_INTERVAL_MAX)
                });
            tokio::select! {
                () = tokio::time::sleep(until) => {}
                () = self.wake.notified() => {}
                () = self.settled(), if !has_settled => {}
                _ = stopping.changed() => {}
            }
        }
        while tellings.join_next().await.is_some() {}
    }

    /// Forgets what has expired.
    async fn maintain(self: &Arc<Self>, now_ms: i64) {
        let manager = Arc::clone(self);
        let cleaned = tokio::task::spawn_blocking(move || {
            let _turn = manager
                .silences_turn
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let is_changed = manager.with_state(|state| {
                state.pipeline.log.clean(now_ms);
                state.pipeline.silences.clean(now_ms)
            });
            if is_changed {
                // The log has said why not; the next time it is tried again.
                let _ = manager.write_silences();
            }
        });
        if let Err(error) = cleaned.await {
            tracing::error!(%error, "what has expired cannot be forgotten");
        }
    }

    /// Shows how many there are.
    fn count(&self, now_ms: i64) {
        let (groups, entries, silences, alerts) = self.with_state(|state| {
            let pipeline = &state.pipeline;
            let mut silences = [0_i64; 3];
            for silence in pipeline.silences.all() {
                silences[silence.state(now_ms) as usize] += 1;
            }
            let groups = pipeline.dispatcher.groups().count();
            (
                groups,
                pipeline.log.len(),
                silences,
                pipeline.states(now_ms),
            )
        });
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.groups.set(count(groups));
        self.metrics.log_entries.set(count(entries));
        for (state, count) in ["active", "pending", "expired"].into_iter().zip(silences) {
            self.metrics.silences(state).set(count);
        }
        let (active, suppressed) = alerts;
        for (state, alerts) in [
            ("active", active),
            ("suppressed", suppressed),
            ("unprocessed", 0),
        ] {
            self.metrics.alerts(state).set(count(alerts));
        }
    }
}

/// Whether something is due that is done in intervals, and next at `next_ms`. The clock may have been
/// set back.
fn is_due(now_ms: i64, next_ms: i64, interval_ms: i64) -> bool {
    now_ms >= next_ms || now_ms < next_ms.saturating_sub(interval_ms)
}

/// Waits for a task that is to end, and ends it where that takes too long.
async fn end(mut task: JoinHandle<()>, timeout: Duration) {
    if tokio::time::timeout(timeout, &mut task).await.is_err() {
        task.abort();
        // It was ended, or has ended in between.
        let _ = task.await;
    }
}

#[cfg(test)]
mod tests;
