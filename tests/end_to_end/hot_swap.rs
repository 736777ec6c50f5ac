//! A plugin's file is replaced while it is scraped.

use std::collections::BTreeSet;

use narthex_tests::{Guest, Narthex, until};

use crate::pace::Pace;

const SCRAPES: usize = 200;
const SWAPS: usize = 20;
const INTERVAL_MS: i64 = 100;

/// The version that each scrape found.
fn versions(narthex: &Narthex) -> Result<Vec<String>, String> {
    let data = narthex.api("query?query=guest_version%5B1h%5D")?;
    let values = data["result"][0]["values"]
        .as_array()
        .ok_or("no samples yet")?
        .iter();
    Ok(values
        .map(|value| value[1].as_str().unwrap().to_owned())
        .collect())
}

#[test]
fn twenty_swaps_in_two_hundred_scrapes_lose_none() {
    let plugins = tempfile::tempdir().unwrap();
    let guest = Guest::build();
    guest.install(plugins.path(), "guest", 1);
    let pace = Pace::of(INTERVAL_MS);
    let config = format!(
        "global: {{scrape_interval: {INTERVAL_MS}ms, scrape_timeout: {INTERVAL_MS}ms}}\n\
         plugins: {{directory: {}}}\nscrape_configs:\n- job_name: guest\n  plugin: guest\n  \
         plugin_config: {{do: work}}\n  static_configs: [{{targets: ['somewhere']}}]\n{}",
        plugins.path().display(),
        pace.job()
    );
    let narthex = Narthex::builder().config(config).start();
    let wait_for = |what: &str, is_there: &dyn Fn(&[String]) -> bool| {
        until(120, what, || {
            let versions = versions(&narthex)?;
            if is_there(&versions) {
                Ok(versions)
            } else {
                Err(format!("{:?} of {}", versions.last(), versions.len()))
            }
        })
    };
    wait_for("the first scrape", &|versions| !versions.is_empty());
    for swap in 1..=SWAPS {
        let version = if swap % 2 == 0 { 1 } else { 2 };
        guest.install(plugins.path(), "guest", version);
        let version = version.to_string();
        wait_for("the new version", &|versions| {
            versions.last() == Some(&version)
        });
    }
    let scraped = wait_for("all scrapes", &|versions| versions.len() >= SCRAPES);

    let versions: BTreeSet<&str> = scraped.iter().map(String::as_str).collect();
    assert_eq!(versions, BTreeSet::from(["1", "2"]));
    let changes = scraped.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, SWAPS, "each swap is seen once");
    pace.check(&narthex, "guest", "guest");
}
