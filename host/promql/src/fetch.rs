//! Reading what a plan lists: all selectors at once, each with its own time range.
//!
//! Of what the store gives, only what a step will look at is kept: a month of samples seen in
//! steps of an hour is one sample an hour and series, not two hundred. And where nobody but an
//! aggregation that folds looks at a selector's series, it takes them in a batch at a time, so
//! that of any number of series the groups are all that is kept. A store may have aggregations
//! evaluated where their samples are; then only what is left is read here.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use futures::TryStreamExt;
use futures::future::try_join_all;
use narthex_model::{CounterResetHint, FloatHistogram};
use narthex_storage::{Part, Partial, Queryable, Series};

use crate::error::QueryError;
use crate::evaluate::{Fold, Folds};
use crate::place::Place;
use crate::plan::{Plan, Request};
use crate::query::Query;

/// A timestamp and a value.
const BYTES_A_SAMPLE: usize = 16;
/// After reading so many samples others get their turn: the task that waits for the query to time
/// out, and the one that notices that its client has left.
const SAMPLES_A_TURN: usize = 1 << 17;
/// Samples are copied out of the store's columns where so many times as many are not needed.
const COPY_IF_FEWER_THAN_ONE_IN: usize = 2;
/// In a batch a series counts for so many samples beside its own: for its labels.
const SERIES_AS_SAMPLES: usize = 16;

/// What was read for a plan.
pub(crate) struct Fetched {
    /// The series of each request, sorted by labels, so that an answer's order does not depend
    /// on the store.
    pub(crate) series: Vec<Vec<Series>>,
    /// What each streamed aggregation has become, where it took its series in as they were read.
    pub(crate) folded: Vec<Option<Arc<Fold>>>,
    /// What others have made of series that are not here, by streamed aggregation; where that
    /// took in its series as they were read, it took this in as well.
    pub(crate) partials: Vec<Option<Partial>>,
    /// What others say may be meant differently.
    pub(crate) infos: BTreeSet<String>,
}

impl Fetched {
    /// Nothing read yet.
    pub(crate) fn nothing(plan: &Plan) -> Self {
        Self {
            series: vec![Vec::new(); plan.requests.len()],
            folded: plan.streamed.iter().map(|_| None).collect(),
            partials: plan.streamed.iter().map(|_| None).collect(),
            infos: BTreeSet::new(),
        }
    }

    /// How many series there are, and how many samples they count for.
    fn size(&self) -> (usize, usize) {
        let all = self.series.iter().flatten();
        all.fold((0, 0), |(count, sum), series| {
            (count + 1, sum + samples(series))
        })
    }

    /// Whether evaluating a plan on what was read is so little work that it is done at once.
    pub(crate) fn is_light(&self, plan: &Plan) -> bool {
        let (series, samples) = self.size();
        let is_all_here = self.partials.iter().all(Option::is_none);
        is_all_here && self.folded.iter().all(Option::is_none) && plan.is_light(series, samples)
    }
}

/// Reads all that a query needs.
pub(crate) async fn fetch(
    storage: &dyn Queryable,
    query: &Arc<Query>,
    place: &Place,
) -> Result<Fetched, QueryError> {
    let requests = 0..query.plan.requests.len();
    let found = requests.map(|request| {
        let reading = Reading {
            storage,
            query,
            request,
            place,
        };
        reading.all()
    });
    let mut fetched = Fetched::nothing(&query.plan);
    for (request, read) in try_join_all(found).await?.into_iter().enumerate() {
        for (streamed, mut partial) in read.partials {
            fetched.infos.extend(std::mem::take(&mut partial.infos));
            fetched.partials[streamed] = Some(partial);
        }
        match read.found {
            Found::Series(series) => fetched.series[request] = series,
            Found::Folded(folds) => {
                for (streamed, fold) in folds.into_parts() {
                    fetched.folded[streamed] = Some(Arc::new(fold));
                }
            }
        }
    }
    Ok(fetched)
}

/// What was read of a request.
struct Read {
    found: Found,
    /// What others have made of the rest, by streamed aggregation.
    partials: Vec<(usize, Partial)>,
}

/// What became of a request.
enum Found {
    /// Its series.
    Series(Vec<Series>),
    /// It was streamed: the series are gone.
    Folded(Folds),
}

/// What others have made of series, and where the others are.
type Pushed = (Vec<(usize, Partial)>, Option<Arc<dyn Queryable>>);

/// Series that were read and not yet folded.
#[derive(Default)]
struct Batch {
    series: Vec<Series>,
    /// What was charged to the budget for them.
    bytes: usize,
}

/// Reads one request.
#[derive(Clone, Copy)]
struct Reading<'a> {
    storage: &'a dyn Queryable,
    query: &'a Arc<Query>,
    request: usize,
    place: &'a Place,
}

