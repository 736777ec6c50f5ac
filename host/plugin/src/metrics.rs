//! What the host says of its plugins.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::error::CallError;
use crate::host::Identity;

/// The upper bounds of the histogram of call durations, in seconds.
const DURATION_BUCKETS: [f64; 10] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0,
];

/// A plugin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PluginLabel {
    pub(crate) plugin: String,
}

/// A version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InfoLabels {
    pub(crate) plugin: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) source: String,
}

/// A plugin at work for a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct JobLabels {
    pub(crate) plugin: String,
    pub(crate) job: String,
}

/// What became of calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallLabels {
    pub(crate) plugin: String,
    pub(crate) job: String,
    pub(crate) result: &'static str,
}

/// What became of reloads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReloadLabels {
    pub(crate) plugin: String,
    pub(crate) result: &'static str,
}

/// Refused calls of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DeniedLabels {
    pub(crate) plugin: String,
    pub(crate) capability: &'static str,
}

/// Calls of the host's interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InterfaceLabels {
    pub(crate) plugin: String,
    pub(crate) interface: &'static str,
}

/// Log lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LogLabels {
    pub(crate) plugin: String,
    pub(crate) level: &'static str,
}

/// What the host refuses calls for.
pub(crate) const DENIED_CAPABILITIES: [&str; 15] = [
    "connections",
    "file_systems",
    "files",
    "host_calls",
    "http",
    "icmp",
    "kubernetes",
    "names",
    "read_bytes",
    "secrets",
    "state",
    "tcp",
    "texts",
    "tls",
    "udp",
];

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) info: Family<InfoLabels, Gauge>,
    pub(crate) calls: Family<CallLabels, Counter>,
    pub(crate) call_duration: Family<JobLabels, Histogram, fn() -> Histogram>,
    pub(crate) restarts: Family<JobLabels, Counter>,
    pub(crate) reloads: Family<ReloadLabels, Counter>,
    pub(crate) denied: Family<DeniedLabels, Counter>,
    pub(crate) host_calls: Family<InterfaceLabels, Counter>,
    pub(crate) secret_reveals: Family<PluginLabel, Counter>,
    pub(crate) memory: Family<JobLabels, Gauge>,
    pub(crate) memory_limit: Family<PluginLabel, Gauge>,
    pub(crate) log_messages: Family<LogLabels, Counter>,
    pub(crate) log_dropped: Family<PluginLabel, Counter>,
    pub(crate) up: Family<PluginLabel, Gauge>,
    pub(crate) quarantined: Family<JobLabels, Gauge>,
    pub(crate) compile_seconds: Family<PluginLabel, Gauge<f64, AtomicU64>>,
}

fn duration_histogram() -> Histogram {
    Histogram::new(DURATION_BUCKETS)
}

impl Metrics {
    /// Makes them and puts them into the registry.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            info: Family::default(),
            calls: Family::default(),
            call_duration: Family::new_with_constructor(duration_histogram),
            restarts: Family::default(),
            reloads: Family::default(),
            denied: Family::default(),
            host_calls: Family::default(),
            secret_reveals: Family::default(),
            memory: Family::default(),
            memory_limit: Family::default(),
            log_messages: Family::default(),
            log_dropped: Family::default(),
            up: Family::default(),
            quarantined: Family::default(),
            compile_seconds: Family::default(),
        };
        registry.register(
            "narthex_plugin_info",
            "The version of each plugin that is at work; the value is always 1",
            metrics.info.clone(),
        );
        registry.register(
            "narthex_plugin_calls",
            "Collections by plugins, by what became of them",
            metrics.calls.clone(),
        );
        registry.register(
            "narthex_plugin_call_duration_seconds",
            "How long collections by plugins took, waiting for the outside included",
            metrics.call_duration.clone(),
        );
        registry.register(
            "narthex_plugin_restarts",
            "Instances thrown away after a trap, a timeout or too much memory",
            metrics.restarts.clone(),
        );
        registry.register(
            "narthex_plugin_reloads",
            "Versions of plugins that were put to work, refused, held or rolled back",
            metrics.reloads.clone(),
        );
        registry.register(
            "narthex_plugin_denied",
            "Calls of plugins to the outside that no grant covers",
            metrics.denied.clone(),
        );
        registry.register(
            "narthex_plugin_host_calls",
            "Calls of the host's interfaces by plugins",
            metrics.host_calls.clone(),
        );
        registry.register(
            "narthex_plugin_secret_reveals",
            "Secrets whose text was handed to a plugin",
            metrics.secret_reveals.clone(),
        );
        registry.register(
            "narthex_plugin_memory_bytes",
            "The memory of the instance that was at work last",
            metrics.memory.clone(),
        );
        registry.register(
            "narthex_plugin_memory_limit_bytes",
            "The most memory that one instance may have",
            metrics.memory_limit.clone(),
        );
        registry.register(
            "narthex_plugin_log_messages",
            "Log lines of plugins that were let through",
            metrics.log_messages.clone(),
        );
        registry.register(
            "narthex_plugin_log_dropped",
            "Log lines of plugins beyond what one call may write",
            metrics.log_dropped.clone(),
        );
        registry.register(
            "narthex_plugin_up",
            "Whether a version of the plugin is at work, be it not the newest or quarantined for \
             targets; 0 as well while the first one is compiled",
            metrics.up.clone(),
        );
        registry.register(
            "narthex_plugin_quarantined",
            "Targets of a job that its plugin is not asked for, as it failed on them too often",
            metrics.quarantined.clone(),
        );
        registry.register(
            "narthex_plugin_compile_seconds",
            "How long the last compilation took; none where the cache had it",
            metrics.compile_seconds.clone(),
        );
        metrics
    }
}

/// Those of one job, at hand: a call looks nothing up.
#[derive(Debug)]
pub(crate) struct JobMetrics {
    ok: Counter,
    duration: Histogram,
    pub(crate) memory: Gauge,
    pub(crate) restarts: Counter,
    pub(crate) quarantined: Gauge,
    calls: Family<CallLabels, Counter>,
    labels: CallLabels,
}

impl JobMetrics {
    pub(crate) fn of(identity: &Identity, metrics: &Metrics) -> Self {
        let labels = JobLabels {
            plugin: identity.plugin.clone(),
            job: identity.job.clone(),
        };
        let calls = CallLabels {
            plugin: identity.plugin.clone(),
            job: identity.job.clone(),
            result: "ok",
        };
        Self {
            ok: metrics.calls.get_or_create_owned(&calls),
            duration: metrics.call_duration.get_or_create_owned(&labels),
            memory: metrics.memory.get_or_create_owned(&labels),
            restarts: metrics.restarts.get_or_create_owned(&labels),
            quarantined: metrics.quarantined.get_or_create_owned(&labels),
            calls: metrics.calls.clone(),
            labels: calls,
        }
    }

    /// A call ended.
    pub(crate) fn observe(&self, took: Duration, error: Option<&CallError>) {
        self.duration.observe(took.as_secs_f64());
        match error {
            None => self.ok.inc(),
            Some(error) => {
                let labels = CallLabels {
                    result: error.result(),
                    ..self.labels.clone()
                };
                self.calls.get_or_create(&labels).inc()
            }
        };
    }
}
