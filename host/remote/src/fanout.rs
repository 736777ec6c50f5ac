//! The store here and those that `remote_read` names, as one: what queries read.
//!
//! The store here must answer. Of the others each that fails costs its part of the answer, which
//! the reader is warned of. Label names and values are those of the store here, for remote read
//! has no way to ask for them.

use std::collections::HashMap;
use std::collections::hash_map::IntoValues;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use futures::future::{BoxFuture, FutureExt as _, join_all, ready, try_join};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use narthex_http::{BuildError, shown_url};
use narthex_model::Labels;
use narthex_storage::{
    ExemplarsRequest, LabelsRequest, Part, Place, PushedDown, Queryable, SelectRequest, Series,
    SeriesExemplars, SeriesStream, StorageError, TimeRange, Wanted, Warnings,
};
use prometheus_client::registry::Registry;

use crate::read_client::{Metrics, ReadClient, ReadError};
use crate::{RemoteReadConfig, RemoteReadOptions};

/// From which time on the store here has all, in milliseconds since the epoch.
pub type LocalStart = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The store here and others.
pub struct Fanout {
    local: Arc<dyn Queryable>,
    local_start: LocalStart,
    options: RemoteReadOptions,
    metrics: Metrics,
    remotes: Arc<RwLock<Arc<Vec<Arc<ReadClient>>>>>,
}

/// The clients of a config, ready to take over.
#[derive(Debug)]
pub struct PreparedReads(Vec<Arc<ReadClient>>);

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("remotes", &self.remotes)
            .finish_non_exhaustive()
    }
}

impl Fanout {
    /// The store here, and no other yet.
    pub fn new(
        local: Arc<dyn Queryable>,
        local_start: LocalStart,
        options: RemoteReadOptions,
        registry: &mut Registry,
    ) -> Self {
        Self {
            local,
            local_start,
            options,
            metrics: Metrics::register(registry),
            remotes: Arc::default(),
        }
    }

    /// Another store in place of the one here, together with those that are asked now, and later.
    #[must_use]
    pub fn over(&self, local: Arc<dyn Queryable>) -> Self {
        Self {
            local,
            local_start: Arc::clone(&self.local_start),
            options: self.options,
            metrics: self.metrics.clone(),
            remotes: Arc::clone(&self.remotes),
        }
    }

    /// Makes the clients for a new config; nothing is changed by it. Those whose entry and external
    /// labels are the same go on with their connections.
    ///
    /// # Errors
    /// A client cannot be made, or an entry is there twice.
    pub fn prepare(
        &self,
        configs: &[RemoteReadConfig],
        external: &Labels,
    ) -> Result<PreparedReads, BuildError> {
        let held = self.remotes();
        let mut clients = Vec::new();
        for (at, config) in configs.iter().enumerate() {
            if configs.iter().take(at).any(|before| before == config) {
                let text = "duplicate remote read configs are not allowed, found duplicate for \
                            URL: ";
                return Err(BuildError::Config(format!(
                    "{text}{}",
                    shown_url(&config.url)
                )));
            }
            let same = held.iter().find(|client| client.is_for(config, external));
            clients.push(match same {
                Some(client) => Arc::clone(client),
                None => {
                    let metrics = self.metrics.clone();
                    Arc::new(ReadClient::new(config, external, self.options, metrics)?)
                }
            });
        }
        Ok(PreparedReads(clients))
    }

    /// Asks these from now on, also [over another store](Self::over). Reads under way end as they began.
    pub fn follow(&self, prepared: PreparedReads) {
        let mut remotes = self.remotes.write().unwrap_or_else(PoisonError::into_inner);
        *remotes = Arc::new(prepared.0);
    }

    fn remotes(&self) -> Arc<Vec<Arc<ReadClient>>> {
        let remotes = self.remotes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&remotes)
    }
}

/// What came, and a warning for each that failed.
fn without_failed<T>(answers: Vec<Result<Vec<T>, ReadError>>, warnings: &Warnings) -> Vec<T> {
    let answers = answers.into_iter().filter_map(|answer| {
        let warn = |error: &ReadError| warnings.add(format!("remote_read: {error}"));
        answer.inspect_err(warn).ok()
    });
    answers.flatten().collect()
}

/// For readers that show no warnings.
fn log(warnings: &Warnings) {
    for warning in warnings.texts() {
        tracing::warn!(warning, "a part of what was read is missing");
    }
}

