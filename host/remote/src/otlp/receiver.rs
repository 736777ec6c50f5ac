//! Takes requests: unpacks, translates and stores them, and writes the answer.

use std::fmt;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use flate2::read::MultiGzDecoder;
use narthex_model::{
    AppendReport, Clock, ExemplarRejection, Labels, PromDuration, WriteBatch, with_sources,
};
use narthex_storage::{AppendError, Appendable};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::config::OtlpConfig;
use super::delta::{STREAMS_MAX, Streams};
use super::message::{MESSAGES_MAX, Request};
use super::protobuf;
use super::translate::{Rules, Tools, Translated, translate};
use crate::metadata::ReceivedMetadata;
use crate::receiver::cache::SeriesCache;
use crate::receiver::{AHEAD_MS_MAX, RefusalKind, rejection_text};
use crate::turns;

/// A body may have this many bytes, as it arrives and once it is unpacked.
pub const OTLP_BYTES_MAX: usize = 32 << 20;

/// What a receiver of OTLP is made of.
pub struct OtlpOptions {
    /// Takes the samples.
    pub store: Arc<dyn Appendable>,
    /// Says what is the future.
    pub clock: Arc<dyn Clock>,
    /// Keeps what is said of the metrics.
    pub metadata: Arc<ReceivedMetadata>,
    /// What becomes of points that count from the one before.
    pub delta: OtlpDelta,
    /// Series get `__type__` and `__unit__` (`--enable-feature=type-and-unit-labels`).
    pub type_and_unit_labels: bool,
    /// `--query.lookback-delta`: `target_info` has a sample at least as often as half of it.
    pub lookback_delta: PromDuration,
}

/// What becomes of points that count from the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OtlpDelta {
    /// They are refused.
    #[default]
    Refused,
    /// They are stored as they are, with a type that is not known
    /// (`--enable-feature=otlp-native-delta-ingestion`).
    Native,
    /// They are added up, and so count from the start
    /// (`--enable-feature=otlp-deltatocumulative`).
    Accumulated,
}

/// How a body is written. The answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpForm {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl OtlpForm {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// A request that was stored, perhaps not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpAccepted {
    /// What the sender is told.
    pub body: Vec<u8>,
    /// How many points were refused.
    pub rejected: u64,
    /// Why; empty where none was.
    pub message: String,
}

/// A request of which nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpRefusal {
    /// What to make of it.
    pub kind: RefusalKind,
    /// For people.
    pub message: String,
}

impl OtlpRefusal {
    /// What the sender is told: `google.rpc.Status` in the form of its request, where that is
    /// known.
    pub fn body(&self, form: OtlpForm) -> Vec<u8> {
        let code = match self.kind {
            RefusalKind::UnsupportedMedia | RefusalKind::BadRequest => INVALID_ARGUMENT,
            RefusalKind::Unavailable => UNAVAILABLE,
            RefusalKind::Internal => INTERNAL,
        };
        match form {
            OtlpForm::Protobuf => protobuf::status(code, &self.message),
            OtlpForm::Json => {
                let status = serde_json::json!({"code": code, "message": self.message});
                status.to_string().into_bytes()
            }
        }
    }
}

/// Codes of gRPC.
const INVALID_ARGUMENT: u64 = 3;
const INTERNAL: u64 = 13;
const UNAVAILABLE: u64 = 14;

/// What the receiver says of itself, under Prometheus' names.
#[derive(Debug, Clone, Default)]
struct Metrics {
    without_metadata: Counter,
    out_of_order_exemplars: Counter,
    labels_made: Counter,
}

impl Metrics {
    fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "prometheus_api_otlp_appended_samples_without_metadata",
            "The total number of samples ingested from OTLP without corresponding metadata.",
            metrics.without_metadata.clone(),
        );
        registry.register(
            "prometheus_api_otlp_out_of_order_exemplars",
            "The total number of received OTLP exemplars which were rejected because they were out of order.",
            metrics.out_of_order_exemplars.clone(),
        );
        registry.register(
            "narthex_otlp_series_cache_misses",
            "Label sets that were made for series of OTLP, since they were not in the cache of series.",
            metrics.labels_made.clone(),
        );
        metrics
    }
}

