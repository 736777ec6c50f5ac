//! What cannot be told as a time per call: bytes per series, and the time to append, to read and
//! to replay them all.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_head::{Head, HeadOptions};
use narthex_model::{Matcher, WriteBatch};
use narthex_storage::{Queryable, SelectRequest, TimeRange};
use tempfile::TempDir;

use crate::counting;
use crate::node::{self, SERIES};

/// Clock ticks of `/proc` a second.
const TICKS: f64 = 100.0;

/// Prints the figures for so many targets and scrapes of each.
pub(crate) fn print(targets: usize, scrapes: u32) -> std::io::Result<()> {
    let dir = TempDir::new()?;
    let series = targets * SERIES;
    let mut batches: Vec<WriteBatch> = (0..targets).map(node::batch).collect();
    let text: usize = batches
        .iter()
        .flat_map(|batch| &batch.samples)
        .map(|sample| sample.labels.encoded_len())
        .sum();
    println!(
        "{series} series, {:.0} B of label text each, counted in the bytes below",
        per(text, series)
    );
    let Ok((head, _)) = Head::open(HeadOptions::new(dir.path())) else {
        return Ok(());
    };
    append_all(&head, &mut batches, scrapes, &dir, text);
    for matchers in [vec![], vec![Matcher::equal("device", "dev1")]] {
        select(&head, matchers, "all of it", TimeRange::ALL);
    }
    let newest_ms = head.max_time().unwrap_or(0);
    let hour = TimeRange {
        start_ms: newest_ms - 3_600_000,
        end_ms: newest_ms,
    };
    select(&head, vec![], "the last hour", hour);
    drop((head, batches));
    replay(dir.path(), series);
    Ok(())
}

/// Appends scrape by scrape, and tells where the memory stands on the way.
fn append_all(head: &Head, batches: &mut [WriteBatch], scrapes: u32, dir: &TempDir, text: usize) {
    let series = batches.len() * SERIES;
    let before = counting::held();
    let (mut spent, mut from) = (Duration::ZERO, 0);
    for number in 0..scrapes {
        for batch in &mut *batches {
            node::scrape(batch, number);
        }
        // The time on the processor: others may be at work on this machine.
        let start = thread_time();
        for batch in &mut *batches {
            node::append(head, batch);
        }
        spent += thread_time() - start;
        let upto = number + 1;
        if [1, 18, 119, 120, 180, 239, 240, 479, 480].contains(&upto) || upto == scrapes {
            let samples = series * (upto - from) as usize;
            println!(
                "{upto} samples each: {:.0} B/series held, {:.2} B/sample of sample buffers, \
                 {:.2} B/sample of log, {:.0} ns/sample to append",
                per(counting::held() - before + text, series),
                per(head.sample_bytes(), series * upto as usize),
                per(log_bytes(dir.path()), series * upto as usize),
                per(nanos(spent), samples),
            );
            (spent, from) = (Duration::ZERO, upto);
        }
    }
}

/// Reads series twice and tells the better time, and how many buffers of times there were.
fn select(head: &Head, matchers: Vec<Matcher>, what: &str, range: TimeRange) {
    let request = SelectRequest { matchers, range };
    let mut best = Duration::MAX;
    let (mut samples, mut series, mut buffers) = (0, 0, 0);
    for _ in 0..3 {
        let start = thread_time();
        let mut last = std::ptr::null();
        (samples, series, buffers) = (0, 0, 0);
        let read = block_on(async {
            let mut stream = head.select(&request).await?;
            while let Some(found) = stream.try_next().await? {
                samples += found.values.len();
                series += 1;
                buffers += usize::from(found.timestamps.as_ptr() != last);
                last = found.timestamps.as_ptr();
            }
            Ok::<(), narthex_storage::StorageError>(())
        });
        if read.is_ok() {
            best = best.min(thread_time() - start);
        }
    }
    println!(
        "select {what}: {series} series, {samples} samples, {buffers} buffers of times, \
         {:.1} ns/sample",
        per(nanos(best), samples)
    );
}

/// Opens the log anew.
fn replay(dir: &Path, series: usize) {
    let before = counting::held();
    counting::peak();
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let opened = Head::open(HeadOptions::new(dir));
    let (cpu, wall) = (cpu_seconds() - cpu, start.elapsed());
    if let Ok((head, report)) = opened {
        println!(
            "replay: {} samples of {} series from {} B: {wall:?}, {:.2} CPU-s per million series, \
             {:.0} B/series held, {:.0} at the most",
            report.samples,
            head.series_count(),
            log_bytes(dir),
            cpu * 1e6 / per(series, 1),
            per(counting::held() - before, series),
            per(counting::peak() - before, series),
        );
    }
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Processor time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

fn log_bytes(dir: &Path) -> usize {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    let lengths = files.filter_map(|entry| entry.metadata().ok());
    let bytes: u64 = lengths.map(|metadata| metadata.len()).sum();
    usize::try_from(bytes).unwrap_or(0)
}

fn nanos(time: Duration) -> usize {
    usize::try_from(time.as_nanos()).unwrap_or(0)
}

fn per(amount: usize, count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "figures to be read")]
    let ratio = amount as f64 / count as f64;
    ratio
}
