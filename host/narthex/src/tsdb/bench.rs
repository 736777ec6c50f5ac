//! `narthex tsdb bench write`: how fast a store of its own takes samples, as `promtool tsdb bench
//! write`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use narthex_model::{Clock as _, Labels, METRIC_NAME, Sample, SeriesRef, SystemClock, WriteBatch};
use narthex_storage::Appendable as _;
use narthex_tsdb::{Tsdb, TsdbOptions};
use prometheus_client::registry::Registry;

use super::progress::Progress;
use super::runtime;

/// The time between two scrapes of a series, as in promtool's benchmark.
const INTERVAL_MS: i64 = 30_000;

/// Series of one scrape, which is one record of the log.
const SERIES_AT_ONCE: usize = 1_000;

/// What can be measured.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BenchCommand {
    /// Run a write performance benchmark.
    Write(BenchWrite),
}

/// How much is written.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchWrite {
    /// Set the output path. Nothing may be there.
    #[arg(long, value_name = "DIR", default_value = "benchout")]
    out: PathBuf,
    /// Number of metrics to read.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    metrics: usize,
    /// Number of scrapes to simulate.
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    scrapes: u32,
    /// File with the labels of a series as a JSON object on each line. Without it, series are made
    /// up.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl BenchCommand {
    /// Measures and prints.
    ///
    /// # Errors
    /// The file has no series, or the store cannot be written.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let Self::Write(write) = self;
        write.run()
    }
}

impl BenchWrite {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let out = &self.out;
        ensure!(!out.exists(), "{} is there already", out.display());
        let series = match &self.file {
            Some(file) => read(file, self.metrics)?,
            None => (0..self.metrics).map(made_up).collect(),
        };
        ensure!(!series.is_empty(), "there is no series to write");
        let runtime = runtime()?;
        let options = TsdbOptions::new(out, Arc::new(SystemClock));
        let tsdb = Tsdb::open(options, &mut Registry::default())
            .with_context(|| format!("the store {} cannot be opened", out.display()))?;
        let mut batches: Vec<WriteBatch> = series.chunks(SERIES_AT_ONCE).map(batch).collect();
        let start_ms = SystemClock.now_ms() - i64::from(self.scrapes) * INTERVAL_MS;
        let mut line = Progress::new();
        let mut took = Duration::ZERO;
        for scrape in 0..self.scrapes {
            let text = format!("scrape {scrape} of {}", self.scrapes);
            line.tell_part(scrape.into(), self.scrapes.into(), &text);
            let at_ms = start_ms + i64::from(scrape) * INTERVAL_MS;
            for batch in &mut batches {
                for sample in &mut batch.samples {
                    sample.timestamp_ms = at_ms;
                    sample.value += 1_000.0;
                }
                let begin = Instant::now();
                let report = tsdb.append(batch);
                took += begin.elapsed();
                let report = report.context("writing")?;
                ensure!(report.rejected.is_empty(), "{:?}", report.rejected[0]);
                for (sample, series) in batch.samples.iter_mut().zip(report.series) {
                    sample.series = series;
                }
            }
        }
        line.end();
        let begin = Instant::now();
        runtime.block_on(tsdb.close())?;
        let closed = begin.elapsed();
        let samples = series.len() as u64 * u64::from(self.scrapes);
        println!(" > total samples: {samples}");
        println!(" > ingestion took: {took:.1?}");
        println!(" > samples/sec: {:.0}", samples as f64 / took.as_secs_f64());
        println!(" > closing took: {closed:.1?}");
        Ok(ExitCode::SUCCESS)
    }
}

fn batch(series: &[Labels]) -> WriteBatch {
    let samples = series.iter().map(|labels| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels.clone(),
        timestamp_ms: 0,
        value: 0.0,
    });
    samples.collect::<Vec<_>>().into()
}

fn made_up(number: usize) -> Labels {
    let number = number.to_string();
    Labels::from_pairs([
        (METRIC_NAME, "bench_metric"),
        ("instance", "bench"),
        ("job", "narthex"),
        ("series", number.as_str()),
    ])
}

/// At most so many series of a file, those that are there twice once.
fn read(file: &Path, series_max: usize) -> anyhow::Result<Vec<Labels>> {
    let name = file.display().to_string();
    let lines = BufReader::new(std::fs::File::open(file).with_context(|| name.clone())?).lines();
    let mut found = BTreeMap::new();
    for (number, line) in lines.enumerate() {
        if found.len() >= series_max {
            break;
        }
        let line = line.with_context(|| name.clone())?;
        let text = line.trim().trim_end_matches(',');
        if text.is_empty() {
            continue;
        }
        let labels: BTreeMap<String, String> =
            serde_json::from_str(text).with_context(|| format!("{name}:{}", number + 1))?;
        let labels = Labels::from_pairs(&labels);
        found.insert(labels.to_string(), labels);
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_written_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("series.json");
        let text = "{\"__name__\":\"a\",\"b\":\"c\"}\n\n{\"b\":\"c\",\"__name__\":\"a\"}\n\
                    {\"__name__\":\"d\"}\n{\"__name__\":\"e\"}\n";
        std::fs::write(&file, text).unwrap();
        let of = |metrics: usize| read(&file, metrics).unwrap().len();
        assert_eq!([of(1), of(2), of(9)], [1, 2, 3]);
        let write = BenchWrite {
            out: folder.path().join("out"),
            metrics: 1_500,
            scrapes: 3,
            file: None,
        };
        assert!(write.run().is_ok());
        // What is there is not written over.
        assert!(write.run().is_err());
        std::fs::write(&file, "{\"__name__\":1}\n").unwrap();
        assert!(read(&file, 1).is_err());
    }
}
