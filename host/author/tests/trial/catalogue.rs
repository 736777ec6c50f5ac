//! The plugins that we ship, each on its own fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use narthex_author::{BuiltPlugin, Trial, fixture};

use crate::cache;

/// The folders of the plugins that have fixtures, by name.
fn folders(workspace: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace.join("plugins/exporters")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("fixtures").is_dir());
    folders.sort();
    folders
}

#[tokio::test]
async fn every_plugin_passes_its_fixtures() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inside_target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let workspace = here.ancestors().nth(2).unwrap();
    let folders = folders(workspace);
    assert!(folders.iter().any(|folder| folder.ends_with("redis")));
    let package = |folder: &PathBuf| {
        let name = folder.file_name().unwrap().to_string_lossy();
        format!("narthex-plugin-{name}")
    };
    let packages: Vec<String> = folders.iter().map(package).collect();
    let names: Vec<&str> = packages.iter().map(String::as_str).collect();
    let components = narthex_plugin_builder::build(workspace, inside_target, &names).unwrap();
    for (folder, component) in folders.iter().zip(&components) {
        let plugin = BuiltPlugin::find(folder, Some(component)).unwrap();
        let fixtures = fixture::read_folder(&plugin.fixtures).unwrap();
        assert!(!fixtures.is_empty(), "{}", folder.display());
        let trial = Trial {
            plugin: &plugin,
            cache: cache(),
        };
        let report = trial.run(&fixtures, |_| {}).await;
        assert!(report.passed, "{}: {}", folder.display(), report.summary());
    }
}
