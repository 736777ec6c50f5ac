//! The seam between those who find targets and those who scrape them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{SdConfig, TargetGroup};

/// So many messages of a discoverer may wait to be taken; then it waits in `send`, which is where
/// a discoverer that finds faster than anybody can follow is slowed down.
pub const UPDATES_MAX: usize = 16;

/// Finds the targets of one entry of a job's service discovery.
#[async_trait]
pub trait Discoverer: Send + Sync {
    /// Finds targets until it is dropped, and sends the groups that are new or changed. A group
    /// takes the place of the one of its source; one without targets ends it; groups that are
    /// not named stay. What cannot be found out now is logged by the discoverer and tried again:
    /// the groups of the last message stay meanwhile.
    ///
    /// The first message says that the discoverer has seen everything once, so it is sent even
    /// where it is empty: until then the groups of its predecessor stay after a reload.
    ///
    /// It returns early where nothing can change any more, or nobody receives.
    async fn run(&self, sender: mpsc::Sender<Vec<TargetGroup>>);
}

/// Makes the discoverer of an entry. It gets a name that no other at work has, such as
/// `JOB/plugin_sd/0`; one that takes the place of another may get that one's.
pub type BuildDiscoverer =
    dyn Fn(&str, &SdConfig) -> Result<Arc<dyn Discoverer>, String> + Send + Sync;

/// Why an entry has no discoverer; the reload that wanted it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error creating {entry} of job {job:?}: {message}")]
pub struct DiscovererError {
    /// The job.
    pub job: String,
    /// The kind of the entry and its place in the list: `plugin_sd/0`.
    pub entry: String,
    /// What is wrong with it.
    pub message: String,
}
