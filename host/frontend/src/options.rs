//! What an operator says of how range queries are answered.

use std::sync::Arc;

use narthex_model::{Clock, PromDuration, SystemClock};

/// How range queries are answered.
#[derive(Debug, Clone)]
pub struct FrontendOptions {
    /// Queries are divided at the multiples of this interval, counted from the epoch; 0 divides none
    /// (`--query-range.split-interval`).
    pub split_interval: PromDuration,
    /// So many parts of one query are evaluated at once (`--query-range.max-query-parallelism`).
    pub parallelism_max: usize,
    /// So many bytes of answers are kept in memory; 0 keeps none (`--query-range.cache-size`).
    pub cache_bytes: usize,
    /// Answers are kept when they are asked for the first time, and not the second: encoding one
    /// costs as much as a cheap query.
    pub keeps_at_once: bool,
    /// What looks at samples that are younger is not kept
    /// (`--query-range.response-cache-max-freshness`).
    pub max_freshness: PromDuration,
    /// What is older is evaluated again (`--query-range.cache-max-age`): a store that asks others is
    /// not told when they change what is old.
    pub max_age: PromDuration,
    /// When now is.
    pub clock: Arc<dyn Clock>,
}

impl Default for FrontendOptions {
    fn default() -> Self {
        Self {
            split_interval: PromDuration::from_secs(86_400),
            parallelism_max: 4,
            cache_bytes: 64 << 20,
            keeps_at_once: false,
            max_freshness: PromDuration::from_secs(600),
            max_age: PromDuration::from_secs(600),
            clock: Arc::new(SystemClock),
        }
    }
}

impl FrontendOptions {
    /// Whether there is anything to do.
    pub(crate) fn is_on(&self) -> bool {
        !self.split_interval.is_zero() || self.cache_bytes > 0
    }
}
