//! The samples that chunks written out to the bit stand for.

use narthex_model::sample::{HISTOGRAM, STALE_NAN};
use narthex_model::{CounterResetHint, FloatHistogram, Labels};
use narthex_promblock::PromBlock;
use narthex_storage::{Series, TimeRange};

use crate::chunks::{floats, integers, xor, xor2};
use crate::handmade::{Chunk, Line, write};

/// Reads the only series of a block.
fn read_one(chunks: Vec<Chunk>, deleted: &[(i64, i64)], version: u8) -> Option<Series> {
    let folder = tempfile::tempdir().unwrap();
    let lines = [Line {
        labels: vec![("__name__", "m"), ("ort", "Küche")],
        chunks,
    }];
    let deleted: Vec<_> = deleted
        .iter()
        .map(|(start, end)| (0, *start, *end))
        .collect();
    write(folder.path(), version, &lines, &deleted);
    let block = PromBlock::open(folder.path()).unwrap();
    let series: Result<Vec<_>, _> = block.series().collect();
    series.unwrap().pop()
}

fn bits_of(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn floats_in_xor() {
    let last = f64::from_bits(2.0_f64.to_bits() ^ (0xBEEF << 24));
    let values = [1.0, STALE_NAN, STALE_NAN, 2.0, 2.0, 2.0, last];
    for version in [1, 2] {
        let series = read_one(vec![xor()], &[], version).unwrap();
        assert_eq!(series.labels.to_string(), r#"{__name__="m", ort="Küche"}"#);
        let times = [1_000, 16_000, 31_000, 45_900, 100_800, 455_700, 1_810_600];
        assert_eq!(series.timestamps[..], times);
        assert_eq!(bits_of(&series.values), bits_of(&values));
        assert!(series.starts.is_none() && series.histograms.is_none());
    }
}

#[test]
fn floats_and_their_starts_in_xor2() {
    let series = read_one(vec![xor2()], &[], 2).unwrap();
    let times = [
        1_000, 16_000, 31_000, 46_000, 61_000, 76_005, 86_010, 1_096_015, 2_106_020,
    ];
    assert_eq!(series.timestamps[..], times);
    let values = [1.0, 1.0, 1.0, 2.5, STALE_NAN, 2.5, 3.5, STALE_NAN, 1.0];
    assert_eq!(bits_of(&series.values), bits_of(&values));
    let starts = [
        400, 400, 15_500, 30_500, 45_500, 60_498, 75_503, 85_508, 1_095_513,
    ];
    assert_eq!(series.starts.unwrap()[..], starts);
}

/// The hint, the plain fields, and the buckets above and below zero.
type Described = (CounterResetHint, String, Vec<(i32, f64)>, Vec<(i32, f64)>);

fn described(histogram: &FloatHistogram) -> Described {
    let fields = format!(
        "{} {:e} {} {} {}",
        histogram.schema,
        histogram.zero_threshold,
        histogram.zero_count,
        histogram.count,
        histogram.sum
    );
    let (positive, negative) = (&histogram.positive, &histogram.negative);
    (
        histogram.counter_reset_hint,
        fields,
        positive.iter().collect(),
        negative.iter().collect(),
    )
}

#[test]
fn histograms_of_integers_behind_floats() {
    let series = read_one(vec![xor(), integers(2_000_000)], &[], 2).unwrap();
    assert_eq!(
        series.timestamps[7..],
        [2_000_000, 2_015_000, 2_030_000, 2_045_000]
    );
    assert_eq!(
        bits_of(&series.values[7..]),
        bits_of(&[HISTOGRAM, HISTOGRAM, HISTOGRAM, STALE_NAN])
    );
    let histograms = series.histograms.unwrap();
    assert_eq!(histograms.len(), 11);
    assert!(histograms[..7].iter().all(Option::is_none) && histograms[10].is_none());
    let described = |number: usize| described(histograms[number].as_deref().unwrap());
    let fields = |count: u64, sum: f64| format!("1 {:e} 2 {count} {sum}", 2.0_f64.powi(-128));
    let expected = [
        (
            CounterResetHint::Reset,
            fields(12, 18.4),
            [3.0, 2.0, 4.0],
            1.0,
        ),
        (
            CounterResetHint::NotReset,
            fields(17, 18.4),
            [7.0, 3.0, 5.0],
            5.0,
        ),
        (
            CounterResetHint::NotReset,
            fields(22, 20.5),
            [11.0, 4.0, 6.0],
            9.0,
        ),
    ];
    for (number, (hint, fields, positive, negative)) in expected.into_iter().enumerate() {
        let positive = [-1, 0, 4].into_iter().zip(positive).collect();
        assert_eq!(
            described(7 + number),
            (hint, fields, positive, vec![(0, negative)])
        );
    }
}

#[test]
fn histograms_of_floats_with_custom_bounds() {
    let series = read_one(vec![floats()], &[], 2).unwrap();
    assert_eq!(series.timestamps[..], [2_000, 17_000]);
    let histograms = series.histograms.unwrap();
    for (histogram, count, sum, last) in [
        (&histograms[0], 6.5, 3.25, 3.0),
        (&histograms[1], 7.5, 4.0, 4.0),
    ] {
        let histogram = histogram.as_deref().unwrap();
        let fields = format!("-53 1e-3 0 {count} {sum}");
        let positive = vec![(0, 1.5), (1, 2.0), (2, last)];
        assert_eq!(
            described(histogram),
            (CounterResetHint::Gauge, fields, positive, vec![])
        );
        assert_eq!(histogram.custom_bounds[..], [0.5, 1.0 / 3.0]);
    }
}

#[test]
fn deleted_intervals_are_left_out() {
    let chunks = || vec![xor(), integers(2_000_000)];
    let deleted = [
        (2_015_000, 2_015_000),
        (40_000, 50_000),
        (0, 1_000),
        (500, 16_000),
    ];
    let series = read_one(chunks(), &deleted, 1).unwrap();
    let times = [
        31_000, 100_800, 455_700, 1_810_600, 2_000_000, 2_030_000, 2_045_000,
    ];
    assert_eq!(series.timestamps[..], times);
    let histograms = series.histograms.unwrap();
    let hint = |number: usize| histograms[number].as_ref().unwrap().counter_reset_hint;
    // What was before the third is gone, so nothing is known of it.
    assert_eq!(
        (hint(4), hint(5)),
        (CounterResetHint::Reset, CounterResetHint::Unknown)
    );
    assert!(read_one(chunks(), &[(i64::MIN, i64::MAX)], 2).is_none());
}

#[test]
fn series_come_in_the_order_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let line = |value| Line {
        labels: vec![("le", value)],
        chunks: vec![xor()],
    };
    write(
        folder.path(),
        2,
        &[line("+Inf"), line("10"), line("2")],
        &[(1, 0, i64::MAX)],
    );
    let block = PromBlock::open(folder.path()).unwrap();
    let bound = |labels: &Labels| labels.get("le").unwrap().parse::<f64>().unwrap();
    let series = block
        .series_by(|a, b| bound(a).total_cmp(&bound(b)))
        .unwrap();
    let bounds: Vec<f64> = series
        .map(|series| bound(&series.unwrap().labels))
        .collect();
    assert_eq!(bounds, [2.0, f64::INFINITY]);
}

#[test]
fn a_span_of_a_series_skips_its_other_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = Chunk {
        data: vec![0, 9],
        ..xor()
    };
    let lines = [Line {
        labels: vec![("a", "b")],
        chunks: vec![damaged, integers(2_000_000)],
    }];
    write(folder.path(), 2, &lines, &[]);
    let block = PromBlock::open(folder.path()).unwrap();
    let span = TimeRange {
        start_ms: 2_000_000,
        end_ms: 2_015_000,
    };
    let series = block.reader().read(0, span).unwrap().unwrap();
    assert_eq!(series.timestamps[..], [2_000_000, 2_015_000]);
    assert!(block.reader().read(0, TimeRange::ALL).is_err());
}

