//! Looks whether the config has changed, and has it taken then, without anybody who asks.
//!
//! It is not: how a config is taken, which is [`crate::reload`]'s.

mod config_map;
mod files;
mod folder;
mod metrics;
mod pod;

use std::future::pending;
use std::sync::Arc;

use anyhow::Context as _;
use narthex_model::Clock;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use crate::flags::CommandLine;
use crate::kubernetes::Clusters;
use crate::reload::Reloader;

use self::config_map::FollowedConfigMap;
use self::files::FollowedFiles;
use self::pod::OwnPod;

/// What follows the config, as far as flags ask for it.
pub(crate) struct ConfigFollower {
    files: Option<FollowedFiles>,
    config_map: Option<FollowedConfigMap>,
    /// Who is told of a config that is not taken, where no ConfigMap is there for that.
    pod: Option<OwnPod>,
}

/// Where there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Files,
    ConfigMap,
}

impl ConfigFollower {
    /// Follows what the flags say, from what it is now. Where the config is in a ConfigMap, the line
    /// names its files in the server's own folder from here on.
    ///
    /// # Errors
    /// The ConfigMap cannot be followed.
    pub(crate) async fn start(
        line: &mut CommandLine,
        clusters: &Clusters,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let pod = match line.flags.config_follow.config_map {
            Some(_) => None,
            None => OwnPod::find(&line.flags.config_follow, clusters, &clock),
        };
        let config_map = match line.flags.config_follow.config_map.clone() {
            Some(name) => {
                let started = FollowedConfigMap::start(&name, line, clusters, clock, registry);
                Some(started.await.context("--kubernetes.config-map")?)
            }
            None => None,
        };
        let files = match &line.flags.config_file {
            _ if !line.features.auto_reload_config => None,
            Some(file) => {
                let alertmanager = line.flags.alertmanager.config_file.iter();
                let files = std::iter::once(file).chain(alertmanager).cloned();
                let every = line.flags.config_follow.auto_reload_interval();
                Some(FollowedFiles::start(files.collect(), every).await)
            }
            None => {
                tracing::warn!("--config.auto-reload has no effect without --config.file");
                None
            }
        };
        Ok(Self {
            files,
            config_map,
            pod,
        })
    }

    /// Reads the first config, which is `load`'s to do: more than once, where there are several to
    /// begin with.
    ///
    /// # Errors
    /// None of them can be read.
    pub(crate) fn first<T>(&mut self, load: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        match &mut self.config_map {
            Some(config_map) => config_map.first(load),
            None => load(),
        }
    }

    /// Says what came of the first config, once the server runs.
    pub(crate) fn started(&self, reloader: &Reloader) {
        if let Some(config_map) = &self.config_map {
            config_map.started(reloader);
        }
    }

    /// Waits until there is another config. Nothing is lost where the caller does not wait for it.
    pub(crate) async fn changed(&mut self) -> News {
        let Self {
            files, config_map, ..
        } = self;
        let told = config_map.as_ref().map(FollowedConfigMap::changed);
        tokio::select! {
            () = files_changed(files.as_mut(), config_map.as_mut()) => News::Files,
            () = notified(told) => News::ConfigMap,
        }
    }

    /// Has what is new taken, as far as it is sound.
    pub(crate) async fn take(&mut self, news: News, reloader: &mut Reloader) {
        match (news, &mut self.config_map) {
            (News::ConfigMap, Some(config_map)) => {
                config_map.take(reloader).await;
                if let Some(files) = &mut self.files {
                    files.note().await;
                }
            }
            _ => {
                tracing::info!("files of the configuration changed");
                // The log has said why it was not taken.
                let _ = self.reload(reloader).await;
            }
        }
    }

    /// Has the config read again and taken.
    ///
    /// # Errors
    /// Why it was not taken; the old one goes on.
    pub(crate) async fn reload(&mut self, reloader: &mut Reloader) -> Result<(), String> {
        if let Some(config_map) = &mut self.config_map {
            config_map.follow_mount();
        }
        if let Some(files) = &mut self.files {
            // First, so that what is written while it is read is news; and one that is broken is
            // tried again when it is another.
            files.note().await;
        }
        match &mut self.config_map {
            Some(config_map) => config_map.reload(reloader).await,
            None => {
                let taken = reloader.reload().await;
                if let (Err(error), Some(pod)) = (&taken, &self.pod) {
                    pod.tell(error);
                }
                taken
            }
        }
    }
}

/// Waits until files hold something else.
async fn files_changed(
    files: Option<&mut FollowedFiles>,
    mut config_map: Option<&mut FollowedConfigMap>,
) {
    let Some(files) = files else {
        return pending().await;
    };
    loop {
        files.turn().await;
        if let Some(config_map) = &mut config_map {
            config_map.follow_mount();
        }
        if files.is_changed().await {
            return;
        }
    }
}

/// Waits until somebody says that there is news.
async fn notified(told: Option<Arc<Notify>>) {
    match told {
        Some(told) => told.notified().await,
        None => pending().await,
    }
}
