//! The clusters that entries of the config name, and their watches as plugins see them.
//!
//! It is not: a client of a cluster (`narthex-kubernetes`), nor what finds targets there (the
//! plugin `kubernetes`).

mod events;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use narthex_discovery::KubernetesSdConfig;
use narthex_http::HttpConfig;
use narthex_kubernetes::{
    Change, Cluster, ClusterOptions, Connection, Event, Kubeconfig, KubernetesMetrics, Pace,
    Selection, ServiceAccount,
};
use narthex_plugin::{Lent, Watch, WatchChange, WatchEvent, WatchNews, WatchRequest, Watches};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::yaml;

pub(crate) use events::{Events, Involved};

/// A kubeconfig file may be this large; a larger one is an error.
const KUBECONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// The clusters that jobs are connected to, each once for all of them.
pub(crate) struct Clusters {
    metrics: KubernetesMetrics,
    account: ServiceAccount,
    known: Mutex<Vec<(Connection, Weak<SharedCluster>)>>,
}

/// A cluster, lent to jobs and to whoever else asks for it, for as long as they hold it.
#[derive(Debug)]
pub(crate) struct SharedCluster(Arc<Cluster>);

impl SharedCluster {
    /// What is held.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.0
    }

    /// The same for those who ask in a task of their own.
    pub(crate) fn handle(&self) -> Arc<Cluster> {
        Arc::clone(&self.0)
    }
}

/// The cluster that this process is a pod of: looked for when a plugin first asks, as most
/// processes are in none.
struct OwnCluster {
    clusters: Arc<Clusters>,
    /// Held so that later watches find the same.
    shared: Mutex<Option<Arc<SharedCluster>>>,
}

/// One job's part in a watch.
#[derive(Debug)]
struct JobWatch(narthex_kubernetes::Watch);

impl Clusters {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        Self {
            metrics: KubernetesMetrics::register(registry),
            account: ServiceAccount::of_pod(),
            known: Mutex::default(),
        }
    }

    /// Watches on the cluster of an entry.
    pub(crate) fn lent(&self, entry: &KubernetesSdConfig) -> Result<Lent, String> {
        let shared = self.shared(self.connection(entry)?)?;
        // Its kinds are the plugin's to ask for and the operator's to grant.
        Ok(Lent::default().with_watches(shared))
    }

    /// Watches for a job whose plugin reads a cluster, where its `plugin_config` names one with
    /// `api_server` or `kubeconfig_file`. Others have [`Self::own`].
    pub(crate) fn lent_to_job(&self, settings: &Value) -> Result<Lent, String> {
        let named = |field: &str| settings.get(field).and_then(Value::as_str).unwrap_or("");
        let (server, file) = (named("api_server"), named("kubeconfig_file"));
        if server.is_empty() && file.is_empty() {
            return Ok(Lent::default());
        }
        // A role is the only thing that an entry must have; who asks for kinds has none.
        let entry = json!({"role": "pod", "api_server": server, "kubeconfig_file": file});
        let entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
        self.lent(&entry)
    }

    /// Watches on the cluster that this process is a pod of, for jobs that name no other.
    pub(crate) fn own(self: &Arc<Self>) -> Arc<dyn Watches> {
        Arc::new(OwnCluster {
            clusters: Arc::clone(self),
            shared: Mutex::default(),
        })
    }

    /// The cluster of an entry.
    ///
    /// # Errors
    /// Nobody knows where it is, or how it is spoken to.
    pub(crate) fn cluster(&self, entry: &KubernetesSdConfig) -> Result<Arc<SharedCluster>, String> {
        self.shared(self.connection(entry)?)
    }

    /// A cluster that is said in another section than one of discovery.
    ///
    /// # Errors
    /// As [`Self::cluster`].
    pub(crate) fn at(
        &self,
        api_server: &str,
        kubeconfig_file: &str,
        http: HttpConfig,
    ) -> Result<Arc<SharedCluster>, String> {
        self.shared(locate(&self.account, api_server, kubeconfig_file, http)?)
    }

    /// What the plugin is told of an entry: its own namespace has a name by now.
    pub(crate) fn settings(
        &self,
        entry: &KubernetesSdConfig,
        mut settings: Value,
    ) -> Result<Value, String> {
        if entry.namespaces.own_namespace {
            let own = self.own_namespace();
            let own = own.map_err(|error| format!("own_namespace: {error}"))?;
            let mut names = entry.namespaces.names.clone();
            names.push(own);
            settings["namespaces"] = json!({"names": names});
        }
        Ok(settings)
    }

    /// The namespace of the pod that this process runs in.
    ///
    /// # Errors
    /// It runs in none.
    pub(crate) fn own_namespace(&self) -> Result<String, String> {
        let own = self.account.namespace();
        own.map_err(|error| error.to_string())
    }

    fn connection(&self, entry: &KubernetesSdConfig) -> Result<Connection, String> {
        let (server, file) = (&entry.api_server, &entry.kubeconfig_file);
        locate(&self.account, server, file, entry.http_config())
    }

    fn shared(&self, connection: Connection) -> Result<Arc<SharedCluster>, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, shared)| shared.strong_count() > 0);
        let same = known.iter().find(|(other, _)| *other == connection);
        if let Some(shared) = same.and_then(|(_, shared)| shared.upgrade()) {
            return Ok(shared);
        }
        let cluster = Cluster::new(ClusterOptions {
            connection: connection.clone(),
            pace: Pace::default(),
            metrics: self.metrics.clone(),
        });
        let shared = Arc::new(SharedCluster(cluster.map_err(|error| error.to_string())?));
        known.push((connection, Arc::downgrade(&shared)));
        Ok(shared)
    }
}