#[test]
fn what_a_sound_checksum_covers_is_held_against_the_format() {
    let with = |change: fn(&mut Chunk)| {
        let mut chunk = xor();
        change(&mut chunk);
        chunk
    };
    let series = |chunks| {
        vec![Line {
            labels: vec![("a", "b")],
            chunks,
        }]
    };
    let cases = [
        (
            series(vec![with(|chunk| chunk.encoding = 9)]),
            "the chunk has encoding 9",
        ),
        (
            series(vec![with(|chunk| chunk.data.truncate(20))]),
            "it ends inside a chunk",
        ),
        (
            series(vec![with(|chunk| chunk.data.clear())]),
            "it ends inside a chunk",
        ),
        (
            series(vec![with(|chunk| chunk.range.1 -= 1)]),
            "a sample lies outside",
        ),
        (
            series(vec![xor(), with(|chunk| chunk.range.0 = 1_810_600)]),
            "the times of a series do not ascend",
        ),
        (
            vec![Line {
                labels: vec![("b", "1"), ("a", "1")],
                chunks: vec![xor()],
            }],
            r#"the label "a" comes out of order"#,
        ),
        (
            vec![
                Line {
                    labels: vec![("b", "1")],
                    chunks: vec![xor()],
                },
                Line {
                    labels: vec![("a", "1")],
                    chunks: vec![xor()],
                },
            ],
            r#"the series {a="1"} comes out of order"#,
        ),
    ];
    for (lines, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 2, &lines, &[]);
        let block = PromBlock::open(folder.path()).unwrap();
        let error = block.series().find_map(Result::err).unwrap();
        let fault = error.fault.to_string();
        assert!(fault.starts_with(expected), "{fault}");
        assert!(error.path.starts_with(folder.path()), "{error}");
    }
}
