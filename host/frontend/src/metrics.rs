//! What the frontend says of itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Queries that were divided, and those that were left whole.
    pub(crate) divided: Counter,
    pub(crate) whole: Counter,
    pub(crate) parts: Counter,
    /// Parts by how much of them was kept.
    pub(crate) hits: Counter,
    pub(crate) partial_hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) stale: Counter,
    /// Evaluations that somebody else had begun.
    pub(crate) shared: Counter,
    pub(crate) refused: Counter,
    pub(crate) evicted: Counter,
    pub(crate) bytes: Gauge,
    pub(crate) entries: Gauge,
    /// Of the cache that is shared with others.
    pub(crate) shared_hits: Counter,
    pub(crate) shared_misses: Counter,
    pub(crate) shared_failures: Counter,
    pub(crate) shared_written: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let counters = [
            (
                "queries_split",
                "Range queries that were evaluated in parts",
                &metrics.divided,
            ),
            (
                "queries_whole",
                "Range queries that were evaluated as a whole, because parts would not give the same",
                &metrics.whole,
            ),
            (
                "parts",
                "Parts into which range queries were split",
                &metrics.parts,
            ),
            (
                "cache_hits",
                "Parts that were answered from what was kept",
                &metrics.hits,
            ),
            (
                "cache_partial_hits",
                "Parts that were answered from what was kept, and evaluated for the rest",
                &metrics.partial_hits,
            ),
            (
                "cache_misses",
                "Parts of which nothing was kept that could have been",
                &metrics.misses,
            ),
            (
                "cache_stale",
                "Answers that were kept and dropped, because samples had changed or they were too old",
                &metrics.stale,
            ),
            (
                "shared_evaluations",
                "Evaluations that did not take place, because the same one was under way",
                &metrics.shared,
            ),
            (
                "cache_refused",
                "Answers that were not kept, because they were too large or too many came at once",
                &metrics.refused,
            ),
            (
                "cache_evictions",
                "Parts of which the answers were dropped to make room",
                &metrics.evicted,
            ),
            (
                "shared_cache_hits",
                "Parts that were found in the shared cache",
                &metrics.shared_hits,
            ),
            (
                "shared_cache_misses",
                "Parts that were not found in the shared cache",
                &metrics.shared_misses,
            ),
            (
                "shared_cache_failures",
                "Requests to the shared cache that failed, took too long, or gave what cannot be used",
                &metrics.shared_failures,
            ),
            (
                "shared_cache_writes",
                "Parts that were written to the shared cache",
                &metrics.shared_written,
            ),
        ];
        for (name, help, counter) in counters {
            let name = format!("narthex_query_frontend_{name}");
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "narthex_query_frontend_cache_bytes",
            "What the answers take that are kept in memory",
            metrics.bytes.clone(),
        );
        registry.register(
            "narthex_query_frontend_cache_entries",
            "Parts of queries of which answers are kept in memory",
            metrics.entries.clone(),
        );
        metrics
    }
}
