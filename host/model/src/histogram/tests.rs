use super::*;

/// An exponential histogram from positive buckets at `first` and negative ones at 1.
fn exponential(
    schema: i32,
    zero: (f64, f64),
    first: i32,
    positive: &[f64],
    negative: &[f64],
) -> FloatHistogram {
    let total: f64 = positive.iter().chain(negative).sum();
    FloatHistogram {
        schema,
        zero_threshold: zero.0,
        zero_count: zero.1,
        count: total + zero.1,
        sum: total,
        positive: Buckets::consecutive(first, positive.to_vec()).unwrap(),
        negative: Buckets::consecutive(1, negative.to_vec()).unwrap(),
        ..FloatHistogram::default()
    }
}

fn custom(bounds: &[f64], counts: &[f64]) -> FloatHistogram {
    let count = counts.iter().sum();
    FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count,
        sum: count,
        positive: Buckets::consecutive(0, counts.to_vec()).unwrap(),
        custom_bounds: bounds.into(),
        ..FloatHistogram::default()
    }
}

fn pairs(buckets: &Buckets) -> Vec<(i32, f64)> {
    buckets.iter().collect()
}

#[test]
fn buckets_print_from_the_lowest_to_the_highest() {
    let mut histogram = exponential(0, (0.25, 3.0), 0, &[1.0, 0.0, 2.5], &[4.0]);
    histogram.sum = 1e6;
    assert_eq!(
        histogram.to_string(),
        "{count:10.5, sum:1e+06, [-2,-1):4, [-0.25,0.25]:3, (0.5,1]:1, (2,4]:2.5}"
    );
    assert_eq!(
        custom(&[5.0, 10.0], &[1.0, 2.0, 3.0]).to_string(),
        "{count:6, sum:6, [-Inf,5]:1, (5,10]:2, (10,+Inf]:3}"
    );
}

#[test]
fn buckets_that_reach_into_the_one_around_zero_end_there() {
    let histogram = exponential(0, (0.75, 3.0), 0, &[1.0, 2.0], &[4.0]);
    let bounds: Vec<(f64, f64)> = histogram
        .all_buckets()
        .map(|b| (b.lower, b.upper))
        .collect();
    assert_eq!(
        bounds,
        [(-2.0, -1.0), (-0.75, 0.75), (0.75, 1.0), (1.0, 2.0)]
    );
    let reversed: Vec<f64> = histogram.all_buckets().rev().map(|b| b.count).collect();
    assert_eq!(reversed, [2.0, 1.0, 3.0, 4.0]);
}

#[test]
fn sums_have_the_coarser_schema() {
    let fine = exponential(1, (0.0, 0.0), 1, &[1.0, 2.0, 4.0, 8.0], &[]);
    let coarse = exponential(0, (0.0, 0.0), 1, &[16.0], &[32.0]);
    for (a, b) in [(&fine, &coarse), (&coarse, &fine)] {
        let mut sum = a.clone();
        sum.add(b).unwrap();
        assert_eq!((sum.schema, sum.count), (0, 63.0));
        assert_eq!(pairs(&sum.positive), [(1, 19.0), (2, 12.0)]);
        assert_eq!(pairs(&sum.negative), [(1, 32.0)]);
        let mut compensated = HistogramSum::new(a);
        compensated.add(b).unwrap();
        assert_eq!(compensated.total(), sum);
    }
}

#[test]
fn a_difference_has_the_buckets_of_both() {
    let mut a = exponential(0, (0.0, 0.0), 1, &[5.0, 0.0, 1.0], &[]);
    a.subtract(&exponential(0, (0.0, 0.0), 2, &[2.0, 1.0, 7.0], &[]))
        .unwrap();
    assert_eq!(
        pairs(&a.positive),
        [(1, 5.0), (2, -2.0), (3, 0.0), (4, -7.0)]
    );
    a.compact();
    assert_eq!(pairs(&a.positive), [(1, 5.0), (2, -2.0), (4, -7.0)]);
}

