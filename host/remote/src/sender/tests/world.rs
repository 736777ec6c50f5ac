//! A log, a sender, and a far store whose answers can be told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use narthex_disk::{CrashDisk, Disk, Within};
use narthex_head::{Head, HeadOptions, SyncMode};
use narthex_model::{Labels, Sample, SeriesRef, SimulatedClock, WriteBatch};
use narthex_storage::{Appendable, MemoryStore, Queryable, SelectRequest, Series, TimeRange};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::sender::{
    Answer, Exchange, MetadataSource, MetricKind, MetricMetadata, Post, WriteManager, WriteOptions,
};
use crate::{
    MessageKind, ReceivedMetadata, Receiver, ReceiverOptions, RefusalKind, RemoteWriteConfig,
    Written,
};

pub(super) const NOW_MS: i64 = 1_700_000_000_000;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It is stored, and the answer says so.
    Take,
    /// It is stored, and the answer is lost.
    Lose,
    /// It is not stored.
    Answer(Answer),
    /// No answer comes.
    Fail,
}

/// An answer of this status.
pub(super) fn status(status: u16) -> Fate {
    Fate::Answer(Answer {
        status,
        text: "because".to_owned(),
        ..Answer::default()
    })
}

/// What was sent, when, and what the receiver wrote of it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) post: Post,
    pub(super) at: Duration,
    pub(super) written: Written,
}

/// The other server.
pub(super) struct Far {
    began: Instant,
    receiver: Receiver,
    pub(super) store: Arc<MemoryStore>,
    /// Of the next requests; then of all others.
    fates: Mutex<(VecDeque<Fate>, Fate)>,
    sent: Mutex<Vec<Sent>>,
}

impl Far {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let options = ReceiverOptions {
            store: store.clone(),
            clock: Arc::new(SimulatedClock::at(NOW_MS)),
            accepted: MessageKind::ALL.to_vec(),
            metadata: Arc::new(ReceivedMetadata::new(&mut Registry::default())),
        };
        Self {
            began: Instant::now(),
            receiver: Receiver::new(options, &mut Registry::default()),
            store,
            fates: Mutex::new((VecDeque::new(), Fate::Take)),
            sent: Mutex::default(),
        }
    }

    /// What becomes of the next requests, and of those behind them.
    pub(super) fn answer(&self, next: impl IntoIterator<Item = Fate>, then: Fate) {
        *self.fates.lock().unwrap() = (next.into_iter().collect(), then);
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Samples that were written, the same ones again counted again.
    pub(super) fn written(&self) -> u64 {
        let sent = self.sent();
        sent.iter().map(|sent| sent.written.samples).sum()
    }

    fn take(&self, post: &Post) -> (Answer, Written) {
        let answer = |status: u16, written: Written, text: String| Answer {
            status,
            written: Some([written.samples, written.histograms, written.exemplars]),
            text,
            ..Answer::default()
        };
        match self.receiver.receive(post.kind, &post.body) {
            Ok(written) => (answer(204, written, String::new()), written),
            Err(refusal) => {
                let status = match refusal.kind {
                    RefusalKind::BadRequest => 400,
                    RefusalKind::UnsupportedMedia => 415,
                    RefusalKind::Unavailable => 503,
                    RefusalKind::Internal => 500,
                };
                let written = refusal.written;
                (answer(status, written, refusal.message), written)
            }
        }
    }

    /// All series, sorted.
    pub(super) async fn series(&self) -> Vec<Series> {
        let request = SelectRequest {
            matchers: Vec::new(),
            range: TimeRange::ALL,
        };
        let stream = self.store.select(&request).await.unwrap();
        let mut series: Vec<Series> = stream.try_collect().await.unwrap();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }

    pub(super) async fn samples(&self) -> usize {
        let series = self.series().await;
        series.iter().map(|series| series.timestamps.len()).sum()
    }
}

#[async_trait]
impl Exchange for Far {
    async fn post(&self, post: Post) -> Result<Answer, String> {
        let fate = {
            let mut fates = self.fates.lock().unwrap();
            let next = fates.0.pop_front();
            next.unwrap_or_else(|| fates.1.clone())
        };
        let (result, written) = match fate {
            Fate::Take => {
                let (answer, written) = self.take(&post);
                (Ok(answer), written)
            }
            Fate::Lose => {
                let (_, written) = self.take(&post);
                (Err("connection reset by peer".to_owned()), written)
            }
            Fate::Answer(answer) => (Ok(answer), Written::default()),
            Fate::Fail => (Err("connection refused".to_owned()), Written::default()),
        };
        let at = self.began.elapsed();
        self.sent.lock().unwrap().push(Sent { post, at, written });
        result
    }
}

