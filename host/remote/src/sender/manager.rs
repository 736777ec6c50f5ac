//! All senders: those of the config run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use narthex_disk::Disk;
use narthex_head::{Head, LogPlace, LogTail};
use narthex_http::{BuildError, shown_url};
use narthex_model::{Clock, Labels};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::delivery::Delivery;
use super::exchange::{Exchange, HttpExchange};
use super::item::MetadataSource;
use super::metrics::{Metrics, QueueLabels, QueueMetrics};
use super::place::PlaceFile;
use super::queue::{Progress, Queue};
use super::rates::Rates;
use super::series::SeriesTable;
use crate::RemoteWriteConfig;

/// How often it is written down how far a sender has come.
const PLACE_INTERVAL: Duration = Duration::from_secs(1);

/// The log that is sent.
pub trait LogSource: Send + Sync {
    /// A reader from a place on, or of what comes from now on.
    fn tail(&self, from: Option<LogPlace>) -> LogTail;

    /// Keeps the segments from a number on.
    fn hold(&self, segment: Option<u32>);

    /// The newest sample of all; `None` where there is none.
    fn newest_ms(&self) -> Option<i64>;
}

impl LogSource for Head {
    fn tail(&self, from: Option<LogPlace>) -> LogTail {
        self.log_tail(from)
    }

    fn hold(&self, segment: Option<u32>) {
        self.hold_log_from(segment);
    }

    fn newest_ms(&self) -> Option<i64> {
        self.max_time()
    }
}

/// What the senders are made of.
pub struct WriteOptions {
    /// What is sent.
    pub log: Arc<dyn LogSource>,
    /// A folder for what the senders write down.
    pub disk: Arc<dyn Disk>,
    /// Says what is old.
    pub clock: Arc<dyn Clock>,
    /// Knows the metrics.
    pub metadata: Arc<dyn MetadataSource>,
    /// How long a sender that ends may take for what waits (`--storage.remote.flush-deadline`).
    /// What is left then is sent by the next process.
    pub flush_deadline: Duration,
}

/// The entries of a config, each with its way to the receiver.
pub type PreparedSenders = Vec<(RemoteWriteConfig, Arc<dyn Exchange>)>;

/// Runs a sender an entry of `remote_write`, and follows the config.
pub struct WriteManager {
    options: WriteOptions,
    metrics: Metrics,
    running: tokio::sync::Mutex<Vec<Running>>,
    holds: Arc<Holds>,
}

/// What the log keeps for the senders: from the oldest segment on that one of them needs.
struct Holds {
    log: Arc<dyn LogSource>,
    /// By the names of the senders' files.
    segments: Mutex<BTreeMap<String, u32>>,
}

impl Holds {
    /// A sender needs a segment and those behind it, or none any more.
    fn set(&self, name: &str, segment: Option<u32>) {
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        match segment {
            Some(segment) => segments.insert(name.to_owned(), segment),
            None => segments.remove(name),
        };
        self.log.hold(segments.values().min().copied());
    }
}

/// A sender that runs.
struct Running {
    config: Arc<RemoteWriteConfig>,
    external: Labels,
    file: PlaceFile,
    metrics: QueueMetrics,
    progress: Arc<Progress>,
    stop: watch::Sender<bool>,
    abort: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Writes down how far it is, until it ends.
    writing: JoinHandle<()>,
}

impl fmt::Debug for WriteManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteManager").finish_non_exhaustive()
    }
}

