//! The task that watches the objects of a cluster and reads them whenever something changed: one
//! watch a kind, and each secret that is named watched, or asked for by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use narthex_kubernetes::{Change, Selection, Watch};
use narthex_operator::{Kind, Role, SecretRef, Secrets, Translation, translate};
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::metrics::MonitorMetrics;
use super::secret_watches::{SecretWatches, selection};
use super::section::KubernetesMonitorsConfig;
use crate::kubernetes::SharedCluster;

/// Changes are gathered for this long before they are read: a Helm chart brings dozens at once.
const GATHER: Duration = Duration::from_millis(300);

/// Until all watches have begun, somebody looks whether they have after this.
const BEGIN: Duration = Duration::from_millis(200);

/// A watch that was opened has so much time to say something before the others go on without it.
const BEGIN_LONGEST: Duration = Duration::from_secs(30);

/// So many objects are taken off a watch at once.
const DRAINED_MAX: usize = 1000;

/// So many secrets are asked for at the same time.
const SECRETS_AT_ONCE: usize = 8;

/// What watches.
pub(super) struct Watching {
    config: KubernetesMonitorsConfig,
    cluster: Arc<SharedCluster>,
    kinds: BTreeSet<Kind>,
    metrics: MonitorMetrics,
    found: watch::Sender<Arc<Translation>>,
    /// What any of the watches wakes.
    wake: Arc<Notify>,
    objects: BTreeMap<(Kind, String, String), Value>,
    /// Those with the labels that namespaces must have, where there are any.
    namespaces: BTreeSet<String>,
    secrets: Secrets,
    /// Tells when one of them changes.
    secret_watches: SecretWatches,
    /// What the objects name of them.
    wanted: BTreeSet<SecretRef>,
}

/// A watch of one kind.
struct Source {
    /// `None` is namespaces.
    kind: Option<Kind>,
    selection: Selection,
    watch: Watch,
    /// Ends with it.
    _forward: JoinSet<()>,
}

impl Watching {
    pub(super) fn new(
        config: KubernetesMonitorsConfig,
        cluster: Arc<SharedCluster>,
        is_agent: bool,
        metrics: MonitorMetrics,
        found: watch::Sender<Arc<Translation>>,
    ) -> Self {
        let is_for_agents =
            |kind: &Kind| !matches!(kind, Kind::PrometheusRule | Kind::AlertmanagerConfig);
        let kinds = config.kinds.iter().copied();
        let wake = Arc::<Notify>::default();
        Self {
            kinds: kinds
                .filter(|kind| !is_agent || is_for_agents(kind))
                .collect(),
            secret_watches: SecretWatches::new(Arc::clone(&cluster), Arc::clone(&wake)),
            config,
            cluster,
            metrics,
            found,
            wake,
            objects: BTreeMap::new(),
            namespaces: BTreeSet::new(),
            secrets: Secrets::default(),
            wanted: BTreeSet::new(),
        }
    }

