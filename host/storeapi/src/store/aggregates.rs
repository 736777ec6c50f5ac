//! Series of which aggregates of windows are asked for, where the store has windows.
//!
//! A chunk has all aggregates of the same windows, as in Thanos. Where the store has samples and no
//! windows, each aggregate has them as if they were windows of one sample: who asks for one may
//! ask another store for it as well, and need not tell the two apart. A counter is as it was
//! scraped, resets and all; readers of counters of Thanos take those out.
//!
//! `RAW` together with a resolution asks for the newest sample of each window. Thanos never asks
//! for that; queriers of ours do, for selectors without a range.

use std::collections::HashMap;

use futures::TryStreamExt as _;
use narthex_model::{Labels, Matcher};
use narthex_promblock::write_chunks;
use narthex_storage::{Aggregate, SelectRequest, TimeRange, Wanted, Warnings};
use tonic::Status;

use super::frames::Held;
use super::limits::Room;
use super::question::Question;
use super::shard::Shard;
use super::{SAMPLES_A_TURN, StoreApi, failed, since, travelling};
use crate::message::info::WindowsInfo;
use crate::message::store::{Aggr, AggrChunk, Chunk, SeriesRequest};

#[cfg(test)]
mod tests;

/// The shortest windows, in milliseconds.
const WINDOW_MS: i64 = 300_000;

/// So many of them there are until the year 2255: nobody has later ones.
const WINDOWS_MAX: i64 = 30_000_000;

/// The aggregates that a request asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Aggregates {
    /// Each once; none where samples are wanted.
    all: Vec<Aggr>,
    max_resolution_ms: i64,
}

impl Aggregates {
    pub(super) fn of(request: &SeriesRequest) -> Self {
        if request.max_resolution_window <= 0 {
            return Self::default();
        }
        let mut all: Vec<Aggr> = request.aggregates().collect();
        all.sort_unstable();
        all.dedup();
        Self {
            all,
            max_resolution_ms: request.max_resolution_window,
        }
    }

    /// The same, where the store has windows that may be read in a range; none where not.
    pub(super) fn in_store(&self, api: &StoreApi, range: TimeRange) -> Option<&Self> {
        let store = &api.options.store;
        let has_windows = || store.resolution_ms(range, self.max_resolution_ms) > 0;
        (!self.all.is_empty() && has_windows()).then_some(self)
    }

    fn wanted(&self, aggr: Aggr) -> Wanted {
        Wanted::Windows {
            aggregate: match aggr {
                Aggr::Raw => Aggregate::Newest,
                Aggr::Count => Aggregate::Count,
                Aggr::Sum => Aggregate::Sum,
                Aggr::Min => Aggregate::Min,
                Aggr::Max => Aggregate::Max,
                Aggr::Counter => Aggregate::Growth,
            },
            max_resolution_ms: self.max_resolution_ms,
        }
    }
}

impl StoreApi {
    /// What the endpoint says of windows.
    pub(crate) fn windows_info(&self) -> WindowsInfo {
        let store = &self.options.store;
        // Queries must not become coarse for a past that is left to others.
        let answered = since::from(self.since_ms(), TimeRange::ALL);
        let left_ms = store.resolution_ms(answered, 0);
        WindowsInfo {
            coarsest_ms: store.resolution_ms(answered, i64::MAX),
            left_ms,
            left_until_ms: match left_ms {
                0 => 0,
                _ => self.left_until_ms(),
            },
        }
    }

    /// From when on there are samples and not windows alone.
    fn left_until_ms(&self) -> i64 {
        let is_left = |window: i64| {
            let range = TimeRange {
                start_ms: window * WINDOW_MS,
                ..TimeRange::ALL
            };
            self.options.store.resolution_ms(range, 0) > 0
        };
        let (mut low, mut high) = (0_i64, WINDOWS_MAX);
        while low < high {
            let middle = low.midpoint(high);
            match is_left(middle) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low * WINDOW_MS
    }

    /// The series of a group with aggregates of their samples, in no order.
    pub(super) async fn windows(
        &self,
        (question, matchers): (&Question, Vec<Matcher>),
        aggregates: &Aggregates,
        shard: &Shard,
        room: &mut Room,
        warnings: &Warnings,
    ) -> Result<Vec<Held>, Status> {
        let range = question.range;
        let request = SelectRequest { matchers, range };
        let mut held: HashMap<Labels, Held> = HashMap::new();
        let mut turn = 0;
        for aggr in &aggregates.all {
            let wanted = aggregates.wanted(*aggr);
            let store = &self.options.store;
            let found = store.select_wanted(&request, wanted, warnings).await;
            let mut found = found.map_err(|error| failed(&error))?;
            while let Some(series) = found.try_next().await.map_err(|error| failed(&error))? {
                let labels = question.labels_of(&series.labels);
                if !shard.has(&labels) {
                    continue;
                }
                room.take_samples(series.timestamps.len())?;
                turn += series.timestamps.len();
                if !held.contains_key(&series.labels) {
                    room.take_series(&labels)?;
                }
                let of_series = held.entry(series.labels.clone()).or_insert_with(|| Held {
                    labels,
                    chunks: Vec::new(),
                });
                for (place, written) in write_chunks(&series).enumerate() {
                    room.take_chunk(written.data.len())?;
                    let (range, chunk) = travelling(written);
                    put(&mut of_series.chunks, place, range, *aggr, chunk);
                }
                if turn >= SAMPLES_A_TURN {
                    turn = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
        let mut held: Vec<Held> = held.into_values().collect();
        for held in &mut held {
            held.chunks.sort_by_key(|chunk| chunk.min_time);
        }
        Ok(held)
    }
}

/// Puts a chunk of an aggregate beside those of others with the same windows, which are at the
/// same place; or at the end where there are none.
fn put(chunks: &mut Vec<AggrChunk>, place: usize, range: TimeRange, aggr: Aggr, chunk: Chunk) {
    let of_range =
        |found: &&mut AggrChunk| (found.min_time, found.max_time) == (range.start_ms, range.end_ms);
    if let Some(found) = chunks.get_mut(place).filter(of_range) {
        *field(found, aggr) = Some(chunk);
        return;
    }
    let mut alone = AggrChunk {
        min_time: range.start_ms,
        max_time: range.end_ms,
        ..AggrChunk::default()
    };
    *field(&mut alone, aggr) = Some(chunk);
    chunks.push(alone);
}

fn field(chunk: &mut AggrChunk, aggr: Aggr) -> &mut Option<Chunk> {
    match aggr {
        Aggr::Raw => &mut chunk.raw,
        Aggr::Count => &mut chunk.count,
        Aggr::Sum => &mut chunk.sum,
        Aggr::Min => &mut chunk.min,
        Aggr::Max => &mut chunk.max,
        Aggr::Counter => &mut chunk.counter,
    }
}
