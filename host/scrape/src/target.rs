//! A target: what is read, and how the last reading went.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use narthex_discovery::ADDRESS_LABEL;
use narthex_exposition::MetricType;
use narthex_model::{Labels, PromDuration};
use xxhash_rust::xxh3::xxh3_64;

use crate::{ScrapeError, url};

pub(crate) const SCHEME_LABEL: &str = "__scheme__";
pub(crate) const METRICS_PATH_LABEL: &str = "__metrics_path__";
pub(crate) const INTERVAL_LABEL: &str = "__scrape_interval__";
pub(crate) const TIMEOUT_LABEL: &str = "__scrape_timeout__";
pub(crate) const PARAM_PREFIX: &str = "__param_";

/// Labels that start so are not stored with samples.
const RESERVED_PREFIX: &str = "__";

/// Whether the last scrape of a target went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It was not scraped yet.
    #[default]
    Unknown,
    /// It went well.
    Up,
    /// It failed.
    Down,
}

impl Health {
    /// The word that the HTTP API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// How the last scrape went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetStatus {
    /// Whether it went well.
    pub health: Health,
    /// Why it failed.
    pub last_error: Option<ScrapeError>,
    /// When it began, in milliseconds since the epoch.
    pub last_scrape_ms: Option<i64>,
    /// How long it took.
    pub last_duration: Duration,
}

/// What a target says of one of its metrics.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricMetadata {
    /// The metric family's name.
    pub metric: String,
    /// Its type.
    pub kind: MetricType,
    /// Its help text.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

/// Something to scrape. Everything but the status is fixed: a target whose labels change is
/// another target.
#[derive(Debug)]
pub struct Target {
    all_labels: Labels,
    labels: Labels,
    params: BTreeMap<String, Vec<String>>,
    url: String,
    interval: PromDuration,
    timeout: PromDuration,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    discovered: Labels,
    status: TargetStatus,
    metadata: Arc<[Arc<MetricMetadata>]>,
}

impl Target {
    /// A target from its labels after relabelling, those with a leading `__` among them, the
    /// labels before relabelling, and the job's `params`. An interval or timeout that the labels
    /// do not give is zero.
    pub fn new(
        all_labels: Labels,
        discovered: Labels,
        params: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let get = |name: &str| all_labels.get(name).unwrap_or("");
        let duration = |name: &str| get(name).parse().unwrap_or_default();
        let mut params = params.clone();
        for (name, value) in &all_labels {
            if let Some(name) = name.strip_prefix(PARAM_PREFIX) {
                let values = params.entry(name.to_owned()).or_default();
                match values.first_mut() {
                    Some(first) => value.clone_into(first),
                    None => values.push(value.to_owned()),
                }
            }
        }
        let path = get(METRICS_PATH_LABEL);
        Self {
            labels: all_labels.filtered(|name| !name.starts_with(RESERVED_PREFIX)),
            url: url::build(get(SCHEME_LABEL), get(ADDRESS_LABEL), path, &params),
            interval: duration(INTERVAL_LABEL),
            timeout: duration(TIMEOUT_LABEL),
            params,
            state: RwLock::new(State {
                discovered,
                ..State::default()
            }),
            all_labels,
        }
    }

    /// The same target, read by this plugin.
    #[must_use]
    pub fn read_by(mut self, plugin: &str) -> Self {
        self.url = url::of_plugin(plugin, self.address(), &self.params);
        self
    }

    /// The labels that its samples get.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The labels before relabelling.
    pub fn discovered_labels(&self) -> Labels {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.discovered.clone()
    }

    /// Where it is: `host:port`.
    pub fn address(&self) -> &str {
        self.all_labels.get(ADDRESS_LABEL).unwrap_or("")
    }

    /// What is asked for over HTTP; of a plugin's target, `plugin+NAME://ADDRESS`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The parameters of the request, relabelled.
    pub fn params(&self) -> &BTreeMap<String, Vec<String>> {
        &self.params
    }

    /// How often it is scraped.
    pub fn interval(&self) -> PromDuration {
        self.interval
    }

    /// How long a scrape may take.
    pub fn timeout(&self) -> PromDuration {
        self.timeout
    }

    /// How the last scrape went.
    pub fn status(&self) -> TargetStatus {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.status.clone()
    }

    /// What it says of its metrics, by name.
    pub fn metadata(&self) -> Arc<[Arc<MetricMetadata>]> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.metadata)
    }

    /// What tells it from other targets of its job.
    pub(crate) fn identity(&self) -> (&Labels, &str) {
        (&self.all_labels, &self.url)
    }

    /// A hash of its identity, the same in every process.
    pub(crate) fn hash(&self) -> u64 {
        self.all_labels.stable_hash() ^ xxh3_64(self.url.as_bytes())
    }

    pub(crate) fn set_discovered_labels(&self, discovered: Labels) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.discovered = discovered;
    }

    pub(crate) fn set_status(&self, status: TargetStatus) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.status = status;
    }

    pub(crate) fn set_metadata(&self, metadata: Arc<[Arc<MetricMetadata>]>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.metadata = metadata;
    }
}
