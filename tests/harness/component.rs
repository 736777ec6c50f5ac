//! Components with their manifests: built of packages of the workspace, and put where a host finds
//! them.

use std::fs;
use std::path::Path;

use narthex_plugin_builder as builder;

use crate::repository;

/// Builds the plugin of a package of the workspace; after the first time this only looks whether
/// it is up to date.
///
/// # Panics
/// It does not compile.
pub fn build(package: &str) -> Vec<u8> {
    let inside_target = std::env::current_exe().unwrap();
    let built = builder::build(&repository(), &inside_target, &[package]).unwrap();
    fs::read(&built[0]).unwrap()
}

/// Puts a component with its manifest into a host's folder, in one step, as a package manager
/// would.
pub fn install(folder: &Path, name: &str, component: &[u8], manifest: &str) {
    fs::write(folder.join(format!("{name}.toml")), manifest).unwrap();
    let new = folder.join(format!(".{name}.wasm.new"));
    fs::write(&new, component).unwrap();
    fs::rename(new, folder.join(format!("{name}.wasm"))).unwrap();
}

/// Copies what `narthex plugin build` has left in a project into a host's folder, as its author
/// would.
pub fn copy(project: &Path, folder: &Path) {
    for entry in fs::read_dir(project.join("build")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
}
