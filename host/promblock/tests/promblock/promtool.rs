//! What Debian's promtool writes into blocks comes out of them bit for bit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use narthex_model::Labels;
use narthex_model::sample::NORMAL_NAN_BITS;
use narthex_promblock::PromBlock;
use narthex_storage::TimeRange;

/// 2026-01-01 00:00 UTC, where a block of two hours begins.
const START_MS: i64 = 1_767_225_600_000;
const STEP_MS: i64 = 15_000;

/// The samples of a series, values as bits.
type Samples = Vec<(i64, u64)>;

/// What is written, and what is to come back.
#[derive(Default)]
struct Written {
    text: String,
    series: BTreeMap<Labels, Samples>,
}

impl Written {
    fn family(&mut self, name: &str, kind: &str) {
        writeln!(self.text, "# TYPE {name} {kind}").unwrap();
    }

    fn series(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        samples: impl Iterator<Item = (i64, f64)>,
    ) {
        let mut written = name.to_owned();
        if !labels.is_empty() {
            let pairs = labels.iter().map(|(name, value)| {
                let value = value
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('\n', "\\n");
                format!("{name}=\"{value}\"")
            });
            written += &format!("{{{}}}", pairs.collect::<Vec<_>>().join(","));
        }
        let pairs = [("__name__", name)]
            .into_iter()
            .chain(labels.iter().copied());
        let kept = self.series.entry(Labels::from_pairs(pairs)).or_default();
        for (timestamp_ms, value) in samples {
            let text = if value.is_nan() {
                "NaN".to_owned()
            } else if value.is_infinite() {
                if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
            } else {
                format!("{value:e}")
            };
            let (seconds, ms) = (timestamp_ms / 1000, timestamp_ms % 1000);
            writeln!(self.text, "{written} {text} {seconds}.{ms:03}").unwrap();
            let bits = if value.is_nan() {
                NORMAL_NAN_BITS
            } else {
                value.to_bits()
            };
            kept.push((timestamp_ms, bits));
        }
    }
}

/// Some 11,000 samples over twelve hours.
fn written() -> Written {
    let mut written = Written::default();
    let every = |step: usize| (0..2_880_i64).step_by(step);
    let at = |number: i64| START_MS + number * STEP_MS;

    written.family("requests", "counter");
    for (pod, step) in [("a", 1), ("b", 3)] {
        let rising = every(step).map(|n| (at(n), (n * n % 977 + n * 7) as f64));
        written.series("requests_total", &[("pod", pod), ("Zone", "eu")], rising);
    }
    written.family("temperature", "gauge");
    let jittered = every(2).map(|n| (at(n) + n * 7919 % 1000, (n as f64 / 10.0).sin() * 1e3));
    written.series(
        "temperature",
        &[("ort", "Küche 🍞"), ("text", "a\\b\"c\nd")],
        jittered,
    );
    let with_gap = every(1).filter(|n| !(500..1_700).contains(n));
    written.series(
        "temperature",
        &[("ort", "gap")],
        with_gap.map(|n| (at(n), 20.5)),
    );
    let special = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        0.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
    ];
    let special_samples = every(4)
        .zip(special.into_iter().cycle())
        .map(|(n, value)| (at(n), value));
    written.series("temperature", &[("ort", "special")], special_samples);
    written.family("once", "gauge");
    written.series("once", &[], [(at(1_234), 1.0)].into_iter());
    written.series("once", &[("le", "+Inf")], [(at(0), 0.1 + 0.2)].into_iter());
    written.family("noise", "gauge");
    let mut state = 1_u64;
    let noise = every(1).map(|n| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (at(n), f64::from_bits(state >> 2))
    });
    written.series("noise", &[("instance", "a:1")], noise);
    written.text.push_str("# EOF\n");
    written
}

fn blocks(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut blocks: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("meta.json").exists())
        .collect();
    blocks.sort();
    blocks
}

/// Runs promtool, which the Debian package `prometheus` has.
fn promtool(arguments: &[&str]) -> String {
    let output = Command::new("promtool").args(arguments).output();
    let output = output.unwrap_or_else(|error| {
        panic!("this test needs promtool of the Debian package prometheus: {error}")
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder with the blocks that promtool makes of what is written.
fn made(written: &Written) -> tempfile::TempDir {
    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&text, &written.text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        text.path().to_str().unwrap(),
        folder.path().to_str().unwrap(),
    ];
    promtool(&[
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        paths[0],
        paths[1],
    ]);
    folder
}

#[test]
fn what_promtool_writes_comes_back_bit_for_bit() {
    let written = written();
    let folder = made(&written);

    let mut read: BTreeMap<Labels, Samples> = BTreeMap::new();
    let mut counts = Vec::new();
    for path in blocks(folder.path()) {
        let block = PromBlock::open(&path).unwrap();
        let mut samples = 0;
        let mut previous = None;
        for series in block.series() {
            let series = series.unwrap();
            assert!(series.histograms.is_none() && series.starts.is_none());
            assert!(
                previous.as_ref() < Some(&series.labels),
                "{}",
                series.labels
            );
            let bits = series.values.iter().map(|value| value.to_bits());
            let of_series = series.timestamps.iter().copied().zip(bits);
            let range = block.meta().min_time..block.meta().max_time;
            assert!(series.timestamps.iter().all(|t| range.contains(t)));
            samples += series.values.len() as u64;
            read.entry(series.labels.clone())
                .or_default()
                .extend(of_series);
            previous = Some(series.labels);
        }
        assert_eq!(samples, block.meta().stats.num_samples);
        assert_eq!(block.series_count() as u64, block.meta().stats.num_series);
        counts.push(samples);
    }
    assert!(counts.len() > 3, "{counts:?}");
    for samples in read.values_mut() {
        samples.sort_unstable();
    }
    let total: usize = written.series.values().map(Vec::len).sum();
    assert!(total > 10_000, "{total}");
    assert!(read.keys().eq(written.series.keys()));
    for (labels, samples) in &written.series {
        assert_eq!(read[labels], *samples, "{labels}");
    }
}

#[test]
fn a_reader_gives_any_series_and_any_span_of_it() {
    let written = written();
    let folder = made(&written);
    for path in blocks(folder.path()) {
        let block = PromBlock::open(&path).unwrap();
        let start_ms = block.meta().min_time + 1_000_000;
        let span = TimeRange {
            start_ms,
            end_ms: start_ms + 2_000_000,
        };
        let mut reader = block.reader();
        for number in (0..block.series_count()).rev() {
            let labels = reader.labels(number).unwrap();
            let expected = written.series[&labels].iter();
            let expected: Samples = expected
                .copied()
                .filter(|(t, _)| span.contains(*t))
                .collect();
            let read = reader.read(number, span).unwrap();
            let read = read.map_or_else(Vec::new, |series| {
                let bits = series.values.iter().map(|value| value.to_bits());
                series.timestamps.iter().copied().zip(bits).collect()
            });
            assert_eq!(read, expected, "{labels}");
        }
        assert!(reader.labels(block.series_count()).is_err());
    }
}
