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
//! the whole request and is a 5xx, so that it comes again; nothing of it is stored then, or no more
//! than the first turns of a request that needs several.

mod batch;
pub(crate) mod cache;
mod kind;
mod metrics;
mod report;

use std::fmt;
use std::sync::Arc;

use narthex_model::{Clock, with_sources};
use narthex_storage::{AppendError, Appendable};
use prometheus_client::registry::Registry;

use self::batch::Intake;
pub(crate) use self::batch::rejection_text;
use self::cache::SeriesCache;
pub use self::kind::{Encoding, MessageKind, UnknownMessage};
use self::metrics::Metrics;
pub(crate) use self::report::Faults;
pub use self::report::{Refusal, RefusalKind, Written};
use crate::metadata::{ReceivedMetadata, family_of};
use crate::sender::MetricKind;
use crate::wire::fields::WireError;
use crate::wire::{SeriesParts, WireMetadata, write_v1, write_v2};
use crate::{snappy, turns};

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
    /// Keeps what is said of the metrics.
    pub metadata: Arc<ReceivedMetadata>,
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
        let metadata = &*self.options.metadata;
        metadata.turn(now_ms);
        let mut intake = Intake::new(&self.cache, now_ms.saturating_add(AHEAD_MS_MAX));
        let described = read(kind, &request, &mut intake, metadata);
        let described = described.map_err(|error| bad(error.to_string()))?;
        drop(request);
        let (batch, series, faults) = intake.finish();
        if faults.samples_with_invalid_labels > 0 {
            let count = faults.samples_with_invalid_labels;
            self.metrics.invalid_labels.inc_by(count);
        }
        if batch.is_empty() {
            return faults.end(Written::default());
        }
        let report = match turns::append(&*self.options.store, &batch.batch) {
            Ok(report) => report,
            Err(error) => {
                let kind = match error {
                    // It would be too large the next time as well.
                    AppendError::TooLarge(_) | AppendError::ReadOnly => RefusalKind::BadRequest,
                    AppendError::Closed => RefusalKind::Unavailable,
                    AppendError::Log(_) => RefusalKind::Internal,
                };
                return Err(Refusal::new(kind, with_sources(&error)));
            }
        };
        self.cache.learn(&series, &batch.batch, &report);
        let (written, faults) = batch.judge(kind, &report, faults);
        let samples = written.samples + written.histograms;
        let without_metadata = samples.saturating_sub(described);
        self.metrics.without_metadata.inc_by(without_metadata);
        faults.end(written)
    }
}

/// Reads a request into an intake, and what it says of the metrics. How many samples are of series
/// that say it of themselves comes back.
fn read<'a>(
    kind: MessageKind,
    request: &'a [u8],
    intake: &mut Intake<'_>,
    metadata: &ReceivedMetadata,
) -> Result<u64, WireError> {
    let mut described = 0;
    let mut parts = SeriesParts::<'a>::default();
    let (mut pairs, mut references) = (Vec::new(), Vec::new());
    match kind {
        MessageKind::V1 => {
            write_v1::decode(request, &mut parts, |labels, parts| {
                let series = intake.series(labels.key(), parts, |pairs| {
                    labels.pairs(pairs).map_err(|error| error.to_string())
                });
                let Some(series) = series else { return };
                for message in &parts.exemplars {
                    pairs.clear();
                    let read = write_v1::exemplar(message, &mut pairs);
                    intake.exemplar(&series, read.map_err(|error| error.to_string()), &mut pairs);
                }
            })?;
            write_v1::each_metadata(request, |said| note(metadata, said, ""))?;
        }
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
                if !parts.metadata.is_empty() {
                    described += parts.len() as u64;
                    // Who says it says it each time; once a generation is enough.
                    let said = series.is_first.then(|| symbols.metadata(parts.metadata));
                    if let Some(Ok(said)) = said {
                        note(metadata, said, series.labels.metric_name());
                    }
                }
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
            })?;
        }
    }
    Ok(described)
}

/// Keeps what is said of a family, or of that of a series. What is no text is not kept.
fn note(metadata: &ReceivedMetadata, said: WireMetadata<'_>, series: &str) {
    let kind = MetricKind::of_number(said.kind);
    let texts = [said.family, said.help, said.unit].map(std::str::from_utf8);
    let [Ok(family), Ok(help), Ok(unit)] = texts else {
        return;
    };
    let family = match series {
        "" => family,
        series => family_of(series, kind),
    };
    let says_nothing = kind == MetricKind::Unknown && help.is_empty() && unit.is_empty();
    if !family.is_empty() && !says_nothing {
        metadata.note(family, kind, help, unit);
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
