//! Remote read, asking: what another store has of a selector.
//!
//! ```text
//! selector ► question ► POST ┬► one message of samples, snappy ┬► series
//!                            └► frames of chunks, as they come ┘
//! ```
//!
//! An answer is read wholly before any of it counts: a store that fails in the middle of one gave
//! none.
//!
//! It is not: who decides what a failure means, or who joins answers with what is here. See
//! [`Fanout`](crate::Fanout).

mod answer;
mod config;
mod frames;
mod metrics;
mod question;

use std::time::{Duration, Instant};

use bytes::Bytes;
use narthex_http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use narthex_http::{BodyError, BodyLimit, BuildError, Client, RequestError, Response};
use narthex_model::{Labels, MatcherError, with_sources};
use narthex_storage::{LabelsRequest, SelectRequest, Series};
use snap::raw::{Decoder, decompress_len};
use xxhash_rust::xxh3::xxh3_64;

use self::answer::{Answer, AnswerBounds, AnswerError};
use self::frames::{FrameError, Frames};
use self::metrics::{RemoteLabels, ResponseType};
use self::question::{Question, Wanted};
use crate::snappy;

pub use self::config::RemoteReadConfig;
pub(crate) use self::metrics::Metrics;

/// An answer of samples may have so many bytes, packed and unpacked. One of chunks is read a
/// frame at a time and has no such bound.
pub const SAMPLED_BYTES_MAX: usize = 256 << 20;

/// Of an answer that refuses so many bytes are shown.
const REFUSAL_BYTES_MAX: usize = 4096;

/// What a query may hold, and so what of an answer is kept.
#[derive(Debug, Clone, Copy)]
pub struct RemoteReadOptions {
    /// `--query.max-samples`
    pub samples_max: usize,
    /// `--query.max-bytes`
    pub bytes_max: usize,
}

