//! The frontend: from a query to its answer, part by part.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use narthex_model::PromDuration;
use narthex_promql::{MatrixSeries, QueryError, QueryResult, StatsWanted, Value};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::asked::{Divided, Division, RangeQuery};
use crate::cache::{Cache, Key};
use crate::doorkeeper::Doorkeeper;
use crate::encoded;
use crate::extent::{Extent, version};
use crate::flights::{Evaluated, FlightKey, Flights, Outcome};
use crate::joined::{Joined, Piece, append, within};
use crate::metrics::Metrics;
use crate::options::FrontendOptions;
use crate::part::{Found, Keeping, Source};
use crate::shared::{Shared, SharedAnswers};
use crate::steps::Steps;

/// Answers of so many bytes wait to be encoded and kept; one that comes meanwhile is not kept.
const KEEPING_BYTES_MAX: usize = 64 << 20;

/// Each counts for so many at the least, so that there are not too many either.
const KEEPING_BYTES_MIN: usize = 4 << 20;

/// A permit of [`Frontend::keepers`] is for so many bytes.
const BYTES_A_PERMIT: usize = 1 << 10;

/// A larger answer is decoded on the blocking pool, so that its task is not kept from others.
const DECODED_IN_PLACE_MAX: usize = 64 << 10;

/// Answers range queries. See the crate's documentation.
///
/// It is to be called within a tokio runtime that has a clock.
pub struct Frontend {
    options: FrontendOptions,
    /// `None` where nothing is kept.
    cache: Option<Cache>,
    doorkeeper: Doorkeeper,
    shared: Option<Shared>,
    flights: Flights,
    keepers: Arc<Semaphore>,
    /// One answer is encoded at a time, so that what is kept for later leaves the processors to what
    /// is asked now.
    encoding: Mutex<()>,
    metrics: Metrics,
}

