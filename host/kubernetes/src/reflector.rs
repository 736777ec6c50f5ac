//! One watch: the task that lists the objects of a selection and follows their changes, for as
//! long as somebody listens.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::api::{Api, ApiError};
use crate::backoff::Backoff;
use crate::cluster::Pace;
use crate::kind::Kind;
use crate::limits::WATCH_GRACE;
use crate::lines::{LineError, Lines};
use crate::list::{Listed, first_page, list};
use crate::metrics::KubernetesMetrics;
use crate::object::Object;
use crate::selection::Selection;
use crate::store::{Change, Store};

/// A watch that ended before this without a word was refused rather than over.
const SHORT_WATCH: Duration = Duration::from_secs(1);

/// Keeps a store as the cluster is.
#[derive(Debug)]
pub(crate) struct Reflector {
    pub(crate) api: Arc<Api>,
    pub(crate) selection: Selection,
    pub(crate) store: Arc<Store>,
    pub(crate) pace: Pace,
    pub(crate) metrics: KubernetesMetrics,
}

/// One line of a watch.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// Why a watch is over.
enum End {
    /// It was time, or the connection broke: it goes on where it was.
    Over,
    /// Nothing came: as `Over`, but not at once.
    Failed(ApiError),
    /// Nobody knows what was missed: the objects are listed again.
    Lost(ApiError),
}

