//! What the endpoint that we are answers: what it is, series in their order, names and values of
//! labels.
//!
//! ```text
//! request ► matchers, external ones judged here ► store ► chunks, a series at a time ► sorted ► frames
//! ```
//!
//! The order of an answer is that of the label sets with the external labels and without those of
//! replicas, which is not the store's. So the series of an answer are held as chunks, a byte or two
//! a sample, until the last one is there, within bounds; then they go out frame by frame, and each
//! is let go when it is sent.
//!
//! It is not: the server that is spoken to, or a merge of several stores.

mod frames;
mod labels;
mod limits;
mod question;
mod shard;

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt as _;
use narthex_model::{Labels, with_sources};
use narthex_promblock::{WrittenChunk, write_chunks};
use narthex_storage::{LabelsRequest, Queryable, SelectRequest, Series, StorageError, Warnings};
use tokio::sync::Semaphore;
use tonic::Status;

use self::frames::Held;
use self::limits::Room;
use self::question::Question;
use self::shard::Shard;
use crate::message::LabelSet;
use crate::message::info::{InfoResponse, StoreInfo, TsdbInfo};
use crate::message::store::{AggrChunk, Chunk, PartialResponseStrategy, SeriesRequest};

pub(crate) use self::frames::Frames;
pub use self::limits::StoreLimits;

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
    /// What bounds a request.
    pub limits: StoreLimits,
}

/// An endpoint of the StoreAPI.
pub struct StoreApi {
    options: StoreOptions,
    turns: Option<Arc<Semaphore>>,
}

impl StoreApi {
    /// An endpoint that nobody asks yet.
    pub fn new(options: StoreOptions) -> Self {
        let turns = options.limits.requests_max.min(Semaphore::MAX_PERMITS);
        Self {
            options,
            turns: (turns > 0).then(|| Arc::new(Semaphore::new(turns))),
        }
    }

    /// What the endpoint is. Without external labels it is one that has no series.
    pub(crate) fn info(&self) -> InfoResponse {
        let external = (self.options.external_labels)();
        let labels = LabelSet::of(&external);
        let (min_time, max_time) = ((self.options.oldest_ms)(), i64::MAX);
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
            label_sets: if external.is_empty() {
                Vec::new()
            } else {
                vec![labels]
            },
            component_type: COMPONENT.to_owned(),
            store: (!external.is_empty()).then_some(store),
            ..InfoResponse::default()
        }
    }

    /// The series that are asked for.
    ///
    /// # Errors
    /// The request is none, or its answer is over a limit, or the store cannot be read.
    pub(crate) async fn series(&self, request: SeriesRequest) -> Result<Frames, Status> {
        let external = self.external_labels()?;
        let without = &request.without_replica_labels;
        let range = (request.min_time, request.max_time);
        let asked = Question::new(&request.matchers, &external, without, range)?;
        let Some(question) = asked else {
            return Ok(Frames::none());
        };
        if question.matchers.is_empty() {
            let text = "no matchers specified (excluding external labels)";
            return Err(Status::invalid_argument(text));
        }
        let shard = Shard::new(request.shard_info.as_ref())?;
        let turn = match &self.turns {
            Some(turns) => {
                let turn = Arc::clone(turns).acquire_owned().await;
                Some(turn.map_err(|_| Status::unavailable("the server stops"))?)
            }
            None => None,
        };
        let warnings = Warnings::default();
        let mut held = match request.skip_chunks {
            true => self.label_sets(&question, &shard, &warnings).await?,
            false => self.samples(&question, &shard, &warnings).await?,
        };
        let warnings = warnings.texts();
        let is_partial_refused = request.partial_response_disabled
            || request.partial_response_strategy() == PartialResponseStrategy::Abort;
        if is_partial_refused && let Some(warning) = warnings.first() {
            return Err(Status::aborted(warning.clone()));
        }
        // Stable, so that two series that differed in a replica label alone stay one after the
        // other.
        held.sort_by(|a, b| a.labels.cmp(&b.labels));
        if let Ok(limit @ 1..) = usize::try_from(request.limit) {
            held.truncate(limit);
        }
        Ok(Frames::new(
            held,
            warnings,
            request.response_batch_size,
            turn,
        ))
    }

    /// The series with their samples, in no order.
    async fn samples(
        &self,
        question: &Question,
        shard: &Shard,
        warnings: &Warnings,
    ) -> Result<Vec<Held>, Status> {
        let request = SelectRequest {
            matchers: question.matchers.clone(),
            range: question.range,
        };
        let store = &self.options.store;
        let found = store.select_with_warnings(&request, warnings).await;
        let mut found = found.map_err(|error| failed(&error))?;
        let mut room = Room::new(self.options.limits);
        let (mut held, mut turn) = (Vec::new(), 0);
        while let Some(series) = found.try_next().await.map_err(|error| failed(&error))? {
            let labels = question.labels_of(&series.labels);
            if !shard.has(&labels) {
                continue;
            }
            room.take_series(&labels)?;
            room.take_samples(series.timestamps.len())?;
            turn += series.timestamps.len();
            let chunks = chunks(&series, &mut room)?;
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
        warnings: &Warnings,
    ) -> Result<Vec<Held>, Status> {
        let request = question.labels_request();
        let store = &self.options.store;
        let found = store.series_with_warnings(&request, warnings).await;
        let mut room = Room::new(self.options.limits);
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

    /// The external labels, without which nothing is answered.
    fn external_labels(&self) -> Result<Labels, Status> {
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
        let WrittenChunk {
            encoding,
            range,
            data,
        } = written;
        room.take_chunk(data.len())?;
        chunks.push(AggrChunk {
            min_time: range.start_ms,
            max_time: range.end_ms,
            raw: Some(Chunk {
                // Prometheus begins with 1.
                r#type: i32::from(encoding) - 1,
                data: data.into(),
                hash: 0,
            }),
            ..AggrChunk::default()
        });
    }
    Ok(chunks)
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