/// Takes what applications and collectors push as OTLP.
pub struct OtlpReceiver {
    options: OtlpOptions,
    config: RwLock<NumberedConfig>,
    cache: SeriesCache,
    /// Where points that count from the one before are added up. Requests wait for each other: a
    /// stream has one sum.
    streams: Option<Mutex<Streams>>,
    metrics: Metrics,
}

/// A config, and how many there were before it.
#[derive(Clone, Default)]
struct NumberedConfig {
    config: Arc<OtlpConfig>,
    number: u64,
}

impl fmt::Debug for OtlpReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpReceiver")
            .field("config", &self.config().config)
            .finish_non_exhaustive()
    }
}

impl OtlpReceiver {
    /// A receiver with the default config.
    pub fn new(options: OtlpOptions, registry: &mut Registry) -> Self {
        let now_ms = options.clock.now_ms();
        let streams = (options.delta == OtlpDelta::Accumulated)
            .then(|| Mutex::new(Streams::new(now_ms, STREAMS_MAX, registry)));
        Self {
            config: RwLock::default(),
            cache: SeriesCache::new(now_ms),
            streams,
            metrics: Metrics::register(registry),
            options,
        }
    }

    /// Requests from here on are translated by this config.
    pub fn set_config(&self, config: OtlpConfig) {
        let mut held = self.config.write().unwrap_or_else(PoisonError::into_inner);
        if *held.config != config {
            *held = NumberedConfig {
                config: Arc::new(config),
                number: held.number + 1,
            };
        }
    }

