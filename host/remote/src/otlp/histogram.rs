//! Histograms of OpenTelemetry as native ones.

use narthex_model::FloatHistogram;
use narthex_model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, EXPONENTIAL_SCHEMA_MAX,
    EXPONENTIAL_SCHEMA_MIN,
};

use super::message::{ExponentialBuckets, ExponentialPoint, HistogramPoint};
use crate::wire::histogram::check_integers;

/// How far the bucket around zero reaches where the sender does not say, as in Prometheus: as
/// good as not at all.
const ZERO_THRESHOLD: f64 = 1e-128;

/// An exponential histogram. A finer scale than Prometheus has is made coarser, which loses
/// resolution and no observation.
///
/// # Errors
/// Its scale is too coarse, or its buckets do not add up.
pub(super) fn exponential(
    point: &ExponentialPoint<'_>,
    hint: CounterResetHint,
) -> Result<FloatHistogram, String> {
    if point.scale < EXPONENTIAL_SCHEMA_MIN {
        return Err(format!(
            "cannot convert exponential to native histogram. Scale must be >= \
             {EXPONENTIAL_SCHEMA_MIN}, was {}",
            point.scale
        ));
    }
    let schema = point.scale.min(EXPONENTIAL_SCHEMA_MAX);
    // More than 31 halvings leave nothing to halve.
    let halvings = point.scale.saturating_sub(schema).min(31);
    let histogram = FloatHistogram {
        counter_reset_hint: hint,
        schema,
        zero_threshold: match point.zero_threshold > 0.0 && point.zero_threshold.is_finite() {
            true => point.zero_threshold,
            false => ZERO_THRESHOLD,
        },
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or_default(),
        positive: side(&point.positive, halvings)?,
        negative: side(&point.negative, halvings)?,
        custom_bounds: [].into(),
    };
    checked(histogram)
}

/// One side. OpenTelemetry counts from the bucket that begins at 1, Prometheus from the one that
/// ends there.
fn side(buckets: &ExponentialBuckets, halvings: i32) -> Result<Buckets, String> {
    let (mut indexes, mut counts) = (Vec::new(), Vec::<f64>::new());
    for (at, count) in (0_i64..).zip(&buckets.bucket_counts) {
        if *count == 0 {
            continue;
        }
        let index = ((i64::from(buckets.offset) + at) >> halvings) + 1;
        let index = i32::try_from(index).map_err(|_| "a bucket is out of range".to_owned())?;
        match counts.last_mut().filter(|_| indexes.last() == Some(&index)) {
            Some(held) => *held += *count as f64,
            None => {
                indexes.push(index);
                counts.push(*count as f64);
            }
        }
    }
    Buckets::new(indexes, counts).ok_or_else(|| "buckets are out of order".to_owned())
}

/// A histogram with bounds of its own as a native one with custom buckets.
///
/// # Errors
/// Its bounds do not ascend, or its buckets do not add up.
pub(super) fn explicit(
    point: &HistogramPoint<'_>,
    hint: CounterResetHint,
) -> Result<FloatHistogram, String> {
    let filled = (0_i32..)
        .zip(&point.bucket_counts)
        .filter(|(_, count)| **count > 0);
    let (indexes, counts): (Vec<i32>, Vec<f64>) =
        filled.map(|(at, count)| (at, *count as f64)).unzip();
    let positive = Buckets::new(indexes, counts);
    let histogram = FloatHistogram {
        counter_reset_hint: hint,
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: point.count as f64,
        sum: point.sum.unwrap_or_default(),
        positive: positive.ok_or_else(|| "buckets are out of order".to_owned())?,
        custom_bounds: point.explicit_bounds.as_slice().into(),
        ..FloatHistogram::default()
    };
    checked(histogram)
}

fn checked(histogram: FloatHistogram) -> Result<FloatHistogram, String> {
    check_integers(&histogram).map_err(|fault| fault.to_string())?;
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_made_coarser_and_buckets_move_by_one() {
        let shape = |offset, counts: &[u64]| ExponentialBuckets {
            offset,
            bucket_counts: counts.to_vec(),
        };
        for (scale, offset, counts, schema, expected) in [
            (0, 0, &[1, 2][..], 0, vec![(1, 1.0), (2, 2.0)]),
            (8, -3, &[1, 0, 0, 0, 5], 8, vec![(-2, 1.0), (2, 5.0)]),
            (9, 0, &[1, 2, 3], 8, vec![(1, 3.0), (2, 3.0)]),
            (
                10,
                -5,
                &[1, 1, 1, 1, 1, 1],
                8,
                vec![(-1, 1.0), (0, 4.0), (1, 1.0)],
            ),
            (20, 1 << 20, &[7], 8, vec![(257, 7.0)]),
            (i32::MAX, i32::MIN, &[7], 8, vec![(0, 7.0)]),
        ] {
            let count: u64 = counts.iter().sum();
            let point = ExponentialPoint {
                scale,
                count: count * 2 + 4,
                zero_count: 4,
                positive: shape(offset, counts),
                negative: shape(offset, counts),
                ..ExponentialPoint::default()
            };
            let made = exponential(&point, CounterResetHint::Unknown).unwrap();
            assert_eq!(made.schema, schema);
            assert_eq!(made.zero_threshold, 1e-128);
            for side in [&made.positive, &made.negative] {
                assert_eq!(side.iter().collect::<Vec<_>>(), expected, "{scale}");
            }
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let coarse = ExponentialPoint {
            scale: -5,
            ..ExponentialPoint::default()
        };
        let uncounted = ExponentialPoint {
            count: 3,
            zero_count: 1,
            ..ExponentialPoint::default()
        };
        let outside = ExponentialPoint {
            count: 1,
            positive: ExponentialBuckets {
                offset: i32::MAX,
                bucket_counts: vec![1],
            },
            ..ExponentialPoint::default()
        };
        for (point, part) in [
            (coarse, "Scale must be >= -4, was -5"),
            (uncounted, "the Count field is 3"),
            (outside, "out of range"),
        ] {
            let error = exponential(&point, CounterResetHint::Unknown).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let unsorted = HistogramPoint {
            count: 1,
            bucket_counts: vec![1, 0, 0],
            explicit_bounds: vec![2.0, 1.0],
            ..HistogramPoint::default()
        };
        assert!(explicit(&unsorted, CounterResetHint::Unknown).is_err());
    }
}
