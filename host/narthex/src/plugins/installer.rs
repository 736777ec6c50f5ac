//! Installs packages of the config's registry into the plugin folder, and removes them, for whoever
//! asks over HTTP.
//!
//! It is not: `narthex plugin install`, which takes them from anywhere; nor what puts them to work,
//! which is the runtime that watches the folder.

use std::sync::Arc;
use std::time::Duration;

use narthex_api::{PluginAdminError, PluginInstall};
use narthex_plugin::{Grant, PluginRuntime};
use narthex_registry::{
    Digest, GrantList, Installed, PackageError, PluginDirectory, Registry, RegistryConfig,
    RegistryError, TrustPolicy, Update,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::install_metrics::InstallMetrics;
use crate::plugin::registry::{Published, Source, needs_grant, signed_by, snippet};

/// A package that is not there after this time is given up. The largest has 128 MiB, which is then
/// a little over one a second.
const FETCH_TIMEOUT: Duration = Duration::from_secs(120);

/// Installs and removes, one at a time.
pub(super) struct Installer {
    runtime: Arc<PluginRuntime>,
    /// Held by the one that is under way: a package is held in memory as a whole.
    busy: Arc<Mutex<()>>,
    metrics: InstallMetrics,
}

/// A package, and what installing it would change.
struct Offer {
    fetched: Installed,
    update: Update,
    /// What the config grants the plugin.
    grant: Option<Grant>,
    /// Who has signed it, or why it may not be installed.
    signed_by: Result<Value, String>,
    /// What is at work in the folder now.
    current: Option<Digest>,
}

impl Installer {
    /// One for the folder and registry of a runtime.
    pub(super) fn new(runtime: Arc<PluginRuntime>, metrics: InstallMetrics) -> Self {
        Self {
            runtime,
            busy: Arc::default(),
            metrics,
        }
    }

    /// What the registry's index lists; nothing where it has none.
    pub(super) async fn available(&self) -> Result<Vec<Value>, PluginAdminError> {
        let config = self.registry()?;
        let asking = async {
            let registry = Registry::new(&config)?;
            registry.index().await
        };
        let found = match tokio::time::timeout(FETCH_TIMEOUT, asking).await {
            Ok(found) => found.map_err(|error| fetch_fault(error.into()))?,
            Err(_) => return Err(too_late("the registry's index")),
        };
        let Some((index, digest, signatures)) = found else {
            return Ok(Vec::new());
        };
        let policy = TrustPolicy::load(&config).map_err(refused)?;
        if let Err(error) = policy.check(digest, &signatures) {
            let text = format!("the registry's index: {error}");
            return Err(PluginAdminError::Refused(text));
        }
        let entries = index.search("").map(|entry| {
            let versions = entry.versions.iter().map(|version| &version.version);
            json!({
                "name": entry.name,
                "description": entry.description,
                "world": entry.world,
                "versions": versions.collect::<Vec<_>>(),
            })
        });
        Ok(entries.collect())
    }

    /// Shows what would be changed; with the approval of that, changes it.
    pub(super) async fn install(&self, asked: &PluginInstall) -> Result<Value, PluginAdminError> {
        let shown = self.show_or_install(asked).await;
        if asked.approve.is_some() {
            self.metrics.count("install", &shown);
        }
        shown
    }

    async fn show_or_install(&self, asked: &PluginInstall) -> Result<Value, PluginAdminError> {
        let published = published(&asked.reference)?;
        let (directory, registry) = (self.directory()?, self.registry()?);
        let alone = self.alone()?;
        let offer = self.offer(&published, &directory, &registry).await?;
        let shown = offer.shown();
        let Some(approve) = &asked.approve else {
            return Ok(shown);
        };
        let name = &offer.fetched.package.manifest.name;
        if let Err(reason) = &offer.signed_by {
            return Err(PluginAdminError::Refused(reason.clone()));
        }
        if shown["approve"].as_str() != Some(approve) {
            let text = "what would be installed now is not what was approved: look at it again";
            return Err(PluginAdminError::Refused(format!("{name}: {text}")));
        }
        let (from, to) = (offer.update.from.clone(), offer.update.to.clone());
        let name = name.clone();
        let fetched = offer.fetched;
        // Who asked may leave meanwhile: nobody else has a turn before the files are written.
        on_disk(move || {
            let _alone = alone;
            directory.install(&fetched)
        })
        .await?;
        let from = from.unwrap_or_default();
        tracing::info!(plugin = name, from, to, "a plugin was installed over HTTP");
        self.runtime.rescan().await;
        Ok(installed(shown))
    }

    /// Takes a package out of the folder.
    pub(super) async fn remove(&self, name: &str) -> Result<(), PluginAdminError> {
        let removed = self.take_out(name).await;
        self.metrics.count("remove", &removed);
        removed
    }

    async fn take_out(&self, name: &str) -> Result<(), PluginAdminError> {
        let directory = self.directory()?;
        let alone = self.alone()?;
        let removed = name.to_owned();
        on_disk(move || {
            let _alone = alone;
            directory.remove(&removed)
        })
        .await?;
        tracing::info!(plugin = name, "a plugin was removed over HTTP");
        self.runtime.rescan().await;
        Ok(())
    }

    /// The turn of one who installs or removes.
    fn alone(&self) -> Result<OwnedMutexGuard<()>, PluginAdminError> {
        let turn = Arc::clone(&self.busy).try_lock_owned();
        turn.map_err(|_| {
            let text = "another plugin is being installed or removed";
            PluginAdminError::Unavailable(text.to_owned())
        })
    }

    fn directory(&self) -> Result<PluginDirectory, PluginAdminError> {
        let missing = || {
            let text = "the config has no plugins.directory to install plugins into";
            PluginAdminError::Refused(text.to_owned())
        };
        let path = self.runtime.directory().ok_or_else(missing)?;
        Ok(PluginDirectory::new(path))
    }

    /// The registry of the config, which may change with every reload.
    fn registry(&self) -> Result<RegistryConfig, PluginAdminError> {
        let registry = self.runtime.config().registry.clone();
        let registry = registry.filter(|registry| !registry.url.is_empty());
        let missing = || {
            let text = "the config has no plugins.registry.url to install plugins from";
            PluginAdminError::Refused(text.to_owned())
        };
        registry.ok_or_else(missing)
    }

    async fn offer(
        &self,
        published: &Published,
        directory: &PluginDirectory,
        config: &RegistryConfig,
    ) -> Result<Offer, PluginAdminError> {
        let fetching = async {
            let registry = Registry::new(config)?;
            published.fetch_from(&registry).await
        };
        let fetched = match tokio::time::timeout(FETCH_TIMEOUT, fetching).await {
            Ok(fetched) => fetched.map_err(fetch_fault)?,
            Err(_) => return Err(too_late("the package")),
        };
        let policy = TrustPolicy::load(config).map_err(refused)?;
        let trust = policy.check(fetched.digest, &fetched.signatures);
        let signed_by = trust
            .map(|trust| signed_by(&trust))
            .map_err(|error| error.to_string());
        let directory = directory.clone();
        let (fetched, update, current) = on_disk(move || {
            let update = directory.update(&fetched)?;
            let current = directory.current_digest(&fetched.package.manifest.name);
            Ok((fetched, update, current))
        })
        .await?;
        let plugins = self.runtime.config();
        let grant = plugins.grants.get(&fetched.package.manifest.name);
        Ok(Offer {
            grant: grant.cloned(),
            fetched,
            update,
            signed_by,
            current,
        })
    }
}

impl Offer {
    /// All that somebody needs to know to approve, and the approval of just that.
    fn shown(&self) -> Value {
        let manifest = &self.fetched.package.manifest;
        let needed = needs_grant(&manifest.request);
        let ungranted = match &self.grant {
            // What the version at work did not ask for was not approved with it: it is held.
            Some(Grant::AsRequested) if self.update.from.is_some() => {
                needs_grant(&self.update.beyond)
            }
            Some(Grant::AsRequested) => GrantList::default(),
            Some(Grant::Exactly(list)) => needed.beyond(list),
            None => needed.clone(),
        };
        let paste = match ungranted.is_empty() {
            true => String::new(),
            false => snippet(&manifest.name, &needed),
        };
        let mut shown = json!({
            "name": manifest.name,
            "version": manifest.version,
            "world": manifest.world,
            "description": manifest.description,
            "digest": self.fetched.digest,
            "componentBytes": self.fetched.package.component.len(),
            "files": self.fetched.package.files().map(|(_, file)| &file.title).collect::<Vec<_>>(),
            "signedBy": self.signed_by.as_ref().ok(),
            "refused": self.signed_by.as_ref().err(),
            "from": self.update.from,
            "fromDigest": self.current,
            "isInstalled": self.update.is_installed,
            "isDowngrade": self.update.is_downgrade(),
            "wasRolledBack": self.update.was_rolled_back,
            "requests": manifest.request,
            "beyond": self.update.beyond,
            "grant": self.grant,
            "ungranted": ungranted,
            "paste": paste,
        });
        let may_be = self.signed_by.is_ok() && !self.update.is_installed;
        // Of all that is shown: whatever of it changes has to be approved anew.
        let approve = may_be.then(|| Digest::of(shown.to_string().as_bytes()));
        shown["approve"] = json!(approve);
        shown["changed"] = json!(false);
        shown
    }
}

/// What was shown, once it is installed.
fn installed(mut shown: Value) -> Value {
    shown["approve"] = Value::Null;
    shown["isInstalled"] = json!(true);
    shown["changed"] = json!(true);
    shown
}

/// The package that a reference names. Over HTTP it is one of the config's registry: no folder of
/// the machine and no other host is looked into for whoever asks.
fn published(reference: &str) -> Result<Published, PluginAdminError> {
    let fault = || {
        PluginAdminError::Invalid(format!(
            "{reference:?} is not a plugin of the config's registry such as redis, redis:1.2.0 or \
             redis@sha256:..; `narthex plugin install` takes plugins from elsewhere, too"
        ))
    };
    match reference.parse() {
        Ok(Source::Registry(published)) if published.url.is_none() => Ok(published),
        _ => Err(fault()),
    }
}

/// Does what waits for a disk.
async fn on_disk<T: Send + 'static>(
    action: impl FnOnce() -> Result<T, PackageError> + Send + 'static,
) -> Result<T, PluginAdminError> {
    match tokio::task::spawn_blocking(action).await {
        Ok(done) => done.map_err(refused),
        Err(error) => Err(PluginAdminError::Refused(error.to_string())),
    }
}

