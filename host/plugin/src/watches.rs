//! The seam to a Kubernetes cluster: watches that the host keeps and plugins read.
//!
//! It is not: a client of one.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

/// Which objects are watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchRequest {
    /// As in an object: `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
    /// None is all of them.
    pub namespace: Option<String>,
    /// None is every object.
    pub label_selector: Option<String>,
    /// None is every object.
    pub field_selector: Option<String>,
}

/// Opens watches on a cluster.
#[async_trait]
pub trait Watches: Debug + Send + Sync {
    /// Watches the objects of a kind.
    ///
    /// # Errors
    /// What the operator reads: the kind is not known, or the cluster refuses.
    async fn open(&self, request: WatchRequest) -> Result<Box<dyn Watch>, String>;
}

/// One watch, as one plugin's instance sees it.
pub trait Watch: Debug + Send + Sync {
    /// The events since the last call, oldest first: up to so many, and no more once their objects
    /// have so many bytes together; one is always among them where there is one. What is there at
    /// the beginning comes as added.
    fn drain(&mut self, max: usize, bytes_max: usize) -> Vec<WatchEvent>;

    /// Likewise, without the objects. Both take from the same events.
    fn drain_news(&mut self, max: usize) -> Vec<WatchNews>;

    /// An object as it is now, as JSON.
    fn lookup(&self, namespace: &str, name: &str) -> Option<Arc<str>>;

    /// Whether the first list is complete.
    fn synced(&self) -> bool;

    /// Why the cluster does not answer; none where it does.
    fn trouble(&self) -> Option<String>;

    /// Is notified (`notify_one`) whenever there are events to drain, and once the first list is
    /// complete.
    fn changed(&self) -> Arc<Notify>;

    /// Whether events were lost, because they were not drained for too long: the instance is
    /// replaced by one that begins anew.
    fn is_lost(&self) -> bool;
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// What happened.
    pub change: WatchChange,
    /// The object as JSON.
    pub object: Arc<str>,
}

/// What happened to which object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchNews {
    /// What happened.
    pub change: WatchChange,
    /// Empty for objects of the cluster.
    pub namespace: String,
    /// The object's name.
    pub name: String,
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
