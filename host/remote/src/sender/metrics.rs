//! What the senders say of themselves, under Prometheus' names.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::item::Counts;

/// Which sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct QueueLabels {
    pub(super) remote_name: String,
    pub(super) url: String,
}

/// Which sender, and why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    remote_name: String,
    url: String,
    reason: &'static str,
}

/// Which reader of the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConsumerLabel {
    consumer: String,
}

type Seconds = Gauge<f64, AtomicU64>;
type Count = Gauge<i64, AtomicI64>;
type Counters = Family<QueueLabels, Counter>;
type Gauges = Family<QueueLabels, Count>;

/// One kind of data.
#[derive(Debug, Clone, Default)]
struct OfKind {
    sent: Counters,
    failed: Counters,
    retried: Counters,
    pending: Gauges,
    dropped: Family<DropLabels, Counter>,
}

/// Of all senders.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    kinds: [OfKind; 3],
    metadata: [Counters; 3],
    enqueue_retries: Counters,
    bytes: Counters,
    metadata_bytes: Counters,
    batch_seconds: Family<QueueLabels, Histogram, fn() -> Histogram>,
    highest_sent: Family<QueueLabels, Seconds>,
    highest_read: Family<QueueLabels, Seconds>,
    shards: [Gauges; 4],
    shards_desired: Family<QueueLabels, Seconds>,
    samples_per_send_max: Gauges,
    records_lost: Counters,
    current_segment: Family<ConsumerLabel, Count>,
    highest: Seconds,
    read: [Counter; 3],
}

const KINDS: [&str; 3] = ["samples", "histograms", "exemplars"];

/// As in Prometheus: the usual bounds and three more.
const BATCH_SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 300.0,
];

