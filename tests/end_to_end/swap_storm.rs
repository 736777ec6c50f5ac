//! A plugin's file is replaced again and again by a build in another language, and by what must
//! not be put to work, while it is scraped.

use std::path::Path;
use std::time::{Duration, Instant};

use narthex_tests::{Narthex, Samples, component, until};

/// Swaps from Rust to Python and back.
const SWAPS: usize = 100;
const INTERVAL_MS: i64 = 100;

fn start(plugins: &Path, settings: &str, jobs: &str) -> Narthex {
    let config = format!(
        "global: {{scrape_interval: {INTERVAL_MS}ms, scrape_timeout: {INTERVAL_MS}ms}}\n\
         plugins: {{directory: {}, {settings}}}\nscrape_configs:\n{jobs}",
        plugins.display()
    );
    Narthex::builder().config(config).start()
}

/// When the job was scraped, in milliseconds, and whether it was up.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounded to whole milliseconds"
)]
fn scrapes(narthex: &Narthex) -> Vec<(i64, bool)> {
    let data = narthex.api("query?query=up%5B1h%5D").unwrap();
    let values = data["result"][0]["values"].as_array().unwrap().iter();
    values
        .map(|value| {
            let time = (value[0].as_f64().unwrap() * 1_000.0).round() as i64;
            (time, value[1] == "1")
        })
        // The target is down until the plugin is compiled for the first time.
        .skip_while(|(_, is_up)| !is_up)
        .collect()
}

fn check_none_is_lost(narthex: &Narthex) -> usize {
    let scrapes = scrapes(narthex);
    let down: Vec<_> = scrapes.iter().filter(|(_, is_up)| !is_up).collect();
    assert!(down.is_empty(), "{down:?} of {}", scrapes.len());
    for pair in scrapes.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert!(gap < INTERVAL_MS * 3 / 2, "a gap of {gap} ms: {pair:?}");
    }
    scrapes.len()
}

#[test]
fn a_hundred_swaps_between_rust_and_python_lose_no_scrape() {
    let folder = tempfile::tempdir().unwrap();
    let builds = ["rust", "python"].map(|language| {
        let samples = Samples::build(folder.path(), language);
        (language, samples.component(), samples.manifest())
    });
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    component::install(&plugins, "samples", &builds[0].1, &builds[0].2);
    let narthex = start(
        &plugins,
        "",
        "- job_name: samples\n  plugin: samples\n  plugin_config: {count: 100}\n  \
         static_configs: [{targets: ['somewhere']}]\n",
    );
    let serves = |language: &str| {
        until(120, language, || {
            let found = narthex.query("samples_info")?;
            let part = format!("\"language\":\"{language}\"");
            match found.keys().any(|labels| labels.contains(&part)) && found.len() == 1 {
                true => Ok(()),
                false => Err(format!("{found:?} {}", narthex.api("plugins/samples")?)),
            }
        });
    };
    serves("rust");
    let mut times: Vec<Duration> = Vec::new();
    for swap in 1..=SWAPS {
        let (language, component, manifest) = &builds[swap % 2];
        let began = Instant::now();
        component::install(&plugins, "samples", component, manifest);
        serves(language);
        times.push(began.elapsed());
    }
    let count = check_none_is_lost(&narthex);
    times.sort();
    println!(
        "{SWAPS} swaps while {count} scrapes ran; from the file to the first sample of the other \
         build: median {:?}, longest {:?}",
        times[SWAPS / 2],
        times[SWAPS - 1]
    );
}

#[test]
fn what_must_not_be_put_to_work_is_refused_and_the_old_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let good = Samples::build(folder.path(), "c");
    let (component, manifest) = (good.component(), good.manifest());
    let source = good.project().join("plugin.c");
    let text = std::fs::read_to_string(&source).unwrap();
    let trapping = text.replace("{ return nx_json", "{ __builtin_trap(); return nx_json");
    assert_ne!(text, trapping);
    std::fs::write(&source, trapping).unwrap();
    good.rebuild();
    let trapping = good.component();

    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    component::install(&plugins, "samples", &component, &manifest);
    let narthex = start(
        &plugins,
        "grants: {samples: as-requested}",
        "- job_name: samples\n  plugin: samples\n  plugin_config: {count: 100}\n  \
         static_configs: [{targets: ['somewhere']}]\n",
    );
    let plugin = || narthex.api("plugins/samples");
    until(60, "the first version", || {
        match plugin()?["state"].as_str() {
            Some("running") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let newer = manifest.replace("0.1.0", "0.2.0");
    let asking = newer.replace("[limits]", "[request]\nfiles = [\"/etc\"]\n\n[limits]");
    for (component, manifest, part) in [
        (&component[..component.len() / 2], &newer, "not a component"),
        (&trapping[..], &newer, "trap"),
        (&component[..], &asking, "asks for"),
    ] {
        component::install(&plugins, "samples", component, manifest);
        until(60, part, || {
            let plugin = plugin()?;
            let is_told = plugin.to_string().contains(part);
            match is_told && plugin["version"] == "0.1.0" {
                true => Ok(()),
                false => Err(plugin.to_string()),
            }
        });
    }
    assert!(check_none_is_lost(&narthex) > 0);
}
