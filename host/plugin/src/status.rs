//! What is told of plugins: in a list, and of one of them in all detail.

use narthex_registry::GrantList;
use serde::Serialize;

use crate::version::Source;

/// A plugin in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// The version at work, as its manifest has it; the one that waits to be loaded, where none
    /// is at work; empty where there is neither.
    pub version: String,
    /// The world that it is of; empty where no manifest could be read.
    pub world: String,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// A version is at work, and it is the newest that was found.
    Running,
    /// A version is at work; a newer one was refused.
    Outdated,
    /// A version is at work; a newer one asks for more than the operator has approved.
    Held,
    /// A version is at work; a newer one was at work before and was rolled back.
    RolledBack,
    /// A version is at work whose file is gone.
    Orphaned,
    /// It is there, and no job has asked for it yet.
    Waiting,
    /// It is being compiled and checked; no version is at work yet.
    Loading,
    /// No version could be loaded.
    Failed,
}

impl PluginState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Outdated => "outdated",
            Self::Held => "held",
            Self::RolledBack => "rolled_back",
            Self::Orphaned => "orphaned",
            Self::Waiting => "waiting",
            Self::Loading => "loading",
            Self::Failed => "failed",
        }
    }
}

/// All that is known of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginDetail {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// The world that it is of.
    pub world: String,
    /// How it is.
    pub state: PluginState,
    /// The version at work; empty where none is.
    pub version: String,
    /// The SHA-256 of the component at work; empty where none is.
    pub digest: String,
    /// `embedded`, `directory`, or nothing where none is at work.
    pub source: String,
    /// Whose key signed the package; none, where nobody did.
    pub signed_by: Option<String>,
    /// The version that a roll-back would put to work.
    pub previous_version: Option<String>,
    /// What its manifest asks for.
    pub requests: GrantList,
    /// What the configuration grants: `as-requested`, the lists, or nothing.
    pub grant: serde_json::Value,
    /// Calls to the outside that no grant covers, by capability.
    pub denied: std::collections::BTreeMap<String, u64>,
    /// The most memory that one instance may have.
    pub memory_limit_bytes: u64,
    /// The longest that one call may take, where that is bounded.
    pub timeout_seconds: Option<f64>,
    /// Calls of one job at once.
    pub concurrency: usize,
    /// Calls by what became of them.
    pub calls: std::collections::BTreeMap<String, u64>,
    /// The last calls that ended an instance, the newest last.
    pub failures: Vec<Failure>,
    /// The jobs that it works for.
    pub jobs: Vec<JobDetail>,
    /// The last load or call that failed since the last one that did not.
    pub last_error: Option<String>,
}

/// A call that ended an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The job.
    pub job: String,
    /// What happened.
    pub error: String,
    /// Where in the component, innermost first; empty where nobody knows.
    pub backtrace: String,
}

/// A job of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDetail {
    /// Its name.
    pub name: String,
    /// Instances that wait for the next call.
    pub warm_instances: usize,
    /// Calls under way.
    pub running: usize,
    /// The memory of the instance that was asked last.
    pub memory_bytes: i64,
    /// The targets that are not read for a while, as the plugin failed on them too often.
    pub quarantined: Vec<Quarantine>,
}

/// A target that a plugin failed on too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// The target's address; empty where it is no target's doing.
    pub target: String,
    /// When it is tried again: milliseconds since the Unix epoch.
    pub until_ms: i64,
    /// What happened last.
    pub error: String,
}
