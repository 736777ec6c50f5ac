//! Remote write side by side: the same requests of version 1.0, taken by Narthex, by Debian's
//! Prometheus 2.42 and by VictoriaMetrics 1.79, one after the other; and a table of CPU time,
//! memory and disk with their ratios.
//!
//! `cargo bench -p narthex-tests --bench receive`, after a release build of the workspace.
//! `NARTHEX_BENCH_SERIES` says how many series (100,000), `NARTHEX_BENCH_STEPS` how many samples of
//! each, 15 s apart (240, an hour), `NARTHEX_BENCH_SYSTEMS` which servers run
//! (`narthex,prometheus,victoria-metrics`).
//!
//! Four connections send the requests of a step, and wait for each other at its end: a sender that
//! is ahead of the others would make late samples of theirs. The sender takes part of the machine:
//! read CPU time, not wall time.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::fleet::INTERVAL_MS;
use narthex_tests::system::{Running, System};
use narthex_tests::{Fleet, Usage};

fn setting(name: &str, default: &str) -> String {
    std::env::var(format!("NARTHEX_BENCH_{name}")).unwrap_or_else(|_| default.to_owned())
}

fn number(name: &str, default: &str) -> u64 {
    let text = setting(name, default);
    text.parse()
        .unwrap_or_else(|_| panic!("NARTHEX_BENCH_{name}: {text:?} is no number"))
}

fn main() {
    let (series, steps) = (number("SERIES", "100000"), number("STEPS", "240"));
    let wanted = setting("SYSTEMS", "narthex,prometheus,victoria-metrics");
    let wanted = |system: &System| wanted.split(',').any(|name| name == system.name());
    println!(
        "| | CPU s per million samples | RSS, KB a series | peak | disk, B a sample | wall, s | \
         CPU of narthex is |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut ours = None;
    for system in System::ALL.into_iter().filter(wanted) {
        let [cpu_s, rss_kb, peak_kb, disk, wall_s] = run(system, series, steps);
        let ours = *ours.get_or_insert(cpu_s);
        println!(
            "| {} | {cpu_s:.3} | {rss_kb:.2} | {peak_kb:.2} | {disk:.2} | {wall_s:.0} | {:.2} of it |",
            system.name(),
            ours / cpu_s
        );
    }
}

/// One server from an empty folder to the last sample.
fn run(system: System, series: u64, steps: u64) -> [f64; 5] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now.as_millis()).unwrap();
    // Servers take what is up to an hour old: the last step is a minute from now.
    let start_ms = now_ms + 60_000 - steps.cast_signed() * INTERVAL_MS;
    let fleet = Fleet::new(usize::try_from(series).unwrap(), steps, start_ms);
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(system, folder.path(), "global: {}\n");
    // What a server needs until it is ready is not of the samples.
    let before = Usage::of(running.pid());
    let wall_s = fleet.send(&running.url(), 0..steps).as_secs_f64();
    let after = Usage::of(running.pid());
    let (series, samples) = (fleet.series() as f64, fleet.series() as f64 * steps as f64);
    [
        (after.cpu_s - before.cpu_s) * 1e6 / samples,
        after.rss_mb * 1024.0 / series,
        after.peak_mb * 1024.0 / series,
        running.disk_bytes() as f64 / samples,
        wall_s,
    ]
}
