//! One who listens, and what it knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use narthex_http::HttpConfig;
use narthex_kubernetes::{
    Change, Cluster, ClusterOptions, Connection, KubernetesMetrics, Pace, Selection, Watch,
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::cluster::ClusterServer;

/// Far more than anything here takes.
const GENEROUS: Duration = Duration::from_secs(60);

/// A cluster, and what it counts.
pub(crate) struct Bench {
    pub(crate) server: ClusterServer,
    pub(crate) cluster: Arc<Cluster>,
    registry: Registry,
}

/// Everything is fast, but for what would hide a fault.
pub(crate) fn pace() -> Pace {
    Pace {
        backoff_first: Duration::from_millis(1),
        backoff_longest: Duration::from_millis(20),
        watch_longest: Duration::from_secs(120),
        linger: Duration::ZERO,
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(pace(), HttpConfig::default())
    }

    pub(crate) fn with(pace: Pace, http: HttpConfig) -> Self {
        let server = ClusterServer::start();
        let mut registry = Registry::default();
        let options = ClusterOptions {
            connection: Connection {
                server: server.url(),
                http,
                exec: None,
            },
            pace,
            metrics: KubernetesMetrics::register(&mut registry),
        };
        let cluster = Cluster::new(options).unwrap();
        Self {
            server,
            cluster,
            registry,
        }
    }

    pub(crate) fn listen(&self, selection: Selection) -> Listener {
        Listener {
            watch: self.cluster.watch(selection).unwrap(),
            known: BTreeMap::new(),
        }
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, series: &str) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        line.trim().to_owned()
    }
}

pub(crate) fn pods() -> Selection {
    Selection::of("v1", "Pod")
}

/// A pod that says one thing.
pub(crate) fn pod(name: &str, word: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    json!({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": word},
           "metadata": {"namespace": namespace, "name": name, "labels": {"word": word}}})
}

/// What it knows, by what it was told.
pub(crate) struct Listener {
    pub(crate) watch: Watch,
    known: BTreeMap<String, String>,
}

impl Listener {
    /// Waits until it knows these pods, `NAMESPACE/NAME=WORD` each, and the first list is
    /// complete. Nothing may be told twice on the way.
    pub(crate) async fn knows(&mut self, expected: &[&str]) {
        let waiting = async {
            loop {
                let changed = self.watch.changed();
                self.drain();
                let known: Vec<String> = self
                    .known
                    .iter()
                    .map(|(key, word)| format!("{key}={word}"))
                    .collect();
                if self.watch.synced() && known == expected {
                    return;
                }
                changed.notified().await;
            }
        };
        let waited = tokio::time::timeout(GENEROUS, waiting).await;
        assert!(waited.is_ok(), "{:?}, not {expected:?}", self.known);
    }

    fn drain(&mut self) {
        for event in self.watch.drain(2, usize::MAX) {
            let key = format!("{}/{}", event.namespace(), event.name());
            let object: Value = serde_json::from_str(event.text()).unwrap();
            let word = object["spec"]["nodeName"].as_str().unwrap().to_owned();
            let before = match event.change {
                Change::Deleted => self.known.remove(&key),
                _ => self.known.insert(key.clone(), word.clone()),
            };
            match event.change {
                Change::Added => assert_eq!(before, None, "{key}"),
                Change::Modified => assert!(before.is_some_and(|before| before != word), "{key}"),
                Change::Deleted => assert!(before.is_some(), "{key}"),
            }
        }
    }
}

/// Waits until the server says so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(GENEROUS, waiting).await.unwrap();
}
