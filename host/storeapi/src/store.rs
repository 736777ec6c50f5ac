//! What the endpoint that we are answers: what it is, series in their order, names and values of
//! labels.
//!
//! ```text
//! request ► matchers, external ones judged here ► groups ► store ► chunks ► sorted ► frames
//!                                                   └───── for one after the other ─────┘
//! ```
//!
//! The order of an answer is that of the label sets with the external labels and without those of
//! replicas, and stores have none. So series are held as chunks, a byte or two a sample, within
//! bounds, and sorted, before they go out frame by frame; each is let go when it is sent. Where an
//! answer has several metrics it is made in groups of them, as far as they stand together in the
//! order: the next group is read when the one before is sent.
//!
//! It is not: the server that is spoken to, or a merge of several stores.

mod aggregates;
mod answer;
mod evaluation;
mod exemplars;
mod frames;
mod groups;
mod holdings;
mod labelled;
mod labels;
mod limits;
mod question;
mod shard;
mod since;
mod view;

use std::fmt;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use narthex_model::{Labels, Matcher, with_sources};
use narthex_promblock::{WrittenChunk, write_chunks};
use narthex_storage::{
    EvaluatePart, LabelsRequest, Queryable, SelectRequest, Series, StorageError, TimeRange,
    Warnings,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use self::aggregates::Aggregates;
use self::answer::Answering;
use self::frames::Held;
use self::limits::Room;
use self::question::Question;
use self::shard::Shard;
use crate::message::LabelSet;
use crate::message::info::{
    ExemplarsInfo, InfoResponse, MetricMetadataInfo, RulesInfo, StoreInfo, TargetsInfo, TsdbInfo,
};
use crate::message::store::{AggrChunk, Chunk, SeriesRequest};

pub(crate) use self::answer::Answer;
pub use self::holdings::HoldingsOf;
pub use self::limits::StoreLimits;
pub use self::since::SinceOf;
pub use self::view::HostView;

/// What a request is told where there are no external labels.
const NO_EXTERNAL_LABELS: &str = "no external labels are configured: without global.external_labels \
                                  series of several servers cannot be told apart";

/// After so many samples, others get their turn on the thread.
const SAMPLES_A_TURN: usize = 1 << 16;

/// `thanos.info.InfoResponse.ComponentType`: what has the newest samples of one server.
const COMPONENT: &str = "sidecar";

/// What an endpoint is made of.
pub struct StoreOptions {
    /// The samples.
    pub store: Arc<dyn Queryable>,
    /// `global.external_labels`, as they are now.
    pub external_labels: Box<dyn Fn() -> Labels + Send + Sync>,
    /// The oldest sample that there may be, in milliseconds since the epoch.
    pub oldest_ms: Box<dyn Fn() -> i64 + Send + Sync>,
    /// The selectors of a query in PromQL, or what is wrong with it.
    pub selectors: Box<SelectorsOf>,
    /// What the host says of itself.
    pub view: Box<dyn HostView>,
    /// What bounds a request.
    pub limits: StoreLimits,
}

/// Reads the selectors of a query.
pub type SelectorsOf = dyn Fn(&str) -> Result<Vec<Vec<Matcher>>, String> + Send + Sync;

/// An endpoint of the StoreAPI.
pub struct StoreApi {
    options: StoreOptions,
    /// Where the series are those of several servers.
    holdings: Option<Box<HoldingsOf>>,
    /// What evaluates aggregations of queries; `None` where that is not done.
    evaluate: Option<Box<EvaluatePart>>,
    /// Before when nothing is answered for; `None` where all is.
    since: Option<Box<SinceOf>>,
    turns: Option<Arc<Semaphore>>,
}

impl StoreApi {
    /// An endpoint that nobody asks yet.
    pub fn new(options: StoreOptions) -> Self {
        let turns = options.limits.requests_max.min(Semaphore::MAX_PERMITS);
        Self {
            options,
            holdings: None,
            evaluate: None,
            since: None,
            turns: (turns > 0).then(|| Arc::new(Semaphore::new(turns))),
        }
    }

    /// The endpoint of a store of blocks: its series have external labels already, those of the
    /// servers that `holdings` tells. The external labels and the oldest sample of the options are
    /// not asked for.
    pub fn with_holdings(self, holdings: Box<HoldingsOf>) -> Self {
        Self {
            holdings: Some(holdings),
            ..self
        }
    }

    /// What the endpoint is. Without external labels it is one that has no series.
    pub(crate) fn info(&self) -> InfoResponse {
        if let Some(holdings) = &self.holdings {
            let held = holdings();
            return InfoResponse {
                evaluation: self.evaluation(!held.is_empty()),
                ..holdings::info(&held)
            };
        }
        let external = (self.options.external_labels)();
        let labels = LabelSet::of(&external);
        let (min_time, max_time) = self.answered(((self.options.oldest_ms)(), i64::MAX));
        // A service is there where there is something to tell its answers by.
        let has_labels = !external.is_empty();
        let store = StoreInfo {
            min_time,
            max_time,
            supports_sharding: true,
            supports_without_replica_labels: true,
            tsdb_infos: vec![TsdbInfo {
                labels: Some(labels.clone()),
                min_time,
                max_time,
            }],
        };
        InfoResponse {
            windows: None,
            label_sets: has_labels.then_some(labels).into_iter().collect(),
            component_type: COMPONENT.to_owned(),
            store: has_labels.then_some(store),
            rules: has_labels.then_some(RulesInfo {}),
            metric_metadata: has_labels.then_some(MetricMetadataInfo {}),
            targets: has_labels.then_some(TargetsInfo {}),
            exemplars: has_labels.then_some(ExemplarsInfo { min_time, max_time }),
            query: None,
            evaluation: self.evaluation(has_labels),
        }
    }

    /// The series that are asked for.
    ///
    /// # Errors
    /// The request is none, or its answer is over a limit, or the store cannot be read. What is
    /// found of that when the first series are under way is in the stream.
    pub(crate) async fn series(self: Arc<Self>, request: SeriesRequest) -> Result<Answer, Status> {
        let external = self.external_labels()?;
        let without = &request.without_replica_labels;
        let range = self.answered((request.min_time, request.max_time));
        let asked = Question::new(&request.matchers, &external, without, range)?;
        let Some(question) = asked else {
            return Ok(stream::empty().boxed());
        };
        if question.matchers.is_empty() {
            let text = "no matchers specified (excluding external labels)";
            return Err(Status::invalid_argument(text));
        }
        let shard = Shard::new(request.shard_info.as_ref())?;
        let turn = self.turn().await?;
        let groups = match request.skip_chunks {
            true => vec![question.matchers.clone()],
            false => self.groups(&question, &shard).await?,
        };
        Answering::new(self, request, (question, shard), groups, turn)
            .begin()
            .await
    }

    /// Waits for one of the places of those who are answered at a time; `None` where there is no
    /// bound.
    async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>, Status> {
        let Some(turns) = &self.turns else {
            return Ok(None);
        };
        let turn = Arc::clone(turns).acquire_owned().await;
        let turn = turn.map_err(|_| Status::unavailable("the server stops"))?;
        Ok(Some(turn))
    }

    /// The selectors that give the series in the order of the answer, one after the other.
    async fn groups(
        &self,
        question: &Question,
        shard: &Shard,
    ) -> Result<Vec<Vec<Matcher>>, Status> {
        if groups::is_of_one_metric(question) {
            return Ok(vec![question.matchers.clone()]);
        }
        let limits = &self.options.limits;
        let request = LabelsRequest {
            limit: limits.listed_max(shard),
            ..question.labels_request()
        };
        let found = self.options.store.series(&request).await;
        let found = found.map_err(|error| failed(&error))?;
        limits.check_listed(found.len(), shard)?;
        Ok(groups::of(question, &found))
    }

    /// The series of a group with their samples, in no order.
    async fn samples(
        &self,
        (question, matchers): (&Question, Vec<Matcher>),
        aggregates: &Aggregates,
        shard: &Shard,
        room: &mut Room,
        warnings: &Warnings,
    ) -> Result<Vec<Held>, Status> {
        let range = question.range;
        if let Some(aggregates) = aggregates.in_store(self, range) {
            let asked = (question, matchers);
            return self.windows(asked, aggregates, shard, room, warnings).await;
        }
        let request = SelectRequest { matchers, range };
        let store = &self.options.store;
        let found = store.select_with_warnings(&request, warnings).await;
        let mut found = found.map_err(|error| failed(&error))?;
        let (mut held, mut turn) = (Vec::new(), 0);
        while let Some(series) = found.try_next().await.map_err(|error| failed(&error))? {
            let labels = question.labels_of(&series.labels);
            if !shard.has(&labels) {
                continue;
            }
            room.take_series(&labels)?;
            room.take_samples(series.timestamps.len())?;
            turn += series.timestamps.len();
            let chunks = chunks(&series, room)?;
            held.push(Held { labels, chunks });
            if turn >= SAMPLES_A_TURN {
                turn = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(held)
    }

    /// The series without their samples, in no order.
    async fn label_sets(
        &self,
        question: &Question,
        shard: &Shard,
        room: &mut Room,
        warnings: &Warnings,
    ) -> Result<Vec<Held>, Status> {
        let request = LabelsRequest {
            limit: self.options.limits.listed_max(shard),
            ..question.labels_request()
        };
        let store = &self.options.store;
        let found = store.series_with_warnings(&request, warnings).await;
        let mut held = Vec::new();
        for labels in found.map_err(|error| failed(&error))? {
            let labels = question.labels_of(&labels);
            if shard.has(&labels) {
                room.take_series(&labels)?;
                let chunks = Vec::new();
                held.push(Held { labels, chunks });
            }
        }
        Ok(held)
    }

    /// The external labels, without which nothing is answered; none where series have theirs.
    fn external_labels(&self) -> Result<Labels, Status> {
        if self.holdings.is_some() {
            return Ok(Labels::empty());
        }
        let external = (self.options.external_labels)();
        match external.is_empty() {
            true => Err(Status::failed_precondition(NO_EXTERNAL_LABELS)),
            false => Ok(external),
        }
    }

    /// Whether a series matches at all.
    async fn has_any(&self, question: &Question) -> Result<bool, Status> {
        let request = LabelsRequest {
            limit: Some(1),
            ..question.labels_request()
        };
        let found = self.options.store.series(&request).await;
        Ok(!found.map_err(|error| failed(&error))?.is_empty())
    }
}

impl fmt::Debug for StoreApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreApi")
            .field("limits", &self.options.limits)
            .finish_non_exhaustive()
    }
}

/// The samples of a series as they travel.
fn chunks(series: &Series, room: &mut Room) -> Result<Vec<AggrChunk>, Status> {
    let mut chunks = Vec::new();
    for written in write_chunks(series) {
        room.take_chunk(written.data.len())?;
        let (range, chunk) = travelling(written);
        chunks.push(AggrChunk {
            min_time: range.start_ms,
            max_time: range.end_ms,
            raw: Some(chunk),
            ..AggrChunk::default()
        });
    }
    Ok(chunks)
}

/// A chunk as it travels, and the times of its first and its last sample.
fn travelling(written: WrittenChunk) -> (TimeRange, Chunk) {
    let WrittenChunk {
        encoding,
        range,
        data,
    } = written;
    let chunk = Chunk {
        // Prometheus begins with 1.
        r#type: i32::from(encoding) - 1,
        data: data.into(),
        hash: 0,
    };
    (range, chunk)
}

/// What an asker is told of a store that cannot be read.
fn failed(error: &StorageError) -> Status {
    let text = with_sources(error);
    match error {
        StorageError::Closed => Status::unavailable(text),
        StorageError::Unsupported => Status::unimplemented(text),
        StorageError::Read { .. } => Status::internal(text),
    }
}

#[cfg(test)]
mod tests;
