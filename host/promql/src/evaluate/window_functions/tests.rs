//! One sliding pass gives what looking at each window gives.

use super::*;
use crate::evaluate::grid::Grid;
use crate::plan::Shift;

const STEPS: usize = 200;

/// Windows of this length every 10 ms over samples of 0 to 10 ms distance.
fn windows(range_ms: i64) -> Windows {
    Windows {
        grid: Grid {
            start_ms: 0,
            step_ms: 10,
            count: STEPS,
        },
        range_ms,
        shift: Shift::NONE,
    }
}

/// Values that come again, rise, fall, and are `odd` now and then.
fn samples(scale: f64, odd: f64) -> Samples<'static> {
    let values: Vec<f64> = (0..300_u32)
        .map(|i| match i.wrapping_mul(2_654_435_761) >> 27 {
            0..2 => odd,
            value => f64::from(value % 12) * scale + scale,
        })
        .collect();
    Samples {
        timestamps: (0..300).map(|i| i * 7 - i % 3).collect(),
        values: values.into(),
        starts: None,
    }
}

/// Compares two ways to compute a column, on all kinds of values and windows.
fn check(
    name: &str,
    sliding: impl Fn(&Pass<'_>, &mut [f64]),
    looking: impl Fn(&Pass<'_>, &mut [f64]),
) {
    let budget = Budget::new(usize::MAX, usize::MAX);
    for range_ms in [10, 50, 200, 900] {
        for (scale, odd) in [
            (1.0, 3.0),
            (1.0, f64::NAN),
            (0.1, f64::INFINITY),
            (1e-3, 1e9),
            (1e295, 1.0),
        ] {
            let (samples, windows) = (samples(scale, odd), windows(range_ms));
            let pass = Pass {
                samples: &samples,
                windows: &windows,
                budget: &budget,
            };
            let (mut one, mut other) = (vec![ABSENT; STEPS], vec![ABSENT; STEPS]);
            sliding(&pass, &mut one);
            looking(&pass, &mut other);
            // A large value among small ones takes digits off all that is made of them.
            let lost = if odd.is_finite() { odd * 1e-13 } else { 0.0 };
            for (step, (a, b)) in one.iter().zip(&other).enumerate() {
                let is_same =
                    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-11 * b.abs() + lost;
                assert!(
                    is_same,
                    "{name}, {range_ms} ms, {scale}, {odd}, step {step}: {a} is not {b}"
                );
            }
        }
    }
}

#[test]
fn sums_averages_and_spreads() {
    let of = |pass: &Pass<'_>, out: &mut [f64], f: fn(&[f64]) -> f64| {
        pass.each(out, |w| f(&pass.values()[w.low..w.high]));
    };
    check(
        "sum",
        |pass, out| pass.sum(out),
        |pass, out| of(pass, out, sum),
    );
    check(
        "average",
        |pass, out| pass.average(out),
        |pass, out| of(pass, out, average),
    );
    check(
        "variance",
        |pass, out| pass.variance(out, |variance| variance),
        |pass, out| of(pass, out, variance),
    );
}

#[test]
fn quantiles_and_deviations() {
    for q in [0.0, 0.1, 0.5, 0.9, 1.0, 2.0, -1.0, f64::NAN] {
        check(
            "quantile",
            |pass, out| pass.quantile(out, &[q; STEPS]),
            |pass, out| {
                pass.each(out, |w| {
                    quantile(q, &mut pass.values()[w.low..w.high].to_vec())
                });
            },
        );
    }
    check(
        "deviation",
        |pass, out| pass.median_deviation(out),
        |pass, out| {
            let mut scratch = Vec::new();
            pass.each(out, |w| {
                median_deviation(&pass.values()[w.low..w.high], &mut scratch)
            });
        },
    );
}

#[test]
fn lines_and_smooth_curves() {
    let first_ms = |pass: &Pass<'_>, w: &Window| pass.samples.timestamps[w.low];
    check(
        "slope",
        |pass, out| pass.line(out, |w| first_ms(pass, w), |_, (slope, _)| slope),
        |pass, out| {
            pass.each(out, |w| match w.len() {
                1 => ABSENT,
                _ => {
                    let timestamps = &pass.samples.timestamps[w.low..w.high];
                    let values = &pass.values()[w.low..w.high];
                    regression::line(timestamps, values, first_ms(pass, w)).0
                }
            });
        },
    );
    check(
        "smoothing",
        |pass, out| pass.smooth(out, &[0.3; STEPS], &[0.7; STEPS]),
        |pass, out| {
            pass.each(out, |w| match &pass.values()[w.low..w.high] {
                [_] => ABSENT,
                values => regression::double_exponential_smoothing(values, 0.3, 0.7),
            });
        },
    );
}

#[test]
fn extremes_and_where_they_are() {
    type Wins = fn(f64, f64) -> bool;
    let place = |values: &[f64], wins: Wins| {
        let (mut best, mut best_at) = (values[0], 0);
        for (at, value) in values.iter().enumerate() {
            if wins(*value, best) || best.is_nan() {
                (best, best_at) = (*value, at);
            }
        }
        best_at
    };
    let all: [Wins; 4] = [|a, b| a > b, |a, b| a < b, |a, b| a >= b, |a, b| a <= b];
    for wins in all {
        check(
            "extreme",
            |pass, out| pass.extreme(out, wins, |at| pass.samples.timestamps[at] as f64),
            |pass, out| {
                pass.each(out, |w| {
                    let at = w.low + place(&pass.values()[w.low..w.high], wins);
                    pass.samples.timestamps[at] as f64
                });
            },
        );
    }
}

#[test]
fn pairs_of_neighbours() {
    check(
        "resets",
        |pass, out| pass.count_pairs(out, |a, b| b < a),
        |pass, out| {
            pass.each(out, |w| {
                let values = &pass.values()[w.low..w.high];
                let count = values.windows(2).filter(|pair| pair[1] < pair[0]).count();
                f64::from(u32::try_from(count).unwrap())
            });
        },
    );
}

#[test]
fn windows_that_are_looked_at_one_by_one_stop_with_the_query() {
    let budget = Budget::new(usize::MAX, usize::MAX);
    let count = 100_000;
    let samples = Samples {
        timestamps: (0..1000).collect(),
        values: (0..1000).map(f64::from).collect(),
        starts: None,
    };
    let windows = Windows {
        grid: Grid {
            start_ms: 1000,
            step_ms: 1,
            count,
        },
        range_ms: 200_000,
        shift: Shift::NONE,
    };
    let pass = Pass {
        samples: &samples,
        windows: &windows,
        budget: &budget,
    };
    budget.stop(crate::budget::Stop::Canceled);
    let (mut out, mut looked_at) = (vec![ABSENT; count], 0);
    pass.look(&mut out, |_| {
        looked_at += 1;
        0.0
    });
    // 100 million samples would have been looked at.
    assert!(looked_at < 100, "{looked_at}");
}
