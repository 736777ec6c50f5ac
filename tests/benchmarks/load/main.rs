//! Scraping side by side: the same fake exporters, scraped by Narthex and by Debian's Prometheus
//! 2.42 and VictoriaMetrics 1.79, one after the other; then a few queries, a kill and a new start;
//! and a table of CPU time, memory and disk with their ratios.
//!
//! `cargo bench -p narthex-tests --bench load`, after a release build of the workspace.
//! `NARTHEX_BENCH_SERIES` says how many series (100,000), `NARTHEX_BENCH_STEPS` how many samples
//! of each, 15 s apart (240, an hour), `NARTHEX_BENCH_INTERVAL` how many seconds pass between two
//! scrapes (2), `NARTHEX_BENCH_LINES` how many series a target has at most (all of its page),
//! `NARTHEX_BENCH_SYSTEMS` which servers run (`narthex,prometheus,victoria-metrics`).
//!
//! The exporters are threads of this program and take part of the machine: read CPU time, not wall
//! time.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

mod queries;
mod table;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use narthex_tests::fleet::INTERVAL_MS;
use narthex_tests::system::{Running, System};
use narthex_tests::{Fleet, Usage, until};
use table::Figures;

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
    let interval_s = number("INTERVAL", "2").max(1);
    let wanted = setting("SYSTEMS", "narthex,prometheus,victoria-metrics");
    let mut figures = Vec::new();
    for system in System::ALL {
        if wanted.split(',').any(|name| name == system.name()) {
            figures.push(run(system, series, steps, interval_s));
        }
    }
    table::print(&figures);
}

/// One server from an empty folder to its end.
fn run(system: System, series: u64, steps: u64, interval_s: u64) -> Figures {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now.as_millis()).unwrap();
    // Servers take what is up to an hour old: the last step is a minute from now.
    let start_ms = now_ms + 60_000 - steps.cast_signed() * INTERVAL_MS;
    let lines = usize::try_from(number("LINES", "1000000")).unwrap();
    let fleet = Fleet::with_lines(usize::try_from(series).unwrap(), lines, steps, start_ms);
    let server = fleet.serve();
    let folder = tempfile::tempdir().unwrap();
    let config = fleet.config(&server.address(), &format!("{interval_s}s"));
    println!(
        "{}: {} targets, {} series, {} samples",
        system.name(),
        fleet.targets(),
        fleet.series(),
        fleet.series() as u64 * steps
    );
    let started = Instant::now();
    let mut running = Running::start(system, folder.path(), &config);
    until(
        steps * interval_s * 20 + 120,
        "the last scrape",
        || match fleet.finished() {
            finished if finished == fleet.targets() => Ok(()),
            finished => Err(format!("{finished} targets of {}", fleet.targets())),
        },
    );
    let took_s = started.elapsed().as_secs_f64();
    let loaded = Usage::of(running.pid());
    let disk_bytes = running.disk_bytes();
    let deviations_ms = fleet.deviations_ms(interval_s as f64);
    let samples = fleet.samples();
    // Said at once: at the largest loads a server may refuse the queries that come next.
    println!(
        "{}: {samples} samples in {took_s:.0} s, {:.3} CPU s a million, RSS {:.0} MB",
        system.name(),
        loaded.cpu_s * 1e6 / samples as f64,
        loaded.rss_mb
    );
    let end_s = (start_ms + (steps.cast_signed() - 1) * INTERVAL_MS) / 1000;
    let queries = queries::ask_all(&running, end_s);
    drop(server);
    running.restart_idle();
    let replayed = Usage::of(running.pid());
    let there = queries::series(&running, end_s);
    assert!(
        there >= fleet.series() as f64 * 0.9,
        "{} series of {} are there after a kill: {}",
        there,
        fleet.series(),
        system.name()
    );
    Figures {
        system,
        series: fleet.series(),
        samples,
        took_s,
        loaded,
        disk_bytes,
        deviations_ms,
        queries,
        replayed,
    }
}