/// One family.
struct OneFamily;

impl MetadataSource for OneFamily {
    fn metadata(&self) -> Vec<MetricMetadata> {
        vec![MetricMetadata {
            metric: "up".to_owned(),
            kind: MetricKind::Gauge,
            help: "Whether it is up.".to_owned(),
            unit: String::new(),
        }]
    }
}

pub(super) struct World {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) head: Arc<Head>,
    pub(super) far: Arc<Far>,
    pub(super) clock: SimulatedClock,
    pub(super) external: Labels,
    registry: Registry,
    manager: Option<WriteManager>,
}

impl World {
    pub(super) fn new() -> Self {
        let disk: Arc<dyn Disk> = Arc::new(CrashDisk::new(1));
        Self {
            head: open(&disk),
            disk,
            far: Arc::new(Far::new()),
            clock: SimulatedClock::at(NOW_MS),
            external: Labels::empty(),
            registry: Registry::default(),
            manager: None,
        }
    }

    /// Starts senders, or changes those that run.
    pub(super) async fn send(&mut self, configs: &[RemoteWriteConfig]) {
        if self.manager.is_none() {
            let options = WriteOptions {
                log: self.head.clone(),
                disk: Arc::new(Within::new(Arc::clone(&self.disk), "remote")),
                clock: Arc::new(self.clock.clone()),
                metadata: Arc::new(OneFamily),
                flush_deadline: Duration::from_secs(60),
            };
            self.registry = Registry::default();
            let manager = WriteManager::new(options, &mut self.registry).unwrap();
            self.manager = Some(manager);
        }
        let configs = configs.iter().map(|config| {
            let exchange: Arc<dyn Exchange> = self.far.clone();
            (config.clone(), exchange)
        });
        let manager = self.manager.as_ref().unwrap();
        manager.follow(configs.collect(), &self.external).await;
    }

    /// Ends the senders as a process that stops does.
    pub(super) async fn stop(&mut self) {
        if let Some(manager) = self.manager.take() {
            manager.stop().await;
        }
    }

    /// Ends the senders as a kill does: nothing is sent any more, nothing is written down.
    pub(super) async fn kill(&mut self) {
        if let Some(manager) = self.manager.take() {
            manager.kill().await;
        }
    }

    /// Opens the log again as another process does.
    pub(super) fn reopen(&mut self) {
        self.head.close().unwrap();
        self.head = open(&self.disk);
    }

    /// Appends a sample of each of some series, a second apart in time.
    pub(super) fn append(&self, series: usize, second: i64) {
        let samples = (0..series).map(|at| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "up"), ("at", &at.to_string())]),
            timestamp_ms: NOW_MS + second * 1000,
            value: second as f64,
        });
        let batch = WriteBatch::from(samples.collect::<Vec<_>>());
        let report = self.head.append(&batch).unwrap();
        assert!(report.rejected.is_empty());
    }

    /// Lets time pass until something holds.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never held; sent: {:?}", self.far.sent().len());
    }

    /// All metrics as text.
    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }

    /// A metric of the only sender, by name, with the other labels that it may have.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let name = format!("prometheus_remote_storage_{name}");
        let lines = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(&name)?;
            let is_it = rest.starts_with('{') || rest.starts_with(' ');
            is_it.then(|| rest.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        });
        lines.sum()
    }
}

fn open(disk: &Arc<dyn Disk>) -> Arc<Head> {
    let wal = Arc::new(Within::new(Arc::clone(disk), "wal"));
    let options = HeadOptions {
        sync: SyncMode::EachAppend,
        segment_bytes: 64 << 10,
        ..HeadOptions::on(wal)
    };
    Arc::new(Head::open(options).unwrap().0)
}

pub(super) fn config(kind: MessageKind) -> RemoteWriteConfig {
    let mut config = RemoteWriteConfig {
        url: "http://far.example/api/v1/write".to_owned(),
        protobuf_message: kind,
        ..RemoteWriteConfig::default()
    };
    config.metadata_config.send = false;
    config
}
