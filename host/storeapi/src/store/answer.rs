//! An answer that is being made: group after group, frame after frame.

use std::sync::Arc;
use std::vec::IntoIter;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use narthex_model::Matcher;
use narthex_storage::Warnings;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::StoreApi;
use super::aggregates::Aggregates;
use super::frames::{Frames, Held};
use super::limits::Room;
use super::question::Question;
use super::shard::Shard;
use crate::message::store::{PartialResponseStrategy, SeriesRequest, SeriesResponse};

/// The messages of an answer, made as they are sent. After an error there are no more.
pub(crate) type Answer = BoxStream<'static, Result<SeriesResponse, Status>>;

/// An answer that is being made.
pub(super) struct Answering {
    api: Arc<StoreApi>,
    question: Question,
    aggregates: Aggregates,
    shard: Shard,
    /// The selectors of the groups that are not read yet.
    groups: IntoIter<Vec<Matcher>>,
    frames: Frames,
    room: Room,
    /// So many label sets are still wanted.
    left: usize,
    batch_size: i64,
    skips_chunks: bool,
    /// A part that is missing fails the answer.
    refuses_parts: bool,
    /// Held until all is sent.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Answering {
    pub(super) fn new(
        api: Arc<StoreApi>,
        request: SeriesRequest,
        (question, shard): (Question, Shard),
        groups: Vec<Vec<Matcher>>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let strategy = request.partial_response_strategy();
        let left = match usize::try_from(request.limit) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        Self {
            room: Room::new(api.options.limits),
            api,
            question,
            aggregates: Aggregates::of(&request),
            shard,
            groups: groups.into_iter(),
            frames: Frames::none(),
            left,
            batch_size: request.response_batch_size,
            skips_chunks: request.skip_chunks,
            refuses_parts: request.partial_response_disabled
                || strategy == PartialResponseStrategy::Abort,
            _turn: turn,
        }
    }

    /// Reads the first group, so that what is wrong with a request is mostly said at once.
    pub(super) async fn begin(mut self) -> Result<Answer, Status> {
        self.advance().await?;
        let messages = stream::unfold(Some(self), |answering| async move {
            let mut answering = answering?;
            match answering.next().await {
                Ok(None) => None,
                Ok(Some(message)) => Some((Ok(message), Some(answering))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(messages.boxed())
    }

    async fn next(&mut self) -> Result<Option<SeriesResponse>, Status> {
        loop {
            if let Some(message) = self.frames.next() {
                return Ok(Some(message));
            }
            if !self.advance().await? {
                return Ok(None);
            }
        }
    }

    /// Reads the next group; false where there is none.
    async fn advance(&mut self) -> Result<bool, Status> {
        let next = match self.left {
            0 => None,
            _ => self.groups.next(),
        };
        let Some(matchers) = next else {
            return Ok(false);
        };
        self.room.begin_group();
        let warnings = Warnings::default();
        let mut held = self.read(matchers, &warnings).await?;
        let warnings = warnings.texts();
        if self.refuses_parts
            && let Some(warning) = warnings.first()
        {
            return Err(Status::aborted(warning.clone()));
        }
        // Stable, so that two series that differed in a replica label alone stay one after the
        // other.
        held.sort_by(|a, b| a.labels.cmp(&b.labels));
        let (count, sets) = within(&held, self.left);
        held.truncate(count);
        self.left -= sets;
        self.frames = Frames::new(held, warnings, self.batch_size);
        Ok(true)
    }

    async fn read(
        &mut self,
        matchers: Vec<Matcher>,
        warnings: &Warnings,
    ) -> Result<Vec<Held>, Status> {
        let Self {
            api,
            question,
            aggregates,
            shard,
            room,
            ..
        } = self;
        match self.skips_chunks {
            true => api.label_sets(question, shard, room, warnings).await,
            false => {
                let asked = (&*question, matchers);
                api.samples(asked, aggregates, shard, room, warnings).await
            }
        }
    }
}

/// How many of these, which are sorted, have the first so many label sets, and how many those are:
/// what differed in a label that is left out is one series for who asks.
fn within(held: &[Held], sets_max: usize) -> (usize, usize) {
    let mut sets = 0;
    for (at, one) in held.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| held.get(before));
        if before.is_none_or(|before| before.labels != one.labels) {
            if sets == sets_max {
                return (at, sets);
            }
            sets += 1;
        }
    }
    (held.len(), sets)
}