#[test]
fn the_wider_bucket_around_zero_takes_in_what_it_covers() {
    // The threshold 3 is in the bucket from 2 to 4 of the first one, which is not empty.
    let narrow = exponential(0, (0.5, 1.0), 1, &[10.0, 20.0, 40.0], &[100.0]);
    let wide = exponential(0, (3.0, 1000.0), 3, &[4000.0], &[]);
    for (a, b) in [(&narrow, &wide), (&wide, &narrow)] {
        let mut sum = a.clone();
        sum.add(b).unwrap();
        assert_eq!((sum.zero_threshold, sum.zero_count), (4.0, 1131.0), "{a}");
        sum.compact();
        assert_eq!(pairs(&sum.positive), [(3, 4040.0)]);
        assert_eq!(pairs(&sum.negative), []);
        let mut compensated = HistogramSum::new(a);
        compensated.add(b).unwrap();
        let mut total = compensated.total();
        total.compact();
        assert_eq!(total, sum);
    }
}

#[test]
fn thresholds_that_are_no_numbers_come_to_an_end() {
    let mut a = exponential(0, (f64::NAN, 1.0), 1, &[1.0], &[]);
    a.add(&exponential(0, (1.0, 1.0), 1, &[1.0], &[])).unwrap();
    assert_eq!(a.count, 4.0);
}

#[test]
fn custom_buckets_are_reconciled_to_the_bounds_of_both() {
    let a = custom(&[1.0, 2.0, 5.0], &[1.0, 2.0, 4.0, 8.0]);
    let b = custom(&[2.0, 3.0, 5.0, 9.0], &[10.0, 20.0, 40.0, 80.0, 160.0]);
    let mut sum = a.clone();
    let combined = sum.add(&b).unwrap();
    assert!(combined.bounds_reconciled);
    assert_eq!(&sum.custom_bounds[..], [2.0, 5.0]);
    assert_eq!(pairs(&sum.positive), [(0, 13.0), (1, 64.0), (2, 248.0)]);
    let mut same = a.clone();
    assert_eq!(same.add(&a), Ok(Combined::default()));
    assert_eq!(
        same.add(&exponential(0, (0.0, 0.0), 1, &[1.0], &[])),
        Err(IncompatibleSchemas)
    );
}

#[test]
fn hints_of_a_sum() {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    for (a, b, expected, collide) in [
        (Reset, Reset, Reset, false),
        (Reset, NotReset, Unknown, true),
        (Unknown, NotReset, Unknown, false),
        (NotReset, Unknown, Unknown, false),
        (Gauge, Reset, Gauge, false),
        (Unknown, Gauge, Gauge, false),
    ] {
        let mut hint = a;
        assert_eq!((hint.combine(b), hint), (collide, expected), "{a:?} {b:?}");
    }
}

#[test]
fn small_counts_survive_large_ones_in_a_sum() {
    let with = |count: f64| exponential(0, (0.0, 0.0), 1, &[count], &[]);
    let mut sum = HistogramSum::new(&with(1.0));
    for count in [1e100, 1.0, -1e100] {
        sum.add(&with(count)).unwrap();
    }
    assert_eq!(pairs(&sum.total().positive), [(1, 2.0)]);
}

#[test]
fn an_average_whose_sum_would_overflow() {
    let largest = exponential(0, (0.0, 0.0), 1, &[f64::MAX], &[]);
    let mut mean = HistogramMean::new(&largest);
    for _ in 0..2 {
        mean.add(&largest).unwrap();
    }
    let mean = mean.result();
    assert!((mean.count / f64::MAX - 1.0).abs() < 1e-12);
    assert!((mean.positive.counts()[0] / f64::MAX - 1.0).abs() < 1e-12);
}

