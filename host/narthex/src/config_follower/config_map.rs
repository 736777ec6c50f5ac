//! The config out of a ConfigMap of the cluster, watched through its API: a change is taken as soon as
//! the cluster tells it, and not when the kubelet has brought it into the pod.
//!
//! It is not: a second config. The keys of the ConfigMap are put into a folder of the server, and the
//! config is read from there as from any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use narthex_discovery::{KubernetesRole, KubernetesSdConfig};
use narthex_kubernetes::{ConfigMap, Selection, Watch};
use narthex_model::Clock;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use crate::flags::{CommandLine, ConfigFollowFlags, ConfigMapName};
use crate::kubernetes::{Clusters, Events, Involved, SharedCluster};
use crate::reload::Reloader;

use super::folder::{ConfigFolder, Contents, read_folder};
use super::metrics::{ConfigMapMetrics, Outcome};

/// The folder below the store's where the files are.
const FOLDER: &str = "config-map";

/// When the server starts, the cluster has this time to say what the ConfigMap holds; then the folder
/// counts that is mounted.
const BEGIN_LONGEST: Duration = Duration::from_secs(10);

/// Meanwhile somebody looks this often whether it has.
const BEGIN: Duration = Duration::from_millis(50);

/// A ConfigMap that has the config.
pub(super) struct FollowedConfigMap {
    namespace: String,
    name: String,
    watch: Watch,
    /// What is mounted, for as long as the cluster does not answer.
    mount: PathBuf,
    folder: ConfigFolder,
    events: Events,
    metrics: ConfigMapMetrics,
    /// What the cluster said last.
    seen: Seen,
    /// What is to be taken, and why it was not.
    refused: Option<Refused>,
}

/// The last word of the cluster.
#[derive(Debug, Default)]
struct Seen {
    version: Option<String>,
    uid: String,
}

#[derive(Debug)]
struct Refused {
    /// `None`, where it could not even be read.
    contents: Option<Contents>,
    error: String,
}

/// What a ConfigMap was found to be.
enum Found {
    /// As it was.
    Same,
    /// The cluster has none of that name.
    Missing,
    /// Another version of it.
    New(Result<Contents, String>),
}

impl FollowedConfigMap {
    /// Begins to watch, and has the line name files of the folder from here on.
    ///
    /// # Errors
    /// Nobody knows which ConfigMap of which cluster, or the folder cannot be made.
    pub(super) async fn start(
        name: &ConfigMapName,
        line: &mut CommandLine,
        clusters: &Clusters,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let file = line.flags.config_file.clone();
        let file = file.context("it needs --config.file, which says what key the config has")?;
        let key = file.file_name().context("--config.file names no file")?;
        let mount = file.parent().unwrap_or(Path::new("")).to_owned();
        let cluster =
            cluster(&line.flags.config_follow, clusters).map_err(|error| anyhow!(error))?;
        let namespace = match &name.namespace {
            Some(namespace) => namespace.clone(),
            None => clusters.own_namespace().map_err(|error| {
                anyhow!("the namespace of this pod is not known, write NAMESPACE/NAME: {error}")
            })?,
        };
        let watch = cluster.cluster().watch(Selection {
            namespace: Some(namespace.clone()),
            // Who may read one object of that name alone may ask so, and no other way.
            field_selector: format!("metadata.name={}", name.name),
            ..Selection::of("v1", "ConfigMap")
        });
        let watch = watch.map_err(|error| anyhow!(error))?;
        let path = line.flags.data_path().join(FOLDER);
        let folder = ConfigFolder::open(path.clone());
        let folder = folder.with_context(|| format!("{} cannot be used", path.display()))?;
        line.flags.config_file = Some(path.join(key));
        if let Some(other) = &mut line.flags.alertmanager.config_file
            && other.parent() == Some(mount.as_path())
            && let Some(key) = other.file_name()
        {
            *other = path.join(key);
        }
        let mut this = Self {
            namespace,
            name: name.name.clone(),
            watch,
            mount,
            folder,
            events: Events::start(cluster, clock),
            metrics: ConfigMapMetrics::register(registry),
            seen: Seen::default(),
            refused: None,
        };
        this.begin().await;
        Ok(this)
    }

