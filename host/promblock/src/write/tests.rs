//! What is written is read again as it was.

use std::sync::Arc;

use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA};
use narthex_model::sample::{self, STALE_NAN};
use narthex_model::{CounterResetHint, FloatHistogram, Labels};
use narthex_storage::{Series, TimeRange};

use super::{CHUNK_SAMPLES_MAX, WrittenChunk, write_chunks};
use crate::read_chunk;

use CounterResetHint::{Gauge, NotReset, Reset, Unknown};

/// A sample: a number or a histogram.
#[derive(Clone)]
enum Sample {
    Number(f64),
    Histogram(FloatHistogram),
}

fn series(samples: &[(i64, Sample)]) -> Series {
    let histograms = samples.iter().map(|(_, sample)| match sample {
        Sample::Number(_) => None,
        Sample::Histogram(histogram) => Some(Arc::new(histogram.clone())),
    });
    let values = samples.iter().map(|(_, sample)| match sample {
        Sample::Number(value) => *value,
        Sample::Histogram(_) => sample::HISTOGRAM,
    });
    let times: Vec<i64> = samples.iter().map(|(time, _)| *time).collect();
    let values: Vec<f64> = values.collect();
    Series {
        histograms: Some(histograms.collect()),
        ..Series::of_numbers(Labels::from_pairs([("__name__", "m")]), times, values)
    }
}

/// The samples of all chunks, each of which says rightly from when to when it is.
fn read(chunks: &[WrittenChunk]) -> Vec<(i64, Sample)> {
    let mut found = Vec::new();
    for chunk in chunks {
        let labels = Labels::from_pairs([("__name__", "m")]);
        let read = read_chunk(chunk.encoding, &chunk.data, &labels, TimeRange::ALL);
        let read = read.unwrap().unwrap();
        let ends = (read.timestamps[0], *read.timestamps.last().unwrap());
        assert_eq!(ends, (chunk.range.start_ms, chunk.range.end_ms));
        for (at, (time, value)) in read.timestamps.iter().zip(&read.values).enumerate() {
            let histogram = read.histograms.as_ref().and_then(|all| all[at].clone());
            let sample = match histogram {
                Some(histogram) => Sample::Histogram((*histogram).clone()),
                None => Sample::Number(*value),
            };
            found.push((*time, sample));
        }
    }
    found
}

/// All that a histogram has but the hint, to the bit.
fn described(histogram: &FloatHistogram) -> String {
    let side = |buckets: &Buckets| {
        let bits: Vec<_> = buckets.iter().map(|(at, n)| (at, n.to_bits())).collect();
        format!("{bits:?}")
    };
    let bounds: Vec<u64> = histogram
        .custom_bounds
        .iter()
        .map(|b| b.to_bits())
        .collect();
    format!(
        "{} {:x} {:x} {:x} {:x} {} {} {bounds:?}",
        histogram.schema,
        histogram.zero_threshold.to_bits(),
        histogram.zero_count.to_bits(),
        histogram.count.to_bits(),
        histogram.sum.to_bits(),
        side(&histogram.positive),
        side(&histogram.negative),
    )
}

fn assert_same(found: &[(i64, Sample)], expected: &[(i64, Sample)]) {
    assert_eq!(found.len(), expected.len());
    for ((found_ms, found), (time_ms, expected)) in found.iter().zip(expected) {
        assert_eq!(found_ms, time_ms);
        match (found, expected) {
            (Sample::Number(a), Sample::Number(b)) => assert_eq!(a.to_bits(), b.to_bits()),
            (Sample::Histogram(a), Sample::Histogram(b)) => {
                assert_eq!(described(a), described(b), "at {time_ms}");
            }
            _ => panic!("another kind of sample at {time_ms}"),
        }
    }
}

/// A counter after so many observations in each bucket.
fn counter(each: f64) -> FloatHistogram {
    FloatHistogram {
        counter_reset_hint: Unknown,
        schema: 3,
        zero_threshold: 2.938735877055719e-39,
        zero_count: each,
        count: 6.0 * each,
        sum: 18.5 * each,
        positive: Buckets::new(vec![-7, -6, 0, 40], vec![each; 4]).unwrap(),
        negative: Buckets::new(vec![2], vec![each]).unwrap(),
        custom_bounds: Arc::default(),
    }
}

fn custom(counts: [f64; 3], hint: CounterResetHint) -> FloatHistogram {
    FloatHistogram {
        counter_reset_hint: hint,
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: counts.iter().sum(),
        sum: 0.1,
        positive: Buckets::consecutive(0, counts.to_vec()).unwrap(),
        custom_bounds: [-1.0, 0.005, 1.0 / 3.0, 33_554.43, 33_554.431].into(),
        ..FloatHistogram::default()
    }
}

