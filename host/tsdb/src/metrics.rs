//! The store's own metrics, under Prometheus' names where they mean the same.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use narthex_head::Head;
use narthex_model::{AppendReport, ExemplarRejection, Rejection, WriteBatch};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::catalog::Catalog;
use crate::retention::CurrentRetention;

/// Counters by the type of sample.
type ByType = Family<[(&'static str, &'static str); 1], Counter>;

const FLOAT: [(&str, &str); 1] = [("type", "float")];

const HISTOGRAM: [(&str, &str); 1] = [("type", "histogram")];

/// Prometheus' buckets: from ten minutes to half a day.
const LATE_DELTA_SECONDS: [f64; 7] = [
    600.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0,
];

/// What is counted as it happens.
#[derive(Debug)]
pub(crate) struct Metrics {
    samples_appended: ByType,
    out_of_order: ByType,
    out_of_bounds: ByType,
    too_old: ByType,
    /// Whether samples out of order are taken.
    takes_late: AtomicBool,
    series_created: Counter,
    exemplars_appended: Counter,
    exemplars_out_of_order: Counter,
    pub(crate) compactions: Counter,
    pub(crate) compactions_failed: Counter,
    pub(crate) compactions_triggered: Counter,
    pub(crate) vertical_compactions: Counter,
    pub(crate) compaction_duration: Histogram,
    pub(crate) populating_block: Gauge,
    pub(crate) waiting_for_room: Gauge,
    pub(crate) time_retentions: Counter,
    pub(crate) size_retentions: Counter,
    pub(crate) blocks_lost: Counter,
    pub(crate) head_truncations: Counter,
    pub(crate) head_truncations_failed: Counter,
    pub(crate) wal_corruptions: Counter,
    pub(crate) snapshot_errors: Counter,
    pub(crate) block_read_failures: Counter,
    pub(crate) downsampled_reads: Counter,
    pub(crate) stale_compactions: Counter,
    pub(crate) stale_compactions_failed: Counter,
    pub(crate) late_delta: Histogram,
}