    /// Waits for the first word of the cluster, but not for ever.
    async fn begin(&mut self) {
        let waiting = async {
            while !self.watch.synced() && self.watch.trouble().is_none() {
                tokio::time::sleep(BEGIN).await;
            }
        };
        // Who is late is heard later.
        let _ = tokio::time::timeout(BEGIN_LONGEST, waiting).await;
    }

    /// Puts the files there that the server starts with: those of the ConfigMap, or of the mounted
    /// folder while the cluster does not have it. Where nothing can be started with them, those count
    /// that were taken last.
    ///
    /// # Errors
    /// There is nothing to start with.
    pub(super) fn first<T>(&mut self, load: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let contents = match self.look() {
            Found::New(found) => found.map_err(|error| self.fault(&error)),
            Found::Same | Found::Missing => {
                let (namespace, name, reason) = (&self.namespace, &self.name, self.reason());
                tracing::warn!(
                    namespace,
                    name,
                    reason,
                    "the configuration is taken from the mounted folder and not from the ConfigMap"
                );
                self.mounted()
            }
        };
        let before = self.folder.contents().clone();
        let started = contents.and_then(|contents| {
            self.put(&contents)?;
            load().inspect_err(|error| {
                self.refused = Some(Refused {
                    contents: Some(contents),
                    error: format!("{error:#}"),
                });
            })
        });
        let error = match started {
            Ok(loaded) => return Ok(loaded),
            Err(error) if before.is_empty() => return Err(error),
            Err(error) => error,
        };
        self.put(&before)?;
        // What is wrong with the old ones is not what is to be put right.
        let Ok(loaded) = load() else {
            return Err(error);
        };
        self.refused.get_or_insert_with(|| Refused {
            contents: None,
            error: format!("{error:#}"),
        });
        Ok(loaded)
    }

    /// Says what came of the first files, once the server runs.
    pub(super) fn started(&self, reloader: &Reloader) {
        match &self.refused {
            Some(Refused { error, .. }) => {
                reloader.refuse(error);
                self.tell(error);
            }
            None if self.seen.version.is_some() => self.metrics.taken(Outcome::Applied, true),
            // What is mounted.
            None => {}
        }
    }

    /// Is notified when there may be something new.
    pub(super) fn changed(&self) -> Arc<Notify> {
        self.watch.changed()
    }

    /// Takes what the cluster has now, if that is another.
    pub(super) async fn take(&mut self, reloader: &mut Reloader) {
        match self.look() {
            Found::Same => {}
            Found::Missing => {
                let (namespace, name) = (&self.namespace, &self.name);
                tracing::warn!(
                    namespace,
                    name,
                    "the ConfigMap with the configuration is gone; the configuration goes on"
                );
                self.metrics.taken(Outcome::Missing, false);
            }
            Found::New(Ok(contents)) => {
                let is_same = *self.folder.contents() == contents && self.refused.is_none();
                if is_same {
                    // Labels, or a version that was put back before it was seen.
                    self.metrics.set_synced(true);
                    return;
                }
                // The log has said why not.
                let _ = self.apply(contents, reloader).await;
            }
            Found::New(Err(error)) => {
                let error = format!("{:#}", self.fault(&error));
                reloader.refuse(&error);
                self.tell(&error);
                self.refused = Some(Refused {
                    contents: None,
                    error,
                });
            }
        }
    }

    /// Has the files read again, and those that were refused tried again.
    ///
    /// # Errors
    /// Why they were not taken; the old ones go on.
    pub(super) async fn reload(&mut self, reloader: &mut Reloader) -> Result<(), String> {
        match self.refused.take() {
            Some(Refused {
                contents: Some(contents),
                ..
            }) => self.apply(contents, reloader).await,
            Some(refused) => {
                let error = refused.error.clone();
                self.refused = Some(refused);
                reloader.refuse(&error);
                self.write_event(&error);
                Err(error)
            }
            None => {
                // A file that is no key of the ConfigMap may be what is wrong: no version of it is
                // refused then, and still it is where somebody looks.
                let taken = reloader.reload().await;
                if let Err(error) = &taken {
                    self.write_event(error);
                }
                taken
            }
        }
    }

