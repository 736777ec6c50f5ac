//! `narthex plugin inspect` and `verify`

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use narthex_registry::{ComponentNames, Installed, MANIFEST_FILE, Trust};
use serde_json::json;

use super::install::{needs_grant, signed_by, snippet};
use super::place::{Place, Settings};
use super::source::{Published, Source};
use crate::plugin::output::Output;

/// Show what a plugin is, asks for and brings along. A name alone is the installed plugin, where
/// there is one.
#[derive(Debug, Clone, Args)]
pub(crate) struct Inspect {
    /// NAME[:TAG], HOST/PATH/NAME[:TAG], oci:DIR[:TAG] or embedded:NAME.
    #[arg(value_name = "PLUGIN")]
    source: Source,

    #[command(flatten)]
    place: Place,

    /// Write its files (manifest, scrape config, rules, dashboards) into this folder. None that is
    /// there already is written over.
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,

    /// How to print it.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

/// Check the digests of all parts of a plugin, and its signatures. A name alone is the installed
/// plugin, where there is one.
#[derive(Debug, Clone, Args)]
pub(crate) struct Verify {
    /// NAME[:TAG], HOST/PATH/NAME[:TAG], oci:DIR[:TAG] or embedded:NAME.
    #[arg(value_name = "PLUGIN")]
    source: Source,

    #[command(flatten)]
    place: Place,

    /// How to print it.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

/// An installed plugin by its name alone, else what the source says.
async fn fetch(source: &Source, settings: &Settings) -> anyhow::Result<Installed> {
    if let Source::Registry(Published {
        url: None,
        name,
        tag: None,
    }) = source
        && let Ok(directory) = settings.directory()
        && let Ok(layout) = directory.open(name)
    {
        return Ok(layout.current()?);
    }
    source.fetch(settings).await
}

impl Inspect {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = self.place.settings()?;
        let fetched = fetch(&self.source, &settings).await?;
        let (package, manifest) = (&fetched.package, &fetched.package.manifest);
        let names = ComponentNames::of(&package.component)?;
        let signed = match self.source.check(&fetched, || settings.policy()) {
            Ok(Trust::Signed { key }) => format!("by {key}"),
            Ok(Trust::Unsigned) => "no".to_owned(),
            Err(error) => format!("not so that it counts: {error:#}"),
        };
        let files: Vec<&str> = package
            .files()
            .map(|(_, file)| file.title.as_str())
            .collect();
        if let Some(folder) = &self.extract {
            extract(&fetched, folder)?;
        }
        let value = json!({
            "name": manifest.name, "version": manifest.version, "world": manifest.world,
            "wit": manifest.wit, "description": manifest.description,
            "digest": fetched.digest, "signed": signed, "request": manifest.request,
            "component_bytes": package.component.len(), "imports": names.imports,
            "exports": names.exports, "files": files,
        });
        let field = |name: &str, text: String| format!("{name:12} {text}");
        let mut lines = vec![
            field("name", manifest.name.clone()),
            field("version", manifest.version.clone()),
            field("world", format!("{} {}", manifest.world, manifest.wit)),
            field("description", manifest.description.clone()),
            field("digest", fetched.digest.to_string()),
            field("signed", signed),
            field("component", format!("{} bytes", package.component.len())),
            field("imports", names.imports.join(" ")),
            field("files", files.join(" ")),
            field("requests", serde_json::to_string(&manifest.request)?),
        ];
        let needed = needs_grant(&manifest.request);
        if !needed.is_empty() {
            lines.push(format!(
                "needs a grant:\n{}",
                snippet(&manifest.name, &needed)
            ));
        }
        self.output.print(&value, lines);
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a package's files. Their paths were checked when the manifest was read; here no link on
/// the way is followed and nothing is written over.
fn extract(fetched: &Installed, folder: &Path) -> anyhow::Result<()> {
    let package = &fetched.package;
    let files = package
        .files()
        .map(|(_, file)| (file.title.as_str(), file.text.as_str()));
    let manifest = (MANIFEST_FILE, package.manifest_text.as_str());
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (title, text) in files.chain([manifest]) {
        let path = folder.join(title);
        let shown = || path.display().to_string();
        let mut inner = folder.to_path_buf();
        for part in Path::new(title)
            .parent()
            .into_iter()
            .flat_map(Path::components)
        {
            inner.push(part);
            match fs::symlink_metadata(&inner) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => anyhow::bail!("{}: not a folder", inner.display()),
                Err(_) => fs::create_dir(&inner).with_context(shown)?,
            }
        }
        let mut file = fs::File::create_new(&path).with_context(shown)?;
        file.write_all(text.as_bytes()).with_context(shown)?;
    }
    Ok(())
}

impl Verify {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = self.place.settings()?;
        let fetched = fetch(&self.source, &settings).await?;
        let trust = self.source.check(&fetched, || settings.policy())?;
        let manifest = &fetched.package.manifest;
        let value = json!({
            "name": manifest.name, "version": manifest.version, "digest": fetched.digest,
            "signed_by": signed_by(&trust),
        });
        let what = format!("{} {} {}", manifest.name, manifest.version, fetched.digest);
        let line = match (&trust, &self.source) {
            (Trust::Signed { key }, _) => format!("{what}: signed by {key}"),
            (Trust::Unsigned, Source::Embedded(_)) => format!("{what}: part of the binary"),
            (Trust::Unsigned, _) => format!("{what}: whole, not signed"),
        };
        self.output.print(&value, [line]);
        Ok(ExitCode::SUCCESS)
    }
}
