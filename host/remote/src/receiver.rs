//! The receiver of remote write: a request becomes one batch of the store.
//!
//! ```text
//! body ► unpack ► series by series: key ► cache ► (reference, labels)
//!                                       └ new ► labels are read, sorted and checked
//!      ► WriteBatch ► store ► what was refused, and why
//! ```
//!
//! What is wrong with one sample costs that sample: the others are stored, and the sender is told
//! with a 400, which says that sending it again is of no use. What is wrong with the store costs
//! the whole request and is a 5xx, so that it comes again; nothing of it is stored then.

mod batch;
mod cache;
mod kind;
mod metrics;
mod report;

use std::fmt;
use std::sync::Arc;

use narthex_model::Clock;
use narthex_storage::{AppendError, Appendable};
use prometheus_client::registry::Registry;

use self::batch::Intake;
pub(crate) use self::batch::rejection_text;
use self::cache::SeriesCache;
pub use self::kind::{Encoding, MessageKind, UnknownMessage};
use self::metrics::Metrics;
pub(crate) use self::report::{Faults, with_sources};
pub use self::report::{Refusal, RefusalKind, Written};
use crate::snappy;
use crate::wire::fields::WireError;
use crate::wire::{SeriesParts, write_v1, write_v2};

/// Samples that are further in the future than this are refused, as in Prometheus.
pub(crate) const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// What a receiver is made of.
pub struct ReceiverOptions {
    /// Takes the samples.
    pub store: Arc<dyn Appendable>,
    /// Says what is the future.
    pub clock: Arc<dyn Clock>,
    /// The messages that are taken.
    pub accepted: Vec<MessageKind>,
}

/// Takes what other servers push.
pub struct Receiver {
    options: ReceiverOptions,
    cache: SeriesCache,
    metrics: Metrics,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("accepted", &self.options.accepted)
            .finish_non_exhaustive()
    }
}

impl Receiver {
    /// A receiver that knows no series yet.
    pub fn new(options: ReceiverOptions, registry: &mut Registry) -> Self {
        Self {
            cache: SeriesCache::new(options.clock.now_ms()),
            metrics: Metrics::register(registry),
            options,
        }
    }

    /// Reads what a request says of itself, before its body is looked at: the values of
    /// `Content-Type` and `Content-Encoding`, each "" where it is missing.
    ///
    /// # Errors
    /// Its body would not be understood, or is not taken.
    pub fn accept(&self, content_type: &str, encoding: &str) -> Result<MessageKind, Refusal> {
        let refused = |message: String| Refusal::new(RefusalKind::UnsupportedMedia, message);
        let kind = MessageKind::of_content_type(content_type);
        let kind = kind.map_err(|error| refused(error.to_string()))?;
        if !self.options.accepted.contains(&kind) {
            let accepted: Vec<&str> = self
                .options
                .accepted
                .iter()
                .map(|kind| kind.name())
                .collect();
            return Err(refused(format!(
                "{kind} protobuf message is not accepted by this server; accepted {accepted:?}"
            )));
        }
        Encoding::of_header(encoding).map_err(|error| refused(error.to_string()))?;
        Ok(kind)
    }

    /// Stores what a body holds. It takes as long as that takes, and waits for the disk: async code
    /// calls it where that is no harm.
    ///
    /// # Errors
    /// Something of it was not stored, or nothing; the refusal tells.
    pub fn receive(&self, kind: MessageKind, body: &[u8]) -> Result<Written, Refusal> {
        let bad = |message: String| Refusal::new(RefusalKind::BadRequest, message);
        let request = snappy::decode(body).map_err(|error| bad(with_sources(&error)))?;
        let now_ms = self.options.clock.now_ms();
        self.cache.turn(now_ms);
        let mut intake = Intake::new(&self.cache, now_ms.saturating_add(AHEAD_MS_MAX));
        read(kind, &request, &mut intake).map_err(|error| bad(error.to_string()))?;
        drop(request);
        let (batch, series, faults) = intake.finish();
        if faults.samples_with_invalid_labels > 0 {
            let count = faults.samples_with_invalid_labels;
            self.metrics.invalid_labels.inc_by(count);
        }
        if batch.is_empty() {
            return faults.end(Written::default());
        }
        let report = match self.options.store.append(&batch.batch) {
            Ok(report) => report,
            Err(error) => {
                let kind = match error {
                    // It would be too large the next time as well.
                    AppendError::TooLarge(_) => RefusalKind::BadRequest,
                    AppendError::Closed => RefusalKind::Unavailable,
                    AppendError::Log(_) => RefusalKind::Internal,
                };
                return Err(Refusal::new(kind, with_sources(&error)));
            }
        };
        self.cache.learn(&series, &batch.batch, &report);
        let (written, faults) = batch.judge(kind, &report, faults);
        let samples = written.samples + written.histograms;
        self.metrics.without_metadata.inc_by(samples);
        faults.end(written)
    }
}

/// Reads a request into an intake.
fn read<'a>(
    kind: MessageKind,
    request: &'a [u8],
    intake: &mut Intake<'_>,
) -> Result<(), WireError> {
    let mut parts = SeriesParts::<'a>::default();
    let (mut pairs, mut references) = (Vec::new(), Vec::new());
    match kind {
        MessageKind::V1 => write_v1::decode(request, &mut parts, |labels, parts| {
            let series = intake.series(labels.key(), parts, |pairs| {
                labels.pairs(pairs).map_err(|error| error.to_string())
            });
            let Some(series) = series else { return };
            for message in &parts.exemplars {
                pairs.clear();
                let read = write_v1::exemplar(message, &mut pairs);
                intake.exemplar(&series, read.map_err(|error| error.to_string()), &mut pairs);
            }
        }),
        MessageKind::V2 => {
            let mut key = Vec::new();
            write_v2::decode(request, &mut parts, |symbols, labels, parts| {
                pairs.clear();
                if let Err(error) = symbols.pairs(labels, &mut pairs) {
                    intake.refuse(&error.to_string(), parts);
                    return;
                }
                write_key(&pairs, &mut key);
                let series = intake.series(&key, parts, |into| {
                    into.extend_from_slice(&pairs);
                    Ok(())
                });
                let Some(series) = series else { return };
                for message in &parts.exemplars {
                    references.clear();
                    pairs.clear();
                    let read = write_v2::exemplar(message, &mut references);
                    let read = read.map_err(|error| error.to_string()).and_then(|read| {
                        let resolved = symbols.pairs(&references, &mut pairs);
                        resolved.map_err(|error| error.to_string()).map(|()| read)
                    });
                    intake.exemplar(&series, read, &mut pairs);
                }
            })
        }
    }
}

/// What tells one list of labels from any other.
fn write_key(pairs: &[(&[u8], &[u8])], key: &mut Vec<u8>) {
    key.clear();
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        key.extend_from_slice(&text.len().to_le_bytes());
        key.extend_from_slice(text);
    }
}

impl From<Faults> for Refusal {
    fn from(faults: Faults) -> Self {
        Self::new(RefusalKind::BadRequest, faults.message())
    }
}

#[cfg(test)]
mod tests;