impl Metrics {
    fn new() -> Self {
        Self {
            samples_appended: ByType::default(),
            out_of_order: ByType::default(),
            out_of_bounds: ByType::default(),
            too_old: ByType::default(),
            takes_late: AtomicBool::new(false),
            series_created: Counter::default(),
            exemplars_appended: Counter::default(),
            exemplars_out_of_order: Counter::default(),
            compactions: Counter::default(),
            compactions_failed: Counter::default(),
            compactions_triggered: Counter::default(),
            vertical_compactions: Counter::default(),
            // Prometheus' buckets.
            compaction_duration: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            populating_block: Gauge::default(),
            waiting_for_room: Gauge::default(),
            time_retentions: Counter::default(),
            size_retentions: Counter::default(),
            blocks_lost: Counter::default(),
            head_truncations: Counter::default(),
            head_truncations_failed: Counter::default(),
            wal_corruptions: Counter::default(),
            snapshot_errors: Counter::default(),
            block_read_failures: Counter::default(),
            downsampled_reads: Counter::default(),
            stale_compactions: Counter::default(),
            stale_compactions_failed: Counter::default(),
            late_delta: Histogram::new(LATE_DELTA_SECONDS),
        }
    }

    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::new();
        let by_type = [
            (
                "prometheus_tsdb_head_samples_appended",
                "Total number of appended samples",
                &metrics.samples_appended,
            ),
            (
                "prometheus_tsdb_out_of_order_samples",
                "Total number of out of order samples ingestion failed attempts due to out of order being disabled",
                &metrics.out_of_order,
            ),
            (
                "prometheus_tsdb_out_of_bound_samples",
                "Total number of out of bound samples ingestion failed attempts with out of order support disabled",
                &metrics.out_of_bounds,
            ),
            (
                "prometheus_tsdb_too_old_samples",
                "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
                &metrics.too_old,
            ),
        ];
        for (name, help, family) in by_type {
            // Shown as zero before the first one comes.
            drop(family.get_or_create(&FLOAT));
            drop(family.get_or_create(&HISTOGRAM));
            registry.register(name, help, family.clone());
        }
        let plain = [
            (
                "prometheus_tsdb_head_series_created",
                "Total number of series created in the head",
                &metrics.series_created,
            ),
            (
                "prometheus_tsdb_exemplar_exemplars_appended",
                "Total number of appended exemplars",
                &metrics.exemplars_appended,
            ),
            (
                "prometheus_tsdb_exemplar_out_of_order_exemplars",
                "Total number of out of order exemplar ingestion failed attempts",
                &metrics.exemplars_out_of_order,
            ),
            (
                "prometheus_tsdb_compactions",
                "Total number of compactions that were executed for the partition",
                &metrics.compactions,
            ),
            (
                "prometheus_tsdb_compactions_failed",
                "Total number of compactions that failed for the partition",
                &metrics.compactions_failed,
            ),
            (
                "prometheus_tsdb_compactions_triggered",
                "Total number of triggered compactions for the partition",
                &metrics.compactions_triggered,
            ),
            (
                "prometheus_tsdb_vertical_compactions",
                "Total number of compactions done on overlapping blocks",
                &metrics.vertical_compactions,
            ),
            (
                "prometheus_tsdb_time_retentions",
                "The number of times that blocks were deleted because the maximum time limit was exceeded",
                &metrics.time_retentions,
            ),
            (
                "prometheus_tsdb_size_retentions",
                "The number of times that blocks were deleted because the maximum number of bytes was exceeded",
                &metrics.size_retentions,
            ),
            (
                "narthex_tsdb_blocks_removed_before_upload",
                "The number of blocks that were deleted because the maximum number of bytes was exceeded, before they were in the bucket",
                &metrics.blocks_lost,
            ),
            (
                "prometheus_tsdb_head_truncations",
                "Total number of head truncations attempted",
                &metrics.head_truncations,
            ),
            (
                "prometheus_tsdb_head_truncations_failed",
                "Total number of head truncations that failed",
                &metrics.head_truncations_failed,
            ),
            (
                "prometheus_tsdb_wal_corruptions",
                "Total number of WAL corruptions",
                &metrics.wal_corruptions,
            ),
            (
                "prometheus_tsdb_snapshot_replay_error",
                "Total number of snapshots of the head that could not be used at a start",
                &metrics.snapshot_errors,
            ),
            (
                "narthex_tsdb_block_read_failures",
                "The number of requests that failed because a block could not be read",
                &metrics.block_read_failures,
            ),
            (
                "narthex_tsdb_downsampled_reads",
                "The number of requests for samples that downsampled blocks answered, at least in part",
                &metrics.downsampled_reads,
            ),
            (
                "prometheus_tsdb_stale_series_compactions_triggered",
                "Total number of triggered stale series compactions.",
                &metrics.stale_compactions,
            ),
            (
                "prometheus_tsdb_stale_series_compactions_failed",
                "Total number of stale series compactions that failed.",
                &metrics.stale_compactions_failed,
            ),
        ];
        for (name, help, counter) in plain {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "prometheus_tsdb_compaction_duration_seconds",
            "Duration of compaction runs",
            metrics.compaction_duration.clone(),
        );
        registry.register(
            "prometheus_tsdb_sample_ooo_delta",
            "Delta in seconds by which a sample is considered out of order (reported regardless of OOO time window and whether sample is accepted or not).",
            metrics.late_delta.clone(),
        );
        registry.register(
            "prometheus_tsdb_compaction_populating_block",
            "Set to 1 when a block is currently being written to the disk",
            metrics.populating_block.clone(),
        );
        registry.register(
            "narthex_tsdb_waiting_for_room",
            "Set to 1 while a block that is due is not written because the disk is full",
            metrics.waiting_for_room.clone(),
        );
        metrics
    }

    /// Says whether a sample that is too old would have been taken within a window.
    pub(crate) fn set_takes_late(&self, takes_late: bool) {
        self.takes_late.store(takes_late, Ordering::Relaxed);
    }

    /// Counts what became of a batch.
    pub(crate) fn count(&self, batch: &WriteBatch, report: &AppendReport, keeps_exemplars: bool) {
        let old = match self.takes_late.load(Ordering::Relaxed) {
            true => &self.too_old,
            false => &self.out_of_bounds,
        };
        let of_type = [
            (&FLOAT, batch.samples.len(), &report.rejected),
            (
                &HISTOGRAM,
                batch.histograms.len(),
                &report.rejected_histograms,
            ),
        ];
        for (label, count, rejected) in of_type {
            let of = |reason| rejected.iter().filter(|(_, r)| *r == reason).count();
            for (family, count) in [
                (&self.samples_appended, count - rejected.len()),
                (&self.out_of_order, of(Rejection::OutOfOrder)),
                (old, of(Rejection::OutOfBounds)),
            ] {
                if count > 0 {
                    family.get_or_create(label).inc_by(count as u64);
                }
            }
        }
        if keeps_exemplars {
            let rejected = &report.rejected_exemplars;
            let taken = batch.exemplars.len() - rejected.len();
            self.exemplars_appended.inc_by(taken as u64);
            let is_late = |(_, why): &&(usize, _)| *why == ExemplarRejection::OutOfOrder;
            let late = rejected.iter().filter(is_late).count();
            self.exemplars_out_of_order.inc_by(late as u64);
        }
        self.series_created.inc_by(report.created);
    }
}

