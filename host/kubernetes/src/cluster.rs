//! A cluster: its watches, each shared by all that listen to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use narthex_http::BuildError;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::api::{Api, ApiError};
use crate::connection::Connection;
use crate::kind::{Kind, is_word};
use crate::limits::{LINE_BYTES_MAX, OBJECT_TIMEOUT, WATCHES_MAX};
use crate::list::{first_page, list};
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
    /// Whether those who ask for one namespace get a part of it.
    is_divided: bool,
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
        self.listen(selection, false)
    }

    /// The same, of all namespaces; from when its first list is complete on, who asks for one
    /// namespace gets a part of this watch instead of one more: thousands of namespaces cost one
    /// watch then.
    ///
    /// # Errors
    /// As [`Self::watch`].
    pub fn watch_divided(&self, selection: Selection) -> Result<Watch, String> {
        self.listen(selection, true)
    }

    fn listen(&self, selection: Selection, is_divided: bool) -> Result<Watch, String> {
        check(&selection)?;
        let Some(cluster) = self.this.upgrade() else {
            return Err("the cluster is gone".to_owned());
        };
        let mut shared = self.lock();
        let (selection, namespace) = part(&shared, selection);
        if shared.len() >= WATCHES_MAX && !shared.contains_key(&selection) {
            return Err(format!("more than {WATCHES_MAX} watches of one cluster"));
        }
        let entry = shared.entry(selection.clone());
        let one = entry.or_insert_with_key(|selection| self.open(selection));
        one.listeners += 1;
        one.is_divided |= is_divided;
        let store = one.store.clone();
        drop(shared);
        self.metrics.listeners().inc();
        let lease = Lease { cluster, selection };
        Ok(Watch::new(store, namespace.as_deref(), lease))
    }

    /// An object as the cluster has it now; `None` where it has none of that name.
    ///
    /// # Errors
    /// The cluster does not answer, or refuses to.
    #[boxed]
    pub async fn object(&self, selection: &Selection, name: &str) -> Result<Option<Value>, String> {
        check(selection)?;
        if !is_word(name) {
            return Err(format!("{name:?} is not a name"));
        }
        let asked = async {
            let (version, kind) = (&selection.api_version, &selection.kind);
            let kind = Kind::find(&self.api, version, kind).await?;
            let path = kind.path(version, selection.namespace.as_deref());
            let path = format!("{path}/{name}");
            self.api.json::<Value>(&path, LINE_BYTES_MAX as u64).await
        };
        let answer = tokio::time::timeout(OBJECT_TIMEOUT, asked).await;
        match answer.unwrap_or(Err(ApiError::Timeout(OBJECT_TIMEOUT))) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// All objects of a selection as the cluster has them now.
    ///
    /// # Errors
    /// The cluster does not answer, or refuses to.
    #[boxed]
    pub async fn objects(&self, selection: &Selection) -> Result<Vec<Value>, String> {
        check(selection)?;
        let (version, kind) = (&selection.api_version, &selection.kind);
        let kind = Kind::find(&self.api, version, kind).await;
        let kind = kind.map_err(|error| error.to_string())?;
        let (mut page, mut objects) = (first_page(), Vec::new());
        let listed = list(&self.api, &kind, selection, &mut page, |object| {
            objects.push(object.text);
        });
        listed.await.map_err(|error| error.to_string())?;
        let objects = objects.iter();
        let objects = objects.map(|text| serde_json::from_str(text));
        let objects: Result<Vec<Value>, serde_json::Error> = objects.collect();
        objects.map_err(|error| error.to_string())
    }

    /// Writes an event: what happened to an object, for those who look at it.
    ///
    /// # Errors
    /// The cluster does not take it.
    #[boxed]
    pub async fn write_event(&self, namespace: &str, event: &Value) -> Result<(), String> {
        if !is_word(namespace) {
            return Err(format!("{namespace:?} is not a namespace"));
        }
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let asked = self.api.post(&path, event);
        let answer = tokio::time::timeout(OBJECT_TIMEOUT, asked).await;
        let answer = answer.unwrap_or(Err(ApiError::Timeout(OBJECT_TIMEOUT)));
        answer.map_err(|error| error.to_string())
    }

    /// The requests that belong to no watch.
    pub(crate) fn api(&self) -> &Api {
        &self.api
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
            is_divided: false,
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

/// The watch that a selection is answered from, and which namespace of it.
fn part(shared: &HashMap<Selection, Shared>, selection: Selection) -> (Selection, Option<String>) {
    if selection.namespace.is_none() || shared.contains_key(&selection) {
        return (selection, None);
    }
    let wide = Selection {
        namespace: None,
        ..selection.clone()
    };
    match shared.get(&wide) {
        Some(one) if one.is_divided && one.store.is_synced() => (wide, selection.namespace),
        _ => (selection, None),
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
