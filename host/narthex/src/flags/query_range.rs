//! Flags of how range queries are answered: Thanos' query frontend's names, where it has such a flag.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use narthex_frontend::FrontendOptions;
use narthex_model::{ByteSize, Clock, PromDuration};

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct QueryRangeFlags {
    /// Range queries are evaluated in parts that end at the multiples of this interval: where it is
    /// a day, at midnights of UTC. 0 evaluates them as they are.
    // Ids of their own: flags of other parts may have a field of the same name.
    #[arg(
        id = "query-range.split-interval",
        long = "query-range.split-interval",
        value_name = "DURATION",
        default_value = "1d"
    )]
    split_interval: PromDuration,

    /// So many parts of one range query are evaluated at once.
    #[arg(
        id = "query-range.max-query-parallelism",
        long = "query-range.max-query-parallelism",
        value_name = "COUNT",
        default_value = "4"
    )]
    parallelism_max: usize,

    /// Memory for the answers of parts that do not change any more; 0 keeps none.
    #[arg(
        id = "query-range.cache-size",
        long = "query-range.cache-size",
        value_name = "SIZE",
        default_value = "64MB"
    )]
    cache_size: ByteSize,

    /// What looks at samples that are younger than this is not kept.
    #[arg(
        id = "query-range.response-cache-max-freshness",
        long = "query-range.response-cache-max-freshness",
        value_name = "DURATION",
        default_value = "10m"
    )]
    max_freshness: PromDuration,

    /// What was kept for longer than this is evaluated again: of what others store, a change is not
    /// noticed.
    #[arg(
        id = "query-range.cache-max-age",
        long = "query-range.cache-max-age",
        value_name = "DURATION",
        default_value = "10m"
    )]
    max_age: PromDuration,

    /// File with an object store in which queriers share what they keep, in the format of
    /// --storage.object-store.config. For query serve.
    #[arg(
        id = "query-range.response-cache-config-file",
        long = "query-range.response-cache-config-file",
        value_name = "FILE"
    )]
    pub(crate) shared_cache_config: Option<PathBuf>,
}

impl QueryRangeFlags {
    /// What they say.
    pub(crate) fn options(&self, clock: Arc<dyn Clock>) -> FrontendOptions {
        FrontendOptions {
            split_interval: self.split_interval,
            parallelism_max: self.parallelism_max,
            cache_bytes: usize::try_from(self.cache_size.as_bytes()).unwrap_or(usize::MAX),
            keeps_at_once: false,
            max_freshness: self.max_freshness,
            max_age: self.max_age,
            clock,
        }
    }
}
