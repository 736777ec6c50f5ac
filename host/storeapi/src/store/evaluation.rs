//! Aggregations of queries, evaluated over the store.
//!
//! It is not: what evaluates them, which the host hands over.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use narthex_model::Labels;
use narthex_storage::{EvaluatePart, Part, Partial, Queryable, Series, Steps};
use tonic::Status;

use super::labelled::Labelled;
use super::limits::Room;
use super::question::check_left_out;
use super::{StoreApi, chunks};
use crate::message::evaluation::{EvaluateRequest, EvaluateResponse, EvaluationInfo, VERSION};
use crate::message::store::Series as Sent;
use crate::message::{Label, LabelSet};

/// So many results are in one message.
const MESSAGE_SERIES: usize = 64;

/// So many characters are said of why nothing is evaluated: it travels in a header, and may quote the
/// query.
const WHY_CHARS_MAX: usize = 1_000;

/// The messages of an answer.
pub(crate) type Results = BoxStream<'static, Result<EvaluateResponse, Status>>;

impl StoreApi {
    /// The same, and aggregations of queries are evaluated.
    #[must_use]
    pub fn evaluating(self, evaluate: Box<EvaluatePart>) -> Self {
        Self {
            evaluate: Some(evaluate),
            ..self
        }
    }

    /// Whether aggregations are evaluated for others.
    pub(super) fn evaluation(&self, has_labels: bool) -> Option<EvaluationInfo> {
        let is_there = has_labels && self.evaluate.is_some();
        is_there.then_some(EvaluationInfo { version: VERSION })
    }

    /// What an aggregation of a query is over the series here.
    ///
    /// # Errors
    /// It is not evaluated, and the series are to be read: the external labels are not those that were
    /// expected (`Aborted`, which nothing else is), a series has one of them itself, the evaluation fails or has warnings, or its
    /// answer is over a limit.
    pub(crate) async fn evaluate(
        self: Arc<Self>,
        request: EvaluateRequest,
    ) -> Result<Results, Status> {
        let Some(evaluate) = &self.evaluate else {
            return Err(Status::unimplemented("aggregations are not evaluated here"));
        };
        check_left_out(&request.without_replica_labels)?;
        let external = self.external_labels()?;
        if !self.has_labels(&request, &external) {
            let text = "the external labels are others by now";
            return Err(Status::aborted(text));
        }
        let store: Arc<dyn Queryable> = Arc::new(Labelled {
            store: Arc::clone(&self.options.store),
            external,
            without: request.without_replica_labels.clone(),
            held: self.held_labels(),
            since_ms: self.since_ms(),
        });
        let part = part_of(request)?;
        let turn = self.turn().await?;
        let evaluated = evaluate(store, part).await;
        let partial = evaluated.map_err(|why| refused(&why))?;
        let messages = self.messages(partial)?;
        let messages = stream::iter(messages).map(move |message| {
            // All are in memory until the last one is sent.
            let _held = &turn;
            Ok(message)
        });
        Ok(messages.boxed())
    }

    /// Whether the external labels are those that the request takes them for.
    fn has_labels(&self, request: &EvaluateRequest, external: &Labels) -> bool {
        let taken_for = request.external_labels.iter().chain(&request.label_sets);
        let taken_for: HashSet<&LabelSet> = taken_for.collect();
        let own: Vec<LabelSet> = match &self.holdings {
            None => vec![LabelSet::of(external)],
            Some(holdings) => {
                let held = holdings();
                held.iter()
                    .map(|(labels, _)| LabelSet::of(labels))
                    .collect()
            }
        };
        let own: HashSet<&LabelSet> = own.iter().collect();
        taken_for == own
    }

    /// The names of the external labels that all series of a store of blocks have.
    fn held_labels(&self) -> Vec<String> {
        let held = self.holdings.as_ref().map(|holdings| holdings());
        let mut sets = held.iter().flatten().map(|(labels, _)| labels);
        let Some(first) = sets.next() else {
            return Vec::new();
        };
        let others: Vec<&Labels> = sets.collect();
        let names = first.iter().map(|(name, _)| name);
        let names = names.filter(|name| others.iter().all(|set| set.get(name).is_some()));
        names.map(str::to_owned).collect()
    }

    fn messages(&self, partial: Partial) -> Result<Vec<EvaluateResponse>, Status> {
        let mut room = Room::new(self.options.limits);
        let mut send = |series: &[Series]| -> Result<Vec<Sent>, Status> {
            series
                .iter()
                .map(|series| sent(series, &mut room))
                .collect()
        };
        let mut messages = vec![EvaluateResponse {
            infos: partial.infos,
            ..EvaluateResponse::default()
        }];
        for values in partial.values.chunks(MESSAGE_SERIES) {
            let values = send(values)?;
            messages.push(EvaluateResponse {
                values,
                ..EvaluateResponse::default()
            });
        }
        for counts in partial.counts.chunks(MESSAGE_SERIES) {
            let counts = send(counts)?;
            messages.push(EvaluateResponse {
                counts,
                ..EvaluateResponse::default()
            });
        }
        Ok(messages)
    }
}

fn refused(why: &str) -> Status {
    let why: String = why.chars().take(WHY_CHARS_MAX).collect();
    Status::failed_precondition(why)
}

fn sent(series: &Series, room: &mut Room) -> Result<Sent, Status> {
    room.take_series(&series.labels)?;
    room.take_samples(series.timestamps.len())?;
    Ok(Sent {
        labels: Label::of(&series.labels),
        chunks: chunks(series, room)?,
    })
}

fn part_of(request: EvaluateRequest) -> Result<Part, Status> {
    let number = |number: u64| {
        let number = usize::try_from(number);
        number.map_err(|_| Status::invalid_argument("a number is out of range"))
    };
    Ok(Part {
        start: number(request.start)?,
        end: number(request.end)?,
        query_start_ms: request.query_start,
        query_end_ms: request.query_end,
        query_step_ms: request.query_step,
        steps: Steps {
            start_ms: request.first,
            step_ms: request.step,
            count: number(request.count)?,
        },
        lookback_ms: request.lookback,
        subquery_step_ms: request.subquery_step,
        max_resolution_ms: request.max_resolution,
        with_counts: request.with_counts,
        query: request.query,
    })
}

#[cfg(test)]
mod tests;
