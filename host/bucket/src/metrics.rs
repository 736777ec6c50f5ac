//! What a bucket tells of itself. Operations have Thanos' names.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type ByOperation = Family<[(&'static str, &'static str); 1], Counter>;

/// What operations are called in the label `operation`; all are shown from the start.
const OPERATIONS: [&str; 7] = [
    "attributes",
    "copy",
    "delete",
    "get",
    "get_range",
    "iter",
    "upload",
];

/// Operations on the store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operations {
    all: ByOperation,
    failed: ByOperation,
    read_bytes: Counter,
}

impl Operations {
    /// Counters that a registry shows.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let operations = Self::default();
        for operation in OPERATIONS {
            for family in [&operations.all, &operations.failed] {
                drop(family.get_or_create(&[("operation", operation)]));
            }
        }
        registry.register(
            "narthex_objstore_bucket_operations",
            "Total number of all attempted operations against a bucket.",
            operations.all.clone(),
        );
        registry.register(
            "narthex_objstore_bucket_operation_failures",
            "Total number of operations against a bucket that failed.",
            operations.failed.clone(),
        );
        registry.register(
            "narthex_objstore_bucket_fetched_bytes",
            "Bytes that were asked for from the bucket.",
            operations.read_bytes.clone(),
        );
        operations
    }

    pub(crate) fn count<T>(&self, operation: &'static str, result: &object_store::Result<T>) {
        self.all.get_or_create(&[("operation", operation)]).inc();
        // That there is no such object is an answer, and that there is one already is one, too.
        let is_failure = matches!(
            result,
            Err(error) if !matches!(
                error,
                object_store::Error::NotFound { .. } | object_store::Error::AlreadyExists { .. }
            )
        );
        if is_failure {
            self.fail(operation);
        }
    }

    /// An operation that was not answered in time.
    pub(crate) fn give_up(&self, operation: &'static str) {
        self.all.get_or_create(&[("operation", operation)]).inc();
        self.fail(operation);
    }

    pub(crate) fn fail(&self, operation: &'static str) {
        self.failed.get_or_create(&[("operation", operation)]).inc();
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.read_bytes.inc_by(bytes);
    }
}

/// What is counted of requests, and of the cache in between.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    pub(crate) operations: Operations,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
    pub(crate) cache_hit_bytes: Counter,
}

impl Reading {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let reading = Self {
            operations: Operations::register(registry),
            ..Self::default()
        };
        for (name, help, counter) in [
            (
                "narthex_bucket_cache_hits",
                "Stretches of files that were wanted and in the local cache.",
                &reading.cache_hits,
            ),
            (
                "narthex_bucket_cache_misses",
                "Stretches of files that were wanted and not in the local cache.",
                &reading.cache_misses,
            ),
            (
                "narthex_bucket_cache_hit_bytes",
                "Bytes of files that were wanted and in the local cache.",
                &reading.cache_hit_bytes,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        reading
    }
}

/// Everything that is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) reading: Reading,
    pub(crate) uploads: Counter,
    pub(crate) upload_failures: Counter,
    pub(crate) uploaded_bytes: Counter,
    pub(crate) syncs: Counter,
    pub(crate) sync_failures: Counter,
    pub(crate) marked: Counter,
    pub(crate) deleted: Counter,
    pub(crate) orphans: Counter,
    pub(crate) blocks: Gauge,
    pub(crate) damaged: Gauge,
    pub(crate) waiting: Gauge,
    /// Blocks that are too old and of which windows are still to be made.
    pub(crate) held: Gauge,
    pub(crate) last_sync: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Arc<Self> {
        let metrics = Self {
            reading: Reading::register(registry),
            ..Self::default()
        };
        for (name, help, counter) in [
            (
                "narthex_bucket_uploads",
                "Blocks that were brought to the bucket and read back.",
                &metrics.uploads,
            ),
            (
                "narthex_bucket_upload_failures",
                "Attempts to bring a block to the bucket that failed.",
                &metrics.upload_failures,
            ),
            (
                "narthex_bucket_uploaded_bytes",
                "Bytes of files of blocks that were sent to the bucket.",
                &metrics.uploaded_bytes,
            ),
            (
                "narthex_bucket_syncs",
                "How often the bucket was looked at.",
                &metrics.syncs,
            ),
            (
                "narthex_bucket_sync_failures",
                "How often something failed while the bucket was looked at.",
                &metrics.sync_failures,
            ),
            (
                "narthex_bucket_blocks_marked",
                "Blocks of the bucket that were marked for deletion.",
                &metrics.marked,
            ),
            (
                "narthex_bucket_blocks_deleted",
                "Blocks that were deleted from the bucket.",
                &metrics.deleted,
            ),
            (
                "narthex_bucket_orphans_deleted",
                "Leftovers of uploads that were deleted from the bucket.",
                &metrics.orphans,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            (
                "narthex_bucket_blocks",
                "Blocks in the bucket that answer queries.",
                &metrics.blocks,
            ),
            (
                "narthex_bucket_blocks_damaged",
                "Blocks in the bucket that cannot be opened and are left out of answers.",
                &metrics.damaged,
            ),
            (
                "narthex_bucket_blocks_waiting",
                "Local blocks that are not in the bucket yet.",
                &metrics.waiting,
            ),
            (
                "narthex_bucket_blocks_held",
                "Blocks of samples that are older than the retention and wait for their windows.",
                &metrics.held,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "narthex_bucket_last_successful_sync_timestamp_seconds",
            "When the bucket was last looked at and everything that was due could be done.",
            metrics.last_sync.clone(),
        );
        Arc::new(metrics)
    }
}
