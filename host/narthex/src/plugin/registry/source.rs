//! Where a plugin is taken from, as a command's argument says it.
//!
//! ```text
//! NAME[:TAG]  NAME@sha256:..        the registry of the config
//! HOST[:PORT]/PATH/NAME[:TAG]       another registry
//! oci:DIR[:TAG]                     an OCI layout in a folder
//! embedded:NAME                     the binary's own
//! ```

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use narthex_registry::{
    Contents, Digest, EmbeddedBlobs, Installed, Layout, Registry, Trust, TrustPolicy, is_name,
    is_tag, newest_version,
};

use super::place::Settings;

/// A plugin somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// In a registry.
    Registry(Published),
    /// In a layout; without a tag its only, or newest, package.
    Layout {
        /// The folder.
        path: PathBuf,
        /// The tag, name, version or digest.
        tag: Option<String>,
    },
    /// In the binary.
    Embedded(String),
}

/// A plugin in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// The registry, where it is not the config's.
    pub(crate) url: Option<String>,
    /// The plugin.
    pub(crate) name: String,
    /// A tag or digest; without it the newest version.
    pub(crate) tag: Option<String>,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("embedded:") {
            return Ok(Self::Embedded(name.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            let (path, tag) = rest.split_once(':').unwrap_or((rest, ""));
            return Ok(Self::Layout {
                path: PathBuf::from(path),
                tag: (!tag.is_empty()).then(|| tag.to_owned()),
            });
        }
        text.parse().map(Self::Registry)
    }
}

impl FromStr for Published {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (url, last) = match text.rsplit_once('/') {
            Some((url, last)) => (Some(url.to_owned()), last),
            None => (None, text),
        };
        let (name, tag) = match last.split_once('@').or_else(|| last.split_once(':')) {
            Some((name, tag)) => (name, Some(tag.to_owned())),
            None => (last, None),
        };
        let is_right = |tag: &String| is_tag(tag) || tag.parse::<Digest>().is_ok();
        if url.as_ref().is_some_and(|url| !is_registry(url))
            || !is_name(name)
            || !tag.as_ref().is_none_or(is_right)
        {
            return Err(format!(
                "{text:?} is not a plugin such as redis, redis:1.2.0, \
                 registry.example/narthex/redis, oci:DIR[:TAG] or embedded:redis"
            ));
        }
        Ok(Self {
            url,
            name: name.to_owned(),
            tag,
        })
    }
}

/// Whether a text begins with a host, with or without a port.
fn is_registry(url: &str) -> bool {
    let host = url.split('/').next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    !name.is_empty() && port.parse::<u16>().is_ok()
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tagged = |tag: &Option<String>| tag.as_ref().map_or(String::new(), |t| format!(":{t}"));
        match self {
            Self::Embedded(name) => write!(f, "embedded:{name}"),
            Self::Layout { path, tag } => write!(f, "oci:{}{}", path.display(), tagged(tag)),
            Self::Registry(Published { url, name, tag }) => {
                let url = url.as_ref().map_or(String::new(), |url| format!("{url}/"));
                write!(f, "{url}{name}{}", tagged(tag))
            }
        }
    }
}

impl Source {
    /// Reads the package, every digest checked, with its signatures, which are not.
    pub(crate) async fn fetch(&self, settings: &Settings) -> anyhow::Result<Installed> {
        match self {
            Self::Registry(published) => published.fetch(settings).await,
            Self::Layout { path, tag } => {
                let layout = Layout::open(path)?;
                let contents = layout.contents()?;
                let digest = match tag {
                    Some(tag) => contents.find(tag)?.digest,
                    None => contents.current_digest()?,
                };
                Ok(contents.load(&digest)?)
            }
            Self::Embedded(name) => {
                let contents = embedded()?;
                let entry = contents.find(name).context("the binary's own plugins")?;
                Ok(contents.load(&entry.digest)?)
            }
        }
    }

    /// Whether the package may be used. The binary's own needs no signature: who has changed it
    /// has changed the check as well.
    pub(crate) fn check(
        &self,
        fetched: &Installed,
        policy: impl FnOnce() -> anyhow::Result<TrustPolicy>,
    ) -> anyhow::Result<Trust> {
        if matches!(self, Self::Embedded(_)) {
            return Ok(Trust::Unsigned);
        }
        Ok(policy()?.check(fetched.digest, &fetched.signatures)?)
    }
}

impl Published {
    async fn fetch(&self, settings: &Settings) -> anyhow::Result<Installed> {
        let registry = settings.registry(self.url.as_deref())?;
        self.fetch_from(&registry).await
    }

    /// Pulls the package from a registry, whatever `url` says.
    pub(crate) async fn fetch_from(&self, registry: &Registry) -> anyhow::Result<Installed> {
        let tag = match &self.tag {
            Some(tag) => tag.clone(),
            None => {
                let tags = registry.tags(&self.name).await?;
                let Some(newest) = newest_version(tags.iter().map(String::as_str)) else {
                    bail!(
                        "{} has no version among its tags ({}): name one",
                        registry.repository(&self.name),
                        tags.join(", ")
                    );
                };
                newest.to_owned()
            }
        };
        Ok(registry.pull(&self.name, &tag).await?)
    }
}

/// The binary's own plugins.
pub(crate) fn embedded() -> anyhow::Result<Contents<EmbeddedBlobs>> {
    let (index, blobs) = narthex_plugins::catalogue();
    Ok(Contents::read(index, EmbeddedBlobs(blobs))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_read_and_print() {
        let digest = format!("redis@sha256:{}", "a".repeat(64));
        for text in [
            "redis",
            "redis:1.2.0",
            "localhost:5000/narthex/redis:1",
            "registry.example/redis",
            "oci:/a/b",
            "oci:b:1.0",
            "embedded:node",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert!(matches!(digest.parse(), Ok(Source::Registry(_))));
        for text in [
            "",
            "Redis",
            "redis:",
            "redis:a/b",
            "redis@sha256:1",
            "https://x/y/",
        ] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_binarys_own_are_whole() {
        let contents = embedded().unwrap();
        for entry in contents.packages().unwrap() {
            let loaded = contents.load(&entry.digest).unwrap();
            assert_eq!(loaded.package.manifest.name, entry.name);
        }
    }
}