impl std::fmt::Debug for Frontend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frontend")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Frontend {
    /// A frontend that has kept nothing yet. Answers are shared with others where `answers` says how;
    /// that is for stores whose versions are the same in each process.
    pub fn new(
        options: FrontendOptions,
        answers: Option<Arc<dyn SharedAnswers>>,
        registry: &mut Registry,
    ) -> Arc<Self> {
        let metrics = Metrics::register(registry);
        let bytes_max = options.cache_bytes;
        Arc::new(Self {
            cache: (bytes_max > 0).then(|| Cache::new(bytes_max, metrics.clone())),
            doorkeeper: Doorkeeper::default(),
            shared: answers.map(|answers| Shared::new(answers, metrics.clone())),
            flights: Flights::default(),
            keepers: Arc::new(Semaphore::new(KEEPING_BYTES_MAX / BYTES_A_PERMIT)),
            encoding: Mutex::default(),
            metrics,
            options,
        })
    }

    /// Answers a query as the engine would, and within its bounds.
    ///
    /// # Errors
    /// As of [`Engine::range`].
    ///
    /// [`Engine::range`]: narthex_promql::Engine::range
    pub async fn range(
        self: &Arc<Self>,
        asked: RangeQuery,
    ) -> Result<QueryResult, Arc<QueryError>> {
        let (query, parts) = match asked.divide(&self.options) {
            Division::Parts(query, parts) => (query, parts),
            Division::Whole { is_indivisible } => {
                self.metrics.whole.inc_by(u64::from(is_indivisible));
                return asked.evaluate().await;
            }
        };
        self.metrics.divided.inc();
        self.metrics.parts.inc_by(parts.len() as u64);
        let begun = Instant::now();
        let limit = query.engine.options().timeout;
        let limit = query.options.timeout.map_or(limit, |own| own.min(limit));
        // As of the engine: who has no time has none for what is kept either.
        if limit.is_zero() {
            return Err(Arc::new(QueryError::Timeout("query queue".to_owned())));
        }
        let deadline = begun.checked_add(limit.as_std());
        let work = self.joined(&query, parts, deadline);
        let joined = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, work)
                .await
                .map_err(|_| QueryError::Timeout("expression evaluation".to_owned()))?,
            None => work.await,
        };
        let Joined {
            matrix,
            warnings,
            infos,
            mut stats,
        } = joined?;
        stats.timings.exec_total = begun.elapsed();
        Ok(QueryResult {
            value: Value::Matrix(matrix),
            warnings: warnings.into_iter().collect(),
            infos: infos.into_iter().collect(),
            stats,
        })
    }

    /// Waits until all that is being kept is kept.
    pub async fn settled(&self) {
        let all = permits(KEEPING_BYTES_MAX);
        // It is never closed.
        let _ = self.keepers.acquire_many(all).await;
    }

    async fn joined(
        self: &Arc<Self>,
        query: &Arc<Divided>,
        parts: Vec<Steps>,
        deadline: Option<Instant>,
    ) -> Result<Joined, Arc<QueryError>> {
        let answers: Vec<BoxFuture<'static, Result<Vec<Piece>, Arc<QueryError>>>> = parts
            .into_iter()
            .map(|part| {
                let (this, query) = (Arc::clone(self), Arc::clone(query));
                async move { this.part(&query, part, deadline).await }.boxed()
            })
            .collect();
        let mut answers = stream::iter(answers).buffered(self.options.parallelism_max.max(1));
        let mut joined = Joined::default();
        while let Some(pieces) = answers.next().await {
            for piece in pieces? {
                joined.add(piece);
            }
            query.engine.check_answer(&joined.matrix)?;
        }
        Ok(joined)
    }

    /// The answer of a part, in the order of time.
    async fn part(
        self: &Arc<Self>,
        query: &Arc<Divided>,
        part: Steps,
        deadline: Option<Instant>,
    ) -> Result<Vec<Piece>, Arc<QueryError>> {
        let key = query.key(part);
        let mut found = self.look_up(query, &key, part).await;
        let is_news = self.is_news(&found, &key);
        let is_too_young = |keeping: &Keeping| keeping.old_to_ms < part.to_ms;
        if is_news && found.keeping.as_ref().is_some_and(is_too_young) {
            // One evaluation is cheaper than one of what is old and one of the rest.
            found.keeping = None;
            self.metrics.misses.inc();
        }
        let sources = found.sources(part);
        let wants_kept = |found: &Found| found.keeping.is_some() && !is_news;
        self.count(&sources);
        let mut pieces = Vec::new();
        let mut kept = Kept::default();
        for source in sources {
            match source {
                Source::Kept(extent, steps) => {
                    // A neighbour is only looked at to be kept with what is new.
                    if steps.is_none() && found.keeping.is_none() {
                        continue;
                    }
                    let infos = extent.infos.to_vec();
                    let whole = extent.steps;
                    let Some(mut matrix) = decoded(extent).await else {
                        // It was damaged: what it had is evaluated, and nothing is kept.
                        found.keeping = None;
                        if let Some(steps) = steps {
                            pieces.push(self.evaluated(query, steps, deadline).await?.into());
                        }
                        continue;
                    };
                    if wants_kept(&found) {
                        kept.add(Arc::new(matrix.clone()), &infos);
                    }
                    if let Some(steps) = steps {
                        if steps != whole {
                            within(&mut matrix, steps);
                        }
                        pieces.push(Piece {
                            matrix,
                            infos,
                            ..Piece::default()
                        });
                    }
                }
                Source::Passing(steps) => {
                    pieces.push(self.evaluated(query, steps, deadline).await?.into());
                }
                Source::Evaluated(steps) => {
                    let evaluated = match &found.keeping {
                        Some(keeping) => self.flown(query, &key, steps, keeping.version).await?,
                        None => self.evaluated(query, steps, deadline).await?,
                    };
                    if !evaluated.warnings.is_empty() {
                        found.keeping = None;
                    } else if wants_kept(&found) {
                        kept.add(Arc::clone(&evaluated.matrix), &evaluated.infos);
                    }
                    pieces.push(evaluated.into());
                }
            }
        }
        // Who was asked for samples may have left while it was asked, and be back soon: what was
        // answered without it must not be taken for an answer of both.
        let is_same =
            |keeping: &Keeping| version(&*query.storage, &keeping.reads) == Some(keeping.version);
        if let Some(keeping) = found.keeping.filter(|keeping| !is_news && is_same(keeping)) {
            self.keep(query, key, keeping, kept);
        }
        Ok(pieces)
    }

    /// Whether nobody has asked for a part yet, so that perhaps nobody will again.
    fn is_news(&self, found: &Found, key: &Key) -> bool {
        let may_be_kept = found.keeping.is_some() && !self.options.keeps_at_once;
        may_be_kept && found.extents.is_empty() && !self.doorkeeper.has_seen(key)
    }

    /// What is kept of a part and holds.
    async fn look_up(&self, query: &Divided, key: &Key, part: Steps) -> Found {
        let horizon_ms = query
            .now_ms
            .saturating_sub(self.options.max_freshness.as_millis_i64());
        let old = match part.until(horizon_ms) {
            Some(old) if query.may_be_kept => old,
            _ => return Found::default(),
        };
        let mut extents = self.known(query, key, old).await;
        extents.retain(|extent| extent.steps.touches(old));
        let hull = extents.iter().fold(old, |hull, e| hull.hull(e.steps));
        // Before the extents are looked at: what changes while they are is another version.
        let Some((reads, version)) = query.reads(hull) else {
            return Found::default();
        };
        let (extents, stale): (Vec<_>, Vec<_>) = extents
            .into_iter()
            .partition(|extent| self.holds(query, extent));
        if let Some(cache) = self.cache.as_ref().filter(|_| !stale.is_empty()) {
            self.metrics.stale.inc_by(stale.len() as u64);
            cache.forget(key, &stale);
        }
        let is_settled = reads.iter().all(|range| range.end_ms <= horizon_ms);
        let made_ms = extents.iter().map(|extent| extent.made_ms).min();
        let keeping = is_settled.then(|| Keeping {
            steps: extents.iter().fold(old, |hull, e| hull.hull(e.steps)),
            old_to_ms: old.to_ms,
            made_ms: made_ms.unwrap_or(query.now_ms),
            reads,
            version,
        });
        Found { extents, keeping }
    }

    /// What is known of a part, here or of others.
    async fn known(&self, query: &Divided, key: &Key, old: Steps) -> Vec<Extent> {
        let Some(cache) = &self.cache else {
            return Vec::new();
        };
        let known = cache.get(key);
        let Some(shared) = self.shared.as_ref().filter(|_| known.is_empty()) else {
            return known;
        };
        let Some(extent) = shared.get(key, old.step_ms).await else {
            return known;
        };
        if self.holds(query, &extent) {
            cache.put(key, extent);
        }
        cache.get(key)
    }

    fn holds(&self, query: &Divided, extent: &Extent) -> bool {
        let age_max_ms = self.options.max_age.as_millis_i64();
        extent.is_young(query.now_ms, age_max_ms)
            && extent.is_for(&query.text)
            && version(&*query.storage, &extent.reads) == Some(extent.version)
    }

    fn count(&self, sources: &[Source]) {
        let is_kept = |source: &Source| matches!(source, Source::Kept(_, Some(_)));
        let is_new = |source: &Source| matches!(source, Source::Evaluated(_));
        let metrics = &self.metrics;
        let counter = match (sources.iter().any(is_kept), sources.iter().any(is_new)) {
            (true, false) => Some(&metrics.hits),
            (true, true) => Some(&metrics.partial_hits),
            (false, true) => Some(&metrics.misses),
            // Too new to be kept.
            (false, false) => None,
        };
        if let Some(counter) = counter {
            counter.inc();
        }
    }

    /// Evaluates steps for this query alone.
    async fn evaluated(
        &self,
        query: &Arc<Divided>,
        steps: Steps,
        deadline: Option<Instant>,
    ) -> Outcome {
        let left = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            PromDuration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
        });
        outcome(query.evaluate(steps, left).await?)
    }

    /// Evaluates steps, or waits for who does already.
    async fn flown(&self, query: &Arc<Divided>, key: &Key, steps: Steps, version: u64) -> Outcome {
        let mut flight_key = FlightKey::new(key, &query.text, steps, version);
        flight_key.with_samples = query.options.stats != StatsWanted::Timings;
        let begin = || {
            let query = Arc::clone(query);
            // It takes as long as any query may: others may have more time than who began.
            async move { outcome(query.evaluate(steps, None).await?) }.boxed()
        };
        let (flight, went_on) = self.flights.join(flight_key, begin);
        self.metrics.shared.inc_by(u64::from(went_on));
        flight.await
    }

    /// Keeps what was evaluated together with what was known, while the query goes on.
    fn keep(self: &Arc<Self>, query: &Divided, key: Key, keeping: Keeping, kept: Kept) {
        if self.cache.is_none() {
            return;
        }
        let permits = permits(kept.bytes().max(KEEPING_BYTES_MIN));
        let Ok(keeper) = Arc::clone(&self.keepers).try_acquire_many_owned(permits) else {
            self.metrics.refused.inc();
            return;
        };
        let this = Arc::clone(self);
        let (text, runtime) = (Arc::clone(&query.text), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || {
            let encoding = this.encoding.lock();
            let encoding = encoding.unwrap_or_else(PoisonError::into_inner);
            let mut matrix = Vec::new();
            for more in kept.matrices {
                append(&mut matrix, Arc::unwrap_or_clone(more));
            }
            let Some(bytes) = encoded::encode(&matrix, keeping.steps) else {
                this.metrics.refused.inc();
                return;
            };
            drop(encoding);
            let extent = Extent {
                steps: keeping.steps,
                reads: keeping.reads.into(),
                version: keeping.version,
                made_ms: keeping.made_ms,
                infos: kept.infos.into(),
                text,
                matrix: bytes.into(),
            };
            if let Some(cache) = &this.cache {
                cache.put(&key, extent.clone());
            }
            if this.shared.is_some() {
                runtime.spawn(async move {
                    if let Some(shared) = &this.shared {
                        shared.put(&key, &extent).await;
                    }
                    drop(keeper);
                });
            }
        });
    }
}

