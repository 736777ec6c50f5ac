use std::sync::Arc;

use narthex_model::FloatHistogram;
use narthex_model::histogram::Buckets;

use super::*;

fn steps() -> Steps {
    Steps::new(1_000, 1_090, 10).unwrap()
}

fn series(name: &str, times: &[i64], values: &[f64]) -> MatrixSeries {
    MatrixSeries {
        labels: Labels::from_pairs([("__name__", name), ("path", "/é\n")]),
        timestamps: times.to_vec(),
        values: values.to_vec(),
        histograms: Vec::new(),
    }
}

fn histogram(count: f64) -> Arc<FloatHistogram> {
    Arc::new(FloatHistogram {
        count,
        sum: -0.0,
        positive: Buckets::new([3, 5], vec![count, 0.25]).unwrap(),
        ..FloatHistogram::default()
    })
}

fn matrix() -> Vec<MatrixSeries> {
    let all: Vec<i64> = (0..10).map(|number| 1_000 + 10 * number).collect();
    let mut mixed = series("mixed", &[1_000, 1_060], &[0.1, 1e300]);
    mixed.histograms = vec![(1_020, histogram(1.0)), (1_090, histogram(2.5))];
    let mut histograms = series("histograms", &[], &[]);
    histograms.histograms = all.iter().map(|ms| (*ms, histogram(*ms as f64))).collect();
    let odd = [
        f64::INFINITY,
        -0.0,
        f64::from_bits(0x7ff8_0000_0000_1234),
        3.5,
    ];
    vec![
        series(
            "full",
            &all,
            &all.iter().map(|ms| *ms as f64).collect::<Vec<_>>(),
        ),
        histograms,
        mixed,
        series("odd", &[1_010, 1_020, 1_050, 1_090], &odd),
        MatrixSeries {
            labels: Labels::empty(),
            ..series("", &[1_030], &[7.0])
        },
    ]
}

/// With the bits of each number, so that NaN is like itself.
fn shown(matrix: &[MatrixSeries]) -> Vec<String> {
    let bits = |series: &MatrixSeries| -> Vec<u64> {
        series.values.iter().map(|value| value.to_bits()).collect()
    };
    let shown = matrix.iter().map(|series| {
        let (times, histograms) = (&series.timestamps, &series.histograms);
        format!(
            "{} {times:?} {:?} {histograms:?}",
            series.labels,
            bits(series)
        )
    });
    shown.collect()
}

#[test]
fn every_bit_of_a_matrix_comes_back() {
    for matrix in [Vec::new(), matrix()] {
        let bytes = encode(&matrix, steps()).unwrap();
        assert_eq!(shown(&decode(&bytes, steps()).unwrap()), shown(&matrix));
    }
}

#[test]
fn a_sample_between_steps_is_not_kept() {
    for time_ms in [990, 1_005, 1_100] {
        assert!(encode(&[series("x", &[time_ms], &[1.0])], steps()).is_none());
    }
    // Nor is one that goes back in time.
    assert!(encode(&[series("x", &[1_020, 1_010], &[1.0, 2.0])], steps()).is_none());
}

#[test]
fn bytes_that_are_no_matrix_are_an_error() {
    let bytes = encode(&matrix(), steps()).unwrap();
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end], steps()).is_err(), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(decode(&longer, steps()).is_err());
    // Steps of which there are fewer.
    assert!(decode(&bytes, Steps::new(1_000, 1_040, 10).unwrap()).is_err());
    // Whatever is wrong, it is an error or other numbers.
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            if let Ok(matrix) = decode(&broken, steps()) {
                assert!(matrix.iter().all(|series| series.timestamps.len() <= 10));
            }
        }
    }
}
