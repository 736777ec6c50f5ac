//! kill -9 under load, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use narthex_tests::{Narthex, Target, until};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const ROUNDS: usize = 20;
const TARGETS: usize = 4;
const SERIES_PER_TARGET: usize = 50;

/// Blocks this short are cut while the load goes on, so that kills meet cuts as well.
const BLOCK_DURATION: &str = "4s";

/// By target and series: the samples, time and value.
type Samples = BTreeMap<(String, String), Vec<(String, String)>>;

/// Each scrape of a target serves its own running number in every series, so that a value names
/// the scrape that it came from.
fn counting_target() -> Target {
    let scrapes = AtomicU64::new(0);
    Target::serve_text(move || {
        let number = scrapes.fetch_add(1, Ordering::SeqCst);
        (0..SERIES_PER_TARGET)
            .map(|series| format!("load{{series=\"{series}\"}} {number}\n"))
            .collect()
    })
}

fn stored(narthex: &Narthex) -> Result<Samples, String> {
    let data = narthex.api("query?query=load%5B1h%5D")?;
    let mut samples = Samples::new();
    for series in data["result"].as_array().ok_or("no result")? {
        let label = |name: &str| series["metric"][name].as_str().unwrap_or("").to_owned();
        let points = series["values"].as_array().ok_or("no values")?.iter();
        let points = points.map(|p| (p[0].to_string(), p[1].as_str().unwrap_or("").to_owned()));
        samples.insert((label("instance"), label("series")), points.collect());
    }
    Ok(samples)
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_it_and_once() {
    let targets: Vec<Target> = (0..TARGETS).map(|_| counting_target()).collect();
    let addresses: Vec<String> = targets.iter().map(Target::address).collect();
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs:\n- job_name: load\n  static_configs: [{{targets: {addresses:?}}}]\n"
    );
    let flag = format!("--storage.tsdb.min-block-duration={BLOCK_DURATION}");
    let mut narthex = Narthex::builder().config(config).flag(flag).start();
    let mut random = StdRng::seed_from_u64(20);
    let mut before = Samples::new();
    for round in 0..ROUNDS {
        let new_samples = random.random_range(3..20);
        let goal = before.values().map(Vec::len).max().unwrap_or(0) + new_samples;
        before = until(120, "the load to be scraped", || {
            let samples = stored(&narthex)?;
            let fewest = samples.values().map(Vec::len).min().unwrap_or(0);
            let complete =
                samples.len() == TARGETS * SERIES_PER_TARGET && fewest >= goal.saturating_sub(10);
            if complete {
                Ok(samples)
            } else {
                Err(format!("{} series, {fewest} samples", samples.len()))
            }
        });
        // Somewhere between two scrapes, in one, or in a cut: the seed decides.
        std::thread::sleep(Duration::from_millis(random.random_range(0..100)));
        narthex.process().kill();
        narthex.restart();
        let after = stored(&narthex).unwrap();
        check(&before, &after, round);
    }
    let blocks = std::fs::read_dir(narthex.data()).unwrap().flatten();
    let blocks = blocks
        .filter(|entry| entry.path().join("meta.json").exists())
        .count();
    assert!(blocks > 0, "no block was cut: the kills met no cut");
}

fn check(before: &Samples, after: &Samples, round: usize) {
    for (series, samples) in before {
        let held: BTreeSet<_> = after.get(series).into_iter().flatten().collect();
        for sample in samples {
            assert!(
                held.contains(sample),
                "round {round}: {series:?} lost {sample:?}"
            );
        }
    }
    let mut scrapes: BTreeMap<(&String, &String), usize> = BTreeMap::new();
    for ((instance, series), samples) in after {
        let times: BTreeSet<_> = samples.iter().map(|(time, _)| time).collect();
        let values: BTreeSet<_> = samples.iter().map(|(_, value)| value).collect();
        assert_eq!(
            times.len(),
            samples.len(),
            "round {round}: {series} of {instance} has a time twice"
        );
        assert_eq!(
            values.len(),
            samples.len(),
            "round {round}: {series} of {instance} has a scrape twice"
        );
        for (_, value) in samples {
            *scrapes.entry((instance, value)).or_default() += 1;
        }
    }
    for (scrape, series) in scrapes {
        assert_eq!(
            series, SERIES_PER_TARGET,
            "round {round}: only a part of scrape {scrape:?} is there"
        );
    }
}
