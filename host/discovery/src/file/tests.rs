//! What is found in files, and what becomes of it when they change.

use std::path::Path;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;
use crate::{ADDRESS_LABEL, RefreshMetrics};

fn discoverer(folder: &Path, patterns: &[&str], metrics: &RefreshMetrics) -> Arc<FileDiscoverer> {
    let files = patterns.iter().map(|name| folder.join(name));
    let config = FileSdConfig {
        files: files.map(|path| path.display().to_string()).collect(),
        ..FileSdConfig::default()
    };
    // All YAML here is JSON.
    FileDiscoverer::new(&config, "a/file/0", read_json, metrics)
}

/// Each group as `NAME:INDEX address,address label=value`, less the folder.
fn shown(groups: &[TargetGroup], folder: &Path) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    let shown = groups.iter().map(|group| {
        let targets = group.targets.iter().map(|target| &*target[ADDRESS_LABEL]);
        let labels = group
            .labels
            .iter()
            .map(|(name, value)| format!(" {name}={value}"));
        let targets = targets.collect::<Vec<_>>().join(",");
        format!("{} {targets}{}", group.source, labels.collect::<String>()).replace(&folder, "")
    });
    shown.collect()
}

#[tokio::test(start_paused = true)]
async fn groups_follow_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "a.json",
        r#"[{"targets": ["a:1", "a:2"], "labels": {"x": "y"}}, {"targets": ["b:1"]}]"#,
    );
    write("sd-1.yml", r#"[{"targets": ["c:1"]}]"#);
    write("other.yml", r#"[{"targets": ["d:1"]}]"#);
    let mut registry = Registry::default();
    let metrics = RefreshMetrics::register(&mut registry);
    let discoverer = discoverer(folder, &["a.json", "sd-*.yml"], &metrics);
    let (sender, mut receiver) = mpsc::channel(1);
    let running = tokio::spawn(async move { discoverer.run(sender).await });
    let a_file = " __meta_filepath=a.json";
    for (change, expected) in [
        (
            ("other.yml", "[]"),
            vec![
                format!("a.json:0 a:1,a:2{a_file} x=y"),
                format!("a.json:1 b:1{a_file}"),
                "sd-1.yml:0 c:1 __meta_filepath=sd-1.yml".to_owned(),
            ],
        ),
        (
            ("a.json", r#"[{"targets": ["a:1"]}]"#),
            vec![format!("a.json:0 a:1{a_file}"), "a.json:1 ".to_owned()],
        ),
        // A file that is broken keeps its groups, others go on.
        (("a.json", "[{"), vec![]),
        (
            ("sd-2.yml", r#"[{"targets": ["e:1"]}]"#),
            vec!["sd-2.yml:0 e:1 __meta_filepath=sd-2.yml".to_owned()],
        ),
        (("sd-1.yml", ""), vec!["sd-1.yml:0 ".to_owned()]),
    ] {
        match change {
            (name, "") => std::fs::remove_file(folder.join(name)).unwrap(),
            (name, text) => write(name, text),
        }
        if expected.is_empty() {
            continue;
        }
        let found = receiver.recv().await.unwrap();
        assert_eq!(shown(&found, folder), expected, "{change:?}");
    }
    let said = |registry: &Registry| {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    };
    let text = said(&registry);
    let file = |name: &str| {
        let path = folder.join(name).display().to_string();
        format!("prometheus_sd_file_mtime_seconds{{filename=\"{path}\"}} ")
    };
    // What is gone has no time; what is broken has that of when it was read last.
    assert!(text.contains(&file("a.json")) && text.contains(&file("sd-2.yml")));
    assert!(!text.contains(&file("sd-1.yml")), "{text}");
    assert!(text.contains("prometheus_sd_file_scan_duration_seconds_count 1\n"));
    assert!(text.contains("prometheus_sd_file_read_errors_total 1\n"));
    drop(receiver);
    running.await.unwrap();
    assert!(!said(&registry).contains("mtime"), "they go with the entry");
}

#[test]
fn a_file_is_a_list_of_groups_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let discoverer = discoverer(folder.path(), &["a.json"], &RefreshMetrics::default());
    let path = folder.path().join("a.json");
    for (text, expected) in [
        ("[]", "0"),
        ("null", "0"),
        (r#"[{"labels": {"a": "b"}}]"#, "1"),
        ("[null]", "nil target group item found"),
        (r#"[{"target": []}]"#, "unknown field `target`"),
        (r#"[{"targets": [1]}]"#, "invalid type: integer `1`"),
        ("{}", "invalid type: map"),
        ("", "EOF while parsing"),
    ] {
        std::fs::write(&path, text).unwrap();
        match discoverer.files.groups(&path) {
            Ok(groups) => assert_eq!(groups.len().to_string(), expected, "{text}"),
            Err(error) => assert!(error.contains(expected), "{text}: {error}"),
        }
    }
}

#[test]
fn a_file_that_two_patterns_stand_for_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "[]").unwrap();
    let patterns = ["a.json", "*.json"];
    let discoverer = discoverer(folder.path(), &patterns, &RefreshMetrics::default());
    let mut known = BTreeMap::new();
    assert!(discoverer.files.read(&mut known, true));
    assert!(!discoverer.files.read(&mut known, false));
}

#[tokio::test(start_paused = true)]
async fn a_pattern_is_more_than_a_star() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["node-1", "node-2", "node-12", "node-x"] {
        let text = format!(r#"[{{"targets": ["{name}:1"]}}]"#);
        std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
    }
    let patterns = ["node-[0-9].json", "node-1?.json", "node-[.json"];
    let discoverer = discoverer(folder, &patterns, &RefreshMetrics::default());
    let (sender, mut receiver) = mpsc::channel(1);
    let running = tokio::spawn(async move { discoverer.run(sender).await });
    let found = receiver.recv().await.unwrap();
    let mut addresses: Vec<&str> = found
        .iter()
        .flat_map(|group| &group.targets)
        .map(|target| &*target[ADDRESS_LABEL])
        .collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["node-12:1", "node-1:1", "node-2:1"]);
    drop(receiver);
    running.await.unwrap();
}