impl Reflector {
    /// Follows for ever.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new(&self.pace);
        let mut page = first_page();
        let kind = loop {
            let (version, name) = (&self.selection.api_version, &self.selection.kind);
            match Kind::find(&self.api, version, name).await {
                Ok(kind) => break kind,
                Err(error) => self.fail(&mut backoff, &error).await,
            }
        };
        loop {
            let listed = list(&self.api, &kind, &self.selection, &mut page, |object| {
                self.put(object);
            });
            let Listed { mut version, keys } = match listed.await {
                Ok(listed) => listed,
                Err(error) => {
                    self.fail(&mut backoff, &error).await;
                    continue;
                }
            };
            let gone = self.store.keep(&keys);
            drop(keys);
            self.metrics.objects().dec_by(signed(gone));
            for _ in 0..gone {
                self.metrics
                    .count_event(&self.selection.kind, Change::Deleted);
            }
            self.recover();
            loop {
                match self.watch(&kind, &mut version).await {
                    End::Over => backoff.reset(),
                    End::Failed(error) => self.fail(&mut backoff, &error).await,
                    End::Lost(ApiError::Gone(text)) => {
                        let kind = self.selection.shown();
                        tracing::debug!(kind, text, "a watch is too old, the objects are listed");
                        // A server that says so every time is not to be asked without a pause.
                        tokio::time::sleep(backoff.after_failure(None)).await;
                        break;
                    }
                    End::Lost(error) => {
                        self.fail(&mut backoff, &error).await;
                        break;
                    }
                }
            }
        }
    }

    /// One request, from that version on, which moves along.
    async fn watch(&self, kind: &Kind, version: &mut String) -> End {
        let part = rand::rng().random_range(0.5..=1.0);
        let length = self.pace.watch_longest.mul_f64(part);
        let seconds = length.as_secs().max(1).to_string();
        let selection = &self.selection;
        let path = kind.path(&selection.api_version, selection.namespace.as_deref());
        let query = selection.query(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", &seconds),
        ]);
        let path = format!("{path}?{query}");
        let begin = Instant::now();
        let mut has_news = false;
        let following = self.follow(&path, version, &mut has_news);
        match tokio::time::timeout(length + WATCH_GRACE, following).await {
            // The other side has forgotten to end it, or is gone.
            Err(_) => End::Over,
            Ok(End::Over) if !has_news && begin.elapsed() < SHORT_WATCH => {
                let text = format!("{path}: the watch ended at once");
                End::Failed(ApiError::Request(text))
            }
            Ok(End::Over) if begin.elapsed() < SHORT_WATCH => {
                // Not over and over without a pause.
                tokio::time::sleep(self.pace.backoff_first).await;
                End::Over
            }
            Ok(end) => end,
        }
    }

    async fn follow(&self, path: &str, version: &mut String, has_news: &mut bool) -> End {
        let mut lines = match self.api.get(path, false).await {
            Ok(response) => Lines::of(response),
            Err(error @ ApiError::Gone(_)) => return End::Lost(error),
            Err(error) => return End::Failed(error),
        };
        self.recover();
        loop {
            let line = match lines.next().await {
                Ok(Some([])) => continue,
                Ok(Some(line)) => line,
                Ok(None) => return End::Over,
                Err(error @ LineError::TooLong) => {
                    let text = format!("{path}: {error}");
                    return End::Lost(ApiError::Garbage(text));
                }
                Err(LineError::Read(error)) => {
                    let kind = self.selection.shown();
                    tracing::debug!(kind, %error, "a watch broke off");
                    return End::Over;
                }
            };
            let line: Line = match serde_json::from_slice(line) {
                Ok(line) => line,
                Err(error) => {
                    let text = format!("{path}: a line of the watch: {error}");
                    return End::Lost(ApiError::Garbage(text));
                }
            };
            *has_news = true;
            if let Err(error) = self.take(line, version) {
                return match error {
                    ApiError::Gone(_) | ApiError::Garbage(_) => End::Lost(error),
                    error => End::Failed(error),
                };
            }
        }
    }

    fn take(&self, line: Line, version: &mut String) -> Result<(), ApiError> {
        if line.kind == "ERROR" {
            return Err(ApiError::of_status(line.object));
        }
        let seen = Object::version_of(&line.object).map(str::to_owned);
        match line.kind.as_str() {
            "BOOKMARK" => {}
            "ADDED" | "MODIFIED" | "DELETED" => {
                let (api_version, kind) = (&self.selection.api_version, &self.selection.kind);
                let object = Object::new(line.object, api_version, kind);
                let object = object
                    .map_err(|error| ApiError::Garbage(format!("an object of a watch: {error}")))?;
                match line.kind.as_str() {
                    "DELETED" => self.remove(&object.key),
                    _ => self.put(object),
                }
            }
            other => {
                let text = format!("a watch has an event of the unknown type {other:?}");
                return Err(ApiError::Garbage(text));
            }
        }
        if let Some(seen) = seen {
            *version = seen;
        }
        Ok(())
    }

    fn put(&self, object: Object) {
        if let Some(change) = self.store.put(object) {
            self.metrics.count_event(&self.selection.kind, change);
            if change == Change::Added {
                self.metrics.objects().inc();
            }
        }
    }

    fn remove(&self, key: &str) {
        if self.store.remove(key) {
            self.metrics
                .count_event(&self.selection.kind, Change::Deleted);
            self.metrics.objects().dec();
        }
    }

    /// The cluster answers. It is said where it did not.
    fn recover(&self) {
        if self.store.set_trouble(None) {
            let (kind, namespace) = self.names();
            tracing::info!(kind, namespace, "the cluster answers again");
        }
    }

    /// The cluster does not answer. It is said once, and then there is a wait.
    async fn fail(&self, backoff: &mut Backoff, error: &ApiError) {
        self.metrics.count_failure();
        let text = error.to_string();
        let (kind, namespace) = self.names();
        if self.store.set_trouble(Some(&text)) {
            tracing::warn!(kind, namespace, error = text, "the cluster does not answer");
        } else {
            tracing::debug!(kind, namespace, error = text, "the cluster does not answer");
        }
        tokio::time::sleep(backoff.after_failure(error.retry_after())).await;
    }

    fn names(&self) -> (String, &str) {
        let namespace = self.selection.namespace.as_deref();
        (self.selection.shown(), namespace.unwrap_or(""))
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.metrics.objects().dec_by(signed(self.store.len()));
        self.metrics.watches().dec();
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