#[test]
fn resets_are_found_in_every_part() {
    let before = exponential(0, (0.5, 2.0), 1, &[1.0, 2.0], &[3.0]);
    let with = |change: &dyn Fn(&mut FloatHistogram)| {
        let mut after = before.clone();
        change(&mut after);
        after
    };
    for (name, after, expected) in [
        ("the same", with(&|_| {}), false),
        ("fewer in all", with(&|h| h.count -= 1.0), true),
        ("fewer around zero", with(&|h| h.zero_count = 1.0), true),
        (
            "fewer in a bucket",
            with(&|h| h.positive.counts_mut()[1] = 1.0),
            true,
        ),
        (
            "a bucket is gone",
            with(&|h| h.negative = Buckets::default()),
            true,
        ),
        ("a finer schema", with(&|h| h.schema = 1), true),
        (
            "a narrower bucket around zero",
            with(&|h| h.zero_threshold = 0.25),
            true,
        ),
        (
            "a hint against it",
            with(&|h| {
                h.count = 0.0;
                h.counter_reset_hint = CounterResetHint::NotReset;
            }),
            false,
        ),
        (
            "a hint for it",
            with(&|h| h.counter_reset_hint = CounterResetHint::Reset),
            true,
        ),
        (
            "a coarser schema",
            exponential(-1, (0.5, 2.0), 1, &[3.0], &[3.0]),
            false,
        ),
        (
            "a wider bucket around zero",
            exponential(0, (2.0, 6.0), 2, &[2.0], &[]),
            false,
        ),
        (
            "a bucket that is cut",
            exponential(0, (1.5, 6.0), 2, &[2.0], &[]),
            true,
        ),
        ("custom buckets", custom(&[1.0], &[100.0]), true),
    ] {
        assert_eq!(after.is_reset_after(&before), expected, "{name}");
    }
    let before = custom(&[1.0, 2.0, 5.0], &[1.0, 2.0, 4.0]);
    assert!(!custom(&[2.0, 5.0], &[3.0, 4.0]).is_reset_after(&before));
    assert!(custom(&[2.0, 5.0], &[2.0, 5.0]).is_reset_after(&before));
}

#[test]
fn a_store_knows_of_no_reset_only_where_it_compared() {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let first = exponential(0, (0.0, 0.0), 1, &[1.0, 2.0], &[]);
    let more = exponential(0, (0.0, 0.0), 1, &[2.0, 2.0], &[]);
    let finer = exponential(1, (0.0, 0.0), 1, &[2.0, 2.0], &[]);
    let with = |histogram: &FloatHistogram, hint| FloatHistogram {
        counter_reset_hint: hint,
        ..histogram.clone()
    };
    for (previous, hint, histogram, expected) in [
        (None, Unknown, &first, Unknown),
        (None, NotReset, &first, Unknown),
        (None, Gauge, &first, Gauge),
        (Some(&first), Unknown, &more, NotReset),
        (Some(&first), Reset, &more, Unknown),
        (Some(&more), NotReset, &first, Unknown),
        (Some(&first), Unknown, &finer, Unknown),
    ] {
        let found = with(histogram, hint).hint_in_store(previous);
        assert_eq!(found, expected, "{previous:?} {hint:?} {histogram}");
    }
    let gauge = with(&first, Gauge);
    assert_eq!(more.hint_in_store(Some(&gauge)), Unknown);
}

#[test]
fn quantiles_and_fractions_are_inverse() {
    let two_sided = exponential(0, (0.001, 2.0), 1, &[3.0, 5.0], &[1.0, 4.0]);
    let positive = exponential(2, (0.001, 1.0), -3, &[3.0, 0.0, 5.0], &[]);
    let bounded = custom(&[1.0, 2.0, 8.0], &[4.0, 3.0, 2.0]);
    for histogram in [two_sided, positive, bounded] {
        for q in [0.05, 0.2, 0.33, 0.5, 0.66, 0.9] {
            let value = histogram.quantile(q).value;
            let fraction = histogram.fraction(f64::NEG_INFINITY, value).value;
            // The first custom bucket has its observations above zero, but no lower bound.
            let is_known = value > 1.0 || !histogram.has_custom_buckets();
            assert!(
                !is_known || (fraction - q).abs() < 1e-9,
                "{histogram} {q} {value} {fraction}"
            );
        }
    }
}