/// What is looked up when somebody asks.
#[derive(Debug)]
pub(crate) struct StateCollector {
    pub(crate) head: Arc<Head>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) retention: Arc<CurrentRetention>,
    pub(crate) is_clean_start: bool,
}

impl Collector for StateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let blocks = self.catalog.blocks();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let bytes: u64 = blocks.iter().map(|block| block.meta().size()).sum();
        let head_min_ms = self.head.min_time();
        let oldest_block_ms = blocks.iter().map(|block| block.meta().min_time_ms).min();
        let lowest_ms = oldest_block_ms.into_iter().chain(head_min_ms).min();
        let not_compacted = blocks.iter().filter(|block| self.catalog.has_failed(block));
        let retention = self.retention.get();
        let exemplars = self.head.exemplar_stats();
        let gauges = [
            (
                "prometheus_tsdb_exemplar_exemplars_in_storage",
                "Number of exemplars currently in circular storage.",
                count(exemplars.exemplars),
            ),
            (
                "prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
                "Number of series with exemplars currently in circular storage.",
                count(exemplars.series),
            ),
            (
                "prometheus_tsdb_exemplar_max_exemplars",
                "Total number of exemplars the exemplar storage can store, resizeable.",
                count(exemplars.exemplars_max),
            ),
            (
                "prometheus_tsdb_head_series",
                "Total number of series in the head block.",
                i64::try_from(self.head.series_count()).unwrap_or(i64::MAX),
            ),
            (
                "prometheus_tsdb_head_chunks",
                "Total number of chunks in the head block.",
                i64::try_from(self.head.chunk_count()).unwrap_or(i64::MAX),
            ),
            (
                "prometheus_tsdb_wal_segment_current",
                "Write log segment index that TSDB is currently writing to.",
                i64::from(self.head.current_segment()),
            ),
            (
                "prometheus_tsdb_head_stale_series",
                "Total number of stale series in the head block.",
                i64::try_from(self.head.stale_series_count()).unwrap_or(i64::MAX),
            ),
            (
                "prometheus_tsdb_head_min_time",
                "Minimum time bound of the head block. The unit is decided by the library consumer.",
                head_min_ms.unwrap_or(i64::MAX),
            ),
            (
                "prometheus_tsdb_head_max_time",
                "Maximum timestamp of the head block. The unit is decided by the library consumer.",
                self.head.max_time().unwrap_or(i64::MIN),
            ),
            (
                "prometheus_tsdb_lowest_timestamp",
                "Lowest timestamp value stored in the database. The unit is decided by the library consumer.",
                lowest_ms.unwrap_or_default(),
            ),
            (
                "prometheus_tsdb_blocks_loaded",
                "Number of currently loaded data blocks",
                count(blocks.len()),
            ),
            (
                "prometheus_tsdb_storage_blocks_bytes",
                "The number of bytes that are currently used for local storage by all blocks.",
                i64::try_from(bytes).unwrap_or(i64::MAX),
            ),
            (
                "prometheus_tsdb_clean_start",
                "0: the lock file of an earlier process was there, 1: it was not.",
                i64::from(self.is_clean_start),
            ),
            (
                "narthex_tsdb_wal_segments",
                "Segments of the write-ahead log.",
                count(self.head.segment_count()),
            ),
            (
                "narthex_tsdb_page_cache_bytes",
                "Bytes of pages of blocks that are kept in memory.",
                i64::try_from(self.catalog.cache().bytes()).unwrap_or(i64::MAX),
            ),
            (
                "narthex_tsdb_blocks_damaged",
                "Blocks that could not be opened and are left out of answers.",
                count(self.catalog.damaged()),
            ),
            (
                "narthex_tsdb_blocks_not_compacted",
                "Blocks that could not be compacted and are left alone until the next start.",
                count(not_compacted.count()),
            ),
            (
                "narthex_tsdb_blocks_retired",
                "Blocks that are removed once the last reader of them has finished.",
                count(self.catalog.retired()),
            ),
            (
                "prometheus_tsdb_retention_limit_bytes",
                "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled",
                i64::try_from(retention.size.as_bytes()).unwrap_or(i64::MAX),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        let (hits, misses) = self.catalog.cache().hits_and_misses();
        // A counter by type, of which floats are all there are.
        let name = "prometheus_tsdb_head_out_of_order_samples_appended";
        let help = "Total number of appended out of order samples";
        let late = Family::<[(&str, &str); 1], Counter>::default();
        late.get_or_create(&FLOAT).inc_by(self.head.late_taken());
        late.encode(encoder.encode_descriptor(name, help, None, late.metric_type())?)?;
        let [reloads, failures] = self.catalog.reloads();
        for (name, help, value) in [
            (
                "prometheus_tsdb_reloads",
                "Number of times that queries got another list of blocks, the first one included",
                reloads,
            ),
            (
                "prometheus_tsdb_reloads_failures",
                "Number of blocks that could not be opened when they were to be shown to queries",
                failures,
            ),
            (
                "narthex_tsdb_page_cache_hits",
                "Pages of blocks that were wanted and in memory",
                hits,
            ),
            (
                "narthex_tsdb_page_cache_misses",
                "Pages of blocks that were wanted and not in memory",
                misses,
            ),
        ] {
            let counter = ConstCounter::new(value);
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        let newest_exemplar_ms = exemplars.newest_ms.unwrap_or_default();
        let limits = [
            (
                "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
                "The timestamp of the oldest exemplar stored in circular storage. Useful to check for what time range the current exemplar buffer limit allows. This usually means the last timestamp for all exemplars for a typical setup. This is not true though if one of the series timestamp is in future compared to rest series.",
                newest_exemplar_ms as f64 / 1_000.0,
            ),
            (
                "prometheus_tsdb_retention_limit_seconds",
                "How long to retain samples in storage.",
                retention.time.as_std().as_secs_f64(),
            ),
            (
                "prometheus_tsdb_retention_limit_percentage",
                "Max percentage of total storage space to be retained in the tsdb blocks, configured 0 means disabled",
                retention.percentage,
            ),
        ];
        for (name, help, value) in limits {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
