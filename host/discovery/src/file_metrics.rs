//! What reading the files of `file_sd_configs` says of itself, under Prometheus' names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::refreshes::seconds;

/// The metrics of all entries.
#[derive(Debug, Clone)]
pub(crate) struct FileMetrics {
    read_errors: Counter,
    scan_duration: Histogram,
    times: FileTimes,
}

/// When the files were changed that each entry has read, in seconds since the epoch.
#[derive(Debug, Clone, Default)]
struct FileTimes(Arc<Mutex<AllTimes>>);

#[derive(Debug, Default)]
struct AllTimes {
    next: u64,
    entries: BTreeMap<u64, BTreeMap<String, f64>>,
}

/// The metrics of one entry. What it says of its files goes with it.
#[derive(Debug)]
pub(crate) struct EntryMetrics {
    pub(crate) read_errors: Counter,
    pub(crate) scan_duration: Histogram,
    entry: u64,
    times: FileTimes,
}

impl FileMetrics {
    pub(crate) fn new() -> Self {
        Self {
            read_errors: Counter::default(),
            scan_duration: seconds(),
            times: FileTimes::default(),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "prometheus_sd_file_read_errors",
            "The number of File-SD read errors",
            self.read_errors.clone(),
        );
        registry.register(
            "prometheus_sd_file_scan_duration_seconds",
            "The duration of the File-SD scan in seconds",
            self.scan_duration.clone(),
        );
        registry.register_collector(Box::new(self.times.clone()));
    }

    pub(crate) fn of_entry(&self) -> EntryMetrics {
        let mut times = self.times.held();
        let entry = times.next;
        times.next += 1;
        EntryMetrics {
            read_errors: self.read_errors.clone(),
            scan_duration: self.scan_duration.clone(),
            entry,
            times: self.times.clone(),
        }
    }
}

impl EntryMetrics {
    /// A file was read; it was changed then.
    pub(crate) fn set_time(&self, file: String, changed_s: f64) {
        let mut times = self.times.held();
        let files = times.entries.entry(self.entry).or_default();
        files.insert(file, changed_s);
    }

    /// The entry has these files alone.
    pub(crate) fn keep(&self, files: &BTreeSet<String>) {
        let mut times = self.times.held();
        if let Some(known) = times.entries.get_mut(&self.entry) {
            known.retain(|file, _| files.contains(file));
        }
    }
}

impl Drop for EntryMetrics {
    fn drop(&mut self) {
        self.times.held().entries.remove(&self.entry);
    }
}

impl FileTimes {
    fn held(&self) -> MutexGuard<'_, AllTimes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for FileTimes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let times = self.held();
        // A file of several entries is there once.
        let files: BTreeMap<&str, f64> = times
            .entries
            .values()
            .flatten()
            .map(|(file, changed_s)| (file.as_str(), *changed_s))
            .collect();
        if files.is_empty() {
            return Ok(());
        }
        let mut metric = encoder.encode_descriptor(
            "prometheus_sd_file_mtime_seconds",
            "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
            None,
            MetricType::Gauge,
        )?;
        for (file, changed_s) in files {
            let labels = [("filename", file)];
            ConstGauge::new(changed_s).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
