//! A plugin's file is replaced while it is scraped.

use std::collections::BTreeSet;

use narthex_tests::{Guest, Narthex, until};

const SCRAPES: usize = 200;
const SWAPS: usize = 20;
const INTERVAL_MS: i64 = 100;

/// A sample: time in milliseconds, value.
type Sample = (i64, String);

/// The samples of one series that a range selector gives.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounded to whole milliseconds"
)]
fn samples(narthex: &Narthex, name: &str) -> Result<Vec<Sample>, String> {
    let data = narthex.api(&format!("query?query={name}%5B5m%5D"))?;
    let values = data["result"][0]["values"]
        .as_array()
        .ok_or("no samples yet")?
        .iter();
    Ok(values
        .map(|v| {
            (
                (v[0].as_f64().unwrap() * 1_000.0).round() as i64,
                v[1].as_str().unwrap().to_owned(),
            )
        })
        .collect())
}

#[test]
fn twenty_swaps_in_two_hundred_scrapes_lose_none() {
    let plugins = tempfile::tempdir().unwrap();
    let guest = Guest::build();
    guest.install(plugins.path(), "guest", 1);
    let config = format!(
        "global: {{scrape_interval: {INTERVAL_MS}ms, scrape_timeout: {INTERVAL_MS}ms}}\n\
         plugins: {{directory: {}}}\nscrape_configs:\n- job_name: guest\n  plugin: guest\n  \
         plugin_config: {{do: work}}\n  static_configs: [{{targets: ['somewhere']}}]\n",
        plugins.path().display()
    );
    let narthex = Narthex::builder().config(config).start();
    let wait_for = |what: &str, is_there: &dyn Fn(&[Sample]) -> bool| {
        until(60, what, || {
            let samples = samples(&narthex, "guest_version")?;
            if is_there(&samples) {
                Ok(samples)
            } else {
                Err(format!("{:?}", samples.last()))
            }
        })
    };
    wait_for("the first scrape", &|samples| !samples.is_empty());
    for swap in 1..=SWAPS {
        let version = if swap % 2 == 0 { 1 } else { 2 };
        guest.install(plugins.path(), "guest", version);
        let version = version.to_string();
        wait_for("the new version", &|samples| {
            samples.last().is_some_and(|last| last.1 == version)
        });
    }
    let scraped = wait_for("all scrapes", &|samples| samples.len() >= SCRAPES);

    let versions: BTreeSet<&str> = scraped
        .iter()
        .map(|(_, version)| version.as_str())
        .collect();
    assert_eq!(versions, BTreeSet::from(["1", "2"]));
    let changes = scraped
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1)
        .count();
    assert_eq!(changes, SWAPS, "each swap is seen once");
    for pair in scraped.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert!(
            gap < INTERVAL_MS * 3 / 2,
            "a gap of {gap} ms between two scrapes: {pair:?}"
        );
    }
    // The target is down until the plugin is compiled for the first time.
    let up = samples(&narthex, "up").unwrap();
    let mut since = up.iter().skip_while(|(_, value)| value == "0");
    assert!(since.all(|(_, value)| value == "1"), "{up:?}");
}