fn batch_seconds() -> Histogram {
    Histogram::new(BATCH_SECONDS)
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            kinds: Default::default(),
            metadata: Default::default(),
            enqueue_retries: Counters::default(),
            bytes: Counters::default(),
            metadata_bytes: Counters::default(),
            batch_seconds: Family::new_with_constructor(batch_seconds),
            highest_sent: Family::default(),
            highest_read: Family::default(),
            shards: Default::default(),
            shards_desired: Family::default(),
            samples_per_send_max: Gauges::default(),
            records_lost: Counters::default(),
            current_segment: Family::default(),
            highest: Seconds::default(),
            read: Default::default(),
        };
        metrics.show(registry);
        metrics
    }

    fn show(&self, registry: &mut Registry) {
        registry.register(
            "narthex_remote_storage_log_records_lost",
            "Total number of records of the log that were gone before they were read",
            self.records_lost.clone(),
        );
        registry.register(
            "prometheus_wal_watcher_current_segment",
            "Current segment the WAL watcher is reading records from",
            self.current_segment.clone(),
        );
        let registry = registry.sub_registry_with_prefix("prometheus_remote_storage");
        for (kind, of_kind) in KINDS.into_iter().zip(&self.kinds) {
            let help = |what: &str| format!("Total number of {kind} {what}");
            registry.register(kind, help("sent to remote storage"), of_kind.sent.clone());
            registry.register(
                format!("{kind}_failed"),
                help("which failed on send to remote storage, non-recoverable errors"),
                of_kind.failed.clone(),
            );
            registry.register(
                format!("{kind}_retried"),
                help("which failed on send to remote storage but were retried because the send error was recoverable"),
                of_kind.retried.clone(),
            );
            registry.register(
                format!("{kind}_dropped"),
                help("which were dropped after being read from the WAL before being sent via remote write, either via relabelling, due to being too old or unintentionally because of an unknown reference ID"),
                of_kind.dropped.clone(),
            );
            registry.register(
                format!("{kind}_pending"),
                format!("The number of {kind} pending in the queues shards to be sent to the remote storage"),
                of_kind.pending.clone(),
            );
        }
        for (name, help, family) in [
            (
                "metadata",
                "Total number of metadata entries sent to remote storage",
                &self.metadata[0],
            ),
            (
                "metadata_failed",
                "Total number of metadata entries which failed on send to remote storage, non-recoverable errors",
                &self.metadata[1],
            ),
            (
                "metadata_retried",
                "Total number of metadata entries which failed on send to remote storage but were retried because the send error was recoverable",
                &self.metadata[2],
            ),
            (
                "enqueue_retries",
                "Total number of times enqueue has failed because a shards queue was full",
                &self.enqueue_retries,
            ),
            (
                "bytes",
                "The total number of bytes of data (not metadata) sent by the queue after compression",
                &self.bytes,
            ),
            (
                "metadata_bytes",
                "The total number of bytes of metadata sent by the queue after compression",
                &self.metadata_bytes,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "sent_batch_duration_seconds",
            "Duration of send calls to the remote storage",
            self.batch_seconds.clone(),
        );
        registry.register(
            "queue_highest_sent_timestamp_seconds",
            "Timestamp from a WAL sample, the highest timestamp successfully sent by this queue, in seconds since epoch",
            self.highest_sent.clone(),
        );
        registry.register(
            "queue_highest_timestamp_seconds",
            "Highest timestamp that was enqueued, in seconds since epoch",
            self.highest_read.clone(),
        );
        for (name, help, family) in [
            (
                "shards",
                "The number of shards used for parallel sending to the remote storage",
                &self.shards[0],
            ),
            (
                "shards_min",
                "The minimum number of shards that the queue is allowed to run",
                &self.shards[1],
            ),
            (
                "shards_max",
                "The maximum number of shards that the queue is allowed to run",
                &self.shards[2],
            ),
            (
                "shard_capacity",
                "The capacity of each shard of the queue used for parallel sending to the remote storage",
                &self.shards[3],
            ),
            (
                "max_samples_per_send",
                "The maximum number of samples to be sent, in a single request, to the remote storage",
                &self.samples_per_send_max,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "shards_desired",
            "The number of shards that the queues shard calculation wants to run based on the rate of samples in vs. samples out",
            self.shards_desired.clone(),
        );
        registry.register(
            "highest_timestamp_in_seconds",
            "Highest timestamp that has come into the remote storage via the Appender interface, in seconds since epoch",
            self.highest.clone(),
        );
        for (kind, counter) in KINDS.into_iter().zip(&self.read) {
            registry.register(
                format!("{kind}_in"),
                format!("{kind} in to remote storage, compare to {kind} out for queue managers"),
                counter.clone(),
            );
        }
    }

    /// Those of one sender. `is_first` says that it counts for all of them what came.
    pub(super) fn of_queue(&self, labels: QueueLabels, is_first: bool) -> QueueMetrics {
        QueueMetrics {
            all: self.clone(),
            labels,
            is_first,
        }
    }
}

/// Of one sender.
#[derive(Debug, Clone)]
pub(super) struct QueueMetrics {
    all: Metrics,
    labels: QueueLabels,
    is_first: bool,
}

impl Counts {
    fn each(self) -> [u64; 3] {
        [self.samples, self.histograms, self.exemplars]
    }
}

impl QueueMetrics {
    fn add(&self, family: impl Fn(&OfKind) -> &Counters, counts: Counts) {
        for (kind, count) in self.all.kinds.iter().zip(counts.each()) {
            family(kind).get_or_create_owned(&self.labels).inc_by(count);
        }
    }

    pub(super) fn sent(&self, counts: Counts, bytes: usize) {
        self.add(|kind| &kind.sent, counts);
        let counter = self.all.bytes.get_or_create_owned(&self.labels);
        counter.inc_by(bytes as u64);
    }

    pub(super) fn failed(&self, counts: Counts) {
        self.add(|kind| &kind.failed, counts);
    }

    pub(super) fn retried(&self, counts: Counts) {
        self.add(|kind| &kind.retried, counts);
    }

    pub(super) fn dropped(&self, reason: &'static str, counts: Counts) {
        let labels = DropLabels {
            remote_name: self.labels.remote_name.clone(),
            url: self.labels.url.clone(),
            reason,
        };
        for (kind, count) in self.all.kinds.iter().zip(counts.each()) {
            if count > 0 {
                kind.dropped.get_or_create_owned(&labels).inc_by(count);
            }
        }
    }

    /// So many more wait, or fewer where `sign` is -1.
    pub(super) fn pending(&self, counts: Counts, sign: i64) {
        for (kind, count) in self.all.kinds.iter().zip(counts.each()) {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let gauge = kind.pending.get_or_create_owned(&self.labels);
            gauge.inc_by(sign.saturating_mul(count));
        }
    }

    /// What was read from the log.
    pub(super) fn read(&self, counts: Counts, newest_ms: i64) {
        let seconds = newest_ms as f64 / 1000.0;
        let of_queue = self.all.highest_read.get_or_create_owned(&self.labels);
        of_queue.set(seconds.max(of_queue.get()));
        if self.is_first {
            self.all.highest.set(seconds.max(self.all.highest.get()));
            for (counter, count) in self.all.read.iter().zip(counts.each()) {
                counter.inc_by(count);
            }
        }
    }

    pub(super) fn lost(&self, records: u64) {
        let counter = self.all.records_lost.get_or_create_owned(&self.labels);
        counter.inc_by(records);
    }

    /// The segment of the log that is read.
    pub(super) fn segment(&self, number: u32) {
        let gauge = self
            .all
            .current_segment
            .get_or_create_owned(&self.consumer());
        gauge.set(i64::from(number));
    }

    fn consumer(&self) -> ConsumerLabel {
        ConsumerLabel {
            consumer: self.labels.remote_name.clone(),
        }
    }

    pub(super) fn enqueue_waited(&self) {
        let counter = self.all.enqueue_retries.get_or_create_owned(&self.labels);
        counter.inc();
    }

    pub(super) fn took(&self, seconds: f64) {
        let histogram = self.all.batch_seconds.get_or_create_owned(&self.labels);
        histogram.observe(seconds);
    }

    pub(super) fn highest_sent(&self, newest_ms: i64) {
        let gauge = self.all.highest_sent.get_or_create_owned(&self.labels);
        gauge.set(gauge.get().max(newest_ms as f64 / 1000.0));
    }

    pub(super) fn metadata_sent(&self, count: u64, bytes: usize) {
        let counter = self.all.metadata[0].get_or_create_owned(&self.labels);
        counter.inc_by(count);
        let counter = self.all.metadata_bytes.get_or_create_owned(&self.labels);
        counter.inc_by(bytes as u64);
    }

    pub(super) fn metadata_failed(&self, count: u64) {
        let counter = self.all.metadata[1].get_or_create_owned(&self.labels);
        counter.inc_by(count);
    }

    pub(super) fn metadata_retried(&self, count: u64) {
        let counter = self.all.metadata[2].get_or_create_owned(&self.labels);
        counter.inc_by(count);
    }

    /// Now, the fewest and the most there may be, what one holds, and what a request holds.
    pub(super) fn shards(&self, now: usize, config: &crate::QueueConfig) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let numbers = [now, config.min_shards, config.max_shards, config.capacity];
        for (family, count) in self.all.shards.iter().zip(numbers) {
            family.get_or_create_owned(&self.labels).set(number(count));
        }
        let gauge = self
            .all
            .samples_per_send_max
            .get_or_create_owned(&self.labels);
        gauge.set(number(config.max_samples_per_send));
        // Shown as zero before the first one.
        drop(self.all.enqueue_retries.get_or_create_owned(&self.labels));
        self.failed(Counts::default());
        self.retried(Counts::default());
        self.sent(Counts::default(), 0);
    }

    pub(super) fn shards_desired(&self, desired: f64) {
        let gauge = self.all.shards_desired.get_or_create_owned(&self.labels);
        gauge.set(desired);
    }

    /// The sender is gone.
    pub(super) fn forget(&self) {
        let Metrics {
            kinds, metadata, ..
        } = &self.all;
        for kind in kinds {
            for family in [&kind.sent, &kind.failed, &kind.retried] {
                family.remove(&self.labels);
            }
            kind.pending.remove(&self.labels);
            for reason in super::delivery::DROP_REASONS {
                kind.dropped.remove(&DropLabels {
                    remote_name: self.labels.remote_name.clone(),
                    url: self.labels.url.clone(),
                    reason,
                });
            }
        }
        let plain = [
            &self.all.enqueue_retries,
            &self.all.bytes,
            &self.all.metadata_bytes,
            &self.all.records_lost,
        ];
        for family in metadata.iter().chain(plain) {
            family.remove(&self.labels);
        }
        for family in self
            .all
            .shards
            .iter()
            .chain([&self.all.samples_per_send_max])
        {
            family.remove(&self.labels);
        }
        let seconds = [
            &self.all.highest_sent,
            &self.all.highest_read,
            &self.all.shards_desired,
        ];
        for family in seconds {
            family.remove(&self.labels);
        }
        self.all.batch_seconds.remove(&self.labels);
        self.all.current_segment.remove(&self.consumer());
    }
}
