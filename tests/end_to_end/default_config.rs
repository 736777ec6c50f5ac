//! `cargo run --release` on a fresh machine: the embedded default.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use narthex_tests::{Narthex, until};

/// Clock ticks a second in /proc/stat, the same on every Linux that we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// How far a rate may be from our own reading of /proc/stat, in seconds a second: the two read
/// at moments up to a scrape interval apart, on a machine that does other things.
const RATE_TOLERANCE: f64 = 0.25;

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

#[test]
fn the_default_config_scrapes_itself_and_the_machine() {
    let narthex = Narthex::builder().start();
    let up = until(20, "both default jobs", || {
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

    // From here on our own window begins; the query looks at the same one.
    let (started, first) = (Instant::now(), proc_stat());
    let window = "node_cpu_seconds_total[20s]";
    let filled = Duration::from_secs(21);
    until(60, "a full window", || {
        if started.elapsed() < filled {
            return Err("too early".to_owned());
        }
        let counts = narthex.query(&format!("min(count_over_time({window}))"))?;
        if counts
            .values()
            .all(|count| count.parse::<f64>().unwrap() >= 3.0)
        {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    });
    let (elapsed, last) = (started.elapsed().as_secs_f64(), proc_stat());
    let rates = narthex.query(&format!("rate({window})")).unwrap();
    assert_eq!(
        rates.len(),
        last.len(),
        "a series for each CPU and mode of /proc/stat"
    );
    for ((cpu, mode), seconds) in &last {
        let labels =
            format!(r#"{{"cpu":"{cpu}","instance":"localhost","job":"node","mode":"{mode}"}}"#);
        let rate: f64 = rates
            .get(&labels)
            .unwrap_or_else(|| panic!("{labels} in {rates:?}"))
            .parse()
            .unwrap();
        let own = (seconds - first[&(cpu.clone(), *mode)]) / elapsed;
        assert!(
            (rate - own).abs() <= RATE_TOLERANCE,
            "{labels}: {rate}, /proc/stat says {own}"
        );
    }
    for (cpu, total) in narthex
        .query(&format!("sum by (cpu) (rate({window}))"))
        .unwrap()
    {
        let total: f64 = total.parse().unwrap();
        assert!(
            (0.7..1.3).contains(&total),
            "CPU {cpu} did {total} seconds a second"
        );
    }
}