/// What is to be kept of a part.
#[derive(Debug, Default)]
struct Kept {
    /// In the order of time.
    matrices: Vec<Arc<Vec<MatrixSeries>>>,
    infos: Vec<String>,
}

impl Kept {
    /// What the answers take in memory.
    fn bytes(&self) -> usize {
        let series = self.matrices.iter().flat_map(|matrix| matrix.iter());
        let bytes = series.map(|series| {
            let histograms = series.histograms.iter().map(|(_, histogram)| {
                let buckets = histogram.positive.len() + histogram.negative.len();
                size_of_val(&**histogram) + buckets * size_of::<f64>()
            });
            size_of_val(series)
                + size_of_val(&series.timestamps[..])
                + size_of_val(&series.values[..])
                + histograms.sum::<usize>()
        });
        bytes.sum()
    }

    fn add(&mut self, matrix: Arc<Vec<MatrixSeries>>, infos: &[String]) {
        self.matrices.push(matrix);
        for info in infos {
            if !self.infos.contains(info) {
                self.infos.push(info.clone());
            }
        }
    }
}

impl From<Evaluated> for Piece {
    fn from(evaluated: Evaluated) -> Self {
        Self {
            matrix: Arc::unwrap_or_clone(evaluated.matrix),
            warnings: evaluated.warnings,
            infos: evaluated.infos,
            stats: evaluated.stats,
        }
    }
}

/// For so many bytes.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES_A_PERMIT).unwrap_or(u32::MAX)
}

/// What the engine gave: of range queries always a matrix.
fn outcome(result: QueryResult) -> Outcome {
    let Value::Matrix(matrix) = result.value else {
        let text = "unexpected error: a range query has no matrix";
        return Err(Arc::new(QueryError::Execution(text.to_owned())));
    };
    Ok(Evaluated {
        matrix: Arc::new(matrix),
        warnings: result.warnings,
        infos: result.infos,
        stats: result.stats,
    })
}

/// The answer of an extent; `None` where it is damaged.
async fn decoded(extent: Extent) -> Option<Vec<MatrixSeries>> {
    if extent.matrix.len() <= DECODED_IN_PLACE_MAX {
        return extent.decode().ok();
    }
    let decoding = tokio::task::spawn_blocking(move || extent.decode().ok());
    decoding.await.ok().flatten()
}

#[cfg(test)]
mod tests;
