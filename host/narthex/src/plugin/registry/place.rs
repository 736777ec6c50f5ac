//! Where plugins are and whose signatures count: the config file, and flags over it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use narthex_registry::{PluginDirectory, Registry, RegistryConfig, TrustPolicy};

/// The largest config file that is read.
const CONFIG_BYTES_MAX: u64 = 64 << 20;

/// What most commands need to know.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// A config file: `plugins.directory` and `plugins.registry` of it are used.
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// The plugin directory.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The registry: host, port and path that repositories lie under.
    #[arg(long, value_name = "HOST/PATH")]
    registry: Option<String>,

    /// A file with a public key whose signatures count. Can be repeated.
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// Ask the registry by plain HTTP.
    #[arg(long)]
    insecure: bool,

    /// Take plugins that are not signed.
    #[arg(long)]
    allow_unsigned: bool,
}

/// The same with the config file read.
#[derive(Debug)]
pub(crate) struct Settings {
    directory: Option<PathBuf>,
    /// The registry's section.
    pub(crate) registry: RegistryConfig,
}

impl Place {
    /// Reads the config file, where there is one.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = match &self.config_file {
            Some(path) => from_config(path).with_context(|| path.display().to_string())?,
            None => Settings {
                directory: None,
                registry: RegistryConfig::default(),
            },
        };
        if let Some(dir) = &self.dir {
            settings.directory = Some(dir.clone());
        }
        if let Some(url) = &self.registry {
            settings.registry.url.clone_from(url);
        }
        if !self.keys.is_empty() {
            settings.registry.keys.clone_from(&self.keys);
        }
        settings.registry.insecure |= self.insecure;
        settings.registry.require_signature &= !self.allow_unsigned;
        Ok(settings)
    }
}

impl Settings {
    /// The plugin directory.
    pub(crate) fn directory(&self) -> anyhow::Result<PluginDirectory> {
        match &self.directory {
            Some(path) => Ok(PluginDirectory::new(path)),
            None => bail!("which directory? Say --dir, or --config.file with plugins.directory"),
        }
    }

    /// The registry, at its own URL or another.
    pub(crate) fn registry(&self, url: Option<&str>) -> anyhow::Result<Registry> {
        let mut config = self.registry.clone();
        if let Some(url) = url {
            url.clone_into(&mut config.url);
        }
        if config.url.is_empty() {
            bail!("which registry? Say --registry, or --config.file with plugins.registry.url");
        }
        Ok(Registry::new(&config)?)
    }

    /// Whose signatures count.
    pub(crate) fn policy(&self) -> anyhow::Result<TrustPolicy> {
        let policy = TrustPolicy::load(&self.registry)?;
        if policy.requires_signature() && self.registry.keys.is_empty() {
            bail!(
                "signatures are required and there is no key to check them with: say --key FILE, \
                 or --allow-unsigned"
            );
        }
        Ok(policy)
    }
}

/// The two fields of the config file; all others are the server's to check.
fn from_config(path: &Path) -> anyhow::Result<Settings> {
    if std::fs::metadata(path)?.len() > CONFIG_BYTES_MAX {
        bail!("larger than {CONFIG_BYTES_MAX} bytes");
    }
    let text = std::fs::read_to_string(path)?;
    let config: serde_yaml::Value = serde_yaml::from_str(&text)?;
    let plugins = config.get("plugins").cloned().unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let directory = plugins.get("directory").and_then(serde_yaml::Value::as_str);
    let mut registry = match plugins.get("registry") {
        Some(registry) => serde_yaml::from_value(registry.clone()).context("plugins.registry")?,
        None => RegistryConfig::default(),
    };
    registry.resolve(folder);
    Ok(Settings {
        directory: directory.map(|directory| folder.join(directory)),
        registry,
    })
}
