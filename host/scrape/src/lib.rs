//! Scraping: which targets a job has, when each is read, and what becomes of what it says.
//!
//! It is not: a store (samples leave as one `WriteBatch` a scrape), a reader of configuration
//! files, or a server. A target is read through the [`Collector`] seam: by [`HttpCollector`], or
//! by a plugin.
//!
//! Which targets there are comes from the configuration and from [`narthex_discovery::Discoverer`]s,
//! which the caller makes for it as it makes the collectors.
//!
//! The way of a scrape: `scheduler` ticks, the collector brings a [`Scraped`], `pipeline` makes a
//! batch of it without touching anything but the target's series cache, and the store appends.

mod collector;
pub mod config;
mod failure_log;
mod groups;
mod http_collector;
mod job_samples;
mod manager;
mod metrics;
mod options;
mod pipeline;
mod schedule;
mod scheduler;
mod target;
mod url;

pub use collector::{BuildCollector, Collector, CollectorError, ScrapeError, Scraped};
pub use groups::{DiscoveredTarget, discovered_targets};
pub use http_collector::HttpCollector;
pub use manager::{
    PREVIEW_PAGE_BYTES_MAX, PREVIEWS_MAX, PreviewError, ReloadError, ScrapeManager, ScrapePool,
    ScrapePreview, UPDATE_INTERVAL,
};
pub use options::ScrapeOptions;
pub use target::{Health, MetricMetadata, Target, TargetStatus};
