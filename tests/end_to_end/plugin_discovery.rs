//! A plugin finds targets while the server runs.

use std::path::Path;

use narthex_tests::{Narthex, Target, component, http, until};
use serde_json::Value;

/// The manifest of the plugin that reads targets from a file.
const MANIFEST: &str = r#"
name = "inventory"
version = "0.1.0"
world = "discovery"
wit = "0.1"
description = "Finds what a file lists."
[config]
type = "object"
additionalProperties = false
required = ["file"]
[config.properties.file]
type = "string"
"#;

/// Puts the plugin into a folder.
fn install(folder: &Path) {
    let built = component::build("narthex-plugin-inventory");
    component::install(folder, "inventory", &built, MANIFEST);
}

fn write_inventory(folder: &Path, lines: &str) {
    let new = folder.join("targets.new");
    std::fs::write(&new, lines).unwrap();
    std::fs::rename(new, folder.join("targets")).unwrap();
}

fn config(plugins: &Path, inventory: &Path, entry: &str) -> String {
    format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         plugins:\n  directory: {}\n  grants: {{inventory: {{files: ['{}']}}}}\n\
         scrape_configs:\n- job_name: found\n  plugin_sd_configs:\n  - plugin: inventory\n    \
         {entry}\n    refresh_interval: 100ms\n  relabel_configs:\n  \
         - {{source_labels: [__meta_inventory_rack], target_label: rack}}\n  \
         - {{source_labels: [__meta_inventory_state], regex: 'off', action: drop}}\n",
        plugins.display(),
        inventory.display(),
    )
}

/// What is scraped and what was dropped, as `ADDRESS rack` and `ADDRESS`.
fn targets(narthex: &Narthex) -> Result<(Vec<String>, Vec<String>), String> {
    let data = narthex.api("targets")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| data[name].as_array().cloned().unwrap_or_default();
    let active = list("activeTargets").into_iter().map(|target| {
        let address = text(&target["discoveredLabels"]["__address__"]);
        format!("{address} {}", text(&target["labels"]["rack"]))
    });
    let dropped = list("droppedTargets").into_iter();
    let dropped = dropped.map(|target| text(&target["discoveredLabels"]["__address__"]));
    let (mut active, dropped) = (active.collect::<Vec<_>>(), dropped.collect());
    active.sort();
    Ok((active, dropped))
}

fn wait_for(narthex: &Narthex, active: &[&str], dropped: &[&str]) {
    until(60, "the targets", || {
        let found = targets(narthex)?;
        match found.0 == active && found.1 == dropped {
            true => Ok(()),
            false => Err(format!("{found:?}")),
        }
    });
}

#[test]
fn targets_come_and_go_with_what_a_plugin_finds() {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path());
    let (one, two) = (
        Target::serve_text(|| "one 1\n".to_owned()),
        Target::serve_text(|| "two 2\n".to_owned()),
    );
    let (one, two) = (one.address(), two.address());
    let inventory = |lines: &str| write_inventory(folder.path(), lines);
    inventory(&format!(
        "x {one} rack=a\nx nowhere:1 state=off\ny {two} rack=b\n"
    ));
    let entry = format!(
        "config: {{file: '{}'}}",
        folder.path().join("targets").display()
    );
    let narthex = Narthex::builder()
        .config(config(folder.path(), folder.path(), &entry))
        .start();
    let (with_a, with_b) = (format!("{one} a"), format!("{two} b"));
    let mut both = [with_a.as_str(), with_b.as_str()];
    both.sort_unstable();
    wait_for(&narthex, &both, &["nowhere:1"]);
    until(60, "samples of both", || {
        let found = narthex.query("one{rack=\"a\"} or two{rack=\"b\"}")?;
        match found.len() {
            2 => Ok(()),
            _ => Err(format!("{found:?}")),
        }
    });
    let metrics = http::get(&format!("{}/metrics", narthex.url())).unwrap().1;
    let line = "prometheus_sd_discovered_targets{name=\"scrape\",config=\"found\"} 3";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");

    // A refresh that fails changes nothing.
    inventory("error later\n");
    until(60, "a failed refresh", || {
        let detail = narthex.api("plugins/inventory")?;
        match detail.to_string().contains("later") {
            true => Ok(()),
            false => Err(detail.to_string()),
        }
    });
    wait_for(&narthex, &both, &["nowhere:1"]);

    inventory(&format!("y {two} rack=b\n"));
    wait_for(&narthex, &[&with_b], &[]);
    inventory(&format!("y {two} rack=c\n"));
    wait_for(&narthex, &[&format!("{two} c")], &[]);
}

#[test]
fn an_entry_that_does_not_fit_its_plugin_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path());
    write_inventory(folder.path(), "x localhost:1 rack=a\n");
    let entry = format!(
        "config: {{file: '{}'}}",
        folder.path().join("targets").display()
    );
    let good = config(folder.path(), folder.path(), &entry);
    let narthex = Narthex::builder().config(&good).start();
    wait_for(&narthex, &["localhost:1 a"], &[]);
    for (broken, faults) in [
        (
            config(folder.path(), folder.path(), "config: {file: 5}"),
            &["prometheus.yml:9:20: job \"found\": plugin_sd_configs[0].config.file: "][..],
        ),
        (
            config(folder.path(), folder.path(), "config: {fiel: x}"),
            &["prometheus.yml:9:13: job \"found\": plugin_sd_configs[0].config"],
        ),
        (
            good.replace("plugin: inventory", "plugin: redis"),
            &[
                "prometheus.yml:8:13: job \"found\": plugin_sd_configs[0].plugin: plugin redis is of",
            ],
        ),
        (
            good.replace("  plugin_sd", "  plugin: inventory\n  plugin_sd"),
            &["prometheus.yml:7:11: job \"found\": plugin: plugin inventory is of"],
        ),
    ] {
        narthex.write_config(&broken);
        let (status, body) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
        assert_eq!(status, 500, "{body}");
        for fault in faults {
            assert!(body.contains(fault), "{fault} is not in\n{body}");
        }
        wait_for(&narthex, &["localhost:1 a"], &[]);
    }
}