impl Reading<'_> {
    async fn all(self) -> Result<Read, QueryError> {
        let Some((partials, rest)) = self.push_down().await? else {
            let (found, partials) = (self.here().await?, Vec::new());
            return Ok(Read { found, partials });
        };
        let found = match &rest {
            None => Found::Series(Vec::new()),
            Some(rest) => {
                let storage = &**rest;
                Reading { storage, ..self }.here().await?
            }
        };
        let Found::Folded(mut folds) = found else {
            return Ok(Read { found, partials });
        };
        let query = Arc::clone(self.query);
        let work = move || {
            folds.combine(&query.plan, &query.budget, &partials)?;
            Ok((folds, partials))
        };
        let (folds, partials) = self.place.run(work).await?;
        let found = Found::Folded(folds);
        Ok(Read { found, partials })
    }

    /// Has the aggregations that read the request evaluated by others, where others do that: what
    /// became of them, and where the series are that they did not take in.
    async fn push_down(self) -> Result<Option<Pushed>, QueryError> {
        let Request { select, .. } = &self.query.plan.requests[self.request];
        if !self.storage.pushes_down() || select.range.start_ms > select.range.end_ms {
            return Ok(None);
        }
        let Some(parts) = self.query.parts(self.request) else {
            return Ok(None);
        };
        let (places, parts): (Vec<usize>, Vec<Part>) = parts.into_iter().unzip();
        let warnings = &self.query.warnings;
        let pushed = self.storage.push_down(select, &parts, warnings).await?;
        let Some(pushed) = pushed else {
            return Ok(None);
        };
        let results = pushed.parts.iter();
        for series in results.flat_map(|part| part.values.iter().chain(&part.counts)) {
            let bytes = samples(series).saturating_mul(BYTES_A_SAMPLE);
            self.query.budget.charge_bytes(bytes)?;
        }
        let partials = places.into_iter().zip(pushed.parts).collect();
        Ok(Some((partials, pushed.rest)))
    }

    /// Reads the series.
    async fn here(self) -> Result<Found, QueryError> {
        if self.query.streams(self.request)
            && let Some(found) = self.read(self.query.batch_samples).await?
        {
            return Ok(found);
        }
        let whole = self.read(usize::MAX).await?;
        Ok(whole.unwrap_or_else(|| Found::Series(Vec::new())))
    }

    /// Reads, and folds whenever about so many samples have come; `None` where that cannot be
    /// done a batch at a time after all.
    async fn read(self, batch_samples: usize) -> Result<Option<Found>, QueryError> {
        let request = &self.query.plan.requests[self.request];
        let range = request.select.range;
        if range.start_ms > range.end_ms {
            return Ok(Some(Found::Series(Vec::new())));
        }
        let (select, warnings) = (&request.select, &self.query.warnings);
        let found = self.storage.select_wanted(select, request.wanted, warnings);
        let mut stream = found.await?;
        let mut batch = Batch::default();
        let mut in_batch: usize = 0;
        let mut folds: Option<Folds> = None;
        let mut since_turn = 0;
        while let Some(mut series) = stream.try_next().await? {
            since_turn += series.timestamps.len() + 1;
            if since_turn >= SAMPLES_A_TURN {
                since_turn = 0;
                tokio::task::yield_now().await;
            }
            if request.with_reset_hints {
                set_reset_hints(&mut series);
            }
            let series = thinned(series, request);
            let samples = samples(&series);
            let bytes = samples.saturating_mul(BYTES_A_SAMPLE);
            self.query.budget.charge_bytes(bytes)?;
            batch.bytes = batch.bytes.saturating_add(bytes);
            batch.series.push(series);
            in_batch = in_batch.saturating_add(samples + SERIES_AS_SAMPLES);
            if in_batch >= batch_samples {
                in_batch = 0;
                folds = match self.fold(folds, std::mem::take(&mut batch)).await? {
                    Some(folds) => Some(folds),
                    None => return Ok(None),
                };
            }
        }
        if folds.is_some() {
            let folds = self.fold(folds, batch).await?;
            return Ok(folds.map(Found::Folded));
        }
        let mut series = batch.series;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Some(Found::Series(series)))
    }

    /// Folds a batch; `None` where the request is to be read as a whole.
    async fn fold(self, folds: Option<Folds>, batch: Batch) -> Result<Option<Folds>, QueryError> {
        let (query, request) = (Arc::clone(self.query), self.request);
        let work = move || {
            let folds = folds.unwrap_or_else(|| Folds::new(&query.plan, request));
            let folds = query.fold(request, folds, batch.series);
            query.budget.release_bytes(batch.bytes);
            folds
        };
        self.place.run(work).await
    }
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
