//! How long a server with many series takes to stop and to be ready again, side by side: the same
//! samples in Narthex and in Debian's Prometheus 2.42, one after the other, with some blocks behind
//! the head; a stop (SIGTERM) while more samples come, a start, a kill (SIGKILL), a start; and a table
//! of wall and CPU seconds, also for a million series.
//!
//! `cargo bench -p narthex-tests --bench ready`, after a release build of the workspace.
//! `NARTHEX_BENCH_SERIES` says how many series (100,000), `NARTHEX_BENCH_STEPS` how many samples of
//! each, 15 s apart (400, a hundred minutes), `NARTHEX_BENCH_BLOCK` how long a block is (30m; with 2h and
//! 1440 steps a server has what it has in production), `NARTHEX_BENCH_SYSTEMS` which servers run
//! (`narthex,prometheus`).
//!
//! How much a server has to read depends on how long ago its last block was cut: that is between half
//! a block and one and a half, the same for both, and shown. On a machine that does something else
//! read CPU seconds; wall seconds are what a pod has.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use narthex_tests::fleet::INTERVAL_MS;
use narthex_tests::system::{Running, System};
use narthex_tests::usage::bytes_below;
use narthex_tests::{Fleet, Usage, until};

/// Kubernetes gives a pod so long to end where nothing else is said; `deploy/` gives ten times that.
const GRACE_S: f64 = 30.0;

/// A server with a million series is to be ready again in this time.
const READY_S_MAX: f64 = 15.0;

/// So many steps may come while a server is asked to stop; it refuses them before long.
const LOAD_STEPS: u64 = 200;

fn setting(name: &str, default: &str) -> String {
    std::env::var(format!("NARTHEX_BENCH_{name}")).unwrap_or_else(|_| default.to_owned())
}

fn number(name: &str, default: &str) -> u64 {
    let text = setting(name, default);
    text.parse()
        .unwrap_or_else(|_| panic!("NARTHEX_BENCH_{name}: {text:?} is no number"))
}

/// Minutes or hours, as `30m`.
fn milliseconds(text: &str) -> f64 {
    let (count, unit) = text.split_at(text.len().saturating_sub(1));
    let unit_ms = match unit {
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        _ => panic!("NARTHEX_BENCH_BLOCK: {text:?} is neither minutes nor hours"),
    };
    count.parse::<f64>().unwrap() * unit_ms
}

/// A start, from the program's to the first answer that says that it is ready.
#[derive(Debug, Clone, Copy)]
struct Start {
    wall_s: f64,
    cpu_s: f64,
}

/// What was measured of a server.
#[derive(Debug)]
struct Outcome {
    /// Series in the head, millions.
    series: f64,
    /// Samples in the head, millions.
    samples: f64,
    blocks: f64,
    log_mb: f64,
    stop_s: f64,
    after_stop: Start,
    after_kill: Start,
}

