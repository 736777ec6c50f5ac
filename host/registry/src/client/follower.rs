//! Follows tags: when one moves to a newer version that asks for nothing more, that is installed
//! into the plugin directory. Putting it to work there is the runtime's.
//!
//! Not followed are: a version that is older or cannot be compared, a package that was rolled
//! back, one that asks for more than the one at work, one that is not signed as it has to be.
//! Each of them is held until an operator installs it; it is logged once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_recursion::async_recursion as boxed;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::error::RegistryError;
use super::registry::Registry;
use crate::config::{Followed, RegistryConfig};
use crate::digest::Digest;
use crate::directory::PluginDirectory;
use crate::error::PackageError;
use crate::trust::TrustPolicy;

/// What came of looking at a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// It leads to what is at work.
    Unchanged,
    /// It led to something newer, which is installed.
    Installed {
        /// The version before.
        from: Option<String>,
        /// The version now.
        to: String,
    },
    /// It leads to something that an operator has to decide on.
    Held(String),
    /// It leads to something that may not be loaded.
    Refused(String),
    /// The registry gave no answer, or the directory cannot be written.
    Failed(String),
}

impl Polled {
    /// The word for the metric.
    fn result(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Installed { .. } => "installed",
            Self::Held(_) => "held",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

/// The labels of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PollLabels {
    plugin: String,
    result: &'static str,
}

/// What followers count.
#[derive(Debug, Clone, Default)]
pub struct FollowerMetrics {
    polls: Family<PollLabels, Counter>,
}

impl FollowerMetrics {
    /// Makes them and puts them into the registry of metrics.
    pub fn register(registry: &mut prometheus_client::registry::Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "narthex_plugin_registry_polls",
            "Looks at tags that are followed, by what came of them",
            metrics.polls.clone(),
        );
        metrics
    }
}

/// A task that follows the tags of a configuration.
#[derive(Debug)]
pub struct Follower {
    registry: Registry,
    directory: PluginDirectory,
    policy: TrustPolicy,
    followed: Vec<Followed>,
    interval: std::time::Duration,
    metrics: FollowerMetrics,
    /// What was found last: said on a change.
    last: BTreeMap<String, Polled>,
    /// Packages that were fetched and not installed, with what was at work then: as long as both
    /// are the same, so is the answer, and nothing is fetched.
    settled: BTreeMap<String, (Digest, Option<Digest>, Polled)>,
}

impl Follower {
    /// One for a configuration. None: there is nothing to follow.
    ///
    /// # Errors
    /// A key or the credentials cannot be read.
    pub fn new(
        config: &RegistryConfig,
        directory: impl Into<PathBuf>,
        metrics: &FollowerMetrics,
    ) -> Result<Option<Self>, RegistryError> {
        if config.follow.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            registry: Registry::new(config)?,
            directory: PluginDirectory::new(directory),
            policy: TrustPolicy::load(config)?,
            followed: config.follow.clone(),
            interval: config.interval.as_std(),
            metrics: metrics.clone(),
            last: BTreeMap::new(),
            settled: BTreeMap::new(),
        }))
    }

    /// Looks at all tags at once and then at every interval, until it is dropped.
    #[boxed]
    pub async fn run(mut self) {
        let mut interval = tokio::time::interval(self.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.poll().await;
        }
    }

    /// Looks at all tags once.
    #[boxed]
    pub async fn poll(&mut self) -> Vec<Polled> {
        let mut all = Vec::new();
        for followed in self.followed.clone() {
            let polled = self.look(&followed).await.unwrap_or_else(polled);
            let labels = PollLabels {
                plugin: followed.name.clone(),
                result: polled.result(),
            };
            self.metrics.polls.get_or_create(&labels).inc();
            if self.last.get(&followed.name) != Some(&polled) {
                tell(&followed, &polled);
                self.last.insert(followed.name, polled.clone());
            }
            all.push(polled);
        }
        all
    }

    async fn look(&mut self, followed: &Followed) -> Result<Polled, RegistryError> {
        let name = &followed.name;
        let digest = self.registry.resolve(name, &followed.tag).await?;
        let current = self.directory.current_digest(name);
        if current == Some(digest) {
            return Ok(Polled::Unchanged);
        }
        // First, and each time: a signature is small, and may come after the package.
        let signatures = self.registry.signatures(name, digest).await?;
        if let Err(error) = self.policy.check(digest, &signatures) {
            return Ok(Polled::Refused(error.to_string()));
        }
        match self.settled.get(name) {
            Some((package, at_work, polled)) if (*package, *at_work) == (digest, current) => {
                return Ok(polled.clone());
            }
            _ => {}
        }
        let polled = match self.install(name, digest).await {
            Err(error @ RegistryError::Package(_)) => polled(error),
            done => done?,
        };
        if matches!(polled, Polled::Held(_) | Polled::Refused(_)) {
            let settled = (digest, current, polled.clone());
            self.settled.insert(name.clone(), settled);
        }
        Ok(polled)
    }

    async fn install(&self, name: &str, digest: Digest) -> Result<Polled, RegistryError> {
        let pulled = self.registry.pull(name, &digest.to_string()).await?;
        // What is installed is what was checked, whoever has changed the registry meanwhile.
        if let Err(error) = self.policy.check(digest, &pulled.signatures) {
            return Ok(Polled::Refused(error.to_string()));
        }
        let update = self.directory.update(&pulled)?;
        let from = update.from.clone().unwrap_or_default();
        if update.is_downgrade() {
            let text = format!("it would go back from version {from} to {}", update.to);
            return Ok(Polled::Held(text));
        }
        if update.was_rolled_back {
            let text = format!("version {} was rolled back from", update.to);
            return Ok(Polled::Held(text));
        }
        // What the first version asks for is for the grants of the configuration to say.
        if update.from.is_some() && !update.beyond.is_empty() {
            let more = serde_json::to_string(&update.beyond).unwrap_or_default();
            let text = format!("version {} asks for more than {from}: {more}", update.to);
            return Ok(Polled::Held(text));
        }
        let directory = self.directory.clone();
        // Waits for the disk.
        let written = tokio::task::spawn_blocking(move || directory.install(&pulled)).await;
        match written {
            Ok(written) => written?,
            Err(error) => return Ok(Polled::Failed(error.to_string())),
        };
        Ok(Polled::Installed {
            from: update.from,
            to: update.to,
        })
    }
}

fn polled(error: RegistryError) -> Polled {
    match error {
        RegistryError::Package(PackageError::File(text)) => Polled::Failed(text),
        RegistryError::Package(error) => Polled::Refused(error.to_string()),
        other => Polled::Failed(other.to_string()),
    }
}

fn tell(followed: &Followed, polled: &Polled) {
    let (plugin, tag) = (&followed.name, &followed.tag);
    match polled {
        Polled::Unchanged => tracing::debug!(plugin, tag, "the followed plugin is up to date"),
        Polled::Installed { from, to } => {
            let from = from.as_deref().unwrap_or("");
            tracing::info!(plugin, tag, from, to, "the followed plugin is installed");
        }
        Polled::Held(reason) => tracing::warn!(
            plugin,
            tag,
            reason,
            "the followed plugin is held; `narthex plugin install` installs it"
        ),
        Polled::Refused(reason) => {
            tracing::warn!(plugin, tag, reason, "the followed plugin is refused");
        }
        Polled::Failed(reason) => {
            tracing::warn!(
                plugin,
                tag,
                reason,
                "the followed plugin cannot be looked at"
            );
        }
    }
}
