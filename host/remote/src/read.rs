//! Remote read: what another server asks of the samples here, and the answer.
//!
//! ```text
//! body ► queries ► store ► series, sorted ┬► one message of samples, snappy
//!                                         └► frames of chunks
//! ```
//!
//! The asker says which forms it takes, in its order.
//!
//! It is not: a client, or an HTTP server.

mod request;
mod response;

use std::sync::Arc;

use futures::TryStreamExt as _;
use narthex_model::{Labels, LabelsBuilder, MatchOp, with_sources};
use narthex_storage::{Queryable, SelectRequest, Series, StorageError};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use self::request::{Form, Request};
use crate::receiver::{Refusal, RefusalKind};
use crate::snappy;

/// What bounds the reading.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// `--storage.remote.read-sample-limit`: an answer may have so many samples, 0 for no bound. A
    /// request for more is refused with 400. A native histogram counts as many as in a query.
    pub samples_max: usize,
    /// `--storage.remote.read-concurrent-limit`: so many requests are answered at a time, others
    /// wait; 0 for no bound.
    pub requests_max: usize,
    /// `--storage.remote.read-max-bytes-in-frame`: a frame of chunks ends where it has as many.
    pub frame_bytes_max: usize,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAnswer {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The value of `Content-Encoding`.
    pub encoding: Option<&'static str>,
    /// The body, in pieces.
    pub pieces: Vec<Vec<u8>>,
}

/// Answers remote read.
#[derive(Debug)]
pub struct Reader {
    options: ReadOptions,
    turns: Option<Arc<Semaphore>>,
    queries: Gauge,
}

impl Reader {
    /// A reader that nobody asks yet.
    pub fn new(options: ReadOptions, registry: &mut Registry) -> Self {
        let queries = Gauge::default();
        registry.register(
            "prometheus_remote_read_handler_queries",
            "The current number of remote read queries that are either in execution or queued on the handler.",
            queries.clone(),
        );
        let turns = options.requests_max.min(Semaphore::MAX_PERMITS);
        Self {
            options,
            turns: (turns > 0).then(|| Arc::new(Semaphore::new(turns))),
            queries,
        }
    }

    /// Answers a request: its body as it came. Series get the external labels that they do not
    /// have, and matchers for just those are left out.
    ///
    /// # Errors
    /// The body is no request, the answer is over a bound, or the store cannot be read.
    pub async fn read(
        &self,
        store: &dyn Queryable,
        external: &Labels,
        body: &[u8],
    ) -> Result<ReadAnswer, Refusal> {
        self.queries.inc();
        let answer = self.answer(store, external, body).await;
        self.queries.dec();
        answer
    }

    async fn answer(
        &self,
        store: &dyn Queryable,
        external: &Labels,
        body: &[u8],
    ) -> Result<ReadAnswer, Refusal> {
        let closed = |_| Refusal::new(RefusalKind::Unavailable, "the server stops");
        let _turn = match &self.turns {
            Some(turns) => Some(turns.acquire().await.map_err(closed)?),
            None => None,
        };
        let bad = |text: String| Refusal::new(RefusalKind::BadRequest, text);
        let decoded = snappy::decode(body).map_err(|error| bad(with_sources(&error)))?;
        let Request { queries, accepted } = request::decode(&decoded).map_err(bad)?;
        let mut results = Vec::new();
        let mut left = match self.options.samples_max {
            0 => usize::MAX,
            max => max,
        };
        for mut query in queries {
            query.matchers.retain(|matcher| {
                let held = external.get(matcher.name());
                matcher.op() != MatchOp::Equal || held != Some(matcher.value())
            });
            results.push(self.select(store, &query, external, &mut left).await?);
        }
        Ok(match accepted.first().unwrap_or(&Form::Samples) {
            Form::Chunks => ReadAnswer {
                content_type: "application/x-streamed-protobuf; \
                               proto=prometheus.ChunkedReadResponse",
                encoding: None,
                pieces: response::chunks(&results, self.options.frame_bytes_max),
            },
            Form::Samples => {
                ReadAnswer {
                    content_type: "application/x-protobuf",
                    encoding: Some("snappy"),
                    pieces: vec![snappy::encode(&response::samples(&results)).map_err(
                        |error| Refusal::new(RefusalKind::Internal, with_sources(&error)),
                    )?],
                }
            }
        })
    }

    /// The series of a query, in the order of their labels.
    async fn select(
        &self,
        store: &dyn Queryable,
        query: &SelectRequest,
        external: &Labels,
        left: &mut usize,
    ) -> Result<Vec<Series>, Refusal> {
        let failed = |error: StorageError| {
            let kind = match error {
                StorageError::Closed => RefusalKind::Unavailable,
                StorageError::Read { .. } | StorageError::Unsupported => RefusalKind::Internal,
            };
            Refusal::new(kind, with_sources(&error))
        };
        let mut stream = store.select(query).await.map_err(failed)?;
        let mut found = Vec::new();
        while let Some(mut series) = stream.try_next().await.map_err(failed)? {
            let histograms = series
                .histograms
                .iter()
                .flat_map(|all| all.iter().flatten());
            let more: usize = histograms.map(|histogram| histogram.samples()).sum();
            let count = series.timestamps.len() + more;
            *left = left.checked_sub(count).ok_or_else(|| {
                let max = self.options.samples_max;
                let text = format!("exceeded sample limit ({max})");
                Refusal::new(RefusalKind::BadRequest, text)
            })?;
            series.labels = with_external(&series.labels, external);
            found.push(series);
        }
        found.sort_by(|a, b| a.labels.iter().cmp(b.labels.iter()));
        Ok(found)
    }
}

/// The labels, and the external ones that are not among them.
fn with_external(labels: &Labels, external: &Labels) -> Labels {
    if external.is_empty() {
        return labels.clone();
    }
    let mut all = LabelsBuilder::from_labels(external);
    for (name, value) in labels.iter() {
        all.set(name, value);
    }
    all.build()
}

#[cfg(test)]
mod tests;
