use super::*;
use crate::evaluate::grid::Grid;
use crate::plan::Shift;

const RANGE_MS: i64 = 60;
const LOOKBACK_MS: i64 = 50;

/// Samples of 0 to 18 ms distance, with a gap, of a counter that is reset now and then.
fn samples() -> Samples<'static> {
    let (mut time, mut value) = (0, 0.0);
    let points = (0..90_u32).map(|i| {
        let chance = i.wrapping_mul(2_654_435_761) >> 28;
        time += i64::from(chance) + 3;
        if i == 40 {
            time += 200;
        }
        value = if chance == 7 {
            f64::from(i % 3)
        } else {
            value + f64::from(chance)
        };
        (time, value)
    });
    let (timestamps, values): (Vec<i64>, Vec<f64>) = points.unzip();
    Samples {
        timestamps: timestamps.into(),
        values: values.into(),
        starts: None,
    }
}

fn windows(count: usize) -> Windows {
    Windows {
        grid: Grid {
            start_ms: -20,
            step_ms: 7,
            count,
        },
        range_ms: RANGE_MS,
        shift: Shift::NONE,
    }
}

/// The line between two points, looked at from `at`.
fn on_the_line(a: (i64, f64), b: (i64, f64), at: i64, is_counter: bool) -> f64 {
    let from = if is_counter && b.1 < a.1 { 0.0 } else { a.1 };
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let share = (at - a.0) as f64 / (b.0 - a.0) as f64;
    from + (b.1 - from) * share
}

/// What a step gives, from nothing but the definition.
fn defined(points: &[(i64, f64)], end_ms: i64, is_smoothed: bool, is_counter: bool) -> Option<f64> {
    let start_ms = end_ms - RANGE_MS;
    let after_ms = if is_smoothed { LOOKBACK_MS } else { 0 };
    let seen: Vec<(i64, f64)> = points
        .iter()
        .copied()
        .filter(|(t, _)| *t > start_ms - LOOKBACK_MS && *t <= end_ms + after_ms)
        .collect();
    let before = seen.iter().rposition(|(t, _)| *t <= start_ms);
    let inside: Vec<(i64, f64)> = seen
        .iter()
        .copied()
        .filter(|(t, _)| *t > start_ms && *t < end_ms)
        .collect();
    let at_end = seen.iter().copied().find(|(t, _)| *t >= end_ms);
    let newest = *seen.last()?;
    if newest.0 <= start_ms || (is_smoothed && before.is_none() && seen[0].0 > end_ms) {
        return None;
    }
    let left = match before {
        Some(at) if is_smoothed && seen[at].0 < start_ms => {
            on_the_line(seen[at], seen[at + 1], start_ms, is_counter)
        }
        Some(at) => seen[at].1,
        None => seen[0].1,
    };
    let right = match at_end {
        Some(end) if is_smoothed && end.0 > end_ms => {
            let before_end = seen.iter().rposition(|(t, _)| *t < end_ms);
            before_end.map_or(end.1, |at| on_the_line(seen[at], end, end_ms, is_counter))
        }
        Some(end) => end.1,
        None => newest.1,
    };
    let mut result = right - left;
    if is_counter {
        let mut previous = left;
        for value in inside.iter().map(|point| point.1).chain([right]) {
            if value < previous {
                result += previous;
            }
            previous = value;
        }
    }
    Some(result)
}

#[test]
fn sliding_gives_what_the_definition_gives() {
    let samples = samples();
    let points: Vec<(i64, f64)> = samples
        .timestamps
        .iter()
        .copied()
        .zip(samples.values.iter().copied())
        .collect();
    let windows = windows(250);
    let mut seen = 0;
    for modifier in [RangeEdges::Anchored, RangeEdges::Smoothed] {
        for is_counter in [false, true] {
            let edges = Edges::new(modifier, LOOKBACK_MS).unwrap();
            let how = Extrapolation {
                is_counter,
                per_second: false,
            };
            let mut out = vec![ABSENT; 250];
            edges.rate(how, &samples, &windows, &mut out);
            for (step, found) in out.into_iter().enumerate() {
                let end_ms = windows.grid.time(step);
                let is_smoothed = modifier == RangeEdges::Smoothed;
                let wanted = defined(&points, end_ms, is_smoothed, is_counter);
                let found = (!crate::evaluate::column::is_absent(found)).then_some(found);
                let close = match (found, wanted) {
                    (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                    (None, None) => true,
                    _ => false,
                };
                assert!(
                    close,
                    "{modifier:?} {is_counter} at {end_ms}: {found:?}, not {wanted:?}"
                );
                seen += usize::from(found.is_some());
            }
        }
    }
    assert!(seen > 400, "{seen} values");
}
