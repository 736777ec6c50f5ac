//! `narthex plugin push` and `sign`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use narthex_registry::{
    Digest, Index, Installed, Layout, Package, PrivateKey, Registry, RegistryError, is_tag,
    read_component,
};

use super::login::read_key;
use super::place::{Place, Settings};
use super::source::{Published, Source};

/// Publish a plugin: a folder with plugin.toml and the files that it names, or what an OCI layout
/// or the binary has. Its version is its tag, and is published once.
#[derive(Debug, Clone, Args)]
pub(crate) struct Push {
    /// The plugin's folder, oci:DIR[:TAG] or embedded:NAME.
    #[arg(value_name = "PLUGIN", default_value = ".")]
    from: String,

    /// The component of a folder; without it build/NAME.wasm in the folder.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,

    #[command(flatten)]
    place: Place,

    /// A private key to sign with.
    #[arg(long = "sign", value_name = "FILE")]
    sign: Option<PathBuf>,

    /// One more tag, such as `1`, that is moved to this version. Can be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Add it to the registry's index, which is signed with the same key.
    #[arg(long)]
    index: bool,

    /// Publish even if the registry has another package of this version.
    #[arg(long)]
    force: bool,
}

/// Sign a published plugin, or one in an OCI layout. Signatures that it has are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sign {
    /// NAME[:TAG], HOST/PATH/NAME[:TAG] or oci:DIR[:TAG].
    #[arg(value_name = "PLUGIN")]
    source: Source,

    /// The private key.
    #[arg(long = "sign", value_name = "FILE")]
    sign: PathBuf,

    #[command(flatten)]
    place: Place,
}

impl Push {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = self.place.settings()?;
        let registry = settings.registry(None)?;
        let key = self.sign.as_deref().map(read_key).transpose()?;
        let package = self.package(&settings).await?;
        let manifest = &package.package.manifest;
        let (name, version) = (&manifest.name, &manifest.version);
        for tag in self.tags.iter().chain([version]) {
            if !is_tag(tag) {
                bail!("{tag:?} cannot be a tag: letters, digits, '.', '-' and '_', 128 at most");
            }
        }
        if !self.force {
            check_unpublished(&registry, name, version, package.digest).await?;
        }
        // The signature first: nobody sees the package without it.
        let reference = registry.repository(name);
        if let Some(key) = &key {
            let signature = key.sign(package.digest, &reference)?;
            registry
                .add_signature(name, package.digest, signature)
                .await?;
        }
        let mut tags = vec![version.clone()];
        tags.extend(self.tags.iter().cloned());
        registry.push(name, &package.image, &tags).await?;
        println!("{reference}:{version} {}", package.digest);
        if self.index {
            push_index(&registry, &settings, &package, key.as_ref()).await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn package(&self, settings: &Settings) -> anyhow::Result<Installed> {
        if let Ok(source @ (Source::Layout { .. } | Source::Embedded(_))) = self.from.parse() {
            return source.fetch(settings).await;
        }
        let folder = Path::new(&self.from);
        let component = match &self.component {
            Some(path) => path.clone(),
            None => {
                let bare = Package::from_folder(folder, Vec::new())?;
                folder
                    .join("build")
                    .join(format!("{}.wasm", bare.manifest.name))
            }
        };
        let package = Package::from_folder(folder, read_component(&component)?)?;
        Ok(Installed::new(package.image()?, Vec::new())?)
    }
}

/// A version that people may have installed is not replaced by another of the same name.
async fn check_unpublished(
    registry: &Registry,
    name: &str,
    version: &str,
    digest: Digest,
) -> anyhow::Result<()> {
    match registry.resolve(name, version).await {
        Ok(published) if published != digest => bail!(
            "{}:{version} is published already, with other content ({published}): give the \
             plugin a new version, or say --force",
            registry.repository(name)
        ),
        Ok(_) | Err(RegistryError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn push_index(
    registry: &Registry,
    settings: &Settings,
    package: &Installed,
    key: Option<&PrivateKey>,
) -> anyhow::Result<()> {
    let mut index = match registry.index().await? {
        Some((index, digest, signatures)) => {
            // What is signed again has to have been right before.
            if let Some(key) = key {
                let own = key.public_key();
                let is_own = signatures
                    .iter()
                    .any(|signature| own.verifies(signature, digest));
                let policy = settings.policy();
                let checked = || anyhow::Ok(policy?.check(digest, &signatures)?);
                if !is_own {
                    checked().context("the registry's index is by someone else")?;
                }
            }
            index
        }
        None => Index::default(),
    };
    index.add(&package.package.manifest, package.digest);
    let sign =
        |digest: Digest, reference: &str| key.map(|key| key.sign(digest, reference)).transpose();
    registry.push_index(&index, sign).await?;
    println!("the index lists {} plugins", index.plugins.len());
    Ok(())
}

impl Sign {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = self.place.settings()?;
        let key = read_key(&self.sign)?;
        match &self.source {
            Source::Registry(Published { url, name, .. }) => {
                let registry = settings.registry(url.as_deref())?;
                let digest = self.source.fetch(&settings).await?.digest;
                let signature = key.sign(digest, &registry.repository(name))?;
                registry.add_signature(name, digest, signature).await?;
                println!("{name} {digest} is signed");
            }
            Source::Layout { path, .. } => {
                let fetched = self.source.fetch(&settings).await?;
                let name = &fetched.package.manifest.name;
                let mut signatures = fetched.signatures;
                signatures.push(key.sign(fetched.digest, name)?);
                Layout::open(path)?.sign(fetched.digest, &signatures)?;
                println!("{name} {} is signed", fetched.digest);
            }
            Source::Embedded(_) => bail!("the binary's own plugins need no signature"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