#[test]
fn numbers_of_every_kind() {
    let values = [
        0.0,
        -0.0,
        1.0,
        1.0,
        f64::NAN,
        STALE_NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::MAX,
        123.456,
    ];
    let steps = [0, 1, 15_000, 15_001, 8_191, 8_193, 300_000, 1 << 40, 7];
    let mut time = -5_000_000_000_i64;
    let mut samples = Vec::new();
    for (value, step) in values.iter().cycle().zip(steps.iter().cycle()).take(1_000) {
        time += step + 1;
        samples.push((time, Sample::Number(*value)));
    }
    let chunks: Vec<WrittenChunk> = write_chunks(&series(&samples)).collect();
    assert_eq!(chunks.len(), 1_000_usize.div_ceil(CHUNK_SAMPLES_MAX));
    assert!(chunks.iter().all(|chunk| chunk.encoding == 1));
    assert_same(&read(&chunks), &samples);
    let far = [i64::MIN, -1, i64::MAX].map(|time| (time, Sample::Number(1.0)));
    let chunks: Vec<WrittenChunk> = write_chunks(&series(&far)).collect();
    assert_same(&read(&chunks), &far);
}

#[test]
fn histograms_stand_with_those_of_their_kind() {
    let wider = FloatHistogram {
        zero_threshold: 0.001,
        ..counter(30.0)
    };
    let coarser = FloatHistogram {
        schema: -4,
        zero_threshold: 0.0,
        ..counter(40.0)
    };
    // Each with the chunk that it is in, by number, and the hint that comes back.
    let table = [
        (counter(1.0), 0, Unknown),
        (counter(2.0), 0, NotReset),
        (counter(7.0), 0, NotReset),
        // A counter that fell, without that anybody said so.
        (counter(3.0), 1, Reset),
        (counter(3.5), 1, NotReset),
        (wider, 2, Unknown),
        (coarser, 3, Unknown),
        (custom([1.0, 2.0, 3.0], Gauge), 4, Gauge),
        (custom([3.0, 1.0, 0.0], Gauge), 4, Gauge),
        (custom([3.0, 1.0, 0.5], Unknown), 5, Unknown),
        (custom([4.0, 2.0, 1.0], Reset), 6, Reset),
    ];
    let samples: Vec<(i64, Sample)> = (0_i64..)
        .zip(&table)
        .map(|(at, (histogram, ..))| (at * 15_000, Sample::Histogram(histogram.clone())))
        .collect();
    let chunks: Vec<WrittenChunk> = write_chunks(&series(&samples)).collect();
    let encodings: Vec<u8> = chunks.iter().map(|chunk| chunk.encoding).collect();
    assert_eq!(encodings, [2, 3, 2, 2, 2, 3, 2]);
    let found = read(&chunks);
    assert_same(&found, &samples);
    for ((time, sample), (_, number, hint)) in found.iter().zip(&table) {
        let chunk = chunks.iter().position(|chunk| chunk.range.contains(*time));
        assert_eq!(chunk, Some(*number), "at {time}");
        let Sample::Histogram(histogram) = sample else {
            panic!("a number at {time}");
        };
        assert_eq!(histogram.counter_reset_hint, *hint, "at {time}");
    }
}

#[test]
fn numbers_among_histograms_have_chunks_of_their_own() {
    let mut samples = Vec::new();
    for at in 0..400_i32 {
        let sample = match at % 150 {
            0..=2 => Sample::Number(STALE_NAN),
            _ => Sample::Histogram(counter(f64::from(at))),
        };
        samples.push((i64::from(at) * 1_000, sample));
    }
    let chunks: Vec<WrittenChunk> = write_chunks(&series(&samples)).collect();
    let encodings: Vec<u8> = chunks.iter().map(|chunk| chunk.encoding).collect();
    assert_eq!(encodings, [1, 2, 2, 1, 2, 2, 1, 2]);
    assert_same(&read(&chunks), &samples);
}

#[test]
fn a_chunk_of_large_histograms_has_few_of_them() {
    let large = |count: f64| FloatHistogram {
        count: 30_000.0 * count,
        positive: Buckets::consecutive(-15_000, vec![count; 30_000]).unwrap(),
        ..FloatHistogram::default()
    };
    let samples: Vec<_> = (1..=5_i32)
        .map(|at| (i64::from(at), Sample::Histogram(large(f64::from(at)))))
        .collect();
    let chunks: Vec<WrittenChunk> = write_chunks(&series(&samples)).collect();
    assert_eq!(chunks.len(), 3);
    assert_same(&read(&chunks), &samples);
}
