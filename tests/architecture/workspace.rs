//! The manifests of the workspace, as cargo reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use narthex_tests::repository;

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    /// The folder, relative to the root.
    pub(crate) folder: PathBuf,
    /// What `[dependencies]` and `[build-dependencies]` name.
    pub(crate) dependencies: BTreeSet<String>,
    /// What `[dev-dependencies]` names.
    pub(crate) dev_dependencies: BTreeSet<String>,
}

/// All crates by package name.
pub(crate) fn members() -> BTreeMap<String, Member> {
    let root = repository();
    let folders = [
        "host",
        "plugins",
        "plugins/discovery",
        "plugins/exporters",
        "plugins/receivers",
        "sdk",
    ]
    .map(|folder| root.join(folder));
    let mut folders: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| folders_in(folder))
        .collect();
    folders.extend([root.join("plugins"), root.join("tests")]);
    folders
        .iter()
        .filter_map(|folder| member(&root, folder))
        .collect()
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect()
}

fn member(root: &Path, folder: &Path) -> Option<(String, Member)> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = text.parse().unwrap();
    let names = |section: &str| -> Vec<String> {
        manifest
            .get(section)
            .and_then(|s| s.as_table())
            .into_iter()
            .flat_map(|s| s.keys().cloned())
            .collect()
    };
    let dependencies = [names("dependencies"), names("build-dependencies")].concat();
    let member = Member {
        folder: folder.strip_prefix(root).unwrap().to_path_buf(),
        dependencies: dependencies.into_iter().collect(),
        dev_dependencies: names("dev-dependencies").into_iter().collect(),
    };
    Some((
        manifest["package"]["name"].as_str().unwrap().to_owned(),
        member,
    ))
}
