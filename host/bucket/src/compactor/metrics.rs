//! What a worker tells of itself. What it has in common with Thanos' compactor has Thanos' names.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Report;
use super::group::RESOLUTIONS;
use super::quarantine::{Cause, NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE};
use crate::{MARK_FILE, Reason};

type ByResolution = Family<[(&'static str, &'static str); 1], Counter>;
type ByReason = Family<[(&'static str, &'static str); 1], Counter>;
type ByMarker = Family<[(&'static str, &'static str); 2], Counter>;

/// Why work is left for later, in the label `reason`.
pub(crate) const SKIPPED_FOR_ROOM: &str = "disk";

/// The same: a block went while it was wanted.
pub(crate) const SKIPPED_GONE: &str = "gone";

/// What is counted as it happens, and what there was to do when it was last looked.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) iterations: Counter,
    compactions: ByResolution,
    compaction_failures: ByResolution,
    pub(crate) vertical_compactions: Counter,
    downsamplings: ByResolution,
    downsampling_failures: ByResolution,
    marked: ByMarker,
    pub(crate) deleted: Counter,
    pub(crate) partial_deleted: Counter,
    skipped: ByReason,
    pub(crate) leases_held: Gauge,
    pub(crate) leases_busy: Counter,
    pub(crate) leases_expired: Counter,
    pub(crate) leases_lost: Counter,
    pub(crate) fenced: Counter,
    pub(crate) fetched_bytes: Counter,
    pub(crate) uploaded_bytes: Counter,
    pub(crate) todo_compactions: Gauge,
    pub(crate) todo_blocks: Gauge,
    pub(crate) todo_downsamplings: Gauge,
    pub(crate) todo_deletions: Gauge,
    pub(crate) quarantined: Gauge,
    pub(crate) damaged: Gauge,
    pub(crate) failures: Counter,
    pub(crate) last_pass: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn compacted(&self, resolution: &'static str) {
        inc(&self.compactions, resolution);
    }

    pub(crate) fn compaction_failed(&self, resolution: &'static str) {
        inc(&self.compaction_failures, resolution);
    }

    pub(crate) fn downsampled(&self, resolution: &'static str) {
        inc(&self.downsamplings, resolution);
    }

    pub(crate) fn downsampling_failed(&self, resolution: &'static str) {
        inc(&self.downsampling_failures, resolution);
    }

    pub(crate) fn marked(&self, reason: Reason) {
        self.count_mark(MARK_FILE, deletion_reason(reason));
    }

    pub(crate) fn set_aside(&self, marker: &'static str, cause: Cause) {
        self.count_mark(marker, cause.name());
    }

    fn count_mark(&self, marker: &'static str, reason: &'static str) {
        let labels = [("marker", marker), ("reason", reason)];
        self.marked.get_or_create(&labels).inc();
    }

    pub(crate) fn skipped(&self, reason: &'static str) {
        self.skipped.get_or_create(&[("reason", reason)]).inc();
    }

    /// Shows what there is to do.
    pub(crate) fn show(&self, report: &Report) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.todo_compactions.set(count(report.compactions_left));
        self.todo_blocks.set(count(report.blocks_left));
        self.todo_downsamplings
            .set(count(report.downsamplings_left));
        self.todo_deletions.set(count(report.deletions_left));
        self.quarantined.set(count(report.quarantined.len()));
        self.damaged.set(count(report.damaged.len()));
    }

    pub(crate) fn register(registry: &mut Registry) -> Arc<Self> {
        let metrics = Self::default();
        metrics.show_from_the_start();
        for (name, help, family) in [
            (
                "thanos_compact_group_compactions",
                "Total number of group compaction attempts that resulted in a new block.",
                &metrics.compactions,
            ),
            (
                "thanos_compact_group_compactions_failures",
                "Total number of failed group compactions.",
                &metrics.compaction_failures,
            ),
            (
                "thanos_compact_downsample",
                "Total number of downsampling attempts that resulted in a new block.",
                &metrics.downsamplings,
            ),
            (
                "thanos_compact_downsample_failures",
                "Total number of failed downsampling attempts.",
                &metrics.downsampling_failures,
            ),
            (
                "narthex_compact_skipped",
                "Compactions and downsamplings that were left for later.",
                &metrics.skipped,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "thanos_compact_blocks_marked",
            "Total number of blocks marked in compactor.",
            metrics.marked.clone(),
        );
        metrics.register_counters(registry);
        metrics.register_gauges(registry);
        Arc::new(metrics)
    }

    fn show_from_the_start(&self) {
        for (_, resolution) in RESOLUTIONS {
            for family in [
                &self.compactions,
                &self.compaction_failures,
                &self.downsamplings,
                &self.downsampling_failures,
            ] {
                drop(family.get_or_create(&[("resolution", resolution)]));
            }
        }
        for reason in [SKIPPED_FOR_ROOM, SKIPPED_GONE] {
            drop(self.skipped.get_or_create(&[("reason", reason)]));
        }
        let marks = [
            (MARK_FILE, deletion_reason(Reason::Replaced)),
            (MARK_FILE, deletion_reason(Reason::Retention)),
            (NO_COMPACT_FILE, Cause::Damage.name()),
            (NO_COMPACT_FILE, Cause::Apart.name()),
            (NO_COMPACT_FILE, Cause::Overlap.name()),
            (NO_DOWNSAMPLE_FILE, Cause::Overlap.name()),
        ];
        for (marker, reason) in marks {
            let labels = [("marker", marker), ("reason", reason)];
            drop(self.marked.get_or_create(&labels));
        }
    }

    fn register_counters(&self, registry: &mut Registry) {
        for (name, help, counter) in [
            (
                "thanos_compact_iterations",
                "Total number of iterations that were executed successfully.",
                &self.iterations,
            ),
            (
                "thanos_compact_group_vertical_compactions",
                "Total number of group compaction attempts that resulted in a new block based on \
                 overlapping blocks.",
                &self.vertical_compactions,
            ),
            (
                "thanos_compact_blocks_cleaned",
                "Total number of blocks deleted in compactor.",
                &self.deleted,
            ),
            (
                "thanos_compact_aborted_partial_uploads_deletion_attempts",
                "Total number of deletions of blocks that are assumed aborted and only partially \
                 uploaded.",
                &self.partial_deleted,
            ),
            (
                "narthex_compact_leases_busy",
                "How often a group was left to another worker.",
                &self.leases_busy,
            ),
            (
                "narthex_compact_leases_expired",
                "Leases that were taken over from a worker that did not renew them.",
                &self.leases_expired,
            ),
            (
                "narthex_compact_leases_lost",
                "Leases of this worker that another one has taken over.",
                &self.leases_lost,
            ),
            (
                "narthex_compact_blocks_fenced",
                "Unfinished blocks of other workers that were closed.",
                &self.fenced,
            ),
            (
                "narthex_compact_fetched_bytes",
                "Bytes of blocks that were read from the bucket.",
                &self.fetched_bytes,
            ),
            (
                "narthex_compact_uploaded_bytes",
                "Bytes of blocks that were sent to the bucket.",
                &self.uploaded_bytes,
            ),
            (
                "narthex_compact_failures",
                "Passes that did not do all that was due.",
                &self.failures,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    fn register_gauges(&self, registry: &mut Registry) {
        for (name, help, gauge) in [
            (
                "thanos_compact_todo_compactions",
                "Number of compactions to be done.",
                &self.todo_compactions,
            ),
            (
                "thanos_compact_todo_compaction_blocks",
                "Number of blocks planned to be compacted.",
                &self.todo_blocks,
            ),
            (
                "thanos_compact_todo_downsample_blocks",
                "Number of blocks to be downsampled.",
                &self.todo_downsamplings,
            ),
            (
                "thanos_compact_todo_deletion_blocks",
                "Number of blocks that have crossed their retention period.",
                &self.todo_deletions,
            ),
            (
                "narthex_compact_leases_held",
                "Leases of this worker.",
                &self.leases_held,
            ),
            (
                "narthex_compact_blocks_quarantined",
                "Blocks in the bucket that are marked to be left alone.",
                &self.quarantined,
            ),
            (
                "narthex_compact_blocks_damaged",
                "Blocks in the bucket that are not whole, or whose meta.json cannot be read.",
                &self.damaged,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "narthex_compact_last_successful_pass_timestamp_seconds",
            "When all that was due was last done.",
            self.last_pass.clone(),
        );
    }
}

fn inc(family: &ByResolution, resolution: &'static str) {
    family.get_or_create(&[("resolution", resolution)]).inc();
}

fn deletion_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Replaced => "replaced",
        Reason::Retention => "retention",
    }
}
