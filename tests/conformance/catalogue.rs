//! What travels with the plugins of the catalogue: rules and queries that Prometheus takes, and
//! manifests that name what is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use narthex_tests::repository;
use serde_json::Value;

/// The folders of plugins whose manifest names files.
fn packages() -> Vec<(PathBuf, toml::Table)> {
    let folder = repository().join("plugins/exporters");
    let folders = std::fs::read_dir(folder).unwrap();
    let mut packages: Vec<(PathBuf, toml::Table)> = folders
        .map(|entry| entry.unwrap().path())
        .filter_map(|folder| {
            let text = std::fs::read_to_string(folder.join("plugin.toml")).ok()?;
            let manifest: toml::Table = text.parse().unwrap();
            manifest.contains_key("files").then_some((folder, manifest))
        })
        .collect();
    packages.sort_by(|a, b| a.0.cmp(&b.0));
    packages
}

/// What a manifest names in a field of `[files]`.
fn named(package: &(PathBuf, toml::Table), field: &str) -> Vec<PathBuf> {
    let (folder, manifest) = package;
    let names = match &manifest["files"].get(field) {
        Some(toml::Value::Array(names)) => names.clone(),
        Some(name) => vec![(*name).clone()],
        None => vec![],
    };
    names
        .iter()
        .map(|name| folder.join(name.as_str().unwrap()))
        .collect()
}

fn check_rules(file: &Path, what: &str) {
    let output = Command::new("promtool")
        .args(["check", "rules"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
}

#[test]
fn rules_are_rules_of_prometheus() {
    let packages = packages();
    assert!(packages.len() >= 3);
    for package in &packages {
        for file in named(package, "rules") {
            check_rules(&file, &file.display().to_string());
        }
    }
}

#[test]
fn dashboards_are_of_perses_and_ask_in_promql() {
    let folder = tempfile::tempdir().unwrap();
    for package in &packages() {
        for file in named(package, "dashboards") {
            let what = file.display();
            let text = std::fs::read_to_string(&file).unwrap();
            let dashboard: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(dashboard["kind"], "Dashboard", "{what}");
            let panels = dashboard["spec"]["panels"].as_object().unwrap();
            let mut rules = "groups:\n- name: queries\n  rules:\n".to_owned();
            for (name, panel) in panels {
                for query in panel["spec"]["queries"].as_array().unwrap() {
                    let query = &query["spec"]["plugin"]["spec"]["query"];
                    // A variable stands in quotes, so that any name does.
                    let query = query.as_str().unwrap().replace('$', "");
                    rules += &format!("  - record: panel:{name}\n    expr: {query:?}\n");
                }
            }
            let rule_file = folder.path().join("rules.yml");
            std::fs::write(&rule_file, rules).unwrap();
            check_rules(&rule_file, &what.to_string());
            // Each panel stands in the layout once, and nothing else does.
            let layouts = dashboard["spec"]["layouts"].as_array().unwrap();
            let items = layouts
                .iter()
                .flat_map(|layout| layout["spec"]["items"].as_array().unwrap());
            let mut shown: Vec<String> = items
                .map(|item| item["content"]["$ref"].as_str().unwrap().to_owned())
                .collect();
            shown.sort();
            let mut known: Vec<String> = panels
                .keys()
                .map(|name| format!("#/spec/panels/{name}"))
                .collect();
            known.sort();
            assert_eq!(shown, known, "{what}");
        }
    }
}

#[test]
fn scrape_configs_name_their_plugin() {
    for package in &packages() {
        let name = package.1["name"].as_str().unwrap();
        let files = named(package, "scrape");
        assert_eq!(files.len(), 1, "{name}");
        let text = std::fs::read_to_string(&files[0]).unwrap();
        assert!(
            text.lines().any(|line| line == format!("plugin: {name}")),
            "{name}"
        );
    }
}
