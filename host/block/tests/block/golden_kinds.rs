//! A second kept block, with native histograms and start timestamps. It is read by this build, and
//! so are the others, by the Python of the conformance tests, which knows FORMAT.md alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, SLICE_MS, block_order, verify, write};
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint};
use narthex_model::{FloatHistogram, sample};
use narthex_storage::{Series, TimeRange};
use object_store::local::LocalFileSystem;
use serde_json::{Value, json};

use crate::downsample::golden as windows;
use crate::fixture::{ULID, cache, folder, options, request};
use crate::golden;
use crate::kinds::{AllBits, all_bits, rich};

fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/block/golden/kinds")
}

/// Observations of a duration: buckets appear with time, the count is their sum.
fn durations(n: i64) -> FloatHistogram {
    let counts: Vec<f64> = (0..1 + n / 12)
        .map(|bucket| (n * (7 - bucket)) as f64)
        .collect();
    let zero_count = (n / 5) as f64;
    FloatHistogram {
        counter_reset_hint: match n {
            0 => CounterResetHint::Unknown,
            20 => CounterResetHint::Reset,
            _ => CounterResetHint::NotReset,
        },
        schema: 3,
        zero_threshold: 2.938_735_877_055_719e-39,
        zero_count,
        count: counts.iter().fold(zero_count, |sum, count| sum + count),
        sum: n as f64 * 0.731,
        positive: Buckets::consecutive(-3, counts).unwrap(),
        negative: Buckets::default(),
        custom_bounds: [].into(),
    }
}

/// A gauge of which hardly a field is a plain number, its count no sum.
fn gauge(n: i64) -> FloatHistogram {
    let step = i32::try_from(n % 4).unwrap();
    FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        schema: step - 4,
        zero_threshold: 0.125,
        zero_count: -0.0,
        count: 0.1 + n as f64,
        sum: f64::NEG_INFINITY,
        positive: Buckets::new([i32::MIN, step, step + 9], vec![0.25, -0.0, 1e300]).unwrap(),
        negative: Buckets::new([step, i32::MAX], vec![f64::NAN, f64::INFINITY]).unwrap(),
        custom_bounds: [].into(),
    }
}

/// A histogram with bounds of its own, which change once.
fn bounded(n: i64) -> FloatHistogram {
    let bounds: &[f64] = if n < 30 {
        &[0.1, 2.5]
    } else {
        &[0.1, 2.5, 10.0]
    };
    FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: (2 * n) as f64,
        sum: n as f64 / 8.0,
        positive: Buckets::consecutive(0, vec![n as f64, n as f64]).unwrap(),
        custom_bounds: bounds.into(),
        ..FloatHistogram::default()
    }
}

/// What the kept block holds. It never changes; a new version gets a block of its own.
pub(crate) fn content() -> Vec<Series> {
    let times: Vec<i64> = (0..46).map(|n| 250_000 + n * 300_000).collect();
    let n = |time: i64| (time - 250_000) / 300_000;
    let mut all = vec![
        rich("durations", &times, &|t| (Some(durations(n(t))), 0.0, 0)),
        rich("gauge", &times, &|t| (Some(gauge(n(t))), 0.0, 0)),
        rich("bounded", &times[5..], &|t| (Some(bounded(n(t))), 0.0, 77)),
        rich("mixed", &times, &|t| match n(t) % 7 {
            0 => (None, 1.5, 3),
            1 => (None, sample::STALE_NAN, 0),
            _ => (Some(durations(n(t))), 0.0, t - 5),
        }),
        // Each sample's counting began with the one before it.
        rich("delta", &times, &|t| (None, n(t) as f64 * 0.1, t - 300_000)),
        // Counting began anew twice.
        rich("counter", &times, &|t| {
            (None, (n(t) % 20) as f64, n(t) / 20 * 6_000_000 - 1)
        }),
        rich("plain", &times, &|t| (None, n(t) as f64, 0)),
        // Nothing of it in the first slice.
        rich("late", &times[30..], &|t| {
            (Some(durations(n(t))), 0.0, i64::MIN)
        }),
    ];
    all.sort_by(|a, b| block_order(&a.labels, &b.labels));
    all
}

#[test]
fn the_kept_block_of_all_kinds_opens_and_answers() {
    if std::env::var_os("NARTHEX_WRITE_KEPT_BLOCK").is_some_and(|name| name == "kinds") {
        write_the_kept_block();
    }
    let store = Arc::new(LocalFileSystem::new_with_prefix(kept()).unwrap());
    let found: Vec<Series> = block_on(async {
        assert!(verify(Arc::clone(&store) as _, &folder()).await.is_empty());
        let block = Arc::new(Block::open(store, &folder(), &cache()).await.unwrap());
        let request = request(vec![], TimeRange::ALL);
        block.select(&request).await.unwrap().try_collect().await
    })
    .unwrap();
    let bits = |all: &[Series]| -> Vec<AllBits> { all.iter().map(all_bits).collect() };
    assert!(bits(&found) == bits(&content()));
}

