//! Bytes a sample: the same samples in blocks of Narthex, of Debian's Prometheus 2.42 (promtool)
//! and in VictoriaMetrics 1.79, each made from the same text; a table with every file of ours.
//!
//! `cargo bench -p narthex-tests --bench sizes`, after a release build of the workspace.
//! `NARTHEX_BENCH_SERIES` says how many series (2,000); they have samples every 15 s.
//!
//! VictoriaMetrics gives 2 to 3 % of such samples back with other bits; the others lose nothing.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use narthex_tests::fleet::INTERVAL_MS;
use narthex_tests::usage::{bytes_below, files_below};
use narthex_tests::{Fleet, Process, binary, free_port, http, run, until};

/// The grid of blocks of two hours and, at its multiples, of twelve.
const START_MS: i64 = 1_767_225_600_000;

fn main() {
    let series = std::env::var("NARTHEX_BENCH_SERIES").map_or(2_000, |text| {
        let number = text.parse();
        number.unwrap_or_else(|_| panic!("NARTHEX_BENCH_SERIES: {text:?} is no number"))
    });
    println!(
        "| block | samples | narthex | prometheus | victoria-metrics | ratios | files of narthex |"
    );
    println!("|---|---|---|---|---|---|---|");
    for hours in [2, 12] {
        let steps = hours * 3_600_000 / INTERVAL_MS.unsigned_abs();
        let fleet = Fleet::new(series, steps, START_MS);
        let samples = (fleet.series() as u64 * steps) as f64;
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("samples.txt");
        let mut out = BufWriter::new(File::create(&text).unwrap());
        fleet.write_open_metrics(&mut out).unwrap();
        out.flush().unwrap();
        let ours = narthex(folder.path(), &text, hours);
        let all = ours.values().sum::<u64>() as f64 / samples;
        let prometheus = prometheus(folder.path(), &text, hours) as f64 / samples;
        let victoria = victoria_metrics(folder.path(), &text, samples) as f64 / samples;
        let files = ours.iter();
        let files = files.map(|(file, bytes)| format!("{file} {:.4}", *bytes as f64 / samples));
        println!(
            "| {hours} h | {samples} | {all:.3} | {prometheus:.3} | {victoria:.3} | {:.2}, {:.2} | {} |",
            all / prometheus,
            all / victoria,
            files.collect::<Vec<_>>().join(", ")
        );
    }
}

/// Bytes of each file of the blocks, by name.
fn narthex(folder: &Path, text: &Path, hours: u64) -> BTreeMap<String, u64> {
    let data = folder.join("narthex");
    run(Command::new(binary())
        .args(["tsdb", "create-blocks-from"])
        .arg(format!("--max-block-duration={hours}h"))
        .arg("openmetrics")
        .args([text, &data]));
    let mut sizes = BTreeMap::new();
    for file in files_below(&data) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        *sizes.entry(name).or_default() += file.metadata().unwrap().len();
    }
    sizes
}

fn prometheus(folder: &Path, text: &Path, hours: u64) -> u64 {
    let data = folder.join("prometheus");
    run(Command::new("promtool")
        .args(["tsdb", "create-blocks-from"])
        .arg(format!("--max-block-duration={hours}h"))
        .args(["openmetrics", "--quiet"])
        .args([text, &data]));
    bytes_below(&data)
}

fn victoria_metrics(folder: &Path, text: &Path, samples: f64) -> u64 {
    let (data, port) = (folder.join("victoria-metrics"), free_port());
    let args = [
        format!("-storageDataPath={}", data.display()),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        "-retentionPeriod=100y".to_owned(),
    ];
    let log = folder.join("victoria-metrics.log");
    let mut process = Process::start("victoria-metrics", &args, &log);
    let url = format!("http://127.0.0.1:{port}");
    until(60, &url, || http::get(&format!("{url}/health")));
    // It takes times in milliseconds; the text has seconds with three decimals.
    let import = format!(
        "sed -E 's/ ([0-9]+)\\.([0-9]{{3}})$/ \\1\\2/; /^#/d' {} | \
         curl --silent --show-error --fail --data-binary @- {url}/api/v1/import/prometheus",
        text.display()
    );
    run(Command::new("sh").args(["-c", &import]));
    let rows = || -> Result<(f64, f64), String> {
        let (_, metrics) = http::get(&format!("{url}/metrics"))?;
        let sum = |name: &str| {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            let numbers = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            numbers.sum::<f64>()
        };
        Ok((sum("vm_pending_rows"), sum("vm_active_merges")))
    };
    for step in ["force_flush", "force_merge"] {
        http::get(&format!("{url}/internal/{step}")).unwrap();
        until(120, step, || match rows()? {
            (0.0, 0.0) => Ok(()),
            left => Err(format!("{left:?} rows and merges are left")),
        });
    }
    // A size of half of the samples would say nothing.
    let end = (START_MS + 13 * 3_600_000) / 1000;
    let count = "sum(count_over_time(%7B__name__!=%22%22%7D%5B13h%5D))";
    let (_, kept) = http::get(&format!("{url}/api/v1/query?query={count}&time={end}")).unwrap();
    assert!(kept.contains(&format!("\"{samples}\"")), "{kept}");
    // It writes the rest when it ends.
    process.terminate();
    bytes_below(&data)
}