    /// While the cluster does not answer, what is mounted counts. What cannot be read changes nothing.
    pub(super) fn follow_mount(&mut self) {
        if self.watch.synced() {
            return;
        }
        let taken = self.mounted().and_then(|contents| self.put(&contents));
        if let Err(error) = taken {
            tracing::error!(
                error = format!("{error:#}"),
                "the mounted configuration is not taken"
            );
        }
    }

    async fn apply(&mut self, contents: Contents, reloader: &mut Reloader) -> Result<(), String> {
        let before = self.folder.contents().clone();
        let taken = match self.put(&contents) {
            Ok(()) => reloader.reload().await,
            Err(error) => {
                let error = format!("{error:#}");
                reloader.refuse(&error);
                Err(error)
            }
        };
        match taken {
            Ok(()) => {
                self.refused = None;
                self.metrics.taken(Outcome::Applied, true);
                Ok(())
            }
            Err(error) => {
                // Whoever reads a file from here on its own reads what is in force.
                if let Err(fault) = self.put(&before) {
                    tracing::error!(error = format!("{fault:#}"), "files are not as they were");
                }
                self.tell(&error);
                self.refused = Some(Refused {
                    contents: Some(contents),
                    error: error.clone(),
                });
                Err(error)
            }
        }
    }

    /// What the cluster has now.
    fn look(&mut self) -> Found {
        // What happened in between is of no interest: the last word counts.
        self.watch.drain(usize::MAX, usize::MAX);
        let Some(text) = self.watch.lookup(&self.namespace, &self.name) else {
            let was_there = self.seen.version.take().is_some();
            return match was_there {
                true => Found::Missing,
                false => Found::Same,
            };
        };
        match ConfigMap::read(&text) {
            Ok(map) if self.seen.version.as_ref() == Some(&map.resource_version) => Found::Same,
            Ok(map) => {
                self.seen = Seen {
                    version: Some(map.resource_version),
                    uid: map.uid,
                };
                Found::New(Ok(map.files))
            }
            Err(error) => Found::New(Err(error)),
        }
    }

    fn mounted(&self) -> anyhow::Result<Contents> {
        let mount = &self.mount;
        let found = read_folder(mount);
        found.with_context(|| {
            let reason = self.fault(&self.reason());
            format!("{reason}; {} cannot be read", mount.display())
        })
    }

    /// Why there is no ConfigMap.
    fn reason(&self) -> String {
        self.watch.trouble().unwrap_or_else(|| {
            let reason = match self.watch.synced() {
                true => "there is no such object",
                false => "the cluster says nothing",
            };
            reason.to_owned()
        })
    }

    fn put(&mut self, contents: &Contents) -> anyhow::Result<()> {
        let put = self.folder.replace(contents);
        put.with_context(|| format!("{} cannot be written", self.folder.path().display()))
    }

    fn fault(&self, error: &str) -> anyhow::Error {
        anyhow!("ConfigMap {}/{}: {error}", self.namespace, self.name)
    }

    /// Says on the object that this version of it is not taken.
    fn tell(&self, error: &str) {
        self.write_event(error);
        self.metrics.taken(Outcome::Refused, false);
    }

    fn write_event(&self, error: &str) {
        let object = Involved {
            api_version: "v1",
            kind: "ConfigMap",
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.seen.uid,
        };
        self.events.write(&object, error);
    }
}

/// Where the ConfigMap is, and the pod.
pub(super) fn cluster(
    flags: &ConfigFollowFlags,
    clusters: &Clusters,
) -> Result<Arc<SharedCluster>, String> {
    let kubeconfig = &flags.config_map_kubeconfig;
    let kubeconfig = kubeconfig.as_ref().map(|path| path.display().to_string());
    clusters.cluster(&KubernetesSdConfig {
        role: Some(KubernetesRole::Pod),
        kubeconfig_file: kubeconfig.unwrap_or_default(),
        ..KubernetesSdConfig::default()
    })
}