fn refused(error: PackageError) -> PluginAdminError {
    match error {
        PackageError::NotFound(text) => PluginAdminError::Missing(text),
        error => PluginAdminError::Refused(error.to_string()),
    }
}

fn too_late(what: &str) -> PluginAdminError {
    PluginAdminError::Unavailable(format!("{what} did not come within {FETCH_TIMEOUT:?}"))
}

fn fetch_fault(error: anyhow::Error) -> PluginAdminError {
    match error.downcast::<RegistryError>() {
        Ok(RegistryError::Unavailable(text)) => PluginAdminError::Unavailable(text),
        Ok(RegistryError::NotFound(text)) => PluginAdminError::Missing(text),
        Ok(error) => PluginAdminError::Refused(error.to_string()),
        Err(error) => PluginAdminError::Refused(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_registry_of_the_config_is_asked() {
        for reference in ["redis", "redis:1.2.0", "my-plugin:latest"] {
            assert!(published(reference).is_ok(), "{reference}");
        }
        let by_digest = format!("redis@sha256:{}", "a".repeat(64));
        assert!(published(&by_digest).is_ok());
        for reference in [
            "registry.example/narthex/redis",
            "169.254.169.254:80/a",
            "oci:/etc",
            "embedded:redis",
            "../redis",
            "Redis",
        ] {
            let error = published(reference).err();
            assert!(
                matches!(error, Some(PluginAdminError::Invalid(_))),
                "{reference}"
            );
        }
    }

    #[test]
    fn what_went_wrong_with_a_registry_says_whether_to_try_again() {
        let fault = |error: RegistryError| fetch_fault(error.into());
        let text = || "a".to_owned();
        assert_eq!(
            fault(RegistryError::Unavailable(text())),
            PluginAdminError::Unavailable(text())
        );
        assert_eq!(
            fault(RegistryError::NotFound(text())),
            PluginAdminError::Missing(text())
        );
        assert_eq!(
            fault(RegistryError::Refused(text())),
            PluginAdminError::Refused(text())
        );
        assert_eq!(
            fetch_fault(anyhow::anyhow!("no version")),
            PluginAdminError::Refused("no version".to_owned())
        );
    }
}