impl WriteManager {
    /// A manager without a sender.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(options: WriteOptions, registry: &mut Registry) -> io::Result<Self> {
        options.disk.create_folder("")?;
        Ok(Self {
            metrics: Metrics::register(registry),
            running: tokio::sync::Mutex::default(),
            holds: Arc::new(Holds {
                log: Arc::clone(&options.log),
                segments: Mutex::default(),
            }),
            options,
        })
    }

    /// Makes the clients for a new config; nothing is changed by it.
    ///
    /// # Errors
    /// A client cannot be made.
    pub fn prepare(configs: &[RemoteWriteConfig]) -> Result<PreparedSenders, BuildError> {
        let prepared = configs.iter().map(|config| {
            let exchange: Arc<dyn Exchange> = Arc::new(HttpExchange::new(config)?);
            Ok((config.clone(), exchange))
        });
        prepared.collect()
    }

    /// Follows a new config. A sender whose entry and external labels are the same goes on; the
    /// others end as in [`Self::stop`], and the new ones go on where they were.
    pub async fn follow(&self, configs: PreparedSenders, external: &Labels) {
        let mut running = self.running.lock().await;
        let (mut kept, mut ended) = (Vec::new(), Vec::new());
        for held in std::mem::take(&mut *running) {
            let is_same = configs.iter().any(|(config, _)| *config == *held.config);
            match is_same && held.external == *external {
                true => kept.push(held),
                false => ended.push(held),
            }
        }
        for held in &ended {
            self.holds.set(held.file.name(), None);
        }
        self.end(ended).await;
        let mut names = BTreeSet::new();
        for (at, (config, exchange)) in configs.into_iter().enumerate() {
            let held = kept.iter().position(|held| *held.config == config);
            let held = match held {
                Some(held) => kept.swap_remove(held),
                None => self.start(config, exchange, external, at == 0),
            };
            if !names.insert(held.file.name().to_owned()) {
                tracing::warn!(
                    url = shown_url(&held.config.url),
                    "two entries of remote_write have this URL and no name: after a restart \
                     only one of them goes on where it was"
                );
            }
            running.push(held);
        }
    }

    fn start(
        &self,
        config: RemoteWriteConfig,
        exchange: Arc<dyn Exchange>,
        external: &Labels,
        is_first: bool,
    ) -> Running {
        let config = Arc::new(config);
        let file = PlaceFile::new(Arc::clone(&self.options.disk), &config);
        let tail = self.options.log.tail(file.read());
        let progress = Arc::new(Progress::at(tail.place()));
        // From now on there is a place, also where the process ends before anything was sent.
        if let Err(error) = file.write(tail.place()) {
            tracing::error!(%error, "how far remote write is cannot be written down");
        }
        let name = match config.name.is_empty() {
            true => file
                .name()
                .trim_end_matches(".json")
                .chars()
                .take(6)
                .collect(),
            false => config.name.clone(),
        };
        let labels = QueueLabels {
            remote_name: name,
            url: shown_url(&config.url),
        };
        let metrics = self.metrics.of_queue(labels, is_first);
        let (stop, stopped) = watch::channel(false);
        let (abort, aborted) = watch::channel(false);
        let queue = Queue {
            delivery: Arc::new(Delivery {
                config: Arc::clone(&config),
                shown_url: shown_url(&config.url),
                exchange,
                clock: Arc::clone(&self.options.clock),
                metrics: metrics.clone(),
                rates: Mutex::new(Rates::default()),
                metadata: RwLock::default(),
                newest_sent_ms: AtomicI64::new(i64::MIN),
                last_sent: Mutex::new(None),
                abort: aborted,
            }),
            log: Arc::clone(&self.options.log),
            metadata: Arc::clone(&self.options.metadata),
            series: SeriesTable::new(config.write_relabel_configs.clone(), external.clone()),
            progress: Arc::clone(&progress),
            stop: stopped,
        };
        let segment = tail.place().segment;
        metrics.segment(segment);
        self.holds.set(file.name(), Some(segment));
        let (place, holds) = (Arc::clone(&progress), Arc::clone(&self.holds));
        let writing = write_down(file.clone(), place, holds);
        Running {
            config,
            external: external.clone(),
            file,
            metrics,
            progress,
            stop,
            abort,
            task: tokio::spawn(queue.run(tail)),
            writing,
        }
    }

    /// Ends senders: what waits is sent within the flush deadline, and it is written down what
    /// was.
    async fn end(&self, mut ended: Vec<Running>) {
        for running in &ended {
            running.stop.send_replace(true);
        }
        let deadline = tokio::time::Instant::now() + self.options.flush_deadline;
        for running in &mut ended {
            let in_time = tokio::time::timeout_at(deadline, &mut running.task).await;
            if in_time.is_err() {
                tracing::warn!(
                    url = shown_url(&running.config.url),
                    "remote write did not send all that waits in time: the rest is sent at the \
                     next start"
                );
                running.abort.send_replace(true);
                // It has ended already only where it panicked, which the log has said.
                let _ = (&mut running.task).await;
            }
            running.writing.abort();
            if let Err(error) = running.file.write(running.progress.place()) {
                tracing::error!(%error, "how far remote write is cannot be written down");
            }
            running.metrics.forget();
        }
    }

    /// Ends every sender. What comes to the log from now on is sent by the next process.
    pub async fn stop(&self) {
        let running = std::mem::take(&mut *self.running.lock().await);
        self.end(running).await;
    }
}

#[cfg(test)]
impl WriteManager {
    /// Ends all tasks where they are, as the end of a process does.
    pub(super) async fn kill(&self) {
        for running in self.running.lock().await.drain(..) {
            running.writing.abort();
            running.task.abort();
            let _ = running.task.await;
        }
    }
}

/// Writes down in an interval how far a sender is.
fn write_down(file: PlaceFile, progress: Arc<Progress>, holds: Arc<Holds>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut last = None;
        loop {
            tokio::time::sleep(PLACE_INTERVAL).await;
            let place = progress.place();
            if last == Some(place) {
                continue;
            }
            let writer = file.clone();
            let written = tokio::task::spawn_blocking(move || writer.write(place)).await;
            match written {
                Ok(Ok(())) => {
                    last = Some(place);
                    holds.set(file.name(), Some(place.segment));
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "how far remote write is cannot be written down");
                }
                Err(_) => return,
            }
        }
    })
}
