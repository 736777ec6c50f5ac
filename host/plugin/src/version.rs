//! One version of a plugin, compiled and checked, under one configuration.

use std::sync::Arc;
use std::time::Duration;

use narthex_registry::{GrantList, Manifest, MemorySize};

use crate::artifact::Artifact;
use crate::capability::Capabilities;
use crate::config::{Grant, PluginsConfig};
use crate::error::PluginError;
use crate::limits::{CALL_TIMEOUT_DEFAULT, INSTANCES_PER_JOB_MAX};
use crate::world::{Program, World};

/// A version that instances can be made of.
pub(crate) struct Version {
    pub(crate) program: Program,
    pub(crate) world: World,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) bounds: Bounds,
    /// What the operator granted in the configuration.
    pub(crate) grant: Option<Grant>,
    /// The component's SHA-256.
    pub(crate) digest: String,
    /// Who signed the package; none, where nobody did.
    pub(crate) signed_by: Option<String>,
    pub(crate) source: Source,
}

/// What manifest and configuration agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Of one instance.
    pub(crate) memory: MemorySize,
    /// The longest that one call may take.
    pub(crate) timeout: Option<Duration>,
    /// Calls of one job at once.
    pub(crate) concurrency: usize,
}

impl Bounds {
    /// The manifest's, capped by the configuration's for all plugins; what the configuration has
    /// for this one is the operator's word and goes before both.
    fn new(manifest: &Manifest, config: &PluginsConfig) -> Self {
        let asked = &manifest.limits;
        let most = config.limits.memory;
        let own = config.limits.per_plugin.get(&manifest.name);
        let memory = asked.memory.map_or(most, |asked| asked.min(most));
        let timeout = own.and_then(|own| own.timeout).or(asked.timeout);
        let concurrency = own.and_then(|own| own.concurrency).or(asked.concurrency);
        let concurrency = concurrency.and_then(|count| usize::try_from(count).ok());
        Self {
            memory: own.and_then(|own| own.memory).unwrap_or(memory),
            timeout: timeout.map(|timeout| timeout.as_std()),
            concurrency: concurrency
                .unwrap_or(INSTANCES_PER_JOB_MAX)
                .clamp(1, INSTANCES_PER_JOB_MAX),
        }
    }

    /// The time of a call that no scrape bounds.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.timeout.unwrap_or(CALL_TIMEOUT_DEFAULT)
    }
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
        program: Program,
        world: World,
        manifest: Arc<Manifest>,
        config: &PluginsConfig,
    ) -> Result<Self, PluginError> {
        let grant = config.grants.get(&manifest.name);
        let capabilities = capabilities(&manifest, grant, artifact.source)?;
        Ok(Self {
            program,
            world,
            capabilities,
            bounds: Bounds::new(&manifest, config),
            grant: grant.cloned(),
            manifest,
            digest: artifact.digest.clone(),
            signed_by: artifact.signed_by.clone(),
            source: artifact.source,
        })
    }

    /// The same component under another configuration.
    pub(crate) fn reconfigured(&self, config: &PluginsConfig) -> Result<Self, PluginError> {
        let grant = config.grants.get(&self.manifest.name);
        Ok(Self {
            program: self.program.clone(),
            world: self.world,
            manifest: self.manifest.clone(),
            capabilities: capabilities(&self.manifest, grant, self.source)?,
            bounds: Bounds::new(&self.manifest, config),
            grant: grant.cloned(),
            digest: self.digest.clone(),
            signed_by: self.signed_by.clone(),
            source: self.source,
        })
    }

    /// What this version asks for that the operator has not approved: neither by an exact grant
    /// nor, as requested, by letting `old` work. What targets and configurations name is always
    /// granted, and what nobody granted would be denied anyway: neither counts.
    pub(crate) fn beyond(&self, old: &Self) -> GrantList {
        let mut more = self.manifest.request.beyond(&old.manifest.request);
        match &self.grant {
            Some(Grant::Exactly(list)) => more = more.beyond(list),
            Some(Grant::AsRequested) => {}
            None if self.source == Source::Embedded => {}
            None => return GrantList::default(),
        }
        let lists = [
            &mut more.tcp,
            &mut more.http,
            &mut more.udp,
            &mut more.icmp,
            &mut more.names,
            &mut more.secrets,
            &mut more.tls,
        ];
        for list in lists {
            list.retain(|entry| !entry.contains("${"));
        }
        more
    }
}

fn capabilities(
    manifest: &Manifest,
    grant: Option<&Grant>,
    source: Source,
) -> Result<Arc<Capabilities>, PluginError> {
    let is_own = source == Source::Embedded;
    let capabilities = Capabilities::new(&manifest.name, &manifest.request, grant, is_own);
    capabilities.map(Arc::new).map_err(PluginError::Grant)
}