/// A cluster for one who asks it alone, of whose requests discovery counts none.
///
/// # Errors
/// As [`Clusters::cluster`].
pub(crate) fn connect(
    api_server: &str,
    kubeconfig_file: &str,
    http: HttpConfig,
) -> Result<Arc<Cluster>, String> {
    let account = ServiceAccount::of_pod();
    let cluster = Cluster::new(ClusterOptions {
        connection: locate(&account, api_server, kubeconfig_file, http)?,
        pace: Pace::default(),
        metrics: KubernetesMetrics::default(),
    });
    cluster.map_err(|error| error.to_string())
}

/// Where a cluster is that is named by its URL, by a file, or by nothing: then it is the one around.
fn locate(
    account: &ServiceAccount,
    api_server: &str,
    kubeconfig_file: &str,
    http: HttpConfig,
) -> Result<Connection, String> {
    if !api_server.is_empty() {
        return Ok(Connection {
            server: api_server.to_owned(),
            http,
            exec: None,
        });
    }
    let found = match kubeconfig_file {
        "" => account.connection(),
        file => {
            let folder = Path::new(file).parent().unwrap_or(Path::new(""));
            kubeconfig(file)?.connection(folder)
        }
    };
    found.map_err(|error| error.to_string())
}

fn kubeconfig(file: &str) -> Result<Kubeconfig, String> {
    use std::io::Read;
    let fault = |error: std::io::Error| format!("{file}: {error}");
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(fault)?;
    let mut bounded = opened.take(KUBECONFIG_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(fault)?;
    if text.len() as u64 > KUBECONFIG_BYTES_MAX {
        return Err(format!("{file}: it has over {KUBECONFIG_BYTES_MAX} bytes"));
    }
    yaml::read(&text, file).map_err(|error| error.to_string())
}

#[async_trait]
impl Watches for SharedCluster {
    async fn open(&self, request: WatchRequest) -> Result<Box<dyn Watch>, String> {
        let watch = self.0.watch(Selection {
            api_version: request.api_version,
            kind: request.kind,
            namespace: request.namespace,
            label_selector: request.label_selector.unwrap_or_default(),
            field_selector: request.field_selector.unwrap_or_default(),
        })?;
        Ok(Box::new(JobWatch(watch)))
    }
}

impl fmt::Debug for OwnCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnCluster").finish_non_exhaustive()
    }
}

impl OwnCluster {
    fn shared(&self) -> Result<Arc<SharedCluster>, String> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*shared {
            return Ok(Arc::clone(shared));
        }
        let account = self.clusters.account.connection();
        let connection = account.map_err(|error| error.to_string())?;
        let found = self.clusters.shared(connection)?;
        *shared = Some(Arc::clone(&found));
        Ok(found)
    }
}

#[async_trait]
impl Watches for OwnCluster {
    async fn open(&self, request: WatchRequest) -> Result<Box<dyn Watch>, String> {
        self.shared()?.open(request).await
    }
}

impl Watch for JobWatch {
    fn drain(&mut self, max: usize, bytes_max: usize) -> Vec<WatchEvent> {
        let events = self.0.drain(max, bytes_max).into_iter();
        let events = events.map(|event| WatchEvent {
            change: change(&event),
            object: event.text().clone(),
        });
        events.collect()
    }

