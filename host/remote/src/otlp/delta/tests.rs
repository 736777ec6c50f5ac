//! Deltas, and what they add up to.

use narthex_model::histogram::Buckets;

use super::*;
use crate::receiver::cache::SeriesCache;

const SECOND_NS: u64 = 1_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn streams(streams_max: usize) -> (Streams, [Key; 3]) {
    let cache = SeriesCache::new(0);
    let keys = [b"a", b"b", b"c"].map(|bytes| cache.key(bytes));
    (Streams::new(0, streams_max, &mut Registry::default()), keys)
}

fn number(start_s: u64, time_s: u64, value: i64) -> NumberPoint<'static> {
    NumberPoint {
        start_time_unix_nano: start_s * SECOND_NS,
        time_unix_nano: time_s * SECOND_NS,
        as_int: Some(value),
        ..NumberPoint::default()
    }
}

#[test]
fn numbers_add_up_from_where_their_stream_began() {
    let (mut streams, [a, b, _]) = streams(9);
    for (key, point, expected) in [
        (a, number(10, 20, 5), Ok((5.0, 10_000))),
        (a, number(20, 30, 7), Ok((12.0, 10_000))),
        (b, number(20, 30, -1), Ok((-1.0, 20_000))),
        (a, number(30, 30, 1), Err("out of order")),
        (a, number(20, 29, 1), Err("out of order")),
        (a, number(9, 50, 1), Err("began before its stream")),
        (a, number(40, 50, i64::MAX), Ok((i64::MAX as f64, 10_000))),
    ] {
        let total = streams.number(key, &point, 0);
        match (total, expected) {
            (Ok(total), Ok((value, start_ms))) => {
                assert_eq!((total.value, total.start_ms), (value, start_ms));
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (total, _) => panic!("{total:?} for {point:?}"),
        }
    }
    let half = NumberPoint {
        as_double: Some(0.5),
        as_int: None,
        ..number(30, 40, 0)
    };
    assert_eq!(streams.number(b, &half, 0).unwrap().value, -0.5);
    assert_eq!(streams.metrics.tracked.get(), 2);
    let errors = |error| {
        let labels = Vec::from_iter((!str::is_empty(error)).then_some(("error", error)));
        streams.metrics.points.get_or_create(&labels).get()
    };
    assert_eq!(errors(""), 5);
    assert_eq!(errors("delta.ErrOutOfOrder"), 2);
    assert_eq!(errors("delta.ErrOlderStart"), 1);
}

#[test]
fn streams_have_a_bound_and_are_forgotten_when_nothing_comes() {
    let (mut streams, [a, b, c]) = streams(2);
    streams.number(a, &number(0, 1, 1), 0).unwrap();
    streams.number(b, &number(0, 1, 1), 3 * MINUTE_MS).unwrap();
    let error = streams.number(c, &number(0, 1, 1), 0).unwrap_err();
    assert!(error.ends_with("so many are added up: 2"), "{error}");
    // Those that are known go on.
    assert_eq!(
        streams
            .number(b, &number(1, 2, 1), 3 * MINUTE_MS)
            .unwrap()
            .value,
        2.0
    );
    streams.sweep(5 * MINUTE_MS);
    assert_eq!(
        streams.metrics.tracked.get(),
        2,
        "five minutes are not over"
    );
    streams.sweep(6 * MINUTE_MS);
    assert_eq!(streams.metrics.tracked.get(), 1);
    let again = streams.number(a, &number(5, 6, 3), 6 * MINUTE_MS).unwrap();
    assert_eq!((again.value, again.start_ms), (3.0, 5000));
    streams.end(a);
    assert_eq!(streams.number(c, &number(0, 1, 1), 0).unwrap().value, 1.0);
}

#[test]
fn histograms_add_up_where_they_have_the_same_bounds() {
    let (mut streams, [a, ..]) = streams(9);
    let point = |time_s: u64, bounds: &[f64], counts: &[u64], sum| HistogramPoint {
        start_time_unix_nano: (time_s - 1) * SECOND_NS,
        time_unix_nano: time_s * SECOND_NS,
        count: counts.iter().sum(),
        sum,
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramPoint::default()
    };
    for (point, counts, sum, start_ms) in [
        (
            point(2, &[1.0], &[1, 2], Some(3.0)),
            &[1, 2][..],
            Some(3.0),
            1000,
        ),
        (
            point(3, &[1.0], &[4, 0], Some(0.5)),
            &[5, 2],
            Some(3.5),
            1000,
        ),
        (point(4, &[1.0], &[1, 0], None), &[6, 2], None, 1000),
        (
            point(5, &[1.0, 2.0], &[1, 1, 1], Some(4.0)),
            &[1, 1, 1],
            Some(4.0),
            4000,
        ),
    ] {
        let total = streams.explicit(a, &point, 0).unwrap();
        assert_eq!(total.value.bucket_counts, counts);
        assert_eq!(total.value.count, counts.iter().sum::<u64>());
        assert_eq!((total.value.sum, total.start_ms), (sum, start_ms));
    }
}

#[test]
fn exponential_histograms_add_up_and_get_coarser_where_they_get_wide() {
    let (mut streams, [a, ..]) = streams(9);
    let histogram = |first, len: usize, schema| FloatHistogram {
        schema,
        count: len as f64,
        positive: Buckets::consecutive(first, vec![1.0; len]).unwrap(),
        ..FloatHistogram::default()
    };
    let mut add = |time_s, histogram| {
        let point = number(0, time_s, 0);
        streams.exponential(a, &point, histogram, 0).unwrap().value
    };
    let first = add(1, histogram(1, 4, 1));
    assert_eq!((first.schema, first.count), (1, 4.0));
    // The coarser of two schemas is that of the sum.
    let second = add(2, histogram(1, 2, 0));
    assert_eq!((second.schema, second.count), (0, 6.0));
    assert_eq!(second.positive.counts(), [3.0, 3.0]);
    let wide = add(3, histogram(1, BUCKETS_MAX + 1, 0));
    assert_eq!((wide.schema, wide.count), (-1, 167.0));
    assert!(wide.positive.len() <= BUCKETS_MAX);
}
