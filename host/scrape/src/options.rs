//! What a feature flag says of all scrapes.

/// What holds for every job. The default is what holds without a feature flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrapeOptions {
    /// Every series says in `__type__` and `__unit__` what its target says of it
    /// (`type-and-unit-labels`).
    pub type_and_unit_labels: bool,
    /// Where a target says when the counting of a series began, the series begins with a zero at
    /// that time (`created-timestamp-zero-ingestion`).
    pub start_zeros: bool,
    /// Start timestamps are stored beside their samples (`st-storage`).
    pub start_timestamps: bool,
    /// The extra report series are written where the configuration says nothing
    /// (`extra-scrape-metrics`).
    pub extra_scrape_metrics: bool,
}

impl ScrapeOptions {
    /// Whether anybody wants to know when counting began.
    pub(crate) fn reads_starts(self) -> bool {
        self.start_zeros || self.start_timestamps
    }
}