    fn drain_news(&mut self, max: usize) -> Vec<WatchNews> {
        let events = self.0.drain(max, usize::MAX).into_iter();
        let news = events.map(|event| WatchNews {
            change: change(&event),
            namespace: event.namespace().to_owned(),
            name: event.name().to_owned(),
        });
        news.collect()
    }

    fn lookup(&self, namespace: &str, name: &str) -> Option<Arc<str>> {
        self.0.lookup(namespace, name)
    }

    fn synced(&self) -> bool {
        self.0.synced()
    }

    fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }

    fn changed(&self) -> Arc<Notify> {
        self.0.changed()
    }

    fn is_lost(&self) -> bool {
        self.0.is_lost()
    }
}

fn change(event: &Event) -> WatchChange {
    match event.change {
        Change::Added => WatchChange::Added,
        Change::Modified => WatchChange::Modified,
        Change::Deleted => WatchChange::Deleted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> Clusters {
        Clusters::new(&mut Registry::default())
    }

    fn entry(fields: Value) -> KubernetesSdConfig {
        serde_json::from_value(fields).unwrap()
    }

    #[tokio::test]
    async fn entries_of_the_same_cluster_share_it() {
        let clusters = clusters();
        let connection = |fields| clusters.connection(&entry(fields)).unwrap();
        let one = json!({"role": "pod", "api_server": "http://a:1"});
        let same = json!({"role": "node", "api_server": "http://a:1"});
        let other = json!({"role": "pod", "api_server": "http://a:1",
                           "authorization": {"credentials": "x"}});
        let first = clusters.shared(connection(one)).unwrap();
        let second = clusters.shared(connection(same)).unwrap();
        let third = clusters.shared(connection(other)).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &third));
        drop((first, second));
        let again = clusters.shared(connection(json!({"role": "pod", "api_server": "b"})));
        assert_eq!(clusters.known.lock().unwrap().len(), 2);
        drop(again);
    }

    #[test]
    fn a_kubeconfig_file_is_yaml() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(
            &file,
            "apiVersion: v1\nkind: Config\ncurrent-context: c\npreferences: {}\n\
             contexts:\n- name: c\n  context: {cluster: x, user: y}\n\
             clusters:\n- name: x\n  cluster:\n    server: https://a:6443\n\
             users:\n- name: y\n  user: {tokenFile: t}\n",
        )
        .unwrap();
        let path = file.display().to_string();
        let found = entry(json!({"role": "pod", "kubeconfig_file": path}));
        let connection = clusters().connection(&found).unwrap();
        assert_eq!(connection.server, "https://a:6443");
        let token = connection.http.authorization.unwrap().credentials_file;
        assert_eq!(token, folder.path().join("t").display().to_string());
        let missing = entry(json!({"role": "pod", "kubeconfig_file": "/none"}));
        let error = clusters().connection(&missing).unwrap_err();
        assert!(error.starts_with("/none: No such file"), "{error}");
    }

    #[tokio::test]
    async fn a_job_shares_the_cluster_that_it_names_with_discovery() {
        let clusters = Arc::new(clusters());
        let discovery = entry(json!({"role": "pod", "api_server": "http://a:1"}));
        let _found = clusters.cluster(&discovery).unwrap();
        let settings = json!({"api_server": "http://a:1", "resources": ["pods"]});
        let _lent = clusters.lent_to_job(&settings).unwrap();
        assert_eq!(clusters.known.lock().unwrap().len(), 1);
        let missing = clusters.lent_to_job(&json!({"kubeconfig_file": "/none"}));
        assert!(missing.is_err_and(|error| error.starts_with("/none: ")));
        // It runs in none, and says so to who asks.
        assert!(clusters.lent_to_job(&Value::Null).is_ok());
        let own = clusters.own().open(WatchRequest::default()).await;
        assert!(own.is_err_and(|error| !error.is_empty()));
    }

    #[test]
    fn outside_of_a_cluster_there_is_no_own_namespace() {
        let clusters = clusters();
        let own = entry(json!({"role": "pod", "namespaces": {"own_namespace": true}}));
        assert!(clusters.settings(&own, json!({"role": "pod"})).is_err());
        let other = entry(json!({"role": "pod", "namespaces": {"names": ["a"]}}));
        let settings = json!({"role": "pod"});
        assert_eq!(clusters.settings(&other, settings.clone()), Ok(settings));
    }
}