impl Queryable for Fanout {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let warnings = Warnings::default();
            let found = self.select_with_warnings(request, &warnings).await;
            log(&warnings);
            found
        }
        .boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let remotes = self.remotes();
            let local = self.local.select_wanted(request, wanted, warnings);
            if remotes.is_empty() {
                return local.await;
            }
            let start_ms = (self.local_start)();
            let asked = join_all(remotes.iter().map(|far| far.select(request, start_ms)));
            let (local, answers) = try_join(local, asked.map(Ok)).await?;
            let mut far: HashMap<Labels, Vec<Series>> = HashMap::new();
            for series in without_failed(answers, warnings) {
                let series = wanted.of_raw(series);
                far.entry(series.labels.clone()).or_default().push(series);
            }
            Ok(match far.is_empty() {
                true => local,
                false => merge(local, far, wanted),
            })
        }
        .boxed()
    }

    // What others have may be in the store here as well, so that nobody alone may aggregate it.
    fn pushes_down(&self) -> bool {
        self.remotes().is_empty() && self.local.pushes_down()
    }

    fn push_down<'a>(
        &'a self,
        request: &'a SelectRequest,
        parts: &'a [Part],
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Option<PushedDown>, StorageError>> {
        match self.remotes().is_empty() {
            true => self.local.push_down(request, parts, warnings),
            false => ready(Ok(None)).boxed(),
        }
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        // What is far away has samples alone.
        self.local.resolution_ms(range, max_resolution_ms)
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let warnings = Warnings::default();
            let found = self.series_with_warnings(request, &warnings).await;
            log(&warnings);
            found
        }
        .boxed()
    }

    fn series_with_warnings<'a>(
        &'a self,
        request: &'a LabelsRequest,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let remotes = self.remotes();
            let local = self.local.series_with_warnings(request, warnings);
            if remotes.is_empty() {
                return local.await;
            }
            let start_ms = (self.local_start)();
            let asked = join_all(remotes.iter().map(|far| far.series(request, start_ms)));
            let (mut found, answers) = try_join(local, asked.map(Ok)).await?;
            found.extend(without_failed(answers, warnings));
            found.sort_unstable();
            found.dedup();
            found.truncate(request.limit.unwrap_or(usize::MAX));
            Ok(found)
        }
        .boxed()
    }

    /// What others have may change without a word.
    fn version(&self, range: TimeRange) -> Option<u64> {
        match self.remotes().is_empty() {
            true => self.local.version(range),
            false => None,
        }
    }

    fn exemplars(&self, request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        self.local.exemplars(request)
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.local.label_names(request)
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.local.label_values(name, request)
    }
}

/// The series of the store here as they come, each with what the others have of it, and then
/// those that only the others have. Of equal times the store here counts; and where it may have
/// windows, all the time from its first to its last sample, for what it has in a window must not be
/// added to that once more.
fn merge(local: SeriesStream, far: HashMap<Labels, Vec<Series>>, wanted: Wanted) -> SeriesStream {
    let state = Merge {
        local: Some(local),
        far,
        has_windows: matches!(wanted, Wanted::Windows { .. }),
        rest: HashMap::new().into_values(),
    };
    stream::try_unfold(state, |mut state| async move {
        let series = state.next().await?;
        Ok(series.map(|series| (series, state)))
    })
    .boxed()
}

struct Merge {
    /// `None` once it has ended.
    local: Option<SeriesStream>,
    /// What the others have, without what was joined.
    far: HashMap<Labels, Vec<Series>>,
    /// The store here may have windows of samples.
    has_windows: bool,
    /// What is left of that at the end.
    rest: IntoValues<Labels, Vec<Series>>,
}

impl Merge {
    async fn next(&mut self) -> Result<Option<Series>, StorageError> {
        if let Some(local) = &mut self.local {
            if let Some(series) = local.try_next().await? {
                let far = self.far.remove(&series.labels).unwrap_or_default();
                let far = far.into_iter().filter_map(|far| match self.has_windows {
                    true => outside(far, &series),
                    false => Some(far),
                });
                let mut parts: Vec<Series> = far.collect();
                parts.insert(0, series);
                return Ok(Series::join(parts));
            }
            self.local = None;
            self.rest = std::mem::take(&mut self.far).into_values();
        }
        Ok(self.rest.next().and_then(Series::join))
    }
}

/// The samples that are older or newer than all of another series; `None` where there are none.
fn outside(series: Series, other: &Series) -> Option<Series> {
    let (Some(first), Some(last)) = (other.timestamps.first(), other.timestamps.last()) else {
        return Some(series);
    };
    let times = series.timestamps.iter().enumerate();
    let kept = times.filter(|(_, time_ms)| *time_ms < first || *time_ms > last);
    let kept: Vec<Place> = kept.map(|(at, _)| (0, at)).collect();
    match kept.is_empty() {
        true => None,
        false => Series::gather(&[series], &kept),
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use narthex_storage::Aggregate;

    use super::*;

    /// What becomes of samples here and far away, by time and value.
    fn merged(here: &[(i64, f64)], far: &[(i64, f64)], wanted: Wanted) -> Vec<(i64, f64)> {
        let series = |samples: &[(i64, f64)]| {
            let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
            Series::of_numbers(Labels::from_pairs([("a", "b")]), times, values)
        };
        let local = stream::iter([Ok(series(here))]).boxed();
        let far = series(far);
        let far = HashMap::from([(far.labels.clone(), vec![far])]);
        let found: Vec<Series> = block_on(merge(local, far, wanted).try_collect()).unwrap();
        let samples = found.iter().flat_map(|series| {
            let values = series.values.iter().copied();
            series.timestamps.iter().copied().zip(values)
        });
        samples.collect()
    }

    #[test]
    fn what_is_in_a_window_here_does_not_count_once_more_far_away() {
        let far = [(5, 1.0), (15, 1.0), (20, 1.0), (31, 1.0)];
        let here = [(10, 4.0), (20, 4.0), (30, 4.0)];
        let counts = Wanted::Windows {
            aggregate: Aggregate::Count,
            max_resolution_ms: 10,
        };
        let expected = [(5, 1.0), (10, 4.0), (20, 4.0), (30, 4.0), (31, 1.0)];
        assert_eq!(merged(&here, &far, counts), expected);
        // Of samples all count.
        assert_eq!(merged(&here, &far, Wanted::Samples).len(), 6);
    }
}
