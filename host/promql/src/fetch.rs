//! Reading what a plan lists: all selectors at once, each with its own time range.
//!
//! Of what the store gives, only what a step will look at is kept: a month of samples seen in
//! steps of an hour is one sample an hour and series, not two hundred.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use futures::TryStreamExt;
use futures::future::try_join_all;
use narthex_model::{CounterResetHint, FloatHistogram};
use narthex_storage::{Queryable, Series};

use crate::budget::Budget;
use crate::error::QueryError;
use crate::plan::Request;

/// A timestamp and a value.
const BYTES_A_SAMPLE: usize = 16;
/// After reading so many samples others get their turn: the task that waits for the query to time
/// out, and the one that notices that its client has left.
const SAMPLES_A_TURN: usize = 1 << 17;
/// Samples are copied out of the store's columns where so many times as many are not needed.
const COPY_IF_FEWER_THAN_ONE_IN: usize = 2;

/// The series of each request, sorted by labels, so that an answer's order does not depend on
/// the store.
pub(crate) async fn fetch(
    storage: &dyn Queryable,
    requests: &[Request],
    budget: &Budget,
) -> Result<Vec<Vec<Series>>, QueryError> {
    try_join_all(
        requests
            .iter()
            .map(|request| fetch_one(storage, request, budget)),
    )
    .await
}

async fn fetch_one(
    storage: &dyn Queryable,
    request: &Request,
    budget: &Budget,
) -> Result<Vec<Series>, QueryError> {
    let range = request.select.range;
    if range.start_ms > range.end_ms {
        return Ok(Vec::new());
    }
    let mut stream = storage.select(&request.select).await?;
    let mut found = Vec::new();
    let mut since_turn = 0;
    while let Some(series) = stream.try_next().await? {
        since_turn += series.timestamps.len() + 1;
        if since_turn >= SAMPLES_A_TURN {
            since_turn = 0;
            tokio::task::yield_now().await;
        }
        let mut series = series;
        if request.with_reset_hints {
            set_reset_hints(&mut series);
        }
        let series = thinned(series, request);
        budget.charge_bytes(samples(&series).saturating_mul(BYTES_A_SAMPLE))?;
        found.push(series);
    }
    found.sort_unstable_by(|a: &Series, b| a.labels.cmp(&b.labels));
    Ok(found)
}

/// Makes histograms that do not know whether a counter was reset before them find it out. The
/// first one has nothing to compare with.
fn set_reset_hints(series: &mut Series) {
    let Some(histograms) = &series.histograms else {
        return;
    };
    let mut previous: Option<&FloatHistogram> = None;
    let hinted = histograms.iter().map(|place| {
        let histogram = place.as_ref()?;
        let before = previous.replace(histogram);
        let is_unknown = histogram.counter_reset_hint == CounterResetHint::Unknown;
        let Some(before) = before.filter(|_| is_unknown) else {
            return Some(Arc::clone(histogram));
        };
        let hint = match histogram.is_reset_after(before) {
            true => CounterResetHint::Reset,
            false => CounterResetHint::NotReset,
        };
        Some(Arc::new(FloatHistogram {
            counter_reset_hint: hint,
            ..FloatHistogram::clone(histogram)
        }))
    });
    series.histograms = Some(hinted.collect());
}

/// How many samples a series counts for: a native histogram counts for several.
fn samples(series: &Series) -> usize {
    let histograms = series.histograms.as_deref().unwrap_or_default();
    let more = histograms.iter().flatten().map(|h| h.samples() - 1);
    series.timestamps.len() + more.sum::<usize>()
}

/// The series with the samples that a step looks at, where those are few.
fn thinned(series: Series, request: &Request) -> Series {
    let timestamps: &[i64] = &series.timestamps;
    let worth_it = timestamps.len() / COPY_IF_FEWER_THAN_ONE_IN;
    // More steps than samples: nearly all samples are looked at, and the steps may be very many.
    if request.windows.grid.count > worth_it {
        return series;
    }
    let mut kept: Vec<(usize, usize)> = Vec::new();
    let mut count = 0;
    request.windows.for_each(timestamps, |window| {
        let low = match request.newest_only {
            true => window.high - 1,
            false => window.low,
        };
        // Windows overlap, and both of their ends ascend.
        let low = low.max(kept.last().map_or(0, |last| last.1));
        if low < window.high {
            kept.push((low, window.high));
            count += window.high - low;
        }
    });
    if count > worth_it {
        return series;
    }
    let ranges = || kept.iter().map(|(low, high)| *low..*high);
    let timestamps: Vec<i64> = ranges()
        .flat_map(|range| timestamps[range].iter().copied())
        .collect();
    let values: Vec<f64> = ranges()
        .flat_map(|range| series.values[range].iter().copied())
        .collect();
    let histograms = series.histograms.map(|histograms| {
        let kept = ranges().flat_map(|range| histograms[range].iter().cloned());
        kept.collect()
    });
    let starts = series.starts.map(|starts| {
        let kept = ranges().flat_map(|range| starts[range].iter().copied());
        kept.collect()
    });
    Series {
        labels: series.labels,
        timestamps: ScalarBuffer::from(timestamps),
        values: ScalarBuffer::from(values),
        histograms,
        starts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::ExprKind;
    use crate::plan::{PlanOptions, QueryTimes, plan};
    use narthex_model::Labels;

    #[test]
    fn what_no_step_looks_at_is_not_kept() {
        // A sample every 10 s for an hour, looked at every 10 minutes.
        let timestamps: ScalarBuffer<i64> = (0..=360).map(|i| i * 10_000).collect();
        let values: ScalarBuffer<f64> = (0..=360).map(f64::from).collect();
        let series = Series::of_numbers(Labels::empty(), timestamps, values);
        for (query, expected) in [
            ("x", vec![0, 60, 120, 180, 240, 300, 360]),
            ("x offset 5s", vec![59, 119, 179, 239, 299, 359]),
            (
                "count_over_time(x[20s])",
                (0..=6).flat_map(|i| [i * 60 - 1, i * 60]).collect(),
            ),
            ("count_over_time(x[1h])", (0..=360).collect()),
            ("x @ 100", vec![10]),
        ] {
            let expr = crate::parse(query, &crate::ParseOptions::all()).unwrap();
            assert!(!matches!(expr.kind, ExprKind::Paren(_)));
            let times = QueryTimes {
                start_ms: 0,
                end_ms: 3_600_000,
                step_ms: 600_000,
            };
            let options = PlanOptions {
                lookback_ms: 300_000,
                subquery_step_ms: 60_000,
            };
            let plan = plan(&expr, times, options).unwrap();
            let kept = thinned(series.clone(), &plan.requests[0]);
            let expected: Vec<i64> = expected.into_iter().filter(|i| *i >= 0).collect();
            let kept: Vec<i64> = kept.timestamps.iter().map(|t| t / 10_000).collect();
            assert_eq!(kept, expected, "{query}");
        }
    }
}