    /// Watches for ever.
    pub(super) async fn run(mut self) {
        let selections = self.selections().into_iter();
        let mut sources: Vec<Source> = selections
            .filter_map(|(kind, selection)| self.open(kind, selection))
            .collect();
        let watches: Vec<&Watch> = sources.iter().map(|source| &source.watch).collect();
        // What another section found goes on until this one knows better.
        let is_patient = !self.found.borrow().jobs.is_empty();
        begin(&watches, is_patient).await;
        let refresh = self.config.secrets_refresh_interval.as_std();
        let (mut refreshed, mut is_first) = (Instant::now(), true);
        let mut divided = Vec::new();
        loop {
            let mut is_changed = std::mem::take(&mut is_first);
            for source in &mut sources {
                is_changed |= self.drain(source);
            }
            for (reference, object) in self.secret_watches.news() {
                is_changed |= self.secrets.learn(reference, Ok(object.as_ref()));
            }
            if refreshed.elapsed() >= refresh {
                let wanted = self.wanted.iter();
                let wanted = wanted.filter(|one| !self.secret_watches.is_followed(one));
                let wanted = wanted.cloned().collect();
                is_changed |= self.ask(wanted).await;
                refreshed = Instant::now();
            }
            if is_changed {
                if divided.is_empty() {
                    divided = self.divide().await;
                }
                self.read().await;
            }
            self.secret_watches.follow(&self.wanted);
            let until = match self.secret_watches.is_beginning() {
                // A refusal wakes nobody.
                true => (Instant::now() + BEGIN).min(refreshed + refresh),
                false => refreshed + refresh,
            };
            let woken = tokio::time::timeout_at(until, self.wake.notified()).await;
            if woken.is_ok() {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// One selection a kind, or one a kind and namespace.
    fn selections(&self) -> Vec<(Option<Kind>, Selection)> {
        let mut selections = Vec::new();
        if !self.config.namespace_selector.is_empty() {
            let selection = Selection {
                label_selector: self.config.namespace_selector.clone(),
                ..Selection::of("v1", "Namespace")
            };
            selections.push((None, selection));
        }
        for kind in &self.kinds {
            let selection = Selection {
                label_selector: self.config.selector(*kind),
                ..Selection::of(kind.api_version(), kind.as_str())
            };
            match self.config.namespaces.as_slice() {
                [] => selections.push((Some(*kind), selection)),
                names => selections.extend(names.iter().map(|name| {
                    let namespace = Some(name.clone());
                    let selection = selection.clone();
                    let selection = Selection {
                        namespace,
                        ..selection
                    };
                    (Some(*kind), selection)
                })),
            }
        }
        selections
    }

    fn open(&self, kind: Option<Kind>, selection: Selection) -> Option<Source> {
        let watch = match self.cluster.cluster().watch(selection.clone()) {
            Ok(watch) => watch,
            Err(error) => {
                let kind = &selection.kind;
                tracing::error!(kind, error, "objects are not watched");
                return None;
            }
        };
        Some(Source {
            kind,
            selection,
            _forward: forward(&watch, &self.wake),
            watch,
        })
    }

    /// Takes what changed; false where nothing did.
    fn drain(&mut self, source: &mut Source) -> bool {
        if source.watch.is_lost()
            && let Some(again) = self.open(source.kind, source.selection.clone())
        {
            // Objects went that nobody told of: all that there are come again.
            *source = again;
            match source.kind {
                None => self.namespaces.clear(),
                Some(kind) => {
                    let namespace = source.selection.namespace.as_deref();
                    self.objects.retain(|(known, at, _), _| {
                        *known != kind || namespace.is_some_and(|namespace| namespace != at)
                    });
                }
            }
        }
        let mut is_changed = false;
        loop {
            let events = source.watch.drain(DRAINED_MAX, usize::MAX);
            if events.is_empty() {
                return is_changed;
            }
            is_changed = true;
            for event in events {
                let is_gone = event.change == Change::Deleted;
                let (namespace, name) = (event.namespace().to_owned(), event.name().to_owned());
                let Some(kind) = source.kind else {
                    match is_gone {
                        true => self.namespaces.remove(&name),
                        false => self.namespaces.insert(name),
                    };
                    continue;
                };
                let key = (kind, namespace, name);
                match serde_json::from_str(event.text()) {
                    Ok(object) if !is_gone => {
                        self.objects.insert(key, object);
                    }
                    _ => {
                        self.objects.remove(&key);
                    }
                }
            }
        }
    }

    /// Watches what targets are found in, once for all namespaces: there may be thousands of
    /// monitors, each of a namespace of its own.
    async fn divide(&mut self) -> Vec<Watch> {
        if !self.config.namespaces.is_empty() {
            return Vec::new();
        }
        let has = |kind: Kind| self.objects.keys().any(|(known, ..)| *known == kind);
        let (services, pods) = (has(Kind::ServiceMonitor), has(Kind::PodMonitor));
        let behind = match self.config.service_discovery_role {
            Role::Endpoints => ("v1", "Endpoints"),
            Role::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
        };
        let watches = [
            (services, ("v1", "Service")),
            (services, behind),
            (services || pods, ("v1", "Pod")),
        ];
        let watches = watches.into_iter().filter(|(is_needed, _)| *is_needed);
        let watches = watches.filter_map(|(_, (version, kind))| {
            let watch = self
                .cluster
                .cluster()
                .watch_divided(Selection::of(version, kind));
            watch.ok()
        });
        let watches: Vec<Watch> = watches.collect();
        begin(&watches.iter().collect::<Vec<_>>(), false).await;
        watches
    }

    /// Reads all objects, and asks for the secrets that they name and nobody has asked for.
    async fn read(&mut self) {
        let options = self.config.options();
        loop {
            let allowed = |namespace: &String| {
                self.config.namespace_selector.is_empty() || self.namespaces.contains(namespace)
            };
            let objects = self.objects.iter();
            let objects = objects.filter(|((_, namespace, _), _)| allowed(namespace));
            let objects = objects.map(|((kind, ..), object)| (*kind, object));
            let translation = translate(objects, &options, &self.secrets);
            self.wanted = self.secrets.wanted();
            let unknown = self.wanted.iter();
            let unknown = unknown.filter(|reference| !self.secrets.is_known(reference));
            let unknown: Vec<SecretRef> = unknown.cloned().collect();
            // Each round asks for what the last one named, and answers are kept, refusals too.
            if !unknown.is_empty() && self.ask(unknown).await {
                continue;
            }
            for kind in &self.kinds {
                let count = self.objects.keys().filter(|(known, ..)| known == kind);
                self.metrics.set_objects(*kind, count.count());
            }
            self.found.send_if_modified(|found| {
                let is_news = **found != translation;
                if is_news {
                    *found = Arc::new(translation);
                }
                is_news
            });
            return;
        }
    }

    /// Asks the cluster for secrets; true where one has news.
    async fn ask(&mut self, references: Vec<SecretRef>) -> bool {
        let cluster = Arc::clone(&self.cluster);
        let answers = stream::iter(references).map(move |reference| {
            let cluster = Arc::clone(&cluster);
            async move {
                let selection = selection(&reference);
                let answer = cluster.cluster().object(&selection, &reference.name).await;
                (reference, answer)
            }
        });
        let mut answers = answers.buffer_unordered(SECRETS_AT_ONCE);
        let mut has_news = false;
        while let Some((reference, answer)) = answers.next().await {
            if answer.is_err() {
                self.metrics.count_secret_failure();
            }
            let answer = answer.as_ref().map(Option::as_ref).map_err(Clone::clone);
            has_news |= self.secrets.learn(reference, answer);
        }
        has_news
    }
}

/// Wakes whoever waits for several watches with each change of one, until what is returned is dropped.
pub(super) fn forward(watch: &Watch, wake: &Arc<Notify>) -> JoinSet<()> {
    let (changed, wake) = (watch.changed(), Arc::clone(wake));
    let mut forward = JoinSet::new();
    forward.spawn(async move {
        loop {
            changed.notified().await;
            wake.notify_one();
        }
    });
    forward
}

/// Waits until each watch has its first list; who is not patient, until it has or the cluster has
/// refused it.
async fn begin(watches: &[&Watch], is_patient: bool) {
    let waiting = async {
        while !watches
            .iter()
            .all(|watch| watch.synced() || (!is_patient && watch.trouble().is_some()))
        {
            tokio::time::sleep(BEGIN).await;
        }
    };
    // Who is late is heard later.
    let _ = tokio::time::timeout(BEGIN_LONGEST, waiting).await;
}
