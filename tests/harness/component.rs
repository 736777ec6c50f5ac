//! Components with their manifests: built of packages of the workspace, and put where a host finds
//! them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Puts a component with its manifest into a host's folder, both of them in one step: they lie in
/// a folder of their own, and `NAME.wasm` and `NAME.toml` lead there by one link, which is
/// exchanged. A host that looks at any moment sees the pair before or the pair after.
pub fn install(folder: &Path, name: &str, component: &[u8], manifest: &str) {
    static INSTALLED: AtomicU64 = AtomicU64::new(0);
    let number = INSTALLED.fetch_add(1, Ordering::Relaxed);
    let current = folder.join(format!(".{name}"));
    let before = fs::read_link(&current).ok();
    let versions = format!(".{name}.");

    let version = format!("{versions}{number}");
    fs::create_dir(folder.join(&version)).unwrap();
    let files = [format!("{name}.toml"), format!("{name}.wasm")];
    for (file, content) in files.iter().zip([manifest.as_bytes(), component]) {
        fs::write(folder.join(&version).join(file), content).unwrap();
    }

    let link = folder.join(format!("{versions}link"));
    symlink(&version, &link).unwrap();
    fs::rename(&link, &current).unwrap();
    for file in &files {
        let place = folder.join(file);
        if !place.is_symlink() {
            symlink(format!(".{name}/{file}"), place).unwrap();
        }
    }

    // The one before may be being read.
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().file_name();
        let is_kept = entry.as_os_str() == version.as_str()
            || before
                .as_ref()
                .is_some_and(|before| before.as_os_str() == entry);
        if entry.to_string_lossy().starts_with(&versions) && !is_kept {
            fs::remove_dir_all(folder.join(entry)).unwrap();
        }
    }
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