    fn config(&self) -> NumberedConfig {
        let held = self.config.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    /// Reads what a request says of itself: the value of `Content-Type`, "" where it is missing.
    ///
    /// # Errors
    /// It is not a form of OTLP.
    pub fn accept(&self, content_type: &str) -> Result<OtlpForm, OtlpRefusal> {
        let essence = content_type.split(';').next().unwrap_or("").trim();
        for form in [OtlpForm::Protobuf, OtlpForm::Json] {
            if essence.eq_ignore_ascii_case(form.content_type()) {
                return Ok(form);
            }
        }
        Err(OtlpRefusal {
            kind: RefusalKind::UnsupportedMedia,
            message: format!(
                "unsupported content type: {content_type}, supported: [application/json, \
                 application/x-protobuf]"
            ),
        })
    }

    /// Stores what a body holds; `encoding` is the value of `Content-Encoding`. It takes as long as
    /// that takes, and waits for the disk: async code calls it where that is no harm.
    ///
    /// # Errors
    /// Nothing of it was stored.
    pub fn receive(
        &self,
        form: OtlpForm,
        encoding: &str,
        body: &[u8],
    ) -> Result<OtlpAccepted, OtlpRefusal> {
        let bad = |message: String| OtlpRefusal {
            kind: RefusalKind::BadRequest,
            message,
        };
        let unpacked = match encoding.trim() {
            "" => None,
            gzip if gzip.eq_ignore_ascii_case("gzip") => Some(unpack(body).map_err(bad)?),
            other => {
                return Err(OtlpRefusal {
                    kind: RefusalKind::UnsupportedMedia,
                    message: format!(
                        "unsupported compression: {other}. Only \"gzip\" or no compression supported"
                    ),
                });
            }
        };
        let body = unpacked.as_deref().unwrap_or(body);
        let request = read(form, body).map_err(bad)?;
        let mut translated = self.translate(&request);
        drop(request);
        let stored = self.store(&mut translated)?;
        let message = translated.faults.message();
        if translated.refused > 0 && translated.refused == translated.point_count && stored == 0 {
            return Err(bad(message));
        }
        let rejected = translated.refused as u64;
        let body = match form {
            OtlpForm::Protobuf => protobuf::response(rejected, &message),
            OtlpForm::Json if message.is_empty() => b"{}".to_vec(),
            OtlpForm::Json => {
                // 64 bits are a text in the JSON of protobuf.
                let partial = serde_json::json!({"partialSuccess": {
                    "rejectedDataPoints": rejected.to_string(),
                    "errorMessage": message,
                }});
                partial.to_string().into_bytes()
            }
        };
        Ok(OtlpAccepted {
            body,
            rejected,
            message,
        })
    }

    fn translate(&self, request: &Request<'_>) -> Translated {
        let now_ms = self.options.clock.now_ms();
        self.cache.turn(now_ms);
        self.options.metadata.turn(now_ms);
        let rules = Rules {
            takes_delta: self.options.delta == OtlpDelta::Native,
            type_and_unit: self.options.type_and_unit_labels,
            lookback_ms: self.options.lookback_delta.as_millis_i64(),
            now_ms,
            newest_ms: now_ms.saturating_add(AHEAD_MS_MAX),
        };
        let NumberedConfig { config, number } = self.config();
        let mut streams: Option<MutexGuard<'_, Streams>> = self
            .streams
            .as_ref()
            .map(|streams| streams.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(streams) = &mut streams {
            streams.sweep(now_ms);
        }
        let tools = Tools {
            config: &config,
            config_number: number,
            rules,
            cache: &self.cache,
            metadata: &self.options.metadata,
            streams: streams.as_deref_mut(),
        };
        let translated = translate(tools, request);
        self.metrics.labels_made.inc_by(translated.labels_made);
        translated
    }

    /// Stores what a request became, and says how many samples were taken.
    fn store(&self, translated: &mut Translated) -> Result<usize, OtlpRefusal> {
        let Translated {
            batch,
            points,
            histogram_points,
            refused,
            faults,
            to_learn,
            without_metadata,
            ..
        } = translated;
        let mut stored = 0;
        let mut refused_points = Vec::new();
        let mut note = |sample: Option<&Labels>, point: Option<&Option<usize>>, rejection| {
            if let Some(labels) = sample {
                faults.add(rejection_text(rejection), labels);
            }
            refused_points.extend(point.copied().flatten());
        };
        let is_empty = batch.samples.is_empty() && batch.histograms.is_empty();
        if !is_empty || !batch.exemplars.is_empty() {
            let report = self.append(batch)?;
            self.cache.learn(to_learn, batch, &report);
            let rejected = report.rejected.len() + report.rejected_histograms.len();
            stored = (batch.samples.len() + batch.histograms.len()).saturating_sub(rejected);
            let without_metadata = (*without_metadata).min(stored as u64);
            self.metrics.without_metadata.inc_by(without_metadata);
            for (at, rejection) in &report.rejected {
                let sample = batch.samples.get(*at).map(|sample| &sample.labels);
                note(sample, points.get(*at), *rejection);
            }
            for (at, rejection) in &report.rejected_histograms {
                let sample = batch.histograms.get(*at).map(|sample| &sample.labels);
                note(sample, histogram_points.get(*at), *rejection);
            }
        }
        // A point is refused where one of its samples is.
        refused_points.sort_unstable();
        refused_points.dedup();
        *refused += refused_points.len();
        Ok(stored)
    }

    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, OtlpRefusal> {
        let report = turns::append(&*self.options.store, batch);
        let report = report.map_err(|error| OtlpRefusal {
            kind: match error {
                // It would be too large the next time as well.
                AppendError::TooLarge(_) | AppendError::ReadOnly => RefusalKind::BadRequest,
                AppendError::Closed => RefusalKind::Unavailable,
                AppendError::Log(_) => RefusalKind::Internal,
            },
            message: with_sources(&error),
        })?;
        let out_of_order = report
            .rejected_exemplars
            .iter()
            .filter(|(_, rejection)| *rejection == ExemplarRejection::OutOfOrder);
        let out_of_order = out_of_order.count() as u64;
        self.metrics.out_of_order_exemplars.inc_by(out_of_order);
        Ok(report)
    }
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let bound = OTLP_BYTES_MAX as u64 + 1;
    let mut reader = MultiGzDecoder::new(body).take(bound);
    let read = reader.read_to_end(&mut unpacked);
    read.map_err(|error| format!("gzip: {error}"))?;
    match unpacked.len() > OTLP_BYTES_MAX {
        true => Err(format!(
            "the body has over {OTLP_BYTES_MAX} bytes when it is unpacked"
        )),
        false => Ok(unpacked),
    }
}

fn read(form: OtlpForm, body: &[u8]) -> Result<Request<'_>, String> {
    match form {
        OtlpForm::Protobuf => protobuf::decode(body).map_err(|error| error.to_string()),
        OtlpForm::Json => {
            // Each message begins with one; those in texts count as well.
            let messages = body.iter().filter(|byte| **byte == b'{').count();
            if messages > MESSAGES_MAX {
                return Err(format!("more than {MESSAGES_MAX} messages in a request"));
            }
            serde_json::from_slice(body).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