/// Why another store gave no answer. It prints as Prometheus says it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("error sending request: {0}")]
    Request(#[source] RequestError),
    #[error("error sending request: Post {url:?}: request timed out after {timeout}")]
    Timeout {
        url: String,
        timeout: narthex_model::PromDuration,
    },
    #[error("remote server {url} returned http status {status}: {text}")]
    Status {
        url: String,
        status: String,
        text: String,
    },
    #[error("unsupported content type: {0}")]
    ContentType(String),
    #[error("error reading response: {0}")]
    Body(BodyError),
    #[error(
        "error reading response: {0} bytes unpacked, where at most {SAMPLED_BYTES_MAX} are read"
    )]
    TooLarge(usize),
    #[error("error reading response: snappy: corrupt input")]
    Snappy(#[source] snap::Error),
    #[error("chunkedReader: {0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Answer(String),
    #[error("toQuery: {0}")]
    Question(#[from] MatcherError),
    #[error("the question cannot be packed")]
    Encode(#[source] snap::Error),
}

impl From<AnswerError> for ReadError {
    fn from(error: AnswerError) -> Self {
        Self::Answer(with_sources(&error))
    }
}

/// Asks one store.
#[derive(Debug)]
pub(crate) struct ReadClient {
    config: RemoteReadConfig,
    external: Labels,
    bounds: AnswerBounds,
    client: Client,
    headers: HeaderMap,
    /// The URL as it may be shown.
    shown_url: String,
    labels: RemoteLabels,
    metrics: Metrics,
}

impl ReadClient {
    /// A client for an entry of the config.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub(crate) fn new(
        config: &RemoteReadConfig,
        external: &Labels,
        options: RemoteReadOptions,
        metrics: Metrics,
    ) -> Result<Self, BuildError> {
        let mut configured = HeaderMap::new();
        for (name, value) in &config.headers {
            let invalid = || BuildError::Config(format!("invalid header {name:?}"));
            let name: HeaderName = name.parse().map_err(|_| invalid())?;
            configured.insert(name, HeaderValue::from_str(value).map_err(|_| invalid())?);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-encoding", "snappy"),
            ("accept-encoding", "snappy"),
            ("content-type", "application/x-protobuf"),
            ("user-agent", concat!("Narthex/", env!("CARGO_PKG_VERSION"))),
            ("x-prometheus-remote-read-version", "0.1.0"),
        ] {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
        let shown_url = RequestError::new(&config.url, "").url;
        let remote_name = match config.name.is_empty() {
            true => hash(config).chars().take(6).collect(),
            false => config.name.clone(),
        };
        Ok(Self {
            config: config.clone(),
            external: external.clone(),
            bounds: AnswerBounds {
                samples: options.samples_max,
                bytes: options.bytes_max,
            },
            client: Client::new(&config.http_config())?.with_headers(configured),
            headers,
            labels: RemoteLabels {
                remote_name,
                url: shown_url.clone(),
            },
            shown_url,
            metrics,
        })
    }

    /// Whether it is the client for this.
    pub(crate) fn is_for(&self, config: &RemoteReadConfig, external: &Labels) -> bool {
        self.config == *config && self.external == *external
    }

    /// The series of a request, in no particular order; those that are wholly in the store here,
    /// which has all from `local_start_ms` on, are not asked for.
    pub(crate) async fn select(
        &self,
        request: &SelectRequest,
        local_start_ms: i64,
    ) -> Result<Vec<Series>, ReadError> {
        let asked = (&request.matchers[..], request.range);
        let question = Question::new(&self.config, &self.external, asked, local_start_ms)?;
        match question {
            Some(question) => Ok(self.ask(question, Wanted::Samples).await?.into_series()),
            None => Ok(Vec::new()),
        }
    }

    /// The label sets of a request, as [`Self::select`].
    pub(crate) async fn series(
        &self,
        request: &LabelsRequest,
        local_start_ms: i64,
    ) -> Result<Vec<Labels>, ReadError> {
        let asked = (&request.matchers[..], request.range);
        let question = Question::new(&self.config, &self.external, asked, local_start_ms)?;
        match question {
            Some(question) => {
                let answer = self.ask(question, Wanted::LabelSets).await?;
                Ok(answer.into_label_sets())
            }
            None => Ok(Vec::new()),
        }
    }

    async fn ask(&self, question: Question, wanted: Wanted) -> Result<Answer, ReadError> {
        let body = snappy::encode(&question.encode(wanted)).map_err(ReadError::Encode)?;
        let answer = Answer::new(question.range, question.added, self.bounds);
        let _under_way = self.metrics.begin(&self.labels);
        let timeout: Duration = self.config.remote_timeout.as_std();
        let asking = tokio::time::timeout(timeout, self.exchange(body.into(), answer));
        asking.await.unwrap_or_else(|_| {
            Err(ReadError::Timeout {
                url: self.shown_url.clone(),
                timeout: self.config.remote_timeout,
            })
        })
    }

    async fn exchange(&self, body: Bytes, answer: Answer) -> Result<Answer, ReadError> {
        let begun = Instant::now();
        let sent = self.client.post(&self.config.url, &self.headers, body);
        let response = sent.await.map_err(ReadError::Request)?;
        let status = response.status();
        let content_type = response.header(&CONTENT_TYPE);
        let form = match status.is_success() {
            true if content_type.starts_with("application/x-protobuf") => ResponseType::Sampled,
            true if is_chunked(content_type) => ResponseType::Chunked,
            _ => ResponseType::Unsupported,
        };
        self.metrics
            .took(&self.labels, form, begun.elapsed().as_secs_f64());
        let read = match form {
            ResponseType::Sampled => samples(response, answer).await,
            ResponseType::Chunked => self.chunks(response, answer).await,
            ResponseType::Unsupported => Err(self.refusal(response).await),
        };
        let code = match (form, &read) {
            (ResponseType::Chunked, Err(_)) => "aborted_stream".to_owned(),
            _ => status.as_u16().to_string(),
        };
        self.metrics.ended(&self.labels, form, code);
        read
    }

    async fn chunks(
        &self,
        mut response: Response,
        mut answer: Answer,
    ) -> Result<Answer, ReadError> {
        let mut frames = Frames::new(self.config.chunked_read_limit);
        while let Some(piece) = response.chunk().await.map_err(ReadError::Body)? {
            frames.push(&piece);
            while let Some(message) = frames.next()? {
                answer.take_chunks(message)?;
                // Others get their turn: what is there already is unpacked without a wait.
                tokio::task::consume_budget().await;
            }
        }
        frames.end()?;
        Ok(answer)
    }

    /// What an answer says that is none.
    async fn refusal(&self, response: Response) -> ReadError {
        let status = response.status();
        if status.is_success() {
            return ReadError::ContentType(response.header(&CONTENT_TYPE).to_owned());
        }
        let text = response.begin(REFUSAL_BYTES_MAX).await;
        ReadError::Status {
            url: self.shown_url.clone(),
            status: status.to_string(),
            text: String::from_utf8_lossy(&text).trim().to_owned(),
        }
    }
}

/// Whether a body is frames of chunks. Who writes the parameter leaves the space before it or not.
fn is_chunked(content_type: &str) -> bool {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    kind.trim() == "application/x-streamed-protobuf"
        && parameters
            .trim_start()
            .starts_with("proto=prometheus.ChunkedReadResponse")
}

async fn samples(response: Response, mut answer: Answer) -> Result<Answer, ReadError> {
    let limit = BodyLimit::Bytes(SAMPLED_BYTES_MAX as u64);
    let body = response.body(limit).await.map_err(ReadError::Body)?;
    let len = decompress_len(&body).map_err(ReadError::Snappy)?;
    if len > SAMPLED_BYTES_MAX {
        return Err(ReadError::TooLarge(len));
    }
    // Unpacking so much takes a while; others must not wait for it.
    let taken = tokio::task::spawn_blocking(move || {
        let message = Decoder::new().decompress_vec(&body);
        answer.take_samples(&message.map_err(ReadError::Snappy)?)?;
        Ok::<_, ReadError>(answer)
    });
    let taken = taken.await;
    taken.unwrap_or_else(|error| Err(ReadError::Answer(error.to_string())))
}

/// What tells entries apart that have no name. Secrets are printed as such and do not count.
fn hash(config: &RemoteReadConfig) -> String {
    let printed = serde_json::to_vec(config).unwrap_or_default();
    format!("{:016x}", xxh3_64(&printed))
}

#[cfg(test)]
mod tests;
