//! One version of a plugin, compiled and checked, under one configuration.

use std::sync::Arc;

use crate::artifact::Artifact;
use crate::bindings::exporter::ExporterPre;
use crate::capability::Capabilities;
use crate::config::PluginsConfig;
use crate::error::PluginError;
use crate::host::Host;
use narthex_registry::Manifest;
use narthex_registry::MemorySize;

/// A version that instances can be made of.
pub(crate) struct Version {
    pub(crate) component: ExporterPre<Host>,
    pub(crate) manifest: Manifest,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) memory: MemorySize,
    /// The component's SHA-256.
    pub(crate) digest: String,
    pub(crate) source: Source,
}

/// Where a version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The binary carries it.
    Embedded,
    /// It lies in the plugin folder.
    Directory,
}

impl Source {
    /// The word in metrics and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Directory => "directory",
        }
    }
}

impl Version {
    /// Puts a compiled component under a configuration.
    pub(crate) fn new(
        artifact: &Artifact,
        component: ExporterPre<Host>,
        manifest: Manifest,
        config: &PluginsConfig,
    ) -> Result<Self, PluginError> {
        let capabilities = Capabilities::new(
            &manifest.name,
            &manifest.request,
            config.grants.get(&manifest.name),
            artifact.source == Source::Embedded,
        );
        let most = config.limits.memory;
        Ok(Self {
            capabilities: Arc::new(capabilities.map_err(PluginError::Grant)?),
            memory: manifest.limits.memory.map_or(most, |asked| asked.min(most)),
            component,
            manifest,
            digest: artifact.digest.clone(),
            source: artifact.source,
        })
    }

    /// The same component under another configuration.
    pub(crate) fn reconfigured(&self, config: &PluginsConfig) -> Result<Self, PluginError> {
        let capabilities = Capabilities::new(
            &self.manifest.name,
            &self.manifest.request,
            config.grants.get(&self.manifest.name),
            self.source == Source::Embedded,
        );
        let most = config.limits.memory;
        Ok(Self {
            component: self.component.clone(),
            manifest: self.manifest.clone(),
            capabilities: Arc::new(capabilities.map_err(PluginError::Grant)?),
            memory: self
                .manifest
                .limits
                .memory
                .map_or(most, |asked| asked.min(most)),
            digest: self.digest.clone(),
            source: self.source,
        })
    }
}
