//! A store of series in columns, cut to the range without a copy: what it costs to read is not
//! what is measured.

use futures::FutureExt;
use futures::future::{self, BoxFuture};
use futures::stream::{self, StreamExt};
use narthex_storage::{Queryable, SelectRequest, Series, SeriesStream, StorageError};

/// The series.
pub(crate) struct Columns(pub(crate) Vec<Series>);

impl Queryable for Columns {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let found: Vec<_> = self
            .0
            .iter()
            .filter(|series| {
                let value = |name| series.labels.get(name).unwrap_or("");
                request.matchers.iter().all(|m| m.matches(value(m.name())))
            })
            .filter_map(|series| {
                let from = series
                    .timestamps
                    .partition_point(|t| *t < request.range.start_ms);
                let to = series
                    .timestamps
                    .partition_point(|t| *t <= request.range.end_ms);
                let histograms = series.histograms.as_ref();
                (from < to).then(|| {
                    Ok(Series {
                        labels: series.labels.clone(),
                        timestamps: series.timestamps.slice(from, to - from),
                        values: series.values.slice(from, to - from),
                        histograms: histograms.map(|all| all[from..to].into()),
                        starts: None,
                    })
                })
            })
            .collect();
        future::ready(Ok(stream::iter(found).boxed())).boxed()
    }
}