#[test]
fn quantiles_of_the_ends() {
    let histogram = custom(&[1.0, 2.0], &[4.0, 3.0, 2.0]);
    for (q, expected) in [
        (-0.1, f64::NEG_INFINITY),
        (1.1, f64::INFINITY),
        (1.0, 2.0),
        (0.0, 0.0),
    ] {
        assert_eq!(histogram.quantile(q).value, expected, "{q}");
    }
    assert!(histogram.quantile(f64::NAN).value.is_nan());
    assert!(FloatHistogram::default().quantile(0.5).value.is_nan());
}

#[test]
fn nan_observations_are_told_of() {
    let mut histogram = exponential(0, (0.0, 0.0), 1, &[1.0, 1.0], &[]);
    histogram.count = 4.0;
    histogram.sum = f64::NAN;
    let low = histogram.quantile(0.25);
    assert_eq!((low.value, low.has_nan_observations), (2.0, true));
    let high = histogram.quantile(0.9);
    assert!(high.value.is_nan() && high.has_nan_observations);
    let share = histogram.fraction(f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!((share.value, share.has_nan_observations), (0.5, true));
}

#[test]
fn trimming_keeps_one_side() {
    let histogram = custom(&[5.0, 10.0, 15.0], &[2.0, 4.0, 6.0, 8.0]);
    let below = histogram.trimmed(Trim::KeepBelow, 10.0);
    assert_eq!(pairs(&below.positive), [(0, 2.0), (1, 4.0)]);
    assert_eq!((below.count, below.sum), (6.0, 2.0 * 2.5 + 4.0 * 7.5));
    let above = histogram.trimmed(Trim::KeepAbove, 12.5);
    assert_eq!(pairs(&above.positive), [(2, 3.0), (3, 8.0)]);
    assert_eq!((above.count, above.sum), (11.0, 3.0 * 13.75 + 8.0 * 15.0));
    assert_eq!(
        histogram.trimmed(Trim::KeepAbove, f64::NEG_INFINITY),
        histogram
    );
    let exponential = exponential(0, (0.001, 1.0), 1, &[2.0, 4.0], &[]);
    let below = exponential.trimmed(Trim::KeepBelow, 2.0_f64.sqrt());
    assert!((below.positive.counts()[0] - 1.0).abs() < 1e-12);
    assert_eq!((below.count, below.zero_count), (2.0, 1.0));
}

#[test]
fn division_by_zero_leaves_no_bucket() {
    let mut histogram = exponential(0, (0.5, 1.0), 1, &[2.0], &[]);
    histogram.divide(0.0);
    assert_eq!(
        (histogram.count, histogram.zero_count),
        (f64::INFINITY, f64::INFINITY)
    );
    assert!(histogram.positive.is_empty() && histogram.has_overflow());
    let mut negative = custom(&[1.0], &[2.0]);
    negative.multiply(-1.0);
    assert_eq!(negative.counter_reset_hint, CounterResetHint::Gauge);
}

#[test]
fn spans_are_runs_of_indexes() {
    let buckets = Buckets::new([-3, -2, 5, 7, 8, 9].as_slice(), vec![1.0; 6]).unwrap();
    let spans: Vec<(i32, usize)> = buckets.spans().map(|span| (span.first, span.len)).collect();
    assert_eq!(spans, [(-3, 2), (5, 1), (7, 3)]);
    assert!(Buckets::new([1, 1].as_slice(), vec![1.0; 2]).is_none());
    assert!(Buckets::new([1].as_slice(), vec![1.0; 2]).is_none());
    assert!(Buckets::consecutive(i32::MAX, vec![1.0; 2]).is_none());
}
