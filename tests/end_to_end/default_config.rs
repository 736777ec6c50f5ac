//! `cargo run --release` on a fresh machine: the embedded default.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::{Narthex, http, sorted, until};

/// Clock ticks a second in /proc/stat, the same on every Linux that we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// How far the kernel may count back, in seconds: how long a CPU has been idle is estimated.
const SHAKE: f64 = 1.0;

const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];

/// Seconds by CPU and mode.
fn proc_stat() -> BTreeMap<(String, &'static str), f64> {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    let mut seconds = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let name = fields.next().unwrap_or("");
        let Some(cpu) = name.strip_prefix("cpu").filter(|cpu| !cpu.is_empty()) else {
            continue;
        };
        for (mode, ticks) in MODES.iter().zip(fields) {
            seconds.insert(
                (cpu.to_owned(), *mode),
                ticks.parse::<f64>().unwrap() / TICKS_PER_SECOND,
            );
        }
    }
    seconds
}

/// Seconds since the epoch.
fn now_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

#[test]
fn the_default_config_scrapes_itself_and_the_machine() {
    let narthex = Narthex::builder().start();
    let up = until(60, "both default jobs", || {
        let up = narthex.query("up")?;
        if up.len() == 2 && up.values().all(|value| value == "1") {
            Ok(up)
        } else {
            Err(format!("{up:?}"))
        }
    });
    let jobs: Vec<&String> = up.keys().collect();
    assert!(
        jobs[0].contains(r#""job":"narthex""#) && jobs[1].contains(r#""job":"node""#),
        "{jobs:?}"
    );

    // What is scraped from here on lies between our own two readings.
    let (began_s, first) = (now_s(), proc_stat());
    until(120, "three scrapes", || {
        let since = (now_s() - began_s).floor().max(1.0);
        let counts = narthex.query(&format!(
            "min(count_over_time(node_cpu_seconds_total[{since}s]))"
        ))?;
        let mut counts = counts.values().map(|count| count.parse::<f64>().unwrap());
        match counts.next() {
            Some(count) if count >= 3.0 => Ok(()),
            count => Err(format!("{count:?} in {since} s")),
        }
    });
    let window = (now_s() - began_s).floor().max(1.0);
    let window = format!("node_cpu_seconds_total[{window}s]");
    let data = narthex.api(&format!("query?query={}", http::encode(&window)));
    let rates = narthex.query(&format!("rate({window})")).unwrap();
    let last = proc_stat();

    let data = data.unwrap();
    let series = data["result"].as_array().unwrap();
    assert_eq!(
        series.len(),
        last.len(),
        "a series for each CPU and mode of /proc/stat"
    );
    let mut samples = BTreeMap::new();
    for one in series {
        let values = one["values"].as_array().unwrap().iter();
        let values = values.map(|point| point[1].as_str().unwrap().parse::<f64>().unwrap());
        samples.insert(sorted(&one["metric"]), values.collect::<Vec<_>>());
    }
    for ((cpu, mode), after) in &last {
        let labels = format!(
            r#"{{"__name__":"node_cpu_seconds_total","cpu":"{cpu}","instance":"localhost","job":"node","mode":"{mode}"}}"#
        );
        let found = samples.get(&labels);
        let found = found.unwrap_or_else(|| panic!("{labels} in {samples:?}"));
        let before = first[&(cpu.clone(), *mode)];
        assert!(
            found
                .iter()
                .all(|seconds| (before - SHAKE..=after + SHAKE).contains(seconds)),
            "{labels}: {found:?}, /proc/stat says {before} before and {after} after"
        );
    }
    assert_eq!(rates.len(), last.len(), "{rates:?}");
    for (labels, rate) in &rates {
        let rate: f64 = rate.parse().unwrap();
        assert!(rate.is_finite() && rate >= 0.0, "{labels}: {rate}");
    }
}
