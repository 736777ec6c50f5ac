//! Flags that mean nothing here.
//!
//! It is not: what becomes of them, which is said where the command line is read.

/// Flags of Prometheus that are accepted so that existing command lines go on to work, and that
/// have no effect yet; each use is logged. With each, whether it takes a value.
pub(super) const WITHOUT_EFFECT: &[(&str, bool)] = &[
    ("auto-gomaxprocs", false),
    ("auto-gomemlimit", false),
    ("auto-gomemlimit.ratio", true),
    ("auto-gomemlimit.refresh-interval", true),
    ("scrape.adjust-timestamps", false),
    ("scrape.discovery-reload-interval", true),
    ("scrape.timestamp-tolerance", true),
    ("storage.agent.no-lockfile", false),
    ("storage.agent.wal-compression", false),
    ("storage.agent.wal-compression-type", true),
    ("storage.agent.wal-segment-size", true),
    ("storage.agent.wal-truncate-frequency", true),
    ("storage.tsdb.allow-overlapping-compaction", false),
    ("storage.tsdb.delay-compact-file.path", true),
    ("storage.tsdb.head-chunks-write-queue-size", true),
    ("storage.tsdb.max-block-chunk-segment-size", true),
    ("storage.tsdb.no-lockfile", false),
    ("storage.tsdb.samples-per-chunk", true),
    ("storage.tsdb.wal-compression", false),
    ("storage.tsdb.wal-compression-type", true),
    ("storage.tsdb.wal-segment-size", true),
    ("web.page-title", true),
    ("web.search.max-limit", true),
    ("web.user-assets", true),
];