/// Writes the kept block anew, which only a new version of the format needs: run the tests with
/// `NARTHEX_WRITE_KEPT_BLOCK=kinds`.
fn write_the_kept_block() {
    std::fs::create_dir_all(kept()).unwrap();
    let store = LocalFileSystem::new_with_prefix(kept()).unwrap();
    let options = options(0..2 * SLICE_MS);
    block_on(write(&store, &folder(), content(), &options)).unwrap();
}

/// The Python of the conformance tests, where it has what the reader of blocks needs.
fn python() -> Option<String> {
    let named = std::env::var("NARTHEX_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let mut asked = Command::new(&python);
    asked.args(["-c", "import numpy, pyarrow.parquet"]);
    let has_all = asked.output().is_ok_and(|done| done.status.success());
    assert!(
        has_all || named.is_none(),
        "NARTHEX_TEST_PYTHON has no pyarrow"
    );
    has_all.then_some(python)
}

fn conformance() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance")
}

/// What the reader prints of a block, series by series.
fn read_by_python(python: &str, kept: &Path) -> Vec<Value> {
    let mut reader = Command::new(python);
    reader
        .arg(conformance().join("read_block.py"))
        .arg("--samples");
    let done = reader.arg(kept.join(ULID.to_string())).output().unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{complaint}");
    let lines = String::from_utf8(done.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What it should print.
fn shown(series: &Series) -> Value {
    let labels: serde_json::Map<String, Value> = series
        .labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let samples = series.timestamps.iter().enumerate().map(|(at, time)| {
        let histogram = series.histograms.as_ref().and_then(|all| all[at].as_ref());
        let value = match histogram {
            Some(histogram) => shown_histogram(histogram),
            None => shown_double(series.values[at]),
        };
        match series.starts.as_ref().map_or(0, |starts| starts[at]) {
            0 => json!([time, value]),
            start => json!([time, value, start]),
        }
    });
    json!({
        "labels": labels,
        "mint": series.timestamps.first(),
        "maxt": series.timestamps.last(),
        "samples": samples.collect::<Vec<_>>(),
    })
}

fn shown_double(value: f64) -> Value {
    match value {
        stale if stale.to_bits() == sample::STALE_NAN.to_bits() => json!("StaleNaN"),
        f64::INFINITY => json!("+Inf"),
        f64::NEG_INFINITY => json!("-Inf"),
        nan if nan.is_nan() => json!("NaN"),
        number => json!(number),
    }
}

fn shown_histogram(histogram: &FloatHistogram) -> Value {
    let side = |buckets: &Buckets| -> Vec<Value> {
        let pairs = buckets.iter();
        pairs
            .map(|(index, count)| json!([index, shown_double(count)]))
            .collect()
    };
    let bounds = histogram
        .custom_bounds
        .iter()
        .map(|bound| shown_double(*bound));
    json!({
        "hint": match histogram.counter_reset_hint {
            CounterResetHint::Unknown => "unknown",
            CounterResetHint::Reset => "reset",
            CounterResetHint::NotReset => "not_reset",
            CounterResetHint::Gauge => "gauge",
        },
        "schema": histogram.schema,
        "zero_threshold": shown_double(histogram.zero_threshold),
        "zero_count": shown_double(histogram.zero_count),
        "count": shown_double(histogram.count),
        "sum": shown_double(histogram.sum),
        "positive": side(&histogram.positive),
        "negative": side(&histogram.negative),
        "custom_bounds": bounds.collect::<Vec<_>>(),
    })
}

#[test]
fn python_with_numpy_reads_of_the_kept_blocks_what_they_hold() {
    let Some(python) = python() else {
        println!("left out: there is no Python with pyarrow");
        return;
    };
    for (kept, content) in [
        (golden::kept(), golden::content()),
        (kept(), content()),
        (windows::kept(), windows::content()),
    ] {
        let found = read_by_python(&python, &kept);
        let expected = content.iter().map(|series| {
            // Through text, as numbers are not always read to the last bit.
            serde_json::from_str(&shown(series).to_string()).unwrap()
        });
        assert_eq!(found, expected.collect::<Vec<Value>>());
    }
}

#[test]
fn the_decoder_of_the_format_is_the_one_that_is_tested() {
    let format = Path::new(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md");
    let format = std::fs::read_to_string(format).unwrap();
    let reader = std::fs::read_to_string(conformance().join("read_block.py")).unwrap();
    let (_, decoder) = format.split_once("```python\n").unwrap();
    let (decoder, _) = decoder.split_once("```").unwrap();
    assert!(decoder.starts_with("def decode_nx1(cell, count):"));
    assert!(
        reader.contains(decoder),
        "FORMAT.md has another decoder than read_block.py"
    );
}
