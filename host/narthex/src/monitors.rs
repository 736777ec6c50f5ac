//! The Prometheus Operator's objects of a cluster, followed: `kubernetes_monitors` of the config.
//!
//! A task watches the objects and reads them ([`watching`]); what it made of them is a value that
//! the reloader takes beside the config ([`composition`]). What is wrong with an object is counted,
//! logged, and written as an event on it.
//!
//! It is not: what an object means, which `narthex-operator` knows.

mod composition;
mod enforcement;
mod metrics;
mod secret_watches;
mod section;
mod watching;

use std::collections::BTreeSet;
use std::sync::Arc;

use narthex_model::Clock;
use narthex_operator::{Fault, Translation};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::kubernetes::{Clusters, Events, Involved, SharedCluster};

pub(crate) use composition::{Composed, Composition};
pub(crate) use section::KubernetesMonitorsConfig;

use self::metrics::MonitorMetrics;
use self::watching::Watching;

/// The task that watches, where the config asks for it.
pub(crate) struct Monitors {
    clusters: Arc<Clusters>,
    clock: Arc<dyn Clock>,
    metrics: MonitorMetrics,
    is_agent: bool,
    found: watch::Sender<Arc<Translation>>,
    running: Option<Running>,
    /// What was said of faults last, so that each is said once.
    told: BTreeSet<Fault>,
}

struct Running {
    config: KubernetesMonitorsConfig,
    task: AbortHandle,
    events: Option<Events>,
}

/// A section that can be followed.
pub(crate) struct Ready(Option<(KubernetesMonitorsConfig, Arc<SharedCluster>)>);

impl Monitors {
    /// One that follows nothing yet.
    pub(crate) fn new(
        clusters: Arc<Clusters>,
        clock: Arc<dyn Clock>,
        is_agent: bool,
        registry: &mut Registry,
    ) -> Self {
        Self {
            clusters,
            clock,
            metrics: MonitorMetrics::register(registry),
            is_agent,
            found: watch::Sender::new(Arc::default()),
            running: None,
            told: BTreeSet::new(),
        }
    }

    /// Says when there is something new to take.
    pub(crate) fn news(&self) -> watch::Receiver<Arc<Translation>> {
        self.found.subscribe()
    }

    /// What the objects of a section are read as by now: of one that is no longer there nothing.
    pub(crate) fn found(&self, config: Option<&KubernetesMonitorsConfig>) -> Arc<Translation> {
        match config {
            Some(_) => Arc::clone(&self.found.borrow()),
            None => Arc::default(),
        }
    }

    /// Looks whether a section can be followed; nothing is changed by it.
    ///
    /// # Errors
    /// Nobody knows where the cluster is.
    pub(crate) fn prepare(
        &self,
        config: Option<&KubernetesMonitorsConfig>,
    ) -> Result<Ready, String> {
        let Some(config) = config else {
            return Ok(Ready(None));
        };
        let cluster = self.clusters.cluster(&config.discovery());
        let cluster = cluster.map_err(|error| format!("kubernetes_monitors: {error}"))?;
        Ok(Ready(Some((config.clone(), cluster))))
    }

    /// Follows a section in place of the one before; the same one goes on.
    pub(crate) fn follow(&mut self, Ready(ready): Ready) {
        let Some((config, cluster)) = ready else {
            self.stop();
            self.found.send_replace(Arc::default());
            return;
        };
        if self
            .running
            .as_ref()
            .is_some_and(|running| running.config == config)
        {
            return;
        }
        self.stop();
        let watching = Watching::new(
            config.clone(),
            Arc::clone(&cluster),
            self.is_agent,
            self.metrics.clone(),
            self.found.clone(),
        );
        let events = config
            .events
            .then(|| Events::start(cluster, Arc::clone(&self.clock)));
        self.running = Some(Running {
            config,
            task: tokio::spawn(watching.run()).abort_handle(),
            events,
        });
    }

    /// Takes note of what became of the objects: `faults` are all that left some out. Each is said
    /// once while it lasts.
    pub(crate) fn applied(&mut self, faults: Vec<Fault>, warnings: &[Fault]) {
        self.metrics.applied(&faults, self.clock.now_ms());
        let events = self
            .running
            .as_ref()
            .and_then(|running| running.events.as_ref());
        for fault in &faults {
            if self.told.contains(fault) {
                continue;
            }
            let Fault {
                object,
                field,
                text,
            } = fault;
            tracing::warn!(%object, field, what = text, "an object was left out");
            if let Some(events) = events {
                let said = match field.as_str() {
                    "" => text.clone(),
                    field => format!("{field}: {text}"),
                };
                events.write(&Involved::from(object), &said);
            }
        }
        for fault in warnings.iter().filter(|fault| !self.told.contains(fault)) {
            let Fault {
                object,
                field,
                text,
            } = fault;
            tracing::warn!(%object, field, what = text, "a part of an object was left out");
        }
        let all = faults.into_iter().chain(warnings.iter().cloned());
        self.told = all.collect();
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
        }
    }
}

impl Drop for Monitors {
    fn drop(&mut self) {
        self.stop();
    }
}