fn main() {
    let (series, steps) = (number("SERIES", "100000"), number("STEPS", "400"));
    let (block, wanted) = (
        setting("BLOCK", "30m"),
        setting("SYSTEMS", "narthex,prometheus"),
    );
    // VictoriaMetrics says that it is ready as soon as it listens.
    let wanted = |system: &System| {
        *system != System::VictoriaMetrics && wanted.split(',').any(|name| name == system.name())
    };
    println!(
        "| | series in the head, million | their samples, million | blocks | log, MB | stop, s | \
         ready after a stop: wall, s | CPU, s | after a kill: wall, s | CPU, s | \
         wall, s per million series: after a stop | after a kill | CPU of narthex after a kill is |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut outcomes: Vec<(System, Outcome)> = Vec::new();
    for system in System::ALL.into_iter().filter(wanted) {
        let outcome = run(system, series, steps, &block);
        let ours = outcomes.first().map_or(&outcome, |(_, first)| first);
        let Outcome {
            after_stop,
            after_kill,
            ..
        } = outcome;
        println!(
            "| {} | {:.2} | {:.1} | {} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | \
             {:.1} | {:.2} of it |",
            system.name(),
            outcome.series,
            outcome.samples,
            outcome.blocks,
            outcome.log_mb,
            outcome.stop_s,
            after_stop.wall_s,
            after_stop.cpu_s,
            after_kill.wall_s,
            after_kill.cpu_s,
            after_stop.wall_s / outcome.series,
            after_kill.wall_s / outcome.series,
            ours.after_kill.cpu_s / after_kill.cpu_s
        );
        outcomes.push((system, outcome));
    }
    for (system, outcome) in outcomes {
        let part = |is_within: bool| if is_within { "within" } else { "over" };
        println!(
            "\n{}: {} the grace of {GRACE_S} s of a pod; {} {READY_S_MAX} s to be ready per million series, \
             and {} after a kill",
            system.name(),
            part(outcome.stop_s <= GRACE_S),
            part(outcome.after_stop.wall_s / outcome.series <= READY_S_MAX),
            part(outcome.after_kill.wall_s / outcome.series <= READY_S_MAX)
        );
    }
}

/// One server from an empty folder to its third start.
fn run(system: System, series: u64, steps: u64, block: &str) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now.as_millis()).unwrap();
    let all_steps = steps + LOAD_STEPS;
    let start_ms = now_ms - all_steps.cast_signed() * INTERVAL_MS;
    let fleet = Fleet::new(usize::try_from(series).unwrap(), all_steps, start_ms);
    let folder = tempfile::tempdir().unwrap();
    // Blocks are cut, and none are compacted: that would go on for a while in one of them.
    let flags = vec![
        format!("--storage.tsdb.min-block-duration={block}"),
        format!("--storage.tsdb.max-block-duration={block}"),
    ];
    let mut running = Running::start_with(system, folder.path(), "global: {}\n", flags);
    fleet.send(&running.url(), 0..steps);
    wait_for_cuts(&running, milliseconds(block));
    let held = held(&running);
    let log_mb = bytes_below(&running.data().join("wal")) as f64 / 1e6;
    let blocks = running.gauge("prometheus_tsdb_blocks_loaded").unwrap();
    let head_ms = head_ms(&running).unwrap();

    let stop_s = stop_under_load(&mut running, &fleet, steps..all_steps).as_secs_f64();
    let after_stop = start(&mut running, held);
    running.kill();
    // What a stop left goes with the next block: a kill after that has the log alone.
    let _ = std::fs::remove_file(running.data().join("wal/chunk_snapshot"));
    let after_kill = start(&mut running, held);
    Outcome {
        series: held / 1e6,
        samples: held / 1e6 * (head_ms / INTERVAL_MS as f64 + 1.0),
        blocks,
        log_mb,
        stop_s,
        after_stop,
        after_kill,
    }
}

/// Asks it to stop while it takes samples, and says how long that took.
fn stop_under_load(running: &mut Running, fleet: &Fleet, steps: Range<u64>) -> Duration {
    let url = running.url();
    let newest_ms = "prometheus_tsdb_head_max_time";
    let before_ms = running.gauge(newest_ms).unwrap();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| fleet.send_while_taken(&url, steps));
        until(600, "samples on the way", || {
            match running.gauge(newest_ms)? > before_ms {
                true => Ok(()),
                false => Err("none came".to_owned()),
            }
        });
        let stopped = running.terminate();
        let sent = sender.join().unwrap();
        assert!(sent.is_err(), "nothing was on the way when it stopped");
        stopped
    })
}

fn head_ms(running: &Running) -> Result<f64, String> {
    let newest_ms = running.gauge("prometheus_tsdb_head_max_time")?;
    Ok(newest_ms - running.gauge("prometheus_tsdb_head_min_time")?)
}

/// Series in the head.
fn held(running: &Running) -> f64 {
    running.gauge("prometheus_tsdb_head_series").unwrap()
}

/// Until no block is due: a server looks once a minute.
fn wait_for_cuts(running: &Running, block_ms: f64) {
    until(1_800, "the blocks that are due", || {
        let head_ms = head_ms(running)?;
        match head_ms <= block_ms * 1.5 {
            true => Ok(()),
            false => Err(format!("the head has {} s", head_ms / 1_000.0)),
        }
    });
}

/// Starts it; it must have the series that it had. Prometheus has some more for a while, of which
/// blocks have all samples.
fn start(running: &mut Running, expected: f64) -> Start {
    let wall: Duration = running.start_again();
    let cpu_s = Usage::of(running.pid()).cpu_s;
    let series = held(running);
    let name = running.system.name();
    assert!(
        series >= expected,
        "{name} has {series} of {expected} series"
    );
    Start {
        wall_s: wall.as_secs_f64(),
        cpu_s,
    }
}
