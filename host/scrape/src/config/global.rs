//! The `global` section.

use std::collections::BTreeMap;

use narthex_model::{ByteSize, PromDuration};
use serde::{Deserialize, Serialize};

use super::{EscapingScheme, ScrapeProtocol, ValidationScheme, is_false, is_zero};

/// Prometheus' default for `scrape_interval` and `evaluation_interval`.
const INTERVAL_DEFAULT: PromDuration = PromDuration::from_secs(60);

/// Prometheus' default for `scrape_timeout`.
pub(super) const TIMEOUT_DEFAULT: PromDuration = PromDuration::from_secs(10);

/// What holds for every job that does not say otherwise. The fields that concern rules and logs
/// are here because they stand in the same section; scraping does not look at them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalConfig {
    /// How often a target is scraped.
    pub scrape_interval: PromDuration,
    /// How long a scrape may take; zero until [`super::resolve`] filled it in.
    pub scrape_timeout: PromDuration,
    /// The formats to ask for, the preferred one first. Where nobody says, it depends on whether a
    /// job wants native histograms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// How often rules are evaluated.
    pub evaluation_interval: PromDuration,
    /// How far back in time rules are evaluated.
    #[serde(skip_serializing_if = "is_no_time")]
    pub rule_query_offset: PromDuration,
    /// A file for a log of queries.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query_log_file: String,
    /// A file for a log of failed scrapes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scrape_failure_log_file: String,
    /// Labels for what leaves this server.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub external_labels: BTreeMap<String, String>,
    /// A body of this size or larger fails the scrape; 0 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_size_limit: Option<ByteSize>,
    /// More samples than this after relabelling fail the scrape; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub sample_limit: u64,
    /// More targets than this in a job fail all of its targets; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub target_limit: u64,
    /// More labels than this on a sample fail the scrape; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_limit: u64,
    /// A longer label name fails the scrape; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_name_length_limit: u64,
    /// A longer label value fails the scrape; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_value_length_limit: u64,
    /// So many dropped targets of a job are kept to be shown; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub keep_dropped_targets: u64,
    /// Which names are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_validation_scheme: Option<ValidationScheme>,
    /// How targets are asked to write other names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    /// Whether native histograms are taken as such; else they are classic ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_native_histograms: Option<bool>,
    /// Whether classic histograms become native ones with the same buckets.
    #[serde(skip_serializing_if = "is_false")]
    pub convert_classic_histograms_to_nhcb: bool,
    /// Whether a histogram that is taken as a native one is taken as a classic one too.
    #[serde(skip_serializing_if = "is_false")]
    pub always_scrape_classic_histograms: bool,
    /// Whether the three extra report series are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_scrape_metrics: Option<bool>,
}

fn is_no_time(duration: &PromDuration) -> bool {
    duration.is_zero()
}

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            scrape_interval: INTERVAL_DEFAULT,
            scrape_timeout: PromDuration::default(),
            scrape_protocols: None,
            evaluation_interval: INTERVAL_DEFAULT,
            rule_query_offset: PromDuration::default(),
            query_log_file: String::new(),
            scrape_failure_log_file: String::new(),
            external_labels: BTreeMap::new(),
            body_size_limit: None,
            sample_limit: 0,
            target_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            keep_dropped_targets: 0,
            metric_name_validation_scheme: None,
            metric_name_escaping_scheme: None,
            scrape_native_histograms: None,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: None,
        }
    }
}

impl GlobalConfig {
    /// Fills in what depends on another field. A zero interval counts as none given.
    pub(super) fn fill(&mut self) {
        if self.scrape_interval.is_zero() {
            self.scrape_interval = INTERVAL_DEFAULT;
        }
        if self.evaluation_interval.is_zero() {
            self.evaluation_interval = INTERVAL_DEFAULT;
        }
        if self.scrape_timeout.is_zero() {
            self.scrape_timeout = TIMEOUT_DEFAULT.min(self.scrape_interval);
        }
    }
}
