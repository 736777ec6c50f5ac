//! Builds every plugin of this folder as a component and writes down where it is.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The kinds of plugins, each a folder of crates.
const KINDS: [&str; 1] = ["exporters"];

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

    let packages: Vec<String> = folders.iter().map(|path| package(path)).collect();
    let names: Vec<&str> = packages.iter().map(String::as_str).collect();
    let components = narthex_plugin_builder::build(workspace, &out, &names)?;

    let mut list = String::from("&[\n");
    for (folder, component) in folders.iter().zip(components) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        // A copy, so that a later build cannot change what this one embeds.
        let copy = out.join(format!("{name}.wasm"));
        fs::copy(&component, &copy)?;
        let manifest = folder.join("plugin.toml");
        writeln!(
            list,
            "    EmbeddedPlugin {{ name: {name:?}, component: include_bytes!({copy:?}), \
             manifest: include_str!({manifest:?}) }},"
        )?;
    }
    list.push(']');
    fs::write(out.join("embedded.rs"), list)?;

    // Said last: cargo prints all that a failed build script said, and after a failure it runs
    // the script again in any case.
    let mut inputs = narthex_plugin_builder::inputs(workspace, &folders);
    inputs.extend(KINDS.map(|kind| here.join(kind)));
    for input in inputs {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    Ok(())
}

/// The package of a plugin is named after its folder.
fn package(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("narthex-plugin-{name}")
}
