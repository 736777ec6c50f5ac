//! Flags of `narthex store`: Thanos Store's names, where it has such a flag.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use narthex_bucket::TimeBound;
use narthex_model::{ByteSize, PromDuration};

use crate::bucket_source::BucketFlags;

/// What it is called on the command line.
const NAME: &str = "store";

/// Where it answers unless something else is said, as Thanos' store does: so that it can run beside
/// a server.
pub(super) const HTTP_ADDRESS: &str = "0.0.0.0:10902";
pub(super) const GRPC_ADDRESS: &str = "0.0.0.0:10901";

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Flags of store")]
pub(crate) struct BucketStoreFlags {
    /// Whether this is `store`.
    #[arg(skip)]
    pub(crate) is_on: bool,

    /// The bucket; --storage.object-store.config is taken as well.
    #[command(flatten)]
    pub(crate) bucket: BucketFlags,

    /// Folder for what was read of the bucket. It can be empty at each start.
    #[arg(long = "data-dir", value_name = "DIR", default_value = "./data")]
    pub(crate) store_data_dir: PathBuf,

    /// How often the bucket is looked at for blocks that are new or gone. Without it,
    /// sync_interval of the object store's configuration, and that is 3m where it says nothing.
    #[arg(long = "sync-block-duration", value_name = "DURATION")]
    pub(crate) sync_block_duration: Option<PromDuration>,

    /// A block answers when it has been in the bucket for so long.
    #[arg(
        long = "consistency-delay",
        value_name = "DURATION",
        default_value = "0s"
    )]
    pub(crate) consistency_delay: PromDuration,

    /// A block that is marked for deletion answers for so long. Below the time after which it is
    /// deleted.
    #[arg(
        long = "ignore-deletion-marks-delay",
        value_name = "DURATION",
        default_value = "24h"
    )]
    pub(crate) ignore_deletion_marks_delay: PromDuration,

    /// Older samples are not answered for: a time as in RFC 3339, or one relative to now as -2w.
    /// A server leaves them to a store that queriers ask as well: it neither tells them of such
    /// samples nor answers for them by gRPC.
    #[arg(
        long = "min-time",
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = time_bound
    )]
    pub(crate) store_min_time: Option<TimeBound>,

    /// Newer samples are not answered for: a time as in RFC 3339, or one relative to now as -2h.
    #[arg(
        long = "max-time",
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = time_bound
    )]
    pub(crate) store_max_time: Option<TimeBound>,

    /// File with relabelling rules that see the external labels of a block and __block_id: what they
    /// drop is left to others.
    #[arg(long = "selector.relabel-config-file", value_name = "FILE")]
    pub(crate) selector_relabel_config_file: Option<PathBuf>,

    /// What such a file would say.
    #[arg(
        long = "selector.relabel-config",
        value_name = "CONTENT",
        conflicts_with = "selector_relabel_config_file"
    )]
    pub(crate) selector_relabel_config: Option<String>,

    /// How much of what was read of blocks is kept in memory for the queries to come.
    #[arg(
        long = "index-cache-size",
        alias = "store.index-cache-size",
        value_name = "SIZE",
        default_value = "250MB"
    )]
    pub(crate) index_cache_size: ByteSize,
}

/// A time as in RFC 3339, or one relative to now.
fn time_bound(text: &str) -> Result<TimeBound, String> {
    let (sign, duration) = match text.strip_prefix('-') {
        Some(duration) => (-1, duration),
        None => (1, text),
    };
    if let Ok(duration) = duration.parse::<PromDuration>() {
        return Ok(TimeBound::FromNow(sign * duration.as_millis_i64()));
    }
    let time: Result<Timestamp, _> = text.parse();
    time.map(|time| TimeBound::At(time.as_millisecond()))
        .map_err(|_| format!("{text:?} is neither a time as in RFC 3339 nor one relative to now"))
}

/// Arguments without `store`, and whether it was there. What is left is a server's: that is what a
/// store is.
pub(super) fn without_its_name(mut args: Vec<String>) -> (Vec<String>, bool) {
    let is_store = args.get(1).is_some_and(|first| first == NAME);
    if is_store {
        args.remove(1);
    }
    (args, is_store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_points_or_relative() {
        let hour_ms = 3_600_000;
        for (text, expected) in [
            ("-2h", TimeBound::FromNow(-2 * hour_ms)),
            ("-2w", TimeBound::FromNow(-14 * 24 * hour_ms)),
            ("1h", TimeBound::FromNow(hour_ms)),
            ("0s", TimeBound::FromNow(0)),
            ("1970-01-01T01:00:00Z", TimeBound::At(hour_ms)),
            ("1970-01-01T01:00:00+01:00", TimeBound::At(0)),
        ] {
            assert_eq!(time_bound(text), Ok(expected), "{text}");
        }
        for text in ["", "-", "yesterday", "2h-", "2023-13-01T00:00:00Z"] {
            let error = time_bound(text).unwrap_err();
            assert!(error.contains("RFC 3339"), "{text}: {error}");
        }
    }
}
