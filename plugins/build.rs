//! Builds every plugin of this folder as a component, packs each with its files, puts the packages
//! into an OCI layout, and writes down where the layout's blobs are.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use narthex_registry::oci::{COMPONENT_TYPE, DASHBOARD_TYPE, RULES_TYPE, SCRAPE_TYPE};
use narthex_registry::{Contents, Image, Layout, Package};

/// The kinds of plugins, each a folder of crates.
const KINDS: [&str; 3] = ["discovery", "exporters", "receivers"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let workspace = here.parent().ok_or("plugins/ lies in the workspace")?;

    let mut folders = Vec::new();
    for kind in KINDS {
        for entry in fs::read_dir(here.join(kind))? {
            folders.push(entry?.path());
        }
    }
    folders.retain(|folder| folder.join("plugin.toml").is_file());
    folders.sort();

    let names: Vec<String> = folders.iter().map(|path| package_name(path)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let components = narthex_plugin_builder::build(workspace, &out, &names)?;

    // Anew each time: it holds what is embedded and nothing older.
    let catalogue = out.join("catalogue");
    if catalogue.exists() {
        fs::remove_dir_all(&catalogue)?;
    }
    let layout = Layout::create(&catalogue)?;
    let mut files = Vec::new();
    for (folder, component) in folders.iter().zip(components) {
        let shown = folder.display();
        let package = Package::from_folder(folder, fs::read(&component)?)
            .map_err(|error| format!("{shown}: {error}"))?;
        files.extend(package.manifest.files.paths().map(|path| folder.join(path)));
        let image = package
            .image()
            .map_err(|error| format!("{shown}: {error}"))?;
        layout.add(&image, &package.manifest.name, &[])?;
    }
    fs::write(out.join("embedded.rs"), embedded(&layout)?)?;

    // Said last: cargo prints all that a failed build script said, and after a failure it runs
    // the script again in any case.
    let mut inputs = narthex_plugin_builder::inputs(workspace, &folders);
    inputs.extend(KINDS.map(|kind| here.join(kind)));
    inputs.extend(files);
    for input in inputs {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    Ok(())
}

/// The crate of a plugin is named after its folder.
fn package_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("narthex-plugin-{name}")
}

/// The code that embeds the layout: each blob once, and the plugins as references into them.
fn embedded(layout: &Layout) -> Result<String, Box<dyn Error>> {
    let contents: Contents<_> = layout.contents()?;
    let mut blobs = String::new();
    let mut list = String::new();
    let mut plugins = String::new();
    let mut entries = contents.packages()?;
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let mut known = std::collections::BTreeSet::new();
    for entry in entries {
        let loaded = contents.load(&entry.digest)?;
        let image = &loaded.image;
        let digests = image
            .blobs()
            .map(|(digest, _)| *digest)
            .chain([entry.digest]);
        for digest in digests.filter(|digest| known.insert(*digest)) {
            let hex = digest.hex();
            let upper = hex.to_uppercase();
            let path = layout.path().join("blobs/sha256").join(&hex);
            writeln!(
                blobs,
                "static BLOB_{upper}: &[u8] = include_bytes!({path:?});"
            )?;
            writeln!(list, "    ({:?}, BLOB_{upper}),", digest.to_string())?;
        }
        let component = blob(image, COMPONENT_TYPE).ok_or("a package has a component")?;
        writeln!(
            plugins,
            "    EmbeddedPlugin {{ name: {:?}, version: {:?}, digest: {:?}, component: \
             BLOB_{component}, manifest: {:?}, scrape: {:?}, rules: &{}, dashboards: &{} }},",
            entry.name,
            entry.version,
            entry.digest.to_string(),
            loaded.package.manifest_text,
            files(&loaded.package, SCRAPE_TYPE)
                .first()
                .map(|file| file.1),
            pairs(&files(&loaded.package, RULES_TYPE)),
            pairs(&files(&loaded.package, DASHBOARD_TYPE)),
        )?;
    }
    let index = layout.path().join(narthex_registry::INDEX_FILE);
    Ok(format!(
        "{blobs}\nstatic INDEX: &[u8] = include_bytes!({index:?});\n\
         static BLOBS: &[(&str, &[u8])] = &[\n{list}];\n\
         static EMBEDDED: &[EmbeddedPlugin] = &[\n{plugins}];\n"
    ))
}

fn blob(image: &Image, media_type: &str) -> Option<String> {
    let mut layers = image.manifest().layers.iter();
    let layer = layers.find(|layer| layer.media_type == media_type);
    layer.map(|layer| layer.digest.hex().to_uppercase())
}

/// Titles and texts of the files of one type.
fn files<'a>(package: &'a Package, media_type: &str) -> Vec<(&'a str, &'a str)> {
    let files = package.files().filter(|(kind, _)| *kind == media_type);
    files
        .map(|(_, file)| (file.title.as_str(), file.text.as_str()))
        .collect()
}

fn pairs(files: &[(&str, &str)]) -> String {
    let files = files
        .iter()
        .map(|file| format!("EmbeddedFile {{ title: {:?}, text: {:?} }}", file.0, file.1));
    format!("[{}]", files.collect::<Vec<_>>().join(", "))
}
