//! The seam to a Kubernetes cluster: watches that the host keeps and plugins read.
//!
//! It is not: a client of one.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

/// Opens watches on a cluster.
#[async_trait]
pub trait Watches: Debug + Send + Sync {
    /// Watches the objects of a kind. `api_version` is as in an object (`v1`, `apps/v1`); no
    /// namespace is all of them, no selector every object.
    ///
    /// # Errors
    /// What the operator reads: the kind is not known, or the cluster refuses.
    async fn open(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Box<dyn Watch>, String>;
}

/// One watch, as one plugin's instance sees it.
pub trait Watch: Debug + Send + Sync {
    /// The events since the last call, up to so many, oldest first. What is there at the
    /// beginning comes as added.
    fn drain(&mut self, max: usize) -> Vec<WatchEvent>;

    /// Whether the first list is complete.
    fn synced(&self) -> bool;

    /// Is notified (`notify_one`) whenever there are events to drain.
    fn changed(&self) -> Arc<Notify>;
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// What happened.
    pub change: WatchChange,
    /// The object as JSON.
    pub object: String,
}

/// What can happen to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchChange {
    /// It is there, and was not.
    Added,
    /// It is another.
    Modified,
    /// It is gone; this is what it was.
    Deleted,
}
