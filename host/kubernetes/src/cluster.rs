//! A cluster: its watches, each shared by all that listen to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use narthex_http::BuildError;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::api::Api;
use crate::connection::Connection;
use crate::kind::is_word;
use crate::limits::WATCHES_MAX;
use crate::metrics::KubernetesMetrics;
use crate::reflector::Reflector;
use crate::selection::Selection;
use crate::store::Store;
use crate::watch::Watch;

/// How fast things go.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The wait after the first failure; each further one doubles it.
    pub backoff_first: Duration,
    /// The longest wait.
    pub backoff_longest: Duration,
    /// How long one request of a watch lasts at most; between half of it and all.
    pub watch_longest: Duration,
    /// How long a watch stays open that nobody listens to: a reload takes listeners away and
    /// brings them back.
    pub linger: Duration,
}

impl Default for Pace {
    /// As Kubernetes' own clients.
    fn default() -> Self {
        Self {
            backoff_first: Duration::from_millis(800),
            backoff_longest: Duration::from_secs(30),
            watch_longest: Duration::from_secs(600),
            linger: Duration::from_secs(30),
        }
    }
}

/// What a cluster is made with.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Where it is.
    pub connection: Connection,
    /// How fast things go.
    pub pace: Pace,
    /// Where is counted what is asked and told.
    pub metrics: KubernetesMetrics,
}

/// A cluster. Its watches end with it, and with the last of the [`Watch`]es that listen to one.
#[derive(Debug)]
pub struct Cluster {
    api: Arc<Api>,
    pace: Pace,
    metrics: KubernetesMetrics,
    shared: Mutex<HashMap<Selection, Shared>>,
    runtime: Handle,
    this: Weak<Self>,
}

/// One watch, and how many listen to it.
#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    task: AbortHandle,
    listeners: usize,
    /// How often the last listener left.
    left: u64,
}

/// One listener's part in a watch.
#[derive(Debug)]
pub(crate) struct Lease {
    cluster: Arc<Cluster>,
    selection: Selection,
}

impl Cluster {
    /// A cluster that nobody has asked anything yet. Has to be called within tokio.
    ///
    /// # Errors
    /// The connection contradicts itself, or a file that it names cannot be used.
    pub fn new(options: ClusterOptions) -> Result<Arc<Self>, BuildError> {
        let api = Arc::new(Api::new(&options.connection, options.metrics.clone())?);
        Ok(Arc::new_cyclic(|this| Self {
            api,
            pace: options.pace,
            metrics: options.metrics,
            shared: Mutex::default(),
            runtime: Handle::current(),
            this: this.clone(),
        }))
    }

    /// Listens to the objects of a selection. What the cluster says is known later:
    /// [`Watch::synced`], [`Watch::trouble`].
    ///
    /// # Errors
    /// The selection is none, or there are too many watches.
    pub fn watch(&self, selection: Selection) -> Result<Watch, String> {
        check(&selection)?;
        let Some(cluster) = self.this.upgrade() else {
            return Err("the cluster is gone".to_owned());
        };
        let mut shared = self.lock();
        if shared.len() >= WATCHES_MAX && !shared.contains_key(&selection) {
            return Err(format!("more than {WATCHES_MAX} watches of one cluster"));
        }
        let entry = shared.entry(selection.clone());
        let one = entry.or_insert_with_key(|selection| self.open(selection));
        one.listeners += 1;
        let store = one.store.clone();
        drop(shared);
        self.metrics.listeners().inc();
        let lease = Lease { cluster, selection };
        Ok(Watch::new(store, lease))
    }

    fn open(&self, selection: &Selection) -> Shared {
        let store = Arc::new(Store::default());
        let reflector = Reflector {
            api: self.api.clone(),
            selection: selection.clone(),
            store: store.clone(),
            pace: self.pace.clone(),
            metrics: self.metrics.clone(),
        };
        self.metrics.watches().inc();
        Shared {
            store,
            task: self.runtime.spawn(reflector.run()).abort_handle(),
            listeners: 0,
            left: 0,
        }
    }

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Selection, Shared>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, selection: &Selection, left: u64) {
        let mut shared = self.lock();
        let is_idle = |one: &Shared| one.listeners == 0 && one.left == left;
        if shared.get(selection).is_some_and(is_idle)
            && let Some(one) = shared.remove(selection)
        {
            one.task.abort();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for one in self.lock().values() {
            one.task.abort();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.cluster.metrics.listeners().dec();
        let mut shared = self.cluster.lock();
        let Some(one) = shared.get_mut(&self.selection) else {
            return;
        };
        one.listeners = one.listeners.saturating_sub(1);
        if one.listeners > 0 {
            return;
        }
        one.left += 1;
        let (left, linger) = (one.left, self.cluster.pace.linger);
        drop(shared);
        let (cluster, selection) = (self.cluster.this.clone(), self.selection.clone());
        self.cluster.runtime.spawn(async move {
            tokio::time::sleep(linger).await;
            if let Some(cluster) = cluster.upgrade() {
                cluster.close(&selection, left);
            }
        });
    }
}

/// What a plugin names becomes part of a path.
fn check(selection: &Selection) -> Result<(), String> {
    let mut parts = selection.api_version.split('/');
    let is_version = selection.api_version.split('/').count() <= 2 && parts.all(is_word);
    let namespace = selection.namespace.as_deref();
    for (is_right, what, text) in [
        (is_version, "an API version", &*selection.api_version),
        (is_word(&selection.kind), "a kind", &*selection.kind),
        (
            namespace.is_none_or(is_word),
            "a namespace",
            namespace.unwrap_or(""),
        ),
    ] {
        if !is_right {
            return Err(format!("{text:?} is not {what}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_path_is_refused() {
        let selection = |version: &str, kind: &str, namespace: Option<&str>| Selection {
            namespace: namespace.map(str::to_owned),
            ..Selection::of(version, kind)
        };
        for (selection, expected) in [
            (selection("v1", "Pod", None), Ok(())),
            (selection("apps/v1", "Deployment", Some("a")), Ok(())),
            (
                selection("v1", "../Pod", None),
                Err("\"../Pod\" is not a kind"),
            ),
            (
                selection("a/b/c", "Pod", None),
                Err("\"a/b/c\" is not an API version"),
            ),
            (
                selection("v1", "Pod", Some("")),
                Err("\"\" is not a namespace"),
            ),
        ] {
            assert_eq!(check(&selection), expected.map_err(str::to_owned));
        }
    }
}
