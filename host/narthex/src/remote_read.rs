//! What queries read: the store, and the stores that `remote_read` names for what is older.

use std::sync::Arc;

use narthex_model::Clock;
use narthex_remote::{Fanout, LocalStart, RemoteReadOptions};
use narthex_storage::Queryable;
use prometheus_client::registry::Registry;

use crate::flags::Flags;
use crate::store::Store;

/// So many times the shortest block the store is given to fill after its oldest sample, before it
/// is trusted to have all, as in Prometheus.
const BLOCKS_TO_FILL: i64 = 2;

/// A fanout that asks what is here alone, until it follows a config.
pub(crate) fn fanout(
    local: Arc<dyn Queryable>,
    start_ms: LocalStart,
    flags: &Flags,
    registry: &mut Registry,
) -> Arc<Fanout> {
    let options = RemoteReadOptions {
        samples_max: flags.samples_max,
        bytes_max: usize::try_from(flags.query_bytes_max.as_bytes()).unwrap_or(usize::MAX),
    };
    Arc::new(Fanout::new(local, start_ms, options, registry))
}

/// From when on what is here has all. Of a fleet that is never known.
pub(crate) fn local_start(store: &Store, flags: &Flags, clock: Arc<dyn Clock>) -> LocalStart {
    if flags.querier.is_on {
        return Arc::new(|| i64::MAX);
    }
    let margin_ms = flags
        .min_block_duration
        .as_millis_i64()
        .saturating_mul(BLOCKS_TO_FILL);
    let admin = store.admin();
    // Where there is no block, memory may have less than what was there before the process.
    Arc::new(move || {
        let blocks = admin.blocks();
        let oldest = blocks.first().map(|block| block.min_time_ms);
        let oldest = oldest.unwrap_or_else(|| clock.now_ms());
        oldest.saturating_add(margin_ms)
    })
}
