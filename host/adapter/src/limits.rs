//! The bounds of the metrics APIs.

use std::time::Duration;

/// Rules of one kind that a configuration may have.
pub const RULES_MAX: usize = 500;

/// Bytes of one template of a query.
pub const TEMPLATE_BYTES_MAX: usize = 16 * 1024;

/// Metrics that the rules of one API may find; those beyond are left out, and the log says so.
pub const METRICS_MAX: usize = 10_000;

/// Series that are looked at for one rule.
pub const SERIES_MAX: usize = 100_000;

/// How long what the rules found counts, before the store is asked again.
pub const CATALOGUE_AGE: Duration = Duration::from_secs(30);

/// How far back a series may have its last sample and still be found.
pub const SERIES_AGE: Duration = Duration::from_secs(600);

/// So many objects are named in a query; of more, all are queried and the others left out after it.
pub const NAMES_IN_QUERY_MAX: usize = 200;
